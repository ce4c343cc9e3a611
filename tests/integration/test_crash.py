"""Every acknowledged write survives `kill -9`; nothing is there by half; ids are never used twice; devices are told,
and one that goes from one person to another is always exactly one's.

CRASH_CYCLES: kills, 20 without it. CRASH_SEED: repeats the choices of a run (not its interleaving).
"""

import os
import random
import signal

import pytest
from checker import Checker, report
from workload import PUSH_IN_FLIGHT, CrashServer, Ledger, found, write_until_gone

CYCLES = int(os.environ.get("CRASH_CYCLES", "20"))
SEED = int(os.environ.get("CRASH_SEED", random.randrange(1_000_000)))


@pytest.mark.parametrize("durability, cycles", [("sync", CYCLES), ("async", max(1, CYCLES // 5))])
def test_what_was_acknowledged_survives_kill_9(durability, cycles, tmp_path):
    """Also without fsync: what is acknowledged is in the log file, and the page cache outlives a process."""
    print(f"CRASH_SEED={SEED} CRASH_CYCLES={CYCLES}")
    choices = random.Random(SEED)
    ledger = Ledger()
    server = CrashServer(tmp_path / "data", "--durability", durability)
    checker = Checker(server, ledger)
    try:
        server.start()
        found(server.url, ledger)
        for cycle in range(1, cycles + 1):
            status = write_until_gone(server, ledger, SEED + cycle, after=choices.randint(20, 120))
            assert status == -signal.SIGKILL, server.log[-4000:]
            server.start()
            problems = (checker.check(everything=cycle == cycles) + checker.check_devices(everything=cycle == cycles)
                        + checker.check_moves())
            assert not problems, f"kill {cycle}: {report(problems)}"
        lost = checker.wait_for_comment_lines()
        assert not lost, report(lost)
        assert server.stop() == 0, server.log[-4000:]
    finally:
        server.end()
    # A kill between a line and the row that says so makes the next life print it again; no more were under way.
    repeated = checker.repeated_comment_lines()
    print(f"{cycles} kills ({durability}), {ledger.acknowledged} acknowledged writes, "
          f"{checker.expected_comment_lines().total()} comments told, {repeated} of them again")
    assert repeated <= cycles * PUSH_IN_FLIGHT
    server.verify()
