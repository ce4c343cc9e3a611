"""The two programs as subprocesses."""

import json
import queue
import signal
import subprocess
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path

from kafka.cluster import end_with_parent
from kafka.java import java

from .build import class_path

START_TIMEOUT_S = 120  # a busy machine; a quiet one takes three seconds
STOP_TIMEOUT_S = 60
REPLY_TIMEOUT_S = 60


@dataclass(frozen=True)
class Reply:
    """What ReplyingKafkaTemplate received. `refused`: the error that our error checker saw in its headers."""

    topic: str
    partition: int
    key: str | None
    value: str
    headers: tuple[tuple[str, bytes], ...]
    refused: str | None

    @property
    def json(self):
        return json.loads(self.value)

    def header(self, name: str) -> bytes | None:
        found = [value for each, value in self.headers if each == name]
        assert len(found) <= 1, f"{name} comes {len(found)} times"
        return found[0] if found else None


class _Program:
    """`with ... as program:` starts it, waits for its ready line, and ends it by closing its stdin."""

    def __init__(self, main_class: str, arguments: dict[str, str], log: Path):
        options = [word for name, value in arguments.items() for word in (f"--{name}", value)]
        # A small JVM: it shares the machine with sanitizer builds.
        self._command = [java(), "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                         "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path(),
                         f"social.tests.{main_class}", *options]
        self._log_path = log
        self._lines: queue.Queue = queue.Queue()

    def __enter__(self):
        with open(self._log_path, "ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                             text=True, preexec_fn=lambda: end_with_parent(signal.SIGKILL))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            assert self.next_line(START_TIMEOUT_S) == {"ready": True}
        except BaseException:
            self._process.kill()
            self._end()
            raise
        return self

    def __exit__(self, kind, *_) -> None:
        self._process.stdin.close()
        try:
            status = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = "killed: it did not end"
        self._end()
        assert kind is not None or status == 0, f"{status}\n{self.log}"

    def _end(self) -> None:
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def next_line(self, timeout_s: float) -> dict:
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"it said nothing for {timeout_s} s\n{self.log}") from None
        assert line is not None, f"it has ended\n{self.log}"
        return line

    def say(self, line: dict) -> None:
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    @property
    def log(self) -> str:
        return self._log_path.read_text(errors="replace")[-4000:]


class Requester(_Program):
    """A ReplyingKafkaTemplate. `serializer`: string, json; `correlation`: binary, uuid-text, long-text; with a
    `reply_partition` it listens to that one alone and says so in its requests."""

    def __init__(self, brokers: str, reply_topic: str, folder: Path, *, reply_partition: int | None = None,
                 serializer: str = "string", correlation: str = "binary", timeout_ms: int = 20_000):
        arguments = {"brokers": brokers, "reply-topic": reply_topic, "serializer": serializer,
                     "correlation": correlation, "timeout-ms": str(timeout_ms)}
        if reply_partition is not None:
            arguments["reply-partition"] = str(reply_partition)
        super().__init__("Requester", arguments, Path(folder) / f"requester-{uuid.uuid4()}.log")

    def ask(self, topic: str, value: dict | str, key: str | None = None) -> Reply | str:
        """The reply, or the name of the exception that Spring threw instead."""
        return self.ask_all([(topic, value, key)])[0]

    def ask_all(self, requests: list[tuple[str, dict | str, str | None]]) -> list[Reply | str]:
        """All at the same time; in the order of the requests."""
        for index, (topic, value, key) in enumerate(requests):
            self.say({"id": str(index), "topic": topic, "key": key, "value": value})
        answers: dict[str, Reply | str] = {}
        while len(answers) < len(requests):
            line = self.next_line(REPLY_TIMEOUT_S)
            number = line.pop("id")
            answers[number] = line["failure"] if "failure" in line else _reply(line)
        return [answers[str(index)] for index in range(len(requests))]


def _reply(line: dict) -> Reply:
    headers = tuple((name, bytes.fromhex(value)) for name, value in line.pop("headers"))
    return Reply(headers=headers, **line)


class Responder(_Program):
    """A @KafkaListener with @SendTo in the place of our push service. `codec`: json, json-string, raw; `typed`: it goes by
    `__TypeId__` alone."""

    def __init__(self, brokers: str, folder: Path, *, codec: str = "json", typed: bool = False):
        arguments = {"brokers": brokers, "codec": codec, "typed": "true" if typed else "false"}
        super().__init__("Responder", arguments, Path(folder) / f"responder-{uuid.uuid4()}.log")
