"""python3 -B -m kafka COMMAND, in tests/support or with it in PYTHONPATH: see README.md."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import java
from .cluster import Cluster, end_with_parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kafka", description="A real Kafka for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="bring the jars, and nothing else")
    for name, words in (("run", "start, say where, and stop at SIGTERM, SIGINT or when the parent process ends"),
                        ("start", "start, say where, and leave it running")):
        command = commands.add_parser(name, help=words)
        command.add_argument("directory", type=Path)
        command.add_argument("--nodes", type=int, choices=(1, 3), default=1)
        command.add_argument("--port", type=int, action="append", help="of each node's plain listener; free by default")
        command.add_argument("--sasl", action="append", default=[], metavar="USER:PASSWORD",
                             help="a second listener, SASL_PLAINTEXT with PLAIN")
    for name, words in (("kill", "SIGKILL"), ("pause", "SIGSTOP"), ("resume", "SIGCONT"),
                        ("restart", "start a node again that is down")):
        command = commands.add_parser(name, help=words)
        command.add_argument("directory", type=Path)
        command.add_argument("node", type=int, nargs="?", default=1)
    command = commands.add_parser("stop", help="stop every node")
    command.add_argument("directory", type=Path)
    given = parser.parse_args()
    if getattr(given, "port", None) and len(given.port) != given.nodes:
        parser.error("--port is needed once for each node, or not at all")
    if any(":" not in each for each in getattr(given, "sasl", [])):
        parser.error("--sasl takes USER:PASSWORD")
    return given


def say_where(cluster: Cluster) -> dict:
    where = {"brokers": cluster.brokers}
    if cluster.sasl:
        where["sasl_brokers"] = cluster.sasl_brokers
    print(json.dumps(where), flush=True)
    return where


class Stopped(Exception):
    pass


def stop_now(*_) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Stopped


def run(cluster: Cluster) -> None:
    signal.signal(signal.SIGTERM, stop_now)
    signal.signal(signal.SIGINT, stop_now)
    end_with_parent(signal.SIGTERM)
    note = cluster.directory / "running.json"
    try:
        cluster.start()
        note.write_text(json.dumps({**say_where(cluster), "pid": os.getpid()}))
        while True:
            signal.pause()
    except Stopped:
        pass
    finally:
        cluster.stop()
        note.unlink(missing_ok=True)


def main() -> int:
    given = arguments()
    try:
        if given.command == "fetch":
            java.java()
            java.class_path()
        elif given.command in ("run", "start"):
            cluster = Cluster(given.directory, given.nodes, sasl=dict(each.split(":", 1) for each in given.sasl),
                              ports=given.port, outlives=given.command == "start")
            if given.command == "run":
                run(cluster)
            else:
                cluster.start()
                say_where(cluster)
        elif given.command == "stop":
            Cluster.existing(given.directory).stop()
        else:
            getattr(Cluster.existing(given.directory), given.command)(given.node)
    except (java.Missing, RuntimeError, OSError) as problem:
        print(f"kafka: {problem}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
