#!/usr/bin/env python3
"""Finds what g++ 12 miscompiles in coroutines: a temporary aggregate or a capturing lambda in a co_await expression.

g++ 12 destroys such a temporary twice, at every optimisation level. The cure: name the variable and std::move it. A type
with a constructor is safe; where this check cannot see that, the line says so: // coroutine: has a constructor

    coroutine_lint.py [ROOT]
"""

import re
import sys
from pathlib import Path

CURE = "g++ 12 destroys it twice: name the variable before, and std::move it into the call"
AWAIT = re.compile(r"\bco_await\b")
# Types of the standard library with constructors of their own.
SAFE_TYPE = re.compile(r"(std::(?!array\b)[\w:]+(<[^{}]*>)?|(std::)?chrono::\w+)$")


def strip(text: str) -> str:
    """Comments and literals become blanks, so that positions stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def closing(text: str, start: int, pair: str) -> int:
    depth = 0
    for position in range(start, len(text)):
        if text[position] == pair[0]:
            depth += 1
        elif text[position] == pair[1]:
            depth -= 1
            if depth == 0:
                return position
    return len(text) - 1


def lambda_at(text: str, position: int) -> tuple[str, int] | None:
    """Captures of the lambda that starts at '[', and the position after its body; None for a subscript."""
    before = text[:position].rstrip()
    if before and (before[-1].isalnum() or before[-1] in "_)]") and not before.endswith(("return", "co_await")):
        return None
    end = closing(text, position, "[]")
    captures = text[position + 1 : end].strip()
    cursor = end + 1
    while cursor < len(text) and text[cursor] != "{":
        if text[cursor] == "(":
            cursor = closing(text, cursor, "()")
        elif text[cursor] in ";)":
            return None
        cursor += 1
    return captures, closing(text, cursor, "{}") + 1


def find_in_expression(text: str, start: int) -> list[tuple[int, str]]:
    """Walks the expression after co_await to its end."""
    findings = []
    depth = 0
    position = start
    while position < len(text):
        char = text[position]
        if char == "[":
            found = lambda_at(text, position)
            if found:
                if found[0]:
                    findings.append((position, f"a capturing lambda inside a co_await expression: {CURE}"))
                position = found[1]
                continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                break
        elif char == ";" and depth == 0:
            break
        elif char == "{":
            if depth == 0 and text[:position].rstrip().endswith(")"):
                break
            if not SAFE_TYPE.search(text[start:position].rstrip()):
                findings.append((position, f"a temporary in braces inside a co_await expression: {CURE}"))
            position = closing(text, position, "{}")
        position += 1
    return findings


def check_text(path: str, text: str) -> list[str]:
    code = strip(text)
    lines = text.splitlines()
    seen = {}
    for match in AWAIT.finditer(code):
        for position, sentence in find_in_expression(code, match.end()):
            number = code.count("\n", 0, position) + 1
            if "coroutine: has a constructor" not in lines[number - 1]:
                seen[number, sentence] = f"{path}:{number}: {sentence}"
    return [seen[key] for key in sorted(seen)]


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    findings = []
    for folder in ("actors", "http", "storage", "config", "tests"):
        for file in sorted((root / folder).rglob("*.[ch]pp")):
            findings += check_text(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
    for finding in findings:
        print(finding)
    print(f"coroutine lint: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
