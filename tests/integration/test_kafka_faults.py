"""Broker, api and push service killed, paused and stopped under load: nothing is lost, and what comes twice says so.

An event that was published twice is told once: the push service knows it."""

import signal
import time

import pytest
from kafka_load import OPTIONS, Load, count
from kafka_services import QUICK_MEMBERS, metric, outbox
from push_support import admin, readiness, until

pytestmark = pytest.mark.timeout(300)
KILLS = 3
KILLS_MAX = 20
WRITES = 100  # between two faults
SHUTDOWN_DEADLINE_S = 10  # shutdown.deadline by default


@pytest.fixture
def two(two_services):
    return two_services(push_options=(*OPTIONS, *QUICK_MEMBERS))


def kill_and_start(server) -> None:
    server.kill()
    server.start()


def test_the_broker_is_killed_and_started_again(two, topics, kafka):
    with Load(two) as load:
        load.go_on(WRITES)
        kafka.kill()
        load.go_on(WRITES)  # the API serves on
        until(lambda: (found := outbox(two.api))["depth"] > WRITES and found["ageMillis"] > 0, message="nothing waits")
        assert readiness(two.api)["status"] == readiness(two.push)["status"] == 200
        kafka.restart()
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0


def test_the_broker_stands_still_for_a_while(two, topics, kafka):
    with Load(two) as load:
        load.go_on(WRITES)
        kafka.pause()
        try:
            load.go_on(WRITES)
            until(lambda: outbox(two.api)["ageMillis"] > 3_000, message="the outbox does not get older")
        finally:
            kafka.resume()
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0


def test_the_api_is_killed_between_append_and_publish(two, topics):
    with Load(two) as load:
        for _ in range(KILLS):
            load.go_on(WRITES)
            kill_and_start(two.api)
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0


def test_the_api_is_killed_while_the_broker_has_records_and_does_not_answer(two, topics, kafka):
    with Load(two) as load:
        load.go_on(WRITES)
        kafka.pause()
        try:
            load.go_on(WRITES)
            until(lambda: outbox(two.api)["window"] > 0, message="nothing is under way")
            two.api.kill()
        finally:
            kafka.resume()
        two.api.start()
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0


def consumed_again(push) -> int:
    """Events that this life of the push service had consumed before: their effects were durable, their offset was not
    committed."""
    return admin(push, "push")["events"]["duplicate"]


def test_the_push_service_is_killed_between_consume_and_commit(two, topics):
    """Again and again, until a kill has come into that very moment."""
    kills = hits = 0
    with Load(two) as load:
        while kills < KILLS or (hits == 0 and kills < KILLS_MAX):
            load.go_on(WRITES // 2)
            kill_and_start(two.push)
            kills += 1
            taken = admin(two.push, "push")["events"]["taken"]
            until(lambda: admin(two.push, "push")["events"]["taken"] > taken, 60, "nothing is consumed after a kill")
            hits += consumed_again(two.push)
        load.go_on(WRITES)
    found = count(load, topics)
    hits += consumed_again(two.push)
    assert hits > 0, f"none of {kills} kills came between the effects and their commit"
    assert found.records_twice == 0
    # What was under way at a kill may be sent again, to the same effect; no more was.
    assert found.deliveries_twice <= kills * 64


def test_the_push_service_is_killed_while_the_broker_takes_no_commit(two, topics, kafka):
    with Load(two) as load:
        load.go_on(WRITES)
        kafka.pause()
        try:
            load.go_on(WRITES)
            two.push.kill()
        finally:
            kafka.resume()
        two.push.start()
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice <= 64


def test_a_clean_stop_of_the_push_service_doubles_nothing(two, topics):
    with Load(two) as load:
        for _ in range(KILLS):
            load.go_on(WRITES)
            assert two.push.stop() == 0, two.push.log[-4000:]
            load.go_on(WRITES // 2)
            two.push.start()
    found = count(load, topics)
    assert (found.records_twice, found.deliveries_twice) == (0, 0)


def test_a_clean_stop_of_the_api_doubles_nothing(two, topics):
    with Load(two) as load:
        for _ in range(KILLS):
            load.go_on(WRITES)
            assert two.api.stop() == 0, two.api.log[-4000:]
            two.api.start()
        load.go_on(WRITES)
    found = count(load, topics)
    assert (found.records_twice, found.deliveries_twice) == (0, 0)


def test_a_stop_of_both_while_the_broker_stands_still(two, topics, kafka):
    """SIGTERM is obeyed within shutdown.deadline, whatever the broker does; nothing is lost, and nothing is told twice."""
    with Load(two) as load:
        load.go_on(WRITES)
        kafka.pause()
        try:
            load.go_on(WRITES // 2)
            until(lambda: outbox(two.api)["window"] > 0, message="nothing is under way")
            for server in (two.push, two.api):
                begun = time.monotonic()
                assert server.stop() == 0, server.log[-4000:]  # 1: it was cut short
                assert time.monotonic() - begun < SHUTDOWN_DEADLINE_S
        finally:
            kafka.resume()
        two.start()
        load.go_on(WRITES)
    assert count(load, topics).deliveries_twice == 0


def test_a_full_disk_of_the_push_service_is_no_poison(two_services, topics):
    two = two_services(push_options=OPTIONS, push_program="tests/push_fault_server")
    with Load(two) as load:
        load.go_on(WRITES)
        two.push.send_signal(signal.SIGUSR1)  # from here on the disk is full
        load.go_on(WRITES)
        until(lambda: metric(two.push, "social_kafka_consumer_lag_records") > WRITES // 2, message="nothing waits")
        assert metric(two.push, "social_kafka_consumer_lag_seconds") > 0
        checks = readiness(two.push)
        assert not checks["push-store"]["ok"] and checks["push-store"]["reason"]
        two.push.send_signal(signal.SIGUSR2)
        load.go_on(WRITES)
    found = count(load, topics)
    assert (found.records_twice, found.deliveries_twice) == (0, 0)
    assert metric(two.push, "social_kafka_dead_letters_total") == 0
    letters = [name for name in topics.names() if name.endswith("-dlt")]
    assert letters and topics.read(*letters) == []
