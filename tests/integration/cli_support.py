"""Executables of the build as commands that end by themselves, and the promises that hold for every refusal."""

import os
import re
import subprocess
from pathlib import Path

from server import executable

COMMAND_TIMEOUT_S = 60
# Log lines below errors, such as what the database says before we do; in both formats.
LESSER = re.compile(r'\S+Z (info|warning) |\{"time":"[^"]*","level":"(info|warning)"')


def environment(**more: str) -> dict[str, str]:
    """Ours without the SOCIAL_... of the suite, which are options of the executables."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("SOCIAL_")}, **more}


def run(*words: object, name: str = "social-server", **variables: str) -> subprocess.CompletedProcess:
    """One command in `cwd` of the suite; killed when it does not end."""
    command = [str(executable(name)), *[str(word) for word in words]]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
                          env=environment(**variables))


def ok(*words: object, **more) -> str:
    """What a command that must succeed prints."""
    done = run(*words, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(code: int, *words: object, **more) -> str:
    """The one sentence on stderr of a command that must end with that exit code."""
    done = run(*words, **more)
    assert done.returncode == code, f"{done.returncode}: {done.stderr}"
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not LESSER.match(line)]
    assert len(said) == 1, f"not one sentence but:\n{done.stderr}"
    return said[0]


def refused_start(code: int, data: Path, *words: object, **more) -> str:
    """As `refused`, for serving `data` on free ports."""
    return refused(code, "--data", data, "--http.port", "0", "--admin.port", "0", *words, **more)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}
