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
    request = struct.pack(">hhih", METADATA, VERSION, 1, -1) + struct.pack(">i", 0)  # no client id; no topics
    with socket.create_connection((host, port), TIMEOUT_S) as stream:
        stream.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _read(stream, 4))
        answer = _read(stream, length)
    (count,) = struct.unpack_from(">i", answer, 4)  # behind the correlation id
    at, found = 8, set()
    for _ in range(count):
        node, host_length = struct.unpack_from(">ih", answer, at)
        found.add(node)
        at += 6 + host_length + 4  # host, port
        (rack_length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_length, 0)
    return found


def _read(stream: socket.socket, length: int) -> bytes:
    parts = b""
    while len(parts) < length:
        part = stream.recv(length - len(parts))
        if not part:
            raise ConnectionError("the broker closed the connection")
        parts += part
    return parts
