"""The job row: submit, claim, renew, end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, ViewerRole
from careapp.db import make_sessions
from careapp.jobs import queue
from careapp.jobs.models import Job, JobState
from careapp.records import outbox
from careapp.records.models import AuditEvent, OutboxMessage
from tests.careapp.worlds import an_organisation, coordinator_of

LEASE = timedelta(seconds=60)
ARGUMENTS = {"date": "2026-03-03", "seed": 0, "limit_s": 20.0}


@pytest.fixture
def job(sessions, viewer, now) -> Job:
    with sessions.begin() as session:
        return queue.submit(session, kind="plan-day", arguments=ARGUMENTS, viewer=viewer, now=now)


def claim(sessions: sessionmaker[Session], now) -> Job:
    with sessions.begin() as session:
        claimed = queue.claim_next(session, now=now, lease=LEASE)
        assert claimed is not None
        return claimed


def read(sessions: sessionmaker[Session], job: Job) -> Job:
    with sessions() as session:
        return session.scalars(select(Job).where(Job.id == job.id)).one()


class TestSubmit:
    def test_returns_the_equal_job_that_waits(self, session, job, viewer, now):
        again = queue.submit(session, kind="plan-day", arguments=dict(ARGUMENTS), viewer=viewer, now=now)

        assert again.id == job.id

    def test_returns_the_equal_job_that_runs(self, sessions, job, viewer, now):
        claim(sessions, now)

        with sessions() as session:
            again = queue.submit(session, kind="plan-day", arguments=dict(ARGUMENTS), viewer=viewer, now=now)

        assert (again.id, again.state) == (job.id, JobState.RUNNING)

    def test_makes_a_second_one_if_asked_to(self, session, job, viewer, now):
        second = queue.submit(
            session, kind="plan-day", arguments=dict(ARGUMENTS), viewer=viewer, now=now, dedup=False
        )

        assert second.id != job.id

    def test_makes_another_for_another_day(self, session, job, viewer, now):
        other = queue.submit(
            session, kind="plan-day", arguments=ARGUMENTS | {"date": "2026-03-04"}, viewer=viewer, now=now
        )

        assert other.id != job.id

    def test_makes_another_for_another_organisation(self, session, job, now):
        own = coordinator_of(an_organisation(session))

        other = queue.submit(session, kind="plan-day", arguments=ARGUMENTS, viewer=own, now=now)

        assert (other.id != job.id, other.organisation_id) == (True, own.organisation_id)

    def test_makes_another_while_the_first_is_being_cancelled(self, sessions, job, viewer, now):
        claim(sessions, now)

        with sessions() as session:
            queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=now)
            again = queue.submit(session, kind="plan-day", arguments=ARGUMENTS, viewer=viewer, now=now)

            assert again.id != job.id

    def test_makes_one_for_many_who_ask_at_once(self, sessions, viewer, now):
        barrier = Barrier(4)

        def ask(_: int) -> Job:
            barrier.wait()
            with sessions.begin() as session:
                return queue.submit(session, kind="plan-day", arguments=ARGUMENTS, viewer=viewer, now=now)

        with ThreadPoolExecutor(4) as threads:
            asked = list(threads.map(ask, range(4)))

        assert len({job.id for job in asked}) == 1

    def test_writes_who_asked(self, session, job):
        row = session.scalars(select(AuditEvent)).one()

        assert (row.action, row.subject_id, row.viewer) == ("submit_job", job.id, "coordinator")


class TestGetJob:
    def test_hides_the_whole_regions_job_from_one_organisation(self, session, job):
        own = coordinator_of(an_organisation(session))

        with pytest.raises(queue.JobNotFound):
            queue.get_job(session, job_id=job.id, viewer=own)

    def test_refuses_an_unknown_id(self, session, viewer):
        with pytest.raises(queue.JobNotFound):
            queue.get_job(session, job_id=uuid4(), viewer=viewer)

    def test_shows_what_was_committed_since(self, sessions, job, viewer, now):
        with sessions() as session:
            before = queue.get_job(session, job_id=job.id, viewer=viewer)
            session.rollback()
            claim(sessions, now)

            after = queue.get_job(session, job_id=job.id, viewer=viewer)

            assert (before is after, after.state) == (True, JobState.RUNNING)


class TestClaimNext:
    def test_takes_the_oldest(self, sessions, viewer, now):
        with sessions.begin() as session:
            for age_s in (1, 3, 2):
                asked = now - timedelta(seconds=age_s)
                queue.submit(session, kind="plan-day", arguments={"n": age_s}, viewer=viewer, now=asked)

        order = [claim(sessions, now).arguments["n"] for _ in range(3)]

        assert order == [3, 2, 1]

    def test_gives_a_token_an_attempt_and_a_lease(self, sessions, job, now):
        claimed = claim(sessions, now)

        assert (claimed.state, claimed.token, claimed.attempts, claimed.lease_until) == (
            JobState.RUNNING,
            1,
            1,
            now + LEASE,
        )

    def test_finds_nothing_while_the_worker_lives(self, sessions, job, now):
        claim(sessions, now)

        with sessions() as session:
            later = now + LEASE - timedelta(seconds=1)
            assert not queue.is_due(session, now=later)
            assert queue.claim_next(session, now=later, lease=LEASE) is None

    def test_takes_over_from_a_silent_worker_with_a_new_token(self, sessions, job, now):
        claim(sessions, now)

        taken_over = claim(sessions, now + LEASE)

        assert (taken_over.id, taken_over.token, taken_over.attempts) == (job.id, 2, 2)

    def test_gives_up_after_three_silent_workers(self, sessions, job, now):
        for attempt in range(3):
            claim(sessions, now + attempt * LEASE)

        with sessions.begin() as session:
            assert queue.claim_next(session, now=now + 3 * LEASE, lease=LEASE) is None

        ended = read(sessions, job)
        assert (ended.state, ended.error) == (JobState.FAILED, "its worker fell silent 3 times")

    def test_cancels_the_job_of_a_silent_worker_that_was_asked_to_stop(self, sessions, job, viewer, now):
        claim(sessions, now)
        with sessions.begin() as session:
            queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=now)

        with sessions.begin() as session:
            assert queue.claim_next(session, now=now + LEASE, lease=LEASE) is None

        assert read(sessions, job).state is JobState.CANCELLED

    def test_takes_the_named_job_or_none(self, session, job, now):
        assert queue.claim_next(session, now=now, lease=LEASE, only=uuid4()) is None
        assert queue.claim_next(session, now=now, lease=LEASE, only=job.id) is not None

    def test_passes_over_a_job_that_another_is_taking(self, postgresql_engine, viewer, now):
        sessions = make_sessions(postgresql_engine)
        with sessions.begin() as session:
            for n in (1, 2):
                queue.submit(session, kind="plan-day", arguments={"n": n}, viewer=viewer, now=now)

        with sessions() as one, sessions() as other:
            first = queue.claim_next(one, now=now, lease=LEASE)
            second = queue.claim_next(other, now=now, lease=LEASE)

            assert first is not None
            assert second is not None
            assert first.id != second.id


class TestRenew:
    def test_prolongs_the_lease_and_tells_the_progress(self, sessions, job, now):
        claim(sessions, now)
        later = now + timedelta(seconds=50)

        goes_on = queue.renew(
            sessions, job_id=job.id, token=1, progress={"fraction": 0.5}, now=later, lease=LEASE
        )

        row = read(sessions, job)
        assert (goes_on, row.lease_until, row.progress) == (True, later + LEASE, {"fraction": 0.5})

    def test_leaves_the_progress_without_a_new_one(self, sessions, job, now):
        claim(sessions, now)
        for progress in ({"fraction": 0.5}, None):
            queue.renew(sessions, job_id=job.id, token=1, progress=progress, now=now, lease=LEASE)

        assert read(sessions, job).progress == {"fraction": 0.5}

    def test_says_stop_once_somebody_asked_to_cancel(self, sessions, job, viewer, now):
        claim(sessions, now)
        with sessions.begin() as session:
            queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=now)

        assert not queue.renew(sessions, job_id=job.id, token=1, progress=None, now=now, lease=LEASE)

    def test_says_stop_to_a_zombie_and_writes_nothing(self, sessions, job, now):
        claim(sessions, now)
        claim(sessions, now + LEASE)

        goes_on = queue.renew(sessions, job_id=job.id, token=1, progress={"x": 1}, now=now, lease=LEASE)

        assert (goes_on, read(sessions, job).progress) == (False, {})


class TestAskToCancel:
    def test_ends_a_job_that_waits(self, session, job, viewer, now):
        cancelled = queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=now)

        assert (cancelled.state, cancelled.ended_at) == (JobState.CANCELLED, now)

    def test_refuses_once_it_has_ended(self, sessions, job, viewer, now):
        claim(sessions, now)
        with sessions.begin() as session:
            queue.finish(session, job_id=job.id, token=1, result={}, now=now)

        with sessions() as session, pytest.raises(queue.JobHasEnded, match="done"):
            queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=now)


def _finish(session, job, now):
    queue.finish(session, job_id=job.id, token=1, result={"tours": 3}, now=now)


def _fail(session, job, now):
    queue.fail(session, job_id=job.id, token=1, error="no travel times", now=now)


def _retry(session, job, now):
    queue.fail(session, job_id=job.id, token=1, error="died", now=now, retry=True)


def _stop(session, job, now):
    queue.stop(session, job_id=job.id, token=1, now=now)


def _requeue(session, job, now):
    queue.requeue(session, job_id=job.id, token=1, now=now)


class TestEnds:
    @pytest.mark.parametrize(
        ("end", "state", "error", "attempts"),
        [
            (_finish, JobState.DONE, None, 1),
            (_fail, JobState.FAILED, "no travel times", 1),
            (_retry, JobState.QUEUED, "died", 1),
            (_stop, JobState.CANCELLED, None, 1),
            (_requeue, JobState.QUEUED, None, 0),
        ],
    )
    def test_say_what_became_of_the_job(self, sessions, job, now, end, state, error, attempts):
        claim(sessions, now)

        with sessions.begin() as session:
            end(session, job, now)

        row = read(sessions, job)
        assert (row.state, row.error, row.attempts, row.lease_until) == (state, error, attempts, None)
        assert (row.ended_at == now) == (state is not JobState.QUEUED)

    @pytest.mark.parametrize("end", [_finish, _fail, _retry, _stop, _requeue])
    def test_are_refused_to_a_zombie(self, sessions, job, now, end):
        claim(sessions, now)
        claim(sessions, now + LEASE)

        with sessions() as session, pytest.raises(queue.JobLost):
            end(session, job, now)

        assert read(sessions, job).token == 2

    @pytest.mark.parametrize("end", [_fail, _retry, _requeue])
    def test_cancel_a_job_that_was_asked_to_stop(self, sessions, job, viewer, now, end):
        claim(sessions, now)
        with sessions.begin() as session:
            queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=now)

        with sessions.begin() as session:
            end(session, job, now)

        assert read(sessions, job).state is JobState.CANCELLED

    def test_fail_for_good_at_the_third_death(self, sessions, job, now):
        for token in (1, 2, 3):
            claim(sessions, now)
            with sessions.begin() as session:
                queue.fail(session, job_id=job.id, token=token, error="died", now=now, retry=True)

        row = read(sessions, job)
        assert (row.state, row.error, row.attempts) == (JobState.FAILED, "died", 3)


class TestFenced:
    def test_lets_the_worker_commit(self, sessions, job, now):
        claim(sessions, now)
        guarded = queue.fenced(sessions, job_id=job.id, token=1)

        with guarded.begin() as session:
            outbox.send(session, topic="x", payload={}, now=now)

        with sessions() as session:
            assert len(session.scalars(select(OutboxMessage)).all()) == 1

    def test_rolls_a_zombies_transaction_back(self, sessions, job, now):
        claim(sessions, now)
        guarded = queue.fenced(sessions, job_id=job.id, token=1)
        claim(sessions, now + LEASE)

        with pytest.raises(queue.JobLost), guarded.begin() as session:
            outbox.send(session, topic="x", payload={}, now=now)

        with sessions() as session:
            assert session.scalars(select(OutboxMessage)).all() == []


def test_a_system_viewer_of_one_organisation_sees_its_jobs_only(session, now):
    own, other = an_organisation(session), an_organisation(session)
    job = queue.submit(session, kind="plan-day", arguments={}, viewer=coordinator_of(own), now=now)

    seen = queue.get_job(session, job_id=job.id, viewer=Viewer("x", ViewerRole.SYSTEM, own.id))

    assert seen is job
    with pytest.raises(queue.JobNotFound):
        queue.get_job(session, job_id=job.id, viewer=coordinator_of(other))
