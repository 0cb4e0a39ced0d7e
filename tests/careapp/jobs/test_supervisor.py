"""Children that do their work, die, hang, are cancelled; real processes on both databases."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from careapp import clock
from careapp.config import Settings
from careapp.jobs import child, queue, supervisor
from careapp.jobs.models import Job, JobState
from careapp.jobs.supervisor import Supervisor

PROGRAM = Path(__file__).with_name("children.py")


@pytest.fixture
def supervise(engine, sessions) -> Callable[..., Supervisor]:
    """Make a supervisor whose children are of one kind of `children.py`."""
    address = engine.url.render_as_string(hide_password=False)

    def make(kind: str, now: Callable[[], datetime] = clock.now) -> Supervisor:
        def command(job_id, token):
            return [sys.executable, str(PROGRAM), address, kind, str(job_id), str(token)]

        return Supervisor(sessions, command, Settings.read(), now)

    return make


@pytest.fixture
def job(sessions, viewer):
    with sessions.begin() as session:
        return queue.submit(session, kind="plan-day", arguments={}, viewer=viewer, now=clock.now())


@pytest.fixture
def read(sessions, job) -> Callable[[], Job]:
    def read_it() -> Job:
        with sessions() as session:
            found: Job = session.scalars(select(Job).where(Job.id == job.id)).one()
            return found

    return read_it


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch) -> None:
    monkeypatch.setattr(supervisor, "LOOK_S", 0.05)


@pytest.fixture
def quick_to_kill(monkeypatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.3)
    monkeypatch.setattr(child, "TERM_GRACE_S", 0.3)


@contextmanager
def running(made: Supervisor) -> Iterator[Supervisor]:
    made.start()
    try:
        yield made
    finally:
        made.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestRunUntilEnded:
    def test_returns_the_result_and_tells_the_progress(self, supervise, job):
        told: list[dict[str, Any]] = []

        ended = supervise("works").run_until_ended(job.id, told.append)

        assert (ended.state, ended.result, ended.attempts) == (JobState.DONE, {"attempt": 1}, 1)
        assert [progress["fraction"] for progress in told] == [0.5]

    def test_tries_again_after_a_death(self, supervise, job):
        ended = supervise("dies_once").run_until_ended(job.id)

        assert (ended.state, ended.result, ended.attempts, ended.error) == (
            JobState.DONE,
            {"attempt": 2},
            2,
            None,
        )

    def test_fails_after_three_deaths_and_says_where_without_quoting(self, supervise, job):
        ended = supervise("raises").run_until_ended(job.id)

        assert (ended.state, ended.attempts) == (JobState.FAILED, 3)
        assert ended.error is not None
        assert ended.error.startswith("its worker ended with exit code 1: KeyError at children.py:")
        assert "Mustermann" not in ended.error

    def test_takes_an_end_without_a_result_for_a_death(self, supervise, job):
        ended = supervise("says_nothing").run_until_ended(job.id)

        assert (ended.state, ended.error) == (JobState.FAILED, "its worker ended without a result")

    def test_takes_silence_beyond_the_lease_for_a_death(self, supervise, job, quick_to_kill):
        # The stand-in renews for 60 s, so the clock of the supervisor is an hour ahead.
        made = supervise("hangs", now=lambda: clock.now() + timedelta(hours=1))
        pids = set()

        ended = made.run_until_ended(job.id, lambda progress: pids.add(progress["pid"]))

        assert (ended.state, ended.error) == (JobState.FAILED, "its worker was ended by SIGKILL")
        assert not any(is_alive(pid) for pid in pids)

    def test_watches_a_job_that_another_process_does(self, supervise, job, read):
        with running(supervise("works")):
            wait_for(lambda: read().state is JobState.RUNNING)

            ended = supervise("raises").run_until_ended(job.id)

        assert (ended.state, ended.result) == (JobState.DONE, {"attempt": 1})

    def test_cancels_the_job_when_it_is_interrupted(self, supervise, job, read, quick_to_kill):
        def interrupt(progress):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            supervise("hangs").run_until_ended(job.id, interrupt)

        assert read().state is JobState.CANCELLED
        assert not is_alive(read().progress["pid"])

    def test_refuses_an_unknown_job(self, supervise):
        with pytest.raises(queue.JobNotFound):
            supervise("works").run_until_ended(UUID(int=1))


class TestThread:
    def test_does_one_job_after_another(self, supervise, sessions, viewer):
        with sessions.begin() as session:
            for n in range(2):
                queue.submit(session, kind="plan-day", arguments={"n": n}, viewer=viewer, now=clock.now())

        def states() -> list[JobState]:
            with sessions() as session:
                return list(session.scalars(select(Job.state)))

        with running(supervise("works")) as made:
            assert made.is_alive
            wait_for(lambda: states() == [JobState.DONE] * 2)

    def test_leaves_time_to_a_child_that_heeds_the_question(self, supervise, sessions, job, read, viewer):
        with running(supervise("heeds")):
            wait_for(lambda: read().progress != {})
            with sessions.begin() as session:
                queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=clock.now())
            wait_for(lambda: read().state is JobState.CANCELLED)

        assert read().error is None

    def test_kills_a_child_that_does_not_stop(self, supervise, sessions, job, read, viewer, quick_to_kill):
        with running(supervise("hangs")):
            wait_for(lambda: read().progress != {})
            with sessions.begin() as session:
                queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=clock.now())
            wait_for(lambda: read().state is JobState.CANCELLED)

        assert not is_alive(read().progress["pid"])

    def test_gives_the_job_back_when_it_stops(self, supervise, job, read, quick_to_kill):
        with running(supervise("hangs")):
            wait_for(lambda: read().progress != {})

        row = read()
        assert (row.state, row.attempts, row.lease_until) == (JobState.QUEUED, 0, None)
        assert not is_alive(row.progress["pid"])

    def test_kills_its_child_when_another_took_over(self, supervise, sessions, job, read, quick_to_kill):
        with running(supervise("hangs")):
            wait_for(lambda: read().progress != {})
            pid = read().progress["pid"]
            later = clock.now() + timedelta(hours=1)
            with sessions.begin() as session:
                queue.claim_next(session, now=later, lease=timedelta(hours=2))
            wait_for(lambda: not is_alive(pid))

        assert (read().token, read().state) == (2, JobState.RUNNING)

    def test_survives_the_death_of_a_child(self, supervise, job, read):
        with running(supervise("heeds")) as made:
            wait_for(lambda: read().progress != {})
            os.kill(read().progress["pid"], signal.SIGKILL)
            wait_for(lambda: read().token == 2)

            assert made.is_alive
            assert read().error == "its worker was ended by SIGKILL"

    def test_goes_on_when_the_database_is_back(self, supervise, owner_engine, job, read, caplog):
        with owner_engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE job RENAME TO job_that_is_away")
        with running(supervise("works")):
            wait_for(lambda: "jobs wait" in caplog.text)
            with owner_engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE job_that_is_away RENAME TO job")

            wait_for(lambda: read().state is JobState.DONE)
