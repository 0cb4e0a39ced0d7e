"""Once for a local date, whoever dies."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from careapp.jobs import claims

PROGRAM = Path(__file__).with_name("holders.py")
DAY = date(2026, 3, 2)
LEASE = timedelta(seconds=60)

Process = subprocess.Popen[str]


@pytest.fixture
def start(engine) -> Iterator[Callable[..., Process]]:
    """Start processes of `holders.py` on the database; what is left of them is killed."""
    address = engine.url.render_as_string(hide_password=False)
    started: list[Process] = []

    def start_one(kind: str, *arguments: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), kind, address, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def hear(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def nudge(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


class TestTake:
    def test_gives_the_work_to_the_first_only(self, session, now):
        tokens = [
            claims.take(session, work="plan-evening", local_date=DAY, now=now, lease=LEASE) for _ in range(2)
        ]

        assert tokens == [1, None]

    def test_keeps_works_and_days_apart(self, session, now):
        tokens = [
            claims.take(session, work=work, local_date=day, now=now, lease=LEASE)
            for work, day in (("a", DAY), ("b", DAY), ("a", DAY + timedelta(days=1)))
        ]

        assert tokens == [1, 1, 1]

    def test_takes_over_once_the_lease_has_run_out(self, session, now):
        for moment, token in ((now, 1), (now + LEASE - timedelta(seconds=1), None), (now + LEASE, 2)):
            assert claims.take(session, work="a", local_date=DAY, now=moment, lease=LEASE) == token

    def test_never_gives_out_work_that_is_done(self, session, now):
        token = claims.take(session, work="a", local_date=DAY, now=now, lease=LEASE)
        assert token is not None
        claims.finish(session, work="a", local_date=DAY, token=token, now=now)

        later = now + timedelta(days=1)
        assert claims.take(session, work="a", local_date=DAY, now=later, lease=LEASE) is None


class TestFinish:
    def test_is_refused_twice(self, session, now):
        claims.take(session, work="a", local_date=DAY, now=now, lease=LEASE)
        claims.finish(session, work="a", local_date=DAY, token=1, now=now)

        with pytest.raises(claims.ClaimLost):
            claims.finish(session, work="a", local_date=DAY, token=1, now=now)


class TestProcesses:
    def test_take_over_from_a_killed_holder(self, start):
        killed = start("holds", "a", "2026-03-02")
        assert hear(killed) == "1"
        killed.kill()
        time.sleep(1.1)  # the lease is 1 s

        heir = start("holds", "a", "2026-03-02")

        assert hear(heir) == "2"
        nudge(heir)
        assert hear(heir) == "finished"

    def test_refuse_the_finish_of_a_frozen_holder(self, start):
        zombie = start("holds", "a", "2026-03-02")
        assert hear(zombie) == "1"
        zombie.send_signal(signal.SIGSTOP)
        time.sleep(1.1)
        heir = start("holds", "a", "2026-03-02")
        assert hear(heir) == "2"
        nudge(heir)
        assert hear(heir) == "finished"

        zombie.send_signal(signal.SIGCONT)
        nudge(zombie)

        assert hear(zombie) == "lost"
