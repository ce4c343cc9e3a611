"""The strict push service judges itself: what it must take, and one message for each reason to refuse."""

import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse
from pathlib import Path

import http_ece
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "support"))

from push_service import PushService, rules  # noqa: E402

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def public_text(key) -> str:
    return rules.encode(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


@pytest.fixture(scope="module")
def shared_service():
    with PushService() as running:
        yield running


@pytest.fixture
def service(shared_service):
    shared_service.reset(subscriptions=True)
    return shared_service


def encrypted(subscription: dict, plaintext: bytes = b'{"title":"hello"}', record_size: int = 4096) -> bytes:
    return http_ece.encrypt(
        plaintext,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=rules.decode(subscription["keys"]["p256dh"]),
        auth_secret=rules.decode(subscription["keys"]["auth"]),
        version="aes128gcm",
        rs=record_size,
    )


def vapid(service, key=KEY, header=None, signature=None, **claims) -> str:
    all_claims = {"aud": service.origin, "exp": int(time.time()) + 3600, "sub": "mailto:operator@example.com", **claims}
    all_claims = {name: value for name, value in all_claims.items() if value is not None}
    parts = [header or {"typ": "JWT", "alg": "ES256"}, all_claims]
    text = ".".join(rules.encode(json.dumps(part).encode()) for part in parts)
    if signature is None:
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"vapid t={text}.{rules.encode(signature)}, k={public_text(key)}"


def good_headers(service, **changed) -> dict:
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": "60",
        "Urgency": "high",
        "Topic": "abc_-9",
        "Authorization": vapid(service),
    }
    headers.update({name.replace("_", "-"): value for name, value in changed.items()})
    return {name: value for name, value in headers.items() if value is not None}


def connect(service) -> http.client.HTTPConnection:
    if service.ca_file is None:
        return http.client.HTTPConnection("localhost", service.port, timeout=20)
    context = ssl.create_default_context(cafile=service.ca_file)
    return http.client.HTTPSConnection("localhost", service.port, timeout=20, context=context)


def push(service, subscription: dict, body: bytes | None = None, headers: dict | None = None, method: str = "POST"):
    """Returns status, headers and the body as JSON or None."""
    connection = connect(service)
    try:
        target = urllib.parse.urlsplit(subscription["endpoint"]).path
        connection.request(
            method,
            target,
            encrypted(subscription) if body is None else body,
            good_headers(service) if headers is None else headers,
        )
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, dict(answer.getheaders()), json.loads(text) if text.startswith(b"{") else None
    finally:
        connection.close()


def refused(service, subscription, **arguments) -> tuple[int, str]:
    status, _, body = push(service, subscription, **arguments)
    assert service.stats()["rejected"] == {body["reason"]: 1}
    assert service.messages() == []
    return status, body["reason"]


def test_takes_and_decrypts_a_good_message(service):
    subscription = service.subscribe(public_text(KEY))
    status, headers, _ = push(service, subscription, encrypted(subscription, '{"title":"안녕"}'.encode()))
    assert status == 201
    assert headers["Location"].startswith("/message/") and headers["TTL"] == "60"
    (message,) = service.messages(subscription["id"], at_least=1)
    assert message["payload"] == {"title": "안녕"}
    assert (message["ttl"], message["urgency"], message["topic"]) == (60, "high", "abc_-9")
    assert message["claims"]["aud"] == service.origin
    assert message["claims"]["sub"] == "mailto:operator@example.com"
    assert message["key"] == public_text(KEY)
    assert message["headers"]["content-encoding"] == "aes128gcm"
    assert message["status"] == 201
    assert service.stats()["accepted"] == 1 and service.stats()["rejected"] == {}


def test_the_rules_take_the_example_of_rfc_8291():
    vector = json.loads((TESTS / "vectors" / "webpush.json").read_text())["rfc8291_appendix_a"]
    scalar = int.from_bytes(rules.decode(vector["ua_private"]), "big")
    receiver = ec.derive_private_key(scalar, ec.SECP256R1())
    assert public_text(receiver) == vector["ua_public"]
    auth = rules.decode(vector["auth_secret"])
    assert rules.decrypt(rules.decode(vector["body"]), receiver, auth).decode() == vector["plaintext"]


def test_the_rules_take_the_example_of_rfc_8292():
    value = (
        "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3Nj"
        "gsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysaz"
        "NjjvW2L9OkSSHzvoD1oA, "
        "k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
    )
    found = rules.check_vapid(value, {"https://push.example.net"}, False, now=1453500000)
    assert found["claims"]["exp"] == 1453523768


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"Content_Encoding": None}, 400, "content-encoding is not aes128gcm"),
        ({"Content_Encoding": "aesgcm"}, 400, "content-encoding is not aes128gcm"),
        ({"TTL": None}, 400, "ttl missing"),
        ({"TTL": "soon"}, 400, "ttl malformed"),
        ({"TTL": "-1"}, 400, "ttl malformed"),
        ({"Urgency": "urgent"}, 400, "urgency unknown"),
        ({"Topic": "a" * 33}, 400, "topic malformed"),
        ({"Topic": "a.b"}, 400, "topic malformed"),
        ({"Topic": ""}, 400, "topic malformed"),
        ({"Authorization": None}, 401, "authorization missing"),
        ({"Authorization": "WebPush abc"}, 401, "authorization malformed"),
        ({"Authorization": "vapid t=a.b, k=c"}, 401, "token malformed"),
        ({"Authorization": "vapid t=a.b.c, k=d"}, 401, "token malformed"),
    ],
)
def test_refuses_bad_headers(service, changed, status, reason):
    assert refused(service, service.subscribe(), headers=good_headers(service, **changed)) == (status, reason)


@pytest.mark.parametrize(
    ("token", "status", "reason"),
    [
        ({"signature": bytes(64)}, 401, "signature wrong"),
        ({"signature": bytes(63)}, 401, "token malformed"),
        ({"header": {"typ": "JWT", "alg": "none"}}, 401, "token is not ES256"),
        ({"aud": "https://push.example.net"}, 403, "aud is not this service"),
        ({"aud": None}, 403, "aud is not this service"),
        ({"exp": None}, 403, "exp missing"),
        ({"exp": "tomorrow"}, 403, "exp missing"),
        ({"exp": int(time.time()) - 1}, 403, "exp passed"),
        ({"exp": int(time.time()) + 25 * 3600}, 403, "exp more than 24 h ahead"),
        ({"sub": None}, 403, "sub missing"),
        ({"sub": "operator@example.com"}, 403, "sub malformed"),
        ({"sub": "mailto: <operator@example.com>"}, 403, "sub malformed"),
        ({"sub": "http://example.com"}, 403, "sub malformed"),
        ({"key": OTHER_KEY}, 403, "key is not the subscription's"),
    ],
)
def test_refuses_bad_tokens(service, token, status, reason):
    subscription = service.subscribe(public_text(KEY))
    headers = good_headers(service, Authorization=vapid(service, **token))
    assert refused(service, subscription, headers=headers) == (status, reason)


def test_refuses_bad_bodies(service):
    subscription = service.subscribe()
    body = encrypted(subscription)
    cases = {
        b"": (400, "body malformed"),
        bytes(200): (400, "body malformed"),
        body[:-1] + bytes([body[-1] ^ 1]): (400, "cannot be decrypted"),
        encrypted(service.subscribe()): (400, "cannot be decrypted"),
        encrypted(subscription, b"x" * 100, record_size=60): (400, "more than one record"),
        bytes(4097): (413, "body larger than 4096 bytes"),
    }
    for bad, expected in cases.items():
        service.reset()
        assert refused(service, subscription, body=bad) == expected


def test_refuses_other_methods_and_places(service):
    subscription = service.subscribe()
    assert refused(service, subscription, method="PUT") == (405, "method is not POST")
    service.reset()
    unknown = {**subscription, "endpoint": service.origin + "/push/unknown"}
    assert refused(service, unknown, body=b"x") == (404, "no such subscription")
    service.reset()
    service.remove(subscription["id"])
    assert refused(service, subscription) == (410, "subscription gone")


def test_refuses_a_key_pair_that_is_used_twice(service):
    subscription = service.subscribe()
    sender = ec.generate_private_key(ec.SECP256R1())
    bodies = [
        http_ece.encrypt(
            b"{}",
            private_key=sender,
            dh=rules.decode(subscription["keys"]["p256dh"]),
            auth_secret=rules.decode(subscription["keys"]["auth"]),
            version="aes128gcm",
        )
        for _ in range(2)
    ]
    assert push(service, subscription, bodies[0])[0] == 201
    assert push(service, subscription, bodies[0])[0] == 201  # the very same request, repeated
    assert push(service, subscription, bodies[1])[2] == {"reason": "key pair used twice"}


def test_scripted_answers(service):
    one, two = service.subscribe(), service.subscribe()
    service.script([{"status": 503, "headers": {"Retry-After": "7"}, "body": "busy", "times": 2}], one["id"])
    service.script([{"status": 429}])
    for _ in range(2):
        status, headers, _ = push(service, one, headers=good_headers(service))
        assert (status, headers["Retry-After"]) == (503, "7")
    assert push(service, one)[0] == 429
    assert push(service, one)[0] == 201
    service.script([{"status": 410, "times": 0}])
    assert [push(service, two)[0] for _ in range(3)] == [410, 410, 410]
    assert [m["status"] for m in service.messages(one["id"])] == [503, 503, 429, 201]
    assert service.stats()["accepted"] == 1


def test_scripted_trouble(service):
    subscription = service.subscribe()
    service.script([{"reset": True}, {"close": True}, {"garbage": True}, {"delay_ms": 1}])
    with pytest.raises(ConnectionError):
        push(service, subscription)
    with pytest.raises((ConnectionError, ssl.SSLEOFError)):
        push(service, subscription)
    with pytest.raises(http.client.HTTPException):
        push(service, subscription)
    assert push(service, subscription)[0] == 201
    assert [m["status"] for m in service.messages()] == [0, 0, 0, 201]


def test_a_hanging_answer_ends_with_reset(service):
    subscription = service.subscribe()
    service.script([{"hang": True}])
    connection = connect(service)
    connection.request(
        "POST", urllib.parse.urlsplit(subscription["endpoint"]).path, encrypted(subscription), good_headers(service)
    )
    assert len(service.messages(at_least=1)) == 1
    service.reset()
    with pytest.raises((ConnectionError, ssl.SSLEOFError, http.client.HTTPException)):
        connection.getresponse()
    connection.close()


def test_a_message_replaces_its_twin(service):
    subscription = service.subscribe()
    for topic, text in [("a", b"1"), ("b", b"2"), ("a", b"3"), (None, b"4"), (None, b"5")]:
        assert push(service, subscription, encrypted(subscription, text), good_headers(service, Topic=topic))[0] == 201
    assert [m["text"] for m in service.messages()] == ["1", "2", "3", "4", "5"]
    assert [m["text"] for m in service.queue(subscription["id"])] == ["2", "3", "4", "5"]


def test_connections_are_kept(service):
    subscription = service.subscribe()
    connection = connect(service)
    for _ in range(3):
        target = urllib.parse.urlsplit(subscription["endpoint"]).path
        connection.request("POST", target, encrypted(subscription), good_headers(service))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201
    connection.close()
    assert service.stats()["connections"] == 1


def test_control_refuses_nonsense(service):
    with pytest.raises(RuntimeError, match="404"):
        service.call("GET", "/control/nothing")
    with pytest.raises(RuntimeError, match="404"):
        service.script([{"status": 200}], "unknown")
    with pytest.raises(RuntimeError, match="400"):
        service.script([{"statsu": 200}])
    with pytest.raises(RuntimeError, match="400"):
        service.subscribe("nonsense")


def test_plain_http_and_tokens_without_subject(tmp_path):
    with PushService("--plain", "--allow-no-sub", "--host", "127.0.0.1") as service:
        assert service.origin == f"http://127.0.0.1:{service.port}" and service.ca_file is None
        subscription = service.subscribe()
        headers = good_headers(service, Authorization=vapid(service, sub=None))
        assert push(service, subscription, headers=headers)[0] == 201


def test_certificates_are_written_where_asked(tmp_path):
    with PushService("--directory", str(tmp_path)) as service:
        assert service.ca_file == str(tmp_path / "ca.pem")
        assert os.stat(tmp_path / "server.pem").st_mode & 0o77 == 0
