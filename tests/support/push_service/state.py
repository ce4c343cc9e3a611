"""Subscriptions, received messages and scripted answers; shared by the threads of the servers."""

import collections
import json
import secrets
import threading
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import rules

MESSAGES_MAX = 200_000


class Subscription:
    def __init__(self, application_server_key: str | None):
        self.id = secrets.token_urlsafe(16)
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.auth = secrets.token_bytes(16)
        self.application_server_key = application_server_key
        self.gone = False
        self.answers: collections.deque = collections.deque()

    @property
    def p256dh(self) -> str:
        return rules.encode(
            self.private_key.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
        )


class State:
    def __init__(self, allow_no_subject: bool = False):
        self.allow_no_subject = allow_no_subject
        self.changed = threading.Condition()
        self.subscriptions: dict[str, Subscription] = {}
        self.generation = 0  # grows at each reset: what sleeps or hangs wakes up
        self.stopped = False
        self._clear()

    def _clear(self) -> None:
        self.messages: list[dict] = []
        self.answers: collections.deque = collections.deque()
        self.rejected: collections.Counter = collections.Counter()
        self.statuses: collections.Counter = collections.Counter()
        self.senders: dict[str, bytes] = {}
        self.connections = 0
        self.requests = 0

    # --- Pushing ------------------------------------------------------------------------------------------------------

    def take(self, subscription_id: str, headers: list[tuple[str, str]], body: bytes, origins: set[str]) -> dict:
        """Judges one message. Returns the answer to give; raises Rejected."""
        subscription = self.subscriptions.get(subscription_id)
        if subscription is None:
            raise rules.Rejected(404, "no such subscription")
        if subscription.gone:
            raise rules.Rejected(410, "subscription gone")
        if len(body) > rules.BODY_BYTES_MAX:
            raise rules.Rejected(413, "body larger than 4096 bytes")
        fields = rules.check_headers(headers)
        vapid = rules.check_vapid(rules.one(headers, "authorization"), origins, self.allow_no_subject)
        expected = subscription.application_server_key
        if expected is not None and vapid["key"] != expected:
            raise rules.Rejected(403, "key is not the subscription's")
        text = rules.decrypt(body, subscription.private_key, subscription.auth)
        message = {
            "id": secrets.token_urlsafe(12),
            "subscription": subscription_id,
            "received_at": time.time(),
            **fields,
            **vapid,
            "headers": {name.lower(): value for name, value in headers if name.lower() != "authorization"},
            "body_bytes": len(body),
            "payload_bytes": len(text),
            "text": text.decode("utf-8", "replace"),
            "payload": None,
        }
        try:
            message["payload"] = json.loads(text)
        except ValueError:
            pass
        with self.changed:
            # The same bytes may come twice (a request repeated after its connection broke), a key pair may not.
            if self.senders.setdefault(rules.encode(body[21:86]), body) != body:
                raise rules.Rejected(400, "key pair used twice")
            answer = self._next_answer(subscription)
            message["status"] = answer.get("status", 201) if not answer.get("silent") else 0
            self.statuses[message["status"]] += 1
            if len(self.messages) < MESSAGES_MAX:
                self.messages.append(message)
            self.changed.notify_all()
        return {**answer, "message": message["id"]}

    def _next_answer(self, subscription: Subscription) -> dict:
        for queue in (subscription.answers, self.answers):
            if queue:
                answer = queue[0]
                if answer["times"] > 0:
                    answer["times"] -= 1
                    if answer["times"] == 0:
                        queue.popleft()
                silent = any(answer.get(kind) for kind in ("reset", "close", "garbage", "hang"))
                return {**answer, "silent": silent}
        return {"status": 201}

    def reject(self, rejected: rules.Rejected) -> None:
        with self.changed:
            self.rejected[rejected.reason] += 1
            self.statuses[rejected.status] += 1
            self.changed.notify_all()

    def pause(self, seconds: float | None) -> None:
        """Waits, at most until the next reset or the end."""
        with self.changed:
            generation = self.generation
            self.changed.wait_for(lambda: self.stopped or self.generation != generation, seconds)

    # --- Control ------------------------------------------------------------------------------------------------------

    def subscribe(self, application_server_key: str | None) -> Subscription:
        if application_server_key is not None:
            rules.public_key(rules.decode(application_server_key))
        subscription = Subscription(application_server_key)
        with self.changed:
            self.subscriptions[subscription.id] = subscription
        return subscription

    def script(self, answers: list[dict], subscription_id: str | None) -> None:
        known = {"status", "headers", "body", "delay_ms", "reset", "close", "garbage", "hang", "times"}
        for answer in answers:
            if not isinstance(answer, dict) or set(answer) - known:
                raise ValueError(f"an answer has only these members: {', '.join(sorted(known))}")
        with self.changed:
            queue = self.answers if subscription_id is None else self.subscriptions[subscription_id].answers
            queue.clear()
            queue.extend({"times": 1, **answer} for answer in answers)

    def received(self, subscription_id: str | None, at_least: int, timeout_s: float) -> list[dict]:
        """Messages in the order they came, as soon as there are `at_least` or the time is up."""

        def chosen() -> list[dict]:
            return [m for m in self.messages if subscription_id in (None, m["subscription"])]

        with self.changed:
            self.changed.wait_for(lambda: self.stopped or len(chosen()) >= at_least, timeout_s)
            return chosen()

    def queue(self, subscription_id: str | None) -> list[dict]:
        """What a device that was offline would get: accepted messages, the newest of each topic."""
        kept: dict = {}
        for message in self.received(subscription_id, 0, 0):
            if 200 <= message["status"] < 300:
                key = (message["subscription"], message["topic"] or message["id"])
                kept.pop(key, None)
                kept[key] = message
        return list(kept.values())

    def stats(self) -> dict:
        with self.changed:
            return {
                "connections": self.connections,
                "requests": self.requests,
                "messages": len(self.messages),
                "accepted": sum(n for status, n in self.statuses.items() if 200 <= status < 300),
                "rejected": dict(self.rejected),
                "statuses": {str(status): n for status, n in self.statuses.items()},
                "subscriptions": len(self.subscriptions),
            }

    def reset(self, subscriptions: bool) -> None:
        with self.changed:
            self._clear()
            if subscriptions:
                self.subscriptions.clear()
            for subscription in self.subscriptions.values():
                subscription.answers.clear()
            self.generation += 1
            self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
