"""The two services over a broker, and what an operator sees of them."""

import json
import time
from pathlib import Path

import requests
from kafka_records import Topics
from push_support import SUBJECT, admin, options_for, readiness, until
from server import Server

from kafka.cluster import free_ports

API, PUSH = "social-server-api", "social-server-push"
GROUP = "social-push"
START_TIMEOUT_S = 60
# A member that was killed is missed after three seconds instead of ten.
QUICK_MEMBERS = ("--kafka.option", "session.timeout.ms=3000", "--kafka.option", "heartbeat.interval.ms=500")


class TwoServices:
    """`with TwoServices(folder, brokers, service) as two:`, or parts of it: `two.api`, `two.push`.

    `service`: the push service that deliveries go to; None: the push role prints them. Data directories are own ones below
    `folder`. The api keeps its port, so that clients find it again after a crash."""

    def __init__(self, folder: Path, brokers: str, service=None, *, options: tuple[str, ...] = (),
                 api_options: tuple[str, ...] = (), push_options: tuple[str, ...] = (), push_program: str = PUSH):
        self.folder = Path(folder)
        self.service = service
        self.common = ["--kafka.brokers", brokers, *options]
        self.push_options = [*push_options]
        [port] = free_ports(1)
        self.api = Server(self.folder / "api", *self.common, "--http.port", str(port), *api_options, name=API)
        self.push = self.another_push("push", program=push_program)

    def another_push(self, name: str, *options: str, program: str = PUSH) -> Server:
        """One more push process with data of its own; the caller starts and stops it."""
        mode = ["--push.subject", SUBJECT, *options_for(self.service)] if self.service else ["--push.mode", "console"]
        return Server(self.folder / name, *self.common, *mode, *self.push_options, *options, name=program,
                      serves_api=False)

    @property
    def url(self) -> str:
        return self.api.url

    def start(self) -> "TwoServices":
        self.push.start()
        self.api.start()
        return self

    def __enter__(self) -> "TwoServices":
        return self.start()

    def __exit__(self, kind, *_) -> None:
        for server in (self.api, self.push):
            end(server, kind is None)

    def ready(self, besides: tuple[str, ...] = ()) -> "TwoServices":
        """Waits until everything that needs Kafka works: topics, the reply reader, the table, the group. `besides`: checks
        that may stay degraded."""
        for server in (self.api, self.push):
            wait_ready(server, besides)
        wait_reached(self)
        return self


def wait_reached(two: TwoServices) -> None:
    """Until a request of the api is answered by the push service."""
    end_at = time.monotonic() + START_TIMEOUT_S
    while (answer := requests.get(two.url + "/api/push/public-key", timeout=30)).status_code != 200:
        assert time.monotonic() < end_at, (
            f"the api does not reach the push service: {answer.status_code} {answer.text}\n"
            f"api: {dump(two.api, 'kafka')}\n{two.api.log[-4000:]}\npush: {dump(two.push, 'kafka')}\n{two.push.log[-6000:]}")


def end(server: Server, in_order: bool = True) -> None:
    """Stops what still runs; one that does not end with 0 fails the test, unless that has failed already."""
    if server.process is None or server.process.poll() is not None:
        return
    if not in_order:
        server.kill()
        return
    status = server.stop()
    assert status == 0, f"{server.name} ended with {status}:\n{server.log[-4000:]}"


def wait_ready(server: Server, besides: tuple[str, ...] = ()) -> None:
    def is_ready() -> bool:
        return readiness(server)["status"] == 200 and set(degraded(server)) <= set(besides)
    until(is_ready, START_TIMEOUT_S, f"{server.name} does not become ready:\n{server.log[-4000:]}")


def degraded(server: Server) -> dict[str, str]:
    """Checks that are degraded, with their reasons."""
    return {name: check.get("reason", "") for name, check in readiness(server).items()
            if name != "status" and check["degraded"]}


def admin_post(server: Server, path: str, status: int = 200) -> dict:
    """The whole answer of a changing call of the admin API."""
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    answer = requests.post(f"{server.admin_url}/admin/{path}", headers=headers, timeout=30)
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


def metric(server: Server, name: str, **labels: str) -> float:
    """The sum of all series of that name with these labels."""
    text = requests.get(f"{server.admin_url}/metrics", timeout=30).text
    found = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        series, _, value = line.rpartition(" ")
        if series.partition("{")[0] == name and all(f'{key}="{wanted}"' in series for key, wanted in labels.items()):
            found.append(float(value))
    assert found, f"there is no metric {name} {labels}"
    return sum(found)


def outbox(api: Server) -> dict:
    return admin(api, "kafka")["outbox"]


def wait_published(api: Server, deadline_s: float = 60) -> None:
    """Until every event of the journal is acknowledged by the broker."""
    def is_empty() -> bool:
        return outbox(api)["depth"] == 0
    until(is_empty, deadline_s, f"the outbox does not drain:\n{api.log[-4000:]}")


def wait_consumed(topics: Topics, group: str = GROUP, deadline_s: float = 60) -> None:
    """Until the group has committed everything that lies in the topics of events that it consumes: asked of the broker."""
    def behind() -> list:
        committed = topics.committed(group)
        if not committed:
            return ["nothing committed"]
        ends = topics.ends(*sorted({name for name, _ in committed}))
        return [(place, committed.get(place, 0), end) for place, end in ends.items() if committed.get(place, 0) < end]
    until(lambda: not behind(), deadline_s, "the push service does not catch up")


def dump(server: Server, name: str) -> str:
    """A page of the admin API as text, for messages."""
    return json.dumps(admin(server, name), ensure_ascii=False, indent=1)
