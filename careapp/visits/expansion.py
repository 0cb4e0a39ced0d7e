"""From a care order to the visits of one local day; pure, but for the ids it draws."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

from careapp.appointments.models import AppointmentKind, AppointmentStatus
from careapp.calendar import Calendar
from careapp.orders.models import CareOrder, OnHolidays
from careapp.recurrence import occurs_on
from careapp.visits.models import Service, ServiceSkill, Visit, VisitLink, VisitWindow

Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class KnownVisit:
    """A visit that was made before.

    Attributes:
        id: Of the visit.
        is_cancelled: Then it is neither made again nor linked.
    """

    id: UUID
    is_cancelled: bool


def is_due(order: CareOrder, day: date, calendar: Calendar) -> bool:
    """Tell whether an active order asks for visits on a local day."""
    plan = order.care_plan
    if day < plan.first_date or (plan.last_date is not None and day > plan.last_date):
        return False
    if not occurs_on(order.recurrence, first=order.first_date, last=order.last_date, day=day):
        return False
    return order.on_holidays == OnHolidays.AS_USUAL or not calendar.is_holiday(day)


def starts_outside(window: Interval, absences: Sequence[Interval], duration: timedelta) -> list[Interval]:
    """Cut a closed window of starts so that a visit never overlaps an absence.

    Args:
        window: First and last allowed start.
        absences: Half-open times without the patient.
        duration: Of the visit: it must be over when an absence begins.

    Returns:
        What is left, in order; empty if no start is possible.
    """
    left = [window]
    for starts_at, ends_at in absences:
        left = [
            piece
            for earliest, latest in left
            for piece in (
                (earliest, min(latest, starts_at - duration)),
                (max(earliest, ends_at), latest),
            )
            if piece[0] <= piece[1]
        ]
    return left


def merged(windows: Sequence[Interval]) -> list[Interval]:
    """Return closed windows in order, those that touch made one.

    Windows that differ on the wall clock may coincide where the clock skips an hour.
    """
    found: list[Interval] = []
    for earliest, latest in sorted(windows):
        if found and earliest <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], latest))
        else:
            found.append((earliest, latest))
    return found


class Expansion:
    """The visits and links of one care order on one local day.

    Attributes:
        visits: New ones, with windows, services and skills.
        links: New ones, between consecutive visits of which one at least is new.
    """

    def __init__(
        self,
        order: CareOrder,
        *,
        day: date,
        calendar: Calendar,
        absences: Sequence[Interval] = (),
        known: Mapping[int, KnownVisit] | None = None,
    ) -> None:
        """Expand an order that is due.

        Args:
            order: With patient, windows and skills loaded.
            day: The local day.
            calendar: Says when a local time is.
            absences: Of the patient.
            known: Visits of this order and day that exist, by occurrence.
        """
        known = known or {}
        windows: dict[int, list[Interval]] = {}
        for window in order.windows:
            asked = (calendar.at(day, window.earliest), calendar.at(day, window.latest))
            kept = starts_outside(asked, absences, timedelta(minutes=order.minutes))
            windows.setdefault(window.occurrence, []).extend(kept)
        ids = {number: visit.id for number, visit in known.items() if not visit.is_cancelled}
        self.visits: list[Visit] = []
        for number, starts in windows.items():
            if starts and number not in known:
                visit = _visit(order, day=day, occurrence=number, starts=starts)
                ids[number] = visit.id
                self.visits.append(visit)
        self.links = list(self._links(order, ids))

    def _links(self, order: CareOrder, ids: Mapping[int, UUID]) -> Iterator[VisitLink]:
        if order.min_gap_minutes is None and order.max_gap_minutes is None:
            return
        new = {visit.id for visit in self.visits}
        for first, second in pairwise(sorted(ids)):
            if ids[first] not in new and ids[second] not in new:
                continue
            # With the visit between them gone, only the least gap still makes sense.
            greatest = order.max_gap_minutes if second == first + 1 else None
            yield VisitLink(
                first_id=ids[first],
                second_id=ids[second],
                organisation_id=order.organisation_id,
                min_gap_s=60 * (order.min_gap_minutes or 0),
                max_gap_s=None if greatest is None else 60 * greatest,
            )


def _visit(order: CareOrder, *, day: date, occurrence: int, starts: Sequence[Interval]) -> Visit:
    needed: list[list[ServiceSkill]] = [[] for _ in range(order.nurses)]
    for skill in order.skills:
        needed[skill.nurse_number].append(ServiceSkill(skill_code=skill.skill_code, grade=skill.grade))
    return Visit(
        id=uuid4(),
        kind=AppointmentKind.VISIT,
        organisation_id=order.organisation_id,
        patient_id=order.patient_id,
        patient=order.patient,
        status=AppointmentStatus.PROPOSED,
        title=order.title,
        care_order_id=order.id,
        date=day,
        occurrence=occurrence,
        duration_s=60 * order.minutes,
        priority=order.priority,
        windows=[VisitWindow(earliest=earliest, latest=latest) for earliest, latest in merged(starts)],
        services=[Service(id=uuid4(), number=number, skills=skills) for number, skills in enumerate(needed)],
    )
