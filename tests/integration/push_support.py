"""Members with devices at the strict push service, and what an operator sees of the push role."""

import json
import time

import requests
from people import Person
from server import Server

from push_service import PushService

SUBJECT = "mailto:operator@example.com"
DELIVERY_TIMEOUT_S = 30


def until(condition, deadline_s: float = DELIVERY_TIMEOUT_S, message="it did not become true in time"):
    """The first true value of `condition`, asked again and again. `message`: a text, or what makes one then."""
    end = time.monotonic() + deadline_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, message() if callable(message) else message
        time.sleep(0.005)  # what is waited for needs the processor, too


def options_for(*services: PushService) -> list[str]:
    """What a server needs to push to these, and to nobody else."""
    options = []
    for service in services:
        options += ["--push.allow-origin", service.origin]
        if service.ca_file:
            options += ["--push.ca-file", service.ca_file]
    return options


class Device:
    """A browser of one member. More arguments go into the request: `locale=`, `headers=`."""

    def __init__(self, service: PushService, owner: Person, **more):
        self.service = service
        self.subscription = service.subscribe()
        self.id = self.subscription["id"]
        self.endpoint = self.subscription["endpoint"]
        self.saved = self.subscribe_for(owner, **more)

    def subscribe_for(self, owner: Person, headers: dict | None = None, **more) -> dict:
        keys = self.subscription["keys"]
        body = {"notificationEndPoint": self.endpoint, "publicKey": keys["p256dh"], "auth": keys["auth"], **more}
        return owner.ok("POST", "/api/subscribe", json=body, headers=headers)

    def messages(self, at_least: int = 0) -> list[dict]:
        """What arrived and was in order, whatever it was answered; waits until there are `at_least`."""
        found = self.service.messages(self.id, at_least, DELIVERY_TIMEOUT_S)
        rejected = self.service.stats()["rejected"]
        assert len(found) >= at_least, f"{len(found)} of {at_least} messages; rejected: {rejected}"
        return found

    def titles(self, at_least: int = 0) -> list[str]:
        return [message["payload"]["title"] for message in self.messages(at_least)]

    def answer(self, *answers: dict) -> None:
        """What the next messages to this device are answered."""
        self.service.script(list(answers), self.id)

    def wait_for(self, text: str) -> list[dict]:
        """All messages, as soon as one whose `message` is that text has been accepted."""
        def arrived() -> list[dict] | None:
            found = self.messages()
            accepted = [m for m in found if m["payload"]["message"] == text and 200 <= m["status"] < 300]
            return found if accepted else None
        return until(arrived, message=f"'{text}' did not arrive")


class Writer(Person):
    """Has a post that a friend may comment."""

    def __init__(self, url: str, name: str = "Sally", contents: str = "something to read"):
        super().__init__(url, name)
        self.post_id = self.post(contents)["seq"]
        self.path = f"/api/user/{self.id}/post/{self.post_id}"

    def befriend(self, name: str = "Harry") -> Person:
        """Somebody who may read, like and comment."""
        friend = Person(self.url, name)
        friend.may_read(self)
        return friend

    def hear(self, friend: Person, contents: str) -> dict:
        """The friend comments on the post."""
        return friend.ok("POST", self.path + "/comment", json={"contents": contents})


def admin(server: Server, name: str):
    """The `response` of one page of the admin API. All it needs of a server: `admin_url` and `admin_token`."""
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    answer = requests.get(f"{server.admin_url}/admin/{name}", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["response"]


def readiness(server: Server) -> dict[str, dict]:
    """The checks by name, and the status under `status`."""
    answer = requests.get(f"{server.admin_url}/readyz", timeout=30)
    return {"status": answer.status_code, **{check["name"]: check for check in answer.json()["checks"]}}


def has_caught_up(server) -> bool:
    if any(subscriber["lag"] for subscriber in admin(server, "subscribers")):
        return False
    return admin(server, "push")["events"]["fanOutsWaiting"] == 0


def catch_up(server) -> None:
    """Waits until it is decided who is told of what has happened so far: a device that comes later is told nothing."""
    until(lambda: has_caught_up(server), message="events are waiting")


def settle(server) -> None:
    """And until no service has to be asked any more: no message comes."""
    catch_up(server)
    until(lambda: admin(server, "push")["pending"] == 0,
          message=lambda: f"deliveries are pending: {admin(server, 'push')}")


def dead_letters(server: Server, device: Device) -> list[dict]:
    """Those of one device, newest first."""
    letters = admin(server, "dead-letters")["push"]["deadLetters"]
    return [letter for letter in letters if letter["device"] == device.saved["seq"]]


def lane(server: Server, origin: str) -> dict | None:
    found = [each for each in admin(server, "push")["lanes"] if each["origin"] == origin]
    return found[0] if found else None


def compact(value) -> str:
    """JSON as the server writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
