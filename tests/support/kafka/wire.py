"""The one request that a test needs to know whether a broker serves: Metadata, version 1, by hand.

https://kafka.apache.org/protocol#The_Messages_Metadata. No client library is needed, so that `./dev run` does without.
"""

import socket
import struct

METADATA = 3
VERSION = 1
TIMEOUT_S = 5


def brokers_seen_by(host: str, port: int) -> set[int]:
    """Ids of the brokers that this one tells its clients of. Errors: OSError."""
    found = set()
    _each_broker(_ask(host, port, topics=0), found)
    return found


def topics_seen_by(host: str, port: int) -> set[str]:
    """Names of the topics that this one tells its clients of; others may know better. Errors: OSError."""
    answer = _ask(host, port, topics=-1)  # null: all of them
    at = _each_broker(answer, set()) + 4  # the controller
    (count,) = struct.unpack_from(">i", answer, at)
    at += 4
    found = set()
    for _ in range(count):
        failure, length = struct.unpack_from(">hh", answer, at)
        name = answer[at + 4:at + 4 + length].decode()
        at += 4 + length + 1  # internal or not
        (partitions,) = struct.unpack_from(">i", answer, at)
        at += 4
        for _ in range(partitions):
            at += 10  # failure, number, leader
            for _ in range(2):  # replicas, those in sync
                (copies,) = struct.unpack_from(">i", answer, at)
                at += 4 + 4 * copies
        if not failure:
            found.add(name)
    return found


def _ask(host: str, port: int, topics: int) -> bytes:
    request = struct.pack(">hhih", METADATA, VERSION, 1, -1) + struct.pack(">i", topics)  # no client id
    with socket.create_connection((host, port), TIMEOUT_S) as stream:
        stream.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _read(stream, 4))
        return _read(stream, length)


def _each_broker(answer: bytes, found: set[int]) -> int:
    """Where the list of brokers ends."""
    (count,) = struct.unpack_from(">i", answer, 4)  # behind the correlation id
    at = 8
    for _ in range(count):
        node, host_length = struct.unpack_from(">ih", answer, at)
        found.add(node)
        at += 6 + host_length + 4  # host, port
        (rack_length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_length, 0)
    return at


def _read(stream: socket.socket, length: int) -> bytes:
    parts = b""
    while len(parts) < length:
        part = stream.recv(length - len(parts))
        if not part:
            raise ConnectionError("the broker closed the connection")
        parts += part
    return parts
