"""The walk of the READMEs is true: its blocks are run against a server and the answers are the shown ones."""

import os
import shlex
from pathlib import Path

import pytest
from readme_support import Comparison, Shell, Step, steps_of
from server import Server

ROOT = Path(os.environ.get("SOCIAL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
READMES = ("README.md", "docs/README.ko.md")
DEFAULT_API = "http://127.0.0.1:8080"
DEFAULT_ADMIN = "http://127.0.0.1:9090"


def started(step: Step) -> list[str]:
    """The options of the walk's `./dev run`."""
    words = shlex.split(step.commands)
    assert words[:2] == ["./dev", "run"], "the walk begins by starting the server"
    return words[2:]


def on_our_server(commands: str, server: Server) -> str:
    """With the ports and the data directory of this run instead of the defaults."""
    ours = {f"API={DEFAULT_API}\n": f"API={server.url}\n", f"ADMIN={DEFAULT_ADMIN}\n": f"ADMIN={server.admin_url}\n",
            "DATA=data\n": f"DATA={server.data}\n"}
    for theirs, replacement in ours.items():
        assert theirs in commands, f"the walk no longer says {theirs}"
        commands = commands.replace(theirs, replacement)
    return commands


@pytest.mark.timeout(300)
@pytest.mark.parametrize("readme", READMES)
def test_the_walk_is_true(readme, tmp_path):
    first, settings, *rest = steps_of(ROOT / readme)
    assert len(rest) >= 6, "the walk has lost its steps"
    compare = Comparison()
    with Server(tmp_path / "data", *started(first)) as server, Shell(tmp_path) as shell:
        ready = server.lines[0].replace(server.url, DEFAULT_API).replace(server.admin_url, DEFAULT_ADMIN)
        [shown] = first.printed
        compare.check(shown, ready)
        assert shell.run(on_our_server(settings.commands, server)) == []
        for step in rest:
            answers = shell.run(step.commands)
            assert len(answers) == len(step.answers), f"{step.commands}\nprinted {answers}\n{shell.errors.read_text()}"
            for shown, real in zip(step.answers, answers):
                compare.check(shown, real)
            for line in step.printed:
                server.wait_line(wanted=line)


def test_both_languages_run_the_same_commands():
    walks = [[step.commands for step in steps_of(ROOT / readme)] for readme in READMES]
    assert walks[0] == walks[1]


@pytest.mark.parametrize("shown, real", [
    ('{"seq":1}', '{"seq":2,"more":1}'),
    ('{"createAt":"2026-11-23T17:13:59.300Z"}', '{"createAt":"2026-11-23"}'),
    ('{"seq":1,"userId":1}', '{"seq":2,"userId":3}'),
    ('{"likes":0}', '{"likes":1}'),
    ('{"token":"eyJ…"}', '{"token":"abc"}'),
])
def test_a_difference_is_seen(shown, real):
    with pytest.raises(AssertionError):
        Comparison().check(shown, real)
