"""What binds the shifts of one nurse: those of the same day, and her duties of the days around it.

A nurse is a practitioner, whatever her roles. The law is the working time act (Arbeitszeitgesetz, ArbZG).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from uuid import UUID

from careapp.errors import Invalid
from careapp.people.models import Absence
from careapp.tours.models import Shift

REST = timedelta(hours=11)
"""Rest between the duties of two days (ArbZG section 5, paragraph 1)."""

SHORTENED_REST = timedelta(hours=10)
"""What care may shorten it to (paragraph 2), where another rest makes up for it."""

MAKES_UP = timedelta(hours=12)
"""A rest that makes up for one shortened rest, if both lie within four weeks."""

FOUR_WEEKS = timedelta(days=28)

LONGEST_DAY = timedelta(hours=10)
"""Most work of one day, breaks not counted (section 3)."""

SHORTEST_SHIFT = timedelta(hours=1)
"""What an absence or a published tour leaves of a shift is worked if it is at least so long."""


class ShiftsOverlap(Invalid):
    """A nurse would have to work two shifts at once; the message names both."""


@dataclass(frozen=True)
class WorkTime:
    """A shift, less its nurse's absences and what is published already.

    Attributes:
        shift: The row, with role, practitioner, skills and places loaded.
        starts_at: First moment she may leave.
        ends_at: When she is back.
    """

    shift: Shift
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Duty:
    """A time in which a nurse works and that this planning does not change; half-open.

    Attributes:
        practitioner_id: Who.
        date: The local day it begins on.
        starts_at: When she leaves in the published tour; where there is none, the shift's begin.
        ends_at: When she is back, or the shift's end.
    """

    practitioner_id: UUID
    date: date
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Bound:
    """What the other duties of a nurse leave to her shifts of a day.

    Attributes:
        rest: Due between them and the duties of other days.
        free_since: When the last duty of a day before ends; None without one.
        next_duty: When the first duty of a day after begins; None without one.
        max_day: What she may still work on this day, over all her shifts; None where one shift decides it.
    """

    rest: timedelta = REST
    free_since: datetime | None = None
    next_duty: datetime | None = None
    max_day: timedelta | None = None


def work_times(shifts: Iterable[Shift], absences: Iterable[Absence]) -> list[WorkTime]:
    """Take nurses' absences out of their shifts, keeping the longest rest of each.

    Args:
        shifts: With role and practitioner loaded.
        absences: Of practitioners.
    """
    away = absences_by_nurse(absences)
    found = []
    for shift in shifts:
        left = at_work(shift.starts_at, shift.ends_at, away.get(shift.role.practitioner_id, ()))
        if left is not None:
            found.append(WorkTime(shift, *left))
    return found


def absences_by_nurse(absences: Iterable[Absence]) -> dict[UUID, list[Absence]]:
    """Return the absences of each practitioner."""
    away: dict[UUID, list[Absence]] = {}
    for absence in absences:
        if absence.practitioner_id is not None:
            away.setdefault(absence.practitioner_id, []).append(absence)
    return away


def at_work(
    starts_at: datetime, ends_at: datetime, absences: Iterable[Absence]
) -> tuple[datetime, datetime] | None:
    """Return the longest piece of a shift that absences leave; None if it is too short to be worked."""
    free = [(starts_at, ends_at)]
    for absence in absences:
        free = [
            piece
            for begin, end in free
            for piece in ((begin, min(end, absence.starts_at)), (max(begin, absence.ends_at), end))
            if piece[0] < piece[1]
        ]
    longest = max(free, key=lambda piece: piece[1] - piece[0], default=None)
    if longest is None or longest[1] - longest[0] < min(SHORTEST_SHIFT, ends_at - starts_at):
        return None
    return longest


def beside_published(open_shifts: Iterable[WorkTime], duties: Iterable[Duty]) -> list[WorkTime]:
    """Return what published tours of the same nurse and day leave of her other shifts.

    A shift that begins before such a tour ends with it, a later one begins when she is back.
    """
    published: dict[tuple[UUID, date], list[Duty]] = {}
    for duty in duties:
        published.setdefault((duty.practitioner_id, duty.date), []).append(duty)
    found = []
    for work in open_shifts:
        starts_at, ends_at = work.starts_at, work.ends_at
        for duty in published.get((work.shift.role.practitioner_id, work.shift.date), ()):
            if starts_at < duty.starts_at:
                ends_at = min(ends_at, duty.starts_at)
            else:
                starts_at = max(starts_at, duty.ends_at)
        if ends_at - starts_at >= min(SHORTEST_SHIFT, work.ends_at - work.starts_at):
            found.append(replace(work, starts_at=starts_at, ends_at=ends_at))
    return found


def bounds(day: date, open_shifts: Sequence[WorkTime], duties: Iterable[Duty]) -> Mapping[UUID, Bound]:
    """Return what binds each nurse who has a shift on a day, by practitioner.

    Eleven hours of rest are due. Where the roster itself leaves less, ten are due, if for each rest that it
    shortens there was one of at least twelve hours in the four weeks before that no other shortened rest
    needs.

    Args:
        day: The local day.
        open_shifts: To be planned on it.
        duties: Of four weeks before and some days after; on the day itself those that are published.

    Raises:
        ShiftsOverlap: Two shifts of one nurse overlap.
    """
    of_nurse: dict[UUID, list[WorkTime]] = {}
    for work in sorted(open_shifts, key=lambda work: (work.starts_at, work.shift.id)):
        of_nurse.setdefault(work.shift.role.practitioner_id, []).append(work)
    others: dict[UUID, list[Duty]] = {}
    for duty in duties:
        others.setdefault(duty.practitioner_id, []).append(duty)
    for shifts in of_nurse.values():
        for earlier, later in pairwise(shifts):
            if later.starts_at < earlier.ends_at:
                raise ShiftsOverlap(
                    f"shift {later.shift.id} begins before shift {earlier.shift.id} of the same nurse ends: "
                    "change or remove one of them"
                )
    return {
        practitioner_id: _bound(day, shifts, others.get(practitioner_id, []))
        for practitioner_id, shifts in of_nurse.items()
    }


def _bound(day: date, shifts: Sequence[WorkTime], duties: Sequence[Duty]) -> Bound:
    before = [duty for duty in duties if duty.date < day]
    free_since = max((duty.ends_at for duty in before), default=None)
    next_duty = min((duty.starts_at for duty in duties if duty.date > day), default=None)
    today = [duty for duty in duties if duty.date == day]
    times = [(work.starts_at, work.ends_at) for work in shifts]
    times += [(duty.starts_at, duty.ends_at) for duty in today]
    starts_at, ends_at = min(start for start, _ in times), max(end for _, end in times)
    gaps = [] if free_since is None else [starts_at - free_since]
    gaps += [] if next_duty is None else [next_duty - ends_at]
    shortened = sum(gap < REST for gap in gaps)
    max_day = None
    if len(times) > 1:
        # A published tour counts with its breaks: that may leave some minutes less, never more.
        worked = sum((duty.ends_at - duty.starts_at for duty in today), timedelta())
        max_day = max(timedelta(), LONGEST_DAY - worked)
    return Bound(
        rest=SHORTENED_REST if shortened and _spare(before) >= shortened else REST,
        free_since=free_since,
        next_duty=next_duty,
        max_day=max_day,
    )


def _spare(duties: Iterable[Duty]) -> int:
    """Return how many rests of twelve hours lie between these duties that no shortened rest needs."""
    days = [
        (min(duty.starts_at for duty in of_day), max(duty.ends_at for duty in of_day))
        for _, group in groupby(sorted(duties, key=lambda duty: duty.date), key=lambda duty: duty.date)
        for of_day in [list(group)]
    ]
    rests = [later - ended for (_, ended), (later, _) in pairwise(days)]
    return sum(rest >= MAKES_UP for rest in rests) - sum(rest < REST for rest in rests)
