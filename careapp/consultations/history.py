"""What became of a booking: who did what when, from which time to which."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.consultations.further_models import BookingDeed, BookingEvent
from careapp.consultations.models import Booking
from careapp.consultations.queries import get_booking

Time = tuple[datetime | None, datetime | None]
"""From when until when; half-open."""

_ENDS = frozenset({BookingDeed.CANCELLED, BookingDeed.WITHDRAWN})
NO_TIME: Time = (None, None)


def time_of(booking: Booking) -> Time:
    """Return a booking's time."""
    return booking.starts_at, booking.ends_at


def note(
    session: Session,
    booking: Booking,
    deed: BookingDeed,
    *,
    viewer: Viewer,
    now: datetime,
    before: Time | None = None,
    because: str | None = None,
) -> BookingEvent:
    """Write down what is done with a booking, in the transaction that does it.

    Args:
        session: The transaction of the deed, which keeps others from changing the booking.
        booking: As it is afterwards.
        deed: What was done.
        viewer: Who did it.
        now: When.
        before: Its time before, if that has changed; None: the one it has.
        because: Of a cancellation: why.
    """
    numbers = select(func.max(BookingEvent.number)).where(BookingEvent.booking_id == booking.id)
    time = time_of(booking)
    before_starts_at, before_ends_at = time if before is None else before
    starts_at, ends_at = NO_TIME if deed in _ENDS else time
    event = BookingEvent(
        id=uuid4(),
        booking_id=booking.id,
        number=(session.scalar(numbers) or 0) + 1,
        at=now,
        deed=deed,
        viewer=viewer.name,
        before_starts_at=before_starts_at,
        before_ends_at=before_ends_at,
        starts_at=starts_at,
        ends_at=ends_at,
        because=because,
    )
    session.add(event)
    session.flush()
    return event


def list_events(session: Session, *, booking_id: UUID, viewer: Viewer) -> list[BookingEvent]:
    """Return all that was done with a booking, and with those in whose stead it was made, oldest first.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
    """
    chain: list[UUID] = []
    before: UUID | None = get_booking(session, booking_id=booking_id, viewer=viewer).id
    while before is not None and before not in chain:
        chain.append(before)
        before = session.scalar(select(Booking.replaces_id).where(Booking.id == before))
    events = session.scalars(select(BookingEvent).where(BookingEvent.booking_id.in_(chain))).all()
    place = {key: number for number, key in enumerate(reversed(chain))}
    return sorted(events, key=lambda event: (place[event.booking_id], event.number))
