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
