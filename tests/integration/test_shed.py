"""What a server refuses because it has too much to do, or answers too late, is counted and listed with its reason. The disk
is slow, so that a command is under way for as long as a test needs."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from people import Api, Person
from push_support import admin, until
from server import Server

CALLERS = 12


@pytest.fixture
def start(tmp_path):
    running = []

    def started(*options: str, sync_ms: int = 80) -> Server:
        running.append(Server(tmp_path / "data", f"--slow.sync-ms={sync_ms}", *options, name="tests/slow_server"))
        return running[-1].start()

    yield started
    for server in running:
        server.stop()


def letters(server: Server) -> dict:
    return admin(server, "dead-letters")["node"]


def counted(server: Server, reason: str) -> int:
    """In the report and for Prometheus alike."""
    count = letters(server)["counts"].get(reason, 0)
    text = requests.get(server.admin_url + "/metrics", timeout=30).text
    found = re.search(rf'^social_actor_dead_letters_total{{reason="{reason}"}} (\S+)$', text, re.MULTILINE)
    assert (float(found[1]) if found else 0) >= count
    return count


def together(server: Server, path: str, body, token: str | None = None) -> list[tuple[int, str]]:
    """POSTs of body(number), all at once: (status, code of the error)."""
    start = threading.Barrier(CALLERS)

    def call(number: int) -> tuple[int, str]:
        api = Api(server.url, token)
        api.ok("GET", "/api/_hcheck")
        start.wait(30)
        answer = api.call("POST", path, json=body(number))
        return answer.status_code, (answer.json().get("error") or {}).get("code", "")

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, range(CALLERS)))


def write_together(server: Server, person: Person) -> list[tuple[int, str]]:
    """Posts of one person."""
    return together(server, "/api/post", lambda number: {"contents": f"post number {number}"}, person.token)


def check_listed(server: Server, reason: str, sender: str, refused: int) -> None:
    assert counted(server, reason) == refused
    newest = [letter for letter in letters(server)["newest"] if letter["reason"] == reason]
    assert len(newest) == refused
    for letter in newest:
        assert re.fullmatch(sender, letter["from"]), letter
        assert letter["message"] and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", letter["at"])


@pytest.mark.parametrize("option, reason, sender", [
    (("--limits.requests-in-flight", "1", "--http.threads", "1"), "asks_full", r"gateway/1"),
    (("--limits.commit-queue", "1"), "commit_queue_full", r"post/\d+"),
])
def test_what_is_shed_is_refused_at_once_counted_and_listed(start, option, reason, sender):
    server = start(*option)
    ann = Person(server.url, "Ann")
    before = counted(server, reason)
    answers = write_together(server, ann)
    refused = [answer for answer in answers if answer == (503, "overloaded")]
    written = [answer for answer in answers if answer == (200, "")]
    assert refused and written and len(refused) + len(written) == CALLERS, answers
    check_listed(server, reason, sender, before + len(refused))


def test_passwords_beyond_the_limit_are_shed_alike(start):
    server = start("--limits.logins-in-flight", "1", "--limits.hash-threads", "1")
    answers = together(server, "/api/user/join", lambda number: {
        "name": f"user{number}", "principal": f"user{number}@example.com", "credentials": "password"})
    refused = [answer for answer in answers if answer == (503, "overloaded")]
    joined = [answer for answer in answers if answer == (200, "")]
    assert refused and joined and len(refused) + len(joined) == CALLERS, answers
    check_listed(server, "passwords_full", r"http/passwords", len(refused))


def test_an_answer_after_its_deadline_is_a_late_reply(start):
    # Deadlines are looked at every 100 ms: this one is over after 200 at most.
    server = start("--limits.ask-deadline", "100ms", sync_ms=300)
    join = {"name": "Ann", "principal": "ann@example.com", "credentials": "password"}
    answer = Api(server.url).call("POST", "/api/user/join", json=join)
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "outcome_unknown"
    until(lambda: counted(server, "late_reply") == 1)
    check_listed(server, "late_reply", r"gateway/\d+", 1)
    Api(server.url).refused(409, "POST", "/api/user/join", json=join)  # what was late has happened


def test_nothing_is_listed_where_nothing_is_shed(start):
    server = start()
    ann = Person(server.url, "Ann")
    assert {status for status, _ in write_together(server, ann)} == {200}
    assert letters(server) == {"counts": {}, "newest": []}
