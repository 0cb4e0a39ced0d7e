"""Consultations of three or more, and those of colleagues. Each function is one use case; none commits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import PROMISED
from careapp.consultations.booking import OPEN_AFTERWARDS, BookingEnded, Wish, book_slots, claim
from careapp.consultations.further_models import PRACTISING, BookingDeed, BookingParticipant, Part
from careapp.consultations.history import note
from careapp.consultations.models import Booking
from careapp.consultations.participants import (
    Attendee,
    let_see,
    occupy_also,
    participants_of,
    release_one,
)
from careapp.consultations.queries import get_booking, get_slot
from careapp.errors import Conflict, Invalid, NotFound
from careapp.openings.commands import ToWhom, close_records_of
from careapp.people.models import Role, RoleKind
from careapp.people.queries import get_role
from careapp.records import audit, outbox

MOST_PARTICIPANTS = 8
"""Beside the patient and the schedule's doctor."""


class TooManyParticipants(Conflict):
    """A consultation has no room for more."""


class TakesPartAlready(Conflict):
    """Somebody is among those who take part."""


class PartNeedsPerson(Invalid):
    """A doctor or nurse is named by her role, anybody else by the part alone."""


class ParticipantNotFound(NotFound):
    """Nobody takes part under this id."""


class NobodyJoins(Invalid):
    """A consultation of a group names nobody beside the patient and the doctor."""


@dataclass(frozen=True)
class Joining:
    """Who is to take part.

    Attributes:
        part: As what.
        role_id: Of a doctor or nurse: her role; of anybody else None.
    """

    part: Part
    role_id: UUID | None = None


def book_group(
    session: Session,
    *,
    wish: Wish,
    patient_id: UUID,
    joining: Sequence[Joining],
    viewer: Viewer,
    now: datetime,
) -> Booking:
    """Take slots for a consultation of a group: everybody's time, or nothing.

    Raises:
        NobodyJoins: `joining` is empty.
        CareError: See `careapp.consultations.booking.book_slots` and `add_participant`.
    """
    if not joining:
        raise NobodyJoins(
            "name who is to take part beside the patient and the doctor, or book the slot alone"
        )
    if len(joining) > MOST_PARTICIPANTS:
        raise _too_many()
    slot = get_slot(session, slot_id=wish.slot_ids[0], viewer=viewer) if wish.slot_ids else None
    taken = {slot.schedule.practitioner_id} if slot else set()
    attendees: list[Attendee] = []
    for each in joining:
        attendee, _ = _attendee(session, each, taken, viewer)
        attendees.append(attendee)
        if attendee.practitioner_id is not None:
            taken.add(attendee.practitioner_id)
    # All at once, so that two groups with the same people do not wait for each other in a circle.
    wish = replace(wish, attendees=attendees)
    return book_slots(session, wish=wish, patient_id=patient_id, viewer=viewer, now=now)


def add_participant(
    session: Session, *, booking_id: UUID, joining: Joining, viewer: Viewer, now: datetime
) -> BookingParticipant:
    """Let somebody take part in a consultation; a doctor's or nurse's time is taken.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingEnded: It was cancelled before, or is over.
        PartNeedsPerson: A doctor or nurse without a role, anybody else with one, or a role of the other kind.
        RoleNotFound: No role has this id, or not for this viewer.
        TakesPartAlready: They do already.
        TooManyParticipants: There is no room for more.
        AlreadyOccupied: They are promised elsewhere at that time.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    if booking.status not in PROMISED:
        raise BookingEnded(f"booking {booking_id} was cancelled before, or is over: book anew")
    others = participants_of(session, booking)
    if len(others) >= MOST_PARTICIPANTS:
        raise _too_many()
    taken = {each.practitioner_id for each in others if each.practitioner_id is not None}
    attendee, role = _attendee(session, joining, taken | {booking.slot.schedule.practitioner_id}, viewer)
    row = attendee.of(booking, now)
    session.add(row)
    session.flush()
    if role is not None:
        occupy_also(session, booking, role.practitioner)
        whom = ToWhom(role.organisation_id, role.practitioner_id)
        until = (booking.ends_at or booking.slot.ends_at) + OPEN_AFTERWARDS
        let_see(session, booking, whom, until=until, viewer=viewer, now=now)
    note(session, booking, BookingDeed.JOINED, viewer=viewer, now=now)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="add_participant",
        subject=booking,
        participant=row.id,
        part=row.part.value,
    )
    outbox.send(session, topic="booking.changed", payload={"booking": str(booking_id)}, now=now)
    return row


def remove_participant(
    session: Session, *, booking_id: UUID, participant_id: UUID, viewer: Viewer, now: datetime
) -> None:
    """Let somebody take part no longer; their time is free.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        ParticipantNotFound: Nobody takes part under this id.
        BookingEnded: It was cancelled before, or is over.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    row = next((each for each in participants_of(session, booking) if each.id == participant_id), None)
    if row is None:
        raise ParticipantNotFound(f"nobody takes part in booking {booking_id} under {participant_id}")
    if booking.status not in PROMISED:
        raise BookingEnded(f"booking {booking_id} was cancelled before, or is over")
    if row.practitioner_id is not None:
        release_one(session, booking, row.practitioner_id)
        close_records_of(
            session,
            appointment_id=booking_id,
            viewer=viewer,
            now=now,
            forgets=True,
            practitioner_id=row.practitioner_id,
        )
    session.delete(row)
    session.flush()
    note(session, booking, BookingDeed.LEFT, viewer=viewer, now=now)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="remove_participant",
        subject=booking,
        participant=participant_id,
        part=row.part.value,
    )
    outbox.send(session, topic="booking.changed", payload={"booking": str(booking_id)}, now=now)


def list_participants(session: Session, *, booking_id: UUID, viewer: Viewer) -> list[BookingParticipant]:
    """Return who takes part beside the patient and the doctor, in the order of joining.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
    """
    return participants_of(session, get_booking(session, booking_id=booking_id, viewer=viewer))


def _attendee(
    session: Session, joining: Joining, taken: Collection[UUID], viewer: Viewer
) -> tuple[Attendee, Role | None]:
    if (joining.role_id is not None) is not (joining.part in PRACTISING):
        raise PartNeedsPerson("name the role of a doctor or nurse, and of anybody else the part alone")
    if joining.role_id is None:
        return Attendee(joining.part, None), None
    role = get_role(session, role_id=joining.role_id, viewer=viewer)
    if (role.kind is RoleKind.DOCTOR) is not (joining.part is Part.DOCTOR):
        raise PartNeedsPerson(f"role {role.id} is a {role.kind.value}: let her take part as one")
    if role.practitioner_id in taken:
        raise TakesPartAlready(f"role {role.id} takes part in this consultation already")
    return Attendee(joining.part, role.practitioner_id), role


def _too_many() -> TooManyParticipants:
    return TooManyParticipants(f"at most {MOST_PARTICIPANTS} take part beside the patient and the doctor")
