"""The public API as a member uses it."""

import itertools

import requests

TIMEOUT_S = 30
_numbers = itertools.count(1)


class Api:
    """Calls without a token, or with one."""

    def __init__(self, url: str, token: str | None = None):
        self.url = url
        self.session = requests.Session()
        if token:
            self.session.headers["api_key"] = f"Bearer {token}"

    def call(self, method: str, path: str, **more) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=TIMEOUT_S, **more)

    def ok(self, method: str, path: str, **more):
        """The `response` of a call that must succeed."""
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.json()["success"] is True
        return answer.json()["response"]

    def refused(self, status: int, method: str, path: str, **more) -> dict:
        """The `error` of a call that must be refused with that status."""
        answer = self.call(method, path, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        body = answer.json()
        assert body["success"] is False and body["error"]["status"] == status
        return body["error"]


class Person(Api):
    """Somebody who has joined."""

    def __init__(self, url: str, name: str = "Harry", email: str | None = None, password: str = "password"):
        self.email = email or f"person{next(_numbers)}@example.com"
        self.password = password
        joined = Api(url).ok("POST", "/api/user/join",
                             json={"name": name, "principal": self.email, "credentials": password})
        super().__init__(url, joined["apiToken"])
        self.token = joined["apiToken"]
        self.user = joined["user"]
        self.id = joined["user"]["seq"]

    def post(self, contents: str = "hello world") -> dict:
        return self.ok("POST", "/api/post", json={"contents": contents})

    def may_read(self, other: "Person") -> None:
        """This person asks, the other grants."""
        self.ok("POST", f"/api/user/connections/{other.id}")
        other.ok("PATCH", f"/api/user/connections/grant/{self.id}")
