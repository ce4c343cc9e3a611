"""One node or three of Apache Kafka (KRaft, no container) on loopback ports, as processes of this machine.

What a cluster consists of stands in its directory, so that another process can kill, restart and stop it.
"""

import base64
import ctypes
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import java, wire

HOST = "127.0.0.1"
LIBC = ctypes.CDLL(None)
HELD: list[socket.socket] = []  # bound, not listening: see free_ports
START_TIMEOUT_S = 120  # a busy machine; a quiet one takes five seconds
STOP_TIMEOUT_S = 20
PR_SET_PDEATHSIG = 1
# Time-outs are short, so that a dead node is noticed within seconds; buffers are small, so that three fit beside a
# sanitizer build.
COMMON = """\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT
unclean.leader.election.enable=false
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=2097152
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=2
auto.create.topics.enable=false
"""


class Cluster:
    """`with Cluster(directory) as cluster:` or start() and stop().

    `sasl`: user names and passwords; then `sasl_brokers` is a second listener that wants them. `guarded`: these users may
    do nothing until somebody at the plain listener, where everything is allowed, grants it. `ports`: of the plain
    listeners, free ones by default. Nodes end with the process that started them, unless `outlives`."""

    def __init__(self, directory: Path | str, nodes: int = 1, *, sasl: dict[str, str] | None = None,
                 guarded: bool = False, ports: list[int] | None = None, outlives: bool = False):
        if nodes not in (1, 3):
            raise ValueError("one node or three")
        self.directory = Path(directory).resolve()
        self.nodes = list(range(1, nodes + 1))
        self.sasl = dict(sasl or {})
        self.guarded = guarded
        self.outlives = outlives
        self.ports = {}
        self._wanted_ports = ports
        self._processes: dict[int, subprocess.Popen] = {}

    @classmethod
    def existing(cls, directory: Path | str) -> "Cluster":
        """One that another process has started with `outlives`."""
        directory = Path(directory).resolve()
        written = json.loads((directory / "cluster.json").read_text())
        found = cls(directory, len(written["ports"]), outlives=True)
        found.ports = {int(node): ports for node, ports in written["ports"].items()}
        return found

    # --- Where it is --------------------------------------------------------------------------------------------------

    @property
    def brokers(self) -> str:
        return self._addresses("plain")

    @property
    def sasl_brokers(self) -> str:
        return self._addresses("sasl")

    def _addresses(self, listener: str) -> str:
        return ",".join(f"{HOST}:{self.ports[node][listener]}" for node in self.nodes)

    def log(self, node: int = 1) -> str:
        return self._file(node, "log").read_text(errors="replace")

    def _file(self, node: int, kind: str) -> Path:
        return self.directory / f"node-{node}.{kind}"

    # --- Life ---------------------------------------------------------------------------------------------------------

    def start(self) -> "Cluster":
        """Returns when every node sees all. Data of an earlier cluster in the directory is served again."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            if self._pid(node):
                raise RuntimeError(f"node {node} of {self.directory} is running: stop it first")
        try:
            if (self.directory / "cluster.json").exists():
                self.ports = self.existing(self.directory).ports
            else:
                self._make()
            for node in self.nodes:
                self._launch(node)
            for node in self.nodes:
                self._wait_ready(node, set(self.nodes))
        except BaseException:
            self.stop(at_once=True)
            raise
        return self

    def _make(self) -> None:
        free = free_ports(3 * len(self.nodes))
        for index, node in enumerate(self.nodes):
            plain, sasl, controller = free[3 * index:3 * index + 3]
            if self._wanted_ports:
                plain = self._wanted_ports[index]
            self.ports[node] = {"plain": plain, "sasl": sasl, "controller": controller}
        for node in self.nodes:
            self._file(node, "properties").write_text(self._properties(node))
        self._format()
        # Last: a directory that was made by half is made again.
        (self.directory / "cluster.json").write_text(json.dumps({"ports": self.ports, "brokers": self.brokers}))

    def _format(self) -> None:
        """The first node by Kafka's tool; the others get the same files with numbers of their own: a JVM less for each."""
        first, *others = self.nodes
        with open(self._file(first, "log"), "ab") as log:
            done = subprocess.run(
                java.command("kafka.tools.StorageTool", "format", "--cluster-id", _random_id(), "--ignore-formatted",
                             "--config", str(self._file(first, "properties"))),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=START_TIMEOUT_S)
        if done.returncode != 0:
            raise RuntimeError(f"node {first} cannot be formatted:\n{self.log(first)[-2000:]}")
        source = self.directory / f"node-{first}"
        for node in others:
            made = self.directory / f"node-{node}"
            shutil.copytree(source, made, dirs_exist_ok=True)
            known = dict(line.split("=", 1) for line in (source / "meta.properties").read_text().splitlines() if "=" in line)
            known.update({"node.id": str(node), "directory.id": _random_id()})
            (made / "meta.properties").write_text("".join(f"{key}={value}\n" for key, value in known.items()))

    def _properties(self, node: int) -> str:
        ports = self.ports[node]
        voters = ",".join(f"{each}@{HOST}:{self.ports[each]['controller']}" for each in self.nodes)
        public = f"PLAINTEXT://{HOST}:{ports['plain']}"
        if self.sasl:
            public += f",SASL://{HOST}:{ports['sasl']}"
        replicas = len(self.nodes)
        lines = [
            f"node.id={node}", f"controller.quorum.voters={voters}", f"log.dirs={self.directory}/node-{node}",
            f"listeners={public},CONTROLLER://{HOST}:{ports['controller']}", f"advertised.listeners={public}",
            f"default.replication.factor={replicas}", f"offsets.topic.replication.factor={replicas}",
            f"transaction.state.log.replication.factor={replicas}",
            f"min.insync.replicas={1 if replicas == 1 else 2}",
            f"transaction.state.log.min.isr={1 if replicas == 1 else 2}"]
        if self.sasl:
            users = " ".join(f'user_{name}="{password}"' for name, password in self.sasl.items())
            lines += ["sasl.enabled.mechanisms=PLAIN", "listener.name.sasl.plain.sasl.jaas.config="
                      f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"]
        if self.guarded:
            lines += ["authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                      "super.users=User:ANONYMOUS"]
        return COMMON + "\n".join(lines) + "\n"

    def _launch(self, node: int) -> None:
        with open(self._file(node, "log"), "ab") as log:
            process = subprocess.Popen(
                java.command("kafka.Kafka", str(self._file(node, "properties"))), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,  # Ctrl-C is for whoever started it
                preexec_fn=None if self.outlives else lambda: end_with_parent(signal.SIGKILL))
        self._processes[node] = process
        self._file(node, "pid").write_text(str(process.pid))

    def _wait_ready(self, node: int, wanted: set[int]) -> None:
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if wanted <= wire.brokers_seen_by(HOST, self.ports[node]["plain"]):
                    return
            except OSError:
                pass
            if not self._pid(node):
                taken = "\n".join(users_of(port) for port in self.ports[node].values())
                raise RuntimeError(f"node {node} ended while it started:\n{self.log(node)[-2000:]}\n"
                                   f"sockets at its ports:\n{taken}")
            if time.monotonic() > end:
                raise RuntimeError(f"node {node} is not ready after {START_TIMEOUT_S} s:\n{self.log(node)[-2000:]}")
            time.sleep(0.05)

    def stop(self, at_once: bool = False) -> None:
        """In order, which takes some seconds, or by SIGKILL. Does nothing for nodes that are not running."""
        for node in self.nodes:
            if pid := self._pid(node):
                os.kill(pid, signal.SIGKILL if at_once else signal.SIGTERM)
                os.kill(pid, signal.SIGCONT)
        for node in self.nodes:
            if not self._gone(node, STOP_TIMEOUT_S):
                os.kill(self._pid(node), signal.SIGKILL)
                if not self._gone(node, STOP_TIMEOUT_S):
                    raise RuntimeError(f"node {node} of {self.directory} does not end")

    def discard(self) -> None:
        """At once, and its data with it."""
        self.stop(at_once=True)
        shutil.rmtree(self.directory)

    def __enter__(self) -> "Cluster":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop(at_once=True)

    # --- Faults -------------------------------------------------------------------------------------------------------

    def kill(self, node: int = 1) -> None:
        os.kill(self._running(node), signal.SIGKILL)
        if not self._gone(node, STOP_TIMEOUT_S):
            raise RuntimeError(f"node {node} survived SIGKILL")

    def pause(self, node: int = 1) -> None:
        os.kill(self._running(node), signal.SIGSTOP)

    def resume(self, node: int = 1) -> None:
        os.kill(self._running(node), signal.SIGCONT)

    def restart(self, node: int = 1, wait: bool = True) -> None:
        """On its ports and its data. Without `wait`: where too few nodes run for one to become ready."""
        if self._pid(node):
            raise RuntimeError(f"node {node} of {self.directory} is running")
        self._launch(node)
        if wait:
            self._wait_ready(node, {node})

    def revive(self) -> None:
        """Starts what is down and resumes what is paused, all together: after a test that left it so."""
        down = [node for node in self.nodes if not self._pid(node)]
        for node in self.nodes:
            if node not in down:
                self.resume(node)
        for node in down:
            self._launch(node)
        for node in self.nodes:
            self._wait_ready(node, set(self.nodes))

    # --- Processes ----------------------------------------------------------------------------------------------------

    def _running(self, node: int) -> int:
        pid = self._pid(node)
        if not pid:
            raise RuntimeError(f"node {node} of {self.directory} is not running")
        return pid

    def _pid(self, node: int) -> int | None:
        """None when it is not running; a process of somebody else that has its number now is not it."""
        if own := self._processes.get(node):
            # The number of a child stays taken until it is waited for. (Just after exec its command line is empty.)
            return own.pid if own.poll() is None else None
        try:
            pid = int(self._file(node, "pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (OSError, ValueError):
            return None
        return pid if str(self._file(node, "properties")) in words else None

    def _gone(self, node: int, timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while self._pid(node):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        self._file(node, "pid").unlink(missing_ok=True)
        return True


def _random_id() -> str:
    """As org.apache.kafka.common.Uuid writes them; those that begin with a dash look like options."""
    return base64.urlsafe_b64encode(bytes([secrets.randbelow(128)]) + secrets.token_bytes(15)).decode().rstrip("=")


def end_with_parent(number: int) -> None:
    """From now on this process gets that signal when the thread that started it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, int(number))


def free_ports(count: int) -> list[int]:
    """Ports that stay this process's until it ends: a broker or a service that is started a while later, or again, finds
    them free. They are below the range from which the system takes ports for outgoing connections: a client that tries to
    reach a broker that is down could otherwise be given the broker's own port, and keep it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found: list[int] = []
    while len(found) < count:
        candidate = random.randrange(max(1024, first - 12_000), first)
        held = socket.socket()
        try:
            held.bind((HOST, candidate))
        except OSError:
            held.close()
            continue
        # From here on a listener may share it, which all of ours ask for; another process's attempt above still fails.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        HELD.append(held)
        found.append(candidate)
    return found


def users_of(port: int) -> str:
    """The sockets at that local port, as the kernel lists them (proc(5), /proc/net/tcp)."""
    rows = [row for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return "\n".join(row for row in rows if row.split()[1].endswith(f":{port:04X}"))
