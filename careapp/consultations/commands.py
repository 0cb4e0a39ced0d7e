"""Change video consultations. Each function is one use case; none commits."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from careapp.access import Viewer, visible
from careapp.appointments.cancellation import require_reason
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.appointments.occupancy import check_now, occupy, release
from careapp.calendar import Calendar
from careapp.consultations.models import Booking, ConsultationHours, Schedule, Slot, SlotStatus
from careapp.consultations.queries import get_booking, get_slot
from careapp.db import record_change
from careapp.errors import Conflict, Invalid
from careapp.people.queries import get_patient
from careapp.records import audit, outbox
from careapp.recurrence import occurs_on
from careapp.visits.queries import get_visit


class SlotTaken(Conflict):
    """The slot is no longer free."""


class SlotIsOver(Conflict):
    """The slot has begun."""


class BookingEnded(Conflict):
    """The booking was cancelled, or is over."""


class VisitDoesNotFit(Invalid):
    """The visit is another patient's, or the slot lies outside it."""


class PatientInactive(Conflict):
    """The patient's record is closed."""


def make_slots(
    session: Session, *, first: date, days: int, calendar: Calendar, viewer: Viewer, now: datetime
) -> int:
    """Cut the video hours of some local days into free slots; those that exist are left alone.

    Hours are local: on the day the clock changes, each slot still lasts its minutes. Nothing is offered on
    public holidays.

    Returns:
        How many were made.
    """
    schedules = session.scalars(
        visible(
            select(Schedule)
            .where(Schedule.is_active)
            .options(selectinload(Schedule.hours), joinedload(Schedule.role))
            .order_by(Schedule.id),
            viewer,
            Schedule,
        )
    ).all()
    period_starts = calendar.day(first)[0]
    period_ends = calendar.day(first + timedelta(days=days))[0]
    existing = session.execute(
        select(Slot.schedule_id, Slot.starts_at, Slot.ends_at).where(
            Slot.starts_at < period_ends, Slot.ends_at > period_starts
        )
    )
    taken: dict[UUID, list[tuple[datetime, datetime]]] = {}
    for schedule_id, starts_at, ends_at in existing:
        taken.setdefault(schedule_id, []).append((starts_at, ends_at))
    made = []
    for schedule in schedules:
        others = taken.setdefault(schedule.id, [])
        for number in range(days):
            day = first + timedelta(days=number)
            for starts_at, ends_at in _offered(schedule.hours, day, calendar):
                if not any(start < ends_at and starts_at < end for start, end in others):
                    others.append((starts_at, ends_at))
                    made.append(
                        Slot(
                            id=uuid4(),
                            organisation_id=schedule.organisation_id,
                            schedule_id=schedule.id,
                            starts_at=starts_at,
                            ends_at=ends_at,
                            status=SlotStatus.FREE,
                        )
                    )
    session.add_all(made)
    if made:
        audit.record(
            session,
            viewer=viewer,
            now=now,
            action="make_slots",
            subject_kind="slot",
            organisation_id=viewer.organisation_id,
            first=first.isoformat(),
            days=days,
            count=len(made),
        )
    return len(made)


def _offered(
    hours: list[ConsultationHours], day: date, calendar: Calendar
) -> list[tuple[datetime, datetime]]:
    if calendar.is_holiday(day):
        return []
    offered = []
    for stretch in hours:
        if not occurs_on(stretch.recurrence, first=stretch.first_date, last=stretch.last_date, day=day):
            continue
        length = timedelta(minutes=stretch.slot_minutes)
        starts_at, closes = calendar.at(day, stretch.starts), calendar.at(day, stretch.ends)
        while starts_at + length <= closes:
            offered.append((starts_at, starts_at + length))
            starts_at += length
    return offered


def book_slot(
    session: Session,
    *,
    slot_id: UUID,
    patient_id: UUID,
    viewer: Viewer,
    now: datetime,
    visit_id: UUID | None = None,
    title: str | None = None,
) -> Booking:
    """Take a free slot, inside one of the patient's promised visits if one is named.

    Two people may press the button at once: the update itself is the check, so exactly one gets the slot.

    Raises:
        SlotNotFound: No slot has this id, or not for this viewer.
        PatientNotFound: No patient has this id, or not for this viewer.
        PatientInactive: The patient's record is closed.
        VisitNotFound: No visit has this id, or not for this viewer.
        VisitDoesNotFit: The visit is another patient's, is not promised, or does not hold the slot.
        SlotIsOver: The slot has begun.
        SlotTaken: The slot is no longer free.
        AlreadyOccupied: The doctor is promised elsewhere at that time.
    """
    slot = get_slot(session, slot_id=slot_id, viewer=viewer)
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    if not patient.is_active:
        raise PatientInactive(f"the record of patient {patient_id} is closed: reopen it before booking")
    if slot.starts_at <= now:
        raise SlotIsOver("this slot has begun: choose a later one")
    if visit_id is not None:
        _refuse_misfit(session, slot, patient_id, visit_id, viewer)
    taken = session.execute(
        update(Slot)
        .where(Slot.id == slot_id, Slot.status == SlotStatus.FREE)
        .values(status=SlotStatus.BUSY)
        .returning(Slot.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if taken is None:
        raise SlotTaken("this slot has just been taken: choose another one")
    record_change(session, Slot, slot_id)
    session.refresh(slot, ["status"])
    booking = Booking(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient_id,
        status=AppointmentStatus.BOOKED,
        title=title or "Videosprechstunde",
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        cancelled_because=None,
        slot_id=slot_id,
        visit_id=visit_id,
    )
    booking.slot = slot
    session.add(booking)
    session.flush()  # the occupied time refers to the booking
    occupy(
        session,
        organisation_id=slot.organisation_id,
        practitioner_id=slot.schedule.practitioner_id,
        appointment_id=booking.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
    )
    check_now(session)
    audit.record(session, viewer=viewer, now=now, action="book_slot", subject=booking, slot=str(slot_id))
    outbox.send(session, topic="slot.booked", payload={"booking": str(booking.id)}, now=now)
    return booking


def _refuse_misfit(session: Session, slot: Slot, patient_id: UUID, visit_id: UUID, viewer: Viewer) -> None:
    visit = get_visit(session, visit_id=visit_id, viewer=viewer)
    if visit.patient_id != patient_id:
        raise VisitDoesNotFit(f"visit {visit_id} is another patient's: name a visit of patient {patient_id}")
    if visit.status != AppointmentStatus.BOOKED or visit.starts_at is None or visit.ends_at is None:
        raise VisitDoesNotFit(f"visit {visit_id} is not in a published tour yet: publish the day first")
    if not visit.starts_at <= slot.starts_at < slot.ends_at <= visit.ends_at:
        raise VisitDoesNotFit(
            f"the nurse is with the patient only from {visit.starts_at.isoformat()} "
            f"to {visit.ends_at.isoformat()}: choose a slot in that time"
        )


def cancel_booking(
    session: Session, *, booking_id: UUID, because: str, viewer: Viewer, now: datetime
) -> Booking:
    """Give a booked slot back.

    Args:
        session: An open transaction.
        booking_id: Which booking.
        because: A code, see `careapp.appointments.cancellation`.
        viewer: Who cancels.
        now: This moment; a slot that has begun is not offered again.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        UnknownReason: `because` is no known code.
        BookingEnded: It was cancelled before, or is over.
    """
    require_reason(because)
    booking = get_booking(session, booking_id=booking_id, viewer=viewer)
    cancelled = session.execute(
        update(Appointment)
        .where(Appointment.id == booking_id, Appointment.status == AppointmentStatus.BOOKED)
        .values(status=AppointmentStatus.CANCELLED, cancelled_because=because)
        .returning(Appointment.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if cancelled is None:
        raise BookingEnded(f"booking {booking_id} was cancelled before, or is over")
    record_change(session, Booking, booking_id)
    session.refresh(booking, ["status", "cancelled_because"])
    release(session, appointment_id=booking_id)
    if booking.slot.starts_at > now:
        booking.slot.status = SlotStatus.FREE
    audit.record(session, viewer=viewer, now=now, action="cancel_booking", subject=booking, because=because)
    outbox.send(session, topic="booking.cancelled", payload={"booking": str(booking_id)}, now=now)
    return booking
