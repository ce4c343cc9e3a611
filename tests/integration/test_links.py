"""What is linked into what: the api executable has none of the push sender, the push side none of the HTTP API and of
User, Post and Comment. The names are those of functions and tables in the executables."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from server import executable

# Names that a translation unit of the part defines; each is checked to be there where it belongs.
PUSH = re.compile(r"\bsocial::push::|\bsocial::compose::push_side\b")
API = re.compile(r"\bsocial::http::(api_handler|actions::|dto::|routes|auth::|multipart)"
                 r"|\bsocial::domain::(user|post|comment)_aggregate\b"
                 r"|\bsocial::compose::(api_role|serve_api)\b|\bsocial::queries::run\b")


@cache
def symbols(path: Path) -> tuple[str, ...]:
    """All names that are defined, demangled."""
    listing = subprocess.run(["nm", "--demangle", "--defined-only", path], capture_output=True, text=True, check=True,
                             timeout=120).stdout
    found = tuple(line.split(" ", 2)[2] for line in listing.splitlines() if line.count(" ") >= 2)
    assert any("social::" in each for each in found), f"{path} has no names of ours: was it stripped?"
    return found


def matching(path: Path, pattern: re.Pattern) -> list[str]:
    return sorted(each for each in symbols(path) if pattern.search(each))


def test_the_patterns_find_what_they_are_for():
    """Both roles in one process: so an empty list elsewhere means something."""
    server = executable("social-server")
    for name in ("social::push::", "social::compose::push_side", "social::http::api_handler", "social::http::actions::",
                 "social::http::dto::", "social::http::auth::", "social::domain::user_aggregate",
                 "social::domain::post_aggregate", "social::domain::comment_aggregate", "social::queries::run",
                 "social::compose::api_role"):
        assert any(name in each for each in matching(server, API) + matching(server, PUSH)), name


def test_the_api_executable_has_none_of_the_push_sender():
    assert matching(executable("social-server-api"), PUSH) == []


@pytest.mark.parametrize("name", ["tests/push_link_probe", "social-server-push"])
def test_the_push_side_has_none_of_the_api(name):
    path = executable(name)
    assert matching(path, PUSH)
    assert matching(path, API) == []


def test_both_services_speak_to_kafka_each_in_its_own_way():
    """Publishing and asking belong to the api, consuming and answering to the push service."""
    of_api = re.compile(r"\bsocial::kafka::(publish_domain_events|requester)\b")
    of_push = re.compile(r"\bsocial::kafka::(event_feed|responder|subscription_table|dead_letter_topics)\b")
    api, push = executable("social-server-api"), executable("social-server-push")
    assert matching(api, of_api) and matching(push, of_push)
    assert matching(api, of_push) == [] and matching(push, of_api) == []
