"""Figures of the two services over a real broker, which runs on the same machine (tests/support/kafka: one node).

A broker takes part of the processor in every one of them. Where there is no limit to compare with, limit_value and ratio
are null.
"""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

API_CPU_RATIO_GOAL = 1.10
API_CPU_ROUNDS = 7  # at least: a few per cent are looked for between runs that differ by as much
OWNERS = 64
CONSUMED_EVENTS = 60_000
PUBLISHED_EVENTS = 200_000
VISIBLE_COMMENTS = 400
COMMENT_BODY = json.dumps({"contents": "A comment of sixty bytes or so, as people write them."})
# A point of P-256: the generator (SEC 2, section 2.4.2).
P256DH = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
DEADLINE_S = 120


def until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"bench: not in {DEADLINE_S} s: {what}")
        time.sleep(0.02)
    return found


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drained(stream):
    """A process whose output nobody takes would stop at a full pipe."""
    threading.Thread(target=lambda: [None for _ in stream], daemon=True).start()


class KafkaFigures:
    """What Bench of run.py needs for the names that begin with kafka_."""

    def __init__(self, bench, child):
        self.bench = bench
        self.child = child

    # --- Processes ---

    @contextlib.contextmanager
    def broker(self):
        from kafka import Cluster
        with Cluster(self.bench.fresh_folder() / "kafka") as cluster:
            yield cluster.brokers

    def program(self, name):
        return self.bench.server.parent / "tests" / f"bench_kafka_{name}"

    def service(self, name, brokers, *options, data=None):
        started = self.child([self.bench.server.parent / f"social-server-{name}", "serve", "--data",
                              data or self.bench.fresh_folder() / "data", "--admin.port", "0", "--log.level", "error",
                              *(["--kafka.brokers", brokers] if brokers else []), *options])
        started.data = Path(started.process.args[started.process.args.index("--data") + 1])
        return started

    def api(self, brokers, *options):
        return self.service("api", brokers, "--http.port", "0", "--limits.rates", "off", *options)

    def push(self, brokers, data=None):
        started = self.service("push", brokers, "--push.mode", "console", data=data)
        drained(started.process.stdout)
        return started

    def admin(self, service, page):
        token = (service.data / "secrets" / "admin.token").read_text().strip()
        request = urllib.request.Request(f"{service.ready['admin']}/admin/{page}",
                                         headers={"Authorization": f"Bearer {token}"})
        return json.loads(urllib.request.urlopen(request, timeout=30).read())["response"]

    def wait_published(self, api):
        until(lambda: self.admin(api, "kafka")["outbox"]["depth"] == 0, "the outbox drains")

    # --- People ---

    def call(self, port, method, path, token=None, body=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()).get("response")

    def join(self, port, number):
        who = {"name": f"p{number}", "principal": f"p{number}@example.org", "credentials": "benchmark"}
        status, joined = self.call(port, "POST", "/api/user/join", body=who)
        if status != 200:
            raise SystemExit(f"bench: nobody can join: {status}")
        return joined["user"]["seq"], joined["apiToken"]

    def subscribe(self, port, token, number):
        device = {"notificationEndPoint": f"https://push.example.net/{number}", "publicKey": P256DH, "auth": "A" * 22}
        until(lambda: self.call(port, "POST", "/api/subscribe", token, device)[0] == 200, "a device is subscribed")

    # --- Figures ---

    def publish(self):
        with self.broker() as brokers:
            done = subprocess.run([self.program("publish"), "--brokers", brokers, "--folder", self.bench.fresh_folder(),
                                   "--events", str(PUBLISHED_EVENTS), "--rounds", str(self.bench.options.rounds + 2)],
                                  stdout=subprocess.PIPE, text=True, timeout=600, check=True)
        got = json.loads(done.stdout)
        ours, bare = (statistics.median(each["rate"] for each in got[side]) for side in ("bridge", "bare"))
        self.bench.say("kafka_publish", ours, "records/s", bare,
                       f"{PUBLISHED_EVENTS} events of a store drained by the outbox, {got['record_bytes']} bytes each, median "
                       f"of {len(got['bare'])}; limit: bare librdkafka producer, same settings, the records ready in memory")
        ours, bare = (statistics.median(each["cpu"] for each in got[side]) / PUBLISHED_EVENTS * 1e6
                      for side in ("bridge", "bare"))
        self.bench.say("kafka_publish_cpu", ours, "us per record", bare,
                       "CPU of the publishing process in those rounds: reading, decoding, text, librdkafka; limit: the bare "
                       "producer's, which is most of what kafka_api_cpu can be; goal: a ratio of at most 1.0")

    def consume(self):
        """A push service that was away comes back to a topic full of comments."""
        data = self.bench.fresh_folder() / "data"
        with self.broker() as brokers:
            with self.push(brokers, data), self.api(brokers) as api:
                port = int(api.ready["api"].rsplit(":", 1)[1])
                owners = [self.join(port, number) for number in range(OWNERS)]
                for number, (_, token) in enumerate(owners):
                    self.subscribe(port, token, number)
                self.wait_published(api)
            subprocess.run([self.program("comments"), "--brokers", brokers, "--count", str(CONSUMED_EVENTS), "--owners",
                            ",".join(str(user) for user, _ in owners)], timeout=600, check=True)
            with self.push(brokers, data) as push:
                consumer = lambda: self.admin(push, "kafka")["consumer"]
                first, begin = until(lambda: (found := consumer()["events"]) and (found, time.monotonic()), "consuming begins")
                last = until(lambda: (found := consumer())["events"] >= CONSUMED_EVENTS and found["events"], "consuming ends")
                took = time.monotonic() - begin
                resident = push.resident_mib()
        self.bench.say("kafka_consume", (last - first) / took, "events/s", None,
                       f"{CONSUMED_EVENTS} comments, each a durable delivery to one of {OWNERS} devices, while deliveries are "
                       "printed, too")
        self.bench.say("kafka_consume_push_resident", resident, "MiB", None, "VmRSS of the push process then")

    def memory(self):
        with self.broker() as brokers, self.push(brokers) as push, self.api(brokers) as api:
            port = int(api.ready["api"].rsplit(":", 1)[1])
            _, path, tokens = self.commented_post(port)
            peaks = {"api": 0.0, "push": 0.0}
            stop = threading.Event()

            def watch():
                while not stop.wait(0.1):
                    for name, process in (("api", api), ("push", push)):
                        peaks[name] = max(peaks[name], process.resident_mib())
            watcher = threading.Thread(target=watch)
            watcher.start()
            rate = self.bench.wrk(port, "POST", path, tokens, COMMENT_BODY)
            self.wait_published(api)
            stop.set()
            watcher.join()
        for name, peak in peaks.items():
            self.bench.say(f"kafka_{name}_resident", peak, "MiB", None,
                           f"highest VmRSS while {rate:.0f} comments/s were written, published, consumed and printed")

    def commented_post(self, port):
        """A post of somebody with a device: the token of a friend who may comment, the path for it, a file with the token."""
        user, token = self.join(port, 0)
        friend, friends_token = self.join(port, 1)
        status, post = self.call(port, "POST", "/api/post", token, {"contents": "something to read"})
        asked, _ = self.call(port, "POST", f"/api/user/connections/{user}", friends_token)
        granted, _ = self.call(port, "PATCH", f"/api/user/connections/grant/{friend}", token)
        if {status, asked, granted} != {200}:
            raise SystemExit(f"bench: nobody can post or be befriended: {status} {asked} {granted}")
        self.subscribe(port, token, 0)
        tokens = self.bench.fresh_folder() / "tokens"
        tokens.write_text(friends_token + "\n")
        return friends_token, f"/api/user/{user}/post/{post['seq']}/comment", tokens

    def visible(self):
        """One comment at a time, so that nothing waits for anything but what the path costs."""
        answered = {}
        with self.broker() as brokers, self.push(brokers), self.api(brokers) as api, \
                self.child([self.program("tail"), "--brokers", brokers], by_stdin=True) as tail:
            port = int(api.ready["api"].rsplit(":", 1)[1])
            token, path, _ = self.commented_post(port)
            for number in range(VISIBLE_COMMENTS):
                status, comment = self.call(port, "POST", path, token, json.loads(COMMENT_BODY))
                answered[comment["seq"]] = time.time_ns()
                time.sleep(0.01 + number % 10 * 0.001)
            seen = dict(map(int, tail.process.stdout.readline().split()) for _ in answered)
        waits = sorted((seen[comment] - at) / 1e6 for comment, at in answered.items())
        for name, share in (("p50", 0.50), ("p99", 0.99)):
            self.bench.say(f"kafka_visible_{name}", waits[int(len(waits) * share)], "ms", None,
                           f"from a comment's answer until a consumer has its record, {len(waits)} comments, one at a time")

    def api_cpu(self):
        """CPU of the api process for the same writes, until everything is published: with Kafka, without Kafka on a machine
        that carries the same load besides, and without anything else."""
        def cost(brokers):
            with self.api(brokers, *([] if brokers else ["--push.off", "on"])) as api:
                port = int(api.ready["api"].rsplit(":", 1)[1])
                tokens = self.bench.people(port)
                if brokers:
                    self.wait_published(api)
                before = cpu_seconds(api.process.pid)
                rate = self.bench.wrk(port, "POST", "/api/post", tokens, self.bench.POST_BODY)
                if brokers:
                    self.wait_published(api)
                return (cpu_seconds(api.process.pid) - before) / (rate * self.bench.options.seconds) * 1000, rate

        def cost_beside(brokers, rate):
            with self.child([self.program("comments"), "--brokers", brokers, "--count", "20000", "--owners",
                             ",".join(str(user) for user in range(64, 1064)), "--per-second", str(int(rate))], by_stdin=True):
                return cost(None)[0]
        rounds = []
        with self.broker() as brokers:
            for _ in range(1 + max(self.bench.options.rounds, API_CPU_ROUNDS)):
                ours, rate = cost(brokers)
                rounds.append((ours, cost_beside(brokers, rate), cost(None)[0]))
        del rounds[0]  # it warms the broker up
        for place, name, limit in ((1, "kafka_api_cpu", "without Kafka, while another process sends as many records to that "
                                    f"broker; goal: a ratio of at most {API_CPU_RATIO_GOAL}"),
                                   (2, "kafka_api_cpu_alone", "without Kafka, and no broker at work beside it")):
            ours, without = (statistics.median(each[side] for each in rounds) for side in (0, place))
            self.bench.say(name, ours, "s per 1,000 writes", without,
                           f"CPU of the api process for durable posts with the outbox; limit: {limit}; wrk, "
                           f"{self.bench.options.connections} connections, medians of {len(rounds)} rounds of "
                           f"{self.bench.options.seconds} s")

    FIGURES = ["publish", "consume", "memory", "visible", "api_cpu"]
