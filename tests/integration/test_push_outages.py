"""Services that are silent or away, and a server that is stopped or killed: what was promised still arrives, once."""

import socket
import time
from dataclasses import dataclass

import pytest
from people import Person
from push_support import SUBJECT, Device, Writer, admin, catch_up, lane, options_for, readiness, settle, until
from server import Server

from push_service import PushService

# A silent service is given up after 30 s.
HANG_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


@pytest.fixture
def start(service, tmp_path):
    """start(*options): a server of the test's own."""
    running = []

    def started(*options: str) -> Server:
        common = ["--push.subject", SUBJECT, "--push.join-audience", "none", *options_for(service)]
        running.append(Server(tmp_path / "data", *common, *options).start())
        return running[-1]

    yield started
    for server in running:
        assert server.stop() == 0, server.log[-4000:]
    service.reset()


@pytest.fixture
def silent_origin():
    """Takes connections and says nothing, not even a TLS handshake."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"https://localhost:{listener.getsockname()[1]}"


@dataclass
class World:
    server: Server
    sally: Writer
    harry: Person
    device: Device


@pytest.fixture
def open_world(start, service):
    """open_world(*options): a server, a writer with a device, and a friend who comments."""

    def opened(*options: str) -> World:
        server = start(*options)
        sally = Writer(server.url)
        harry = sally.befriend()
        catch_up(server)
        return World(server, sally, harry, Device(service, sally))

    return opened


def again(world: World) -> None:
    """Starts the stopped server; its port is another one."""
    world.server.start()
    for person in (world.sally, world.harry):
        person.url = world.server.url


def test_a_service_that_hangs_or_is_dead_delays_no_other(open_world, silent_origin):
    with PushService() as hanging_service:
        world = open_world("--push.allow-origin", silent_origin, *options_for(hanging_service))
        sally, harry = world.sally, world.harry
        hanging = Device(hanging_service, sally)
        keys = hanging.subscription["keys"]
        sally.ok("POST", "/api/subscribe", json={"notificationEndPoint": f"{silent_origin}/push/nobody",
                                                 "publicKey": keys["p256dh"], "auth": keys["auth"]})
        hanging.answer({"hang": True})
        sally.hear(harry, "comment number 0")
        hanging.messages(at_least=1)
        started = time.monotonic()
        for number in range(1, 20):
            sally.hear(harry, f"comment number {number}")
            world.device.wait_for(f"comment number {number}")
        assert time.monotonic() - started < 5, "the good service had to wait for a silent one"
        assert admin(world.server, "push")["pending"] >= 20
        # The hanging request is given up, and the message is sent anew.
        topic = hanging.messages()[0]["topic"]
        until(lambda: [m["status"] for m in hanging.messages() if m["topic"] == topic] == [0, 201], HANG_TIMEOUT_S)


def test_a_message_expires_and_the_operator_is_told(open_world, silent_origin, service):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"https://localhost:{closed.getsockname()[1]}"
    world = open_world("--push.ttl", "3s", "--push.allow-origin", nobody)
    device, sally = world.device, world.sally
    device.answer({"status": 500, "times": 0})
    unreachable = service.subscribe()
    body = {"notificationEndPoint": f"{nobody}/push/nobody", "publicKey": unreachable["keys"]["p256dh"],
            "auth": unreachable["keys"]["auth"]}
    lost = sally.ok("POST", "/api/subscribe", json=body)
    sally.hear(world.harry, "soon forgotten")
    letters = until(lambda: len(admin(world.server, "dead-letters")["push"]["deadLetters"]) == 2
                    and admin(world.server, "dead-letters")["push"]["deadLetters"], message="nothing expired")
    by_device = {letter["device"]: letter for letter in letters}
    for seq, last in ((device.saved["seq"], "500"), (lost["seq"], "connect")):
        letter = by_device[seq]
        assert (letter["result"], letter["userId"], letter["type"]) == ("expired", sally.id, "comment-created")
        assert letter["reason"] == f"its time ran out; last: {last}"
        assert letter["attempts"] >= 2
    tries = device.messages()
    assert 2 <= len(tries) < 20 and all(message["ttl"] <= 3 for message in tries)
    assert tries[-1]["received_at"] - tries[0]["received_at"] <= 3.5
    settle(world.server)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_waits_survives_the_end_of_the_server(how, open_world):
    world = open_world()
    world.device.answer({"status": 503, "times": 0})
    for number in range(3):
        world.sally.hear(world.harry, f"comment number {number}")
    until(lambda: admin(world.server, "push")["pending"] == 3)
    topics = {m["payload"]["message"]: m["topic"] for m in world.device.messages(at_least=3)}
    if how == "stop":
        assert world.server.stop() == 0
    else:
        world.server.kill()
    world.device.answer()
    again(world)
    for number in range(3):
        world.device.wait_for(f"comment number {number}")
    settle(world.server)
    accepted = [m for m in world.device.messages() if m["status"] == 201]
    assert sorted(m["payload"]["message"] for m in accepted) == [f"comment number {number}" for number in range(3)]
    assert all(topics.get(m["payload"]["message"], m["topic"]) == m["topic"] for m in accepted)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_message_that_may_have_arrived_is_sent_again_as_its_own_twin(how, open_world, service):
    """The server ends between sending and hearing the answer: the double replaces the first at the service."""
    world = open_world()
    world.device.answer({"hang": True})
    world.sally.hear(world.harry, "once or twice")
    world.device.messages(at_least=1)
    if how == "stop":
        assert world.server.stop() == 0
    else:
        world.server.kill()
    again(world)
    first, second = world.device.wait_for("once or twice")
    assert first["topic"] == second["topic"] and first["payload"] == {
        **second["payload"], "notification": first["payload"]["notification"]}
    assert first["payload"]["tag"] == second["payload"]["tag"]
    settle(world.server)
    assert len(world.device.messages()) == 2


def test_events_that_were_not_planned_are_made_up_for(open_world):
    """Killed right behind the answer: the journal has the comment, whether push had seen it or not."""
    world = open_world()
    for number in range(5):
        world.sally.hear(world.harry, f"comment number {number}")
        world.server.kill()
        again(world)
    for number in range(5):
        world.device.wait_for(f"comment number {number}")
    settle(world.server)
    messages = world.device.messages()
    assert len({m["topic"] for m in messages}) == 5
    assert len({m["payload"]["event"]["id"] for m in messages}) == 5


def test_an_orderly_stop_waits_for_nothing(open_world):
    world = open_world("--shutdown.deadline", "1m")
    world.sally.hear(world.harry, "before the end")
    world.device.wait_for("before the end")
    settle(world.server)
    started = time.monotonic()
    assert world.server.stop() == 0
    assert time.monotonic() - started < 5, "something idle held the stop up"


def test_without_a_subject_public_services_wait(tmp_path):
    with PushService("--allow-no-sub") as service:
        server = Server(tmp_path / "data", "--push.join-audience", "none", *options_for(service))
        with server:
            sally = Writer(server.url)
            harry = sally.befriend()
            catch_up(server)
            device = Device(service, sally)
            sally.hear(harry, "to the allowed origin")
            assert set(device.wait_for("to the allowed origin")[0]["claims"]) == {"aud", "exp"}
            assert readiness(server)["push.subject"] == {"name": "push.subject", "ok": True, "degraded": False}

            body = {"endpoint": "https://push.example.com/abc", "keys": device.subscription["keys"]}
            sally.ok("POST", "/api/subscribe", json=body)
            sally.hear(harry, "to a public one")
            device.wait_for("to a public one")
            until(lambda: (found := lane(server, "https://push.example.com")) and found["moreInStore"])
            waiting = lane(server, "https://push.example.com")
            assert waiting["state"] == "no-subject" and waiting["underWay"] == 0
            checks = readiness(server)
            assert checks["status"] == 200
            assert (checks["push.subject"]["ok"], checks["push.subject"]["degraded"]) == (True, True)
            assert "push.subject" in checks["push.subject"]["reason"]
            assert "push.subject" in admin(server, "push")["problem"]
            assert admin(server, "push")["pending"] == 1
        assert [line for line in server.log.splitlines() if "push.subject" in line and "push.example.com" in line]
        assert "/abc" not in server.log  # the endpoint is a secret
        server.start()
        until(lambda: admin(server, "push")["pending"] == 1, message="the delivery did not wait durably")
        assert server.stop() == 0
