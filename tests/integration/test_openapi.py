"""http/openapi.yaml against the running server, both ways: what is described is served as described, and what is served
is described (undescribed methods are 405, undescribed paths 404; a unit test compares the router's table with it)."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from people import Api, Person
from push_service import PushService
from server import Server

ROOT = Path(os.environ.get("SOCIAL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
CONTRACT = yaml.safe_load((ROOT / "http" / "openapi.yaml").read_text())
METHODS = ("get", "put", "post", "delete", "patch")
OPERATIONS = {operation["operationId"]: (method, path, operation)
              for path, item in CONTRACT["paths"].items() for method, operation in item.items() if method in METHODS}
# References in the contract are resolved inside of it.
BASE = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": CONTRACT["components"]}


def resolved(node: dict) -> dict:
    while "$ref" in node:
        at = CONTRACT
        for name in node["$ref"].removeprefix("#/").split("/"):
            at = at[name]
        node = at
    return node


def validate(value, schema: dict) -> None:
    validator = jsonschema.Draft202012Validator({**BASE, **schema},
                                                format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    validator.validate(value)


def check(name: str, answer) -> None:
    """The answer is one that the contract describes for that operation: status, type, headers, body."""
    operation = OPERATIONS[name][2]
    described = operation["responses"].get(str(answer.status_code)) or operation["responses"].get("default")
    described = resolved(described)
    media = described["content"]["application/json"]
    assert answer.headers["Content-Type"] == "application/json"
    validate(answer.json(), media["schema"])
    for header, about in described.get("headers", {}).items():
        if header in answer.headers:
            schema = resolved(about)["schema"]
            text = answer.headers[header]
            validate(int(text) if resolved(schema).get("type") == "integer" else text, schema)


def test_every_call_that_changes_something_takes_an_idempotency_key():
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    for name, (method, _, operation) in OPERATIONS.items():
        changes = method != "get" and name != "emailExists"  # which only asks
        assert (key in operation.get("parameters", [])) == changes, name
        if changes:
            assert "409" in operation["responses"], name
            assert "Idempotency-Replayed" in operation["responses"]["200"]["headers"], name


@pytest.fixture(scope="module")
def push():
    with PushService("--plain") as service:
        yield service


@pytest.fixture(scope="module")
def running(push, tmp_path_factory):
    data = tmp_path_factory.mktemp("openapi") / "data"
    with Server(data, "--push.allow-origin", push.origin) as server:
        yield server


class Story:
    """Two connected people with a post, a comment and what else the operations need."""

    def __init__(self, url: str, push: PushService):
        self.url = url
        self.harry = Person(url, "Harry")
        self.sally = Person(url, "Sally")
        self.harry.may_read(self.sally)
        self.post = self.sally.post("the first post")
        self.path = f"/api/user/{self.sally.id}/post/{self.post['seq']}"
        self.push = push

    def requests(self) -> dict[str, tuple[Api, str, dict]]:
        """operationId -> who calls, the path, the rest: one call of each that succeeds."""
        browser = self.push.subscribe()
        stranger = Person(self.url)
        stranger.ok("POST", f"/api/user/connections/{self.harry.id}")
        joining = {"name": "Fresh", "principal": f"fresh{stranger.id}@example.com", "credentials": "password"}
        nobody = Api(self.url)
        left = self.push.subscribe()
        device = self.harry.ok("POST", "/api/subscribe", json={"endpoint": left["endpoint"], "keys": left["keys"]})
        return {
            "health": (nobody, "/api/_hcheck", {}),
            "emailExists": (nobody, "/api/user/exists", {"json": {"address": self.harry.email}}),
            "join": (nobody, "/api/user/join", {"json": joining}),
            "signIn": (nobody, "/api/auth", {"json": {"principal": self.harry.email, "credentials": "password"}}),
            "me": (self.harry, "/api/user/me", {}),
            "writePost": (self.harry, "/api/post", {"json": {"contents": "hello world"}}),
            "listPosts": (self.harry, f"/api/user/{self.sally.id}/post/list?limit=1", {}),
            "openPost": (self.harry, self.path, {}),
            "likePost": (self.harry, self.path + "/like", {}),
            "writeComment": (self.harry, self.path + "/comment", {"json": {"contents": "well said"}}),
            "listComments": (self.harry, self.path + "/comment/list?limit=1", {}),
            "requestConnection": (self.sally, f"/api/user/connections/{self.harry.id}", {}),
            "grantConnection": (self.harry, f"/api/user/connections/grant/{stranger.id}", {}),
            "subscribe": (self.harry, "/api/subscribe",
                          {"json": {"endpoint": browser["endpoint"], "keys": browser["keys"]}}),
            "removeDevice": (self.harry, f"/api/subscriptions/{device['seq']}", {}),
            "pushKey": (nobody, "/api/push/public-key", {}),
        }


@pytest.fixture(scope="module")
def story(running, push) -> Story:
    return Story(running.url, push)


def concrete(path: str) -> str:
    return path.replace("{userId}", "65").replace("{targetId}", "65").replace("{postId}", "65").replace("{id}", "65")


def test_the_contract_is_sound():
    for name, (method, path, operation) in OPERATIONS.items():
        parameters = [resolved(each) for each in operation.get("parameters", [])]
        in_path = {each["name"] for each in parameters if each["in"] == "path"}
        assert {f"{{{each}}}" for each in in_path} == {part for part in path.split("/") if part.startswith("{")}, name
        assert "200" in operation["responses"] and "default" in operation["responses"]
        assert ("401" in operation["responses"]) == ("security" in operation or name == "signIn")
        for each in parameters:
            jsonschema.Draft202012Validator.check_schema({**BASE, **each["schema"]})
    for schema in CONTRACT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema({**BASE, **schema})


def test_the_story_calls_every_operation(story):
    assert set(story.requests()) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_described_call_succeeds_as_described(story, name):
    method, path, operation = OPERATIONS[name]
    who, where, more = story.requests()[name]
    if "json" in more:
        validate(more["json"], operation["requestBody"]["content"]["application/json"]["schema"])
    answer = who.call(method.upper(), where, **more)
    assert answer.status_code == 200, answer.text
    check(name, answer)
    if method == "get":
        head = who.call("HEAD", where, **more)
        assert (head.status_code, head.content) == (200, b"")


def test_a_second_page_is_described(story):
    for _ in range(3):
        story.sally.post("one more post")
        story.sally.ok("POST", story.path + "/comment", json={"contents": "one more"})
    for name in ("listPosts", "listComments"):
        who, where, _ = story.requests()[name]
        answer = who.call("GET", where)
        check(name, answer)
        assert answer.headers["Link"].startswith(f"<{story.url}/api/user/")
        check(name, who.call("GET", answer.links["next"]["url"].removeprefix(story.url)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_refusals_are_described(story, name):
    method, path, operation = OPERATIONS[name]
    who, where, more = story.requests()[name]
    nobody = Api(story.url)
    seen = set()

    def refused(caller: Api, status: int, **how) -> None:
        answer = caller.call(method.upper(), where, **how)
        assert answer.status_code == status, answer.text
        assert str(status) in operation["responses"], f"{name} answers {status}, which is not described"
        check(name, answer)
        seen.add(status)

    if "security" in operation:
        refused(nobody, 401)
    if "requestBody" in operation:
        refused(who, 415, data=b"x", headers={"Content-Type": "text/plain"})
        refused(who, 413, data=b" " * (64 * 1024 + 1), headers={"Content-Type": "application/json"})
        refused(who, 400, data=b"{}", headers={"Content-Type": "application/json"})
        refused(who, 400, data=b"{", headers={"Content-Type": "application/json"})
    if path.startswith("/api/user/{userId}/post"):
        where = where.replace(str(story.sally.id), "9007199254740991", 1)
        refused(who, 403, **more)
    described = {int(status) for status in operation["responses"] if status in ("401", "403", "413", "415")}
    assert described - {401 if name == "signIn" else None} == seen & {401, 403, 413, 415}


def test_conflicts_are_described(story):
    taken = {"name": "Twin", "principal": story.harry.email, "credentials": "password"}
    answer = Api(story.url).call("POST", "/api/user/join", json=taken)
    assert answer.status_code == 409
    check("join", answer)


@pytest.mark.parametrize("path", CONTRACT["paths"])
def test_undescribed_methods_are_405(running, path):
    described = {method.upper() for method in CONTRACT["paths"][path] if method in METHODS}
    allowed = described | ({"HEAD"} if "GET" in described else set())
    for method in {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"} - allowed:
        answer = Api(running.url).call(method, concrete(path))
        assert answer.status_code == 405, f"{method} {path}: {answer.status_code}"
        assert {each.strip() for each in answer.headers["Allow"].split(",")} == allowed
        if method != "HEAD":
            validate(answer.json(), {"$ref": "#/components/schemas/ErrorAnswer"})


def test_undescribed_paths_are_404(running):
    templates = [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)) for path in CONTRACT["paths"]]
    candidates = {"/api", "/api/", "/api/users", "/api/openapi.json", "/api/debug", "/api/routes"}
    for path in map(concrete, CONTRACT["paths"]):
        candidates |= {path + "/", path + "/more", path.rsplit("/", 1)[0], path.upper()}
    undescribed = {path for path in candidates if not any(each.fullmatch(path) for each in templates)}
    assert len(undescribed) > len(CONTRACT["paths"])
    for path in undescribed:
        assert Api(running.url).refused(404, "GET", path)["code"] == "route_not_found"


def test_the_contract_is_json_in_disguise():
    """Nothing that only YAML knows (dates, anchors), so that it can be served as JSON."""
    assert json.loads(json.dumps(CONTRACT)) == CONTRACT
