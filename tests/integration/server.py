"""Starts one executable of the build on free ports, waits for its ready line, and stops it by its process id."""

import json
import os
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path

# Sanitizer builds on a busy machine are slow to start and to stop; a healthy one takes milliseconds.
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
# Hashing at the least strength that is allowed, no rates: everything comes from one address.
CHEAP = ("--auth.argon2-memory", "8MiB", "--auth.argon2-passes", "1", "--limits.rates", "off")


def executable(name: str) -> Path:
    """In the build directory that SOCIAL_BIN_DIR names."""
    if "SOCIAL_BIN_DIR" not in os.environ:
        raise RuntimeError("SOCIAL_BIN_DIR must name the build directory, such as build/asan")
    path = Path(os.environ["SOCIAL_BIN_DIR"]) / name
    if not path.exists():
        raise RuntimeError(f"{path} does not exist: build it first")
    return path


def without_options() -> dict[str, str]:
    """The environment for a program: SOCIAL_... variables are its options, and those of the suite are not for it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SOCIAL_")}


class Server:
    """`with Server(data) as server:` or start() and stop(). After a stop it may be started again on the same data.

    `serves_api=False`: it has no public API, and takes no options of one."""

    def __init__(self, data: Path, *options: str, name: str = "social-server", cheap: bool = True,
                 environment: dict[str, str] | None = None, serves_api: bool = True):
        self.data = Path(data)
        self.name = name
        self.environment = environment or {}
        self.serves_api = serves_api
        self.options = [*(CHEAP if cheap and serves_api else ()), *options]
        self.ready: dict = {}
        self.process: subprocess.Popen | None = None
        self.lines: list[str] = []  # of stdout, the ready line first
        self._arrived: queue.Queue = queue.Queue()
        self.log_path = self.data.parent / f"{self.data.name}.{Path(name).name}.log"

    @property
    def url(self) -> str:
        return self.ready["api"]

    @property
    def admin_url(self) -> str:
        return self.ready["admin"]

    @property
    def admin_token(self) -> str:
        return (self.data / "secrets" / "admin.token").read_text().strip()

    @property
    def log(self) -> str:
        """All of stderr so far, of every start."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> "Server":
        has = {option for option in self.options if option.startswith("--")}
        listeners = ("--http.port", "--admin.port") if self.serves_api else ("--admin.port",)
        ports = [each for each in listeners if each not in has]
        command = [str(executable(self.name)), "--data", str(self.data)]
        command += [text for port in ports for text in (port, "0")]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log, env={**without_options(), **self.environment})
        self.lines = []
        self._arrived = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stdout, self.lines, self._arrived), daemon=True).start()
        first = self.wait_line(READY_TIMEOUT_S)
        self.ready = json.loads(first)["ready"]
        assert self.ready["pid"] == self.process.pid
        return self

    @staticmethod
    def _read(stream, lines: list[str], arrived: queue.Queue) -> None:
        for line in stream:
            lines.append(line.decode().rstrip("\n"))
            arrived.put(lines[-1])
        arrived.put(None)
        stream.close()

    def wait_line(self, timeout_s: float = 20, wanted: str = "") -> str:
        """The next line of stdout that has `wanted` in it."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{self.name} printed no line with '{wanted}' in {timeout_s} s:\n{self.log[-4000:]}")
            if line is None:
                status = self.process.wait(STOP_TIMEOUT_S)
                raise RuntimeError(f"{self.name} ended with {status}:\n{self.log[-4000:]}")
            if wanted in line:
                return line

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        return self.process.wait(timeout_s)

    def stop(self) -> int:
        """SIGTERM; the exit code. One that does not end is killed and fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, kind, *_) -> None:
        status = self.stop()
        if kind is None:
            assert status == 0, f"{self.name} ended with {status}:\n{self.log[-4000:]}"
