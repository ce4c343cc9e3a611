"""The console mode: one line on stdout for each push and device, byte for byte, and nothing else there."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from cli_support import environment
from people import Person
from push_support import Writer, admin, catch_up, settle, until
from server import CHEAP, READY_TIMEOUT_S, STOP_TIMEOUT_S, Server, executable

PHONE = "https://push.example.net/phone?token=a%20b"
LAPTOP = "https://push.example.net/laptop"
# A point of P-256: the generator (SEC 2, section 2.4.2).
P256DH = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("console") / "data"
    with Server(data, "--push.mode", "console", "--push.join-interval", "0s") as running:
        yield running


def subscribe(owner: Person, endpoint: str, locale: str = "ko") -> None:
    owner.ok("POST", "/api/subscribe", json={"notificationEndPoint": endpoint, "publicKey": P256DH,
                                             "auth": "A" * 22, "locale": locale})


def printed_since(server: Server, before: int, count: int) -> list[str]:
    """As soon as there are as many; more would be found by settling first."""
    until(lambda: len(server.lines) >= before + count, message=f"of {count} lines came {server.lines[before:]}")
    settle(server)
    return server.lines[before:]


def lines(text: str, *endpoints: str) -> list[str]:
    return sorted(f'{endpoint} -> "{text}" 푸쉬발송' for endpoint in endpoints)


def test_each_event_is_printed_for_each_device(server):
    """Always the Korean text, whatever the device's language is."""
    sally = Writer(server.url, "지수", '오늘 날씨가 "좋아요"\n산책\t갑시다')
    kim = Person(server.url, "Kim")
    settle(server)
    subscribe(sally, PHONE)
    subscribe(sally, LAPTOP, "en")
    at = len(server.lines)

    kim.ok("POST", f"/api/user/connections/{sally.id}")
    assert sorted(printed_since(server, at, 2)) == lines("Kim님이 친구 요청을 보냈어요.", PHONE, LAPTOP)
    sally.ok("PATCH", f"/api/user/connections/grant/{kim.id}")
    at = len(server.lines)
    kim.ok("PATCH", sally.path + "/like")
    # A line feed would make two lines of one.
    assert sorted(printed_since(server, at, 2)) == lines('오늘 날씨가 "좋아요" 산책 갑시다', PHONE, LAPTOP)
    at = len(server.lines)
    sally.hear(kim, "정말 그렇네요")
    assert sorted(printed_since(server, at, 2)) == lines("Kim가 코멘트를 달았습니다.", PHONE, LAPTOP)
    at = len(server.lines)
    sally.ok("POST", f"/api/user/connections/{kim.id}")
    kim.ok("PATCH", f"/api/user/connections/grant/{sally.id}")
    assert sorted(printed_since(server, at, 2)) == lines("Kim님이 친구 요청을 수락했어요.", PHONE, LAPTOP)
    at = len(server.lines)
    Person(server.url, "새사람")
    assert sorted(printed_since(server, at, 2)) == lines("환영 메시지를 보내 보세요.", PHONE, LAPTOP)


def test_nothing_is_printed_of_the_own_deed(server):
    sally = Writer(server.url)
    settle(server)
    subscribe(sally, "https://push.example.net/own")
    at = len(server.lines)
    sally.hear(sally, "I agree with myself")
    sally.ok("PATCH", sally.path + "/like")
    sally.post("another one")
    settle(server)
    assert [line for line in server.lines[at:] if "/own" in line] == []


def test_stdout_holds_the_ready_line_and_console_lines_alone(tmp_path):
    """Read as bytes from a file, with the most talkative log."""
    data, out = tmp_path / "data", tmp_path / "stdout"
    with open(out, "wb") as stdout, open(tmp_path / "stderr", "wb") as stderr:
        process = subprocess.Popen([executable("social-server"), "--data", data, "--http.port", "0", "--admin.port", "0",
                                    "--push.mode", "console", "--log.level", "trace", *CHEAP],
                                   stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment())
    try:
        until(lambda: out.read_bytes().endswith(b"\n"), READY_TIMEOUT_S)
        ready = json.loads(out.read_bytes())["ready"]
        sally = Writer(ready["api"])
        harry = sally.befriend()
        token = (data / "secrets" / "admin.token").read_text()
        catch_up(SimpleNamespace(admin_url=ready["admin"], admin_token=token))
        subscribe(sally, PHONE)
        sally.hear(harry, "well said")
        until(lambda: out.read_bytes().count(b"\n") == 2)
        process.terminate()
        assert process.wait(STOP_TIMEOUT_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    first, rest = out.read_bytes().split(b"\n", 1)
    assert json.loads(first)["ready"]["pid"] == process.pid
    assert rest == f'{PHONE} -> "Harry가 코멘트를 달았습니다." 푸쉬발송\n'.encode()
    assert (tmp_path / "stderr").read_bytes()


def test_there_is_no_message_to_be_taken_up_after_a_restart(start_server):
    """What was printed is done with."""
    server = start_server("--push.mode", "console")
    sally = Writer(server.url)
    harry = sally.befriend()
    subscribe(sally, PHONE)
    sally.hear(harry, "well said")
    server.wait_line(wanted="Harry가")
    settle(server)
    assert server.stop() == 0
    server.start()
    settle(server)
    assert len(server.lines) == 1


def test_the_ready_line_comes_before_what_waited(tmp_path):
    """A delivery of a former life, to be printed at once."""
    data = tmp_path / "data"
    with Server(data, "--push.join-audience", "none") as server:
        sally = Writer(server.url)
        harry = sally.befriend()
        catch_up(server)
        subscribe(sally, PHONE)
        sally.hear(harry, "well said")
        until(lambda: admin(server, "push")["pending"] == 1)  # for want of push.subject
    with Server(data, "--push.mode", "console", "--push.join-audience", "none") as server:
        assert "ready" in json.loads(server.lines[0])
        server.wait_line(wanted=PHONE)
        assert len(server.lines) == 2
