"""Who hears of a new member, and how many at once."""

import concurrent.futures

import pytest
from people import Person
from push_support import SUBJECT, Device, Writer, compact, options_for, settle
from server import Server

from push_service import PushService

GATHERED_WITHIN_S = 5


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


@pytest.fixture
def start(service, tmp_path):
    """start(*options): a server of the test's own."""
    running = []

    def started(*options: str) -> Server:
        running.append(Server(tmp_path / "data", "--push.subject", SUBJECT, *options_for(service), *options).start())
        return running[-1]

    yield started
    for server in running:
        assert server.stop() == 0, server.log[-4000:]


def test_everybody_else_hears_of_each_when_nothing_is_gathered(service, start):
    server = start("--push.join-interval", "0s")
    sally = Writer(server.url)
    korean, english = Device(service, sally, locale="ko"), Device(service, Writer(server.url, "Bob"), locale="en")
    settle(server)
    service.reset()
    joined = [Person(server.url, name) for name in ("지수", "Kim")]
    for device, lang, text in ((korean, "ko", "환영 메시지를 보내 보세요."),
                               (english, "en", "Please send a welcome message.")):
        messages = {message["payload"]["clickTarget"]: message for message in device.messages(at_least=2)}
        assert len({message["topic"] for message in messages.values()}) == 2
        for person in joined:
            title = f"{person.user['name']} Joined!"
            target = f"/friends/{person.id}"
            message = messages[target]
            event = message["payload"]["event"]
            assert message["text"] == compact({
                "title": title, "message": text, "clickTarget": target, "tag": "joined", "web_push": 8030,
                "notification": {"title": title, "body": text, "navigate": server.url + target, "tag": "joined",
                                 "lang": lang},
                "event": {"id": event["id"], "type": "user-joined", "createdAt": person.user["createAt"]}})
            assert message["urgency"] == "low"
    settle(server)
    assert [len(korean.messages()), len(english.messages())] == [2, 2]


def test_a_newcomer_does_not_hear_of_the_own_joining(service, start):
    server = start("--push.join-interval", "0s")
    kim = Person(server.url, "Kim")
    device = Device(service, kim)
    sally = Person(server.url, "Sally")
    device.messages(at_least=1)
    settle(server)
    assert device.titles() == ["Sally Joined!"]
    assert device.messages()[0]["payload"]["clickTarget"] == f"/friends/{sally.id}"


def test_later_ones_are_gathered_into_one(service, start):
    server = start("--push.join-interval", f"{GATHERED_WITHIN_S}s")
    device = Device(service, Person(server.url, "Sally"), locale="en")
    first = Person(server.url, "First")
    device.messages(at_least=1)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        later = list(pool.map(lambda name: Person(server.url, name), ("Ann", "Bob", "Cid")))
    at_once, gathered = device.messages(at_least=2)
    assert at_once["payload"]["title"] == "First Joined!"
    assert at_once["payload"]["clickTarget"] == f"/friends/{first.id}"
    named = {f"{person.user['name']} and 2 others joined!": person for person in later}
    assert gathered["payload"]["title"] in named
    assert gathered["payload"]["clickTarget"] == f"/friends/{named[gathered['payload']['title']].id}"
    assert gathered["payload"]["notification"]["body"] == "Please send a welcome message."
    assert gathered["received_at"] - at_once["received_at"] >= GATHERED_WITHIN_S - 0.5
    settle(server)
    assert len(device.messages()) == 2


def test_a_window_survives_a_crash(service, start):
    server = start("--push.join-interval", f"{GATHERED_WITHIN_S}s")
    device = Device(service, Person(server.url, "Sally"), locale="en")
    Person(server.url, "First")
    device.messages(at_least=1)
    Person(server.url, "Ann")
    settle(server)
    server.kill()
    server.start()
    assert device.titles(at_least=2) == ["First Joined!", "Ann Joined!"]


def test_nobody_hears_when_nobody_shall(service, start):
    server = start("--push.join-interval", "0s", "--push.join-audience", "none")
    sally = Writer(server.url)
    device = Device(service, sally)
    harry = sally.befriend()
    sally.hear(harry, "a sign of life")
    settle(server)
    types = sorted(message["payload"]["event"]["type"] for message in device.messages())
    assert types == ["comment-created", "connection-requested"]
