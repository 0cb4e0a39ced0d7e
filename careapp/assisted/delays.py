"""A nurse who is late: whom it concerns, and from when on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from careapp.access import Viewer, visible
from careapp.appointments.models import PROMISED, AppointmentStatus
from careapp.consultations.models import Booking, Schedule, Slot
from careapp.db import record_change
from careapp.errors import Conflict, Invalid
from careapp.people.models import Role
from careapp.records import audit, outbox
from careapp.tours.models import Stop, TourStatus
from careapp.tours.queries import get_tour

MOST_MINUTES = 240
OVER = frozenset(
    {
        AppointmentStatus.CANCELLED,
        AppointmentStatus.FULFILLED,
        AppointmentStatus.NOSHOW,
        AppointmentStatus.ENTERED_IN_ERROR,
    }
)


class ImpossibleDelay(Invalid):
    """Nobody is late by so much."""


class TourNotPromised(Conflict):
    """The tour is only proposed: nobody waits for it."""


@dataclass(frozen=True)
class ExpectedStop:
    """When a nurse is expected at a stop.

    Attributes:
        visit_id: Of which visit.
        starts_at: As promised.
        expected_at: As expected now.
    """

    visit_id: UUID
    starts_at: datetime
    expected_at: datetime

    @property
    def late(self) -> timedelta:
        """How much later than promised."""
        return self.expected_at - self.starts_at


def expected_stops(stops: Iterable[Stop], delay: timedelta, *, now: datetime) -> list[ExpectedStop]:
    """Return when a nurse is expected at the stops she has not left yet.

    What she would have waited for makes up for it; breaks are kept. Where she is now it ends later by the
    whole delay.

    Args:
        stops: Of her tour in order, those that are not over.
        delay: How late she is.
        now: This moment.
    """
    found = []
    carried = delay
    for stop in stops:
        if stop.starts_at <= now:
            expected = stop.starts_at + carried
        else:
            expected = max(stop.starts_at, stop.arrives_at + carried)
        found.append(ExpectedStop(stop.visit_id, stop.starts_at, expected))
        carried = expected - stop.starts_at
    return found


def report_delay(
    session: Session, *, tour_id: UUID, minutes: int, viewer: Viewer, now: datetime
) -> list[ExpectedStop]:
    """Say that a nurse is late; doctors who wait in her later visits learn from when on.

    Nothing is moved: what is promised stays, and each consultation that would begin late says when it is
    expected.

    Args:
        session: An open transaction.
        tour_id: A published tour.
        minutes: How late she is now; 0 takes an earlier report back.
        viewer: Who says so: the nurse, or who plans.
        now: This moment.

    Returns:
        The stops that are still to come, or where she is.

    Raises:
        TourNotFound: No tour has this id, or not for this viewer.
        TourNotPromised: It is only proposed.
        ImpossibleDelay: Negative, or more than four hours.
    """
    if not 0 <= minutes <= MOST_MINUTES:
        raise ImpossibleDelay(f"minutes {minutes}: write a whole number from 0 to {MOST_MINUTES}")
    tour = get_tour(session, tour_id=tour_id, viewer=viewer)
    if tour.status != TourStatus.PUBLISHED:
        raise TourNotPromised(f"tour {tour_id} is only proposed: nobody waits for it yet")
    tour.delay_s, tour.delay_told_at = 60 * minutes, now
    coming = [
        stop
        for stop in tour.stops
        if stop.visit.status not in OVER and stop.ends_at + timedelta(minutes=minutes) > now
    ]
    expected = expected_stops(coming, timedelta(minutes=minutes), now=now)
    changed = _tell(session, expected, now)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="report_delay",
        subject=tour,
        minutes=minutes,
        consultations=changed,
    )
    return expected


def _tell(session: Session, expected: Sequence[ExpectedStop], now: datetime) -> int:
    by_visit = {stop.visit_id: stop for stop in expected}
    bookings = session.scalars(
        select(Booking)
        .where(Booking.visit_id.in_(by_visit), Booking.status.in_(PROMISED))
        .order_by(Booking.id)
        .with_for_update(of=Booking.__table__)
    ).all()
    changed = 0
    for booking in bookings:
        if booking.visit_id is None or booking.starts_at is None:
            continue
        late = by_visit[booking.visit_id].late
        then = booking.starts_at + late if late else None
        if then == booking.expected_at:
            continue
        booking.expected_at = then
        changed += 1
        record_change(session, Booking, booking.id)
        outbox.send(session, topic="consultation.delayed", payload={"booking": str(booking.id)}, now=now)
    session.flush()
    return changed


def list_waiting(
    session: Session, *, starts: datetime, ends: datetime, viewer: Viewer, doctor_id: UUID | None = None
) -> list[Booking]:
    """Return the assisted consultations of a time, in the order in which they are expected.

    Args:
        session: An open transaction.
        starts: First moment.
        ends: The moment after the last.
        viewer: Who looks: a doctor sees his own.
        doctor_id: Only of this doctor's role.
    """
    statement = (
        select(Booking)
        .join(Slot, Booking.slot_id == Slot.id)
        .join(Schedule, Slot.schedule_id == Schedule.id)
        .where(
            Booking.visit_id.is_not(None),
            Booking.status.in_(PROMISED),
            Booking.starts_at >= starts,
            Booking.starts_at < ends,
        )
        .options(
            joinedload(Booking.slot)
            .joinedload(Slot.schedule)
            .joinedload(Schedule.role)
            .joinedload(Role.practitioner)
        )
        .limit(200)
    )
    if doctor_id is not None:
        statement = statement.where(Schedule.role_id == doctor_id)
    rows = session.scalars(visible(statement, viewer, Booking)).all()
    return sorted(rows, key=lambda row: (row.expected_at or row.starts_at or starts, row.id))
