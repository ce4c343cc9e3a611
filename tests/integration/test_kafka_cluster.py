"""Three brokers: one that leads is killed under load; too few are left, and then enough."""

import pytest
from kafka_load import OPTIONS, Load, count
from kafka_records import Topics
from kafka_services import TwoServices, outbox, wait_published
from push_support import readiness, until

from kafka import Cluster

pytestmark = pytest.mark.timeout(300)
WRITES = 100


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("three"), nodes=3) as cluster:
        yield cluster


@pytest.fixture
def topics(three):
    seen = Topics(three.brokers)
    yield seen
    three.revive()
    seen.clear()


@pytest.fixture
def two(tmp_path, three, topics, strict_service):
    with TwoServices(tmp_path, three.brokers, strict_service, options=("--kafka.replication", "3"),
                     push_options=OPTIONS) as both:
        yield both.ready()


def test_a_leader_is_killed(three, topics, two):
    with Load(two) as load:
        load.go_on(WRITES)
        leader = topics.leader("v1.event.comment-created", 0)
        three.kill(leader)
        load.go_on(WRITES)
        wait_published(two.api)  # by the two that are left
        three.restart(leader)
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0


def test_too_few_copies_can_be_written(three, topics, two):
    """One of three is left: no record may be acknowledged, so the outbox waits."""
    with Load(two) as load:
        load.go_on(WRITES)
        three.kill(1)
        three.kill(2)
        load.go_on(WRITES)
        assert readiness(two.api)["status"] == 200
        waiting = until(lambda: (found := outbox(two.api))["depth"] >= WRITES // 2 and found, message="nothing waits")
        load.go_on(WRITES)
        assert outbox(two.api)["depth"] > waiting["depth"]
        three.restart(1, wait=False)
        three.restart(2)
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0
