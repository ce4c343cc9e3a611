"""Fixtures for suites that talk to a running server."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from people import Api, Person  # noqa: E402
from server import Server  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Both roles in one process, shared by a file; it prints pushes instead of sending them."""
    data = tmp_path_factory.mktemp("server") / "data"
    with Server(data, "--push.mode", "console") as running:
        yield running


@pytest.fixture
def start_server(tmp_path):
    """start_server(*options, name=...): a server of the test's own, stopped at its end. One data directory per test."""
    running: list[Server] = []

    def start(*options: str, **more) -> Server:
        running.append(Server(tmp_path / "data", *options, **more).start())
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            assert each.stop() == 0, each.log[-4000:]


@pytest.fixture
def anybody(server) -> Api:
    return Api(server.url)


@pytest.fixture
def harry(server) -> Person:
    return Person(server.url, "Harry")


@pytest.fixture
def sally(server) -> Person:
    return Person(server.url, "Sally")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """One broker for all tests of a file."""
    from kafka import Cluster

    with Cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture
def topics(kafka):
    """The topics of that broker; at the end of the test they and all groups are gone, and the broker runs."""
    from kafka_records import Topics

    seen = Topics(kafka.brokers)
    yield seen
    kafka.revive()
    seen.clear()


@pytest.fixture
def strict_service():
    """A push service that checks everything."""
    from push_service import PushService

    with PushService() as service:
        yield service


@pytest.fixture
def two_services(tmp_path, kafka, topics, strict_service):
    """two_services(...): both services over the broker and the push service, started and ready; stopped at the end.
    `besides`: checks that may stay degraded."""
    from kafka_services import TwoServices, end

    made: list = []

    def start(*, besides: tuple[str, ...] = (), **more):
        made.append(TwoServices(tmp_path / str(len(made)), kafka.brokers, strict_service, **more))
        made[-1].folder.mkdir()
        return made[-1].start().ready(besides)

    yield start
    for two in made:
        end(two.api)
        end(two.push)
