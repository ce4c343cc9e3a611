"""Every acknowledged write survives a power cut, on a disk that keeps only what was synced; and the same checker finds
the two faults it is there for, in servers that are broken on purpose.

CRASH_CYCLES: power cuts of each kind, 5 without it. CRASH_SEED: repeats the choices of a run (not its interleaving).
"""

import contextlib
import dataclasses
import os
import random
import signal
import threading
import time

import pytest
from checker import Checker, of_kind, report
from push_support import until
from workload import SETTLED, CrashServer, Gone, Ledger, Member, Unanswered, found, write_until_gone

CYCLES = int(os.environ.get("CRASH_CYCLES", "5"))
SEED = int(os.environ.get("CRASH_SEED", random.randrange(1_000_000)))
POWER_CUT = 40  # the exit code of the test program


@pytest.fixture
def server(tmp_path):
    """Started by the test with `--power` options of its choice, as often as it wants."""
    print(f"CRASH_SEED={SEED} CRASH_CYCLES={CYCLES}")
    one = CrashServer(tmp_path / "data", name="tests/power_cut_server")
    options = list(one.options)

    def start(*power: str) -> CrashServer:
        one.options = [*options, *power]
        return one.start()

    one.start_with = start
    yield one
    one.end()


@pytest.mark.parametrize("mode", ["drop", "zero", "tear"])
def test_what_was_acknowledged_survives_a_power_cut(server, mode):
    choices = random.Random(f"{SEED} {mode}")
    ledger = Ledger()
    checker = Checker(server, ledger)

    def start(cycle: int) -> None:
        # Every other cut waits until something has been written that is not synced.
        when = ["--power.at-sync"] if cycle % 2 == 0 else []
        server.start_with(f"--power.mode={mode}", f"--power.seed={choices.randrange(1 << 32)}", *when)

    start(0)
    found(server.url, ledger)
    for cycle in range(1, CYCLES + 1):
        after = choices.randint(20, 100)
        status = write_until_gone(server, ledger, SEED + cycle, after=after, number=signal.SIGUSR1)
        assert status == POWER_CUT, server.log[-4000:]
        start(cycle)
        problems = checker.check(everything=cycle == CYCLES) + checker.check_devices(everything=cycle == CYCLES)
        assert not problems, f"power cut {cycle}: {report(problems)}"
    lost = checker.wait_for_comment_lines()
    assert not lost, report(lost)
    assert server.stop() == 0, server.log[-4000:]
    server.verify()
    print(f"{CYCLES} power cuts ({mode}), {ledger.acknowledged} acknowledged writes")


class InOrder:
    """One person who writes comments one after another on one post, until the server is gone. What is acknowledged is
    in the order of the log."""

    def __init__(self, server: CrashServer, ledger: Ledger, who, post):
        self.member, self.who, self.post = Member(server.url, ledger), who, post
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with contextlib.suppress(Gone):
            while True:
                with contextlib.suppress(Unanswered):
                    self.member.comment(self.who, self.post)


@pytest.mark.parametrize("mode", ["drop", "zero", "tear"])
def test_async_loses_a_tail_and_nothing_that_was_synced(server, mode):
    """What subscribers were told is synced, and so is all before it."""
    ledger = Ledger()
    start = ["--durability", "async", f"--power.mode={mode}", f"--power.seed={SEED}"]
    server.start_with(*start)
    found(server.url, ledger)
    checker = Checker(server, ledger)
    assert not checker.check(everything=True) + checker.check_devices(everything=True)
    for cycle in range(2):
        checker.member.comment(ledger.founders[0], ledger.posts[0])
        assert not checker.check_devices(everything=True)  # a line about a request that came after
        with ledger.lock:
            settled = dataclasses.replace(ledger, **{
                name: type(value)(value) for name, value in vars(ledger).items()
                if name in ("people", "posts", "comments", "likes", "asked", "granted", "devices")})
            before = len(ledger.comments)
        writers = [InOrder(server, ledger, who, post) for who, post in zip(ledger.founders, ledger.posts[::2])]
        until(lambda: len(ledger.comments) >= before + 40, message="the writers are not getting on")
        os.kill(server.process.pid, signal.SIGUSR1)
        assert server.reap() == POWER_CUT, server.log[-4000:]
        for writer in writers:
            writer.thread.join(30)
            assert not writer.thread.is_alive()
        server.start_with(*start)
        checker = Checker(server, settled)
        problems = checker.check(everything=True)
        assert not problems, f"power cut {cycle}: {report(problems)}"
        for writer in writers:
            there = {comment["seq"] for comment in checker.comments_seen[writer.post.id]}
            kept = [comment.id in there for comment in ledger.comments[before:] if comment.post is writer.post]
            assert kept == sorted(kept, reverse=True), f"a middle is lost: {kept}"
        settled.comments += [comment for comment in ledger.comments[before:] if any(
            comment.id == shown["seq"] for shown in checker.comments_seen[comment.post.id])]
        ledger = settled
    assert server.stop() == 0, server.log[-4000:]
    server.verify()


@pytest.mark.parametrize("mode", ["drop", "tear"])
def test_power_cuts_during_the_recovery_from_one(server, mode):
    ledger = Ledger()
    how = [f"--power.mode={mode}", f"--power.seed={SEED}"]
    server.start_with(*how)
    found(server.url, ledger)
    assert write_until_gone(server, ledger, SEED, after=60, number=signal.SIGUSR1) == POWER_CUT, server.log[-4000:]
    for at in (1, 3, 5):
        with pytest.raises(RuntimeError, match=f"ended with {POWER_CUT}"):
            server.start_with(*how, f"--power.at-start={at}")
    server.start_with()
    checker = Checker(server, ledger)
    problems = checker.check(everything=True) + checker.check_devices(everything=True)
    assert not problems, report(problems)
    assert server.stop() == 0, server.log[-4000:]
    server.verify()


def flip(path, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


@pytest.mark.parametrize("mode", ["zero", "tear"])
def test_damage_of_what_was_synced_is_no_torn_tail(server, mode):
    """Both are in one log: its end was torn by the cut, and then a byte that had been synced is damaged."""
    ledger = Ledger()
    server.start_with(f"--power.mode={mode}", f"--power.seed={SEED}", "--power.at-sync")
    found(server.url, ledger)
    member, mark = Member(server.url, ledger), server.data / "api" / "synced-mark"
    noted, deadline = mark.stat().st_mtime_ns, time.monotonic() + 30
    while mark.stat().st_mtime_ns == noted:
        assert time.monotonic() < deadline, "what was synced has not been noted"
        member.post(ledger.founders[0])
    assert write_until_gone(server, ledger, SEED, after=40, number=signal.SIGUSR1) == POWER_CUT, server.log[-4000:]
    log = max((server.data / "api").glob("*.log"))
    flip(log, 200)
    with pytest.raises(RuntimeError, match="ended with 3"):
        server.start_with()
    said = [line for line in server.log.splitlines() if " error " in line][-1]
    assert str(server.data / "api") in said and "damaged" in said, said
    flip(log, 200)
    server.start_with()  # refusing has changed nothing: with the byte as it was the torn end is all that is missing
    checker = Checker(server, ledger)
    problems = checker.check(everything=True) + checker.check_devices(everything=True)
    assert not problems, report(problems)
    assert server.stop() == 0, server.log[-4000:]
    server.verify()


# Not "tear": that may keep everything by chance.
@pytest.mark.parametrize("mode", ["drop", "zero"])
def test_without_the_sync_flag_acknowledged_writes_are_lost_and_found_missing(server, mode):
    ledger = Ledger()
    server.start_with(f"--power.mode={mode}", f"--power.seed={SEED}", "--power.no-sync")
    found(server.url, ledger)
    status = write_until_gone(server, ledger, SEED, after=100, number=signal.SIGUSR1, weights=SETTLED)
    assert status == POWER_CUT, server.log[-4000:]
    server.start_with()
    problems = Checker(server, ledger).check(everything=True)
    print(report(problems))
    assert of_kind(problems, "lost")


@pytest.mark.parametrize(("end", "expected"), [("cut", POWER_CUT), ("kill", -signal.SIGKILL)])
def test_counts_in_a_batch_of_their_own_are_found_to_differ(server, end, expected):
    ledger = Ledger()
    at = random.Random(SEED).randint(5, 40)
    server.start_with(f"--power.split-counts={at}", f"--power.end={end}")
    found(server.url, ledger)
    assert write_until_gone(server, ledger, SEED) == expected, server.log[-4000:]
    server.start_with()
    problems = Checker(server, ledger).check(everything=True)
    print(report(problems))
    assert of_kind(problems, "count")
    assert not of_kind(problems, "lost"), report(problems)
