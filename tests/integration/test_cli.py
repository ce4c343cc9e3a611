"""The executables as users meet them: ready line, signals, exit codes of a running process, logs."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests
from cli_support import environment, ok, refused, refused_start
from people import Api, Person
from push_support import until
from server import CHEAP, READY_TIMEOUT_S, STOP_TIMEOUT_S, Server, executable

URL = r"http://127\.0\.0\.1:\d+"
READY = {
    ("social-server", ()): rf'{{"ready":{{"api":"{URL}","admin":"{URL}","roles":\["api","push"\],"pid":\d+}}}}',
    ("social-server", ("--roles", "api", "--push.off")):
        rf'{{"ready":{{"api":"{URL}","admin":"{URL}","roles":\["api"\],"pid":\d+}}}}',
    ("social-server-api", ("--push.off",)):
        rf'{{"ready":{{"api":"{URL}","admin":"{URL}","roles":\["api"\],"pid":\d+}}}}',
}


# --- Ready ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, options", READY, ids=lambda each: each if isinstance(each, str) else "-".join(each))
def test_one_line_says_that_it_is_ready(name, options, tmp_path):
    """`Server.start` has read it from a pipe, so it was flushed."""
    with Server(tmp_path / "data", *options, name=name) as server:
        assert re.fullmatch(READY[name, options], server.lines[0])
        run_file = tmp_path / "data" / "run" / f"{name}.json"
        assert run_file.read_text() == server.lines[0] + "\n"
        assert Api(server.url).call("GET", "/api/_hcheck").status_code == 200
        assert requests.get(server.admin_url + "/livez", timeout=30).status_code == 200
        assert requests.get(server.admin_url + "/readyz", timeout=30).json()["status"] == "ready"
        assert server.lines[1:] == []
    assert not run_file.exists()


def test_the_ready_line_goes_to_a_file_at_once(tmp_path):
    out = tmp_path / "stdout"
    with open(out, "wb") as stdout, open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([executable("social-server"), "--data", tmp_path / "data", "--http.port", "0",
                                    "--admin.port", "0"], stdin=subprocess.DEVNULL, stdout=stdout, stderr=log,
                                   env=environment())
    try:
        until(lambda: out.read_bytes().endswith(b"\n"), READY_TIMEOUT_S)
        assert process.poll() is None
        process.terminate()
        assert process.wait(STOP_TIMEOUT_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert out.read_bytes().count(b"\n") == 1


def test_a_crash_leaves_a_run_file_that_the_next_start_replaces(tmp_path):
    server = Server(tmp_path / "data").start()
    run_file = tmp_path / "data" / "run" / "social-server.json"
    server.kill()
    assert run_file.exists()
    with server:
        assert json.loads(run_file.read_text())["ready"] == server.ready
    assert not run_file.exists()


# --- The end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number, tmp_path):
    server = Server(tmp_path / "data", "--push.mode", "console").start()
    person = Person(server.url)  # its connection is kept open, and does not hold the stop up
    server.send_signal(number)
    assert server.wait(10) == 0
    with pytest.raises(requests.ConnectionError):
        person.call("GET", "/api/user/me")
    assert " error " not in server.log


def slow_request(server: Server) -> socket.socket:
    """A request that is under way: its body is incomplete."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(b"POST /api/auth HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       b"Content-Length: 1000\r\n\r\n{")
    return connection


def test_a_second_signal_ends_it_at_once(tmp_path):
    server = Server(tmp_path / "data", "--shutdown.deadline", "2m", "--limits.request-timeout", "2m").start()
    with slow_request(server):
        until(lambda: metric(server, "social_http_connections_count", listener="api") == 1)
        server.send_signal(signal.SIGTERM)
        until(lambda: "stopping in order" in server.log)
        assert server.process.poll() is None
        server.send_signal(signal.SIGTERM)
        assert server.wait(5) == 1
    assert "second signal" in server.log
    with server:  # what was acknowledged is there again
        pass


def test_the_deadline_is_kept(tmp_path):
    server = Server(tmp_path / "data", "--shutdown.deadline", "2s", "--limits.request-timeout", "2m").start()
    with slow_request(server):
        until(lambda: metric(server, "social_http_connections_count", listener="api") == 1)
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert time.monotonic() - started < 4


def metric(server: Server, name: str, **labels: str) -> float | None:
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    for line in requests.get(server.admin_url + "/metrics", timeout=30).text.splitlines():
        if line.startswith(name) and all(label in line for label in wanted):
            return float(line.rsplit(" ", 1)[1])
    return None


@pytest.mark.parametrize("option", ["--http.port", "--admin.port"])
def test_a_port_that_is_taken_ends_it_with_1(option, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = {"--http.port": "--admin.port", "--admin.port": "--http.port"}[option]
        said = refused(1, "--data", tmp_path / "data", option, port, other, "0")
    assert str(port) in said and "in use" in said and option in said
    assert not (tmp_path / "data" / "run" / "social-server.json").exists()


# --- Words on stdout and stderr ---------------------------------------------------------------------------------------


def test_version_and_help_are_for_stdout():
    for name in ("social-server", "social-server-api"):
        assert re.fullmatch(rf"{name} \d+\.\d+\.\d+\n", ok("version", name=name))
        text = ok("--help", name=name)
        assert "--http.port" in text and "config show" in text and "exit codes" in text
        # Help is there for those whose configuration is wrong.
        assert ok("--help", name=name, SOCIAL_NOWHERE="1") == text


def test_log_lines_are_json_when_asked(tmp_path):
    options = ["--log.format", "json", "--log.level", "trace", "--push.mode", "console"]
    with Server(tmp_path / "data", *options) as server:
        Person(server.url).post()
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert lines
    for line in lines:
        assert set(line) - {"fields"} == {"time", "level", "component", "message"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("trace", "debug", "info", "warning", "error")


def test_a_fatal_sentence_is_json_when_asked(tmp_path):
    with Server(tmp_path / "data") as server:
        said = refused_start(3, server.data, "--log.format", "json")
        assert json.loads(said)["level"] == "error"
        assert json.loads(said)["fields"]["exit_code"] == 3


def test_closed_stdout_and_stderr_do_not_stop_a_server(tmp_path):
    """Started by something that reads the ready line and leaves."""
    process = subprocess.Popen([executable("social-server"), "--data", tmp_path / "data", "--http.port", "0",
                                "--admin.port", "0", "--push.mode", "console", *CHEAP], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    try:
        url = json.loads(process.stdout.readline())["ready"]["api"]
        process.stdout.close()
        process.stderr.close()
        sally = Person(url)
        key = sally.ok("GET", "/api/push/public-key")["publicKey"]  # a point on the curve, too
        sally.ok("POST", "/api/subscribe", json={"notificationEndPoint": "https://push.example.com/abc",
                                                 "publicKey": key, "auth": "A" * 22})
        Person(url, "Harry").ok("POST", f"/api/user/connections/{sally.id}")
        assert Api(url).call("GET", "/api/_hcheck").status_code == 200
        process.terminate()
        assert process.wait(STOP_TIMEOUT_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_it_needs_no_terminal_home_or_path(tmp_path):
    process = subprocess.Popen([executable("social-server"), "--http.port", "0", "--admin.port", "0"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path,
                               env={name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
    try:
        assert json.loads(process.stdout.readline())["ready"]["pid"] == process.pid
        assert Path(tmp_path / "data" / "api").is_dir()  # ./data is the default
        process.terminate()
        assert process.wait(STOP_TIMEOUT_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
