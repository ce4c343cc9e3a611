"""Hot backup and restore: what was acknowledged is there, whole, and nothing is given out twice."""

import concurrent.futures
import contextlib
import copy
import dataclasses
import itertools
import json
import os
import random
import shutil
import stat
import threading
from pathlib import Path

import pytest
import requests
from checker import Checker, report
from cli_support import files_below, ok, refused, refused_start, run
from people import Api, Person
from push_support import admin, until
from server import Server
from workload import PUBLIC_KEY, SECRET, CrashServer, Ledger, Member, Unanswered, Writer, found

NOBODY = ("--kafka.brokers", "127.0.0.1:1")  # a port that nothing listens on
WEIGHTS = {"comment": 6, "like": 2, "post": 3}
SEED = int(os.environ.get("BACKUP_SEED", random.randrange(1_000_000)))


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def post_backup(server: Server, body: object, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or server.admin_token}"}
    return requests.post(server.admin_url + "/admin/backup", json=body, headers=headers, timeout=60)


def verify(data: Path, name: str = "social-server") -> None:
    done = run("verify", "--data", data, name=name)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def subscribe(person: Person) -> dict:
    return person.ok("POST", "/api/subscribe", json={"notificationEndPoint": f"https://push.example.com/{person.id}",
                                                     "publicKey": PUBLIC_KEY, "auth": SECRET})


def nothing_half_in(folder: Path) -> bool:
    return not [each for each in folder.iterdir() if each.name.startswith(".")]


# --- Under load -------------------------------------------------------------------------------------------------------


class Joiner(Member):
    """New people with devices, who know nobody."""

    def step(self) -> None:
        self.subscribe(self.join("J"))


class Load:
    """`with Load(server, ledger):` writers in threads; the first failure ends the block with it."""

    def __init__(self, server: Server, ledger: Ledger):
        self.stopping = threading.Event()
        members = [Writer(server.url, ledger, who, SEED + i, WEIGHTS, lambda: None)
                   for i, who in enumerate(ledger.founders * 2)]
        members += [Joiner(server.url, ledger) for _ in range(2)]
        self.pool = concurrent.futures.ThreadPoolExecutor(len(members))
        self.running = [self.pool.submit(self._run, member) for member in members]

    def _run(self, member: Member) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(Unanswered):
                member.step()

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_) -> None:
        self.stopping.set()
        self.pool.shutdown()
        for each in self.running:
            each.result()


def as_of_now(ledger: Ledger) -> Ledger:
    """What is acknowledged by now. Ids and contents that were ever used stay common to both."""
    with ledger.lock:
        changes = {name: copy.copy(getattr(ledger, name)) for name in
                   ("people", "posts", "comments", "likes", "asked", "granted", "devices", "touched")}
        return dataclasses.replace(ledger, **changes)


def acknowledge_more(ledger: Ledger, count: int) -> None:
    wanted = ledger.acknowledged + count
    until(lambda: ledger.acknowledged >= wanted, message=f"{ledger.acknowledged} writes, {wanted} wanted")


def heads(server: Server) -> dict[tuple[str, int], int]:
    return {(row["store"], row["shard"]): row["head"] for row in admin(server, "shards")}


def test_a_backup_under_load_restores_to_a_server_that_goes_on(tmp_path):
    print(f"BACKUP_SEED={SEED}")
    ledger = Ledger()
    server = CrashServer(tmp_path / "data").start()
    restored = CrashServer(tmp_path / "restored")
    restored.log_path = tmp_path / "restored.log"
    try:
        found(server.url, ledger)
        with Load(server, ledger):
            acknowledge_more(ledger, 150)
            before = as_of_now(ledger)
            said = json.loads(ok("backup", tmp_path / "backup", "--data", server.data))["backup"]
            acknowledge_more(ledger, 150)  # it goes on
        assert said["stores"] == ["push", "api"] and said["files"] > 5
        key = Api(server.url).ok("GET", "/api/push/public-key")
        given = heads(server)
        assert nothing_half_in(tmp_path) and not list((server.data / "run").glob("backup*"))
        assert server.stop() == 0, server.log[-4000:]
        # The backup is all that is needed.
        server.data.rename(tmp_path / "gone")

        ok("restore", tmp_path / "backup", "--data", restored.data)
        restored.start()
        assert Api(restored.url).ok("GET", "/api/push/public-key") == key
        checker = Checker(restored, before)
        problems = checker.check(everything=True)  # with tokens of before
        assert not problems, report(problems)
        now = heads(restored)
        assert now.keys() == given.keys()
        assert not [place for place in given if now[place] < given[place] + 2**31], (given, now)
        problems = checker.check_devices(everything=True)
        assert not problems, report(problems)
        # The ledger knows every id that was ever given out, those after the backup, too.
        founder = Member(restored.url, before)
        for who in before.founders:
            post = founder.post(who)
            for other in before.founders:
                founder.comment(other, post)
                founder.like(other, post)
        founder.subscribe(founder.join("R"))
        problems = before.problems + checker.check()
        assert not problems, report(problems)
        until(lambda: not any(each["lag"] for each in admin(restored, "subscribers")), message="events are waiting")
        assert not any(each["skipped"] for each in admin(restored, "subscribers"))
        assert "ahead of the journal" not in restored.log
        assert restored.stop() == 0, restored.log[-4000:]
        verify(restored.data)
    finally:
        server.end()
        restored.end()


# --- What is made, and what is refused --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def harry(server) -> Person:
    person = Person(server.url, "Harry")
    person.post("before the backup")
    return person


@pytest.fixture(scope="module")
def made(server, harry, tmp_path_factory) -> Path:
    """A backup. Tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("made") / "backup"
    ok("backup", folder, "--data", server.data)
    return folder


@pytest.fixture
def backup(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "backup"))


def test_a_backup_is_closed_and_has_everything(server, harry, made):
    assert {each.name for each in made.iterdir()} == {"api", "push", "secrets", "manifest.json"}
    for path in [made, *made.rglob("*")]:
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    assert files_below(made / "secrets") == files_below(server.data / "secrets")
    manifest = json.loads((made / "manifest.json").read_text())["manifest"]
    assert manifest["format"] == 1 and manifest["version"] == ok("version").split()[1]
    assert [(store["name"], store["shards"]) for store in manifest["stores"]] == [("push", 64), ("api", 64)]
    assert all(len(store["id"]) == 32 for store in manifest["stores"])
    listed = {each["path"] for each in manifest["files"]}
    assert listed == set(files_below(made)) - {"manifest.json"}


def test_the_admin_api_makes_backups(server, harry, tmp_path):
    answer = post_backup(server, {"dir": str(tmp_path / "backup")})
    assert answer.status_code == 200, answer.text
    told = answer.json()["response"]
    assert told.keys() == {"dir", "createdAt", "stores", "files", "bytes", "tookMillis"}
    assert told["dir"] == str(tmp_path / "backup") and told["stores"] == ["push", "api"]
    ok("restore", tmp_path / "backup", "--data", tmp_path / "data")
    verify(tmp_path / "data")
    metrics = requests.get(server.admin_url + "/metrics", timeout=30).text
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith("social_backup_"))
    assert float(values["social_backup_made_total"]) >= 1
    assert float(values["social_backup_last_size_bytes"]) > 0
    assert float(values["social_backup_last_success_timestamp_seconds"]) > 1_700_000_000
    assert "a backup was made" in server.log


def test_the_admin_api_refuses(server, tmp_path):
    assert post_backup(server, {"dir": str(tmp_path / "backup")}, token="wrong").status_code == 401
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    for directory in ("backup", "./backup", "", 7, None, "/", str(tmp_path / "full"), str(tmp_path / "no" / "backup"),
                      str(server.data / "backup"), str(tmp_path / "full" / "letter.txt")):
        answer = post_backup(server, {"dir": directory})
        assert answer.status_code == 400, (directory, answer.text)
        [field] = answer.json()["error"]["fields"]
        assert field["field"] == "dir" and field["reason"], directory
    assert post_backup(server, []).status_code == 400
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["full", "letter.txt"]


def test_of_two_backups_at_once_one_is_refused_or_both_are_whole(server, harry, tmp_path):
    names = [tmp_path / f"backup{i}" for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: post_backup(server, {"dir": str(name)}), names))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    for name, answer in zip(names, answers):
        assert (name / "manifest.json").exists() == (answer.status_code == 200)
        if answer.status_code == 409:
            assert answer.json()["error"]["code"] == "conflict" and not name.exists()
    assert nothing_half_in(tmp_path)


def test_the_command_refuses_what_cannot_be_a_backup(server, harry, backup, tmp_path):
    before = files_below(backup)
    assert "not empty" in refused(2, "backup", backup, "--data", server.data)
    assert files_below(backup) == before
    assert "make it first" in refused(2, "backup", tmp_path / "no" / "backup", "--data", server.data)
    assert "data directory" in refused(2, "backup", server.data / "backup", "--data", server.data)
    assert "--help" in refused(2, "backup", "--data", server.data)
    assert "no subcommand" in refused(2, "backup", tmp_path / "a", tmp_path / "b", "--data", server.data)
    (tmp_path / "empty").mkdir()
    ok("backup", f"{tmp_path}/empty/", "--data", server.data)
    assert (tmp_path / "empty" / "manifest.json").exists()
    assert nothing_half_in(tmp_path)


def test_a_relative_directory_is_that_of_the_caller(server, harry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ok("backup", "mine", "--data", server.data)
    assert (tmp_path / "mine" / "manifest.json").exists()
    ok("restore", "mine", "--data", "fresh")
    assert (tmp_path / "fresh" / "api" / "CURRENT").exists()


def test_without_a_running_server_there_is_no_backup(start_server, tmp_path):
    assert "no data directory" in refused(3, "backup", tmp_path / "backup", "--data", tmp_path / "nowhere")
    server = start_server("--push.mode", "console")
    Person(server.url)
    token = server.data / "secrets" / "admin.token"
    good = token.read_text()
    token.write_text("x" * 43)
    assert "token" in refused(1, "backup", tmp_path / "backup", "--data", server.data)
    token.write_text(good)
    server.kill()  # leaves its line in run/
    assert list((server.data / "run").iterdir())
    assert "no server is running" in refused(1, "backup", tmp_path / "backup", "--data", server.data)
    assert not (tmp_path / "backup").exists() and nothing_half_in(tmp_path)
    # A start after a kill finds what the killed one left, and the line of another executable that is no more.
    (server.data / "run" / "social-server-api.json").write_text(
        '{"ready":{"admin":"http://127.0.0.1:1","roles":["api"],"pid":1}}\n')
    (server.data / "run" / "backup-api" / "store").mkdir(parents=True)
    server.start()
    assert not (server.data / "run" / "backup-api").exists()
    ok("backup", tmp_path / "backup", "--data", server.data)


def test_a_restore_replaces_nothing(made, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "letter.txt").write_text("dear")
    assert "not an empty directory" in refused(3, "restore", made, "--data", data)
    assert files_below(data) == {"letter.txt": b"dear"}
    (tmp_path / "file").write_text("")
    refused(3, "restore", made, "--data", tmp_path / "file")
    ok("restore", made, "--data", tmp_path / "new")
    before = files_below(tmp_path / "new")
    refused(3, "restore", made, "--data", tmp_path / "new")
    assert files_below(tmp_path / "new") == before


def largest(folder: Path) -> Path:
    return max((each for each in folder.rglob("*") if each.is_file()), key=lambda path: path.stat().st_size)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


DAMAGE = {
    "a bit of a table": lambda backup: flip(largest(backup / "api")),
    "a bit of the push store": lambda backup: flip(largest(backup / "push")),
    "a bit of a key": lambda backup: flip(backup / "secrets" / "vapid" / "key-0001.pem"),
    "a bit of the manifest": lambda backup: flip(backup / "manifest.json"),
    "a file less": lambda backup: (backup / "push" / "CURRENT").unlink(),
    "a shorter file": lambda backup: os.truncate(largest(backup / "api"), 10),
    "no keys": lambda backup: shutil.rmtree(backup / "secrets"),
    "no manifest": lambda backup: (backup / "manifest.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_backup_is_refused(damage, backup, tmp_path):
    damage(backup)
    said = refused(3, "restore", backup, "--data", tmp_path / "data")
    assert str(backup) in said and "another backup" in said
    assert not (tmp_path / "data").exists()


def test_what_is_no_backup_is_refused(server, tmp_path):
    assert "no directory" in refused(2, "restore", tmp_path / "nowhere", "--data", tmp_path / "data")
    assert "--help" in refused(2, "restore", "--data", tmp_path / "data")
    refused(3, "restore", server.data, "--data", tmp_path / "data")  # a data directory is none
    assert not (tmp_path / "data").exists()


def test_on_an_unfinished_restore_nothing_starts(made, tmp_path):
    ok("restore", made, "--data", tmp_path / "data")
    (tmp_path / "data" / "restore-unfinished").write_text("")
    assert "did not finish" in refused_start(3, tmp_path / "data")
    assert "did not finish" in refused(3, "vapid", "show", "--data", tmp_path / "data")
    assert "did not finish" in refused(3, "restore", made, "--data", tmp_path / "data")


def test_a_restored_server_may_be_backed_up_and_restored_again(server, harry, made, tmp_path):
    """Ids and sequences move on each time; the person, the token and the post stay."""
    ids = [harry.post(f"number {i}")["seq"] for i in range(3)]
    folder = made
    for number in itertools.count(1):
        data = tmp_path / f"data{number}"
        ok("restore", folder, "--data", data)
        verify(data)
        with Server(data, "--push.mode", "console") as again:
            person = Api(again.url, harry.token)
            contents = [each["contents"] for each in person.ok("GET", f"/api/user/{harry.id}/post/list?limit=100")]
            assert contents[-1] == "before the backup"
            ids.append(person.ok("POST", "/api/post", json={"contents": "again"})["seq"])
            assert len(set(ids)) == len(ids) and ids[-1] == max(ids)
            if number == 2:
                break
            folder = tmp_path / "second"
            ok("backup", folder, "--data", data)


def test_a_restore_elsewhere_never_makes_another_key(tmp_path):
    """The keys lie elsewhere, and are gone with the machine: a new one would silence every device."""
    keys = tmp_path / "keys"
    options = ("--push.mode", "console")
    with Server(tmp_path / "data", *options, "--push.vapid-dir", str(keys)) as server:
        person = Person(server.url)
        subscribe(person)
        key = person.ok("GET", "/api/push/public-key")
        ok("backup", tmp_path / "backup", "--data", server.data)
    keys.rename(tmp_path / "gone")
    data = tmp_path / "restored"
    ok("restore", tmp_path / "backup", "--data", data)
    usual = data / "secrets" / "vapid"
    before = files_below(data / "secrets")
    said = refused_start(3, data, *options, "--push.vapid-dir", keys)
    assert str(keys) in said and f"copy the files key-*.pem of {usual}" in said
    assert str(keys) in refused(3, "vapid", "show", "--data", data, "--push.vapid-dir", keys)
    assert not keys.exists() and files_below(data / "secrets") == before
    with Server(data, *options) as server:
        assert Api(server.url).ok("GET", "/api/push/public-key") == key
    usual.rename(keys)
    for folder in (data / "missing", usual):
        assert str(folder) in refused_start(3, data, *options, "--push.vapid-dir", folder)
        assert not folder.exists()
    with Server(data, *options, "--push.vapid-dir", str(keys)) as server:
        assert Api(server.url).ok("GET", "/api/push/public-key") == key


# --- Two services -----------------------------------------------------------------------------------------------------


def services(api_data: Path, push_data: Path) -> tuple[Server, Server]:
    return (Server(api_data, *NOBODY, name="social-server-api"),
            Server(push_data, *NOBODY, "--push.mode", "console", name="social-server-push", serves_api=False))


def test_two_services_on_one_directory_each_bring_the_keys_that_they_know(tmp_path):
    data, backup = tmp_path / "data", tmp_path / "backup"
    key = tmp_path / "jwt"
    key.write_text("k" * 64)
    key.chmod(0o600)
    with Server(data, *NOBODY, "--push.mode", "console", "--push.vapid-dir", str(tmp_path / "vapid"),
                name="social-server-push", serves_api=False), \
            Server(data, *NOBODY, "--auth.jwt-key-file", str(key), name="social-server-api"):
        ok("backup", backup, "--data", data)
    assert files_below(backup / "secrets" / "vapid") == files_below(tmp_path / "vapid") != {}
    assert (backup / "secrets" / "jwt.key").read_text() == "k" * 64
    ok("restore", backup, "--data", tmp_path / "restored")
    assert ok("vapid", "show", "--data", tmp_path / "restored") == ok("vapid", "show", "--push.vapid-dir",
                                                                      tmp_path / "vapid", "--data", data)


def stores(backup: Path) -> list[str]:
    return [each["name"] for each in json.loads((backup / "manifest.json").read_text())["manifest"]["stores"]]


def test_two_services_on_one_directory_have_one_backup(tmp_path):
    api, push = services(tmp_path / "data", tmp_path / "data")
    backup = tmp_path / "backup"
    with push:
        with api:
            person = Person(api.url)
            ok("backup", backup, "--data", api.data, name="social-server-push")
            assert sorted(stores(backup)) == ["api", "push"]
        said = refused(1, "backup", tmp_path / "other", "--data", push.data, name="social-server-push")
        assert str(tmp_path / "data" / "api") in said and "start" in said
    assert {each.name for each in tmp_path.iterdir() if each.is_dir()} == {"data", "backup"}
    for path in [backup, *backup.rglob("*")]:
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    ok("restore", backup, "--data", tmp_path / "restored", name="social-server-api")
    api, push = services(tmp_path / "restored", tmp_path / "restored")
    with push, api:
        assert Api(api.url, person.token).ok("GET", "/api/user/me")["seq"] == person.id
    verify(tmp_path / "restored")


def test_two_services_with_a_directory_each_have_a_backup_each(tmp_path):
    api, push = services(tmp_path / "api", tmp_path / "push")
    with push, api:
        person = Person(api.url)
        ok("backup", tmp_path / "backup-push", "--data", push.data, name="social-server-push")
        ok("backup", tmp_path / "backup-api", "--data", api.data, name="social-server-api")
    assert (stores(tmp_path / "backup-push"), stores(tmp_path / "backup-api")) == (["push"], ["api"])
    assert (tmp_path / "backup-push" / "secrets" / "vapid" / "key-0001.pem").exists()
    for name in ("api", "push"):
        ok("restore", tmp_path / f"backup-{name}", "--data", tmp_path / f"new-{name}", name=f"social-server-{name}")
    api, push = services(tmp_path / "new-api", tmp_path / "new-push")
    with push, api:
        assert Api(api.url, person.token).ok("GET", "/api/user/me")["seq"] == person.id
    for name in ("api", "push"):
        verify(tmp_path / f"new-{name}", name=f"social-server-{name}")
