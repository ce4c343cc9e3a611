"""`./dev run --with-kafka`: a broker and both services by one command, and one Ctrl-C for all of it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests
from push_support import Writer, until
from server import CHEAP, STOP_TIMEOUT_S, executable, without_options

from kafka.cluster import free_ports

ROOT = Path(os.environ.get("SOCIAL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
START_TIMEOUT_S = 180
pytestmark = pytest.mark.timeout(300)


class Run:
    """The command in a session of its own, with what it prints in files."""

    def __init__(self, folder: Path, *options: str):
        self.out, self.err = folder / "out", folder / "err"
        environment = {**without_options(), "DEV_BIN_DIR": str(executable("social-server-api").parent.resolve())}
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([ROOT / "dev", "run", "--with-kafka", *options], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err, env=environment, start_new_session=True)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(2 * STOP_TIMEOUT_S)

    def says(self, words: str) -> bool:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.err.read_text()}"
        return words in self.err.read_text(errors="replace")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_starts_all_and_stops_all(tmp_path, strict_service):
    data = tmp_path / "data"
    [port] = free_ports(1)
    options = ("--data", str(data), "--kafka.brokers", f"127.0.0.1:{port}", "--http.port", "0", "--admin.port", "0",
               "--push.mode", "console", *CHEAP)
    with Run(tmp_path, *options) as run:
        until(lambda: run.says("both services are ready"), START_TIMEOUT_S, "it does not start")
        ready = [json.loads(line)["ready"] for line in run.out.read_text().splitlines() if line.startswith('{"ready"')]
        assert [each["roles"] for each in ready] == [["push"], ["api"]]
        ann = Writer(ready[1]["api"], "Ann")
        until(lambda: requests.get(f"{ready[1]['api']}/api/push/public-key", timeout=30).status_code == 200,
              message="the api does not reach the push service")
        keys = strict_service.subscribe()["keys"]  # of a device that is never spoken to: lines are printed instead
        ann.ok("POST", "/api/subscribe", json={"notificationEndPoint": "https://push.example.com/ann",
                                               "publicKey": keys["p256dh"], "auth": keys["auth"]})
        ann.hear(ann.befriend("Bob"), "through the broker")
        until(lambda: "https://push.example.com/ann -> \"Bob" in run.out.read_text(),
              message="nothing came out of the push service")
        pids = [each["pid"] for each in ready] + [json.loads((data / "kafka" / "running.json").read_text())["pid"]]
        assert all(is_running(pid) for pid in pids)
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(2 * STOP_TIMEOUT_S) == 0
        assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.parametrize("options, words", [
    (("--kafka.brokers", "broker.example.com:9092"), "127.0.0.1:PORT"),
    (("data",), "is not an option")])
def test_what_it_refuses(tmp_path, options, words):
    with Run(tmp_path, *options) as run:
        assert run.process.wait(STOP_TIMEOUT_S) == 2
        assert words in run.err.read_text()


def test_when_one_of_them_ends_the_others_are_stopped(tmp_path):
    data = tmp_path / "data"
    [port] = free_ports(1)
    with Run(tmp_path, "--data", str(data), "--kafka.brokers", f"127.0.0.1:{port}", "--http.port", "-1") as run:
        assert run.process.wait(START_TIMEOUT_S) != 0
        assert "http.port" in run.err.read_text() and "the broker has stopped" in run.err.read_text()
