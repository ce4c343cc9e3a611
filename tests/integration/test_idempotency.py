"""Idempotency-Key through HTTP: done once, answered again, also after a kill."""

import concurrent.futures
import signal

import pytest
from people import Api, Person

REPLAYED = "Idempotency-Replayed"
# RFC 8291, appendix A: a point on the curve.
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"


def keyed(who: Api, method: str, path: str, key: str = "k-1", **more):
    return who.call(method, path, headers={"Idempotency-Key": key}, **more)


def first_and_again(who: Api, method: str, path: str, key: str, **more) -> tuple[dict, dict]:
    first = keyed(who, method, path, key, **more)
    again = keyed(who, method, path, key, **more)
    assert first.status_code == again.status_code == 200, (first.text, again.text)
    assert REPLAYED not in first.headers and again.headers[REPLAYED] == "true"
    return first.json()["response"], again.json()["response"]


@pytest.fixture
def pair(server) -> tuple[Person, Person]:
    """Harry may read Sally."""
    harry, sally = Person(server.url, "Harry"), Person(server.url, "Sally")
    harry.may_read(sally)
    return harry, sally


def test_every_unsafe_call_is_answered_again(server, pair):
    harry, sally = pair
    post, again = first_and_again(sally, "POST", "/api/post", "post", json={"contents": "hello world"})
    assert post == again
    assert len(sally.ok("GET", f"/api/user/{sally.id}/post/list")) == 1
    path = f"/api/user/{sally.id}/post/{post['seq']}"
    liked, again = first_and_again(harry, "PATCH", path + "/like", "like")
    assert liked == again and liked["likes"] == 1
    comment, again = first_and_again(harry, "POST", path + "/comment", "comment", json={"contents": "well said"})
    assert comment == again
    assert sally.ok("GET", path)["comments"] == 1
    other = Person(server.url, "Other")
    asked, again = first_and_again(other, "POST", f"/api/user/connections/{sally.id}", "ask")
    granted, again_granted = first_and_again(sally, "PATCH", f"/api/user/connections/grant/{other.id}", "grant")
    assert asked == again and asked["state"] == "requested"  # as it was then
    assert granted == again_granted and granted["state"] == "granted"


def test_devices_are_answered_again(server):
    person = Person(server.url)
    body = {"notificationEndPoint": f"https://push.example.net/{person.id}", "publicKey": P256DH, "auth": "A" * 22}
    device, again = first_and_again(person, "POST", "/api/subscribe", "device", json=body)
    assert device == again
    gone, again = first_and_again(person, "DELETE", f"/api/subscriptions/{device['seq']}", "gone")
    assert gone is True and again is True
    person.refused(404, "DELETE", f"/api/subscriptions/{device['seq']}")


def test_another_call_under_the_key_is_a_conflict(pair):
    harry, sally = pair
    post = keyed(sally, "POST", "/api/post", json={"contents": "hello world"}).json()["response"]
    like = f"/api/user/{sally.id}/post/{post['seq']}/like"
    for answer in (keyed(sally, "POST", "/api/post", json={"contents": "something else"}), keyed(sally, "PATCH", like)):
        assert answer.status_code == 409 and answer.json()["error"]["code"] == "idempotency_key_reused"
    assert keyed(harry, "PATCH", like).status_code == 200  # somebody else's key is another one
    assert len(sally.ok("GET", f"/api/user/{sally.id}/post/list")) == 1


def test_the_same_key_at_once(server):
    sally = Person(server.url, "Sally")

    def write(_):
        return keyed(Api(server.url, sally.token), "POST", "/api/post", json={"contents": "hello world"})

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(write, range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["response"]["seq"] for answer in answers}) == 1
    assert sum(REPLAYED in answer.headers for answer in answers) == 31
    assert len(sally.ok("GET", f"/api/user/{sally.id}/post/list")) == 1


def test_joining_and_signing_in(server, anybody):
    who = {"principal": "again@example.com", "credentials": "password"}
    joined, again = first_and_again(anybody, "POST", "/api/user/join", "j", json={"name": "Ann", **who})
    assert joined["user"] == again["user"]
    assert Api(server.url, again["apiToken"]).ok("GET", "/api/user/me") == joined["user"]
    signed, again = first_and_again(anybody, "POST", "/api/auth", "s", json=who)
    assert signed["user"] == again["user"] and signed["user"]["loginCount"] == 1
    assert Api(server.url, again["apiToken"]).ok("GET", "/api/user/me")["loginCount"] == 1
    guess = {"name": "Ann", **who, "credentials": "another"}
    assert keyed(anybody, "POST", "/api/user/join", "j", json=guess).status_code == 401
    assert keyed(anybody, "POST", "/api/user/join", "j", json={**guess, "name": "Bob"}).status_code == 409
    assert keyed(anybody, "POST", "/api/user/join", "k", json=guess).json()["error"]["code"] == "email_taken"


@pytest.mark.parametrize("key", ["k" * 201, "two words", "한글".encode()])
def test_a_key_that_cannot_be_kept_is_named(server, anybody, key):
    person = Person(server.url)
    error = person.refused(400, "POST", "/api/post", json={"contents": "hello world"},
                           headers={"Idempotency-Key": key})
    assert [field["field"] for field in error["fields"]] == ["Idempotency-Key"]
    assert keyed(person, "POST", "/api/post", "k" * 200, json={"contents": "hello world"}).status_code == 200


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_killed_server_answers_again(start_server, durability):
    server = start_server("--push.off", "--durability", durability)
    sally = Person(server.url, "Sally")
    first = keyed(sally, "POST", "/api/post", json={"contents": "hello world"})
    assert first.status_code == 200
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.start()
    sally = Api(server.url, sally.token)
    again = keyed(sally, "POST", "/api/post", json={"contents": "hello world"})
    assert again.headers[REPLAYED] == "true" and again.json() == first.json()
    assert keyed(sally, "POST", "/api/post", json={"contents": "another one"}).status_code == 409
    assert len(sally.ok("GET", f"/api/user/{first.json()['response']['writer']['seq']}/post/list")) == 1
