"""Many at once ask for the same: one row, one success, and counts that equal their rows at every read.

All racers have a connection of their own and start together. What a reader sees meanwhile is compared with what had been
acknowledged before it asked.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from people import Api, Person

RACERS = 64


def race(attempts: list) -> list:
    """Calls all of them at once, each from a thread of its own; their results in order."""
    start = threading.Barrier(len(attempts))

    def run(attempt):
        start.wait(30)
        return attempt()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return [each.result(60) for each in [pool.submit(run, attempt) for attempt in attempts]]


def racers(person: Person) -> list[Api]:
    """That person at many browsers; each connection is open before the race begins."""
    out = [Api(person.url, person.token) for _ in range(RACERS)]
    for each in out:
        each.ok("GET", "/api/_hcheck")
    return out


class Watcher:
    """Runs `look` over and over beside a race, at least once before it and once after it."""

    def __init__(self, look):
        self.look = look
        self.looks = 0
        self.problem: BaseException | None = None
        self._done = threading.Event()
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            while True:
                last = self._done.is_set()
                self.look()
                self.looks += 1
                self._first.set()
                if last:
                    return
        except BaseException as e:  # noqa: BLE001 - told to the thread that waits
            self.problem = e
            self._first.set()

    def __enter__(self) -> "Watcher":
        self._thread.start()
        assert self._first.wait(30)
        return self

    def __exit__(self, kind, *_) -> None:
        self._done.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if kind is None and self.problem:
            raise self.problem


class Count:
    """Of what was acknowledged so far."""

    def __init__(self):
        self.value = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.value += 1


@pytest.fixture
def post(harry, sally) -> dict:
    sally.may_read(harry)
    return harry.post("a post that many look at")


def posts_of(owner: Person, reader: Api) -> dict[int, dict]:
    return {post["seq"]: post for post in reader.ok("GET", f"/api/user/{owner.id}/post/list?limit=100")}


def test_many_likes_of_one_person_are_one_like(harry, sally, post):
    path = f"/api/user/{harry.id}/post/{post['seq']}/like"
    liker = Api(sally.url, sally.token)

    def look():
        mine = posts_of(harry, liker)[post["seq"]]
        assert mine["likes"] == mine["likesOfMe"], mine  # of one snapshot, and nobody else likes it

    with Watcher(look) as watcher:
        answers = race([lambda who=who: who.ok("PATCH", path) for who in racers(sally)])
    assert all(answer["likes"] == 1 and answer["likesOfMe"] for answer in answers), answers
    assert posts_of(harry, harry)[post["seq"]]["likes"] == 1
    assert watcher.looks >= 2


def test_likes_of_many_people_are_all_counted(server, harry):
    post = harry.post("liked by everybody")
    people = [Person(server.url) for _ in range(RACERS // 4)]
    for person in people:
        person.may_read(harry)
    acknowledged: dict[int, bool] = {}
    seen = []

    def like(who: Person):
        answer = Api(who.url, who.token).ok("PATCH", f"/api/user/{harry.id}/post/{post['seq']}/like")
        acknowledged[who.id] = True
        assert answer["likes"] >= 1 and answer["likesOfMe"], answer

    def look():
        before = len(acknowledged)
        seen.append(posts_of(harry, harry)[post["seq"]]["likes"])
        assert before <= seen[-1] <= len(people)

    with Watcher(look):
        # Each asks four times: the first one counts, whichever that is.
        race([lambda who=person: like(who) for person in people * 4])
    assert seen == sorted(seen) and seen[-1] == len(people)
    assert all(posts_of(harry, person)[post["seq"]]["likesOfMe"] for person in people)


def test_many_joins_with_one_address_are_one_person(server):
    address = "only.one@example.com"
    spellings = [address, "Only.One@example.com", "ONLY.ONE@EXAMPLE.COM", "only.one@Example.Com"]

    def join(number: int):
        person = {"name": f"racer{number}", "principal": spellings[number % 4], "credentials": f"password{number}"}
        return number, Api(server.url).call("POST", "/api/user/join", json=person)

    answers = race([lambda number=number: join(number) for number in range(RACERS)])
    won = [(number, answer.json()["response"]) for number, answer in answers if answer.status_code == 200]
    assert len(won) == 1, [answer.status_code for _, answer in answers]
    for _, answer in answers:
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "email_taken"), answer.text
    number, joined = won[0]
    # The row is the winner's, whole: the name, the password and the id belong together.
    signed_in = Api(server.url).ok("POST", "/api/auth", json={"principal": address, "credentials": f"password{number}"})
    assert signed_in["user"]["seq"] == joined["user"]["seq"]
    assert signed_in["user"]["name"] == f"racer{number}"
    for other in {(number + step) % RACERS for step in (1, 2, 3)}:
        Api(server.url).refused(401, "POST", "/api/auth",
                                json={"principal": address, "credentials": f"password{other}"})


def test_counts_equal_their_rows_while_many_comment_and_the_owner_reads(harry, sally, post):
    path = f"/api/user/{harry.id}/post/{post['seq']}"
    acknowledged = Count()

    def comment(who: Api, number: int):
        made = who.ok("POST", f"{path}/comment", json={"contents": f"comment {number}"})
        acknowledged.add()
        return made["seq"], made["contents"]

    owner = Api(harry.url, harry.token)
    seen: dict[int, str] = {}

    def look():
        before = acknowledged.value
        low = owner.ok("GET", path)["comments"]
        listed = owner.ok("GET", f"{path}/comment/list?limit=100")
        high = owner.ok("GET", path)["comments"]
        # Three reads, so rows and count may differ by what was committed between them, and by nothing else.
        assert before <= low <= len(listed) <= high <= RACERS
        numbers = [each["seq"] for each in listed]
        assert numbers == sorted(set(numbers), reverse=True)
        now = {each["seq"]: each["contents"] for each in listed}
        # What was once visible was durable: it stays as it was.
        assert {number: now.get(number) for number in seen} == seen
        seen.update(now)

    with Watcher(look) as watcher:
        made = race([lambda who=who, number=number: comment(who, number)
                     for number, who in enumerate(racers(sally))])
    assert dict(made) == seen and len(seen) == RACERS
    assert watcher.looks >= 2


def test_many_asks_and_grants_are_one_connection(server):
    caller, owner = Person(server.url, "Asker"), Person(server.url, "Granter")
    asks = [lambda who=who: who.ok("POST", f"/api/user/connections/{owner.id}") for who in racers(caller)[:32]]
    asks[0]()
    grants = [lambda who=who: who.ok("PATCH", f"/api/user/connections/grant/{caller.id}") for who in racers(owner)[:32]]
    answers = race(asks + grants)
    assert {answer["state"] for answer in answers[:32]} <= {"requested", "granted"}
    assert {answer["state"] for answer in answers[32:]} == {"granted"}
    # Asking again after the grant takes nothing back, and it goes one way only.
    assert caller.ok("GET", f"/api/user/{owner.id}/post/list") == []
    owner.refused(403, "GET", f"/api/user/{caller.id}/post/list")
    again = caller.ok("POST", f"/api/user/connections/{owner.id}")
    assert (again["userId"], again["targetId"], again["state"]) == (caller.id, owner.id, "granted")
