"""Read calls: who is in one, who waits, and who has the say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.calls.consent import has_patient_agreed
from careapp.calls.links import require_inviting
from careapp.calls.models import BY_LINK, Call, CallConsent, CallPart, CallParticipant
from careapp.calls.seats import CallNotFound, Seat, door_of, get_call, host_of, name_of
from careapp.consultations.models import Booking
from careapp.consultations.queries import get_booking
from careapp.people.models import Practitioner
from careapp.tenancy import across_tenants


@dataclass(frozen=True)
class Person:
    """A participant as the others see them.

    Attributes:
        participant_id: Who.
        part: As what they take part.
        name: Who they are.
        has_consented: They need not agree to anything any more.
        is_waiting: They are in the waiting room.
        is_admitted: They are let in and have not left.
        waiting_since: When they came into the waiting room last.
        has_link: By a link that they have not used yet.
    """

    participant_id: UUID
    part: CallPart
    name: str
    has_consented: bool
    is_waiting: bool
    is_admitted: bool
    waiting_since: datetime | None
    has_link: bool


@dataclass(frozen=True)
class CallView:
    """A call as those see it who have a say in it.

    Attributes:
        call: Its row.
        booking: Of which consultation.
        host: Name of the doctor.
        has_patient_agreed: The patient has agreed to this consultation by video.
        people: Everybody who was asked or has come, in that order.
        opens_at, closes_at: When its door stands open.
    """

    call: Call
    booking: Booking
    host: str
    has_patient_agreed: bool
    people: Sequence[Person]
    opens_at: datetime
    closes_at: datetime


def get_call_view(session: Session, *, call_id: UUID, viewer: Viewer) -> CallView:
    """Return a call with everybody in it.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
    """
    call, booking = get_call(session, call_id=call_id, viewer=viewer)
    require_inviting(session, booking, viewer)
    opens_at, closes_at = door_of(booking)
    return CallView(
        call,
        booking,
        host_name(session, booking),
        has_patient_agreed(session, booking),
        list_people(session, call, booking),
        opens_at,
        closes_at,
    )


def get_call_of_booking(session: Session, *, booking_id: UUID, viewer: Viewer) -> CallView:
    """Return the call of a booking with everybody in it.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        CallNotFound: It has no call yet.
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
    """
    booking = get_booking(session, booking_id=booking_id, viewer=viewer)
    call_id = session.scalars(select(Call.id).where(Call.booking_id == booking.id)).one_or_none()
    if call_id is None:
        raise CallNotFound(f"booking {booking_id} has no call yet: make one")
    return get_call_view(session, call_id=call_id, viewer=viewer)


def list_people(session: Session, call: Call, booking: Booking) -> list[Person]:
    """Return everybody who was asked to a call or has come; whoever calls has checked who asks."""
    rows = session.scalars(
        select(CallParticipant)
        .where(CallParticipant.call_id == call.id)
        .order_by(CallParticipant.invited_at, CallParticipant.id)
        .execution_options(populate_existing=True)
    )
    return [
        Person(
            participant_id=row.id,
            part=row.part,
            name=name_of(session, row, booking),
            has_consented=row.part not in BY_LINK or row.consent_at is not None,
            is_waiting=row.is_waiting,
            is_admitted=row.is_admitted,
            waiting_since=row.waiting_at if row.is_waiting else None,
            has_link=row.link_hash is not None and row.used_at is None,
        )
        for row in rows.all()
    ]


def people_beside(session: Session, seat: Seat) -> list[Person]:
    """Return whom a participant meets in the room: those who are let in; nobody learns who else waits."""
    call, booking = session.get_one(Call, seat.call_id), session.get_one(Booking, seat.booking_id)
    return [
        person
        for person in list_people(session, call, booking)
        if person.participant_id != seat.participant_id and (person.is_admitted or seat.is_host)
    ]


def list_consents(session: Session, *, patient_id: UUID, viewer: Viewer) -> list[CallConsent]:
    """Return to which consultations by video a patient, and guests beside her, have agreed."""
    statement = select(CallConsent).where(CallConsent.patient_id == patient_id)
    return list(session.scalars(visible(statement, viewer, CallConsent).order_by(CallConsent.given_at)))


def booking_of(session: Session, seat: Seat) -> Booking:
    """Return the consultation that somebody with a seat has come for."""
    return session.get_one(Booking, seat.booking_id)


def host_name(session: Session, booking: Booking) -> str:
    """Return the name of the doctor whose consultation it is."""
    with across_tenants(session):
        who = session.get_one(Practitioner, host_of(session, booking))
        return " ".join(filter(None, (who.title, who.given_name, who.family_name)))
