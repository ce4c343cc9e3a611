#!/usr/bin/env python3
"""Checks every #include against the arrows of docs/architecture.md, and the layout of the tree.

The table below is the rule. CMakeLists.txt holds the same arrows as link lines; this check also sees headers that need
no linking. Exit 0: nothing found. Otherwise one line per finding: file:line: what is wrong and what the rule is.

    include_lint.py [ROOT]
"""

import re
import sys
from pathlib import Path

DOMAINS = [
    "actors/domain",
    "actors/domain/user",
    "actors/domain/post",
    "actors/domain/comment",
    "actors/domain/subscription",
]
API_ONLY = ["http/api", "http/auth", "actors/kafka/api", "actors/verify/api", "actors/domain/user", "actors/domain/post",
            "actors/domain/comment"]
PUSH_ONLY = ["actors/push", "actors/kafka/push", "actors/verify/push"]

# component -> components it may include besides itself and actors/base
ARROWS = {
    "actors/base": [],
    "actors/domain": [],
    "actors/domain/user": ["actors/domain"],
    # A post takes its people from User's rows: its facts, never its rules.
    "actors/domain/post": ["actors/domain", "actors/domain/comment", "actors/domain/user"],
    "actors/domain/comment": ["actors/domain"],
    "actors/domain/subscription": ["actors/domain"],
    "actors/protocol": DOMAINS,
    "actors/ports": ["actors/domain"],
    "actors/runtime": [],
    "actors/aggregates": ["actors/runtime", "actors/protocol", "actors/ports", "actors/domain"],
    "actors/events": ["actors/runtime", "actors/protocol", "actors/ports", *DOMAINS],
    "actors/kafka": ["actors/runtime", "actors/protocol", "actors/ports", "actors/domain"],
    "actors/kafka/api": ["actors/kafka", "actors/events", "actors/runtime", "actors/protocol", "actors/ports", *DOMAINS],
    "actors/kafka/push": [
        "actors/kafka",
        "actors/runtime",
        "actors/protocol",
        "actors/ports",
        "actors/domain",
        "actors/domain/subscription",
    ],
    "actors/push": [
        "actors/runtime",
        "actors/protocol",
        "actors/ports",
        "actors/domain",
        "actors/domain/subscription",
    ],
    "actors/cluster": ["actors/runtime", "actors/protocol", "actors/ports", "actors/domain"],
    "actors/queries": ["actors/protocol", "actors/ports", *DOMAINS],
    "actors/inspect": ["actors/runtime", "actors/protocol"],
    "actors/verify": ["actors/ports", "actors/domain"],
    "actors/verify/api": ["actors/verify", "actors/ports", "actors/domain", "actors/domain/user", "actors/domain/post",
                          "actors/domain/comment"],
    "actors/verify/push": ["actors/verify", "actors/ports", "actors/push", "actors/domain", "actors/domain/subscription"],
    "storage": ["actors/ports", "actors/domain"],
    "http/server": [],
    "http/gateway": ["actors/runtime", "actors/protocol", "actors/domain/post"],
    "http/auth": [],
    "http/api": ["actors/protocol", "http/server", "http/gateway", "http/auth", *DOMAINS],
    "http/admin": ["actors/protocol", "http/server", "http/gateway"],
    "http/web": [],
    "config": [],
}
# Composition roots wire everything of their role; nothing includes them but each other and tests.
COMPONENTS = list(ARROWS)
ARROWS["config/compose"] = COMPONENTS + ["config/compose/common", "config/compose/api", "config/compose/push",
                                       "config/compose/embedded"]
ARROWS["config/compose/common"] = [c for c in COMPONENTS if c not in API_ONLY + PUSH_ONLY]
ARROWS["config/compose/api"] = [c for c in COMPONENTS if c not in PUSH_ONLY] + ["config/compose/common"]
ARROWS["config/compose/embedded"] = COMPONENTS + ["config/compose/common", "config/compose/api", "config/compose/push"]
ARROWS["config/compose/push"] = [c for c in COMPONENTS if c not in API_ONLY] + ["config/compose/common"]

SHELLS = ["actors/aggregates", "actors/events", "actors/kafka", "actors/push", "actors/cluster", "actors/inspect"]
PURE = [*DOMAINS, "actors/ports"]

# library -> (pattern of its headers, who may include it, or None: everybody but the components after it, why)
LIBRARIES = {
    "CAF": (r"caf/", ["actors/runtime", "actors/protocol", "http/gateway", "config/compose", *SHELLS], [],
            "CAF stays inside actors/runtime, the message interfaces and the actors"),
    "Asio and Beast": (r"boost/(asio|beast)", ["http/server", "http/gateway", "actors/push/transport"], [],
                       "Asio and Beast stay in http/server, http/gateway and actors/push/transport*"),
    "RocksDB": (r"rocksdb/", ["storage"], [], "only storage knows the database"),
    "librdkafka": (r"librdkafka/", ["actors/kafka"], [], "only actors/kafka speaks to Kafka"),
    "libsodium": (r"sodium(\.h|/)", ["http/auth"], [], "passwords are hashed in http/auth"),
    "OpenSSL": (r"openssl/", ["actors/base", "http/auth", "http/server", "actors/push"], [],
                "cryptography stays in base, http/auth, http/server and push"),
    "utf8proc": (r"utf8proc", ["actors/base"], [], "text rules are in actors/base"),
    "CLI11": (r"CLI/", ["config"], [], "options are known in config only"),
    "toml++": (r"toml\+\+/", ["config"], [], "options are known in config only"),
    "prometheus-cpp": (r"prometheus/", ["actors/inspect"], [], "metrics are exported by actors/inspect"),
    "spdlog": (r"(spdlog|fmt)/", None, [*PURE, "actors/protocol"], "rules and interfaces do not log"),
    "Boost": (r"boost/(?!system/)", None, PURE, "rules and ports use the standard library and actors/base"),
    "Catch2": (r"catch2/", [], [], "tests include tests/support/catch.hpp"),
}

# What would make a replay give other bytes than the first run.
IMPURE_HEADERS = {
    "random", "thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic", "fstream", "iostream",
    "filesystem", "ctime", "time.h", "unistd.h", "stop_token", "semaphore", "latch", "barrier",
}
IMPURE_CODE = re.compile(
    r"_clock::now|\brandom_device\b|\bmt19937|\bgetenv\s*\(|\bstd::time\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)|\brand\s*\(")

TOP_LEVEL = {"actors", "http", "storage", "config", "tests", "docs", ".ci"}
SECOND_LEVEL = {
    "actors": {"base", "domain", "protocol", "ports", "runtime", "aggregates", "events", "kafka", "push", "queries", "cluster",
               "inspect", "verify"},
    "http": {"server", "gateway", "auth", "api", "admin", "web"},
    "tests": {"unit", "deterministic", "integration", "browser", "fuzz", "bench", "support", "lint", "golden",
              "vectors"},
}
IGNORED = {".git", "build", "data", ".cache", ".vscode", ".idea", "__pycache__", ".pytest_cache", ".github"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def component_of(path: str) -> str | None:
    """The longest component that the file or the included header lies in."""
    if match := re.fullmatch(r"config/main_social_server(_api|_push)?\.cpp", path):
        return "config/compose" + (match[1] or "").replace("_", "/")
    best = None
    for name in ARROWS:
        if path.startswith(name + "/") and (best is None or len(name) > len(best)):
            best = name
    return best


def lies_in(path: str, places: list[str]) -> bool:
    """A place is a folder or the beginning of a file's name."""
    component = component_of(path) or ""
    return any(component == p or path.startswith(p + "/") or (p.count("/") == 2 and path.startswith(p)) for p in places)


def library_finding(path: str, header: str) -> str | None:
    for name, (pattern, allowed, denied, why) in LIBRARIES.items():
        if not re.match(pattern, header):
            continue
        if allowed is None:
            wrong = (component_of(path) or "") in denied
        else:
            wrong = not lies_in(path, allowed)
        if wrong:
            return f"{name} may not be included here: {why}"
    return None


def project_finding(path: str, header: str) -> str | None:
    source = component_of(path)
    target = component_of(header)
    if target is None:
        return f'"{header}" is no path from the project\'s root into a known component'
    if target == source or target == "actors/base":
        return None
    if target not in ARROWS[source]:
        allowed = ", ".join(["actors/base", *ARROWS[source]]) if source != "actors/base" else "nothing of the project"
        return f"{source} may not include {target}; it may include: {allowed}"
    return None


def check_text(path: str, text: str) -> list[str]:
    """Findings of one file, each 'path:line: sentence'. Tests may include anything but Catch2 itself."""
    findings = []
    in_tests = path.startswith("tests/")
    if not in_tests and component_of(path) is None:
        return [f"{path}:1: lies in no known component: {', '.join(ARROWS)}"]
    pure = not in_tests and component_of(path) in DOMAINS
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        finding = None
        if match:
            quote, header = match.groups()
            if in_tests:
                if header.startswith("catch2/") and not path.startswith("tests/support/"):
                    finding = f"Catch2 may not be included here: {LIBRARIES['Catch2'][3]}"
            elif quote == '"':
                finding = project_finding(path, header)
            else:
                finding = library_finding(path, header)
                if finding is None and pure and header in IMPURE_HEADERS:
                    finding = f"a rule may not include <{header}>: time, randomness and I/O are arguments"
        elif pure and IMPURE_CODE.search(line.split("//")[0]):
            finding = "a rule may not read a clock, randomness or the environment: they are arguments"
        if finding:
            findings.append(f"{path}:{number}: {finding}")
    return findings


def check_layout(root: Path) -> list[str]:
    findings = []
    for entry in sorted(root.iterdir()):
        if not entry.is_dir() or entry.name in IGNORED:
            continue
        if entry.name not in TOP_LEVEL:
            findings.append(f"{entry.name}/:1: the top level is fixed: {', '.join(sorted(TOP_LEVEL))}")
        for child in sorted(entry.iterdir()) if entry.name in SECOND_LEVEL else []:
            if child.is_dir() and child.name not in SECOND_LEVEL[entry.name] | IGNORED:
                findings.append(f"{entry.name}/{child.name}/:1: {entry.name}/ holds only: "
                                f"{', '.join(sorted(SECOND_LEVEL[entry.name]))}")
    return findings


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    findings = check_layout(root)
    files = 0
    for folder in ("actors", "http", "storage", "config", "tests"):
        for file in sorted((root / folder).rglob("*.[ch]pp")):
            path = file.relative_to(root).as_posix()
            if path.startswith("config/cmake/") or "node_modules/" in path:
                continue
            files += 1
            findings += check_text(path, file.read_text(encoding="utf-8"))
    for finding in findings:
        print(finding)
    print(f"include lint: {files} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
