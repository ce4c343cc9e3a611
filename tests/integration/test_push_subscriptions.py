"""Which subscriptions are taken, and what is said about those that are not."""

import base64
import os

import pytest
from people import Api, Person
from push_support import SUBJECT, Device, Writer, catch_up, options_for, settle
from server import Server

from push_service import PushService

GOOD = "https://push.example.com/send/abc"


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


@pytest.fixture(scope="module")
def server(service, tmp_path_factory):
    data = tmp_path_factory.mktemp("subscriptions") / "data"
    options = ["--push.subject", SUBJECT, "--push.join-audience", "none", *options_for(service)]
    with Server(data, *options) as running:
        yield running


@pytest.fixture(scope="module")
def keys(service) -> dict:
    return service.subscribe()["keys"]


@pytest.fixture(scope="module")
def sally(server) -> Writer:
    return Writer(server.url)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refused_fields(person: Person, body: dict) -> list[str]:
    error = person.refused(400, "POST", "/api/subscribe", json=body)
    assert error["code"] == "invalid_input"
    assert all(each["reason"] for each in error["fields"])
    return sorted(each["field"] for each in error["fields"])


BAD_ENDPOINTS = {
    "empty": "",
    "no URL": "push.example.com/abc",
    "http": "http://push.example.com/abc",
    "another scheme": "wss://push.example.com/abc",
    "javascript": "javascript:alert(1)",
    "user": "https://user@push.example.com/abc",
    "user and password": "https://user:secret@push.example.com/abc",
    "empty user": "https://@push.example.com/abc",
    "another port": "https://push.example.com:8443/abc",
    "port of http": "https://push.example.com:80/abc",
    "no port": "https://push.example.com:/abc",
    "too great a port": "https://push.example.com:65979/abc",  # 443 in 16 bits
    "fragment": "https://push.example.com/abc#part",
    "space": "https://push.example.com/a bc",
    "line end": "https://push.example.com/abc\r\nHost: inner",
    "backslash": "https://push.example.com\\@127.0.0.1/abc",
    "too long": "https://push.example.com/" + "a" * 2048,
    "localhost": "https://localhost/abc",
    "localhost in capitals": "https://LOCALHOST/abc",
    "below localhost": "https://push.localhost/abc",
    "final dot": "https://localhost./abc",
    "one label": "https://intranet/abc",
    "local": "https://printer.local/abc",
    "internal": "https://metadata.google.internal/abc",
    "loopback": "https://127.0.0.1/abc",
    "loopback, short": "https://127.1/abc",
    "loopback, decimal": "https://2130706433/abc",
    "loopback, octal": "https://0177.0.0.1/abc",
    "loopback, hexadecimal": "https://0x7f.0.0.1/abc",
    "loopback, hexadecimal whole": "https://0x7f000001/abc",
    "this host": "https://0/abc",
    "private 10": "https://10.1.2.3/abc",
    "private 172": "https://172.16.0.1/abc",
    "private 192": "https://192.168.1.1/abc",
    "private, mixed": "https://192.0xa8.1/abc",
    "carrier": "https://100.64.0.1/abc",
    "metadata": "https://169.254.169.254/abc",
    "multicast": "https://224.0.0.1/abc",
    "reserved": "https://255.255.255.255/abc",
    "loopback v6": "https://[::1]/abc",
    "unspecified v6": "https://[::]/abc",
    "mapped": "https://[::ffff:127.0.0.1]/abc",
    "mapped in hexadecimal": "https://[::ffff:7f00:1]/abc",
    "compatible": "https://[::127.0.0.1]/abc",
    "NAT64": "https://[64:ff9b::10.0.0.1]/abc",
    "6to4": "https://[2002:7f00:1::]/abc",
    "unique local": "https://[fd00::1]/abc",
    "link-local": "https://[fe80::1]/abc",
    "link-local with a zone": "https://[fe80::1%25eth0]/abc",
    "a public address": "https://8.8.8.8/abc",
}


@pytest.mark.parametrize("endpoint", BAD_ENDPOINTS.values(), ids=BAD_ENDPOINTS)
def test_an_endpoint_that_must_not_be_asked_is_refused(endpoint, sally, keys):
    assert refused_fields(sally, {"notificationEndPoint": endpoint, "publicKey": keys["p256dh"],
                                  "auth": keys["auth"]}) == ["notificationEndPoint"]
    assert refused_fields(sally, {"endpoint": endpoint, "keys": keys}) == ["endpoint"]


def off_the_curve(key: str) -> bytes:
    raw = bytearray(bytes_of(key))
    raw[-1] ^= 1
    return bytes(raw)


BAD_KEYS = {
    "empty": lambda key: "",
    "no base64": lambda key: "*" * 87,
    "too short": lambda key: b64(bytes_of(key)[:-1]),
    "too long": lambda key: b64(bytes_of(key) + b"\0"),
    "compressed": lambda key: b64(b"\2" + bytes_of(key)[1:33]),
    "another form": lambda key: b64(b"\6" + bytes_of(key)[1:]),
    "off the curve": lambda key: b64(off_the_curve(key)),
    "the origin": lambda key: b64(b"\4" + bytes(64)),
}


@pytest.mark.parametrize("spoil", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_that_is_none_is_refused(spoil, sally, keys):
    bad = spoil(keys["p256dh"])
    assert refused_fields(sally, {"notificationEndPoint": GOOD, "publicKey": bad, "auth": keys["auth"]}) == ["publicKey"]
    assert refused_fields(sally, {"endpoint": GOOD, "keys": {**keys, "p256dh": bad}}) == ["keys.p256dh"]


@pytest.mark.parametrize("auth", ["", "****", b64(bytes(15)), b64(bytes(17)), b64(bytes(32))])
def test_an_auth_secret_has_16_bytes(auth, sally, keys):
    assert refused_fields(sally, {"notificationEndPoint": GOOD, "publicKey": keys["p256dh"], "auth": auth}) == ["auth"]
    assert refused_fields(sally, {"endpoint": GOOD, "keys": {**keys, "auth": auth}}) == ["keys.auth"]


def test_every_violated_field_is_named(sally):
    assert refused_fields(sally, {"notificationEndPoint": "x", "publicKey": "x", "auth": "x"}) == [
        "auth", "notificationEndPoint", "publicKey"]
    assert refused_fields(sally, {"endpoint": "x", "keys": {"p256dh": "x", "auth": "x"}}) == [
        "endpoint", "keys.auth", "keys.p256dh"]
    assert refused_fields(sally, {}) == ["auth", "notificationEndPoint", "publicKey"]
    assert refused_fields(sally, {"endpoint": GOOD}) == ["keys.auth", "keys.p256dh"]


def test_keys_come_in_any_base64(sally, keys):
    raw = [bytes_of(keys["p256dh"]), bytes_of(keys["auth"])]
    for form in (b64, lambda raw: base64.b64encode(raw).decode(), lambda raw: base64.urlsafe_b64encode(raw).decode(),
                 lambda raw: base64.b64encode(raw).decode().rstrip("=")):
        saved = sally.ok("POST", "/api/subscribe", json={"notificationEndPoint": GOOD, "publicKey": form(raw[0]),
                                                         "auth": form(raw[1])})
        assert (saved["userId"], saved["notificationEndPoint"]) == (sally.id, GOOD)
        assert keys["auth"] not in str(saved) and keys["p256dh"] not in str(saved)


def test_a_long_endpoint_fits(sally, keys):
    endpoint = GOOD + "a" * (2048 - len(GOOD))
    assert sally.ok("POST", "/api/subscribe", json={"endpoint": endpoint, "keys": keys})["notificationEndPoint"] == endpoint


def test_the_key_for_subscribing_is_public_and_stays(server, sally):
    first = Api(server.url).ok("GET", "/api/push/public-key")
    assert set(first) == {"publicKey", "keyId"}
    assert len(bytes_of(first["publicKey"])) == 65 and bytes_of(first["publicKey"])[0] == 4
    assert sally.ok("GET", "/api/push/public-key") == first


def test_the_stalest_device_makes_way_for_the_21st(server, service):
    bob = Writer(server.url, "Bob")
    harry = bob.befriend()
    catch_up(server)
    devices = [Device(service, bob) for _ in range(21)]
    bob.hear(harry, "to twenty devices")
    for device in devices[1:]:
        device.wait_for("to twenty devices")
    settle(server)
    assert devices[0].messages() == []


def test_endpoints_are_in_no_log(server, sally, keys):
    secret = os.urandom(12).hex()
    sally.ok("POST", "/api/subscribe", json={"endpoint": f"https://push.example.com/{secret}", "keys": keys})
    refused_fields(sally, {"endpoint": f"http://push.example.com/{secret}", "keys": keys})
    assert secret not in server.log
