"""Concurrent writers and the ledger of what was acknowledged to them; checker.py compares it with a server.

The writers stop at the first answer that says that the server is gone. Everything is seeded; only the interleaving of
threads and processes is not.
"""

import contextlib
import itertools
import os
import queue
import random
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import requests
from server import STOP_TIMEOUT_S, Server, executable, without_options

TIMEOUT_S = 30
VERIFY_TIMEOUT_S = 120
FOUNDERS = 4
# Only comments are told to devices, besides what the checker asks for; few at once, so that a kill doubles few.
PUSH_IN_FLIGHT = 4
OPTIONS = ("--push.mode", "console", "--push.join-audience", "none",
           "--limits.push-lane-concurrency", str(PUSH_IN_FLIGHT))
ALL = {"comment": 8, "like": 4, "post": 2, "newcomer": 1, "move": 2}
MOVING_DEVICES = 2
# Nothing that takes ids of a new shard, which is synced even where nothing else is.
SETTLED = {"comment": 4, "like": 1, "post": 1}
# A point on the curve, and 16 bytes.
PUBLIC_KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SECRET = "BTBZMqHH6r4Tts7J_aSIgg"


class Unanswered(Exception):
    """503: the command was not done, or may have been done."""


class Gone(Exception):
    """The server is no more; the command may have been done."""


@dataclass(eq=False)
class Person:
    id: int
    name: str
    email: str
    token: str


@dataclass(frozen=True)
class Post:
    id: int
    owner: Person
    contents: str


@dataclass(frozen=True)
class Comment:
    id: int
    post: Post
    writer: Person
    contents: str


@dataclass(eq=False)
class MovingDevice:
    """A browser at which one person signs in after another. Under the ledger's lock."""

    endpoint: str
    owners: set[Person] = field(default_factory=set)  # whose it may be: more than one while attempts are open
    is_known: bool = False  # an attempt was acknowledged
    open: int = 0  # attempts under way
    attempts: int = 0

    def begin(self, who: Person) -> tuple[int, int]:
        self.owners.add(who)
        self.open += 1
        self.attempts += 1
        return self.attempts, self.open

    def end(self, who: Person, began: tuple[int, int], acknowledged: bool) -> None:
        self.open -= 1
        self.is_known = self.is_known or acknowledged
        if acknowledged and began == (self.attempts, 1):  # nobody else was at it meanwhile
            self.owners = {who}


@dataclass
class Ledger:
    """What was acknowledged, and what was attempted. Written under the lock; read by the checker when writers rest."""

    founders: list[Person] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    likes: set[tuple[Post, Person]] = field(default_factory=set)
    asked: set[tuple[Person, Person]] = field(default_factory=set)  # caller, owner
    granted: set[tuple[Person, Person]] = field(default_factory=set)
    devices: dict[str, Person] = field(default_factory=dict)  # by endpoint
    movers: list[Person] = field(default_factory=list)
    moving: list[MovingDevice] = field(default_factory=list)
    attempted: set[str] = field(default_factory=set)  # contents, each sent once
    touched: set[Post] = field(default_factory=set)  # since they were last checked
    ids: dict[tuple[str, int], str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def claim(self, kind: str, number: int, meaning: str) -> None:
        """An id means one thing for ever. With the lock held."""
        if self.ids.setdefault((kind, number), meaning) != meaning:
            self.problems.append(f"id: {kind} {number} was '{self.ids[kind, number]}' and is '{meaning}'")

    def next_contents(self, kind: str) -> str:
        text = f"{kind} number {next(self.numbers)}"
        with self.lock:
            self.attempted.add(text)
        return text


class CrashServer(Server):
    """Remembers every line that any of its lives printed."""

    def __init__(self, data: Path, *options: str, name: str = "social-server"):
        super().__init__(data, *OPTIONS, *options, name=name)
        self.log_path = self.data.parent / "server.log"
        self.lives: list[list[str]] = []

    def start(self) -> "CrashServer":
        super().start()
        self.lives.append(self.lines)
        return self

    def reap(self) -> int:
        """Waits for the end that somebody else has brought about, and for the last line of stdout."""
        status = self.wait(STOP_TIMEOUT_S)
        while self._arrived.get(timeout=STOP_TIMEOUT_S) is not None:
            pass
        return status

    def end(self) -> None:
        """For finally blocks."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def verify(self, besides: str = "") -> None:
        """`social-server verify` on what the last life has left finds nothing, but for findings that say `besides`. Call it
        when the server is stopped."""
        done = subprocess.run([executable("social-server"), "verify", "--data", self.data], capture_output=True,
                              text=True, timeout=VERIFY_TIMEOUT_S, env=without_options())
        findings = [line for line in done.stdout.splitlines() if ": finding (" in line]
        if besides and findings and all(besides in line for line in findings):
            return
        assert done.returncode == 0, f"verify: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"

    @property
    def console(self) -> list[str]:
        return [line for life in self.lives for line in list(life) if not line.startswith('{"ready"')]


class Member:
    """Calls one server in one thread, and writes down what it acknowledges."""

    def __init__(self, url: str, ledger: Ledger, on_acknowledged=lambda: None):
        self.url = url
        self.ledger = ledger
        self.on_acknowledged = on_acknowledged
        self.session = requests.Session()

    def ask(self, method: str, path: str, who: Person | None = None, body=None) -> requests.Response:
        headers = {"api_key": f"Bearer {who.token}"} if who else {}
        try:
            answer = self.session.request(method, self.url + path, headers=headers, json=body, timeout=TIMEOUT_S)
        except requests.Timeout:
            raise  # a server that hangs is no crash
        except requests.RequestException as e:
            raise Gone(str(e)) from e
        if answer.status_code == 503:
            raise Unanswered(answer.text)
        return answer

    def command(self, method: str, path: str, who: Person | None = None, body=None):
        answer = self.ask(method, path, who, body)
        if answer.status_code != 200:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()["response"]

    def note(self, change) -> None:
        with self.ledger.lock:
            change(self.ledger)
            self.ledger.acknowledged += 1
        self.on_acknowledged()

    def join(self, prefix: str) -> Person:
        number = next(self.ledger.numbers)
        name, email = f"{prefix}{number}", f"{prefix}{number}@example.com".lower()
        got = self.command("POST", "/api/user/join",
                           body={"name": name, "principal": email, "credentials": "password"})
        person = Person(got["user"]["seq"], name, email, got["apiToken"])

        def change(ledger):
            ledger.claim("user", person.id, email)
            ledger.people.append(person)

        self.note(change)
        return person

    def post(self, who: Person) -> Post:
        contents = self.ledger.next_contents("post")
        post = Post(self.command("POST", "/api/post", who, {"contents": contents})["seq"], who, contents)

        def change(ledger):
            ledger.claim("post", post.id, contents)
            ledger.posts.append(post)
            ledger.touched.add(post)

        self.note(change)
        return post

    def comment(self, who: Person, post: Post) -> None:
        contents = self.ledger.next_contents("comment")
        with self.ledger.lock:
            self.ledger.touched.add(post)
        number = self.command("POST", f"/api/user/{post.owner.id}/post/{post.id}/comment", who,
                              {"contents": contents})["seq"]

        def change(ledger):
            ledger.claim("comment", number, contents)
            ledger.comments.append(Comment(number, post, who, contents))

        self.note(change)

    def like(self, who: Person, post: Post) -> None:
        self.command("PATCH", f"/api/user/{post.owner.id}/post/{post.id}/like", who)
        self.note(lambda ledger: ledger.likes.add((post, who)))

    def connect(self, caller: Person, owner: Person) -> None:
        self.request(caller, owner)
        self.grant(caller, owner)

    def request(self, caller: Person, owner: Person) -> None:
        self.command("POST", f"/api/user/connections/{owner.id}", caller)
        self.note(lambda ledger: ledger.asked.add((caller, owner)))

    def grant(self, caller: Person, owner: Person) -> None:
        self.command("PATCH", f"/api/user/connections/grant/{caller.id}", owner)
        self.note(lambda ledger: ledger.granted.add((caller, owner)))

    def subscribe(self, who: Person) -> None:
        endpoint = f"https://push.example.com/{who.name}/{next(self.ledger.numbers)}"
        self._subscribe(who, endpoint)
        self.note(lambda ledger: ledger.devices.__setitem__(endpoint, who))

    def _subscribe(self, who: Person, endpoint: str) -> None:
        self.command("POST", "/api/subscribe", who,
                     {"notificationEndPoint": endpoint, "publicKey": PUBLIC_KEY, "auth": SECRET})

    def move(self, device: MovingDevice, who: Person) -> None:
        with self.ledger.lock:
            began = device.begin(who)
        acknowledged = False
        try:
            self._subscribe(who, device.endpoint)
            acknowledged = True
        finally:
            with self.ledger.lock:
                device.end(who, began, acknowledged)
        self.note(lambda ledger: None)


def found(url: str, ledger: Ledger) -> None:
    """The people whose posts all write about: each with a device and two posts, each connected to all others; and two
    people who take devices from each other."""
    member = Member(url, ledger)
    ledger.founders = [member.join("F") for _ in range(FOUNDERS)]
    for founder in ledger.founders:
        member.subscribe(founder)
        member.post(founder)
        member.post(founder)
    for caller, owner in itertools.permutations(ledger.founders, 2):
        member.connect(caller, owner)
    ledger.movers = [member.join("M") for _ in range(2)]
    ledger.moving = [MovingDevice(f"https://push.example.com/moving/{number}") for number in range(MOVING_DEVICES)]


class Writer(Member):
    """One founder who writes until the server is gone."""

    def __init__(self, url: str, ledger: Ledger, who: Person, seed: int, weights: dict[str, int], on_acknowledged):
        super().__init__(url, ledger, on_acknowledged)
        self.who = who
        self.random = random.Random(seed)
        self.kinds, self.weights = zip(*weights.items())

    def step(self) -> None:
        kind = self.random.choices(self.kinds, self.weights)[0]
        with self.ledger.lock:
            newest = self.random.choice(self.ledger.posts[-6:])
            recent = self.random.choice(self.ledger.posts[-20:])
        if kind == "post":
            self.post(self.who)
        elif kind == "comment":
            self.comment(self.who, newest)
        elif kind == "like":
            self.like(self.who, recent)
        elif kind == "move":
            self.move(self.random.choice(self.ledger.moving), self.random.choice(self.ledger.movers))
        else:
            newcomer = self.join("N")
            self.subscribe(newcomer)
            self.connect(newcomer, self.who)
            mine = next(post for post in self.ledger.posts if post.owner is self.who)
            self.like(newcomer, mine)
            self.comment(newcomer, mine)


def write_until_gone(server: CrashServer, ledger: Ledger, seed: int, *, after: int = 0, number: int = signal.SIGKILL,
                     weights: dict[str, int] = ALL, deadline_s: float = 60) -> int:
    """Writes from several threads. With `after`: the signal is sent at once when so many writes are acknowledged;
    otherwise the server ends by itself. Returns its exit code once it is gone."""
    left = itertools.count(after, -1)
    failures: queue.Queue = queue.Queue()
    pid = server.process.pid

    def on_acknowledged():
        if after and next(left) == 1:
            os.kill(pid, number)

    def run(writer: Writer):
        try:
            while True:
                with contextlib.suppress(Unanswered):
                    writer.step()
        except Gone:
            pass
        except Exception as e:  # for the thread that waits
            failures.put(e)

    threads = [threading.Thread(target=run, daemon=True,
                                args=(Writer(server.url, ledger, who, seed * 100 + i, weights, on_acknowledged),))
               for i, who in enumerate(ledger.founders * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline_s)
        assert not thread.is_alive(), f"a writer was not done in {deadline_s} s"
    if not failures.empty():
        raise failures.get()
    return server.reap()
