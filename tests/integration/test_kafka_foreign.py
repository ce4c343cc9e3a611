"""Records of other producers; records that nobody can use; what becomes of both."""

import json
import struct
import time

import pytest
from kafka_load import OPTIONS, PARTITIONS, Load, count
from kafka_records import Record, Topics
from kafka_services import admin_post, end, metric, wait_consumed
from people import Person
from push_support import Device, admin, until

COMMENTS = "v1.event.comment-created"


@pytest.fixture
def two(two_services):
    return two_services(push_options=OPTIONS)


@pytest.fixture
def ann(two):
    return Person(two.url, "Ann")


@pytest.fixture
def device(strict_service, ann):
    return Device(strict_service, ann)


def comment_on(owner: Person, text: str) -> dict:
    """The least that a foreign producer has to say, and a text to tell them apart."""
    return {"postWriter": {"seq": owner.id}, "commentWriter": {"name": "Foreign"}, "contents": text}


def events_told(device: Device, at_least: int = 0) -> dict[str, str]:
    """Event ids by the text that was shown."""
    return {message["payload"]["message"]: message["payload"]["event"]["id"] for message in device.messages(at_least)}


def test_records_of_foreign_producers_are_served(topics, two, ann, device):
    full = comment_on(ann, "the least")
    places = {"the least": topics.put(COMMENTS, full)}
    flat = {**comment_on(ann, "writer's id beside"), "postWriterId": ann.id}
    del flat["postWriter"]
    places["writer's id beside"] = topics.put(COMMENTS, flat, key=str(ann.id))
    places["numbers as text"] = topics.put(COMMENTS, {**comment_on(ann, "numbers as text"), "postId": "11", "commentId": "14",
                                                      "userId": "13", "postWriter": {"seq": str(ann.id)}})
    places["more fields"] = topics.put(COMMENTS, {**comment_on(ann, "more fields"), "new": {"deep": [1, 2]}}, key="a key")
    places["in a string"] = topics.put(COMMENTS, compact_string(comment_on(ann, "in a string")))
    told = events_told(device, len(places))
    assert told == {text: f"{COMMENTS}/{partition}/{offset}" for text, (partition, offset) in places.items()}

    for _ in range(2):  # the second is a double
        topics.put(COMMENTS, comment_on(ann, "with an id"), headers={"ce_id": b"mine-1", "ce_source": b"/elsewhere"})
    topics.put(COMMENTS, comment_on(ann, "the same id, another source"), headers={"ce_id": b"mine-1", "ce_source": b"/there"})
    topics.put("v1.event.connection-requested", {"userId": 13, "targetId": ann.id, "name": "Foreign"})
    device.messages(len(places) + 3)
    wait_consumed(topics)
    until(lambda: admin(two.push, "push")["pending"] == 0)
    assert len(device.messages()) == len(places) + 3
    assert topics.read(COMMENTS + "-dlt") == []


def compact_string(value: dict) -> str:
    """As Spring's JsonSerializer writes a String that holds JSON."""
    return json.dumps(json.dumps(value))


def test_events_beyond_their_life_are_told_to_nobody(topics, two, ann, device):
    long_ago = "2020-01-01T00:00:00.000Z"
    topics.put(COMMENTS, comment_on(ann, "old by its header"), headers={"ce_time": long_ago.encode()}, partition=0)
    topics.put(COMMENTS, comment_on(ann, "old by its record"), timestamp=1_577_836_800_000, partition=0)
    topics.put(COMMENTS, comment_on(ann, "of today"), partition=0)
    device.wait_for("of today")
    assert list(events_told(device)) == ["of today"]
    assert admin(two.push, "push")["events"]["expired"] == 2


POISON: dict[str, tuple] = {
    "no JSON": (b"{not json", {}),
    "no text": (b"\xff\xfe\x00", {}),
    "no object": (b"[1,2]", {}),
    "no value": (None, {}),
    "no postWriter": ({"postId": 1, "commentId": 2, "userId": 3, "commentWriter": {"name": "x"}, "contents": "y"}, {}),
    "an id that is none": ({"postId": -1, "commentId": 2, "userId": 3, "postWriter": {"seq": 4}, "commentWriter": {"name": "x"},
                            "contents": "y"}, {}),
    "too deep": (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", {}),
}


def test_poison_goes_aside_and_its_partition_goes_on(topics, two, ann, device):
    places = {}
    for name, (value, headers) in POISON.items():
        places[name] = topics.put(COMMENTS, value, key=name, headers={"mine": name.encode(), **headers}, partition=1,
                                  timestamp=(stamp := int(time.time() * 1000)))
        topics.put(COMMENTS, comment_on(ann, f"behind {name}"), partition=1)
    told = events_told(device, len(POISON))
    assert set(told) == {f"behind {name}" for name in POISON}

    letters = {record.header("mine"): record for record in topics.read(COMMENTS + "-dlt")}
    assert set(letters) == set(POISON)
    for name, (value, _) in POISON.items():
        check_letter(letters[name], name, value, *places[name])
    assert 0 <= stamp - struct.unpack(">q", letters["too deep"].raw("kafka_dlt-original-timestamp"))[0] < 60_000
    wait_consumed(topics)
    assert metric(two.push, "social_kafka_dead_letters_total") == len(POISON)
    shown = letters_shown(two)
    assert {letter["key"] for letter in shown} == set(POISON)
    for letter in shown:
        assert letter["originalTopic"] == COMMENTS and letter["originalPartition"] == 1
        assert letter["originalOffset"] == places[letter["key"]][1]
        assert letter["reason"] and letter["code"] and "value" not in letter


def check_letter(letter: Record, name: str, value, partition: int, offset: int) -> None:
    original = topics_bytes(value)
    assert (letter.key, letter.value) == (name.encode(), original)
    assert letter.headers[0] == ("mine", name.encode())
    assert {each for each, _ in letter.headers[1:]} == {
        "kafka_dlt-original-topic", "kafka_dlt-original-partition", "kafka_dlt-original-offset",
        "kafka_dlt-original-timestamp", "kafka_dlt-exception-message", "kafka_dlt-exception-fqcn"}
    assert letter.header("kafka_dlt-original-topic") == COMMENTS
    assert letter.raw("kafka_dlt-original-partition") == struct.pack(">i", partition)
    assert letter.raw("kafka_dlt-original-offset") == struct.pack(">q", offset)
    assert len(letter.raw("kafka_dlt-original-timestamp")) == 8
    assert letter.header("kafka_dlt-exception-message")
    assert letter.header("kafka_dlt-exception-fqcn") in ("malformed_json", "invalid_input")


def topics_bytes(value) -> bytes | None:
    """As Topics.put writes it."""
    return json.dumps(value, ensure_ascii=False).encode() if isinstance(value, dict) else value


def letters_shown(two) -> list[dict]:
    return until(lambda: admin(two.push, "dead-letters")["kafka"], message="no dead letter is shown")


def test_a_dead_letter_is_replayed_when_that_is_allowed(topics, two_services, strict_service):
    two = two_services(push_options=OPTIONS)
    ann = Person(two.url, "Ann")
    device = Device(strict_service, ann)
    value = comment_on(ann, "behind it")
    topics.put(COMMENTS, b"{", key="bad", headers={"mine": b"kept", "ce_id": b"1-1", "ce_source": b"/x"}, partition=2)
    topics.put(COMMENTS, value, partition=2)
    device.wait_for("behind it")
    [letter] = letters_shown(two)
    admin_post(two.push, f"dead-letters/{letter['id']}/replay", 403)
    assert len(topics.read(COMMENTS)) == 2

    end(two.push)
    two.push.options += ["--admin.write"]
    two.push.start()
    [letter] = letters_shown(two)
    admin_post(two.push, f"dead-letters/{letter['id']}/replay")
    admin_post(two.push, "dead-letters/v1.event.comment-created-dlt:0:999/replay", 404)
    again = [record for record in topics.read(COMMENTS) if record.key == b"bad"]
    assert [record.value for record in again] == [b"{", b"{"]
    assert again[0].headers == again[1].headers
    # Still nobody can use it: it comes back as one more letter.
    until(lambda: len(topics.read(COMMENTS + "-dlt")) == 2, message="the replayed record did not come back")


WRONG_REQUESTS = {  # topic: values that cannot be read, or break a rule
    "v1.event.subscription.request": (b"{", b"[1]", None, b"{}", b'{"userId":1,"notificationEndPoint":"no url","publicKey":"","auth":""}'),
    "v1.push.request": (b"{", b'{"kind":"dance"}', b'{"kind":"remove","userId":-1,"id":1}', b'"' + b"x" * 70_000 + b'"'),
}


def test_requests_that_are_wrong_and_cannot_be_answered_go_aside(topics, two, ann, strict_service):
    for topic, values in WRONG_REQUESTS.items():
        placed = {}
        for number, value in enumerate(values):
            reply_to = {"kafka_replyTopic": b"v1.push.request"} if number % 2 else {}  # where nothing is answered
            places = topics.put(topic, value, key=f"bad {number}", headers={"mine": b"kept", **reply_to}, partition=0)
            placed[f"bad {number}".encode()] = (value, *places)
        until(lambda: len(topics.read(topic + "-dlt")) >= len(values), message=f"what is wrong in {topic} is not aside")
        letters = topics.read(topic + "-dlt")
        assert {letter.key: (letter.value, struct.unpack(">i", letter.raw("kafka_dlt-original-partition"))[0],
                             struct.unpack(">q", letter.raw("kafka_dlt-original-offset"))[0])
                for letter in letters} == placed
        assert len(letters) == len(values)
        for letter in letters:
            assert letter.header("mine") == "kept" and letter.header("kafka_dlt-original-topic") == topic
            assert letter.header("kafka_dlt-exception-fqcn") in ("malformed_json", "invalid_input")
    shown = until(lambda: len(found := admin(two.push, "dead-letters")["kafka"]) == 9 and found, message="not all are shown")
    assert {letter["originalTopic"] for letter in shown} == set(WRONG_REQUESTS)
    assert metric(two.push, "social_kafka_dead_letters_total") == 9
    Device(strict_service, ann)  # the partitions go on
    written = [record for record in topics.read("v1.push.request") if record.header("mine") is None]
    assert {record.header("kafka_replyTopic") for record in written} <= {"v1.push.response"}, "answered where nothing may be"


def test_a_wrong_request_that_can_be_answered_is_answered_and_not_aside(topics, two):
    topics.make("their.replies", 1)
    topics.put("v1.event.subscription.request", b"{", headers={"kafka_replyTopic": b"their.replies",
                                                               "kafka_correlationId": b"mine"})
    [reply] = until(lambda: topics.read("their.replies"), message="no reply")
    assert reply.raw("kafka_correlationId") == b"mine" and reply.json["error"]["code"] == "malformed_json"
    wait_consumed(topics)
    assert topics.read("v1.event.subscription.request-dlt") == []


def test_poison_in_the_midst_of_events_holds_up_none_of_them(topics, two, strict_service):
    """Under load, in every partition: each goes aside once, and no event is lost, told twice or out of order."""
    bad = []
    with Load(two) as load:
        for number in range(30):
            load.go_on(10)
            bad.append(topics.put("v1.event.post-liked", b"{" * (number + 1), key=f"bad {number}",
                                  partition=number % PARTITIONS))
    assert len(topics.read("v1.event.post-liked")) == 30  # likes are not part of the load
    found = count(load, topics, foreign=("v1.event.post-liked",))
    assert (found.records_twice, found.deliveries_twice) == (0, 0)
    letters = topics.read("v1.event.post-liked-dlt")
    assert sorted(letter.value for letter in letters) == [b"{" * (number + 1) for number in range(30)]
    assert {(struct.unpack(">i", each.raw("kafka_dlt-original-partition"))[0],
             struct.unpack(">q", each.raw("kafka_dlt-original-offset"))[0]) for each in letters} == set(bad)
    assert topics.read(COMMENTS + "-dlt") == []


def test_secrets_of_devices_are_in_no_report(topics: Topics, two, ann, device):
    shown = str(admin(two.push, "kafka")) + str(admin(two.push, "push")) + two.push.log + two.api.log
    keys = device.subscription["keys"]
    for secret in (keys["auth"], keys["p256dh"], device.endpoint):
        assert secret not in shown
