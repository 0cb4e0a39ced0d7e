"""Links by which patients and guests join: opaque, good once, and only while the door stands open.

A link's token is random, 256 bits; only its hash is kept. It is exchanged for a cookie that is bound to one
participant and opens nothing else. Whoever makes a new link for somebody takes the old one, and the seat
that it led to, away.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.calls.models import BY_LINK, Call, CallMedium, CallPart, CallParticipant, ProviderKind
from careapp.calls.seats import (
    HOLDS,
    CallOff,
    DoorClosed,
    NotOfThisCall,
    Seat,
    door_of,
    get_call,
    hash_of,
    part_of,
    require_open_door,
    seat_of,
)
from careapp.consultations.booking import claim
from careapp.consultations.models import Booking
from careapp.errors import Conflict, Invalid, NotFound
from careapp.records import audit

MOST_GUESTS = 5
MOST_TOKEN = 100
INVITING = frozenset({ViewerRole.SYSTEM, ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR, ViewerRole.CLIENT})
"""Whoever sees the booking as one of these may ask people to its call; nurses and doctors to their own."""


class LinkUnknown(NotFound):
    """No link is called so; perhaps a newer one was made."""


class LinkUsed(Conflict):
    """A link is good once."""


class LinkExpired(Conflict):
    """The link's time is over."""


class GuestWithoutName(Invalid):
    """A guest must be named: everybody learns who is in the room. A patient's name is known."""


class TooManyGuests(Conflict):
    """More people are asked to a call than it holds."""


class ParticipantNotFound(NotFound):
    """No participant of the call has this id."""


@dataclass(frozen=True)
class JoinLink:
    """A link that was just made; its token is nowhere else.

    Attributes:
        call_id: To which call.
        participant_id: For whom.
        token: The secret, for the fragment of an address: `/join#<token>`.
        opens_at, expires_at: When it is good; half-open.
    """

    call_id: UUID
    participant_id: UUID
    token: str = field(repr=False)
    opens_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Entry:
    """What a link was exchanged for.

    Attributes:
        cookie: The seat's secret, which is nowhere else.
        seat: Whose it is.
        ends_at: When the cookie ends at the latest.
    """

    cookie: str = field(repr=False)
    seat: Seat
    ends_at: datetime


def prepare_call(
    session: Session,
    *,
    booking_id: UUID,
    provider: ProviderKind,
    medium: CallMedium | None = None,
    viewer: Viewer,
    now: datetime,
) -> Call:
    """Return the call of a booking; whoever asks first makes it.

    Args:
        session: An open transaction.
        booking_id: Which booking.
        provider: Who is to carry it; a call that is there keeps its own.
        medium: With what it begins; None: as it is, a new one with a picture.
        viewer: Who asks: whoever plans, or takes part.
        now: This moment.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
        CallOff: The booking is called off, not confirmed yet, or over.
    """
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    require_inviting(session, booking, viewer)
    call = session.scalars(select(Call).where(Call.booking_id == booking_id)).one_or_none()
    if call is None:
        if booking.status not in HOLDS:
            raise CallOff(f"booking {booking.id} is {booking.status.value}: there is nothing to join")
        call = Call(
            id=uuid4(),
            organisation_id=booking.organisation_id,
            booking_id=booking_id,
            provider=provider,
            medium=medium or CallMedium.VIDEO,
            room=secrets.token_urlsafe(16),
            made_at=now,
        )
        session.add(call)
        session.flush()
        audit.record(
            session,
            viewer=viewer,
            now=now,
            action="prepare_call",
            subject=call,
            patient_id=booking.patient_id,
        )
    elif medium is not None:
        call.medium = medium
    return call


def make_join_link(
    session: Session,
    *,
    call_id: UUID,
    part: CallPart = CallPart.PATIENT,
    name: str | None = None,
    participant_id: UUID | None = None,
    lasts: timedelta | None = None,
    viewer: Viewer,
    now: datetime,
) -> JoinLink:
    """Make a link for the patient or a guest, in place of the one they had.

    Args:
        session: An open transaction.
        call_id: To which call.
        part: Patient or guest.
        name: Of a new guest.
        participant_id: A guest who was asked before.
        lasts: For how long it is good; None: until the door closes.
        viewer: Who asks them.
        now: This moment.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
        CallOff: The booking is called off, not confirmed yet, or over.
        DoorClosed: The consultation is over.
        GuestWithoutName: A guest has no name, or a patient one.
        TooManyGuests: There are as many as there may be.
        ParticipantNotFound: No guest of the call has this id.
    """
    call, booking = get_call(session, call_id=call_id, viewer=viewer, is_locked=True)
    require_inviting(session, booking, viewer)
    if booking.status not in HOLDS:
        raise CallOff(f"booking {booking.id} is {booking.status.value}: there is nothing to join")
    opens_at, closes_at = door_of(booking)
    expires_at = closes_at if lasts is None else min(closes_at, now + lasts)
    if expires_at <= now:
        raise DoorClosed("the consultation is over: ask for a new one", None)
    participant = _participant(session, call, part, name, participant_id, now)
    token = secrets.token_urlsafe(32)
    participant.link_hash, participant.link_expires_at = hash_of(token), expires_at
    participant.used_at = participant.seat_hash = participant.seat_ends_at = None
    participant.waiting_at = participant.admitted_at = participant.refused_at = participant.left_at = None
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="make_join_link",
        subject=call,
        patient_id=booking.patient_id,
        participant=participant.id,
        part=part.value,
    )
    return JoinLink(call.id, participant.id, token, opens_at, expires_at)


def redeem_link(session: Session, *, token: str, now: datetime) -> Entry:
    """Exchange a link for a seat. Of many who try at once, one gets it: the update itself is the check.

    Args:
        session: A writing transaction of the whole region; an error must undo it.
        token: As it came.
        now: This moment.

    Raises:
        LinkUnknown: No link is called so, or a newer one was made.
        LinkUsed: Somebody has used it.
        LinkExpired: Its time is over.
        CallOff: The booking is called off, not confirmed yet, or over.
        DoorClosed: It is too early, or too late; the link stays good.
    """
    if len(token) > MOST_TOKEN:
        raise LinkUnknown(_UNKNOWN)
    cookie, key = secrets.token_urlsafe(32), hash_of(token)
    participant_id = session.execute(
        update(CallParticipant)
        .where(
            CallParticipant.link_hash == key,
            CallParticipant.used_at.is_(None),
            CallParticipant.link_expires_at > now,
        )
        .values(used_at=now)
        .returning(CallParticipant.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if participant_id is None:
        raise _why_not(session, key)
    participant, call, booking = session.execute(
        select(CallParticipant, Call, Booking)
        .join(Call, Call.id == CallParticipant.call_id)
        .join(Booking, Booking.id == Call.booking_id)
        .where(CallParticipant.id == participant_id)
        .execution_options(populate_existing=True)
    ).one()
    require_open_door(booking, now=now)
    _, ends_at = door_of(booking)
    participant.seat_hash, participant.seat_ends_at = hash_of(cookie), ends_at
    session.flush()
    seat = seat_of(session, participant, call, booking)
    audit.record(
        session,
        viewer=seat.viewer,
        now=now,
        action="redeem_link",
        subject=call,
        patient_id=booking.patient_id,
        participant=participant.id,
    )
    return Entry(cookie, seat, ends_at)


def require_inviting(session: Session, booking: Booking, viewer: Viewer) -> None:
    """Refuse whoever has no say in a booking's call, though they see the booking.

    Raises:
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
    """
    if viewer.role not in INVITING and part_of(session, booking, viewer) is None:
        raise NotOfThisCall(f"booking {booking.id} is another doctor's, its visit another nurse's")


def _participant(
    session: Session,
    call: Call,
    part: CallPart,
    name: str | None,
    participant_id: UUID | None,
    now: datetime,
) -> CallParticipant:
    theirs = select(CallParticipant).where(CallParticipant.call_id == call.id, CallParticipant.part == part)
    if part not in BY_LINK or (part is CallPart.PATIENT) != (name is None and participant_id is None):
        raise GuestWithoutName("name a guest, or whom you have asked before; a patient's name is known")
    if part is CallPart.PATIENT:
        found = session.scalars(theirs).one_or_none()
        if found is not None:
            return found
    elif participant_id is not None:
        found = session.scalars(theirs.where(CallParticipant.id == participant_id)).one_or_none()
        if found is None:
            raise ParticipantNotFound(f"call {call.id} has no guest {participant_id}")
        if name is not None:
            found.name = name
        return found
    elif session.execute(select(func.count()).select_from(theirs.subquery())).scalar_one() >= MOST_GUESTS:
        raise TooManyGuests(f"call {call.id} has {MOST_GUESTS} guests: no more can be asked")
    made = CallParticipant(
        id=uuid4(), organisation_id=call.organisation_id, call_id=call.id, part=part, invited_at=now
    )
    if name is not None:
        made.name = name
    session.add(made)
    return made


_UNKNOWN = "this link is not known: ask for a new one"


def _why_not(session: Session, key: bytes) -> LinkUnknown | LinkUsed | LinkExpired:
    used_at = session.execute(
        select(CallParticipant.used_at).where(CallParticipant.link_hash == key)
    ).one_or_none()
    if used_at is None:
        return LinkUnknown(_UNKNOWN)
    if used_at[0] is not None:
        return LinkUsed("this link was used before: ask for a new one")
    return LinkExpired("this link's time is over: ask for a new one")
