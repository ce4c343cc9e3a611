"""The service as a subprocess, for tests."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

START_TIMEOUT_S = 30


class PushService:
    """`with PushService() as service:` starts the program and stops it at the end.

    `origin`, `ca_file` and `control` are what its ready line said. Arguments are passed on to the program."""

    def __init__(self, *arguments: str):
        self._arguments = arguments
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "PushService":
        folder = Path(__file__).resolve().parent
        environment = {**os.environ, "PYTHONPATH": str(folder.parent), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", folder.name, *self._arguments], stdout=subprocess.PIPE, text=True, env=environment
        )
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(START_TIMEOUT_S)
            raise RuntimeError("the push service did not start")
        self.__dict__.update(json.loads(line))
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def call(self, method: str, path: str, body: dict | None = None, timeout_s: float = 30) -> dict:
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.control + path, data=data, method=method)
        # No proxy of the environment stands between this process and its child.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            raise RuntimeError(f"{method} {path}: {problem.code} {problem.read().decode()}") from None

    def subscribe(self, application_server_key: str | None = None) -> dict:
        """{"id", "endpoint", "keys": {"p256dh", "auth"}}, as a browser's subscription."""
        body = {"applicationServerKey": application_server_key} if application_server_key else {}
        return self.call("POST", "/control/subscriptions", body)

    def remove(self, subscription_id: str) -> None:
        """Later pushes to it are answered 410."""
        self.call("DELETE", f"/control/subscriptions/{subscription_id}")

    def script(self, answers: list[dict], subscription_id: str | None = None) -> None:
        """What the next valid pushes are answered; see README.md."""
        body = {"answers": answers}
        if subscription_id is not None:
            body["subscription"] = subscription_id
        self.call("POST", "/control/answers", body)

    def messages(self, subscription_id: str | None = None, at_least: int = 0, timeout_s: float = 20) -> list[dict]:
        """Valid messages in the order they came; waits until there are `at_least`."""
        return self._list("messages", subscription_id, at_least, timeout_s)

    def queue(self, subscription_id: str | None = None) -> list[dict]:
        """Accepted messages, of each topic the newest."""
        return self._list("queue", subscription_id, 0, 0)

    def _list(self, what: str, subscription_id: str | None, at_least: int, timeout_s: float) -> list[dict]:
        query = {"at_least": at_least, "timeout_ms": int(timeout_s * 1000)}
        if subscription_id is not None:
            query["subscription"] = subscription_id
        path = f"/control/{what}?{urllib.parse.urlencode(query)}"
        return self.call("GET", path, timeout_s=timeout_s + 30)["messages"]

    def stats(self) -> dict:
        return self.call("GET", "/control/stats")

    def reset(self, subscriptions: bool = False) -> None:
        """Forgets messages, answers and counts; what hangs is let go."""
        self.call("POST", "/control/reset", {"subscriptions": subscriptions})
