"""The whole way in two processes: a call of the API, its record, its push; asking the push service over Kafka."""

import re

import pytest
from kafka_load import OPTIONS, Load, count
from kafka_records import TABLE, Record, Topics, java_partition
from kafka_services import outbox, wait_consumed, wait_published
from people import Api, Person
from push_support import SUBJECT, Device, Writer, admin, compact, options_for, readiness, until
from server import Server

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EVENT_ID = re.compile(r"\d+-[1-9]\d*")
HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "content-type")


def one_record(records: list[Record], event: str) -> Record:
    [found] = [record for record in records if record.topic == f"v1.event.{event}"]
    return found


def check_record(record: Record, topics: Topics, key: int, value: dict) -> None:
    """`value`: complete, in the order of its fields."""
    assert record.value.decode() == compact(value)
    assert record.key == str(key).encode()
    assert record.partition == java_partition(record.key, topics.partitions(record.topic))
    names = [name for name, _ in record.headers]
    assert set(HEADERS) <= set(names) <= {*HEADERS, "traceparent"} and len(names) == len(set(names))
    assert record.header("ce_specversion") == "1.0"
    assert record.header("ce_type") == record.topic
    assert re.fullmatch(r"/social-server/[0-9a-f]+", record.header("ce_source"))
    assert EVENT_ID.fullmatch(record.id)
    assert TIME.fullmatch(record.header("ce_time"))
    assert record.header("content-type") == "application/json"


def small(person: Person) -> dict:
    return {"seq": person.id, "name": person.user["name"], "email": {"address": person.email}}


def test_what_people_do_becomes_records_and_pushes(two_services, topics, strict_service):
    two = two_services(push_options=OPTIONS)
    ann = Writer(two.url, "Ann", "something to read")
    bob = Person(two.url, "Bob")
    device = Device(strict_service, ann)
    bob.may_read(ann)
    path = f"/api/user/{ann.id}/post/{ann.post_id}"
    bob.ok("PATCH", path + "/like")
    comment = bob.ok("POST", path + "/comment", json={"contents": "안녕 \"Ann\""}, headers={"traceparent": TRACE})
    bob.ok("GET", path)
    until(lambda: "v1.event.post-viewed" in {record.topic for record in topics.events()}, message="no view was published")
    wait_published(two.api)

    records = topics.events()
    ann_dto = {**ann.ok("GET", "/api/user/me")}
    joined = {record.key: record for record in records if record.topic == "v1.event.user-joined"}
    for person in (ann, bob):
        check_record(joined[str(person.id).encode()], topics, person.id, {"userId": person.id, "name": person.user["name"]})
    check_record(one_record(records, "post-created"), topics, ann.id,
                 {"postId": ann.post_id, "userId": ann.id, "contents": "something to read"})
    check_record(one_record(records, "post-viewed"), topics, ann.id,
                 {"postId": ann.post_id, "postWriterId": ann.id, "count": 1})
    check_record(one_record(records, "post-liked"), topics, ann.id,
                 {"postId": ann.post_id, "postWriterId": ann.id, "userId": bob.id, "name": "Bob",
                  "contents": "something to read"})
    commented = one_record(records, "comment-created")
    check_record(commented, topics, ann.id,
                 {"postId": ann.post_id, "userId": bob.id, "commentId": comment["seq"], "postWriter": ann_dto,
                  "commentWriter": small(bob), "contents": "안녕 \"Ann\""})
    assert commented.header("traceparent").split("-")[1] == TRACE.split("-")[1]
    check_record(one_record(records, "connection-requested"), topics, ann.id,
                 {"userId": bob.id, "targetId": ann.id, "name": "Bob"})
    check_record(one_record(records, "connection-granted"), topics, bob.id,
                 {"userId": ann.id, "targetId": bob.id, "name": "Ann"})
    assert len(records) == 8

    messages = device.messages(3)
    told = {message["payload"]["event"]["type"]: message["payload"]["event"]["id"] for message in messages}
    assert told == {name: one_record(records, name).id for name in ("connection-requested", "post-liked", "comment-created")}
    settle_push(two.push, topics)
    assert len(device.messages()) == 3


def settle_push(push: Server, topics: Topics) -> None:
    """Until all events are consumed and all deliveries done."""
    wait_consumed(topics)
    until(lambda: admin(push, "push")["pending"] == 0, message="deliveries are pending")


def test_everything_arrives_once(two_services, topics):
    two = two_services(push_options=OPTIONS)
    with Load(two) as load:
        load.go_on(300)
    found = count(load, topics)
    assert (found.records_twice, found.deliveries_twice) == (0, 0)
    assert found.deliveries > 150


def wrong_subscriptions(service) -> list[dict]:
    keys = service.subscribe()["keys"]
    endpoint = "https://push.example.com/abc"
    return [
        {"notificationEndPoint": "http://push.example.com/abc", "publicKey": keys["p256dh"], "auth": keys["auth"]},
        {"notificationEndPoint": endpoint, "publicKey": "AAAA", "auth": keys["auth"]},
        {"notificationEndPoint": endpoint, "publicKey": keys["p256dh"], "auth": "AAAA"},
        {"notificationEndPoint": "https://127.0.0.1/abc", "publicKey": "no base64!", "auth": ""},
        {"endpoint": "https://user@push.example.com/", "keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"notificationEndPoint": endpoint, "publicKey": keys["p256dh"]},
        {"notificationEndPoint": 7, "publicKey": keys["p256dh"], "auth": keys["auth"]},
        {},
    ]


def test_a_wrong_subscription_is_refused_as_in_one_process(two_services, strict_service, tmp_path):
    two = two_services()
    here = Person(two.url)
    with Server(tmp_path / "embedded", "--push.subject", SUBJECT, *options_for(strict_service)) as embedded:
        there = Person(embedded.url)
        for body in wrong_subscriptions(strict_service):
            expected = there.refused(400, "POST", "/api/subscribe", json=body)
            assert here.refused(400, "POST", "/api/subscribe", json=body) == expected, body


def test_devices_come_and_go_over_kafka(two_services, topics, strict_service):
    two = two_services(push_options=OPTIONS)
    key = Api(two.url).ok("GET", "/api/push/public-key")
    assert len(key["publicKey"]) == 87 and key["keyId"]
    ann, eve = Writer(two.url, "Ann"), Person(two.url, "Eve")
    bob = ann.befriend("Bob")
    kept, removed = Device(strict_service, ann), Device(strict_service, ann)
    assert kept.saved["userId"] == ann.id and kept.saved["notificationEndPoint"] == kept.endpoint
    path = f"/api/subscriptions/{removed.saved['seq']}"
    assert eve.refused(404, "DELETE", path)["code"] == "subscription_not_found"
    Api(two.url).refused(401, "DELETE", path)
    ann.ok("DELETE", path)
    assert ann.refused(404, "DELETE", path)["code"] == "subscription_not_found"
    ann.hear(bob, "for one device")
    kept.wait_for("for one device")
    settle_push(two.push, topics)
    assert not removed.messages()
    check_requests(topics, ann)


def check_requests(topics: Topics, ann: Person) -> None:
    """Each request is answered by one record with its correlation id and its key; what is gone has a tombstone."""
    for asked, answered in (("v1.event.subscription.request", "v1.event.subscription.response"),
                            ("v1.push.request", "v1.push.response")):
        requests, replies = topics.read(asked), topics.read(answered)
        by_id = {reply.raw("kafka_correlationId"): reply for reply in replies}
        assert requests and len(by_id) == len(replies) == len(requests)
        for request in requests:
            assert request.header("kafka_replyTopic") == answered
            assert len(request.raw("kafka_correlationId")) == 16
            assert by_id[request.raw("kafka_correlationId")].key == request.key
    assert {reply.key for reply in topics.read("v1.event.subscription.response")} == {str(ann.id).encode()}
    rows = topics.read(TABLE)
    newest = {row.key: row.value for row in rows}
    assert sorted(value is None for value in newest.values()) == [False, True]
    assert all(re.fullmatch(rb"[0-9a-f]+/[0-9a-f]+", key) for key in newest)
    endpoints = {key: key.split(b"/")[0] for key in newest}
    partitions = topics.partitions(TABLE)
    assert all(row.partition == java_partition(endpoints[row.key], partitions) for row in rows)


def test_one_process_with_brokers_is_fed_by_kafka(tmp_path, kafka, topics, strict_service):
    options = ["--kafka.brokers", kafka.brokers, "--push.subject", SUBJECT, *OPTIONS, *options_for(strict_service)]
    with Server(tmp_path / "data", *options) as server:
        until(lambda: Api(server.url).call("GET", "/api/push/public-key").status_code == 200)
        ann = Writer(server.url)
        device = Device(strict_service, ann)
        ann.hear(ann.befriend(), "through the broker")
        device.wait_for("through the broker")  # the question for a connection may come later: another topic
        [message] = [each for each in device.messages() if each["payload"]["message"] == "through the broker"]
        [record] = topics.read("v1.event.comment-created")
        assert message["payload"]["event"]["id"] == record.id
        wait_consumed(topics)
        assert readiness(server)["status"] == 200


@pytest.mark.timeout(120)
def test_nothing_is_told_twice_after_a_restart_of_both(two_services, topics, strict_service):
    two = two_services(push_options=OPTIONS)
    ann = Writer(two.url)
    device = Device(strict_service, ann)
    bob = ann.befriend()
    ann.hear(bob, "before")
    device.wait_for("before")
    settle_push(two.push, topics)
    for server in (two.api, two.push):
        assert server.stop() == 0, server.log[-4000:]
    two.start().ready()
    ann.hear(bob, "after")
    device.wait_for("after")
    settle_push(two.push, topics)
    # The question for a connection and the comment lie in two topics, which have no order between them.
    assert sorted(message["payload"]["message"] for message in device.messages()) == ["", "after", "before"]
    assert outbox(two.api)["depth"] == 0
