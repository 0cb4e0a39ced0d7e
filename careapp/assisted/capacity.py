"""How many nurses have time on a day that nobody has planned yet: an expectation, no promise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from careapp.appointments.models import AppointmentStatus
from careapp.assisted.days import Ground
from careapp.orders.models import CareOrder, CarePlan
from careapp.people.models import Absence, Patient, Role
from careapp.recurrence import occurs_on
from careapp.tours.models import Shift, ShiftPattern
from careapp.visits.expansion import is_due
from careapp.visits.models import Visit

BIN = timedelta(minutes=5)
WAY = timedelta(minutes=12)
"""What a way between two homes is expected to take, parking included."""

_BINS = int(timedelta(hours=36) / BIN)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, eq=False)
class Capacity:
    """A day in steps of five minutes.

    Attributes:
        begins: First moment.
        spare: How many nurses have nothing to do, on average; shape (steps,).
        able: How many nurses with the asked skills are on duty; shape (steps,).
        way: What a way is expected to take.
    """

    begins: datetime
    spare: NDArray[np.float64]
    able: NDArray[np.float64]
    way: timedelta = WAY

    def holds(self, starts_at: datetime, lasts: timedelta) -> bool:
        """Tell whether a nurse can be expected to have time for a visit and the ways around it."""
        first = int((starts_at - self.way - self.begins) / BIN)
        last = -int((self.begins - starts_at - lasts - self.way) / BIN)
        if first < 0 or last > _BINS:
            return False
        return bool(self.able[first:last].min() >= 1 and self.spare[first:last].mean() >= 1)


def capacities(
    session: Session, days: Sequence[date], skills: Mapping[str, int], ground: Ground
) -> dict[date, Capacity]:
    """Return what days without tours are expected to leave free.

    Nurses: their shifts, where there are none yet the patterns of their shifts, less absences. Demand: the
    day's visits, where there are none yet the care orders that are due; each needs its care time and one way,
    spread evenly over the time in which it may take place.
    """
    ours = ground.organisation_id
    begins, ends = ground.calendar.day(days[0])[0], ground.calendar.day(days[-1])[1] + timedelta(days=1)
    absences = session.scalars(
        select(Absence).where(
            Absence.organisation_id == ours, Absence.ends_at > begins, Absence.starts_at < ends
        )
    ).all()
    patterns = session.scalars(
        select(ShiftPattern)
        .where(ShiftPattern.organisation_id == ours)
        .options(joinedload(ShiftPattern.role).selectinload(Role.skills))
    ).all()
    shifts = session.scalars(
        select(Shift)
        .where(Shift.organisation_id == ours, Shift.date.in_(days))
        .options(joinedload(Shift.role).selectinload(Role.skills))
    ).all()
    visits = session.scalars(
        select(Visit)
        .where(
            Visit.organisation_id == ours,
            Visit.date.in_(days),
            Visit.status.in_([AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED]),
        )
        .options(selectinload(Visit.windows), selectinload(Visit.services))
    ).all()
    orders = session.scalars(
        select(CareOrder)
        .join(CareOrder.patient)
        .join(CareOrder.care_plan)
        .where(
            CareOrder.organisation_id == ours,
            CareOrder.is_active,
            CarePlan.is_active,
            Patient.is_active,
            CareOrder.first_date <= days[-1],
        )
        .options(joinedload(CareOrder.care_plan), selectinload(CareOrder.windows))
    ).all()
    found = {}
    for day in days:
        on_duty = [(shift.role, (shift.starts_at, shift.ends_at)) for shift in shifts if shift.date == day]
        if not on_duty:
            on_duty = [(each.role, _worked(each, day, ground)) for each in patterns if _occurs(each, day)]
        counter = _Counter(ground.calendar.day(day)[0])
        for role, span in on_duty:
            away = [each for each in absences if each.practitioner_id == role.practitioner_id]
            if role.is_active and not any(a.starts_at < span[1] and span[0] < a.ends_at for a in away):
                counter.works(role, span, skills)
        of_day = [visit for visit in visits if visit.date == day]
        for visit in of_day:
            for _ in visit.services:
                windows = [(window.earliest, window.latest) for window in visit.windows]
                counter.asks(windows, timedelta(seconds=visit.duration_s))
        if not of_day:
            for order in (order for order in orders if is_due(order, day, ground.calendar)):
                _ask_for(counter, order, day, ground)
        found[day] = Capacity(counter.begins, counter.spare, counter.able)
    return found


def _occurs(pattern: ShiftPattern, day: date) -> bool:
    return occurs_on(pattern.recurrence, first=pattern.first_date, last=pattern.last_date, day=day)


def _worked(pattern: ShiftPattern, day: date, ground: Ground) -> Span:
    ends_on = day if pattern.starts < pattern.ends else day + timedelta(days=1)
    return ground.calendar.at(day, pattern.starts), ground.calendar.at(ends_on, pattern.ends)


def _ask_for(counter: "_Counter", order: CareOrder, day: date, ground: Ground) -> None:
    windows: dict[int, list[Span]] = {}
    for window in order.windows:
        asked = ground.calendar.at(day, window.earliest), ground.calendar.at(day, window.latest)
        windows.setdefault(window.occurrence, []).append(asked)
    for alternatives in windows.values():
        for _ in range(order.nurses):
            counter.asks(alternatives, timedelta(minutes=order.minutes))


class _Counter:
    """Adds up who works and what is asked, step by step."""

    def __init__(self, begins: datetime) -> None:
        self.begins = begins
        self.spare: NDArray[np.float64] = np.zeros(_BINS)
        self.able: NDArray[np.float64] = np.zeros(_BINS)

    def works(self, role: Role, span: Span, skills: Mapping[str, int]) -> None:
        steps = self._steps(span)
        self.spare[steps] += 1
        held = {skill.skill_code: skill.grade for skill in role.skills}
        if all(held.get(code, 0) >= grade for code, grade in skills.items()):
            self.able[steps] += 1

    def asks(self, windows: Sequence[Span], lasts: timedelta) -> None:
        if not windows:
            return
        steps = self._steps((min(first for first, _ in windows), max(last for _, last in windows) + lasts))
        count = steps.stop - steps.start
        if count > 0:
            self.spare[steps] -= (lasts + WAY) / BIN / count

    def _steps(self, span: Span) -> slice:
        first = max(0, int((span[0] - self.begins) / BIN))
        return slice(first, min(_BINS, max(first, -int((self.begins - span[1]) / BIN))))
