"""A day's plan for people (a table) and for programs (one JSON object)."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.shapes import nurse_or_doctor
from careapp.access import Viewer
from careapp.jobs.models import Job, JobState
from careapp.tours import queries
from careapp.tours.models import Plan, Tour, UnassignedVisit, Way

MOST_REASONS = 15


@dataclass(frozen=True)
class PlanReport:
    """What a plan came to.

    Attributes:
        date: The local day.
        zone: For the times on the clock.
        plan: How it was made.
        tours: With their stops, in order of leaving.
        unassigned: What is left out, with reasons.
        visits: Number of visits that stand in a tour or are left out.
        violations: Sentences of the check; empty for any proposal; None if nobody knows any more.
    """

    date: date
    zone: ZoneInfo
    plan: Plan
    tours: list[Tour]
    unassigned: list[UnassignedVisit]
    violations: list[str] | None

    @property
    def assigned(self) -> int:
        """Number of visits in tours; a double visit counts once."""
        return len({stop.visit_id for tour in self.tours for stop in tour.stops})

    @property
    def origins(self) -> list[tuple[str, str, bool]]:
        """Where the travel times come from: source, hash of its data, whether estimated."""
        ways: list[Way] = [*self.tours, *(stop for tour in self.tours for stop in tour.stops)]
        return sorted({(way.travel_source, way.travel_data, way.is_estimated) for way in ways})

    @property
    def visits(self) -> int:
        """Number of visits in tours or left out."""
        return self.assigned + len(self.unassigned)


def read_report(session: Session, *, date: date, zone: ZoneInfo, viewer: Viewer) -> PlanReport | None:
    """Return the report of a day's newest plan; None if it was never planned."""
    day = queries.get_day(session, date=date, viewer=viewer)
    if day.plan is None:
        return None
    return PlanReport(
        date=date,
        zone=zone,
        plan=day.plan,
        tours=queries.list_tours(session, date=date, viewer=viewer),
        unassigned=day.unassigned,
        violations=_violations(session, day.plan),
    )


def _violations(session: Session, plan: Plan) -> list[str] | None:
    """Return what the check found when the plan was made, as its job has kept it; None if the job is gone."""
    ended = session.scalars(select(Job).where(Job.state == JobState.DONE).order_by(Job.ended_at.desc()))
    results = (job.result for job in ended if job.result is not None)
    return next((each["violations"] for each in results if each.get("plan") == str(plan.id)), None)


def to_json(report: PlanReport) -> dict[str, Any]:
    """Return the report as one JSON object; times are local and carry their offset, `cost` is in points."""
    return {
        "date": report.date.isoformat(),
        "seed": report.plan.seed,
        "visits": report.visits,
        "assigned": report.assigned,
        "unassigned": [{"visit": str(row.visit_id), "reason": row.reason} for row in report.unassigned],
        "tours": [
            {
                "nurse": str(tour.role_id),
                "stops": [
                    {
                        "visit": str(stop.visit_id),
                        "start": stop.starts_at.astimezone(report.zone).isoformat(),
                        "end": stop.ends_at.astimezone(report.zone).isoformat(),
                        "travel_seconds": stop.travel_s,
                        "kilometres": stop.metres / 1000,
                        "estimated": stop.is_estimated,
                        "snap_metres": stop.snap_m,
                    }
                    for stop in tour.stops
                ],
            }
            for tour in report.tours
        ],
        "travel": [
            {"source": source, "data": data, "estimated": estimated}
            for source, data, estimated in report.origins
        ],
        "cost": report.plan.cost,
        "violations": report.violations,
        "seconds": report.plan.seconds,
    }


def print_report(report: PlanReport, console: Console) -> None:
    """Print the tours as a table with totals, then what is unassigned and why."""
    console.print(_table(report))
    plan = report.plan
    broken = "not known" if report.violations is None else len(report.violations)
    console.print(
        f"{report.assigned} of {report.visits} visits in {len(report.tours)} tours; "
        f"cost {plan.cost:,} points, {plan.iterations:,} iterations in {plan.seconds:.1f} s "
        f"with seed {plan.seed}; rules broken: {broken}"
    )
    for source, data, estimated in report.origins:
        how = "estimated by a formula, not by roads" if estimated else f"roads, data {data[:12]}"
        console.print(f"travel times: {source} ({how})")
    if report.unassigned:
        console.print(_reasons(report.unassigned))


def _table(report: PlanReport) -> Table:
    tours = report.tours
    table = Table(title=f"Tours of {report.date:%A}, {report.date.isoformat()}", show_footer=True)
    table.add_column("Nurse", "Total")
    for heading, total in (
        ("Visits", f"{sum(len(tour.stops) for tour in tours)}"),
        ("km", _kilometres(sum(tour.metres for tour in tours))),
        ("Minutes driven", _minutes(sum(tour.travel_s for tour in tours))),
        ("Waiting", _minutes(sum(tour.waiting_s for tour in tours))),
        ("First stop", ""),
        ("Last stop", ""),
    ):
        table.add_column(heading, total, justify="right")
    for tour in tours:
        starts = [_clock(stop.starts_at, report.zone) for stop in tour.stops]
        table.add_row(
            nurse_or_doctor(tour.role).name,
            f"{len(tour.stops)}",
            _kilometres(tour.metres),
            _minutes(tour.travel_s),
            _minutes(tour.waiting_s),
            *([starts[0], starts[-1]] if starts else ["", ""]),
        )
    return table


def _reasons(unassigned: list[UnassignedVisit]) -> Table:
    table = Table(title=f"Unassigned: {len(unassigned)}")
    table.add_column("Visit")
    table.add_column("What")
    table.add_column("Why")
    for row in unassigned[:MOST_REASONS]:
        table.add_row(str(row.visit_id), row.visit.title, row.reason)
    rest = Counter(row.rule for row in unassigned[MOST_REASONS:])
    if rest:
        table.add_row(
            f"and {rest.total()} more", "", ", ".join(f"{rule}: {count}" for rule, count in rest.items())
        )
    return table


def _kilometres(metres: int) -> str:
    return f"{metres / 1000:.1f}"


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:.0f}"


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"
