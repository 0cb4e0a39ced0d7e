"""Book, move and cancel consultations. Each function is one use case; none commits.

There is no second way to book: the web client, `$book` and a written Appointment all end here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.cancellation import require_reason
from careapp.appointments.models import PROMISED, Appointment, AppointmentStatus
from careapp.appointments.occupancy import release
from careapp.consultations import history
from careapp.consultations.further_models import BookingDeed
from careapp.consultations.inside import (
    Inside,
    as_agreed,
    inside_of,
    let_visit_go,
    lie_anew,
    refuse_misfit,
)
from careapp.consultations.models import Booking, ConsultationCode, FurtherSlot, Slot
from careapp.consultations.participants import Attendee, colleagues_of, let_see, occupy_for
from careapp.consultations.queries import get_booking
from careapp.consultations.taking import get_slots, give_back, lock, take
from careapp.db import record_change
from careapp.errors import Conflict, Invalid
from careapp.openings.commands import ToWhom, close_records_of
from careapp.people.queries import get_patient
from careapp.records import audit, outbox

Status = AppointmentStatus
OPEN_AFTERWARDS = timedelta(days=30)
"""How long a doctor sees a patient after the consultation: findings and letters come later."""


class BookingEnded(Conflict):
    """The booking was cancelled, or is over."""


class TimeOutsideSlots(Invalid):
    """The appointment's time does not lie in its slots."""


class PatientInactive(Conflict):
    """The patient's record is closed."""


class OtherPatient(Invalid):
    """A booking is moved for somebody else than it was made for."""


@dataclass(frozen=True)
class Wish:
    """What is to be booked.

    Attributes:
        slot_ids: One slot, or several that follow each other.
        visit_id: The promised visit at which a nurse helps; None without a nurse.
        hold_id: The hold that keeps the slots, if one does; the booking takes its id.
        title: What it is about; None: the usual words.
        time: A part of the slots' time; None: all of it.
        attendees: Who takes part beside the patient and the doctor; a moved booking keeps its own.
        inside: How the consultation lies in the visit, if that was agreed; the visit may then still be
            proposed.
    """

    slot_ids: Sequence[UUID]
    visit_id: UUID | None = None
    hold_id: UUID | None = None
    title: str | None = None
    time: tuple[datetime, datetime] | None = None
    attendees: Sequence[Attendee] = ()
    inside: Inside | None = None


def book_slots(session: Session, *, wish: Wish, patient_id: UUID, viewer: Viewer, now: datetime) -> Booking:
    """Take free slots, inside one of the patient's promised visits if one is named.

    Two people may press the button at once: the update itself is the check, so exactly one gets the slots. If
    the practice confirms its bookings, this one is pending.

    Raises:
        SlotNotFound: No slot has this id, or not for this viewer.
        SlotsDoNotFollow: See `careapp.consultations.taking.get_slots`.
        SlotIsOver: The first slot has begun.
        SlotTaken: A slot is no longer free, nor held for whoever asks.
        TimeOutsideSlots: The wished time leaves the slots, or a slot unused.
        PatientNotFound: No patient has this id, or not for this viewer.
        PatientInactive: The patient's record is closed.
        VisitNotFound: No visit has this id, or not for this viewer.
        VisitDoesNotFit: The visit is another patient's, is not promised, or does not hold the slots.
        AlreadyOccupied: The doctor is promised elsewhere at that time.
    """
    return _book(session, wish=wish, patient_id=patient_id, viewer=viewer, now=now, replaces=None)


def rebook(
    session: Session, *, booking_id: UUID, wish: Wish, patient_id: UUID, viewer: Viewer, now: datetime
) -> Booking:
    """Cancel a booking and make another in its stead: both or neither.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingEnded: It was cancelled before, or is over.
        OtherPatient: It is another patient's.
        CareError: The new one cannot be made; see `book_slots`.
    """
    old = claim(session, booking_id=booking_id, viewer=viewer)
    _refuse_other_patient(old, patient_id)
    if old.brings_visit and old.visit_id == wish.visit_id:  # the visit goes on to the new one
        wish, old.brings_visit = replace(wish, inside=inside_of(old)), False
    change_status(session, old, {Status.CANCELLED: PROMISED}, Status.CANCELLED, because="other")
    lock(session, [*wish.slot_ids, *(slot.id for slot in _slots_of(session, old))])
    let_go(session, old, viewer=viewer, now=now)
    history.note(session, old, BookingDeed.CANCELLED, viewer=viewer, now=now, because="other")
    return _book(session, wish=wish, patient_id=patient_id, viewer=viewer, now=now, replaces=old)


def _book(
    session: Session,
    *,
    wish: Wish,
    patient_id: UUID,
    viewer: Viewer,
    now: datetime,
    replaces: Booking | None,
) -> Booking:
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    if not patient.is_active:
        raise PatientInactive(f"the record of patient {patient_id} is closed: reopen it before booking")
    slots = get_slots(session, slot_ids=wish.slot_ids, viewer=viewer, now=now)
    starts_at, ends_at = _time(slots, wish)
    if wish.visit_id is not None:
        refuse_misfit(session, (starts_at, ends_at), patient_id, wish.visit_id, wish.inside, viewer)
    keeps_id = wish.hold_id is not None and all(slot.hold_id == wish.hold_id for slot in slots)
    take(session, slots, now=now, hold_id=wish.hold_id)
    booking = Booking(
        id=wish.hold_id if keeps_id else uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient_id,
        status=_first_status(slots),
        title=wish.title or "Videosprechstunde",
        starts_at=starts_at,
        ends_at=ends_at,
        cancelled_because=None,
        slot_id=slots[0].id,
        visit_id=wish.visit_id,
        consultation=_kind(slots, wish.visit_id),
        replaces_id=replaces.id if replaces else None,
        further_slots=_further(slots),
        **as_agreed(wish.inside),
    )
    booking.slot = slots[0]
    session.add(booking)
    session.flush()  # the occupied time refers to the booking
    session.add_all(attendee.of(booking, now) for attendee in wish.attendees)
    occupy_for(session, booking, slots)
    _let_practice_see(session, booking, slots, viewer=viewer, now=now)
    history.note(session, booking, BookingDeed.BOOKED, viewer=viewer, now=now, before=history.NO_TIME)
    audit.record(session, viewer=viewer, now=now, action="book_slots", subject=booking, slot=str(slots[0].id))
    payload = {"booking": str(booking.id)}
    outbox.send(session, topic="slot.booked", payload=payload, now=now)
    return booking


def move_booking(
    session: Session, *, booking_id: UUID, wish: Wish, patient_id: UUID, viewer: Viewer, now: datetime
) -> Booking:
    """Give a booking other slots, or another part of its slots' time; the booking stays the same one.

    The nurse's visit in which it takes place stays too, unless another one is wished; it must hold the new
    time. What it leaves is free in the same transaction in which the new slots are taken.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingEnded: It was cancelled before, or is over.
        OtherPatient: It is another patient's.
        CareError: The new slots cannot be taken; see `book_slots`.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    _refuse_other_patient(booking, patient_id)
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    if not patient.is_active:
        raise PatientInactive(f"the record of patient {patient_id} is closed: reopen it before booking")
    slots = get_slots(session, slot_ids=wish.slot_ids, viewer=viewer, now=now)
    starts_at, ends_at = _time(slots, wish)
    status = _first_status(slots)
    change_status(session, booking, {status: PROMISED}, status)
    old, before = _slots_of(session, booking), history.time_of(booking)
    visit_id = wish.visit_id or booking.visit_id
    if visit_id is not None:
        refuse_misfit(session, (starts_at, ends_at), patient_id, visit_id, wish.inside, viewer)
    kept = {slot.id for slot in old} & {slot.id for slot in slots}
    lock(session, {slot.id for slot in (*old, *slots)})
    give_back(session, [slot for slot in old if slot.id not in kept], now=now)
    added = [slot for slot in slots if slot.id not in kept]
    if added:
        take(session, added, now=now, hold_id=wish.hold_id)
    release(session, appointment_id=booking_id)
    session.execute(delete(FurtherSlot).where(FurtherSlot.booking_id == booking_id))
    session.expire(booking, ["further_slots"])
    booking.slot_id, booking.slot, booking.visit_id = slots[0].id, slots[0], visit_id
    booking.starts_at, booking.ends_at = starts_at, ends_at
    lie_anew(session, booking, wish.inside)
    booking.consultation = _kind(slots, visit_id)
    if wish.title:
        booking.title = wish.title
    for part in _further(slots):
        part.booking_id = booking_id
        session.add(part)
    session.flush()
    occupy_for(session, booking, slots)
    close_records_of(session, appointment_id=booking_id, viewer=viewer, now=now, forgets=True)
    _let_practice_see(session, booking, slots, viewer=viewer, now=now)
    history.note(session, booking, BookingDeed.MOVED, viewer=viewer, now=now, before=before)
    audit.record(
        session, viewer=viewer, now=now, action="move_booking", subject=booking, slot=str(slots[0].id)
    )
    outbox.send(session, topic="booking.moved", payload={"booking": str(booking_id)}, now=now)
    return booking


def cancel_booking(
    session: Session, *, booking_id: UUID, because: str, viewer: Viewer, now: datetime
) -> Booking:
    """Give booked slots back.

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
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    change_status(session, booking, {Status.CANCELLED: PROMISED}, Status.CANCELLED, because=because)
    let_go(session, booking, viewer=viewer, now=now)
    history.note(session, booking, BookingDeed.CANCELLED, viewer=viewer, now=now, because=because)
    audit.record(session, viewer=viewer, now=now, action="cancel_booking", subject=booking, because=because)
    outbox.send(session, topic="booking.cancelled", payload={"booking": str(booking_id)}, now=now)
    return booking


def slots_of(session: Session, booking: Booking) -> list[UUID]:
    """Return the ids of all slots of a booking, in order."""
    further = select(FurtherSlot.slot_id).where(FurtherSlot.booking_id == booking.id)
    return [booking.slot_id, *session.scalars(further.order_by(FurtherSlot.position))]


def _slots_of(session: Session, booking: Booking) -> list[Slot]:
    ids = slots_of(session, booking)
    return list(session.scalars(select(Slot).where(Slot.id.in_(ids)).order_by(Slot.starts_at)))


def claim(session: Session, *, booking_id: UUID, viewer: Viewer) -> Booking:
    """Return a booking that nobody else changes until the transaction ends, as it is by now.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
    """
    # First the lock, then the reading: whoever waits here sees to which slots the other has moved it.
    session.execute(select(Appointment.id).where(Appointment.id == booking_id).with_for_update()).all()
    return get_booking(session, booking_id=booking_id, viewer=viewer, is_fresh=True)


def let_go(session: Session, booking: Booking, *, viewer: Viewer, now: datetime) -> None:
    """Free the slots and the doctor of a booking that has just ended, and close the patient's record.

    A visit that was made for the booking is called off, and its nurse is free, too.
    """
    close_records_of(session, appointment_id=booking.id, viewer=viewer, now=now)
    release(session, appointment_id=booking.id)
    give_back(session, _slots_of(session, booking), now=now)
    let_visit_go(session, booking, viewer=viewer, now=now)


def _let_practice_see(
    session: Session, booking: Booking, slots: Sequence[Slot], *, viewer: Viewer, now: datetime
) -> None:
    """Open the record of another tenant's patient to the doctor who is to see her, and to who else is."""
    people = [ToWhom(slots[0].organisation_id, slots[0].schedule.practitioner_id)]
    people += [ToWhom(each.organisation_id, each.id) for each in colleagues_of(session, booking)]
    until = slots[-1].ends_at + OPEN_AFTERWARDS
    for whom in people:
        let_see(session, booking, whom, until=until, viewer=viewer, now=now)


def _first_status(slots: Sequence[Slot]) -> AppointmentStatus:
    return Status.PENDING if slots[0].schedule.needs_confirmation else Status.BOOKED


def _kind(slots: Sequence[Slot], visit_id: UUID | None) -> ConsultationCode:
    if visit_id is not None:
        return ConsultationCode.ASSISTED
    return slots[0].kind or ConsultationCode.VIDEO


def _further(slots: Sequence[Slot]) -> list[FurtherSlot]:
    return [FurtherSlot(position=number, slot_id=slot.id) for number, slot in enumerate(slots) if number]


def _time(slots: Sequence[Slot], wish: Wish) -> tuple[datetime, datetime]:
    if wish.time is None:
        return slots[0].starts_at, slots[-1].ends_at
    starts_at, ends_at = wish.time
    first, last = slots[0], slots[-1]
    if not (first.starts_at <= starts_at < first.ends_at and last.starts_at < ends_at <= last.ends_at):
        raise TimeOutsideSlots(
            "the appointment must begin in its first slot and end in its last: "
            f"they last from {first.starts_at.isoformat()} to {last.ends_at.isoformat()}"
        )
    if not starts_at < ends_at:
        raise TimeOutsideSlots("the appointment ends before it starts: give an end after its start")
    return starts_at, ends_at


def _refuse_other_patient(booking: Booking, patient_id: UUID) -> None:
    if booking.patient_id != patient_id:
        raise OtherPatient(
            f"booking {booking.id} is another patient's: cancel it, and book anew for patient {patient_id}"
        )


def change_status(
    session: Session,
    booking: Booking,
    allowed: dict[AppointmentStatus, frozenset[AppointmentStatus]],
    status: AppointmentStatus,
    *,
    because: str | None = None,
) -> None:
    """Change a status in one conditional update: of two that do so at once, the second sees the first.

    Args:
        session: An open transaction.
        booking: Which one.
        allowed: From which states to which.
        status: What it becomes.
        because: Why it is cancelled, if it is.

    Raises:
        BookingEnded: Its state allows no such change.
    """
    changed = session.execute(
        update(Appointment)
        .where(Appointment.id == booking.id, Appointment.status.in_(allowed.get(status, frozenset())))
        .values(status=status, cancelled_because=because)
        .returning(Appointment.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if changed is None:
        raise BookingEnded(
            f"booking {booking.id} was cancelled before, is over, or cannot become {status.value}"
        )
    record_change(session, Booking, booking.id)
    session.refresh(booking, ["status", "cancelled_because"])
