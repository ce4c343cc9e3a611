"""The two servers: HTTPS for pushes, plain HTTP on the loopback for control."""

import argparse
import json
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from . import rules
from .certificates import make_certificates
from .state import State

GARBAGE = b"\x00\xffthis is no HTTP\r\n\r\n"
READ_BYTES_MAX = 1 << 20


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler, port: int, state: State, tls: ssl.SSLContext | None = None):
        self.state = state
        self.tls = tls
        super().__init__(("127.0.0.1", port), handler)

    def finish_request(self, request, client_address):
        # The handshake is made in the connection's own thread: a slow client delays nobody.
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format, *args):
        pass

    def body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > READ_BYTES_MAX:
            self.close_connection = True
            raise rules.Rejected(411 if not length.isdigit() else 413, "content-length missing or too large")
        return self.rfile.read(int(length))

    def answer(self, status: int, body: bytes = b"", headers: dict | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        if status != 204 and status >= 200:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class PushHandler(Handler):
    def setup(self):
        super().setup()
        with self.server.state.changed:
            self.server.state.connections += 1

    def handle_any(self):
        state = self.server.state
        with state.changed:
            state.requests += 1
        try:
            body = self.body()
            if self.command != "POST":
                raise rules.Rejected(405, "method is not POST")
            if not self.path.startswith("/push/"):
                raise rules.Rejected(404, "no such subscription")
            answer = state.take(self.path[6:], self.headers.items(), body, self.server.origins)
        except rules.Rejected as rejected:
            state.reject(rejected)
            self.answer(rejected.status, json.dumps({"reason": rejected.reason}).encode())
            return
        self.play(answer)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST = handle_any

    def play(self, answer: dict) -> None:
        """A scripted answer, or 201."""
        if "delay_ms" in answer:
            self.server.state.pause(answer["delay_ms"] / 1000)
        if answer.get("hang"):
            self.server.state.pause(None)
            self.close_connection = True
        elif answer.get("garbage"):
            self.wfile.write(GARBAGE)
            self.wfile.flush()
            self.close_connection = True
        elif answer.get("reset") or answer.get("close"):
            self.close_connection = True
            if answer.get("reset"):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Without a TLS close_notify: the client sees the bare connection go.
            self.connection.close()
        else:
            status = answer.get("status", 201)
            headers = dict(answer.get("headers", {}))
            if status == 201:
                headers = {"Location": f"/message/{answer['message']}", "TTL": self.headers["TTL"], **headers}
            self.answer(status, answer.get("body", "").encode(), headers)


class ControlHandler(Handler):
    def do_GET(self):
        self.route("GET")

    def do_POST(self):
        self.route("POST")

    def do_DELETE(self):
        self.route("DELETE")

    def route(self, method: str) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        try:
            given = json.loads(self.body() or b"{}") if method == "POST" else {}
            found = self.result(method, url.path, query, given)
        except KeyError as missing:
            self.reply(404, {"error": f"there is no {missing}"})
        except (ValueError, TypeError, AttributeError, rules.Rejected) as problem:
            self.reply(400, {"error": str(problem)})
        else:
            self.reply(200, found)

    def result(self, method: str, path: str, query: dict, given: dict):
        state = self.server.state
        if (method, path) == ("POST", "/control/subscriptions"):
            made = state.subscribe(given.get("applicationServerKey"))
            return {
                "id": made.id,
                "endpoint": f"{self.server.push_origin}/push/{made.id}",
                "keys": {"p256dh": made.p256dh, "auth": rules.encode(made.auth)},
            }
        if method == "DELETE" and path.startswith("/control/subscriptions/"):
            state.subscriptions[path.rsplit("/", 1)[1]].gone = True
            return {}
        if (method, path) == ("POST", "/control/answers"):
            state.script(given["answers"], given.get("subscription"))
            return {}
        if (method, path) == ("GET", "/control/messages"):
            messages = state.received(
                query.get("subscription"), int(query.get("at_least", 0)), int(query.get("timeout_ms", 0)) / 1000
            )
            return {"messages": messages}
        if (method, path) == ("GET", "/control/queue"):
            return {"messages": state.queue(query.get("subscription"))}
        if (method, path) == ("GET", "/control/stats"):
            return state.stats()
        if (method, path) == ("POST", "/control/reset"):
            state.reset(bool(given.get("subscriptions")))
            return {}
        raise KeyError(f"{method} {path}")

    def reply(self, status: int, body) -> None:
        self.answer(status, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="push_service", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the push service; 0: any that is free")
    parser.add_argument("--control-port", type=int, default=0, help="of the control API; 0: any that is free")
    parser.add_argument("--directory", type=Path, help="where certificates are written; default: a temporary one")
    parser.add_argument("--host", default="localhost", choices=["localhost", "127.0.0.1"], help="in endpoints")
    parser.add_argument("--plain", action="store_true", help="http instead of https")
    parser.add_argument("--allow-no-sub", action="store_true", help="take tokens without sub")
    options = parser.parse_args(arguments)

    state = State(allow_no_subject=options.allow_no_sub)
    with tempfile.TemporaryDirectory() as temporary:
        ca_file, tls = None, None
        if not options.plain:
            ca_file, server_file = make_certificates(options.directory or Path(temporary))
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
            tls.load_cert_chain(server_file)
        push = Server(PushHandler, options.port, state, tls)
        control = Server(ControlHandler, options.control_port, state)
        port = push.server_address[1]
        scheme = "http" if options.plain else "https"
        push.origins = {f"{scheme}://{host}:{port}" for host in ("localhost", "127.0.0.1")}
        control.push_origin = f"{scheme}://{options.host}:{port}"
        for server in (push, control):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        ready = {
            "origin": control.push_origin,
            "port": port,
            "control": f"http://127.0.0.1:{control.server_address[1]}",
            "control_port": control.server_address[1],
            "ca_file": str(ca_file) if ca_file else None,
        }
        print(json.dumps(ready), flush=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        state.stop()
        push.shutdown()
        control.shutdown()
    return 0
