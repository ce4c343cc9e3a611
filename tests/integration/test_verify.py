"""`social-server verify`: finds nothing in what a server left, also one that was killed; names what was damaged; refuses
what it cannot look at. It changes nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import environment, files_below, ok, refused, run
from people import Person
from push_support import until
from server import Server, executable
from test_console import PHONE, subscribe

OPTIONS = ("--push.mode", "console", "--push.join-interval", "0s")


def live_a_little(server: Server) -> None:
    """Every kind of row that the public API makes."""
    sally, harry, ann = (Person(server.url, name) for name in ("Sally", "Harry", "Ann"))
    subscribe(sally, PHONE)
    subscribe(harry, PHONE)  # takes it over
    subscribe(sally, "https://push.example.net/other")
    harry.may_read(sally)
    ann.ok("POST", f"/api/user/connections/{sally.id}")
    post = sally.post()
    for reader in (harry, sally):
        reader.ok("PATCH", f"/api/user/{sally.id}/post/{post['seq']}/like")
        reader.ok("POST", f"/api/user/{sally.id}/post/{post['seq']}/comment", json={"contents": "well said"})
    harry.ok("GET", f"/api/user/{sally.id}/post/{post['seq']}")
    until(lambda: any("other" in line for line in server.lines), message="of a line about the comment came nothing")


@pytest.fixture(scope="module")
def used(tmp_path_factory) -> Path:
    """The data of a server that was stopped in order. Tests that damage it take a copy."""
    data = tmp_path_factory.mktemp("verify") / "data"
    with Server(data, *OPTIONS) as server:
        live_a_little(server)
    return data


def test_a_stopped_server_has_nothing_wrong_and_nothing_is_changed(used):
    before = files_below(used)
    said = ok("verify", "--data", used).splitlines()
    assert [line.split(":")[0] for line in said] == ["api", "push"]
    assert "3 users, 1 posts, 2 comments, 2 likes, 2 connections, 6 entities replayed" in said[0]
    assert all(line.endswith(", 0 findings") for line in said)
    assert "2 devices" in said[1]
    assert files_below(used) == before


@pytest.mark.parametrize("name", ["social-server-api", "social-server-push"])
def test_an_executable_of_one_role_looks_at_its_own_store(used, name):
    said = ok("verify", "--data", used, name=name).splitlines()
    assert [line.split(":")[0] for line in said] == [name.rsplit("-", 1)[1]]


def test_the_number_of_shards_is_the_store_s_own(tmp_path):
    with Server(tmp_path / "data", *OPTIONS, "--shards", "3") as server:
        Person(server.url).post()
    assert "in 3 shards, 1 users, 1 posts" in ok("verify", "--data", tmp_path / "data")


def test_a_killed_server_has_nothing_wrong_and_can_be_looked_at_as_it_is(tmp_path):
    server = Server(tmp_path / "data", *OPTIONS).start()
    live_a_little(server)
    server.kill()
    before = files_below(server.data)
    assert "6 entities replayed" in ok("verify", "--data", server.data)
    assert files_below(server.data) == before
    with server:
        Person(server.url).post()
    assert "8 entities replayed" in ok("verify", "--data", server.data)


def test_a_running_server_is_refused(tmp_path):
    with Server(tmp_path / "data", *OPTIONS) as server:
        assert "in use by another process" in refused(3, "verify", "--data", server.data)


def test_no_store_is_refused_and_none_is_made(tmp_path):
    assert "--data" in refused(3, "verify", "--data", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_damaged_table_is_named_by_its_file(used, tmp_path):
    data = Path(shutil.copytree(used, tmp_path / "data"))
    with Server(data, *OPTIONS):
        pass  # what lay in the log comes into tables
    table = max((data / "api").glob("*.sst"), key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    content[20] ^= 0xFF
    table.write_bytes(content)
    done = run("verify", "--data", data)
    assert done.returncode == 3, done.stdout + done.stderr
    assert table.name in done.stdout + done.stderr
    assert "restore a backup" in done.stderr


def test_a_stdout_that_is_closed_does_not_change_the_exit_code(used):
    command = f'"{executable("social-server")}" verify --data "{used}" >&-'
    assert subprocess.run(command, shell=True, env=environment(), timeout=60).returncode == 0
