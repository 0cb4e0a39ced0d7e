"""Who sits where in a call: by the cookie that a link was exchanged for, or signed in.

Pages and signalling ask here at every connection and believe nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.calls.models import (
    BY_LINK,
    Call,
    CallMedium,
    CallPart,
    CallParticipant,
    CallState,
    ProviderKind,
)
from careapp.consultations.models import Booking, Schedule, Slot
from careapp.consultations.queries import BookingNotFound, get_booking
from careapp.errors import Conflict, Forbidden, NotFound
from careapp.people.models import Patient, Practitioner
from careapp.tenancy import across_tenants
from careapp.tours.models import Stop, Tour, TourStatus

EARLY, LATE = timedelta(minutes=30), timedelta(hours=1)
"""Before and after a booking: when its door stands open."""

BY_LINK_PREFIX = "join-link:"
"""Before the participant's id in the record of who did what: by a link, not signed in."""

HOLDS = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.CHECKED_IN})
"""States of a booking to whose call people come."""

OFF = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR, AppointmentStatus.NOSHOW})


class CallNotFound(NotFound):
    """No call has this id, or not for this viewer."""


class NotOfThisCall(Forbidden):
    """The booking is another doctor's, its visit another nurse's."""


class CallOff(Conflict):
    """The booking is called off, not confirmed yet, or over."""


class DoorClosed(Conflict):
    """It is too early for a call, or too late.

    Attributes:
        opens_at: When the door opens; None: it has closed.
    """

    def __init__(self, sentence: str, opens_at: datetime | None) -> None:
        super().__init__(sentence)
        self.opens_at = opens_at


@dataclass(frozen=True)
class Seat:
    """Somebody's place in a call.

    Attributes:
        call_id: Which call.
        participant_id: Who, among its participants.
        organisation_id: Whose call it is.
        booking_id: Of which consultation.
        part: As what they take part.
        name: Who they are, for the others in the room.
        state: Of the call.
        provider: Who carries it.
        medium: With what it begins.
        has_consented: They need not agree to anything any more.
        is_waiting: They are in the waiting room.
        is_admitted: They are let in, have not left, and the call is open: only then anything passes.
        is_host: The doctor whose consultation it is: he admits, and ends the call.
        viewer: As whom they act.
    """

    call_id: UUID
    participant_id: UUID
    organisation_id: UUID
    booking_id: UUID
    part: CallPart
    name: str
    state: CallState
    provider: ProviderKind
    medium: CallMedium
    has_consented: bool
    is_waiting: bool
    is_admitted: bool
    is_host: bool
    viewer: Viewer


def call_of_participant(session: Session, cookie: str, *, now: datetime) -> Seat | None:
    """Return the seat that a cookie stands for; None if it does not hold, or its consultation is called off.

    Args:
        session: A transaction of the whole region: nobody has said yet who asks.
        cookie: What `careapp.calls.links.redeem_link` gave.
        now: This moment.
    """
    found = session.execute(
        _seats().where(CallParticipant.seat_hash == hash_of(cookie), CallParticipant.seat_ends_at > now)
    ).one_or_none()
    if found is None:
        return None
    participant, call, booking = found
    return None if booking.status in OFF else seat_of(session, participant, call, booking)


def seat_of_viewer(session: Session, *, call_id: UUID, viewer: Viewer) -> Seat:
    """Return the seat that a nurse or doctor has taken with `careapp.calls.commands.take_seat`.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: It is not theirs, or no longer; or they have not taken it.
        CallOff: The consultation is called off.
    """
    call, booking = get_call(session, call_id=call_id, viewer=viewer)
    require_part(session, booking, viewer)
    if booking.status in OFF:
        raise CallOff(f"booking {booking.id} is called off: nobody joins its call")
    found = session.execute(
        _seats().where(
            CallParticipant.call_id == call_id, CallParticipant.practitioner_id == viewer.practitioner_id
        )
    ).one_or_none()
    if found is None:
        raise NotOfThisCall(f"take your seat in call {call_id} first")
    return seat_of(session, found[0], call, booking, viewer=viewer)


def get_call(
    session: Session, *, call_id: UUID, viewer: Viewer, is_locked: bool = False
) -> tuple[Call, Booking]:
    """Return a call and its booking, which the viewer sees.

    Args:
        session: An open transaction.
        call_id: Which call.
        viewer: Who looks.
        is_locked: Nobody else changes the call until the transaction ends.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
    """
    statement = select(Call).where(Call.id == call_id).execution_options(populate_existing=True)
    call = session.scalars(statement.with_for_update() if is_locked else statement).one_or_none()
    if call is None:
        raise CallNotFound(f"there is no call {call_id}")
    try:
        return call, get_booking(session, booking_id=call.booking_id, viewer=viewer, is_fresh=True)
    except BookingNotFound:
        raise CallNotFound(f"there is no call {call_id}") from None


def seat_of(
    session: Session,
    participant: CallParticipant,
    call: Call,
    booking: Booking,
    *,
    viewer: Viewer | None = None,
) -> Seat:
    """Describe a participant's seat; without a viewer they act as the holder of a link."""
    return Seat(
        call_id=call.id,
        participant_id=participant.id,
        organisation_id=call.organisation_id,
        booking_id=booking.id,
        part=participant.part,
        name=name_of(session, participant, booking),
        state=call.state,
        provider=call.provider,
        medium=call.medium,
        has_consented=participant.part not in BY_LINK or participant.consent_at is not None,
        is_waiting=participant.is_waiting,
        is_admitted=participant.is_admitted and call.state is CallState.OPEN,
        is_host=participant.practitioner_id is not None
        and participant.practitioner_id == host_of(session, booking),
        viewer=viewer or Viewer(f"{BY_LINK_PREFIX}{participant.id}", ViewerRole.SYSTEM, call.organisation_id),
    )


def name_of(session: Session, participant: CallParticipant, booking: Booking) -> str:
    """Return who a participant is, for the others in the room; whoever calls has checked who asks."""
    with across_tenants(session):
        if participant.practitioner_id is not None:
            who = session.get_one(Practitioner, participant.practitioner_id)
            return " ".join(filter(None, (who.title, who.given_name, who.family_name)))
        if participant.part is CallPart.PATIENT:
            patient = session.get_one(Patient, booking.patient_id)
            return f"{patient.given_name} {patient.family_name}".strip()
    return participant.name or ""


def host_of(session: Session, booking: Booking) -> UUID:
    """Return whose consultation it is."""
    return session.execute(
        select(Schedule.practitioner_id)
        .join(Slot, Slot.schedule_id == Schedule.id)
        .where(Slot.id == booking.slot_id)
    ).scalar_one()


def part_of(session: Session, booking: Booking, viewer: Viewer) -> CallPart | None:
    """Return as what a viewer takes part: those do whose time is taken for the booking, or its visit."""
    who = viewer.practitioner_id
    if who is None or viewer.role not in {ViewerRole.DOCTOR, ViewerRole.NURSE}:
        return None
    if host_of(session, booking) != who:
        about = [each for each in (booking.id, booking.visit_id) if each is not None]
        taken = select(Occupancy.id).where(
            Occupancy.practitioner_id == who, Occupancy.appointment_id.in_(about)
        )
        if session.scalars(taken.limit(1)).first() is None and not _has_stop(session, booking, who):
            return None
    return CallPart.DOCTOR if viewer.role is ViewerRole.DOCTOR else CallPart.NURSE


def _has_stop(session: Session, booking: Booking, who: UUID) -> bool:
    stops = (
        select(Stop.id)
        .join(Tour, Tour.id == Stop.tour_id)
        .where(
            Stop.visit_id == booking.visit_id,
            Tour.practitioner_id == who,
            Tour.status == TourStatus.PUBLISHED,
        )
    )
    return session.scalars(stops.limit(1)).first() is not None


def require_part(session: Session, booking: Booking, viewer: Viewer) -> CallPart:
    """Return as what a viewer takes part.

    Raises:
        NotOfThisCall: They do not.
    """
    part = part_of(session, booking, viewer)
    if part is None:
        raise NotOfThisCall(
            f"booking {booking.id} is another doctor's, its visit another nurse's: ask for a link to join"
        )
    return part


def door_of(booking: Booking) -> tuple[datetime, datetime]:
    """Return from when until when people come to a booking's call."""
    starts_at, ends_at = booking.starts_at, booking.ends_at
    if starts_at is None or ends_at is None:
        raise CallOff(f"booking {booking.id} has no time: move it to a slot first")
    return starts_at - EARLY, ends_at + LATE


def require_open_door(booking: Booking, *, now: datetime) -> None:
    """Refuse whoever comes to a booking that does not hold, too early or too late.

    Raises:
        CallOff: The booking is called off, not confirmed yet, or over.
        DoorClosed: It is too early, or too late.
    """
    if booking.status not in HOLDS:
        raise CallOff(f"booking {booking.id} is {booking.status.value}: nobody joins its call")
    opens_at, closes_at = door_of(booking)
    if now < opens_at:
        raise DoorClosed(f"it is too early: come again at {opens_at.isoformat()}", opens_at)
    if now >= closes_at:
        raise DoorClosed("the consultation is over: ask for a new one", None)


def hash_of(secret: str) -> bytes:
    """Return what is kept of a link or a cookie."""
    return sha256(secret.encode()).digest()


def _seats() -> Select[CallParticipant, Call, Booking]:
    return (
        select(CallParticipant, Call, Booking)
        .join(Call, Call.id == CallParticipant.call_id)
        .join(Booking, Booking.id == Call.booking_id)
        .execution_options(populate_existing=True)
    )
