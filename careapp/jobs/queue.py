"""The job row is the only truth: who asked for which work, who does it, how far it is, how it ended.

    submit ─▶ queued ──claim_next──▶ running ──finish──▶ done ──discard─▶ cancelled
                 ▲                    │  │  └──fail────▶ failed
                 └─requeue, fail(retry)  └──stop───────▶ cancelled

Each claim gives a new token. What a worker writes is refused once its token is old: a worker that was frozen
and then replaced cannot spoil the work of the one that replaced it.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, visible
from careapp.errors import Conflict, NotFound
from careapp.jobs.models import ENDED, Job, JobState
from careapp.records import audit

MAX_ATTEMPTS = 3
"""After so many deaths of a worker a job has failed."""


class JobNotFound(NotFound):
    """No job has this id, or not for this viewer."""


class JobHasEnded(Conflict):
    """The job is done, failed or cancelled already."""


class JobLost(Conflict):
    """The job is no longer this worker's: its lease ran out and another took over, or it was ended."""


def submit(
    session: Session,
    *,
    kind: str,
    arguments: dict[str, Any],
    viewer: Viewer,
    now: datetime,
    dedup: bool = True,
) -> Job:
    """Ask for long work.

    Args:
        session: A writing transaction.
        kind: Name of the work, e.g. `plan-day`.
        arguments: JSON: what the worker needs to know.
        viewer: Who asks; the job belongs to his organisation.
        now: This moment.
        dedup: Return an active job of the same kind, arguments and organisation instead of a second one.
    """
    if dedup:
        equal = _find_active(session, kind=kind, arguments=arguments, organisation_id=viewer.organisation_id)
        if equal is not None:
            return equal
    job = Job(
        id=uuid4(),
        kind=kind,
        organisation_id=viewer.organisation_id,
        asked_by=viewer.name,
        arguments=arguments,
        state=JobState.QUEUED,
        attempts=0,
        progress={},
        is_cancel_asked=False,
        token=0,
        created_at=now,
    )
    session.add(job)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="submit_job", subject=job, kind=kind)
    return job


def _find_active(
    session: Session, *, kind: str, arguments: dict[str, Any], organisation_id: UUID | None
) -> Job | None:
    if session.get_bind().dialect.name == "postgresql":
        # Two askers at once would both find nothing. SQLite's writers come one by one anyway.
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"careapp.job.{kind}"))))
    active = session.scalars(
        select(Job).where(
            Job.kind == kind,
            Job.state.not_in(ENDED),
            Job.is_cancel_asked.is_(False),
            Job.organisation_id == organisation_id
            if organisation_id is not None
            else Job.organisation_id.is_(None),
        )
    )
    return next((job for job in active if job.arguments == arguments), None)


def get_job(session: Session, *, job_id: UUID, viewer: Viewer) -> Job:
    """Return a job as it is in the database now.

    Raises:
        JobNotFound: No job has this id, or it is another organisation's or the whole region's.
    """
    return _get(session, job_id=job_id, viewer=viewer, locked=False)


def ask_to_cancel(session: Session, *, job_id: UUID, viewer: Viewer, now: datetime) -> Job:
    """Cancel a job that waits, or ask the worker of a running one to stop.

    Raises:
        JobNotFound: As `get_job`.
        JobHasEnded: There is nothing left to cancel.
    """
    job = _get(session, job_id=job_id, viewer=viewer, locked=True)
    if job.state in ENDED:
        raise JobHasEnded(f"the job has ended ({job.state.value}): there is nothing to cancel")
    job.is_cancel_asked = True
    if job.state is JobState.QUEUED:
        _end(job, JobState.CANCELLED, now=now)
    audit.record(session, viewer=viewer, now=now, action="ask_to_cancel", subject=job)
    return job


def discard(session: Session, *, job_id: UUID, viewer: Viewer, now: datetime) -> Job:
    """Stop a job that has not ended, or throw away the result of one that has: either way it is cancelled.

    Raises:
        JobNotFound: As `get_job`.
    """
    job = _get(session, job_id=job_id, viewer=viewer, locked=True)
    if job.state not in ENDED:
        return ask_to_cancel(session, job_id=job_id, viewer=viewer, now=now)
    job.state, job.result = JobState.CANCELLED, None
    audit.record(session, viewer=viewer, now=now, action="discard_job", subject=job)
    return job


def _get(session: Session, *, job_id: UUID, viewer: Viewer, locked: bool) -> Job:
    # A job of the whole region has no organisation: only who sees the whole region sees it.
    statement = visible(select(Job).where(Job.id == job_id), viewer, Job)
    if locked:
        statement = statement.with_for_update()
    job = session.scalar(statement.execution_options(populate_existing=True))
    if job is None:
        raise JobNotFound(f"there is no job {job_id}")
    return job


def count_active(session: Session, *, kind: str, viewer: Viewer) -> int:
    """Count the jobs of a kind, of those that the viewer sees, that wait or run."""
    active = select(func.count(Job.id)).where(Job.kind == kind, Job.state.not_in(ENDED))
    return session.scalar(visible(active, viewer, Job)) or 0


def is_due(session: Session, *, now: datetime) -> bool:
    """Tell, without locking anything, whether `claim_next` would find a job."""
    return session.scalar(select(Job.id).where(_due(now)).limit(1)) is not None


def claim_next(session: Session, *, now: datetime, lease: timedelta, only: UUID | None = None) -> Job | None:
    """Take the oldest job that waits or whose worker fell silent; two who ask at once get different ones.

    Args:
        session: A writing transaction; commit it before the work begins.
        now: This moment.
        lease: How long the worker may be silent.
        only: Take this job or none.

    Returns:
        The job, running, with a new token; None if nothing waits.
    """
    while True:
        statement = select(Job).where(_due(now)).order_by(Job.created_at, Job.id).limit(1)
        if only is not None:
            statement = statement.where(Job.id == only)
        statement = statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        job = session.scalar(statement)
        if job is None:
            return None
        job.token += 1
        if job.is_cancel_asked:
            _end(job, JobState.CANCELLED, now=now)
        elif job.attempts >= MAX_ATTEMPTS:
            _end(job, JobState.FAILED, now=now, error=f"its worker fell silent {job.attempts} times")
        else:
            job.state = JobState.RUNNING
            job.attempts += 1
            job.progress = {}
            job.lease_until = now + lease
            session.flush()
            return job
        session.flush()


def _due(now: datetime) -> Any:
    return or_(Job.state == JobState.QUEUED, (Job.state == JobState.RUNNING) & (Job.lease_until <= now))


def renew(
    sessions: sessionmaker[Session],
    *,
    job_id: UUID,
    token: int,
    progress: dict[str, Any] | None,
    now: datetime,
    lease: timedelta,
) -> bool:
    """Say that the worker lives and how far it is, in a transaction of its own.

    Args:
        sessions: Factory of writing sessions.
        job_id: The job.
        token: As given by the claim.
        progress: JSON for whoever watches; None leaves it as it is.
        now: This moment.
        lease: How long the worker may be silent from now on.

    Returns:
        Whether to go on: False once somebody asked to cancel, or the job is another worker's.
    """
    values: dict[str, Any] = {"lease_until": now + lease}
    if progress is not None:
        values["progress"] = progress
    with sessions.begin() as session:
        is_cancel_asked = session.scalar(
            update(Job).where(*_ours(job_id, token)).values(values).returning(Job.is_cancel_asked)
        )
    return is_cancel_asked is False


def fenced(sessions: sessionmaker[Session], *, job_id: UUID, token: int) -> sessionmaker[Session]:
    """Return a factory whose sessions refuse to commit once the job is another worker's.

    Raises (on commit):
        JobLost: The token is old. The transaction is rolled back.
    """
    guarded = sessionmaker(class_=sessions.class_, **sessions.kw)

    def check(session: Session) -> None:
        # FOR UPDATE: nobody can take the job over between this check and the end of the commit.
        if session.scalar(select(Job.id).where(*_ours(job_id, token)).with_for_update()) is None:
            raise JobLost(f"job {job_id} was taken over: nothing was written")

    event.listen(guarded, "before_commit", check)
    return guarded


def finish(session: Session, *, job_id: UUID, token: int, result: dict[str, Any], now: datetime) -> None:
    """End a job with its result.

    Raises:
        JobLost: It is no longer this worker's.
    """
    job = _lock_ours(session, job_id, token)
    job.result = result
    _end(job, JobState.DONE, now=now)


def fail(
    session: Session, *, job_id: UUID, token: int, error: str, now: datetime, retry: bool = False
) -> None:
    """End a job with what went wrong, or let it be tried again.

    Args:
        session: A writing transaction.
        job_id: The job.
        token: As given by the claim.
        error: A sentence for the one who asked: ids only.
        now: This moment.
        retry: The worker died, which may not happen again: queue the job unless it was the third time.

    Raises:
        JobLost: It is no longer this worker's.
    """
    job = _lock_ours(session, job_id, token)
    if job.is_cancel_asked:
        _end(job, JobState.CANCELLED, now=now)
    elif retry and job.attempts < MAX_ATTEMPTS:
        job.state, job.error, job.lease_until = JobState.QUEUED, error, None
    else:
        _end(job, JobState.FAILED, now=now, error=error)


def stop(session: Session, *, job_id: UUID, token: int, now: datetime) -> None:
    """End a job as cancelled: the worker has stopped because somebody asked.

    Raises:
        JobLost: It is no longer this worker's.
    """
    _end(_lock_ours(session, job_id, token), JobState.CANCELLED, now=now)


def requeue(session: Session, *, job_id: UUID, token: int, now: datetime) -> None:
    """Give a job back unfinished and without blame: the server shuts down.

    Raises:
        JobLost: It is no longer this worker's.
    """
    job = _lock_ours(session, job_id, token)
    if job.is_cancel_asked:
        _end(job, JobState.CANCELLED, now=now)
        return
    job.state, job.lease_until = JobState.QUEUED, None
    job.attempts -= 1


def _ours(job_id: UUID, token: int) -> tuple[Any, ...]:
    return (Job.id == job_id, Job.token == token, Job.state == JobState.RUNNING)


def _lock_ours(session: Session, job_id: UUID, token: int) -> Job:
    statement = select(Job).where(*_ours(job_id, token)).with_for_update()
    job = session.scalar(statement.execution_options(populate_existing=True))
    if job is None:
        raise JobLost(f"job {job_id} was taken over or has ended: nothing was written")
    return job


def _end(job: Job, state: JobState, *, now: datetime, error: str | None = None) -> None:
    job.state, job.error, job.ended_at, job.lease_until = state, error, now, None
