"""Assisted consultations in a simulated week of the demo region: `python -m tests.benchmarks.assisted`.

One care service with 300 visits a day plans and publishes its week; then patients ask, one after the other,
for a consultation with a nurse beside them. Ours: the best of the times at which the tours have room. The
naive way: the doctor's first free time, then a nurse is sent, from the nearest place in a tour, else from the
base and back. Both ways start from the same tours and are not written, so that each asks the same question.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, sessionmaker

import careapp.demo.region as demo
from careapp.access import OPERATOR, Viewer, ViewerRole
from careapp.assisted import days as kept_days
from careapp.assisted.asking import Person, new_carrier, trial_of
from careapp.assisted.days import Ground, standing_days
from careapp.assisted.doctors import doctor_times
from careapp.assisted.needs import AssistedOffer, Need
from careapp.assisted.search import find_assisted
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.consultations.models import Schedule
from careapp.db import make_sessions
from careapp.migrate import upgrade
from careapp.people.models import Patient
from careapp.planning import plan_day
from careapp.tours.commands import publish_day
from careapp.tours.standing import Standing
from tests.keys import open_engine, put_keys

SEED = 1
VISITS, NURSES = 300, 25
FIRST = date(2026, 3, 2)
DAYS = 5
NOW = datetime(2026, 3, 1, 17, tzinfo=UTC)


@dataclass
class Naive:
    """What sending a nurse after booking costs: when, seconds of driving, and whether a tour took it in."""

    starts_at: datetime
    extra_s: int
    in_a_tour: bool
    is_moving: bool


class Week:
    """A published week of one care service."""

    def __init__(self, folder: Path, limit_s: float) -> None:
        demo.NURSES_PER_SERVICE = NURSES  # one service with all visits
        put_keys(folder)
        self.engine = open_engine(f"sqlite:///{folder / 'careapp.sqlite'}")
        upgrade(self.engine)
        self.sessions: sessionmaker[Session] = make_sessions(self.engine)
        self.settings = Settings.read()
        self.calendar = Calendar.of(self.settings)
        with self.sessions.begin() as session:
            demo.build_region(
                session,
                seed=SEED,
                visits=VISITS,
                nurses=NURSES,
                first_date=FIRST,
                calendar=self.calendar,
                viewer=OPERATOR,
                now=NOW,
            )
        for number in range(DAYS):
            self._plan(FIRST + timedelta(days=number), limit_s)
        with self.sessions() as session:
            self.patients = session.scalars(
                select(Patient).where(Patient.is_active, Patient.home_id.is_not(None)).order_by(Patient.id)
            ).all()
            self.schedules = session.scalars(
                select(Schedule).options(joinedload(Schedule.role)).order_by(Schedule.id)
            ).all()
        self.viewer = Viewer("bench", ViewerRole.COORDINATOR, self.patients[0].organisation_id)

    def _plan(self, day: date, limit_s: float) -> None:
        plan_day(
            self.sessions,
            date=day,
            seed=SEED,
            limit_s=limit_s,
            settings=self.settings,
            viewer=OPERATOR,
            now=lambda: NOW,
            on_progress=lambda _: None,
            is_cancelled=lambda: False,
        )
        with self.sessions.begin() as session:
            publish_day(session, date=day, viewer=OPERATOR, now=NOW)

    def need(self, patient: Patient, schedule: Schedule, *, most: int = 200) -> Need:
        starts = self.calendar.day(FIRST)[0]
        return Need(
            patient.id,
            starts,
            starts + timedelta(days=DAYS),
            schedule_ids=(schedule.id,),
            visit_minutes=30,
            offset_minutes=10,
            most=most,
        )

    def find(self, session: Session, need: Need) -> list[AssistedOffer]:
        return find_assisted(
            session, need=need, viewer=self.viewer, now=NOW, calendar=self.calendar, settings=self.settings
        )

    def naive(self, session: Session, need: Need) -> Naive | None:
        """Book the doctor's first time at which any nurse is on duty; then send one."""
        patient = session.get_one(Patient, need.patient_id)
        session.refresh(patient, ["home"])
        ground = Ground(patient.organisation_id, self.calendar, self.settings, NOW)
        times = doctor_times(session, need=need, ground=ground, viewer=self.viewer)
        if not times:
            return None
        day = self.calendar.local_date(times[0].starts_at)
        standing = standing_days(session, [day], ground)[day]
        person = Person.of(session, patient, day=day)
        trial = trial_of(standing, new_carrier(need), person, need, ground)
        assert trial is not None
        start = standing.seconds(times[0].starts_at - timedelta(minutes=need.offset_minutes))
        fit = trial.fits([start]).get(start)
        if fit is not None:
            return Naive(times[0].starts_at, fit.extra_s, in_a_tour=True, is_moving=bool(fit.moved))
        return Naive(
            times[0].starts_at, _from_base(standing, trial.problem), in_a_tour=False, is_moving=False
        )


def _from_base(standing: Standing, problem: object) -> int:
    """Return the seconds of a way of its own: from the nearest base to the home and back."""
    travel = problem.travel[0]  # type: ignore[attr-defined]  # a Problem
    home = travel.places - 1
    return min(
        int(travel.seconds[vehicle.start, home]) + int(travel.seconds[home, vehicle.end])
        for vehicle in standing.problem.vehicles
    )


def timed(action: Callable[[], object]) -> float:
    """Return how many milliseconds something takes."""
    begun = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begun)


def rows(week: Week, consultations: int) -> Iterator[tuple[str, str]]:
    """Measure, and yield what and how much."""
    draw = random.Random(SEED)  # noqa: S311 -- a seeded week, no secret
    asked = [(draw.choice(week.patients), draw.choice(week.schedules)) for _ in range(consultations)]
    with week.sessions() as session:
        kept_days._KEPT = kept_days._Kept()
        cold = timed(lambda: week.find(session, week.need(*asked[0])))
        warm = [timed(lambda pair=pair: week.find(session, week.need(*pair))) for pair in asked[:20]]  # type: ignore[misc]
        yield "search, a week of one doctor, nothing kept", f"{cold:.0f} ms"
        yield (
            "the same, days kept: median, 95 %",
            (f"{statistics.median(warm):.0f} ms, {sorted(warm)[int(0.95 * len(warm))]:.0f} ms"),
        )
        ours: list[AssistedOffer] = []
        cheapest: list[AssistedOffer] = []
        still = 0
        naive: list[Naive] = []
        none = 0
        for pair in asked:
            need = week.need(*pair)
            found = week.find(session, need)
            other = week.naive(session, need)
            if not found or other is None:
                none += 1
                continue
            ours.append(found[0])
            cheapest.append(min(found, key=lambda offer: offer.extra_s or 0))
            still += any(not offer.moved for offer in found)
            naive.append(other)
    ahead = statistics.mean((offer.starts_at - NOW).total_seconds() for offer in ours) / 86400
    naive_ahead = statistics.mean((each.starts_at - NOW).total_seconds() for each in naive) / 86400
    own = sum(offer.visit_id is not None for offer in ours)
    best_still = sum(not offer.moved for offer in ours)
    taken = sum(each.in_a_tour and not each.is_moving for each in naive)
    minutes = [statistics.mean((offer.extra_s or 0) for offer in ours) / 60]
    minutes.append(statistics.mean(each.extra_s for each in naive) / 60)
    count = len(ours)
    yield "consultations asked for, without any time", f"{consultations}, {none}"
    yield "fit without moving anybody, at some time: ours", f"{100 * still / count:.0f} %"
    share = f"{100 * best_still / count:.0f} %, {100 * taken / count:.0f} %"
    yield "the same at the time chosen: ours, naive", share
    yield "on a visit that the patient has anyway", f"{100 * own / count:.0f} %"
    yield "extra driving per consultation: ours, naive", f"{minutes[0]:.1f} min, {minutes[1]:.1f} min"
    least = statistics.mean((offer.extra_s or 0) for offer in cheapest) / 60
    yield "the same where only driving counts: ours", f"{least:.1f} min"
    yield "days until the consultation: ours, naive", f"{ahead:.1f}, {naive_ahead:.1f}"
    outside = sum(not each.in_a_tour for each in naive)
    yield "nurses sent on a way of their own: ours, naive", f"0 %, {100 * outside / count:.0f} %"


if __name__ == "__main__":
    count_ = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    limit = float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    with tempfile.TemporaryDirectory() as name:
        made = Week(Path(name), limit)
        print(f"| {VISITS} visits a day, {NURSES} nurses, {DAYS} days, seed {SEED} | Measured |\n|---|---|")
        for what, measured in rows(made, count_):
            print(f"| {what} | {measured} |", flush=True)
        made.engine.dispose()
