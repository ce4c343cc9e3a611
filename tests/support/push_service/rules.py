"""What a push message must look like: RFC 8030, 8188, 8291 and 8292. No network here."""

import base64
import binascii
import json
import re
import time

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

BODY_BYTES_MAX = 4096
TOKEN_LIFE_S_MAX = 24 * 3600
URGENCIES = {"very-low", "low", "normal", "high"}
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
VAPID = re.compile(r"vapid +t=([A-Za-z0-9._-]+) *, *k=([A-Za-z0-9_-]+)", re.IGNORECASE)
SUBJECT = re.compile(r"(mailto:[^\s<>@]+@[^\s<>@]+|https://[^\s<>/]+[^\s<>]*)")


class Rejected(Exception):
    """A message that a push service does not take. `reason` is short and stable: it is what is counted."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status
        self.reason = reason


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """base64url without padding; ValueError for anything else."""
    if not BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("bits beyond the last byte")
    return data


def one(headers: list[tuple[str, str]], name: str) -> str | None:
    """A header's value; a header that comes twice is refused."""
    values = [value for key, value in headers if key.lower() == name]
    if len(values) > 1:
        raise Rejected(400, f"{name} twice")
    return values[0].strip() if values else None


def check_headers(headers: list[tuple[str, str]]) -> dict:
    """TTL, Urgency and Topic (RFC 8030 section 5)."""
    if one(headers, "content-encoding") != "aes128gcm":
        raise Rejected(400, "content-encoding is not aes128gcm")
    ttl = one(headers, "ttl")
    if ttl is None:
        raise Rejected(400, "ttl missing")
    if not re.fullmatch(r"[0-9]{1,10}", ttl):
        raise Rejected(400, "ttl malformed")
    urgency = one(headers, "urgency")
    if urgency is not None and urgency not in URGENCIES:
        raise Rejected(400, "urgency unknown")
    topic = one(headers, "topic")
    if topic is not None and not TOPIC.fullmatch(topic):
        raise Rejected(400, "topic malformed")
    return {"ttl": int(ttl), "urgency": urgency or "normal", "topic": topic}


def public_key(raw: bytes) -> ec.EllipticCurvePublicKey:
    if len(raw) != 65 or raw[0] != 4:
        raise ValueError("no uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


def check_vapid(value: str | None, origins: set[str], allow_no_subject: bool, now: float | None = None) -> dict:
    """RFC 8292. Returns {"claims", "key"}; `origins` are the spellings of our own origin."""
    now = time.time() if now is None else now
    if value is None:
        raise Rejected(401, "authorization missing")
    match = VAPID.fullmatch(value)
    if not match:
        raise Rejected(401, "authorization malformed")
    token, key_text = match.groups()
    parts = token.split(".")
    if len(parts) != 3:
        raise Rejected(401, "token malformed")
    try:
        header, claims = (json.loads(decode(part)) for part in parts[:2])
        signature = decode(parts[2])
    except (ValueError, binascii.Error):
        raise Rejected(401, "token malformed") from None
    if not isinstance(header, dict) or not isinstance(claims, dict) or len(signature) != 64:
        raise Rejected(401, "token malformed")
    if header.get("alg") != "ES256" or header.get("typ", "JWT") != "JWT":
        raise Rejected(401, "token is not ES256")
    try:
        key = public_key(decode(key_text))
    except ValueError:
        raise Rejected(401, "key malformed") from None
    pair = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(pair, ".".join(parts[:2]).encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Rejected(401, "signature wrong") from None
    if claims.get("aud") not in origins:
        raise Rejected(403, "aud is not this service")
    expires = claims.get("exp")
    if type(expires) is not int:
        raise Rejected(403, "exp missing")
    if expires <= now:
        raise Rejected(403, "exp passed")
    if expires > now + TOKEN_LIFE_S_MAX:
        raise Rejected(403, "exp more than 24 h ahead")
    subject = claims.get("sub")
    if subject is None and not allow_no_subject:
        raise Rejected(403, "sub missing")
    if subject is not None and not (isinstance(subject, str) and SUBJECT.fullmatch(subject)):
        raise Rejected(403, "sub malformed")
    return {"claims": claims, "key": key_text}


def decrypt(body: bytes, private_key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """RFC 8291: one record, the sender's key as key id."""
    if len(body) < 21 + 65 + 17 or body[20] != 65:
        raise Rejected(400, "body malformed")
    record_size = int.from_bytes(body[16:20], "big")
    if record_size < 18 or len(body) - 86 > record_size:
        raise Rejected(400, "more than one record")
    try:
        return http_ece.decrypt(body, private_key=private_key, auth_secret=auth, version="aes128gcm")
    except Exception:  # http_ece and cryptography raise many kinds
        raise Rejected(400, "cannot be decrypted") from None
