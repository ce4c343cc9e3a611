"""The forms that need Kafka, as users meet them while no broker answers: they start, serve what they can, and end."""

import contextlib
import json
import re
import socket
import subprocess
import threading
import time

import pytest
import requests
from cli_support import COMMAND_TIMEOUT_S, environment
from people import Api, Person
from push_support import admin, until
from server import READY_TIMEOUT_S, STOP_TIMEOUT_S, Server, executable

URL = r"http://127\.0\.0\.1:\d+"
NOBODY = ("--kafka.brokers", "127.0.0.1:1")  # a port that nothing listens on
# name, options, roles of the ready line
FORMS = {
    "push": ("social-server-push", (), ["push"]),
    "api": ("social-server-api", (), ["api"]),
    "api without push": ("social-server-api", ("--push.off",), ["api"]),
    "role push": ("social-server", ("--roles", "push"), ["push"]),
    "role api": ("social-server", ("--roles", "api"), ["api"]),
    "both": ("social-server", (), ["api", "push"]),
}


@contextlib.contextmanager
def silent_broker():
    """Takes connections and never says a word, as one that is stopped or behind a broken network."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        taken: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", taken
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for each in taken:
                each.close()


def form(name: str, data, *options: str) -> Server:
    program, own, roles = FORMS[name]
    return Server(data, *own, *options, name=program, serves_api="api" in roles)


def checks(server: Server) -> dict:
    answer = requests.get(server.admin_url + "/readyz", timeout=30)
    assert answer.status_code == 200
    return {check["name"]: check for check in answer.json()["checks"]}


@pytest.mark.parametrize("name", FORMS)
def test_it_is_ready_without_a_broker_and_says_what_is_missing(name, tmp_path):
    program, _, roles = FORMS[name]
    with form(name, tmp_path / "data", *NOBODY) as server:
        api = rf'"api":"{URL}",' if "api" in roles else ""
        names = ",".join(f'"{role}"' for role in roles)
        assert re.fullmatch(rf'{{"ready":{{{api}"admin":"{URL}","roles":\[{names}\],"pid":\d+}}}}', server.lines[0])
        run_file = tmp_path / "data" / "run" / f"{program}.json"
        assert run_file.read_text() == server.lines[0] + "\n"
        found = checks(server)
        assert found["kafka.connection"]["degraded"] and found["kafka.topics"]["degraded"]
        assert ("kafka.consumer" in found) == ("push" in roles)
        assert ("kafka.requests" in found) == ("api" in roles and name != "api without push")
        report = admin(server, "kafka")
        assert report["connected"] is False
        assert {"outbox", "requests", "consumer", "table", "served", "sender"} & report.keys() == {
            *(["outbox"] if "api" in roles else []),
            *(["requests"] if found.get("kafka.requests") else []),
            *(["consumer", "table", "served", "sender"] if "push" in roles else [])}
        if "api" in roles:
            person = Person(server.url)  # joins
            assert Api(server.url).call("GET", "/api/push/public-key").status_code == 503
            until(lambda: admin(server, "kafka")["outbox"]["depth"] > 0, message=f"{person}: no event waits")
    assert not run_file.exists()


@pytest.mark.parametrize("name", ["push", "api", "both"])
def test_a_stop_does_not_wait_for_a_broker_that_says_nothing(name, tmp_path):
    with silent_broker() as (brokers, taken):
        server = form(name, tmp_path / "data", "--kafka.brokers", brokers, "--shutdown.deadline", "20s").start()
        until(lambda: taken, message="nobody asks the broker")
        if "api" in FORMS[name][2]:
            Person(server.url)
        begun = time.monotonic()
        assert server.stop() == 0, server.log[-4000:]
        assert time.monotonic() - begun < 15


def test_two_executables_share_a_directory_that_both_make(tmp_path):
    for round_ in range(5):
        data = tmp_path / f"data{round_}"
        data.mkdir(mode=0o755)
        both = [form("api", data, *NOBODY), form("push", data, *NOBODY)]
        commands = [[str(executable(each.name)), "--data", str(data), *NOBODY, "--admin.port", "0",
                     *(("--http.port", "0") if each.serves_api else ())] for each in both]
        with open(tmp_path / "log", "ab") as log:
            running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                        env=environment()) for command in commands]
        try:
            for process in running:
                assert json.loads(process.stdout.readline())["ready"]["pid"] == process.pid
            assert {each.name for each in (data / "run").iterdir()} == {"social-server-api.json",
                                                                        "social-server-push.json"}
            token = (data / "secrets" / "admin.token").read_text()
            for each in (data / "run").iterdir():
                url = json.loads(each.read_text())["ready"]["admin"]
                headers = {"Authorization": f"Bearer {token}"}
                assert requests.get(url + "/admin/kafka", headers=headers, timeout=30).status_code == 200
            for process in running:
                process.terminate()
            assert [process.wait(STOP_TIMEOUT_S) for process in running] == [0, 0]
        finally:
            for process in running:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                process.stdout.close()


def test_one_store_belongs_to_one_process(tmp_path):
    with form("push", tmp_path / "data", *NOBODY):
        done = subprocess.run([executable("social-server-push"), "--data", tmp_path / "data", "--admin.port", "0", *NOBODY],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(),
                              timeout=READY_TIMEOUT_S)
        assert done.returncode == 3 and "in use by another process" in done.stderr
        with form("api", tmp_path / "data", *NOBODY):
            pass


def test_the_push_executable_has_its_keys(tmp_path):
    def keys(what: str) -> list[str]:
        done = subprocess.run([executable("social-server-push"), "vapid", what, "--data", tmp_path / "data"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(),
                              timeout=COMMAND_TIMEOUT_S)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()
    first = keys("show")
    assert len(first) == 1 and first[0].endswith(" current")
    rotated = keys("rotate")
    assert len(rotated) == 2 and rotated == keys("show")


def test_changes_through_the_admin_api_are_asked_for(tmp_path):
    def replay(server: Server, letter: str, token: str) -> requests.Response:
        return requests.post(f"{server.admin_url}/admin/dead-letters/{letter}/replay", timeout=60,
                             headers={"Authorization": f"Bearer {token}"})
    letters = ("v1.event.user-joined-dlt:0:17", "v1.event.user-joined-dlt%3A0%3A17", "1795449600000-abcdefghijkl")
    with form("push", tmp_path / "data", *NOBODY) as server:
        for letter in letters:
            refused = replay(server, letter, server.admin_token)
            assert refused.status_code == 403 and "--admin.write" in refused.json()["error"]["message"]
    with form("push", tmp_path / "data", "--admin.write", *NOBODY) as server:
        for letter in letters:
            assert replay(server, letter, server.admin_token).status_code == 404
        assert replay(server, letters[0], "wrong").status_code == 401
        assert requests.get(f"{server.admin_url}/admin/dead-letters/{letters[0]}/replay", timeout=30,
                            headers={"Authorization": f"Bearer {server.admin_token}"}).status_code == 405
