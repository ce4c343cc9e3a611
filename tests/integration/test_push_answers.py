"""What the server makes of each answer of a push service."""

import email.utils
import time

import pytest
import requests
from people import Person
from push_support import SUBJECT, Device, Writer, admin, catch_up, dead_letters, lane, options_for, settle, until
from server import Server

from push_service import PushService


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


@pytest.fixture(scope="module")
def other_service():
    with PushService() as running:
        yield running


@pytest.fixture(scope="module")
def server(service, tmp_path_factory):
    data = tmp_path_factory.mktemp("answers") / "data"
    options = ["--push.subject", SUBJECT, "--push.join-audience", "none", "--admin.write", *options_for(service)]
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


def removals(server) -> int:
    return admin(server, "push")["deliveries"]["devicesRemoved"]


def answers(server, status: str) -> int:
    """How many deliveries to the services of this file were answered so."""
    return sum(each["count"] for each in admin(server, "push")["answers"] if each["status"] == status)


# --- Subscriptions that are gone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_forgotten(status, sally, harry, service, server):
    gone, kept = Device(service, sally), Device(service, sally)
    before = removals(server)
    gone.answer({"status": status})
    sally.hear(harry, "the first one")
    until(lambda: removals(server) == before + 1, message="the device was not removed")
    sally.hear(harry, "the second one")
    kept.wait_for("the second one")
    settle(server)
    assert [m["payload"]["message"] for m in gone.messages()] == ["the first one"]
    assert dead_letters(server, gone) == []


def test_the_end_of_an_old_version_leaves_the_new_one(sally, harry, service, server):
    device = Device(service, sally)
    before, gone = removals(server), answers(server, "410")
    device.answer({"status": 410, "delay_ms": 2000})
    sally.hear(harry, "while it was old")
    device.messages(at_least=1)
    device.subscribe_for(sally)
    assert answers(server, "410") == gone, "too slow a machine: the answer came before the device was renewed"
    until(lambda: answers(server, "410") == gone + 1)
    settle(server)  # the delivery ends after what becomes of its device is durable
    assert removals(server) == before
    sally.hear(harry, "now that it is new")
    device.wait_for("now that it is new")


# --- Failures that pass -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 502}, {"status": 503}, {"reset": True}, {"close": True},
                                    {"garbage": True}, {"status": 408}, {"status": 429}],
                         ids=lambda answer: "-".join(str(each) for each in next(iter(answer.items()))))
def test_what_fails_is_tried_again_until_it_is_accepted(answer, sally, harry, service, server):
    device = Device(service, sally)
    device.answer({**answer, "times": 2})
    sally.hear(harry, "again and again")
    tries = device.wait_for("again and again")
    assert [m["status"] for m in tries] == [answer.get("status", 0)] * 2 + [201]
    assert len({m["topic"] for m in tries}) == 1 and len({m["text"] for m in tries}) == 1
    assert tries[2]["ttl"] <= tries[0]["ttl"]
    settle(server)
    assert len(device.messages()) == 3


@pytest.mark.parametrize("status, form", [(429, "seconds"), (503, "seconds"), (408, "seconds"), (429, "date")])
def test_a_service_that_asks_to_wait_gets_nothing_meanwhile(status, form, sally, harry, service, server):
    """`Retry-After` is for the whole lane, other people's messages included."""
    asking, bob = Device(service, sally), Writer(server.url, "Bob")
    harry.may_read(bob)
    catch_up(server)
    device_of_bob = Device(service, bob)
    wait_until = time.time() + 2
    after = email.utils.formatdate(int(wait_until) + 1, usegmt=True) if form == "date" else "2"
    asking.answer({"status": status, "headers": {"Retry-After": after}})
    sally.hear(harry, "please wait")
    until(lambda: lane(server, service.origin)["state"] == "waiting", message="the lane does not wait")
    bob.hear(harry, "behind it")
    refused, accepted = asking.wait_for("please wait")
    behind = device_of_bob.wait_for("behind it")[0]
    earliest = wait_until if form == "date" else refused["received_at"] + 2
    assert accepted["received_at"] >= earliest - 0.05
    assert behind["received_at"] >= earliest - 0.05
    assert refused["topic"] == accepted["topic"]


# --- Answers without a retry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status, result", [(400, "refused"), (401, "refused"), (403, "refused"), (413, "too-large"),
                                            (301, "rejected"), (302, "rejected"), (307, "rejected"), (308, "rejected"),
                                            (418, "rejected")])
def test_what_is_refused_is_told_to_the_operator_and_not_tried_again(status, result, sally, harry, service,
                                                                       other_service, server):
    device = Device(service, sally)
    elsewhere = other_service.subscribe()
    requests_elsewhere = other_service.stats()["requests"]
    device.answer({"status": status, "headers": {"Location": elsewhere["endpoint"]}, "body": "for the log only"})
    sally.hear(harry, "not taken")
    letters = until(lambda: dead_letters(server, device), message="there is no dead letter")
    assert len(letters) == 1
    letter = letters[0]
    event = device.messages()[0]["payload"]["event"]
    assert (letter["result"], letter["type"], letter["eventId"]) == (result, "comment-created", event["id"])
    assert (letter["userId"], letter["origin"], letter["attempts"]) == (sally.id, service.origin, 1)
    assert str(status) in letter["reason"]
    assert device.endpoint not in str(letters)
    sally.hear(harry, "the next one")
    device.wait_for("the next one")  # the subscription is kept
    until(lambda: lane(server, service.origin)["queued"] == 0)
    assert [m["payload"]["message"] for m in device.messages()] == ["not taken", "the next one"]
    assert other_service.stats()["requests"] == requests_elsewhere


def test_an_operator_replays_what_was_refused(sally, harry, service, server):
    device = Device(service, sally)
    device.answer({"status": 413})
    sally.hear(harry, "once more")
    [letter] = until(lambda: dead_letters(server, device), message="there is no dead letter")
    url = f"{server.admin_url}/admin/dead-letters/{letter['id']}/replay"
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    answer = requests.post(url, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["response"]) == (200, {"id": letter["id"], "replayed": True})
    assert [m["payload"]["message"] for m in device.messages(2)] == ["once more", "once more"]
    assert until(lambda: dead_letters(server, device) == [])
    assert requests.post(url, headers=headers, timeout=30).status_code == 404


def test_a_subscription_that_is_always_refused_is_given_up(sally, harry, service, server):
    """At once after the fifth refusal when it never had a success, but only while others are accepted."""
    refused, good = Device(service, sally), Device(service, sally)
    refused.answer({"status": 403, "times": 0})
    before = removals(server)
    for number in range(5):
        assert removals(server) == before
        sally.hear(harry, f"comment number {number}")
        good.wait_for(f"comment number {number}")
        until(lambda: len(dead_letters(server, refused)) == number + 1)
    until(lambda: removals(server) == before + 1, message="the device was not removed")
    sally.hear(harry, "after its end")
    good.wait_for("after its end")
    assert len(refused.messages()) == 5
