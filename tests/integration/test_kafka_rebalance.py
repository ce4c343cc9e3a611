"""Several push processes share the partitions, and each knows all devices."""

import pytest
from kafka_load import OPTIONS, Load, count, spread_writers
from kafka_services import GROUP, QUICK_MEMBERS, end, wait_consumed, wait_ready
from people import Person
from push_support import Device, Writer, admin, until

pytestmark = pytest.mark.timeout(300)
WRITES = 100


@pytest.fixture
def two(two_services, tmp_path):
    """Their VAPID keys lie in one directory, so that a device may be told by any of them."""
    return two_services(push_options=(*OPTIONS, *QUICK_MEMBERS, "--push.vapid-dir", str(tmp_path / "vapid")))


@pytest.fixture
def second(two):
    server = two.another_push("second")
    yield server
    end(server)


def wait_shared(topics, members: int) -> None:
    """Until so many members have partitions."""
    until(lambda: len([assigned for assigned in topics.members(GROUP) if assigned]) == members, 60,
          f"the partitions are not shared by {members}")


def test_partitions_move_under_load(two, second, topics):
    with Load(two) as load:
        for _ in range(2):
            load.go_on(WRITES)
            second.start()
            wait_shared(topics, 2)
            load.go_on(WRITES)
            assert second.stop() == 0, second.log[-4000:]
            wait_shared(topics, 1)
        load.go_on(WRITES)
        second.start()  # it may have been stopped before it had sent all that it had consumed
    found = count(load, topics, two.push, second)
    assert (found.records_twice, found.deliveries_twice) == (0, 0)


def test_the_first_process_leaves_and_comes_back(two, second, topics):
    with Load(two) as load:
        load.go_on(WRITES)
        second.start()
        wait_shared(topics, 2)
        assert two.push.stop() == 0, two.push.log[-4000:]
        load.go_on(WRITES)
        two.push.start()
        wait_shared(topics, 2)
        load.go_on(WRITES)
    found = count(load, topics, two.push, second)
    assert (found.records_twice, found.deliveries_twice) == (0, 0)


def test_a_process_is_killed_and_comes_back(two, second, topics, strict_service):
    """Also what it had consumed and not sent yet is told, once it is back: nobody else has it."""
    second.start()
    wait_shared(topics, 2)
    with Load(two) as load:
        load.go_on(WRITES)
        strict_service.script([{"status": 503, "headers": {"Retry-After": "2"}, "times": 0}])
        until(lambda: admin(second, "push")["pending"] > 5, message="nothing waits in its store")
        second.kill()
        strict_service.script([])
        load.go_on(WRITES)
        wait_shared(topics, 1)  # the other takes over
        load.go_on(WRITES)
        second.start()
        wait_shared(topics, 2)
        load.go_on(WRITES)
    found = count(load, topics, two.push, second)
    assert found.records_twice == 0
    assert found.deliveries_twice <= 64


def test_a_device_is_known_to_all(two, second, topics, strict_service):
    """Whichever process consumes the partition of its owner's events; and so is that it is gone."""
    second.start()
    wait_ready(second)
    wait_shared(topics, 2)
    owners = spread_writers(two.url, 8)
    devices = [Device(strict_service, owner) for owner in owners]
    gone = [Device(strict_service, owner) for owner in owners]
    for owner, device in zip(owners, gone):
        owner.ok("DELETE", f"/api/subscriptions/{device.saved['seq']}")
    friends = [owner.befriend(f"Friend{i}") for i, owner in enumerate(owners)]
    for owner, friend in zip(owners, friends):
        owner.hear(friend, f"to {owner.id}")
    for owner, device in zip(owners, devices):
        device.wait_for(f"to {owner.id}")
    wait_consumed(topics)
    until(lambda: not any(admin(server, "push")["pending"] for server in (two.push, second)))
    assert not any(device.messages() for device in gone)
    told = [admin(server, "push")["answers"] for server in (two.push, second)]
    assert all(told), f"one of them has told nobody: {told}"


def test_a_process_that_comes_later_knows_the_devices_of_before(two, second, topics, strict_service):
    owner = Writer(two.url)
    device = Device(strict_service, owner)
    friend = owner.befriend()
    second.start()
    wait_ready(second)
    wait_shared(topics, 2)
    assert two.push.stop() == 0, two.push.log[-4000:]
    owner.hear(friend, "from the second")
    device.wait_for("from the second")
    Person(two.url)
    two.push.start()
