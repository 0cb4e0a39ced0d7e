"""The demo: an invented region in an embedded database, planned for one day."""

from dataclasses import dataclass
from datetime import date, timedelta

from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from api.database import chain_of, open_sessions, upgrade
from api.plan_report import PlanReport, read_report
from api.plan_run import PlanningFailed, plan_day
from api.progress import ProgressLine
from careapp import clock
from careapp.access import OPERATOR
from careapp.calendar import Calendar
from careapp.compiling import compiling
from careapp.config import Settings
from careapp.consultations.commands import make_slots
from careapp.db import make_reading_sessions
from careapp.demo.region import build_region
from careapp.errors import Invalid
from careapp.roads.demo_roads import lay_roads
from careapp.tours.models import TourStatus

SLOT_DAYS = 14
COMPILING = "compiling the search, once on this machine (about 30 s)"


class DemoNeedsItsOwnDatabase(Invalid):
    """The settings name a database that may hold real people."""


@dataclass(frozen=True)
class Demo:
    """What is asked of the demo.

    Attributes:
        date: Day to plan; None for tomorrow.
        seed: Of the region and of the search.
        visits: How many visits the day has.
        nurses: How many nurses there are.
        limit_s: Seconds of search.
    """

    date: date | None
    seed: int
    visits: int
    nurses: int
    limit_s: float


def refuse_real_database(settings: Settings) -> None:
    """Refuse to fill a database that was not made for the demo.

    Raises:
        DemoNeedsItsOwnDatabase: CAREAPP_DATABASE_URL is set.
    """
    if settings.database_url is not None:
        raise DemoNeedsItsOwnDatabase(
            "the demo makes its own embedded database: unset CAREAPP_DATABASE_URL before you run it"
        )


def prepare(demo: Demo, *, settings: Settings, engine: Engine, console: Console) -> PlanReport:
    """Make the region unless it is there, plan the day unless its tours are published, and report.

    Args:
        demo: What is asked.
        settings: See `careapp.config`.
        engine: The embedded database, perhaps empty.
        console: Where progress goes.

    Raises:
        DemoRegionExists: The database holds another region, or somebody's data.
        ProgramsMissing: Road data are asked for, and OSRM's programs cannot be had.
        PlanningFailed: The planning failed.
    """
    calendar = Calendar.of(settings)
    day = demo.date or calendar.local_date(clock.now()) + timedelta(days=1)
    with ProgressLine(console) as progress, compiling(lambda: progress.tell(COMPILING, 0.0)) as compiled:
        upgrade(settings, engine, lambda title: progress.tell("making the database", 0.0, title))
        sessions = open_sessions(engine, chain_of(settings))
        reading = make_reading_sessions(engine)
        _build(sessions, demo, day, calendar, progress)
        lay_roads(settings, seed=demo.seed, now=clock.now(), tell=progress.tell)
        with sessions.begin() as session:
            make_slots(
                session, first=day, days=SLOT_DAYS, calendar=calendar, viewer=OPERATOR, now=clock.now()
            )
        report = _report(reading, day, settings)
        if report is not None and any(tour.status is TourStatus.PUBLISHED for tour in report.tours):
            console.print(f"the tours of {day.isoformat()} are published: they are shown, not planned again")
            return report
        compiled()
        plan_day(
            sessions,
            date=day,
            seed=demo.seed,
            limit_s=demo.limit_s,
            settings=settings,
            viewer=OPERATOR,
            progress=progress,
        )
    report = _report(reading, day, settings)
    if report is None:
        raise PlanningFailed("the plan was replaced while it was read: run the command again")
    return report


def _build(
    sessions: sessionmaker[Session], demo: Demo, day: date, calendar: Calendar, progress: ProgressLine
) -> None:
    with sessions.begin() as session:
        build_region(
            session,
            seed=demo.seed,
            visits=demo.visits,
            nurses=demo.nurses,
            first_date=day,
            calendar=calendar,
            viewer=OPERATOR,
            now=clock.now(),
            on_progress=lambda done, part: progress.tell("inventing the demo region", done, part),
        )
        progress.tell("writing the demo region", 1.0)


def _report(reading: sessionmaker[Session], day: date, settings: Settings) -> PlanReport | None:
    with reading.begin() as session:
        return read_report(session, date=day, zone=settings.zone_info, viewer=OPERATOR)
