"""Figures of the stores: durable commands against a limit server that only writes and syncs, a hot post, a slow disk, a
store with a million members, a subscriber that stalls.

The limit server writes as many bytes with each request as our commands do: they are counted first. Rounds alternate.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SOCIAL_BIN_DIR", ROOT / "build" / "release"))
CACHE = ROOT / "build" / "bench"

MANY = 512
OWNERS = 64  # of posts that are liked: each person may read each owner
POSTS_OF_OWNER = 384
COMMAND_GOAL = 0.7
HOT_GOAL = 0.8
SLOW_MS = 15
SLOW_GOAL = 0.9
MEMBERS, POSTS_OF_MEMBER = 1_000_000, 2
START_EMPTY_S_GOAL, START_FULL_S_GOAL = 0.3, 1.0
OPENED_MIB_GOAL = 400
OPENED = 10_000
STALLED_EVENTS = 100_000
STALLED_GOAL = "5 %"
POST = json.dumps({"contents": "A post as people write them: a sentence or two, some 120 bytes, nothing special. " * 2})
COMMENT = json.dumps({"contents": "A comment of sixty bytes or so, as people write them."})
CHEAP_HASH = ("--auth.argon2-memory", "8MiB", "--auth.argon2-passes", "1")
DEADLINE_S = 600


def until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"bench: not in {DEADLINE_S} s: {what}")
        time.sleep(0.1)
    return found


def metric(server, name):
    """The sum over all labels but those of the push store."""
    with urllib.request.urlopen(server.ready["admin"] + "/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found = [line.rpartition(" ")[2] for line in lines if re.match(rf"{name}(\{{|\s)", line) and 'store="push"' not in line]
    return sum(float(value) for value in found)


def written_bytes(child):
    """To the disk, by the system's account."""
    return int(re.search(r"^write_bytes: (\d+)", Path(f"/proc/{child.process.pid}/io").read_text(), re.M)[1])


class People:
    """Members of one server: their tokens, their posts, and who may read whom."""

    def __init__(self, port, count):
        self.port = port
        self.members = [None] * count
        self.each(range(count), self._join)

    def each(self, items, act):
        """Runs act(connection, item) for all, over eight connections."""
        items, failed = list(items), []

        def run(part):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                for item in part:
                    act(connection, item)
            except BaseException as e:  # for the thread that waits
                failed.append(e)

        threads = [threading.Thread(target=run, args=(items[n::8],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    @staticmethod
    def ask(connection, method, path, token=None, body=None):
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, body, headers)
        answer = json.loads(connection.getresponse().read())
        if not answer["success"]:
            raise SystemExit(f"bench: {method} {path}: {answer}")
        return answer["response"]

    def _join(self, connection, number):
        who = {"name": f"user{number}", "principal": f"user{number}@example.org", "credentials": "benchmark"}
        got = self.ask(connection, "POST", "/api/user/join", body=json.dumps(who))
        self.members[number] = (got["user"]["seq"], got["apiToken"])

    def posts(self, owner, count=1):
        """Paths of new posts of that member."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        user, token = self.members[owner]
        made = [self.ask(connection, "POST", "/api/post", token, POST)["seq"] for _ in range(count)]
        return [f"/api/user/{user}/post/{post}" for post in made]

    def connect(self, pairs):
        """The first of each pair may read the second."""

        def act(connection, pair):
            (caller, caller_token), (owner, owner_token) = self.members[pair[0]], self.members[pair[1]]
            self.ask(connection, "POST", f"/api/user/connections/{owner}", caller_token)
            self.ask(connection, "PATCH", f"/api/user/connections/grant/{caller}", owner_token)

        self.each(pairs, act)

    def tokens(self, count=None):
        return [token for _, token in self.members[:count]]


class Load:
    """One kind of request to both servers."""

    def __init__(self, bench, method, paths, tokens, body=None, once=False):
        self.bench, self.method, self.body, self.once = bench, method, body, once
        self.folder = bench.fresh_folder()
        (self.folder / "paths").write_text("".join(path + "\n" for path in paths))
        (self.folder / "tokens").write_text("".join(token + "\n" for token in tokens))
        self.first = (paths[-1], tokens[-1])
        self.pairs = len(paths) * len(tokens)
        self.offset = 0
        self.requests = 0

    def start(self, port, connections, seconds, fresh=False):
        environment = dict(os.environ, BENCH_METHOD=self.method, BENCH_PATHS=str(self.folder / "paths"),
                           BENCH_TOKENS=str(self.folder / "tokens"), BENCH_ORDER="product" if self.once else "together",
                           BENCH_OFFSET=str(self.offset if fresh else 0))
        if self.body:
            environment["BENCH_BODY"] = self.body
        return subprocess.Popen(["wrk", "-t", "2", "-c", str(connections), "-d", f"{seconds}s", "-s",
                                 Path(__file__).with_name("wrk_storage.lua"), f"http://127.0.0.1:{port}"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    def run(self, port, connections, seconds=None, fresh=False):
        """Requests per second. `fresh`: each pair of path and token is used once on that server."""
        seconds = seconds or self.bench.options.seconds
        with self.start(port, connections, seconds, fresh) as wrk:
            said, _ = wrk.communicate(timeout=seconds + 60)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if not rate or wrk.returncode or "Non-2xx" in said or "Socket errors" in said:
            raise SystemExit(f"bench: {self.method} had failures:\n{said}")
        self.requests = int(re.search(r"(\d+) requests in", said)[1])
        if fresh and self.once:
            # Two threads, about half each; what one of them has sent more, and what was under way, is left out.
            self.offset += int(self.requests * 0.6) + connections
            if self.offset >= self.pairs // 2:
                raise SystemExit(f"bench: {self.pairs} pairs of path and person are too few for this machine")
        return float(rate[1])


class StorageFigures:
    """What Bench of run.py needs for the names that begin with storage_."""

    FIGURES = ["post", "comment", "like", "hot_post", "bytes_per_post", "slow_disk", "start_empty", "start_full",
               "opened_memory", "touched_memory", "stalled_subscriber"]

    def __init__(self, bench, child):
        self.bench, self.child = bench, child

    # --- Processes ---

    def server(self, *more, name=None):
        command = [BIN / name if name else self.bench.server, "serve", "--data", self.bench.fresh_folder() / "data"]
        return self.child([*command, *self.options(), *CHEAP_HASH, *more])

    def options(self):
        return ["--http.port", "0", "--admin.port", "0", "--limits.rates", "off", "--push.mode", "console", "--log.level",
                "error", *self.bench.extra]

    @staticmethod
    def port(server):
        return int(server.ready["api"].rsplit(":", 1)[1])

    def limit(self, server, load, row_bytes, *more):
        """Answers with the bytes that the server answers with."""
        path, token = load.first
        head = f"Host: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(load.body or '')}\r\n"
        if load.body:
            head += "Content-Type: application/json\r\n"
        answer = self.bench.raw_answer(self.port(server), f"{load.method} {path} HTTP/1.1\r\n{head}\r\n{load.body or ''}")
        command = [BIN / "tests" / "bench_limit_server", "--threads", str(self.bench.threads()), "--answer", answer]
        return self.child([*command, "--store", self.bench.fresh_folder(), "--rows", str(row_bytes), *more], by_stdin=True)

    def row_bytes(self, server, load, connections):
        """What one command writes beside the request's body, by the store's own account."""
        before = metric(server, "social_commit_written_bytes_total"), metric(server, "social_commit_requests_total")
        load.run(self.port(server), connections, seconds=1, fresh=True)
        after = metric(server, "social_commit_written_bytes_total"), metric(server, "social_commit_requests_total")
        return max(1, round((after[0] - before[0]) / max(1, after[1] - before[1])) - len(load.body or ""))

    def compare(self, name, server, load, connections, goal, note="", limit_options=()):
        rows = self.row_bytes(server, load, connections)
        with self.limit(server, load, rows, *limit_options) as limit:
            ours, most = self.bench.alternate(lambda: load.run(self.port(server), connections, fresh=True),
                                              lambda: load.run(limit.ready["port"], connections))
        self.bench.say(name, ours, "requests/s", most, self.note(connections) + f", limit: bare Beast and merged synced "
                       f"RocksDB batches of body + {rows} bytes{note}; goal: ratio {goal}")

    def note(self, connections):
        o = self.bench.options
        load = os.getloadavg()[0]
        return (f"wrk on the same machine, {connections} connections, median of {o.rounds} rounds of {o.seconds} s, "
                f"load average {load:.1f}")

    # --- Commands ---

    def post(self):
        for connections in (64, MANY):
            with self.server() as server:
                people = People(self.port(server), 64)
                load = Load(self.bench, "POST", ["/api/post"], people.tokens(), POST)
                self.compare(f"storage_post_{connections}", server, load, connections, COMMAND_GOAL)

    def comment(self):
        for connections in (64, MANY):
            with self.server() as server:
                people = People(self.port(server), connections)
                paths = [people.posts(n)[0] + "/comment" for n in range(connections)]
                load = Load(self.bench, "POST", paths, people.tokens(), COMMENT)
                self.compare(f"storage_comment_{connections}", server, load, connections, COMMAND_GOAL)

    def like(self):
        for connections in (64, MANY):
            with self.server() as server:
                people = People(self.port(server), OWNERS)
                people.connect([(a, b) for a in range(OWNERS) for b in range(OWNERS) if a != b])
                paths = [path + "/like" for n in range(OWNERS) for path in people.posts(n, POSTS_OF_OWNER)]
                load = Load(self.bench, "PATCH", paths, people.tokens(), once=True)
                self.compare(f"storage_like_{connections}", server, load, connections, COMMAND_GOAL,
                             ", each like a new one")

    def hot_post(self):
        """Half of them on one post against each on one of their own."""
        with self.server() as server:
            people = People(self.port(server), MANY)
            paths = [people.posts(n)[0] + "/comment" for n in range(MANY)]
            people.connect([(n, 0) for n in range(1, MANY)])
            hot = Load(self.bench, "POST", paths[:1], people.tokens(), COMMENT)
            spread = Load(self.bench, "POST", paths, people.tokens(), COMMENT)
            one, many = self.bench.alternate(lambda: hot.run(self.port(server), MANY),
                                             lambda: spread.run(self.port(server), MANY))
        self.bench.say("storage_hot_post", one, "comments/s", many,
                       self.note(MANY) + f", all on one post; limit: {MANY} posts; goal: ratio {HOT_GOAL}")

    def bytes_per_post(self):
        with self.server() as server:
            load = Load(self.bench, "POST", ["/api/post"], People(self.port(server), 64).tokens(), POST)
            rows = self.row_bytes(server, load, MANY)
            with self.limit(server, load, rows) as limit:
                found = []
                for child, port in ((server, self.port(server)), (limit, limit.ready["port"])):
                    before = written_bytes(child)
                    load.run(port, MANY, seconds=3 * self.bench.options.seconds)
                    found.append((written_bytes(child) - before) / load.requests)
        self.bench.say("storage_bytes_per_post", found[0], "bytes", found[1], self.note(MANY) +
                       f", write_bytes of /proc: log, tables and compaction, of both stores; a post is a body of {len(POST)} "
                       f"and rows of {rows} bytes; the limit server keeps the same bytes; less is better")

    def slow_disk(self):
        with self.server(f"--slow.sync-ms={SLOW_MS}", name="tests/bench_slow_server") as server:
            load = Load(self.bench, "POST", ["/api/post"], People(self.port(server), 64).tokens(), POST)
            self.compare("storage_slow_disk", server, load, MANY, SLOW_GOAL,
                         f", each sync of both takes {SLOW_MS} ms longer", ["--sync-ms", str(SLOW_MS)])

    # --- Start and memory ---

    def start_empty(self):
        times = []
        for _ in range(self.bench.options.rounds + 2):
            with self.server() as server:
                times.append(server.ready_seconds)
        self.bench.say("storage_start_empty", statistics.median(times), "s", START_EMPTY_S_GOAL,
                       f"to the ready line, median of {len(times)}; the limit is a goal; load average {os.getloadavg()[0]:.1f}")

    def members(self):
        """The data directory with all members, made at the first call of all: some minutes and 3 GiB of build/."""
        folder = CACHE / f"members-{MEMBERS}-{POSTS_OF_MEMBER}"
        if (folder / "list").exists():
            return folder
        made = CACHE / "members.new"
        shutil.rmtree(made, ignore_errors=True)
        (made / "data").mkdir(parents=True)
        (made / "data").chmod(0o700)
        (made / "jwt.key").write_bytes(secrets.token_bytes(64))
        (made / "jwt.key").chmod(0o600)
        subprocess.run([BIN / "tests" / "bench_fill_store", "--store", made / "data" / "api", "--users", str(MEMBERS),
                        "--posts", str(POSTS_OF_MEMBER), "--list", made / "list"], check=True)
        # The push role has yet to read what has happened; its first start is not the one that is measured.
        with self.member_server(made) as server:
            seen = []

            def idle():
                seen.append(metric(server, "social_actor_busy_seconds_total"))
                return len(seen) > 20 and seen[-1] - seen[-20] < 0.05

            until(idle, "the push role has read all events")
        made.rename(folder)
        return folder

    def member_server(self, folder):
        return self.child([self.bench.server, "serve", "--data", folder / "data", "--auth.jwt-key-file",
                           folder / "jwt.key", *self.options()])

    @staticmethod
    def token(key, number, user):
        """As http/auth/token.cpp signs them."""
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        now = int(time.time())
        claims = {"iss": "social-server", "iat": now, "exp": now + 24 * 3600, "userKey": user, "name": f"m{number - 1}",
                  "email": f"member{number - 1}@example.com", "roles": ["ROLE_USER"], "gen": number}
        signed = part(b'{"alg":"HS512","typ":"JWT"}') + b"." + part(json.dumps(claims, separators=(",", ":")).encode())
        return (signed + b"." + part(hmac.new(key, signed, hashlib.sha512).digest())).decode()

    def listed(self, folder):
        with (folder / "list").open() as lines:
            for line in lines:
                user, number, post = map(int, line.split())
                yield user, number, post

    def start_full(self):
        folder = self.members()
        times = []
        for _ in range(self.bench.options.rounds + 1):
            with self.member_server(folder) as server:
                times.append(server.ready_seconds)
        self.bench.say("storage_start_full", statistics.median(times[1:]), "s", START_FULL_S_GOAL,
                       f"{MEMBERS} members, {MEMBERS * POSTS_OF_MEMBER} posts, to the ready line, median of {len(times) - 1}; "
                       f"the limit is a goal; load average {os.getloadavg()[0]:.1f}")

    def opened_memory(self):
        folder = self.members()
        key = (folder / "jwt.key").read_bytes()
        copy = self.bench.fresh_folder() / "members"
        shutil.copytree(folder, copy)
        people = list(self.listed(folder))
        (reader, number, _), owners = people[0], people[1::MEMBERS // OPENED]
        readers_token = self.token(key, number, reader)

        def connect(connection, owner):
            People.ask(connection, "POST", f"/api/user/connections/{owner[0]}", readers_token)
            People.ask(connection, "PATCH", f"/api/user/connections/grant/{reader}",
                       self.token(key, owner[1], owner[0]))

        def read(connection, owner):
            People.ask(connection, "GET", f"/api/user/{owner[0]}/post/{owner[2]}", readers_token)

        with self.member_server(copy) as server:
            People(self.port(server), 0).each(owners, connect)
        with self.member_server(copy) as server:  # another process: nobody is awake
            before = metric(server, "social_commit_requests_total")
            People(self.port(server), 0).each(owners, read)
            until(lambda: metric(server, "social_commit_requests_total") >= before + len(owners), "all views are counted")
            value = server.resident_mib()
        self.bench.say("storage_opened_memory", value, "MiB", OPENED_MIB_GOAL,
                       f"VmRSS after one post of each of {len(owners)} of {MEMBERS} members was opened by somebody else and "
                       "each view was committed; the limit is a goal")

    def stalled_subscriber(self):
        """Writers of a journal with a subscriber that has stalled, against those without it."""
        resident = {"with": [], "without": []}

        def rate(mode):
            done = subprocess.run([BIN / "tests" / "bench_stalled_subscriber", mode, str(STALLED_EVENTS),
                                   self.bench.fresh_folder()], capture_output=True, text=True, timeout=DEADLINE_S)
            if done.returncode:
                raise SystemExit(f"bench: {done.stderr}")
            said = json.loads(done.stdout)
            resident[mode].append(said["rss_kib"] / 1024)
            return said["per_second"]

        stalled, free = self.bench.alternate(lambda: rate("with"), lambda: rate("without"))
        with_mib, without_mib = (statistics.median(resident[mode][1:]) for mode in ("with", "without"))
        self.bench.say("storage_stalled_subscriber", stalled, "events/s", free,
                       f"{STALLED_EVENTS} synced events while one subscriber holds its first batch and another follows, median "
                       f"of {self.bench.options.rounds} rounds; VmRSS {with_mib:.1f} MiB, without the stalled one "
                       f"{without_mib:.1f} MiB (ratio {with_mib / without_mib:.3f}); limit: without it; goal: both ratios "
                       f"within {STALLED_GOAL}; load average {os.getloadavg()[0]:.1f}")

    def touch(self, server, load, count):
        """Sends each request of the load once; the last one again and again, which changes nothing, until all are done.
        wrk tries the script before it starts: that request is not sent."""
        wanted = metric(server, "social_commit_requests_total") + count - 1
        with load.start(self.port(server), 64, DEADLINE_S) as wrk:
            until(lambda: wrk.poll() is not None or metric(server, "social_commit_requests_total") >= wanted,
                  "everybody was touched")
            if wrk.poll() is not None:
                raise SystemExit(f"bench: {load.method} had failures:\n{wrk.stdout.read()}")
            wrk.kill()

    def touched_memory(self):
        """One member asks all others for a connection: that wakes each of them once."""
        folder = self.members()
        key = (folder / "jwt.key").read_bytes()
        copy = self.bench.fresh_folder() / "members"
        shutil.copytree(folder, copy)
        people = list(self.listed(folder))
        token = self.token(key, people[0][1], people[0][0])
        resident = []
        with self.member_server(copy) as server:
            for part in range(4):
                touched = people[max(1, part * MEMBERS // 4):(part + 1) * MEMBERS // 4]  # all but the one who asks
                paths = [f"/api/user/connections/{user}" for user, _, _ in touched]
                load = Load(self.bench, "POST", paths, [token], once=True)
                self.touch(server, load, len(paths))
                resident.append(server.resident_mib())
        self.bench.say("storage_touched_memory", resident[-1], "MiB", resident[1],
                       f"VmRSS after each of {MEMBERS} members was touched once (by quarters: "
                       f"{', '.join(f'{each:.0f}' for each in resident)} MiB); limit: after half of them")
