"""What a job's child process does, and what it writes about its end."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from api import worker
from api.database import open_sessions
from api.worker_command import command_for
from careapp import clock
from careapp.config import Settings
from careapp.jobs import queue
from careapp.jobs.models import Job, JobState
from careapp.records.models import Document
from careapp.tours.models import Tour, TourStatus
from tests.careapp.worlds import EVERYONE, a_world

ARGUMENTS = {"date": "2026-03-03", "seed": 1, "limit_s": 0.5}


def nothing(_lifeline: worker.Lifeline) -> None:
    """Do nothing before the work begins."""


@pytest.fixture
def sessions(engine) -> sessionmaker[Session]:
    """As the worker opens them, on a small care service."""
    sessions = open_sessions(engine)
    with sessions.begin() as session:
        a_world(session)
    return sessions


class Desk:
    """Claims a job as the supervisor would, and lets the worker do it in this process."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings) -> None:
        self.sessions = sessions
        self.settings = settings

    def claim(self, kind: str, arguments: Mapping[str, Any]) -> tuple[UUID, int]:
        with self.sessions.begin() as session:
            queue.submit(session, kind=kind, arguments=dict(arguments), viewer=EVERYONE, now=clock.now())
        with self.sessions.begin() as session:
            job = queue.claim_next(session, now=clock.now(), lease=timedelta(minutes=1))
            assert job is not None
            return job.id, job.token

    def run(
        self, job_id: UUID, token: int, on_start: Callable[[worker.Lifeline], None] = nothing
    ) -> tuple[int, Job]:
        code = worker.run(
            self.sessions, job_id=job_id, token=token, settings=self.settings, on_start=on_start
        )
        with self.sessions.begin() as session:
            return code, queue.get_job(session, job_id=job_id, viewer=EVERYONE)


@pytest.fixture
def desk(sessions, settings) -> Desk:
    return Desk(sessions, settings)


class TestRun:
    def test_plans_a_day_and_keeps_its_documents(self, desk, sessions):
        code, job = desk.run(*desk.claim("plan-day", ARGUMENTS))

        assert (code, job.state, job.error) == (0, JobState.DONE, None)
        assert job.result["violations"] == []
        assert job.result["assigned"] == 6  # three visits that stood there, three that the orders make
        with sessions.begin() as session:
            tours = session.scalars(select(Tour)).all()
            lists = session.scalar(select(func.count()).where(Document.kind == "List"))
        assert {tour.status for tour in tours} == {TourStatus.PROPOSED}
        assert lists == len(tours)

    def test_tells_what_a_person_can_mend(self, desk):
        code, job = desk.run(*desk.claim("plan-day", ARGUMENTS | {"date": "1999-03-03"}))

        assert (code, job.state) == (1, JobState.FAILED)
        assert job.error == "1999-03-03 has no open visit: add care orders or choose another day"

    def test_tells_that_it_does_not_know_a_kind(self, desk):
        code, job = desk.run(*desk.claim("dance", {}))

        assert (code, job.state) == (1, JobState.FAILED)
        assert "does not know jobs of the kind dance" in job.error

    def test_tells_where_it_broke_and_no_values(self, desk):
        code, job = desk.run(*desk.claim("plan-day", {"date": "Erika Mustermann"}))

        assert (code, job.state) == (1, JobState.FAILED)
        assert "ValueError at" in job.error
        assert "worker.py" in job.error
        assert "Mustermann" not in job.error

    def test_writes_nothing_once_another_worker_has_the_job(self, desk, sessions):
        job_id, token = desk.claim("plan-day", ARGUMENTS)
        with sessions.begin() as session:
            queue.requeue(session, job_id=job_id, token=token, now=clock.now())
        with sessions.begin() as session:
            queue.claim_next(session, now=clock.now(), lease=timedelta(minutes=1))

        code, job = desk.run(job_id, token)

        assert (code, job.state, job.result) == (1, JobState.RUNNING, None)
        with sessions.begin() as session:
            assert session.scalars(select(Tour)).all() == []

    def test_stops_when_somebody_cancels(self, desk, sessions):
        job_id, token = desk.claim("plan-day", ARGUMENTS | {"limit_s": 60})
        with sessions.begin() as session:
            queue.ask_to_cancel(session, job_id=job_id, viewer=EVERYONE, now=clock.now())

        code, job = desk.run(job_id, token)

        assert (code, job.state) == (0, JobState.CANCELLED)
        with sessions.begin() as session:
            assert session.scalars(select(Tour)).all() == []

    def test_leaves_the_row_to_whoever_stopped_it(self, desk):
        def terminate(lifeline: worker.Lifeline) -> None:
            lifeline.is_terminated.set()

        code, job = desk.run(*desk.claim("plan-day", ARGUMENTS | {"limit_s": 60}), on_start=terminate)

        assert (code, job.state) == (143, JobState.RUNNING)


class TestCommand:
    def test_holds_no_password(self, tmp_path):
        settings = Settings.read(
            data_dir=tmp_path, database_url="postgresql+psycopg://care:secret@localhost/care"
        )

        assert "secret" not in " ".join(command_for(settings)(UUID(int=1), 1))

    def test_starts_a_worker_that_says_what_it_lacks(self, tmp_path):
        (*program, _job, _token, option, folder) = command_for(Settings.read(data_dir=tmp_path))(
            UUID(int=1), 1
        )

        ended = subprocess.run([*program, option, folder], capture_output=True, text=True, check=False)

        assert program[0] == sys.executable
        assert ended.returncode == 2
        assert "job_id" in ended.stderr
