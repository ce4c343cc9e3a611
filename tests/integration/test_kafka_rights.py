"""A broker that allows nothing but what is granted: the table of rights in docs/operations.md is enough, and who has less
is held up by nothing that it does not need."""

import pytest
from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)
from kafka_load import OPTIONS
from kafka_records import TABLE, TIMEOUT_S, Topics
from kafka_services import GROUP, TwoServices, degraded, wait_consumed, wait_published
from push_support import Device, Writer, admin

from kafka import Cluster

USERS = {"api": "of-the-api-4711", "push": "of-the-push-service-0815"}
EVENTS = [f"v1.event.{name}" for name in ("user-joined", "post-created", "post-viewed", "post-liked", "comment-created",
                                          "connection-requested", "connection-granted")]
TOLD = [name for name in EVENTS if name not in ("v1.event.post-created", "v1.event.post-viewed")]
REQUESTS = ["v1.event.subscription.request", "v1.push.request"]
REPLIES = ["v1.event.subscription.response", "v1.push.response"]
LETTERS = [name + "-dlt" for name in (*TOLD, *REQUESTS)]
UNUSED = [f"v1.event.{kind}-{what}" for kind in ("user", "post", "comment") for what in ("updated", "deleted")]


@pytest.fixture
def guarded(tmp_path):
    with Cluster(tmp_path / "kafka", sasl=USERS, guarded=True) as cluster:
        yield cluster


def grant(topics: Topics, user: str, operation: AclOperation, *names: str, kind=ResourceType.TOPIC,
          pattern=ResourcePatternType.LITERAL) -> None:
    wanted = [AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW) for name in names]
    for answer in topics.admin.create_acls(wanted).values():
        answer.result(TIMEOUT_S)


def grant_what_is_used(topics: Topics) -> None:
    grant(topics, "api", AclOperation.WRITE, *EVENTS, *REQUESTS)
    grant(topics, "api", AclOperation.READ, *REPLIES)
    grant(topics, "push", AclOperation.WRITE, *REPLIES, *LETTERS, TABLE)
    grant(topics, "push", AclOperation.READ, *TOLD, *REQUESTS, *LETTERS, TABLE)
    grant(topics, "push", AclOperation.READ, GROUP, kind=ResourceType.GROUP)


def services(folder, cluster: Cluster, service) -> TwoServices:
    files = {}
    for user, password in USERS.items():
        files[user] = folder / f"{user}.properties"
        files[user].write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
                               f"sasl.username={user}\nsasl.password={password}\n")
        files[user].chmod(0o600)
    return TwoServices(folder, cluster.sasl_brokers, service, api_options=("--kafka.option-file", str(files["api"])),
                       push_options=(*OPTIONS, "--kafka.option-file", str(files["push"])))


def check_that_it_works(two: TwoServices, topics: Topics, service) -> None:
    ann = Writer(two.url, "Ann")
    device = Device(service, ann)  # a request, a reply and the table
    ann.hear(ann.befriend("Bob"), "with few rights")
    device.wait_for("with few rights")
    topics.put("v1.event.post-liked", b"{", partition=0)
    wait_published(two.api)
    wait_consumed(topics)
    assert len(topics.read("v1.event.comment-created")) == 1
    assert len(topics.read("v1.event.post-liked-dlt")) == 1


def test_the_documented_rights_are_enough(tmp_path, guarded, strict_service):
    topics = Topics(guarded.brokers)
    grant_what_is_used(topics)
    for user in USERS:
        for operation in (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS, AclOperation.CREATE):
            grant(topics, user, operation, "v1.", pattern=ResourcePatternType.PREFIXED)
    with services(tmp_path, guarded, strict_service) as two:
        two.ready()
        check_that_it_works(two, topics, strict_service)
        assert degraded(two.api) == degraded(two.push) == {}
        assert topics.names() == {*EVENTS, *UNUSED, *REQUESTS, *REPLIES, *LETTERS, TABLE}


def test_who_may_neither_make_nor_see_what_it_does_not_need_is_not_held_up(tmp_path, guarded, strict_service):
    topics = Topics(guarded.brokers)
    for name in (*EVENTS, *REQUESTS, *REPLIES, *LETTERS):  # not those that nobody uses
        topics.make(name)
    topics.make(TABLE, cleanup_policy="compact")
    grant_what_is_used(topics)
    with services(tmp_path, guarded, strict_service) as two:
        two.ready(besides=("kafka.topics",))
        check_that_it_works(two, topics, strict_service)
        for server in (two.api, two.push):
            assert "uthorization" in degraded(server)["kafka.topics"]
        assert topics.names() == {*EVENTS, *REQUESTS, *REPLIES, *LETTERS, TABLE}


def test_a_topic_that_one_may_not_see_is_asked_for_seldom(tmp_path, guarded, strict_service):
    """It may be made, so that the broker says that it is there already: that is no progress."""
    topics = Topics(guarded.brokers)
    topics.make(TABLE, cleanup_policy="compact")
    grant_what_is_used(topics)
    grant(topics, "push", AclOperation.DESCRIBE, "v1.", pattern=ResourcePatternType.PREFIXED)
    for user in USERS:
        grant(topics, user, AclOperation.CREATE, "v1.", pattern=ResourcePatternType.PREFIXED)
    with services(tmp_path, guarded, strict_service) as two:
        two.ready(besides=("kafka.topics",))
        check_that_it_works(two, topics, strict_service)
        assert "describe" in degraded(two.api)["kafka.topics"]
        said = {topic["name"]: topic.get("difference", "") for topic in admin(two.api, "kafka")["topics"]}
        assert "describe" in said[TABLE] and said["v1.event.comment-created"] == ""
