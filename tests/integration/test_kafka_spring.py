"""Request/reply with Spring Kafka on the other side, both ways, and with kcat and confluent-kafka as foreign requesters."""

import json
import struct
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from kafka_records import Topics
from kafka_services import TwoServices, end, metric, wait_ready
from people import Api, Person
from push_support import until
from server import Server

from kafka.cluster import free_ports
from push_service import PushService
from spring_kafka import Reply, Requester, Responder

SUBSCRIBE, SUBSCRIBED = "v1.event.subscription.request", "v1.event.subscription.response"
PUSH, PUSHED = "v1.push.request", "v1.push.response"
# Reply topics of other teams.
SHARED, QUOTED, TYPED = "team.replies", "team.replies.quoted", "team.replies.typed"
OURS = {"kafka_correlationId", "content-type"}
ERRORS = OURS | {"x-error-code", "x-error-message"}


@pytest.fixture(scope="module")
def seen(kafka) -> Topics:
    topics = Topics(kafka.brokers)
    for name in (SHARED, QUOTED, TYPED):
        topics.make(name)
    return topics


@pytest.fixture(scope="module")
def browsers():
    with PushService("--plain") as service:
        yield service


@pytest.fixture(scope="module")
def push(kafka, seen, browsers, tmp_path_factory):
    """Our push service, alone."""
    formats = ("--kafka.codec", f"{QUOTED}=json-string", "--kafka.type-id", f"{TYPED}=java.util.LinkedHashMap",
               "--kafka.group", "ours")
    two = TwoServices(tmp_path_factory.mktemp("ours"), kafka.brokers, browsers, push_options=formats)
    two.push.start()
    try:
        wait_ready(two.push)
        yield two.push
    except BaseException:
        end(two.push, in_order=False)
        raise
    end(two.push)


@pytest.fixture
def spring(kafka, push, tmp_path):
    with Requester(kafka.brokers, SHARED, tmp_path) as requester:
        yield requester


def subscription(browsers: PushService, user: int, **more) -> dict:
    fresh = browsers.subscribe()
    return {"userId": user, "notificationEndPoint": fresh["endpoint"], "publicKey": fresh["keys"]["p256dh"],
            "auth": fresh["keys"]["auth"], **more}


def names(reply: Reply) -> set[str]:
    return {name for name, _ in reply.headers}


# --- Our push service is asked by a ReplyingKafkaTemplate ----------------------------------------------------------------


@pytest.mark.parametrize("serializer, quoted", [("string", False), ("json", False), ("json", True)],
                         ids=["StringSerializer", "JsonSerializer", "JsonSerializer of a String"])
def test_spring_subscribes_and_removes_a_device(kafka, push, browsers, tmp_path, serializer, quoted):
    asked = subscription(browsers, 65, locale="en")
    with Requester(kafka.brokers, SHARED, tmp_path, serializer=serializer) as spring:
        def ask(topic: str, value: dict) -> Reply:
            return spring.ask(topic, json.dumps(value) if quoted else value, key="65")

        saved = ask(SUBSCRIBE, asked)
        assert saved.refused is None and saved.key == "65" and names(saved) == OURS
        assert saved.header("content-type") == b"application/json"
        assert len(saved.header("kafka_correlationId")) == 16
        assert saved.json.keys() == {"seq", "userId", "notificationEndPoint", "locale", "createAt"}
        assert (saved.json["userId"], saved.json["locale"]) == (65, "en")
        assert saved.json["notificationEndPoint"] == asked["notificationEndPoint"]

        remove = {"kind": "remove", "userId": 65, "id": saved.json["seq"]}
        assert ask(PUSH, remove).json == {**remove, "removed": True}
        again = ask(PUSH, remove)
        assert again.refused == "subscription_not_found" and names(again) == ERRORS
        assert again.json["error"]["status"] == 404


def test_spring_hears_what_is_wrong(spring):
    refused = spring.ask(SUBSCRIBE, {"userId": 65, "notificationEndPoint": "http://push.example.org/", "publicKey": "x"}, "65")
    assert refused.refused == "invalid_input" and names(refused) == ERRORS
    error = refused.json["error"]
    assert (error["status"], error["code"]) == (400, "invalid_input")
    assert [each["field"] for each in error["fields"]] == ["auth"]
    assert refused.header("x-error-message").decode() == error["message"]

    judged = spring.ask(SUBSCRIBE, {"userId": 65, "endpoint": "http://push.example.org/",
                                    "keys": {"p256dh": "eA", "auth": "eA"}}, "65")
    assert {each["field"] for each in judged.json["error"]["fields"]} == {"endpoint", "keys.p256dh", "keys.auth"}
    assert spring.ask(SUBSCRIBE, "no JSON", "65").refused == "malformed_json"
    unknown = spring.ask(PUSH, {"kind": "dance"})
    assert [each["field"] for each in unknown.json["error"]["fields"]] == ["kind"]


def test_spring_asks_for_the_key_without_a_key(spring):
    reply = spring.ask(PUSH, {"kind": "public-key"})
    assert reply.key is None and reply.refused is None
    assert reply.json.keys() == {"kind", "publicKey", "keyId"} and len(reply.json["publicKey"]) == 87


def test_replies_are_written_as_their_topic_wants(kafka, push, tmp_path):
    with Requester(kafka.brokers, QUOTED, tmp_path, serializer="json") as spring:
        reply = spring.ask(PUSH, {"kind": "public-key"})
        assert json.loads(reply.json).keys() == {"kind", "publicKey", "keyId"}
        assert json.loads(spring.ask(PUSH, {}).json)["error"]["code"] == "invalid_input"
    with Requester(kafka.brokers, TYPED, tmp_path) as spring:
        reply = spring.ask(PUSH, {"kind": "public-key"})
        assert reply.json.keys() == {"kind", "publicKey", "keyId"}
        assert reply.header("__TypeId__") == b"java.util.LinkedHashMap"


@pytest.mark.parametrize("correlation", ["uuid-text", "long-text"])
def test_correlation_ids_may_be_text(kafka, push, tmp_path, correlation):
    with Requester(kafka.brokers, SHARED, tmp_path, correlation=correlation) as spring:
        reply = spring.ask(PUSH, {"kind": "public-key"})
        text = reply.header("kafka_correlationId").decode()
        assert len(text) == 36 if correlation == "uuid-text" else text.startswith("요청/")


def test_a_reply_partition_is_kept_whatever_the_key(kafka, push, seen, tmp_path):
    with Requester(kafka.brokers, SHARED, tmp_path, reply_partition=2) as spring:
        replies = spring.ask_all([(PUSH, {"kind": "public-key"}, str(key)) for key in range(12)])
    assert [reply.partition for reply in replies] == [2] * 12
    assert [reply.key for reply in replies] == [str(key) for key in range(12)]


def test_requesters_that_share_a_topic_each_hear_their_own_once(kafka, push, seen, tmp_path):
    before = len(seen.read(SHARED))
    count = 150
    with Requester(kafka.brokers, SHARED, tmp_path) as one, Requester(kafka.brokers, SHARED, tmp_path) as two:
        with ThreadPoolExecutor(2) as both:
            def ask(which: tuple[Requester, int]) -> list:
                requester, first = which
                return requester.ask_all([(PUSH, {"kind": "remove", "userId": first + n, "id": first + n}, str(first + n))
                                          for n in range(count)])
            for first, replies in zip((1000, 2000), both.map(ask, ((one, 1000), (two, 2000)))):
                assert [reply.key for reply in replies] == [str(first + n) for n in range(count)]
                assert {reply.refused for reply in replies} == {"subscription_not_found"}
    written = seen.read(SHARED)[before:]
    assert len(written) == 2 * count
    assert len({record.raw("kafka_correlationId") for record in written}) == 2 * count


# --- Our push service is asked by programs that know nothing of Spring ---------------------------------------------------


def answer_to(seen: Topics, correlation: bytes | None, topic: str = SHARED):
    """The one record of the reply topic with that correlation id."""
    found = until(lambda: [record for record in seen.read(topic) if record.raw("kafka_correlationId") == correlation],
                  message="there is no reply")
    assert len(found) == 1
    return found[0]


KEY_REQUEST = {"kind": "public-key"}


def test_of_duplicate_headers_the_last_counts(push, seen):
    first, last = uuid.uuid4().bytes, b"\x00\xff text \xe2\x82"
    seen.put(PUSH, KEY_REQUEST, key="k", headers=[
        ("kafka_replyTopic", b"nowhere"), ("kafka_correlationId", first), ("kafka_replyPartition", struct.pack(">i", 0)),
        ("kafka_replyTopic", SHARED.encode()), ("kafka_correlationId", last), ("kafka_replyPartition", struct.pack(">i", 1)),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
    reply = answer_to(seen, last)
    assert (reply.partition, reply.key) == (1, b"k")
    assert reply.raw("traceparent") == b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert {name for name, _ in reply.headers} == OURS | {"traceparent"}
    assert not [record for record in seen.read(SHARED) if record.raw("kafka_correlationId") == first]


def test_a_request_without_a_reply_topic_is_served_and_not_answered(push, seen, browsers, spring):
    before = metric(push, "social_kafka_served_requests_unanswered_total")
    asked = subscription(browsers, 4711)
    seen.put(SUBSCRIBE, asked, key="4711", headers={"kafka_correlationId": b"nobody waits"})
    until(lambda: metric(push, "social_kafka_served_requests_unanswered_total") == before + 1, message="it is not served")
    same = spring.ask(SUBSCRIBE, asked, "4711")  # it is there: subscribing again keeps its time
    known = spring.ask(SUBSCRIBE, {**asked, "locale": "en"}, "4711")
    assert known.json["createAt"] == same.json["createAt"]
    assert spring.ask(PUSH, {"kind": "remove", "userId": 4711, "id": same.json["seq"]}, "4711").json["removed"] is True
    everywhere = seen.read(*(name for name in (SHARED, SUBSCRIBED, PUSHED) if name in seen.names()))
    assert not [record for record in everywhere if record.raw("kafka_correlationId") == b"nobody waits"]


@pytest.mark.parametrize("partition", [b"", b"1", b"\x00\x00\x00", b"\xff\xff\xff\xff", b"\x00" * 7 + b"\x01"])
def test_a_reply_partition_that_is_none_is_left(push, seen, partition):
    correlation = uuid.uuid4().bytes
    seen.put(PUSH, KEY_REQUEST, key="k", headers={"kafka_replyTopic": SHARED.encode(), "kafka_correlationId": correlation,
                                                  "kafka_replyPartition": partition})
    answer_to(seen, correlation)


def test_a_request_that_lay_too_long_is_refused(push, seen, browsers, spring):
    correlation, asked = uuid.uuid4().bytes, subscription(browsers, 4712)
    hour_ms = 3_600_000
    seen.put(SUBSCRIBE, asked, key="4712", timestamp=int(time.time() * 1000) - hour_ms - 1000,
             headers={"kafka_replyTopic": SHARED.encode(), "kafka_correlationId": correlation})
    assert answer_to(seen, correlation).header("x-error-code") == "request_timeout"
    before = time.time()
    created = spring.ask(SUBSCRIBE, asked, "4712").json["createAt"]
    assert datetime.fromisoformat(created).timestamp() >= before - 1  # it was not there


def test_replies_go_nowhere_where_they_would_do_harm(push, seen, spring):
    before = metric(push, "social_kafka_served_requests_unanswered_total")
    harmful = ["v1.push.subscription", PUSH, SUBSCRIBE, "v1.event.comment-created", PUSH + "-dlt", "__consumer_offsets", "a b"]
    ends = seen.ends(*harmful[:5])
    for name in harmful:
        seen.put(PUSH, KEY_REQUEST, partition=0, headers={"kafka_replyTopic": name.encode(), "kafka_correlationId": b"evil"})
    until(lambda: metric(push, "social_kafka_served_requests_unanswered_total") == before + len(harmful),
          message="they are not served")
    assert metric(push, "social_kafka_served_requests_forbidden_total") == len(harmful)
    assert spring.ask(PUSH, KEY_REQUEST).refused is None
    now = seen.ends(*harmful[:5])
    assert {place: end for place, end in now.items() if place[0] != PUSH} == \
           {place: end for place, end in ends.items() if place[0] != PUSH}
    assert not [record for record in seen.read(PUSH) if record.raw("kafka_correlationId") == b"evil"
                and record.raw("kafka_replyTopic") is None]


def test_replies_that_cannot_be_sent_hold_up_nobody(push, seen, spring):
    for partition in range(seen.partitions(PUSH)):
        seen.put(PUSH, KEY_REQUEST, partition=partition, headers={"kafka_replyTopic": b"does.not.exist"})
        seen.put(PUSH, KEY_REQUEST, partition=partition,
                 headers={"kafka_replyTopic": SHARED.encode(), "kafka_replyPartition": struct.pack(">i", 99)})
    replies = spring.ask_all([(PUSH, KEY_REQUEST, str(key)) for key in range(20)])
    assert [reply.refused for reply in replies] == [None] * 20
    until(lambda: metric(push, "social_kafka_reply_failures_total") == 2 * seen.partitions(PUSH), 90,
          "the failures are not counted")


def test_kcat_asks_and_is_answered(kafka, push, seen):
    correlation = f"kcat-{uuid.uuid4()}"
    subprocess.run(["kcat", "-b", kafka.brokers, "-P", "-t", PUSH, "-k", "7", "-H", f"kafka_correlationId={correlation}",
                    "-H", f"kafka_replyTopic={SHARED}"], input=b'{"kind":"public-key"}', check=True, timeout=60)
    answer_to(seen, correlation.encode())
    read = subprocess.run(["kcat", "-b", kafka.brokers, "-C", "-t", SHARED, "-e", "-q", "-f", r"%k %s %h\n"],
                          capture_output=True, check=True, timeout=60, text=True, errors="replace").stdout
    [line] = [each for each in read.splitlines() if correlation in each]
    assert line.startswith('7 {"kind":"public-key","publicKey":"')


# --- Our api is answered by a @KafkaListener with @SendTo ----------------------------------------------------------------


@pytest.fixture
def api(kafka, seen, tmp_path):
    """api(*options): an api process without a push service of ours, ready to ask whoever answers."""
    running: list[Server] = []

    def start(*options: str) -> Server:
        [port] = free_ports(1)
        running.append(Server(tmp_path / f"api-{len(running)}", "--kafka.brokers", kafka.brokers, "--http.port", str(port),
                              *options, name="social-server-api").start())
        wait_ready(running[-1])
        return running[-1]

    yield start
    for each in running:
        end(each)


@pytest.fixture
def nobody_else(push):
    """Our own push service does not answer what Spring is to answer."""
    assert push.stop() == 0
    yield
    push.start()
    wait_ready(push)


def browser(word: str) -> dict:
    return {"endpoint": f"https://push.example.org/{word}/{uuid.uuid4()}", "keys": {"p256dh": "key", "auth": "auth"}}


WRAPPINGS = {
    "json": ("json", False, ()),
    "json-string": ("json-string", False, ("json-string",)),
    "raw": ("raw", False, ("raw",)),
    "by __TypeId__ alone": ("json", True, ("json", "social.tests.AnyRequest")),
}


@pytest.mark.parametrize("codec, typed, ours", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_spring_push_service_serves_our_api(kafka, nobody_else, api, tmp_path, codec, typed, ours):
    options = ["--kafka.request-timeout", "3s"]
    for topic in (SUBSCRIBE, PUSH):
        options += ["--kafka.codec", f"{topic}={ours[0]}"] if ours else []
        options += ["--kafka.type-id", f"{topic}={ours[1]}"] if len(ours) > 1 else []
    server = api(*options)
    with Responder(kafka.brokers, tmp_path, codec=codec, typed=typed):
        harry, sally = Person(server.url), Person(server.url)
        asked = browser("good")
        saved = harry.ok("POST", "/api/subscribe", json=asked)
        assert saved.keys() == {"seq", "userId", "notificationEndPoint", "locale", "createAt"}
        assert (saved["userId"], saved["notificationEndPoint"]) == (harry.id, asked["endpoint"])
        assert Api(server.url).ok("GET", "/api/push/public-key")["keyId"] == "spring"

        path = f"/api/subscriptions/{saved['seq']}"
        assert sally.refused(404, "DELETE", path)["code"] == "subscription_not_found"
        assert harry.ok("DELETE", path) is True
        assert harry.refused(404, "DELETE", path)["code"] == "subscription_not_found"

        refused = harry.refused(400, "POST", "/api/subscribe", json=browser("refused"))
        assert refused["fields"] == [{"field": "endpoint", "reason": "is refused"}]
        assert harry.refused(500, "POST", "/api/subscribe", json=browser("broken"))["code"] == "internal"
        assert harry.refused(503, "POST", "/api/subscribe", json=browser("silent"))["code"] == "outcome_unknown"


def test_several_api_processes_share_the_reply_topics(kafka, nobody_else, api, tmp_path):
    servers = [api() for _ in range(3)]
    with Responder(kafka.brokers, tmp_path), ThreadPoolExecutor(12) as crowd:
        people = [Person(servers[n % 3].url, email=f"member{n}@example.org") for n in range(12)]

        def subscribe_and_remove(person: Person) -> None:
            for _ in range(10):
                saved = person.ok("POST", "/api/subscribe", json=browser("good"))
                assert saved["userId"] == person.id
                assert person.ok("DELETE", f"/api/subscriptions/{saved['seq']}") is True

        list(crowd.map(subscribe_and_remove, people))
    for server in servers:
        assert metric(server, "social_kafka_replies_total") == 80
        assert metric(server, "social_kafka_replies_unmatched_total") >= 1
        assert metric(server, "social_kafka_reply_timeouts_total") == 0
