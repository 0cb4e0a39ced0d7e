"""What happens by itself: every process looks often, the database lets one of them act.

APScheduler only ticks, in UTC and by interval: its own cron misses or doubles times around a clock change.
What is due follows from the local day and the claims in the database: nothing is lost while no process ran.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import SCHEDULER
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.consultations.holds import has_stale_slots, tidy_slots
from careapp.consultations.hours_copies import keep_copies
from careapp.db_errors import explain_database_error
from careapp.identity.web_sessions import forget_ended
from careapp.jobs import claims, queue
from careapp.jobs.cleaning import forget_old
from careapp.jobs.kinds import PLAN_DAY
from careapp.jobs.models import Job
from careapp.notices.forgetting import forget_notices
from careapp.waiting.line import offer_chances_if_due

logger = logging.getLogger(__name__)

EVENING = "plan-evening"
"""Name of the claim."""
CATCH_UP = timedelta(hours=12)
"""How late an evening's planning may begin: after that the tours are under way."""


class Tick(Protocol):
    """Looks whether something is due, and does it in the given transaction."""

    def __call__(self, session: Session, *, now: datetime, settings: Settings) -> object:
        """Do what is due."""
        ...


def plan_tomorrow_if_due(session: Session, *, now: datetime, settings: Settings) -> Job | None:
    """Submit the planning of the next local day, once an evening in all processes.

    It is due from `settings.plan_at`, local time, for `CATCH_UP`. The claim, the job and the claim's end are
    one transaction: whoever dies in between leaves nothing behind.

    Returns:
        The submitted job; None if nothing is due or another process was faster.
    """
    calendar = Calendar.of(settings)
    today = calendar.local_date(now)
    for evening in (today - timedelta(days=1), today):
        due_at = calendar.at(evening, time.fromisoformat(settings.plan_at))
        if not due_at <= now < due_at + CATCH_UP:
            continue
        lease = timedelta(seconds=settings.lease_s)
        token = claims.take(session, work=EVENING, local_date=evening, now=now, lease=lease)
        if token is None:
            continue
        date = evening + timedelta(days=1)
        job = queue.submit(
            session,
            kind=PLAN_DAY,
            arguments={"date": date.isoformat(), "seed": 0, "limit_s": settings.plan_limit_s},
            viewer=SCHEDULER,
            now=now,
        )
        claims.finish(session, work=EVENING, local_date=evening, token=token, now=now)
        logger.info("planning of %s submitted as job %s", date, job.id)
        return job
    return None


def tidy_slots_if_due(session: Session, *, now: datetime, settings: Settings) -> int:
    """Free slots whose hold is over, and forget those whose time has come; returns how many."""
    del settings
    return tidy_slots(session, now=now) if has_stale_slots(session, now=now) else 0


def keep_copies_if_due(session: Session, *, now: datetime, settings: Settings) -> int:
    """Let doctors' hours be read as slots for some days ahead; returns of how many schedules it made them."""
    return keep_copies(session, calendar=Calendar.of(settings), now=now)


TICKS: tuple[Tick, ...] = (
    plan_tomorrow_if_due,
    tidy_slots_if_due,
    keep_copies_if_due,
    offer_chances_if_due,
    forget_old,
    forget_ended,
    forget_notices,
)


def start_scheduler(
    *,
    sessions: sessionmaker[Session],
    settings: Settings,
    now: Callable[[], datetime],
    ticks: Sequence[Tick] = TICKS,
) -> BackgroundScheduler:
    """Let each tick look every `settings.tick_s`, at once to begin with; `shutdown()` what is returned."""
    scheduler = BackgroundScheduler(timezone=UTC)
    for tick in ticks:
        scheduler.add_job(
            _run,
            "interval",
            (tick, sessions, settings, now),
            seconds=settings.tick_s,
            name=getattr(tick, "__name__", type(tick).__name__),
            next_run_time=now(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,  # a late look is as good as a timely one
        )
    scheduler.start()
    return scheduler


def _run(
    tick: Tick, sessions: sessionmaker[Session], settings: Settings, now: Callable[[], datetime]
) -> None:
    try:
        with sessions.begin() as session:
            tick(session, now=now(), settings=settings)
    except SQLAlchemyError as error:
        # The next tick looks again; a full traceback could quote rows.
        logger.warning("a look at due work failed: %s", explain_database_error(error) or type(error).__name__)
