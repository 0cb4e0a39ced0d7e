"""What becomes of bookings after they were made. Each function is one use case; none commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import PROMISED, AppointmentStatus
from careapp.consultations.booking import BookingEnded, change_status, claim, let_go
from careapp.consultations.further_models import (
    BookingDeed,
    BookingEvent,
    BookingParticipant,
    SeriesPart,
)
from careapp.consultations.history import note
from careapp.consultations.models import Booking, FurtherSlot
from careapp.errors import Conflict
from careapp.openings.commands import close_records_of
from careapp.records import audit, outbox
from careapp.waiting.models import Chance

Status = AppointmentStatus

NEXT: dict[Status, frozenset[Status]] = {
    Status.ARRIVED: PROMISED,
    Status.CHECKED_IN: PROMISED | {Status.ARRIVED},
    Status.FULFILLED: PROMISED | {Status.ARRIVED, Status.CHECKED_IN},
    Status.NOSHOW: PROMISED | {Status.ARRIVED, Status.CHECKED_IN},
}
"""What may become of a booking, from which states."""


class BookingStands(Conflict):
    """The booking cannot be removed."""


class NotPending(Conflict):
    """The booking waits for no confirmation."""


def confirm_booking(session: Session, *, booking_id: UUID, viewer: Viewer, now: datetime) -> Booking:
    """Say that a pending booking holds.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        NotPending: It is not pending.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    try:
        change_status(session, booking, {Status.BOOKED: frozenset({Status.PENDING})}, Status.BOOKED)
    except BookingEnded:
        raise NotPending(f"booking {booking_id} is not pending: there is nothing to confirm") from None
    note(session, booking, BookingDeed.CONFIRMED, viewer=viewer, now=now)
    audit.record(session, viewer=viewer, now=now, action="confirm_booking", subject=booking)
    outbox.send(session, topic="booking.confirmed", payload={"booking": str(booking_id)}, now=now)
    return booking


def rename_booking(
    session: Session, *, booking_id: UUID, title: str, viewer: Viewer, now: datetime
) -> Booking:
    """Say in other words what a booking is about.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    booking.title = title
    audit.record(session, viewer=viewer, now=now, action="rename_booking", subject=booking)
    return booking


def withdraw_booking(session: Session, *, booking_id: UUID, viewer: Viewer, now: datetime) -> Booking:
    """Mark a booking as entered in error; its slots are free again.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingEnded: It is marked already.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    was_promised = booking.status in PROMISED
    others = frozenset(Status) - {Status.ENTERED_IN_ERROR}
    change_status(session, booking, {Status.ENTERED_IN_ERROR: others}, Status.ENTERED_IN_ERROR)
    if was_promised:
        let_go(session, booking, viewer=viewer, now=now)
    note(session, booking, BookingDeed.WITHDRAWN, viewer=viewer, now=now)
    audit.record(session, viewer=viewer, now=now, action="withdraw_booking", subject=booking)
    outbox.send(session, topic="booking.cancelled", payload={"booking": str(booking_id)}, now=now)
    return booking


def record_progress(
    session: Session, *, booking_id: UUID, status: AppointmentStatus, viewer: Viewer, now: datetime
) -> Booking:
    """Say that the patient has arrived or checked in, that the consultation was held, or that nobody came.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingEnded: It is in no state from which it can come to this one.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    change_status(session, booking, NEXT, status)
    note(session, booking, BookingDeed(status.value), viewer=viewer, now=now)
    audit.record(
        session, viewer=viewer, now=now, action="record_progress", subject=booking, status=status.value
    )
    outbox.send(session, topic="booking.changed", payload={"booking": str(booking_id)}, now=now)
    return booking


def remove_booking(session: Session, *, booking_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Forget a booking that has ended; its documents' history stays.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingStands: It has not ended, or another one was made in its stead.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    if booking.status not in {Status.CANCELLED, Status.ENTERED_IN_ERROR}:
        raise BookingStands(f"booking {booking_id} stands: cancel it instead")
    heir = session.scalars(select(Booking.id).where(Booking.replaces_id == booking_id)).first()
    if heir is not None:
        raise BookingStands(f"booking {heir} was made in its stead and refers to it")
    audit.record(session, viewer=viewer, now=now, action="remove_booking", subject=booking)
    close_records_of(session, appointment_id=booking_id, viewer=viewer, now=now, forgets=True)
    for part in (FurtherSlot, BookingEvent, BookingParticipant, SeriesPart):
        session.execute(delete(part).where(part.booking_id == booking_id))
    session.execute(update(Chance).where(Chance.booking_id == booking_id).values(booking_id=None))
    session.expire(booking, ["further_slots"])
    session.delete(booking)
    session.flush()
