"""How long a journal is kept: for journal.retention, and for every configured reader; and what a reader that was away for
longer is told. The retention here is a second, so what happened at the beginning of a test is old at its end."""

import re

import pytest
import requests
from people import Person
from push_support import Writer, admin, catch_up, readiness, until
from server import Server
from test_console import P256DH

SHORT = ("--journal.retention", "1s")
CONSOLE = ("--push.mode", "console", "--push.join-interval", "0s")
PHONE = "https://push.example.net/phone"
NEW_MEMBERS = 3


def journal(server: Server, store: str = "api") -> dict:
    [found] = [each for each in admin(server, "journals") if each["store"] == store]
    return found


def shards(server: Server, store: str = "api") -> dict[int, tuple[int, int]]:
    """shard -> (oldest, head), of those that have events"""
    return {each["shard"]: (each["oldest"], each["head"])
            for each in admin(server, "shards") if each["store"] == store and each["head"] > 0}


def push_reader(server: Server) -> dict:
    [found] = [each for each in admin(server, "subscribers") if each["name"] == "push"]
    return found


def has_trimmed_all(server: Server, store: str = "api") -> bool:
    """Of each shard the newest record is left, which is one event here or few."""
    return all(head - oldest < 2 for oldest, head in shards(server, store).values())


def metric(server: Server, name: str, labels: str) -> float:
    text = requests.get(server.admin_url + "/metrics", timeout=30).text
    found = re.search(rf"^{name}{{{re.escape(labels)}}} (\S+)$", text, re.MULTILINE)
    assert found, f"no {name}{{{labels}}}"
    return float(found[1])


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_what_is_old_and_read_goes_and_nothing_else_is_lost(data):
    with Server(data, *SHORT, *CONSOLE) as server:
        sally = Writer(server.url, "Sally", "a post that stays")
        sally.ok("POST", "/api/subscribe", json={"notificationEndPoint": PHONE, "publicKey": P256DH, "auth": "A" * 22})
        kim = Person(server.url, "Kim")
        kim.may_read(sally)
        for _ in range(5):
            kim.ok("PATCH", sally.path + "/like")
            sally.post("another one")
        catch_up(server)
        until(lambda: has_trimmed_all(server), message=str(shards(server)))
        assert journal(server)["trimmed"] > 0
        assert metric(server, "social_journal_trimmed_events_total", 'store="api"') > 0
        assert journal(server)["readers"] == [{"name": "push", "unread": 0, "oldestMillis": 0, "holdsTooLong": False}]
        assert not readiness(server)["api-journal"]["degraded"]
        # The journal of devices is kept for what follows from them; that it is written down late is no alarm.
        assert [reader["name"] for reader in journal(server, "push")["readers"]] == ["reactions"]
        assert not readiness(server)["push-journal"]["degraded"]
        heads = {shard: head for shard, (_, head) in shards(server).items()}
        assert any("a post that stays" in line for line in server.lines)

    with Server(data, *SHORT, *CONSOLE) as server:
        assert {shard: head for shard, (_, head) in shards(server).items()} == heads
        sally.url = kim.url = server.url
        assert sally.ok("GET", sally.path)["likes"] == 1
        at = len(server.lines)
        sally.hear(kim, "nice")
        until(lambda: len(server.lines) > at)
        assert push_reader(server)["skipped"] == 0 and push_reader(server)["ahead"] == 0


def test_a_reader_that_was_off_for_too_long_is_told_what_it_missed(data):
    with Server(data, *SHORT, *CONSOLE) as server:
        sally = Writer(server.url, "Sally", "a post")
        sally.ok("POST", "/api/subscribe", json={"notificationEndPoint": PHONE, "publicKey": P256DH, "auth": "A" * 22})
        kim = Person(server.url, "Kim")
        kim.may_read(sally)
        catch_up(server)
        before = shards(server)

    # Without push nobody is configured to read: the journal is kept for the retention alone.
    with Server(data, *SHORT, "--push.off", name="social-server-api") as server:
        sally.url = kim.url = server.url
        for _ in range(NEW_MEMBERS):
            sally.post("unheard of")
            sally.hear(kim, "nobody is told")
        until(lambda: has_trimmed_all(server), message=str(shards(server)))
        assert journal(server)["readers"] == []
        kept = shards(server)
    missed = sum(oldest - before[shard][1] - 1 for shard, (oldest, _) in kept.items()
                 if shard in before and oldest > before[shard][1] + 1)
    assert missed > 0

    with Server(data, *SHORT, *CONSOLE) as server:
        sally.url = kim.url = server.url
        until(lambda: push_reader(server)["skipped"] == missed, message=str(push_reader(server)))
        catch_up(server)
        check = readiness(server)["subscriber.push"]
        assert check["ok"] and check["degraded"] and check["reason"].startswith(f"{missed} events were gone")
        assert metric(server, "social_journal_subscriber_skipped_events_total", 'subscriber="push"') == missed
        until(lambda: "events were gone before they could be read" in server.log)
        at = len(server.lines)
        sally.hear(kim, "heard again")
        until(lambda: len(server.lines) > at)

    with Server(data, *SHORT, *CONSOLE) as server:
        assert not readiness(server)["subscriber.push"]["degraded"]


def test_an_outbox_holds_the_journal_for_as_long_as_kafka_is_away(data):
    nobody = ("--kafka.brokers", "127.0.0.1:1")  # a port that nothing listens on
    with Server(data, *SHORT, *nobody, name="social-server-api") as server:
        Person(server.url, "Kim").post("waits for Kafka")
        check = until(lambda: (found := readiness(server)["api-journal"])["degraded"] and found)
        assert check["ok"] and "kafka has" in check["reason"] and "journal.retention" in check["reason"]
        [reader] = journal(server)["readers"]
        assert reader["name"] == "kafka" and reader["unread"] == 2 and reader["holdsTooLong"]
        assert metric(server, "social_journal_held_count", 'store="api",reader="kafka"') == 1
        assert journal(server)["trimmed"] == 0
        assert all(oldest == 1 for oldest, _ in shards(server).values())
        until(lambda: "holds events back for longer than journal.retention" in server.log)
