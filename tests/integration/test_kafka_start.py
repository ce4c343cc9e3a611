"""Services that start before the broker; topics that are missing, and topics that somebody else has made; what an
operator sees."""

import socket
import time

import pytest
import requests
from kafka_load import OPTIONS
from kafka_records import TABLE, Topics
from kafka_services import TwoServices, degraded, metric, outbox, wait_consumed, wait_published
from people import Api, Person
from push_support import Device, Writer, admin, readiness, until

from kafka import Cluster
from kafka.cluster import HOST, free_ports

AT_ONCE_S = 2  # a sanitizer build on a busy machine; the request time-out is 5 s


@pytest.fixture
def later(tmp_path):
    """A broker that is not there yet, and its address."""
    cluster = Cluster(tmp_path / "kafka", ports=free_ports(1))
    cluster.address = f"{HOST}:{cluster._wanted_ports[0]}"
    yield cluster
    cluster.stop(at_once=True)


def refused_at_once(person: Api, method: str, path: str, **more) -> None:
    begun = time.monotonic()
    answer = person.call(method, path, **more)
    assert time.monotonic() - begun < AT_ONCE_S
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "unavailable"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_port_that_is_promised_to_a_broker_is_nobody_elses():
    [port] = free_ports(1)
    with socket.socket() as stranger, pytest.raises(OSError):
        stranger.bind((HOST, port))
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((HOST, port))
    for _ in range(2):
        with socket.create_server((HOST, port)) as broker, socket.create_connection((HOST, port)):
            broker.accept()[0].close()


def test_services_start_before_the_broker(tmp_path, later, strict_service):
    with TwoServices(tmp_path, later.address, strict_service, push_options=OPTIONS) as two:
        ann = Writer(two.url, "Ann")
        bob = ann.befriend("Bob")
        ann.hear(bob, "while Kafka is away")
        keys = strict_service.subscribe()["keys"]
        refused_at_once(ann, "POST", "/api/subscribe", json={"notificationEndPoint": "https://push.example.com/a",
                                                             "publicKey": keys["p256dh"], "auth": keys["auth"]})
        refused_at_once(ann, "DELETE", "/api/subscriptions/1")
        refused_at_once(Api(two.url), "GET", "/api/push/public-key")
        for server in (two.api, two.push):
            assert readiness(server)["status"] == 200
            reasons = until(lambda each=server: degraded(each), message="Kafka is away, and nothing says so")
            assert any("kafka" in name for name in reasons) and all(reasons.values())
        waiting = until(lambda: (found := outbox(two.api))["ageMillis"] > 0 and found, message="the outbox has no age")
        assert waiting["depth"] >= 5
        assert metric(two.api, "social_kafka_outbox_depth_events") == waiting["depth"]
        older = until(lambda: (found := outbox(two.api)["ageMillis"]) > waiting["ageMillis"] and found)
        assert metric(two.api, "social_kafka_outbox_oldest_age_seconds") >= older / 1000

        later.start()
        two.ready()
        wait_published(two.api)
        topics = Topics(later.brokers)
        assert outbox(two.api)["ageMillis"] == 0
        names = sorted(record.topic for record in topics.events())
        assert names == sorted(["v1.event.user-joined"] * 2 + ["v1.event.post-created", "v1.event.comment-created",
                                                              "v1.event.connection-requested", "v1.event.connection-granted"])
        device = Device(strict_service, ann)
        ann.hear(bob, "with Kafka")
        device.wait_for("with Kafka")
        assert degraded(two.api) == degraded(two.push) == {}
        check_that_all_is_counted(two, topics)
        # The device came after the first comment was consumed, or before: it is told of that one once at most.
        told = [message["payload"]["message"] for message in device.messages()]
        assert told.count("with Kafka") == 1 and told.count("while Kafka is away") <= 1 and len(told) <= 2


def check_that_all_is_counted(two: TwoServices, topics: Topics) -> None:
    """Events in the journal = distinct ids in the topics = records published; consumed = what lies in the topics that the
    push service reads."""
    wait_published(two.api)
    wait_consumed(topics)
    records = topics.events()
    comments = sum(record.topic == "v1.event.comment-created" for record in records)  # two events each, one stays inside
    heads = sum(shard["head"] for shard in admin(two.api, "shards") if shard["store"] == "api")
    assert len({record.id for record in records}) == len(records) == heads - comments
    assert outbox(two.api)["published"] == len(records)
    read = [record for record in records if record.topic != "v1.event.post-created"]
    until(lambda: metric(two.push, "social_kafka_consumed_events_total") == len(read), message="not all are consumed")
    assert metric(two.push, "social_kafka_dead_letters_total") == 0


def test_topics_are_made_as_they_are_described(two_services, topics):
    two_services(options=("--kafka.partitions", "4"))
    made = until(lambda: {name: topics.partitions(name) for name in topics.names()})
    events = {f"v1.event.{name}" for name in ("user-joined", "post-created", "post-viewed", "post-liked", "comment-created",
                                              "connection-requested", "connection-granted")}
    asked = {"v1.event.subscription.request", "v1.event.subscription.response", "v1.push.request", "v1.push.response"}
    assert events | asked | {TABLE, "v1.event.comment-created-dlt", "v1.event.subscription.request-dlt"} <= set(made)
    assert set(made.values()) == {4}
    for name in asked:
        assert topics.settings_of(name)["retention.ms"] == "3600000"
        assert topics.settings_of(name)["segment.ms"] == "600000"
    assert topics.settings_of(TABLE)["cleanup.policy"] == "compact"
    assert topics.settings_of("v1.event.comment-created")["cleanup.policy"] == "delete"


def test_topics_of_somebody_else_are_reported_and_left(two_services, topics):
    topics.make("v1.event.post-liked", 5)
    topics.make("v1.push.request", 3, retention_ms="7200000")
    topics.make(TABLE, 3, cleanup_policy="delete")
    two = two_services(push_options=OPTIONS, besides=("kafka.topics",))
    assert topics.partitions("v1.event.post-liked") == 5
    assert topics.settings_of("v1.push.request")["retention.ms"] == "7200000"
    assert topics.settings_of(TABLE)["cleanup.policy"] == "delete"
    for server in (two.api, two.push):
        differing = {topic["name"]: topic["difference"] for topic in admin(server, "kafka")["topics"]
                     if "difference" in topic}
        assert set(differing) == {"v1.event.post-liked", "v1.push.request", TABLE}
        for name, word in (("v1.event.post-liked", "5"), ("v1.push.request", "retention.ms"), (TABLE, "cleanup.policy")):
            assert word in differing[name] and differing[name] in server.log
        assert "kafka.topics" in degraded(server)
    Writer(two.url).befriend()  # it works all the same
    wait_published(two.api)


def test_a_record_that_the_broker_refuses_stops_the_outbox_until_it_is_taken(two_services, topics, strict_service):
    topics.make("v1.event.comment-created", 3, max_message_bytes="500")  # less than an event has
    two = two_services(push_options=OPTIONS, besides=("kafka.topics",))
    ann = Writer(two.url, "Ann")
    device = Device(strict_service, ann)
    bob = ann.befriend("Bob")
    wait_published(two.api)
    before = {record.id for record in topics.events()}
    for number in range(3):
        ann.hear(bob, f"larger than that {number}")
    ann.post("behind it, perhaps")
    said = until(lambda: degraded(two.api).get("kafka.outbox"), message="nothing says that the outbox stands")
    assert "v1.event.comment-created" in said and "refuses" in said
    assert metric(two.api, "social_kafka_outbox_refused_count") == 1
    assert outbox(two.api)["depth"] >= 3
    assert topics.read("v1.event.comment-created") == []
    topics.configure("v1.event.comment-created", max_message_bytes="1000000")
    wait_published(two.api)
    came = {record.id for record in topics.events()} - before  # what is sent with a refused one may be there twice
    assert len(came) == 4
    assert metric(two.api, "social_kafka_outbox_refused_count") == 0
    wait_consumed(topics)
    until(lambda: admin(two.push, "push")["pending"] == 0)
    told = [message["payload"]["message"] for message in device.messages(3)]
    assert sorted(text for text in told if text.startswith("larger")) == [f"larger than that {n}" for n in range(3)]


def test_topics_that_somebody_deletes_are_made_again(two_services, topics, strict_service):
    """While both services run; what they need of Kafka works again by itself."""
    two = two_services(push_options=OPTIONS)
    ann = Writer(two.url)
    bob = ann.befriend("Bob")
    wait_published(two.api)
    wait_consumed(topics)
    gone = {"v1.event.comment-created", "v1.push.request", "v1.push.response"}
    topics.delete(gone)
    until(lambda: gone <= topics.names(), message="they stay away")
    two.ready()
    device = Device(strict_service, ann)
    ann.hear(bob, "in the new topic")
    device.wait_for("in the new topic")


def test_a_stop_while_topics_are_gone(two_services, topics):
    two = two_services(push_options=OPTIONS)
    wait_consumed(topics)
    gone = {"v1.event.comment-created", "v1.push.request", "v1.push.response"}
    topics.delete(gone)
    until(lambda: "is no longer available" in two.push.log, message="nobody misses a topic")
    assert two.push.stop() == 0
    assert two.api.stop() == 0


def test_what_an_operator_sees(two_services, topics, strict_service):
    two = two_services(push_options=OPTIONS)
    ann = Writer(two.url)
    device = Device(strict_service, ann)
    ann.hear(ann.befriend(), "to be counted")
    device.wait_for("to be counted")
    wait_published(two.api)
    wait_consumed(topics)
    of_api, of_push = admin(two.api, "kafka"), admin(two.push, "kafka")
    assert of_api["outbox"]["published"] == len(topics.events())
    assert of_api["connected"] is of_push["connected"] is True
    assert metric(two.api, "social_kafka_published_records_total") == of_api["outbox"]["published"]
    assert metric(two.api, "social_kafka_publish_failures_total") == 0
    assert metric(two.api, "social_kafka_reply_timeouts_total") == 0
    lags = until(lambda: (found := admin(two.push, "kafka")["consumer"]["partitions"]) and not any(
        lag["lagRecords"] for lag in found) and found, message="the lag does not become 0")
    assert {lag["topic"] for lag in lags} >= {"v1.event.comment-created", "v1.event.subscription.request"}
    assert metric(two.push, "social_kafka_consumer_lag_records") == 0
    assert metric(two.push, "social_kafka_consumer_lag_seconds") == 0
    assert metric(two.push, "social_kafka_rebalances_total") >= 1
    assert metric(two.push, "social_kafka_dead_letters_total") == 0
    assert requests.get(two.api.admin_url + "/admin/kafka", timeout=30).status_code == 401
    Person(two.url)  # and it serves on
