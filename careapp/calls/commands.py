"""What happens in a call, from the doctor's coming to the end. Each function is one use case; none commits.

Whoever sits in a call comes with a `Seat`, which was looked up for this very request (`careapp.calls.seats`).
"""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.calls.consent import has_patient_agreed
from careapp.calls.links import ParticipantNotFound, prepare_call
from careapp.calls.models import BY_LINK, Call, CallPart, CallParticipant, CallState, ProviderKind
from careapp.calls.providers import VideoProvider
from careapp.calls.seats import (
    NotOfThisCall,
    Seat,
    get_call,
    host_of,
    require_open_door,
    require_part,
    seat_of,
)
from careapp.consultations.models import Booking
from careapp.errors import Conflict, Forbidden
from careapp.records import audit, outbox


class ConsentMissing(Conflict):
    """Nobody comes in who has not agreed; a nurse not before the patient beside her has."""


class NotWaiting(Conflict):
    """The participant is not in the waiting room."""


class WasRefused(Forbidden):
    """The doctor has sent the participant away."""


class CallNotOpen(Conflict):
    """The doctor is not there yet, or no longer."""


class NotAdmitted(Conflict):
    """The participant has not been let in."""


class OtherProvider(Conflict):
    """Another provider than the one that is set up was to carry the call."""


def open_call(
    session: Session, *, booking_id: UUID, provider: ProviderKind, viewer: Viewer, now: datetime
) -> Seat:
    """Open a call as the doctor whose consultation it is; one that was ended by mistake is opened again.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        NotOfThisCall: It is another doctor's.
        CallOff: The booking is called off, not confirmed yet, or over.
        DoorClosed: It is too early, or too late.
    """
    call = prepare_call(session, booking_id=booking_id, provider=provider, viewer=viewer, now=now)
    call, booking = get_call(session, call_id=call.id, viewer=viewer, is_locked=True)
    _require_host(session, booking, viewer)
    require_open_door(booking, now=now)
    was = call.state
    call.state, call.opened_at, call.ended_at = CallState.OPEN, call.opened_at or now, None
    seat = _taken(session, call, CallPart.DOCTOR, viewer, now)
    seat.waiting_at, seat.admitted_at, seat.left_at = seat.waiting_at or now, now, None
    session.flush()
    if was is not CallState.OPEN:
        _record(session, "open_call", call, booking, viewer, now)
    return seat_of(session, seat, call, booking, viewer=viewer)


def take_seat(session: Session, *, call_id: UUID, viewer: Viewer, now: datetime) -> Seat:
    """Come to a call as its nurse, or as a further doctor: into the waiting room.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
        CallOff: The booking is called off, not confirmed yet, or over.
        DoorClosed: It is too early, or too late.
        CallNotOpen: The doctor has ended it.
    """
    call, booking = get_call(session, call_id=call_id, viewer=viewer, is_locked=True)
    part = require_part(session, booking, viewer)
    if viewer.practitioner_id == host_of(session, booking):
        return open_call(session, booking_id=booking.id, provider=call.provider, viewer=viewer, now=now)
    participant = _taken(session, call, part, viewer, now)
    session.flush()
    return _enter(session, participant, call, booking, viewer=viewer, now=now)


def enter_waiting_room(session: Session, *, seat: Seat, now: datetime) -> Seat:
    """Come into the waiting room; whoever is there, or was let in and has not left, stays where they are.

    Raises:
        ConsentMissing: They have not agreed.
        CallOff: The booking is called off, not confirmed yet, or over.
        DoorClosed: It is too early, or too late.
        CallNotOpen: The doctor has ended it.
        WasRefused: The doctor has sent them away.
    """
    call, booking = _locked(session, seat)
    participant = session.get_one(CallParticipant, seat.participant_id, populate_existing=True)
    return _enter(session, participant, call, booking, viewer=seat.viewer, now=now)


def admit(
    session: Session, *, call_id: UUID, participant_id: UUID, viewer: Viewer, now: datetime
) -> CallParticipant:
    """Let somebody in from the waiting room; only the doctor does. Whoever is in stays in.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: It is another doctor's.
        CallNotOpen: The doctor has not opened it, or has ended it.
        ParticipantNotFound: No participant of the call has this id.
        NotWaiting: They are not in the waiting room.
        ConsentMissing: They have not agreed, or the patient beside the nurse has not.
    """
    call, booking, participant = _as_host(session, call_id, participant_id, viewer)
    if call.state is not CallState.OPEN:
        raise CallNotOpen(f"call {call_id} is {call.state.value}: open it first")
    if participant.is_admitted:
        return participant
    if not participant.is_waiting:
        raise NotWaiting(f"participant {participant_id} is not in the waiting room")
    needs_patient = participant.part is CallPart.NURSE and booking.visit_id is not None
    if needs_patient and not has_patient_agreed(session, booking):
        raise ConsentMissing("the patient beside the nurse has not agreed yet: let the nurse record it")
    participant.admitted_at = now
    session.flush()
    _record(session, "admit", call, booking, viewer, now, participant)
    return participant


def refuse(
    session: Session, *, call_id: UUID, participant_id: UUID, viewer: Viewer, now: datetime
) -> CallParticipant:
    """Send somebody away, from the waiting room or out of the call.

    By the same link nobody comes again; a nurse or doctor may, and waits.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: It is another doctor's.
        ParticipantNotFound: No participant of the call has this id.
    """
    call, booking, participant = _as_host(session, call_id, participant_id, viewer)
    if participant.practitioner_id == viewer.practitioner_id:
        raise NotWaiting("nobody sends themselves away: end the call instead")
    participant.refused_at = now
    session.flush()
    _record(session, "refuse", call, booking, viewer, now, participant)
    return participant


def leave(session: Session, *, seat: Seat, now: datetime) -> None:
    """Go for good: who comes again waits again. A connection that breaks is no leaving."""
    gone = session.execute(
        update(CallParticipant)
        .where(
            CallParticipant.id == seat.participant_id,
            CallParticipant.left_at.is_(None),
            CallParticipant.waiting_at.is_not(None),
        )
        .values(left_at=now)
        .returning(CallParticipant.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if gone is not None:
        call, booking = session.get_one(Call, seat.call_id), session.get_one(Booking, seat.booking_id)
        _record(session, "leave", call, booking, seat.viewer, now)


def end_call(session: Session, *, call_id: UUID, viewer: Viewer, now: datetime) -> Call:
    """End a call for everybody; one that has ended stays ended.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: It is another doctor's.
    """
    call, booking = get_call(session, call_id=call_id, viewer=viewer, is_locked=True)
    _require_host(session, booking, viewer)
    if call.state is CallState.ENDED:
        return call
    call.state, call.ended_at = CallState.ENDED, now
    session.flush()
    session.execute(
        update(CallParticipant)
        .where(
            CallParticipant.call_id == call_id,
            CallParticipant.waiting_at.is_not(None),
            CallParticipant.left_at.is_(None),
        )
        .values(left_at=now),
        execution_options={"synchronize_session": False},
    )
    _record(session, "end_call", call, booking, viewer, now)
    outbox.send(
        session, topic="call.ended", payload={"call": str(call_id), "booking": str(booking.id)}, now=now
    )
    return call


def hand_over(session: Session, *, seat: Seat, provider: VideoProvider, now: datetime) -> str:
    """Return the address at which an admitted participant joins: made now, for them alone, good for a minute.

    Raises:
        NotAdmitted: They have not been let in, or the call is not open.
        OtherProvider: The call was made when another provider was set up.
    """
    if not seat.is_admitted:
        raise NotAdmitted("wait until the doctor lets you in")
    if seat.provider is not provider.kind:
        raise OtherProvider(
            "another video provider is set up than when this call was made: make a new booking"
        )
    call, booking = session.get_one(Call, seat.call_id), session.get_one(Booking, seat.booking_id)
    _record(session, "hand_over", call, booking, seat.viewer, now)
    return provider.address(seat, room=call.room, now=now)


def _enter(
    session: Session,
    participant: CallParticipant,
    call: Call,
    booking: Booking,
    *,
    viewer: Viewer,
    now: datetime,
) -> Seat:
    require_open_door(booking, now=now)
    if call.state is CallState.ENDED:
        raise CallNotOpen("the doctor has ended the call")
    if participant.refused_at is not None:
        if participant.part in BY_LINK:
            raise WasRefused("the doctor has sent you away: ask for a new link")
        participant.refused_at = participant.waiting_at = None
    if participant.part in BY_LINK and participant.consent_at is None:
        raise ConsentMissing("agree to the consultation by video first")
    if not (participant.is_waiting or participant.is_admitted):
        participant.waiting_at, participant.admitted_at, participant.left_at = now, None, None
        session.flush()
        _record(session, "enter_waiting_room", call, booking, viewer, now, participant)
        payload = {"call": str(call.id), "booking": str(booking.id), "part": participant.part.value}
        outbox.send(session, topic="call.waiting", payload=payload, now=now)
    return seat_of(session, participant, call, booking, viewer=viewer)


def _taken(session: Session, call: Call, part: CallPart, viewer: Viewer, now: datetime) -> CallParticipant:
    """Return a nurse's or doctor's participant; the call is locked, so there is one."""
    found = session.scalars(
        select(CallParticipant).where(
            CallParticipant.call_id == call.id, CallParticipant.practitioner_id == viewer.practitioner_id
        )
    ).one_or_none()
    if found is not None:
        return found
    made = CallParticipant(
        id=uuid4(),
        organisation_id=call.organisation_id,
        call_id=call.id,
        part=part,
        practitioner_id=viewer.practitioner_id,
        invited_at=now,
    )
    session.add(made)
    return made


def _as_host(
    session: Session, call_id: UUID, participant_id: UUID, viewer: Viewer
) -> tuple[Call, Booking, CallParticipant]:
    call, booking = get_call(session, call_id=call_id, viewer=viewer, is_locked=True)
    _require_host(session, booking, viewer)
    participant = session.scalars(
        select(CallParticipant)
        .where(CallParticipant.id == participant_id, CallParticipant.call_id == call_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if participant is None:
        raise ParticipantNotFound(f"call {call_id} has no participant {participant_id}")
    return call, booking, participant


def _require_host(session: Session, booking: Booking, viewer: Viewer) -> None:
    if viewer.practitioner_id is None or viewer.practitioner_id != host_of(session, booking):
        raise NotOfThisCall(f"booking {booking.id} is another doctor's: only he opens, admits and ends")


def _locked(session: Session, seat: Seat) -> tuple[Call, Booking]:
    call = session.get_one(Call, seat.call_id, with_for_update=True, populate_existing=True)
    return call, session.get_one(Booking, seat.booking_id, populate_existing=True)


def _record(
    session: Session,
    action: str,
    call: Call,
    booking: Booking,
    viewer: Viewer,
    now: datetime,
    participant: CallParticipant | None = None,
) -> None:
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action=action,
        subject=call,
        patient_id=booking.patient_id,
        participant=None if participant is None else participant.id,
    )
