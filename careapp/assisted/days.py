"""Days as their tours stand, kept in this process until something changes them."""

from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.organisations.models import Place
from careapp.people.models import Absence, Patient, Preference, Role, RoleSkill
from careapp.roads.choice import Sources, roads_failed, travel_sources
from careapp.tours.models import Shift, Stop, Tour
from careapp.tours.pins import fixed_starts
from careapp.tours.queries import WITH_STOPS, day_as_it_stands
from careapp.tours.standing import Standing, stand
from careapp.visits.models import Visit, VisitLink, VisitWindow
from routing.errors import TravelError

KEPT_DAYS = 64


@dataclass(frozen=True)
class Ground:
    """What a search stands on.

    Attributes:
        organisation_id: The patient's care service, whose nurses come.
        calendar: Local days.
        settings: Name the roads.
        now: This moment.
    """

    organisation_id: UUID
    calendar: Calendar
    settings: Settings
    now: datetime

    @property
    def viewer(self) -> Viewer:
        """Sees the care service whole: a place in a tour is decided by all its stops."""
        return Viewer("assisted", ViewerRole.SYSTEM, self.organisation_id)

    def sources(self, day: date) -> Sources:
        """Return who knows the ways of a day; nothing is kept of their answers but here."""
        return travel_sources(self.settings, today=self.calendar.local_date(self.now), day=day)


class _Kept:
    """The newest days, by tenant and date."""

    def __init__(self) -> None:
        self._days: OrderedDict[tuple[UUID, date], tuple[str, Standing]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: tuple[UUID, date], mark: str) -> Standing | None:
        with self._lock:
            found = self._days.get(key)
            if found is None or found[0] != mark:
                return None
            self._days.move_to_end(key)
            return found[1]

    def keep(self, key: tuple[UUID, date], mark: str, day: Standing) -> None:
        with self._lock:
            self._days[key] = (mark, day)
            self._days.move_to_end(key)
            while len(self._days) > KEPT_DAYS:
                self._days.popitem(last=False)


_KEPT = _Kept()


def standing_days(session: Session, days: Collection[date], ground: Ground) -> dict[date, Standing]:
    """Return those days that have tours, as these stand.

    Raises:
        RoadsFailed: The source of travel times gives none.
    """
    planned = session.scalars(
        select(Tour.date)
        .where(Tour.organisation_id == ground.organisation_id, Tour.date.in_(days))
        .group_by(Tour.date)
        .order_by(Tour.date)
    ).all()
    if not planned:
        return {}
    marks = _marks(session, planned, ground)
    found = {}
    for day in planned:
        key = (ground.organisation_id, day)
        kept = _KEPT.find(key, marks[day])
        if kept is None:
            kept = _read(session, day, ground)
            _KEPT.keep(key, marks[day], kept)
        found[day] = kept
    return found


def _read(session: Session, day: date, ground: Ground) -> Standing:
    rows = day_as_it_stands(session, date=day, calendar=ground.calendar, viewer=ground.viewer)
    tours = session.scalars(
        select(Tour)
        .where(Tour.date == day, Tour.organisation_id == ground.organisation_id)
        .options(*WITH_STOPS)
        .order_by(Tour.id)
    ).all()
    sources = ground.sources(day)
    try:
        return stand(rows, tours, sources, sources.by_hour(ground.calendar))
    except TravelError as failed:
        raise roads_failed(failed, what=f"the tours of {day.isoformat()} were not looked through") from failed


def _marks(session: Session, days: Collection[date], ground: Ground) -> dict[date, str]:
    """Return for each day a word that changes with whatever its tours stand on."""
    first, last = min(days), max(days)
    begins = ground.calendar.day(first)[0] - timedelta(days=1)
    ends = ground.calendar.day(last)[1] + timedelta(days=2)
    ours = ground.organisation_id
    of_day: tuple[Any, ...] = (
        select(Shift.date, Shift.id, Shift.starts_at, Shift.ends_at, Shift.vehicle, Shift.max_work_s)
        .where(Shift.organisation_id == ours, Shift.date.in_(days))
        .order_by(Shift.id),
        select(Tour.date, Tour.id, Tour.status, Stop.service_id, Stop.starts_at, Stop.position)
        .join(Stop, Stop.tour_id == Tour.id)
        .where(Tour.organisation_id == ours, Tour.date.in_(days))
        .order_by(Tour.id, Stop.position),
        select(
            Visit.date,
            Visit.id,
            Visit.status,
            Visit.duration_s,
            Visit.priority,
            Place.sealed,
        )
        .join(Patient, Visit.patient_id == Patient.id)
        .outerjoin(Place, Patient.home_id == Place.id)
        .where(Visit.organisation_id == ours, Visit.date.in_(days))
        .order_by(Visit.id),
        select(Visit.date, VisitWindow.visit_id, VisitWindow.earliest, VisitWindow.latest)
        .join(Visit, VisitWindow.visit_id == Visit.id)
        .where(Visit.organisation_id == ours, Visit.date.in_(days))
        .order_by(VisitWindow.visit_id, VisitWindow.earliest),
    )
    of_all: tuple[Any, ...] = (
        select(RoleSkill.role_id, RoleSkill.skill_code, RoleSkill.grade)
        .join(Role, RoleSkill.role_id == Role.id)
        .where(Role.organisation_id == ours)
        .order_by(RoleSkill.role_id, RoleSkill.skill_code),
        select(Absence.id, Absence.starts_at, Absence.ends_at)
        .where(
            Absence.organisation_id == ours,
            Absence.practitioner_id.is_not(None),
            Absence.ends_at > begins,
            Absence.starts_at < ends,
        )
        .order_by(Absence.id),
        select(Preference.patient_id, Preference.role_id, Preference.kind)
        .where(Preference.organisation_id == ours)
        .order_by(Preference.patient_id, Preference.role_id),
        select(func.count()).select_from(VisitLink).where(VisitLink.organisation_id == ours),
        # Duties of the days around decide how long a nurse may work.
        select(Tour.id, Tour.status, Tour.leaves_at, Tour.returns_at)
        .where(Tour.organisation_id == ours, Tour.leaves_at > begins, Tour.leaves_at < ends)
        .order_by(Tour.id),
    )
    common = blake2b(digest_size=16)
    for statement in of_all:
        for row in session.execute(statement):
            common.update(repr(tuple(row)).encode())
    sums = {day: common.copy() for day in days}
    for statement in of_day:
        for row in session.execute(statement):
            sums[row[0]].update(repr(tuple(row[1:])).encode())
    for day, mark in sums.items():
        mark.update(repr(sorted(fixed_starts(session, day).items())).encode())
        mark.update(_roads(ground, day).encode())
    return {day: mark.hexdigest() for day, mark in sums.items()}


def _roads(ground: Ground, day: date) -> str:
    sources, settings = ground.sources(day), ground.settings
    names = [f"{settings.travel_speed_factor} {settings.access_s} {settings.snap_radius_m}"]
    for kind in sources:
        with suppress(TravelError):  # a source of a kind that nobody drives need not be there
            names.append(f"{sources[kind].name} {sources[kind].data}")
    return ", ".join(names)
