#!/usr/bin/env python3
"""Measures the release build; one JSON line per figure on stdout: bench, value, unit, limit_value, ratio, note.

The limit is measured in the same run: a bare Beast server that does nothing else, or the cryptography that cannot be left
out. Rounds alternate between both sides, so that a busy moment of the machine hits both; medians are shown. `ratio` is
value / limit_value; for start and memory, where the limit is a goal, less than 1 is good.

Groups are not measured unless they are named: `storage` (storage_figures.py; some minutes, and 1 GiB in build/bench) and
`kafka` (kafka_figures.py; a broker is started, with Java and Maven: tests/support/kafka).

    run.py [--rounds N] [--seconds N] [--connections N] [NAME...]
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kafka_figures import KafkaFigures
from storage_figures import StorageFigures

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SOCIAL_BIN_DIR", ROOT / "build" / "release"))
USERS = 64
POST_BODY = json.dumps({"contents": "A post as people write them: a sentence or two, some 120 bytes, nothing special. " * 2})
# What a post's event, state, view and counter rows weigh beside its text.
POST_ROW_BYTES = 700
START_SECONDS_GOAL = 0.3
MEMORY_MIB_GOAL = 60


def plain_environment():
    """Without SOCIAL_*: the server takes these as options, and what is measured are its defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SOCIAL_")}


class Child:
    """A process that says in one JSON line that it is ready, and is ended with the block, come what may."""

    def __init__(self, command, by_stdin=False):
        self.by_stdin = by_stdin
        started = time.monotonic()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                        start_new_session=True, env=plain_environment())
        line = self.process.stdout.readline()
        self.ready_seconds = time.monotonic() - started
        if not line:
            self.log.seek(0)
            self.stop()
            raise SystemExit(f"bench: {command[0]} did not start:\n{self.log.read().decode(errors='replace')}")
        self.ready = json.loads(line)["ready"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.by_stdin:
            self.process.stdin.close()
        elif self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def resident_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


class Bench:
    POST_BODY = POST_BODY

    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="social-bench-"))
        commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
        self.commit = commit.stdout.strip() or "unknown"
        self.server = BIN / "social-server"
        self.extra = []
        if not self.server.exists():
            self.server = BIN / "social-server-api"
            self.extra = ["--push.off", "on"]
        self.made = 0

    # --- Processes ---

    def fresh_folder(self):
        self.made += 1
        folder = self.folder / str(self.made)
        folder.mkdir()
        return folder

    def start_server(self):
        return Child([self.server, "serve", "--data", self.fresh_folder() / "data", "--http.port", "0", "--admin.port",
                      "0", "--limits.rates", "off", "--push.mode", "console", "--log.level", "error", *self.extra])

    def start_limit(self, answer, store=False):
        command = [BIN / "tests" / "bench_limit_server", "--threads", str(self.threads()), "--answer", answer]
        if store:
            command += ["--store", self.fresh_folder(), "--rows", str(POST_ROW_BYTES)]
        return Child(command, by_stdin=True)

    def threads(self):
        """The I/O threads that the server takes by itself."""
        shown = subprocess.run([self.server, "config", "show", *self.extra], capture_output=True, text=True,
                               env=plain_environment())
        found = re.search(r"^http\.threads\s*=\s*(\d+)", shown.stdout, re.M)
        return int(found[1]) if found else os.cpu_count()

    def wrk(self, port, method, path, tokens, body=None):
        environment = dict(os.environ, BENCH_METHOD=method, BENCH_PATH=path, BENCH_TOKENS=str(tokens))
        if body:
            environment["BENCH_BODY"] = body
        done = subprocess.run(["wrk", "-t", "2", "-c", str(self.options.connections), "-d", f"{self.options.seconds}s",
                               "-s", Path(__file__).with_name("wrk.lua"), f"http://127.0.0.1:{port}"],
                              capture_output=True, text=True, env=environment, timeout=self.options.seconds + 60)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
        if not rate or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
            raise SystemExit(f"bench: {method} {path} had failures:\n{done.stdout}{done.stderr}")
        return float(rate[1])

    def alternate(self, ours, limit):
        """Medians of both sides; one short round of each goes first and does not count."""
        ours(), limit()
        pairs = [(ours(), limit()) for _ in range(self.options.rounds)]
        return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)

    # --- What is printed ---

    def say(self, name, value, unit, limit, note):
        digits = 1 if value > 100 else 3
        print(json.dumps({"bench": name, "value": round(value, digits), "unit": unit,
                          "limit_value": None if limit is None else round(limit, digits),
                          "ratio": None if limit is None else round(value / limit, 3),
                          "note": f"{note}; {self.commit}; {os.cpu_count()} cores"}), flush=True)

    def load_note(self):
        o = self.options
        return (f"wrk on the same machine, {o.connections} connections, median of {o.rounds} rounds of {o.seconds} s, "
                f"{self.threads()} I/O threads each")

    # --- Figures ---

    def people(self, port):
        """Joins people and returns the file of their tokens."""
        tokens = self.fresh_folder() / "tokens"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with tokens.open("w") as out:
            for i in range(USERS):
                who = {"name": f"user{i}", "principal": f"user{i}@example.org", "credentials": "benchmark"}
                connection.request("POST", "/api/user/join", json.dumps(who), {"Content-Type": "application/json"})
                answer = json.loads(connection.getresponse().read())
                if not answer["success"]:
                    raise SystemExit(f"bench: nobody can join: {answer}")
                out.write(answer["response"]["apiToken"] + "\n")
        return tokens

    def raw_answer(self, port, request):
        """Every byte of one answer of ours, for the limit server to repeat."""
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(request.encode())
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(65536)
            head, _, body = got.partition(b"\r\n\r\n")
            size = int(re.search(rb"Content-Length: (\d+)", head)[1])
            while len(body) < size:
                body += connection.recv(65536)
        file = self.fresh_folder() / "answer"
        file.write_bytes(head + b"\r\n\r\n" + body)
        return file

    def http_figure(self, name, method, path, body=None, note=""):
        with self.start_server() as server:
            port = int(server.ready["api"].rsplit(":", 1)[1])
            tokens = self.people(port)
            token = tokens.read_text().split("\n")[0]
            headers = f"Host: a\r\nAuthorization: Bearer {token}\r\n"
            if body:
                headers += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            answer = self.raw_answer(port, f"{method} {path} HTTP/1.1\r\n{headers}\r\n{body or ''}")
            with self.start_limit(answer, store=body is not None) as limit:
                ours, most = self.alternate(lambda: self.wrk(port, method, path, tokens, body),
                                            lambda: self.wrk(limit.ready["port"], method, path, tokens, body))
        self.say(name, ours, "requests/s", most, self.load_note() + note)

    def http_get_me(self):
        self.http_figure("http_get_me", "GET", "/api/user/me", note=", limit: bare Beast, the same bytes")

    def http_post(self):
        self.http_figure("http_post", "POST", "/api/post", POST_BODY,
                         note=f", durable, limit: bare Beast and merged synced RocksDB batches of body + {POST_ROW_BYTES} bytes")

    def http_server_bare(self):
        body = self.fresh_folder() / "body"
        body.write_text(json.dumps({"success": True, "response": {"filler": "x" * 160}}))
        tokens = self.fresh_folder() / "tokens"
        tokens.write_text("t" * 300 + "\n")
        threads = str(self.threads())
        with Child([BIN / "tests" / "bench_http_server", "--threads", threads, "--body", body], by_stdin=True) as server:
            answer = self.raw_answer(server.ready["port"], "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with self.start_limit(answer) as limit:
                ours, most = self.alternate(lambda: self.wrk(server.ready["port"], "GET", "/", tokens),
                                            lambda: self.wrk(limit.ready["port"], "GET", "/", tokens))
        self.say("http_server_bare", ours, "requests/s", most, self.load_note() + ", our server with an empty handler")

    def start_ready_seconds(self):
        times = []
        for _ in range(self.options.rounds + 2):
            with self.start_server() as server:
                times.append(server.ready_seconds)
        self.say("start_ready_seconds", statistics.median(times), "s", START_SECONDS_GOAL,
                 f"empty store to ready line, median of {len(times)}; the limit is a goal")

    def resident_memory_mib(self):
        with self.start_server() as server:
            self.people(int(server.ready["api"].rsplit(":", 1)[1]))
            value = server.resident_mib()
        self.say("resident_memory_mib", value, "MiB", MEMORY_MIB_GOAL,
                 f"VmRSS after {USERS} people joined; the limit is a goal")

    def encryptions_per_second(self):
        done = subprocess.run([BIN / "tests" / "bench_encryption"], capture_output=True, text=True, timeout=120, check=True)
        got = json.loads(done.stdout)
        self.say("encryptions_per_second", got["value"], "messages/s", got["limit"],
                 f"one thread, 400-byte payload, median of {got['rounds']}; limit: the two P-256 multiplications of a new key pair and its ECDH")

    FIGURES = ["http_server_bare", "http_get_me", "http_post", "start_ready_seconds", "resident_memory_mib",
               "encryptions_per_second"]


def main():
    groups = {"storage": StorageFigures, "kafka": KafkaFigures}
    members = {group: [f"{group}_{figure}" for figure in owner.FIGURES] for group, owner in groups.items()}
    known = [*Bench.FIGURES, *(name for group, names in members.items() for name in (group, *names))]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64, help="of the figures that are in no group")
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no figure {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    names = [each for name in options.names or Bench.FIGURES for each in members.get(name, [name])]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(options)
    owners = {name: (owner(bench, Child), name.removeprefix(f"{group}_"))
              for group, owner in groups.items() for name in members[group]}
    try:
        for name in names:
            owner, figure = owners.get(name, (bench, name))
            getattr(owner, figure)()
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
