"""The data directory: who may read it, what is made once, and when a start is refused. These tests may run as root, so
none relies on permissions that root ignores."""

import concurrent.futures
import os
import shutil
import stat
import struct
import time
from pathlib import Path

import pytest
from cli_support import files_below, ok, refused, refused_start
from people import Api, Person
from server import Server

PEOPLE = 8


@pytest.fixture(scope="module")
def used(tmp_path_factory) -> Path:
    """A data directory with people in it, stopped. Tests take a copy."""
    data = tmp_path_factory.mktemp("used") / "data"
    with Server(data, "--push.mode", "console") as server:
        for number in range(PEOPLE):
            Person(server.url, email=f"used{number}@example.com").post(f"post number {number}")
    return data


@pytest.fixture
def copy(used, tmp_path) -> Path:
    return Path(shutil.copytree(used, tmp_path / "data"))


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def check_served(data: Path) -> None:
    """It starts, and what was acknowledged is there."""
    with Server(data, "--push.mode", "console") as server:
        for number in range(PEOPLE):
            who = {"principal": f"used{number}@example.com", "credentials": "password"}
            signed_in = Api(server.url).ok("POST", "/api/auth", json=who)
            person = Api(server.url, signed_in["apiToken"])
            posts = person.ok("GET", f"/api/user/{signed_in['user']['seq']}/post/list")
            assert [post["contents"] for post in posts] == [f"post number {number}"]


# --- Secrets ----------------------------------------------------------------------------------------------------------


def test_nobody_else_may_look(used):
    for folder in (used, used / "api", used / "push", used / "run", used / "secrets", used / "secrets" / "vapid"):
        assert mode(folder) == 0o700, folder
    secrets = [path for path in (used / "secrets").rglob("*") if path.is_file()]
    assert sorted(path.name for path in secrets) == ["admin.token", "idempotency.key", "jwt.key", "key-0001.pem"]
    assert all(mode(path) == 0o600 for path in secrets)


def test_a_generous_umask_changes_nothing(tmp_path):
    before = os.umask(0)
    try:
        with Server(tmp_path / "data") as server:
            test_nobody_else_may_look(server.data)
    finally:
        os.umask(before)


def test_secrets_are_made_once(copy):
    before = files_below(copy / "secrets")
    with Server(copy) as server:
        key = Api(server.url).ok("GET", "/api/push/public-key")["publicKey"]
        person = Person(server.url)
    with Server(copy) as server:
        assert Api(server.url).ok("GET", "/api/push/public-key")["publicKey"] == key
        assert Api(server.url, person.token).ok("GET", "/api/user/me")["seq"] == person.id
    assert files_below(copy / "secrets") == before


def test_two_executables_share_the_secrets_of_one_directory(copy):
    """Whoever needs one first has made it; a token of one api is good at the other."""
    before = files_below(copy / "secrets")
    with Server(copy) as server:
        person = Person(server.url)
        with Server(copy.parent / "data2", "--push.off", "--auth.jwt-key-file", str(copy / "secrets" / "jwt.key"),
                    name="social-server-api") as api:
            # The person is not known there, but the signature is: an unknown key would be refused for every account.
            assert not (api.data / "secrets" / "jwt.key").exists()
            assert Person(api.url).ok("GET", "/api/user/me")
        assert ok("vapid", "show", "--data", copy).split()[1] == person.ok("GET", "/api/push/public-key")["publicKey"]
    assert files_below(copy / "secrets") == before


@pytest.mark.parametrize("name, content", [
    ("jwt.key", b""),
    ("jwt.key", b"short"),
    ("idempotency.key", b"short"),
    ("admin.token", b""),
    ("admin.token", b"with spaces in it, forty-four bytes long!"),
    ("vapid/key-0001.pem", b""),
    ("vapid/key-0001.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
])
def test_a_damaged_secret_is_never_made_anew(name, content, copy):
    path = copy / "secrets" / name
    good = path.read_bytes()
    path.write_bytes(content)
    said = refused_start(3, copy)
    assert name in said and "backup" in said
    assert path.read_bytes() == content
    assert len(files_below(copy / "secrets")) == 4
    path.write_bytes(good)
    check_served(copy)


def test_a_flipped_bit_in_the_vapid_key_is_found(copy):
    path = copy / "secrets" / "vapid" / "key-0001.pem"
    lines = path.read_text().splitlines()
    middle = lines[2]
    lines[2] = middle[:20] + ("A" if middle[20] != "A" else "B") + middle[21:]
    path.write_text("\n".join(lines) + "\n")
    for words in (["vapid", "show"], ["vapid", "rotate"]):
        assert "key-0001.pem" in refused(3, *words, "--data", copy)
    assert "key-0001.pem" in refused_start(3, copy)
    assert os.listdir(copy / "secrets" / "vapid") == ["key-0001.pem"]


def test_a_secret_that_others_may_read_is_refused(copy):
    for name in ("jwt.key", "idempotency.key", "admin.token"):
        (copy / "secrets" / name).chmod(0o644)
        assert "chmod 600" in refused_start(3, copy)
        (copy / "secrets" / name).chmod(0o600)
    check_served(copy)


def test_vapid_keys_are_shown_and_rotated(copy):
    first = ok("vapid", "show", "--data", copy)
    key_id, public_key, current = first.split()
    assert (len(key_id), len(public_key), current) == (16, 87, "current")
    rotated = ok("vapid", "rotate", "--data", copy)
    old, new = rotated.splitlines()
    assert old == f"{key_id} {public_key}" and new.endswith(" current")
    assert ok("vapid", "show", "--data", copy) == rotated
    assert mode(copy / "secrets" / "vapid" / "key-0002.pem") == 0o600
    with Server(copy) as server:
        shown = Api(server.url).ok("GET", "/api/push/public-key")
        assert [shown["keyId"], shown["publicKey"], "current"] == new.split()


def test_the_first_command_on_a_new_directory_closes_it_too(tmp_path):
    """And of several that start together one makes the key."""
    data = tmp_path / "data"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda _: ok("vapid", "show", "--data", data), range(4)))
    assert len(set(shown)) == 1
    for folder in (data, data / "secrets", data / "secrets" / "vapid"):
        assert mode(folder) == 0o700, folder
    assert list(files_below(data / "secrets")) == ["vapid/key-0001.pem"]
    assert mode(data / "secrets" / "vapid" / "key-0001.pem") == 0o600
    elsewhere = ok("vapid", "show", "--data", tmp_path / "other", "--push.vapid-dir", data / "secrets" / "vapid")
    assert elsewhere == shown[0]
    assert not (tmp_path / "other").exists()


# --- Unusable ---------------------------------------------------------------------------------------------------------


def test_one_process_at_a_time(copy):
    with Server(copy) as server:
        said = refused_start(3, copy)
        assert str(copy) in said and "in use by another process" in said
        assert "in use by another process" in refused_start(3, copy, "--push.off", name="social-server-api")
        assert Person(server.url).post()
    check_served(copy)


def test_the_number_of_shards_is_fixed(copy):
    said = refused_start(3, copy, "--shards", "32")
    assert "64 shards" in said and "32" in said
    check_served(copy)


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x40
    path.write_bytes(content)


def log_of(store: Path) -> Path:
    return max(store.glob("*.log"), key=lambda path: path.stat().st_size)


def append_record(log: Path, content: bytes) -> None:
    """As RocksDB's writer does (db/log_format.h): blocks of 32 KiB, a record in as many pieces as blocks it touches."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)

    def checksum(data: bytes) -> int:
        crc = 0xFFFFFFFF
        for byte in data:
            crc = table[(crc ^ byte) & 255] ^ crc >> 8
        crc ^= 0xFFFFFFFF
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    written, first = bytearray(log.read_bytes()), True
    while content or first:
        left = 32768 - len(written) % 32768
        if left < 7:
            written += bytes(left)
            continue
        piece, content = content[:left - 7], content[left - 7:]
        kind = bytes([(1 if not content else 2) if first else (4 if not content else 3)])
        written += struct.pack("<IH", checksum(kind + piece), len(piece)) + kind + piece
        first = False
    log.write_bytes(written)


def test_a_store_of_a_newer_format_is_refused_and_left_alone(copy):
    """As a later version leaves it: the description says so, in the log or in a table."""
    store = copy / "api"
    sequence = int((store / "synced-mark").read_text().split()[2]) + 1
    key, value = b"\x01", bytes([1, 2, 64, 0])  # record version 1; format 2, 64 shards, no id
    put = bytes([1, len(key)]) + key + bytes([len(value)]) + value
    append_record(log_of(store), struct.pack("<QI", sequence, 1) + put)
    for _ in range(2):
        said = refused_start(3, copy)
        assert str(store) in said and "format 2" in said and "newer version" in said, said
    assert "newer version" in refused(3, "verify", "--data", copy)


def of_kind(pattern: str):
    """The largest file of a store of that name."""
    return lambda store: max(store.glob(pattern), key=lambda path: path.stat().st_size)


def beginnings(manifest: Path) -> list[int]:
    """Where its records begin; it has one block."""
    content, found, at = manifest.read_bytes(), [], 0
    while at < len(content):
        found.append(at)
        at += 7 + int.from_bytes(content[at + 4:at + 6], "little")
    return found


LOG, MANIFEST, CURRENT = of_kind("*.log"), of_kind("MANIFEST-*"), of_kind("CURRENT")
DAMAGE = {
    "a bit in the log": (LOG, lambda path: flip(path, path.stat().st_size // 2)),
    "a bit at the log's beginning": (LOG, lambda path: flip(path, 10)),
    "half of the log": (LOG, lambda path: os.truncate(path, path.stat().st_size // 2)),
    "no log": (LOG, os.unlink),
    "a wrong CURRENT": (CURRENT, lambda path: path.write_bytes(b"MANIFEST-999999\n")),
    "an empty CURRENT": (CURRENT, lambda path: path.write_bytes(b"")),
    "no CURRENT": (CURRENT, os.unlink),
    "a bit in MANIFEST": (MANIFEST, lambda path: flip(path, 40)),
    "a bit at the end of MANIFEST": (MANIFEST, lambda path: flip(path, path.stat().st_size - 1)),
    "MANIFEST without its end": (MANIFEST, lambda path: os.truncate(path, path.stat().st_size - 1)),
    "MANIFEST without its last records": (MANIFEST, lambda path: os.truncate(path, beginnings(path)[-3])),
    "an empty MANIFEST": (MANIFEST, lambda path: os.truncate(path, 0)),
    "no MANIFEST": (MANIFEST, os.unlink),
}


@pytest.mark.parametrize("store", ["api", "push"])
@pytest.mark.parametrize("find, damage", [pytest.param(*each, id=name) for name, each in DAMAGE.items()])
def test_a_damaged_store_is_refused_and_loses_nothing_by_that(find, damage, store, copy):
    """However often it is tried, as a service manager does. Once the damaged file is back, everything is there: refusing
    has thrown nothing away."""
    path = find(copy / store)
    good = path.read_bytes()
    damage(path)
    for _ in range(3):
        said = refused_start(3, copy)
        assert str(copy / store) in said and "damaged" in said and "restore a backup" in said, said
    path.write_bytes(good)
    check_served(copy)


def test_a_manifest_that_was_damaged_after_a_kill_is_refused(tmp_path):
    """What a running server appended to it counts, too."""
    with Server(tmp_path / "data", "--push.mode", "console") as server:
        person = Person(server.url, email="used0@example.com")
        person.post("post number 0")
        store, deadline = server.data / "api", time.monotonic() + 30
        manifest = MANIFEST(store)
        noted = f"{manifest.name} {manifest.stat().st_size} "
        while noted not in (store / "synced-mark").read_text():
            assert time.monotonic() < deadline, (noted, (store / "synced-mark").read_text())
        server.kill()
        good = manifest.read_bytes()
        os.truncate(manifest, beginnings(manifest)[-2])
        for _ in range(3):
            assert "damaged" in refused_start(3, server.data)
        manifest.write_bytes(good)
        server.start()
        assert len(Api(server.url, person.token).ok("GET", f"/api/user/{person.id}/post/list")) == 1


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    for data in (tmp_path / "file", tmp_path / "file" / "data", Path("/proc/nowhere/data")):
        said = refused_start(3, data)
        assert str(data) in said and "--data" in said


def test_a_directory_of_somebody_else_is_not_taken(tmp_path):
    """Open to others, and something else lives in it."""
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data" / "letter.txt").write_text("dear")
    said = refused_start(3, tmp_path / "data")
    assert "chmod 700" in said
    assert os.listdir(tmp_path / "data") == ["letter.txt"]
    assert mode(tmp_path / "data") == 0o755


def test_an_empty_open_directory_is_closed_and_taken(tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data").chmod(0o755)
    with Server(tmp_path / "data"):
        assert mode(tmp_path / "data") == 0o700
