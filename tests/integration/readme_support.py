"""Reads the walk out of a README, and compares what is shown there with what a server says."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

WALK = re.compile(r"<!-- walk: begin.*?-->(.*?)<!-- walk: end -->", re.DOTALL)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# What differs from run to run: a time, and every number that names something.
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
VARIABLE = re.compile(rf'(?P<left_out>…)|"(?P<time>{TIME})"|"(?P<name>seq|id|userId|targetId|shard|pid)":(?P<number>\d+)')


@dataclass
class Step:
    """Commands, what they print, and what the server prints because of them."""

    commands: str
    answers: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)


def steps_of(readme: Path) -> list[Step]:
    """Fences in their order: `sh` is run, `json` is what it prints, `text` is what the server prints."""
    steps: list[Step] = []
    for language, content in FENCE.findall(WALK.search(readme.read_text(encoding="utf-8"))[1]):
        if language == "sh":
            steps.append(Step(content))
        elif language == "json":
            steps[-1].answers += content.splitlines()
        elif language == "text":
            steps[-1].printed += content.splitlines()
        else:
            raise AssertionError(f"{readme}: a fence of the language {language} in the walk")
    return steps


class Comparison:
    """Shown and real lines. A number stands for the same real number throughout; `…` stands for something left out."""

    def __init__(self) -> None:
        self.real_numbers: dict[str, str] = {}

    def check(self, shown: str, real: str) -> None:
        pattern = ""
        numbers: list[str] = []
        at = 0
        for found in VARIABLE.finditer(shown):
            pattern += re.escape(shown[at:found.start()])
            at = found.end()
            if found["left_out"]:
                pattern += ".+"
            elif found["time"]:
                pattern += f'"{TIME}"'
            elif found["number"] in self.real_numbers:
                pattern += f'"{found["name"]}":{self.real_numbers[found["number"]]}'
            else:
                pattern += f'"{found["name"]}":(\\d+)'
                numbers.append(found["number"])
        pattern += re.escape(shown[at:])
        match = re.fullmatch(pattern, real)
        assert match, f"the README shows\n  {shown}\nthe server says\n  {real}"
        for number, value in zip(numbers, match.groups()):
            known = self.real_numbers.setdefault(number, value)
            assert known == value, f"{number} of the README is {known} and {value} in\n  {real}"


class Shell:
    """One bash that runs the blocks one after the other, as a person's terminal does."""

    END = "@@end of block@@"

    def __init__(self, directory: Path):
        self.errors = directory / "shell.log"
        with open(self.errors, "wb") as log:
            self.process = subprocess.Popen(["bash", "--norc", "-u"], cwd=directory, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8", bufsize=1)

    def run(self, commands: str) -> list[str]:
        """The lines printed."""
        self.process.stdin.write(f"{commands}\necho '{self.END}'\n")
        self.process.stdin.flush()
        lines: list[str] = []
        for line in self.process.stdout:
            if line.rstrip("\n") == self.END:
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the shell ended:\n{self.errors.read_text()}")

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
