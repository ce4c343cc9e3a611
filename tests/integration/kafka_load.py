"""Writers who go on through faults, and the count afterwards: events in the journal = distinct ids in the topics =
distinct (event, device) deliveries, in order per key.

Bounded in time and count; only the interleaving is left to chance.
"""

import itertools
import random
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import requests
from kafka_records import Record, Topics, java_partition
from kafka_services import TwoServices, wait_consumed, wait_published
from people import Person
from push_support import Device, Writer, admin, until
from server import Server

# Comments are what devices are told of; likes are gathered, so that their number is not known beforehand.
OPTIONS = ("--push.join-audience", "none")
PARTITIONS = 3  # kafka.partitions by default
WRITES_MAX = 10_000
PAUSE_S = 0.015  # of one writer between two writes: enough is always under way, and a broker's restart is not a flood
PATIENCE_S = 90  # for the whole of a load, and for each thing that is waited for


@dataclass
class Ledger:
    """What the writers know. Texts are each sent once."""

    acknowledged: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  # ids by topic
    attempted: set[str] = field(default_factory=set)  # texts of posts and comments
    joiners: set[str] = field(default_factory=set)  # e-mails that somebody tried to join with
    unanswered: int = 0
    count: int = 0


def spread_writers(url: str, at_least: int) -> list[Writer]:
    """So many, or more, until there are events in every partition, whoever has it."""
    found: list[Writer] = []
    while len(found) < at_least or len({java_partition(str(each.id).encode(), PARTITIONS) for each in found}) < PARTITIONS:
        found.append(Writer(url, f"Owner{len(found)}"))
    return found


class Load:
    """Some owners with devices and posts, each connected to one friend; the friends write. `with Load(two) as load:` starts
    it and ends it; `load.go_on(n)` waits for n more acknowledged writes."""

    def __init__(self, two: TwoServices, owners: int = 4, threads: int = 4, seed: int = 1):
        self.two = two
        self.ledger = Ledger()
        self.seed = seed
        self.threads_count = threads
        self.lock = threading.Condition()
        self.numbers = itertools.count(1)
        self.stopping = threading.Event()
        self.failures: list[Exception] = []
        self.people: dict[int, Person] = {}
        self.owners = [self._known(writer) for writer in spread_writers(two.url, owners)]
        self.friends = [self._known(Person(two.url, f"Friend{i}")) for i in range(len(self.owners))]
        self.devices = {owner.id: Device(two.service, owner) for owner in self.owners}
        for owner, friend in zip(self.owners, self.friends):
            friend.may_read(owner)
            self.ledger.acknowledged["v1.event.post-created"].add(owner.post_id)

    def _known(self, person: Person) -> Person:
        self.people[person.id] = person
        self.ledger.acknowledged["v1.event.user-joined"].add(person.id)
        return person

    # --- Writing ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Load":
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                        for number in range(self.threads_count)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.finish()

    def finish(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "a writer does not end"
        if self.failures:
            raise self.failures[0]

    def go_on(self, writes: int, deadline_s: float = PATIENCE_S) -> None:
        """Waits for so many more acknowledged writes."""
        with self.lock:
            wanted = self.ledger.count + writes
            assert wanted <= WRITES_MAX, "a load is bounded"
            came = self.lock.wait_for(lambda: self.ledger.count >= wanted or self.failures, deadline_s)
            if self.failures:
                raise self.failures[0]
            assert came, f"{self.ledger.count} of {wanted} writes in {deadline_s} s"

    def _run(self, number: int) -> None:
        choices = random.Random(self.seed * 1000 + number)
        session = requests.Session()
        try:
            while not self.stopping.is_set() and self.ledger.count < WRITES_MAX:
                self._step(choices, session)
                self.stopping.wait(PAUSE_S)
        except Exception as problem:  # for the thread that waits
            with self.lock:
                self.failures.append(problem)
                self.lock.notify_all()

    def _step(self, choices: random.Random, session: requests.Session) -> None:
        at = choices.randrange(len(self.owners))
        owner, friend = self.owners[at], self.friends[at]
        kind = choices.choices(("comment", "post", "join"), (12, 3, 1))[0]
        number = next(self.numbers)
        if kind == "join":
            self._join(session, f"joiner{number}@example.com")
            return
        text = f"{kind} number {number}"
        with self.lock:
            self.ledger.attempted.add(text)
        path = "/api/post" if kind == "post" else f"/api/user/{owner.id}/post/{owner.post_id}/comment"
        who = owner if kind == "post" else friend
        if answer := self._ask(session, path, {"contents": text}, who.token):
            self._note(f"v1.event.{kind}-created", answer["seq"])

    def _join(self, session: requests.Session, email: str) -> None:
        with self.lock:
            self.ledger.joiners.add(email)
        if answer := self._ask(session, "/api/user/join", {"name": "Joiner", "principal": email, "credentials": "password"}):
            self._note("v1.event.user-joined", answer["user"]["seq"])

    def _note(self, topic: str, number: int) -> None:
        with self.lock:
            self.ledger.acknowledged[topic].add(number)
            self.ledger.count += 1
            self.lock.notify_all()

    def _ask(self, session: requests.Session, path: str, body: dict, token: str | None = None) -> dict | None:
        """None: not done, or done without an answer."""
        headers = {"api_key": f"Bearer {token}"} if token else {}
        try:
            answer = session.post(self.two.url + path, json=body, headers=headers, timeout=30)
        except requests.Timeout:
            raise  # a server that hangs is no crash
        except requests.RequestException:
            answer = None
        if answer is None or answer.status_code == 503:
            with self.lock:
                self.ledger.unanswered += 1
            return None
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()["response"]

    # --- Counting -----------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, set[int]]:
        """What the API shows of what has happened: ids by topic. With what was done but not answered."""
        found: dict[str, set[int]] = defaultdict(set)
        for owner in self.owners:
            posts = self._pages(owner, f"/api/user/{owner.id}/post/list")
            found["v1.event.post-created"] |= {post["seq"] for post in posts}
            for post in posts:
                if post["comments"]:
                    comments = self._pages(owner, f"/api/user/{owner.id}/post/{post['seq']}/comment/list")
                    assert len(comments) == post["comments"]
                    found["v1.event.comment-created"] |= {comment["seq"] for comment in comments}
        for topic, ids in self.ledger.acknowledged.items():
            if topic in found:
                assert ids <= found[topic], f"acknowledged, but gone: {sorted(ids - found[topic])} of {topic}"
        return found

    @staticmethod
    def _pages(owner: Person, path: str) -> list[dict]:
        found: list[dict] = []
        while True:
            page = owner.ok("GET", f"{path}?limit=100&offset={len(found)}")
            found += page
            if len(page) < 100:
                return found

    def joined(self) -> int:
        """How many have joined."""
        session = requests.Session()
        exists = sum(session.post(self.two.url + "/api/user/exists", json={"address": email}, timeout=30).json()["response"]
                     for email in self.ledger.joiners)
        return exists + len(self.people)


@dataclass
class Count:
    """What was found, for messages and for tests that allow doubles."""

    events: int  # distinct, in the topics
    deliveries: int  # distinct (event, device)
    records_twice: int
    deliveries_twice: int


ID_OF = {"v1.event.user-joined": "userId", "v1.event.post-created": "postId", "v1.event.comment-created": "commentId"}


def count(load: Load, topics: Topics, *pushing: Server, foreign: tuple[str, ...] = ()) -> Count:
    """Waits until everything has arrived and nothing is under way any more, then counts, and fails where something is lost
    or out of order. `pushing`: the push processes, `load.two.push` alone by default. `foreign`: topics where somebody else
    writes, and the api does not; they are left out."""
    wait_published(load.two.api, PATIENCE_S)
    wait_consumed(topics, deadline_s=PATIENCE_S)
    for server in pushing or (load.two.push,):
        until(lambda each=server: admin(each, "push")["pending"] == 0, PATIENCE_S,
              f"deliveries are pending:\n{server.log[-4000:]}")
    records = [record for record in topics.events() if record.topic not in foreign]
    check_events(load, records)
    check_order(records, topics)
    deliveries, twice = check_deliveries(load, records)
    distinct = len({record.id for record in records})
    found = Count(distinct, deliveries, len(records) - distinct, twice)
    print(f"{load.ledger.count} acknowledged, {load.ledger.unanswered} unanswered; {found}")
    return found


def check_events(load: Load, records: list[Record]) -> None:
    """Every event of the journal under one id of its own, and nothing else."""
    contents: dict[str, tuple] = {}
    for record in records:
        same = (record.topic, record.key, record.value, record.headers)
        assert contents.setdefault(record.id, same) == same, f"{record.id} is two different records"
    assert len({record.header("ce_source") for record in records}) == 1
    facts = load.facts()
    by_topic: dict[str, Counter] = defaultdict(Counter)
    for topic, _, value, _ in contents.values():
        by_topic[topic][record_id(topic, value)] += 1
    for topic, ids in facts.items():
        assert set(by_topic[topic]) == ids, f"{topic}: lost {ids - set(by_topic[topic])}, made up {set(by_topic[topic]) - ids}"
    for topic, ids in by_topic.items():
        again = [each for each, number in ids.items() if number > 1]
        assert not again, f"{topic}: {again} under two event ids"
    assert len(by_topic["v1.event.user-joined"]) == load.joined()
    assert load.ledger.acknowledged["v1.event.user-joined"] <= set(by_topic["v1.event.user-joined"])
    check_journal(load, contents)


def record_id(topic: str, value: bytes):
    parsed = Record(topic, 0, 0, 0, None, value).json
    return parsed[ID_OF[topic]] if topic in ID_OF else value


def check_journal(load: Load, contents: dict[str, tuple]) -> None:
    """The journal's heads say how many events there are; a comment has two of them, one of which stays inside."""
    heads = {shard["shard"]: shard["head"] for shard in admin(load.two.api, "shards") if shard["store"] == "api"}
    inside = sum(1 for topic, *_ in contents.values() if topic == "v1.event.comment-created")
    assert sum(heads.values()) == len(contents) + inside, "the journal holds other events than the topics"
    for each in contents:
        shard, sequence = map(int, each.split("-"))
        assert 1 <= sequence <= heads[shard], f"{each} is not in the journal"


def check_order(records: list[Record], topics: Topics) -> None:
    """In each topic the first appearances of a key's events come in the journal's order, all in Java's partition."""
    newest: dict[tuple, int] = {}
    seen: set[str] = set()
    partitions = {name: topics.partitions(name) for name in {record.topic for record in records}}
    for record in records:
        assert record.partition == java_partition(record.key, partitions[record.topic]), f"{record.id} lies elsewhere"
        if record.id in seen:
            continue
        seen.add(record.id)
        shard, sequence = record.id.split("-")
        place = (record.topic, record.key, shard)
        assert int(sequence) > newest.get(place, 0), f"{record.id} comes behind {newest[place]} of its shard"
        newest[place] = int(sequence)


def wanted_deliveries(load: Load, records: list[Record]) -> set[tuple[str, str]]:
    """(event, subscription) of every comment that somebody else has written."""
    found = set()
    for record in records:
        if record.topic == "v1.event.comment-created":
            value = record.json
            assert value["userId"] != value["postWriter"]["seq"]
            found.add((record.id, load.devices[value["postWriter"]["seq"]].id))
    return found


def check_deliveries(load: Load, records: list[Record]) -> tuple[int, int]:
    """Distinct ones that were accepted, and how many were again. A double replaces its twin: same topic, same tag."""
    wanted = wanted_deliveries(load, records)
    twins: dict[tuple, tuple] = {}
    accepted = [message for message in load.two.service.messages()
                if 200 <= message["status"] < 300 and message["payload"]["event"]["type"] == "comment-created"]
    for message in accepted:
        same = (message["topic"], message["payload"]["tag"])
        assert twins.setdefault(identity(message), same) == same, "a double that does not replace its twin"
    lost = {event for event, _ in wanted - set(twins)}
    where = sorted((record.time_ms, f"{record.partition}/{record.offset}", record.id) for record in records
                   if record.id in lost)
    assert set(twins) == wanted, (f"{len(lost)} of {len(wanted)} deliveries are lost: {where}; "
                                  f"{len(set(twins) - wanted)} are made up:\n{load.two.push.log[-4000:]}")
    assert load.two.service.stats()["rejected"] == {}
    return len(wanted), len(accepted) - len(wanted)


def identity(message: dict) -> tuple[str, str]:
    return message["payload"]["event"]["id"], message["subscription"]
