"""The public API from outside: what people can do, and what they are told when they cannot."""

import concurrent.futures
import re
import time

import pytest
from people import Api, Person

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def until(condition, deadline_s: float = 10):
    """The first true value of `condition`, asked again and again."""
    end = time.monotonic() + deadline_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, "it did not become true in time"


# --- Accounts ---------------------------------------------------------------------------------------------------------


def test_health_is_the_time(anybody):
    assert abs(anybody.ok("GET", "/api/_hcheck") - time.time() * 1000) < 60_000


def test_join_then_sign_in(server, anybody):
    person = Person(server.url, "해리", password="비밀번호")
    assert person.user["loginCount"] == 0
    assert "lastLoginAt" not in person.user and "profileImageUrl" not in person.user
    assert TIME.match(person.user["createAt"])
    who = {"principal": person.email.upper(), "credentials": "비밀번호"}
    signed_in = anybody.ok("POST", "/api/auth", json=who)
    assert signed_in["user"]["loginCount"] == 1
    assert TIME.match(signed_in["user"]["lastLoginAt"])
    assert Api(server.url, signed_in["apiToken"]).ok("GET", "/api/user/me") == signed_in["user"]
    assert person.ok("GET", "/api/user/me")["loginCount"] == 1


def test_join_as_a_form_with_a_picture_that_is_none(anybody):
    fields = {"name": "Form", "principal": "form@example.com", "credentials": "password"}
    answer = anybody.call("POST", "/api/user/join", data=fields, files={"file": ("a.png", b"\x00\r\n--\xff" * 1000)})
    assert answer.status_code == 200, answer.text
    assert "profileImageUrl" not in answer.json()["response"]["user"]
    assert anybody.ok("POST", "/api/user/exists", json={"address": "FORM@example.com"}) is True
    assert anybody.ok("POST", "/api/user/exists", json={"address": "nobody@example.com"}) is False


def test_an_email_belongs_to_one_person_even_when_many_join_at_once(server):
    def join(number):
        body = {"name": "Twin", "principal": ["twin@Example.com", "TWIN@example.com"][number % 2], "credentials": "word"}
        return Api(server.url).call("POST", "/api/user/join", json=body).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(join, range(8))) == [200] + [409] * 7


def test_every_violated_field_is_named(anybody):
    error = anybody.refused(400, "POST", "/api/user/join",
                            json={"name": "eleven char", "principal": "nobody", "credentials": 5})
    assert error["code"] == "invalid_input"
    assert sorted(each["field"] for each in error["fields"]) == ["credentials", "name", "principal"]
    assert all(each["reason"] for each in error["fields"])


def test_a_wrong_email_and_a_wrong_password_are_told_alike(harry, anybody):
    wrong = [anybody.refused(401, "POST", "/api/auth", json=body)
             for body in ({"principal": harry.email, "credentials": "wrong"},
                          {"principal": "nobody@example.com", "credentials": "password"})]
    assert wrong[0] == wrong[1]
    assert wrong[0]["message"] == "Authentication error (cause: Bad credential)"


@pytest.mark.parametrize("header", ["api_key", "Authorization", "API_KEY"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_comes_in_either_header(server, harry, header, scheme):
    headers = {header: f"{scheme} {harry.token}"}
    assert Api(server.url).ok("GET", "/api/user/me", headers=headers)["seq"] == harry.id


def test_without_a_good_token_nobody_gets_in(server, harry):
    for headers in ({}, {"api_key": harry.token}, {"api_key": f"Bearer {harry.token}x"}, {"Authorization": "Basic eDp5"}):
        error = Api(server.url).refused(401, "GET", "/api/user/me", headers=headers)
        assert error["message"] == "Authentication error (cause: unauthorized)"


def test_a_restarted_server_knows_its_people(start_server):
    first = start_server("--push.mode", "console")
    person = Person(first.url)
    post = person.post()
    assert first.stop() == 0
    first.start()
    again = Api(first.url, person.token)
    assert again.ok("GET", "/api/user/me") == person.user
    assert again.ok("GET", f"/api/user/{person.id}/post/{post['seq']}") == post


# --- Connections ------------------------------------------------------------------------------------------------------


def test_a_connection_is_asked_and_granted(harry, sally):
    for _ in range(2):
        asked = harry.ok("POST", f"/api/user/connections/{sally.id}")
        assert asked == {"userId": harry.id, "targetId": sally.id, "state": "requested"}
    for _ in range(2):
        granted = sally.ok("PATCH", f"/api/user/connections/grant/{harry.id}")
        assert granted == {"userId": harry.id, "targetId": sally.id, "state": "granted"}
    assert harry.ok("POST", f"/api/user/connections/{sally.id}")["state"] == "granted"


def test_connections_that_cannot_be(harry, sally):
    assert harry.refused(400, "POST", f"/api/user/connections/{harry.id}")["fields"][0]["field"] == "targetId"
    for nobody in ("0", "abc", "9007199254740991", "-1"):
        assert harry.refused(404, "POST", f"/api/user/connections/{nobody}")["code"] == "user_not_found"
        assert harry.refused(404, "PATCH", f"/api/user/connections/grant/{nobody}")["code"] == "connection_not_found"
    harry.refused(404, "PATCH", f"/api/user/connections/grant/{sally.id}")
    harry.refused(400, "PATCH", f"/api/user/connections/grant/{harry.id}")


# --- Posts and comments -----------------------------------------------------------------------------------------------


def test_only_who_is_connected_may_read(harry, sally):
    post = sally.post("something to read")
    path = f"/api/user/{sally.id}/post/{post['seq']}"
    calls = [("GET", path, None), ("GET", f"/api/user/{sally.id}/post/list", None), ("PATCH", path + "/like", None),
             ("POST", path + "/comment", {"contents": "well said"}), ("GET", path + "/comment/list", None)]
    for method, where, body in calls:
        assert harry.refused(403, method, where, json=body)["message"] == "Authentication error (cause: forbidden)"
    harry.ok("POST", f"/api/user/connections/{sally.id}")
    harry.refused(403, "GET", path)
    sally.ok("PATCH", f"/api/user/connections/grant/{harry.id}")
    for method, where, body in calls:
        harry.ok(method, where, json=body)
    own = harry.post()
    sally.refused(403, "GET", f"/api/user/{harry.id}/post/{own['seq']}")


def test_likes_comments_and_views_are_counted(harry, sally):
    harry.may_read(sally)
    post = sally.post("count me in")
    assert (post["likes"], post["comments"], post["views"], post["likesOfMe"]) == (0, 0, 0, False)
    path = f"/api/user/{sally.id}/post/{post['seq']}"
    for _ in range(2):
        liked = harry.ok("PATCH", path + "/like")
        assert (liked["likes"], liked["likesOfMe"]) == (1, True)
    comment = harry.ok("POST", path + "/comment", json={"contents": "well said"})
    assert comment["writer"] == {"seq": harry.id, "name": "Harry", "email": {"address": harry.email}}
    assert sally.ok("GET", path)["likesOfMe"] is False
    harry.ok("GET", path)
    seen = until(lambda: (p := sally.ok("GET", path))["views"] == 1 and p)
    assert (seen["likes"], seen["comments"]) == (1, 1)
    assert sally.ok("GET", path + "/comment/list") == [comment]


def test_many_likes_at_once_count_each_person_once(server, sally):
    people = [Person(server.url) for _ in range(8)]
    for person in people:
        person.may_read(sally)
    path = f"/api/user/{sally.id}/post/{sally.post()['seq']}/like"
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda person: person.ok("PATCH", path), people * 4))
    assert sally.ok("GET", path.removesuffix("/like"))["likes"] == 8


def test_what_is_not_there(harry, sally):
    mine = harry.post()["seq"]
    others = sally.post()["seq"]
    for post in (others, 0, "abc", 9007199254740991, mine + 64 * 1000):
        base = f"/api/user/{harry.id}/post/{post}"
        assert harry.refused(404, "GET", base)["code"] == "post_not_found"
        harry.refused(404, "PATCH", base + "/like")
        harry.refused(404, "GET", base + "/comment/list")
        harry.refused(404, "POST", base + "/comment", json={"contents": "well said"})
    for owner in (0, "abc", 9007199254740991):
        harry.refused(403, "GET", f"/api/user/{owner}/post/{mine}")
        harry.refused(403, "GET", f"/api/user/{owner}/post/list")


@pytest.mark.parametrize("contents, fits", [("가" * 3, False), ("가" * 4, True), ("😀" * 500, True), ("😀" * 501, False)])
def test_contents_are_counted_in_characters(harry, contents, fits):
    answer = harry.call("POST", "/api/post", json={"contents": contents})
    assert answer.status_code == (200 if fits else 400)
    if fits:
        assert answer.json()["response"]["contents"] == contents
    path = f"/api/user/{harry.id}/post/{harry.post()['seq']}/comment"
    assert harry.call("POST", path, json={"contents": contents}).status_code == (200 if fits else 400)


def pages(person: Person, path: str) -> list[list[dict]]:
    """Every page, following `Link` to the end."""
    found = []
    url = person.url + path
    while url:
        answer = person.session.get(url, timeout=30)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["response"])
        url = answer.links.get("next", {}).get("url")
        assert len(found) < 100
    return found


def test_posts_are_paged_newest_first(harry):
    path = f"/api/user/{harry.id}/post/list"
    assert harry.ok("GET", path) == []
    ids = [harry.post(f"post number {i}")["seq"] for i in range(12)][::-1]
    assert [p["seq"] for p in harry.ok("GET", path)] == ids[:5]
    assert [p["seq"] for p in harry.ok("GET", path + "?offset=5&limit=4")] == ids[5:9]
    assert [p["seq"] for p in harry.ok("GET", path + "?offset=11")] == ids[11:]
    assert harry.ok("GET", path + "?offset=10000&limit=100") == []
    for query, sizes in (("?limit=5", [5, 5, 2]), ("?limit=4", [4, 4, 4]), ("", [5, 5, 2]), ("?limit=100", [12])):
        all_pages = pages(harry, path + query)
        assert [len(page) for page in all_pages] == sizes
        assert [p["seq"] for page in all_pages for p in page] == ids


def test_comments_come_all_or_in_pages(harry):
    path = f"/api/user/{harry.id}/post/{harry.post()['seq']}/comment"
    ids = [harry.ok("POST", path, json={"contents": f"comment {i}"})["seq"] for i in range(7)][::-1]
    assert [c["seq"] for c in harry.ok("GET", path + "/list")] == ids
    assert [len(page) for page in pages(harry, path + "/list?limit=3")] == [3, 3, 1]
    assert [c["seq"] for c in harry.ok("GET", path + "/list?limit=3&offset=2")] == ids[2:5]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "offset=-1", "offset=10001",
                                   "offset=x", "cursor=x", "cursor="])
def test_a_page_beyond_its_limits_is_refused(harry, query):
    error = harry.refused(400, "GET", f"/api/user/{harry.id}/post/list?{query}")
    assert [each["field"] for each in error["fields"]] == [query.split("=")[0]]


# --- Form of requests -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b'{"contents":"a","contents":"b"}',
                                  b'{"contents":"\xff\xfe\xfd\xfc"}', b'{"contents":"a\\u0000bcd"}',
                                  b'{"contents":"abcd"} x', b"[" * 50_000, b'{"contents":"\\ud800abc"}'])
def test_json_that_is_none_is_refused(harry, body):
    headers = {"Content-Type": "application/json"}
    assert harry.refused(400, "POST", "/api/post", data=body, headers=headers)["code"] == "malformed_json"


def test_refusals_come_in_order(server, harry):
    big = b"x" * (64 * 1024 + 1)
    wrong = {"Content-Type": "text/plain"}
    right = {"Content-Type": "application/json"}
    nobody = Api(server.url)
    nobody.refused(404, "POST", "/api/nowhere", data=big, headers=wrong)
    nobody.refused(405, "PUT", "/api/post", data=b"x", headers=wrong)
    nobody.refused(401, "POST", "/api/post", data=b"x", headers=wrong)
    harry.refused(413, "POST", "/api/post", data=big, headers=wrong)
    harry.refused(415, "POST", "/api/post", data=b"x", headers=wrong)
    path = "/api/user/1/post/1/comment"
    harry.refused(400, "POST", path, data=b"{}", headers=right)
    harry.refused(403, "POST", path, json={"contents": "well said"})


def test_every_answer_carries_its_headers(anybody):
    for path in ("/api/_hcheck", "/api/nowhere"):
        answer = anybody.call("GET", path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-Id"]
        assert answer.headers["Content-Type"].startswith("application/json")
        assert "X-RateLimit-Limit" not in answer.headers
    assert anybody.call("GET", "/api/_hcheck", headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"] == "mine-1"


# --- Limits -----------------------------------------------------------------------------------------------------------


def test_rates_are_told_and_kept(start_server):
    server = start_server("--limits.rates", "on", "--limits.rate-address", "3", "--push.mode", "console", cheap=False)
    api = Api(server.url)
    answers = [api.call("GET", "/api/_hcheck") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["X-RateLimit-Remaining"] for each in answers[:3]] == ["2", "1", "0"]
    assert answers[0].headers["X-RateLimit-Limit"] == "3"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
    assert answers[3].json()["error"]["code"] == "rate_limited"


def test_failed_logins_are_delayed(start_server):
    server = start_server("--limits.rates", "on", "--limits.sign-in-failures", "2", "--push.mode", "console", cheap=False)
    person = Person(server.url)
    right = {"principal": person.email, "credentials": person.password}
    for _ in range(2):
        person.refused(401, "POST", "/api/auth", json={**right, "credentials": "wrong"})
    delayed = person.call("POST", "/api/auth", json=right)
    assert delayed.status_code == 429
    assert int(delayed.headers["Retry-After"]) >= 1
    other = Person(server.url)
    other.ok("POST", "/api/auth", json={"principal": other.email, "credentials": other.password})
