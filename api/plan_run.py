"""Plan a day from the command line the real way: a job row, a child process, a proposal."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from api.progress import ProgressLine
from api.worker_command import command_for
from careapp import clock
from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.errors import Conflict, Unavailable
from careapp.jobs import claims, queue
from careapp.jobs.kinds import PLAN_DAY
from careapp.jobs.models import Job, JobState
from careapp.jobs.supervisor import Supervisor
from careapp.scheduler import EVENING


class PlanningFailed(Unavailable):
    """The job ended without a plan; the message is the job's."""


class PlanningStopped(Conflict):
    """Somebody cancelled the job."""


def plan_day(
    sessions: sessionmaker[Session],
    *,
    date: date,
    seed: int,
    limit_s: float,
    settings: Settings,
    viewer: Viewer,
    progress: ProgressLine,
) -> None:
    """Submit the planning of a day and see it through.

    An interrupt (Ctrl-C) stops the child and cancels the job before it goes on to the caller; the day is then
    as it was, but for its visits and shifts.

    Raises:
        PlanningFailed: The job failed.
        PlanningStopped: Somebody cancelled it.
    """
    with sessions.begin() as session:
        job = queue.submit(
            session,
            kind=PLAN_DAY,
            arguments={"date": date.isoformat(), "seed": seed, "limit_s": limit_s},
            viewer=viewer,
            now=clock.now(),
        )
        stand_in_for_evening(session, date=date, settings=settings, now=clock.now())
    supervisor = Supervisor(sessions, command_for(settings), settings, clock.now)
    try:
        ended = supervisor.run_until_ended(job.id, _teller(progress))
    except BaseException:
        _withdraw(sessions, job, viewer)
        raise
    if ended.state is JobState.FAILED:
        raise PlanningFailed(ended.error or "the planning failed")
    if ended.state is JobState.CANCELLED:
        raise PlanningStopped("somebody stopped the planning: the day is as it was; run the command again")


def stand_in_for_evening(session: Session, *, date: date, settings: Settings, now: datetime) -> None:
    """If the planning of `date` is due by itself now, this one is it: no second one replaces its tours."""
    calendar = Calendar.of(settings)
    today = calendar.local_date(now)
    if date != today + timedelta(days=1) or now < calendar.at(today, time.fromisoformat(settings.plan_at)):
        return
    lease = timedelta(seconds=settings.lease_s)
    token = claims.take(session, work=EVENING, local_date=today, now=now, lease=lease)
    if token is not None:
        claims.finish(session, work=EVENING, local_date=today, token=token, now=now)


def _teller(progress: ProgressLine) -> Callable[[dict[str, Any]], None]:
    def tell(state: dict[str, Any]) -> None:
        detail = ""
        if state.get("cost") is not None:
            detail = f"best {state['cost']:,} points, {state['unassigned']} left out"
        progress.tell(state["text"], state["fraction"], detail)

    return tell


def _withdraw(sessions: sessionmaker[Session], job: Job, viewer: Viewer) -> None:
    """Cancel a job that nobody has begun; one that another process does goes on there."""
    with sessions.begin() as session:
        if queue.get_job(session, job_id=job.id, viewer=viewer).state is JobState.QUEUED:
            queue.ask_to_cancel(session, job_id=job.id, viewer=viewer, now=clock.now())
