"""What a device gets: each kind of event, encrypted over HTTPS, in the device's language; and who gets nothing."""

import re
import time

import pytest
from people import Person
from push_support import SUBJECT, Device, Writer, catch_up, compact, options_for, settle
from server import Server

from push_service import PushService

EVENT_ID = re.compile(r"\d+-\d+")
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
TTL_S = 48 * 3600
# Salt, record size, key id (RFC 8188 section 2.1); a delimiter and a tag (RFC 8188 section 2).
OVERHEAD_BYTES = 16 + 4 + 1 + 65 + 1 + 16
PADDED_BYTES = (512, 1024, 2048, 3052)


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


@pytest.fixture(scope="module")
def server(service, tmp_path_factory):
    data = tmp_path_factory.mktemp("delivery") / "data"
    options = ["--push.subject", SUBJECT, "--push.join-audience", "none", *options_for(service)]
    with Server(data, *options) as running:
        yield running


@pytest.fixture
def sally(server) -> Writer:
    return Writer(server.url)


@pytest.fixture
def harry(sally, server) -> Person:
    friend = sally.befriend()
    catch_up(server)
    return friend


def check_message(message: dict, shown: dict, event: dict, urgency: str, service, server) -> None:
    """`shown`: title, message, clickTarget, tag, lang. `event`: type, createdAt (or None)."""
    payload = message["payload"]
    assert EVENT_ID.fullmatch(payload["event"]["id"])
    expected = {key: shown[key] for key in ("title", "message", "clickTarget", "tag")}
    expected["web_push"] = 8030
    expected["notification"] = {"title": shown["title"], "body": shown["message"],
                                "navigate": server.url + shown["clickTarget"], "tag": shown["tag"], "lang": shown["lang"]}
    expected["event"] = {"id": payload["event"]["id"], "type": event["type"],
                         "createdAt": event["createdAt"] or payload["event"]["createdAt"]}
    assert message["text"] == compact(expected)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", payload["event"]["createdAt"])

    assert message["urgency"] == urgency
    assert TTL_S - 60 <= message["ttl"] <= TTL_S
    assert TOPIC.fullmatch(message["topic"])
    assert message["headers"]["content-encoding"] == "aes128gcm"
    assert message["headers"]["content-type"] == "application/octet-stream"
    assert message["body_bytes"] in [OVERHEAD_BYTES + padded for padded in PADDED_BYTES]
    claims = message["claims"]
    assert set(claims) == {"aud", "exp", "sub"}
    assert (claims["aud"], claims["sub"]) == (service.origin, SUBJECT)
    assert 6 * 3600 - 60 <= claims["exp"] - time.time() <= 12 * 3600
    assert message["key"] == Person(server.url).ok("GET", "/api/push/public-key")["publicKey"]


def comment(sally, harry) -> tuple:
    contents = '"정말" 그렇네요 \\ 😀'
    made = sally.hear(harry, contents)
    target = f"/friends/{sally.id}/posts/{sally.post_id}"
    titles = {"ko": "Harry님이 댓글을 달았어요.", "en": "Harry commented"}
    shown = {"message": contents, "clickTarget": target, "tag": f"post-{sally.post_id}-comments"}
    return sally, titles, shown, {"type": "comment-created", "createdAt": made["createAt"]}, "high"


def like(sally, harry) -> tuple:
    harry.ok("PATCH", sally.path + "/like")
    target = f"/friends/{sally.id}/posts/{sally.post_id}"
    titles = {"ko": "Harry님이 좋아합니다.", "en": "Harry likes your post"}
    shown = {"message": "something to read", "clickTarget": target, "tag": f"post-{sally.post_id}-likes"}
    return sally, titles, shown, {"type": "post-liked", "createdAt": None}, "low"


def request(sally, harry) -> tuple:
    stranger = Person(sally.url, "낯선이")
    stranger.ok("POST", f"/api/user/connections/{sally.id}")
    titles = {"ko": "낯선이님이 친구 요청을 보냈어요.", "en": "낯선이 wants to connect"}
    shown = {"message": "", "clickTarget": f"/friends/{stranger.id}", "tag": f"connection-{stranger.id}"}
    return sally, titles, shown, {"type": "connection-requested", "createdAt": None}, "normal"


def grant(sally, harry) -> tuple:
    stranger = Person(sally.url, "낯선이")
    sally.ok("POST", f"/api/user/connections/{stranger.id}")
    stranger.ok("PATCH", f"/api/user/connections/grant/{sally.id}")
    titles = {"ko": "낯선이님이 친구 요청을 수락했어요.", "en": "낯선이 accepted"}
    shown = {"message": "", "clickTarget": f"/friends/{stranger.id}", "tag": f"connection-{stranger.id}"}
    return sally, titles, shown, {"type": "connection-granted", "createdAt": None}, "normal"


@pytest.mark.parametrize("happens", [comment, like, request, grant], ids=lambda each: each.__name__)
def test_every_device_gets_the_message_in_its_language(happens, sally, harry, service, server):
    devices = {lang: Device(service, sally, locale=lang) for lang in ("ko", "en")}
    _, titles, shown, event, urgency = happens(sally, harry)
    for lang, device in devices.items():
        message = device.messages(at_least=1)[0]
        check_message(message, {**shown, "title": titles[lang], "lang": lang}, event, urgency, service, server)
    settle(server)
    arrived = [device.messages() for device in devices.values()]
    assert [len(messages) for messages in arrived] == [1, 1]
    assert arrived[0][0]["topic"] == arrived[1][0]["topic"]  # of the event: it is each service's own to compare


def test_a_long_comment_is_told_by_its_beginning(sally, harry, service):
    device = Device(service, sally)
    sally.hear(harry, "가" * 119 + "😀" + "나" * 380)
    assert device.messages(at_least=1)[0]["payload"]["message"] == "가" * 119 + "😀"


@pytest.mark.parametrize("accept_language, field, expected", [
    (None, None, "ko"),
    ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", None, "ko"),
    ("en-US,en;q=0.9,ko;q=0.8", None, "en"),
    ("ko;q=0.1, en;q=0.2", None, "en"),
    ("en;q=0.2, ko;q=0.21", None, "ko"),
    ("fr-FR, de;q=0.5", None, "en"),
    ("ko-KR", "en", "en"),
    ("en-US", "ko-KR", "ko"),
    ("ko-KR", "fr", "en"),
])
def test_the_language_is_chosen_at_subscribe(accept_language, field, expected, sally, harry, service):
    headers = {"Accept-Language": accept_language} if accept_language else {"Accept-Language": None}
    device = Device(service, sally, headers=headers, **({"locale": field} if field else {}))
    assert device.saved["locale"] == expected
    sally.hear(harry, "well said")
    payload = device.messages(at_least=1)[0]["payload"]
    assert payload["notification"]["lang"] == expected
    assert payload["title"] == {"ko": "Harry님이 댓글을 달았어요.", "en": "Harry commented"}[expected]


def test_nobody_hears_of_their_own_deed(sally, harry, service, server):
    mine = Device(service, sally)
    others = Device(service, harry)
    sally.ok("PATCH", sally.path + "/like")
    sally.hear(sally, "I agree with myself")
    sally.hear(harry, "somebody else's")
    mine.wait_for("somebody else's")
    settle(server)
    assert [m["payload"]["message"] for m in mine.messages()] == ["somebody else's"]
    assert others.messages() == []


def test_an_endpoint_belongs_to_whom_subscribed_it_last(sally, harry, service, server):
    bob = Writer(server.url, "Bob")
    harry.may_read(bob)
    catch_up(server)
    device = Device(service, sally)
    other_of_sally = Device(service, sally)
    sally.hear(harry, "for Sally alone")
    device.wait_for("for Sally alone")
    device.subscribe_for(bob)
    sally.hear(harry, "no longer for it")
    bob.hear(harry, "for Bob")
    other_of_sally.wait_for("no longer for it")
    device.wait_for("for Bob")
    settle(server)
    assert [m["payload"]["message"] for m in device.messages()] == ["for Sally alone", "for Bob"]


def test_a_device_that_subscribes_again_stays_one(sally, harry, service, server):
    device = Device(service, sally)
    before = device.saved
    assert device.subscribe_for(sally) == before
    sally.hear(harry, "just once")
    device.wait_for("just once")
    settle(server)
    assert len(device.messages()) == 1


def test_a_renewed_subscription_takes_the_old_ones_place(sally, harry, service, server):
    old = Device(service, sally)
    renewed = Device(service, sally, oldEndpoint=old.endpoint)
    foreign = Device(service, harry)
    another = Device(service, sally, oldEndpoint=foreign.endpoint)  # not the caller's own: ignored
    sally.hear(harry, "to the new one")
    harry_post = harry.post("mine to read")["seq"]
    sally.may_read(harry)
    sally.ok("POST", f"/api/user/{harry.id}/post/{harry_post}/comment", json={"contents": "still there"})
    renewed.wait_for("to the new one")
    another.wait_for("to the new one")
    foreign.wait_for("still there")
    settle(server)
    assert old.messages() == []


def test_likes_of_one_post_are_gathered_after_the_first(sally, harry, service, server):
    bob = sally.befriend("Bob")
    catch_up(server)
    device = Device(service, sally, locale="en")
    for person in (harry, harry, bob):
        person.ok("PATCH", sally.path + "/like")
    sally.hear(harry, "after the likes")
    device.wait_for("after the likes")
    settle(server)
    # The window is a minute long: what comes at its end is a test of rules.
    assert sorted(device.titles()) == ["Harry commented", "Harry likes your post"]


def test_connections_are_kept_and_tokens_too(sally, harry, service, server):
    device = Device(service, sally)
    before = service.stats()["connections"]
    claims = set()
    for number in range(5):
        sally.hear(harry, f"comment number {number}")
        device.wait_for(f"comment number {number}")
    for message in device.messages():
        claims.add(compact(message["claims"]))
    assert len(claims) == 1
    assert service.stats()["connections"] - before <= 1
