#!/usr/bin/env python3
"""Runs clang-tidy-19 on the project's sources, in parallel, and remembers what was clean.

    tidy.py BUILD_DIR --changed     the files of this branch: since its merge base, or since the last commit
    tidy.py BUILD_DIR --all         every file
    tidy.py BUILD_DIR FILE...       these

A file is checked again when it, a header of the project that it includes, its flags or .clang-tidy changed.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-19"
# Not understood by clang, or of no use to it: precompiled headers of g++, the sanitizers, its warnings.
DROPPED = re.compile(r"-fsanitize|-fno-sanitize|-fpch-preprocess|-W|-MD|-ffile-prefix-map")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def git(*arguments: str) -> str | None:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def changed_files() -> set[str] | None:
    """None when there is nothing to compare with."""
    head = git("rev-parse", "HEAD")
    if head is None:
        return None
    base = None
    for name in ("origin/main", "main"):
        base = git("merge-base", "HEAD", name)
        if base:
            break
    uncommitted = set((git("diff", "--name-only", "HEAD") or "").splitlines())
    uncommitted |= set((git("ls-files", "--others", "--exclude-standard") or "").splitlines())
    if base is None or base == head:
        base = head if uncommitted else git("rev-parse", "--verify", "-q", "HEAD~1")
        if base is None:
            return None
    return uncommitted | set((git("diff", "--name-only", base, "HEAD") or "").splitlines())


def commands(build: Path) -> dict[str, dict]:
    """Compile commands by path from the root, without what clang does not understand."""
    result = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = Path(entry["file"])
        if not file.is_relative_to(ROOT) or file.is_relative_to(ROOT / "build"):
            continue
        words = entry["command"].split()
        while words and not re.search(r"(^|/)(c\+\+|g\+\+|clang\+\+)[-\d.]*$", words[0]):
            words.pop(0)
        kept = []
        skip = 0
        for word in words:
            if skip:
                skip -= 1
            elif word in ("-include", "-MT", "-MF"):
                skip = 1
            elif not DROPPED.match(word):
                kept.append(word)
        result[file.relative_to(ROOT).as_posix()] = {
            "directory": entry["directory"], "file": entry["file"], "command": " ".join(kept)}
    return result


def fingerprint(file: str, command: str) -> str:
    """Of the file, all headers of the project that it reaches, the flags and the rules."""
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + command.encode())
    seen = set()
    waiting = [file]
    while waiting:
        name = waiting.pop()
        path = ROOT / name
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        content = path.read_bytes()
        digest.update(name.encode() + content)
        waiting += INCLUDE.findall(content.decode("utf-8", "replace"))
    return digest.hexdigest()


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    known = commands(build)
    wanted = sys.argv[2:]
    if wanted == ["--all"]:
        files = sorted(known)
    elif wanted == ["--changed"]:
        changed = changed_files()
        if changed is None:
            print("clang-tidy: no earlier commit to compare with; ./dev lint checks every file")
            return 0
        files = sorted(f for f in changed if f in known)
    else:
        files = [f for f in (Path(w).resolve().relative_to(ROOT).as_posix() for w in wanted) if f in known]

    database = build / "tidy"
    clean = database / "clean"
    clean.mkdir(parents=True, exist_ok=True)
    text = json.dumps(list(known.values()), indent=1)
    (database / "compile_commands.json").write_text(text)

    def check(file: str) -> tuple[str, int, str]:
        stamp = clean / fingerprint(file, known[file]["command"])
        if stamp.exists():
            return file, 0, ""
        done = subprocess.run([TIDY, "-p", str(database), "--quiet", str(ROOT / file)], capture_output=True, text=True)
        if done.returncode == 0:
            stamp.touch()
        return file, done.returncode, done.stdout + (done.stderr if done.returncode else "")

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for file, code, output in pool.map(check, files):
            if code:
                failed += 1
                print(f"--- {file}\n{output}")
    print(f"clang-tidy: {len(files)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
