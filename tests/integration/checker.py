"""Compares what a server shows with the ledger of what it has acknowledged. Finds problems, never raises for them:
the tests of servers that are broken on purpose look for them.

Each problem is a line that begins with its kind: lost, count, half, twice, id, push.
"""

import time
from collections import Counter

from push_support import settle
from workload import CrashServer, Ledger, Member, Person, Post

PAGE = 100
COMMENTS_MAX = 1000  # in a list without limit


class Checker:
    def __init__(self, server: CrashServer, ledger: Ledger):
        self.server = server
        self.ledger = ledger
        self.member: Member | None = None  # of the server's present life
        self.problems: list[str] = []
        self.comments_seen: dict[int, list[dict]] = {}  # by post; what the last check of it has found
        self.signed_in: set[Person] = set()
        self.devices_told: set[str] = set()

    def check(self, everything: bool = False) -> list[str]:
        """`everything`: also what no writer has touched since the last check."""
        self.member = Member(self.server.url, self.ledger)
        self.problems = self.ledger.problems
        self.ledger.problems = []
        self._people()
        self._asked()
        for founder in self.ledger.founders:
            self._posts(founder, everything)
        self.ledger.touched.clear()
        return self.problems

    def _found(self, kind: str, text: str) -> None:
        self.problems.append(f"{kind}: {text}")

    def _get(self, path: str, who: Person):
        """The response, or None when it is refused."""
        answer = self.member.ask("GET", path, who)
        assert answer.status_code < 500, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()["response"] if answer.status_code == 200 else None

    def _people(self) -> None:
        for person in self.ledger.people:
            me = self._get("/api/user/me", person)
            if me is None or (me["seq"], me["name"], me["email"]["address"]) != (person.id, person.name, person.email):
                self._found("lost", f"joining of {person.email}: {me}")
            elif person not in self.signed_in:
                answer = self.member.ask("POST", "/api/auth",
                                         body={"principal": person.email, "credentials": "password"})
                if answer.status_code != 200 or answer.json()["response"]["user"]["seq"] != person.id:
                    self._found("lost", f"signing in of {person.email}: {answer.status_code}")
                self.signed_in.add(person)

    def _asked(self) -> None:
        """Only what was asked can be granted, and only who was granted can read (which _posts asks for)."""
        for caller, owner in sorted(self.ledger.asked - self.ledger.granted, key=lambda pair: pair[0].id):
            answer = self.member.ask("PATCH", f"/api/user/connections/grant/{caller.id}", owner)
            if answer.status_code != 200:
                self._found("lost", f"{caller.name} asked {owner.name}: {answer.status_code}")
            else:
                self.ledger.granted.add((caller, owner))

    def _list_posts(self, owner: Person, reader: Person) -> dict[int, dict] | None:
        posts: list[dict] = []
        while True:
            page = self._get(f"/api/user/{owner.id}/post/list?limit={PAGE}&offset={len(posts)}", reader)
            if page is None:
                return None
            posts += page
            if len(page) < PAGE:
                break
        if len({post["seq"] for post in posts}) != len(posts):
            self._found("twice", f"a post in the list of {owner.name}")
        return {post["seq"]: post for post in posts}

    def _posts(self, owner: Person, everything: bool) -> None:
        listed = self._list_posts(owner, owner) or {}
        acknowledged = {post.id: post for post in self.ledger.posts if post.owner is owner}
        for post in acknowledged.values():
            if listed.get(post.id, {}).get("contents") != post.contents:
                self._found("lost", f"post {post.id} of {owner.name}: {listed.get(post.id)}")
        for number, post in listed.items():
            self.ledger.claim("post", number, post["contents"])
            if post["contents"] not in self.ledger.attempted:
                self._found("half", f"nobody wrote post {number}: {post['contents']}")
        self._likes(owner, listed)
        touched = {post.id for post in self.ledger.touched}
        for number, post in listed.items():
            # One without acknowledgement is new to the ledger: nobody has commented on it, so it is not looked at twice.
            if everything or number in touched or number not in self.comments_seen:
                self._comments(owner, post, acknowledged.get(number))

    def _likes(self, owner: Person, listed: dict[int, dict]) -> None:
        readers = [owner] + [caller for caller, granter in self.ledger.granted if granter is owner]
        likes: Counter = Counter()
        readable = True
        for reader in readers:
            shown = listed if reader is owner else self._list_posts(owner, reader)
            if shown is None:
                readable = False
                self._found("lost", f"{owner.name} granted {reader.name} to read")
                continue
            likes.update(number for number, post in shown.items() if post["likesOfMe"])
            for post, person in self.ledger.likes:
                if person is reader and post.owner is owner and not shown.get(post.id, {}).get("likesOfMe"):
                    self._found("lost", f"{reader.name} likes post {post.id}")
        for number, post in listed.items():
            if readable and post["likes"] != likes[number]:
                self._found("count", f"post {number} has {post['likes']} likes by {likes[number]} people")

    def _comments(self, owner: Person, post: dict, acknowledged: Post | None) -> None:
        path = f"/api/user/{owner.id}/post/{post['seq']}/comment/list"
        listed = self._get(path, owner) or []
        assert len(listed) < COMMENTS_MAX, "the workload writes too many comments on one post"
        self.comments_seen[post["seq"]] = listed
        if post["comments"] != len(listed):
            self._found("count", f"post {post['seq']} has {post['comments']} comments, {len(listed)} in its list")
        by_id = {comment["seq"]: comment for comment in listed}
        if len(by_id) != len(listed) or len({comment["contents"] for comment in listed}) != len(listed):
            self._found("twice", f"a comment on post {post['seq']}")
        for comment in listed:
            self.ledger.claim("comment", comment["seq"], comment["contents"])
            if comment["contents"] not in self.ledger.attempted:
                self._found("half", f"nobody wrote comment {comment['seq']}: {comment['contents']}")
        for comment in self.ledger.comments if acknowledged else []:
            shown = by_id.get(comment.id, {})
            if comment.post is acknowledged and (shown.get("contents"), shown.get("writer", {}).get("seq")) != (
                    comment.contents, comment.writer.id):
                self._found("lost", f"comment {comment.id} of {comment.writer.name} on post {comment.post.id}: {shown}")

    # --- What reached the devices -------------------------------------------------------------------------------------

    def check_devices(self, everything: bool = False, deadline_s: float = 30) -> list[str]:
        """Somebody new asks everybody with an acknowledged device that was not tried yet: the device must be told."""
        wanted = {endpoint: person for endpoint, person in self.ledger.devices.items()
                  if everything or endpoint not in self.devices_told}
        if not wanted:
            return []
        prober = self.member.join("A")
        for person in set(wanted.values()):
            self.member.request(prober, person)
        lines = [request_line(endpoint, prober.name) for endpoint in wanted]
        missing = self._wait(lambda: [line for line in lines if line not in set(self.server.console)], deadline_s)
        self.devices_told |= set(wanted)
        return [f"lost: a subscription: no line '{line}'" for line in missing]

    def check_moves(self, deadline_s: float = 30) -> list[str]:
        """A device that went from one person to another is exactly one's. A stranger asks each of them: of each device
        one of the two is heard."""
        moving = [device for device in self.ledger.moving if device.is_known]
        if not moving:
            return []
        asked = []
        for person in self.ledger.movers:
            prober = self.member.join("P")
            self.member.request(prober, person)
            asked.append((prober, person))
        settle(self.server)
        problems = []
        for device in moving:
            def heard(device=device) -> list[Person]:
                return [person for prober, person in asked
                        for _ in range(self.server.console.count(request_line(device.endpoint, prober.name)))]
            self._wait(lambda: not heard(), deadline_s)
            owners = heard()
            names = ", ".join(person.name for person in owners)
            if len(owners) != 1:
                problems.append(f"{'twice' if owners else 'lost'}: {device.endpoint} is of [{names}]")
            elif owners[0] not in device.owners:
                problems.append(f"lost: {device.endpoint} is of {names}, and went to "
                                f"{[person.name for person in device.owners]}")
            else:
                device.owners = set(owners)
        return problems

    def expected_comment_lines(self) -> Counter:
        """One per listed comment of somebody else, since all founders have one device each. Call check() before."""
        device_of = {person.id: endpoint for endpoint, person in self.ledger.devices.items()}
        owner_of = {post.id: post.owner.id for post in self.ledger.posts}
        return Counter(
            comment_line(device_of[owner_of[post]], comment["writer"]["name"])
            for post, comments in self.comments_seen.items() for comment in comments
            if post in owner_of and comment["writer"]["seq"] != owner_of[post])

    def wait_for_comment_lines(self, deadline_s: float = 60) -> list[str]:
        """Lines that are missing at the deadline."""
        expected = self.expected_comment_lines()
        missing = self._wait(lambda: list((expected - Counter(self.server.console)).elements()), deadline_s)
        return [f"push: lost: {line}" for line in missing]

    def repeated_comment_lines(self) -> int:
        """How many more than one per comment, over all lives of the server."""
        printed = Counter(line for line in self.server.console if line.endswith(COMMENT_LINE_END))
        return (printed - self.expected_comment_lines()).total()

    @staticmethod
    def _wait(missing, deadline_s: float) -> list[str]:
        end = time.monotonic() + deadline_s
        while (still := missing()) and time.monotonic() < end:
            time.sleep(0.02)
        return still


COMMENT_LINE_END = '가 코멘트를 달았습니다." 푸쉬발송'


def comment_line(endpoint: str, name: str) -> str:
    return f'{endpoint} -> "{name}{COMMENT_LINE_END}'


def request_line(endpoint: str, name: str) -> str:
    return f'{endpoint} -> "{name}님이 친구 요청을 보냈어요." 푸쉬발송'


def of_kind(problems: list[str], kind: str) -> list[str]:
    return [problem for problem in problems if problem.startswith(kind + ":")]


def report(problems: list[str]) -> str:
    return "\n".join([f"{len(problems)} problems", *problems[:20]])
