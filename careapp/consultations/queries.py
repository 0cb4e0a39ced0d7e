"""Read schedules, slots and bookings."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from careapp.access import Viewer, visible
from careapp.consultations.models import Booking, Schedule, Slot, SlotStatus
from careapp.db import refuse_naive
from careapp.errors import Invalid, NotFound
from careapp.paging import Page
from careapp.people.models import Role


class ScheduleNotFound(NotFound):
    """No schedule has this id, or not for this viewer."""


class SlotNotFound(NotFound):
    """No slot has this id, or not for this viewer."""


class BookingNotFound(NotFound):
    """No booking has this id, or not for this viewer."""


class PeriodEndsBeforeItStarts(Invalid):
    """The end of the asked period is not after its start."""


def list_slots(
    session: Session,
    *,
    viewer: Viewer,
    starts: datetime,
    ends: datetime,
    status: SlotStatus | None = None,
    doctor_id: UUID | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[Slot]:
    """Return slots that start in a period, in order of time.

    Args:
        session: An open transaction.
        viewer: Who looks.
        starts: First moment of the period.
        ends: The moment after its last.
        status: None for all.
        doctor_id: Id of a doctor's role; None for all doctors.
        limit: Most slots of the page.
        after: Id of the last slot of the page before.

    Raises:
        NaiveDatetime: A time has no zone.
        PeriodEndsBeforeItStarts: The period is empty.
        SlotNotFound: `after` names no slot.
    """
    refuse_naive(starts)
    refuse_naive(ends)
    if ends <= starts:
        raise PeriodEndsBeforeItStarts("the period ends before it starts: give an end after its start")
    slots = (
        select(Slot)
        .where(Slot.starts_at >= starts, Slot.starts_at < ends)
        .order_by(Slot.starts_at, Slot.id)
        .options(*_WHOSE)
        .limit(limit + 1)
    )
    if status is not None:
        slots = slots.where(Slot.status == status)
    if doctor_id is not None:
        slots = slots.join(Schedule).where(Schedule.role_id == doctor_id)
    if after is not None:
        last = get_slot(session, slot_id=after, viewer=viewer)
        slots = slots.where(
            or_(Slot.starts_at > last.starts_at, and_(Slot.starts_at == last.starts_at, Slot.id > last.id))
        )
    found = list(session.scalars(visible(slots, viewer, Slot)))
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def get_slot(session: Session, *, slot_id: UUID, viewer: Viewer) -> Slot:
    """Return one slot.

    Raises:
        SlotNotFound: No slot has this id, or not for this viewer.
    """
    slot = session.scalars(
        visible(select(Slot).where(Slot.id == slot_id).options(*_WHOSE), viewer, Slot)
    ).one_or_none()
    if slot is None:
        raise SlotNotFound(f"there is no slot {slot_id}")
    return slot


def get_schedule(session: Session, *, schedule_id: UUID, viewer: Viewer) -> Schedule:
    """Return one schedule with its doctor and organisation.

    Raises:
        ScheduleNotFound: No schedule has this id, or not for this viewer.
    """
    schedule = session.scalars(
        visible(
            select(Schedule)
            .where(Schedule.id == schedule_id)
            .options(
                joinedload(Schedule.role).joinedload(Role.practitioner), joinedload(Schedule.organisation)
            ),
            viewer,
            Schedule,
        )
    ).one_or_none()
    if schedule is None:
        raise ScheduleNotFound(f"there is no schedule {schedule_id}")
    return schedule


def get_booking(session: Session, *, booking_id: UUID, viewer: Viewer, is_fresh: bool = False) -> Booking:
    """Return one booking with its slot.

    Args:
        session: An open transaction.
        booking_id: Which booking.
        viewer: Who looks.
        is_fresh: Read it again even if the session knows it already.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
    """
    booking = session.scalars(
        visible(
            select(Booking)
            .where(Booking.id == booking_id)
            .options(joinedload(Booking.slot).options(*_WHOSE))
            .execution_options(populate_existing=is_fresh),
            viewer,
            Booking,
        )
    ).one_or_none()
    if booking is None:
        raise BookingNotFound(f"there is no booking {booking_id}")
    return booking


_WHOSE = (joinedload(Slot.schedule).joinedload(Schedule.role).joinedload(Role.practitioner),)
