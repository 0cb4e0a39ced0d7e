"""Wait for a consultation, and answer a chance. Each function is one use case; none commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.consultations.booking import PatientInactive, Wish, book_slots
from careapp.consultations.holds import HoldNotFound, get_hold, release_hold
from careapp.db import refuse_naive
from careapp.errors import Conflict, Invalid
from careapp.people.models import Patient
from careapp.people.queries import get_doctor, get_patient
from careapp.people.rules import require_specialty
from careapp.records import audit, outbox
from careapp.waiting.models import Chance, ChanceStatus, WaitingEntry, WaitingStatus
from careapp.waiting.queries import get_chance, get_entry

LEAST_NEED, MOST_NEED = 1, 4


class ImpossibleWaiting(Invalid):
    """Nobody can wait like this: for whom, how urgently or when makes no sense."""


class WaitsAlready(Conflict):
    """The patient waits for the same already."""


class WaitsNoLonger(Conflict):
    """The entry has ended."""


class ChanceOver(Conflict):
    """A chance was answered before, or its time is over."""


@dataclass(frozen=True)
class Wanted:
    """What somebody waits for.

    Attributes:
        doctor_id: Role of the one doctor, or None.
        specialty: Any doctor of it, or None; exactly one of the two is given.
        earliest: First moment at which the consultation may begin.
        latest: The moment after the last.
        need: From 1 (can wait) to 4 (must not).
    """

    doctor_id: UUID | None
    specialty: str | None
    earliest: datetime
    latest: datetime
    need: int = 2


def join_list(
    session: Session, *, patient_id: UUID, wanted: Wanted, viewer: Viewer, now: datetime
) -> WaitingEntry:
    """Let a patient wait for a consultation: the next free time that suits is kept for them.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        PatientInactive: The patient's record is closed.
        DoctorNotFound: No doctor has this id, or not for this viewer.
        ImpossibleSpecialty: The specialty's form is wrong.
        ImpossibleWaiting: Not one of doctor and specialty, a need out of range, or a period that is over.
        NaiveDatetime: A time has no zone.
        WaitsAlready: The patient waits for the same.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    if not patient.is_active:
        raise PatientInactive(f"the record of patient {patient_id} is closed: reopen it before waiting")
    _refuse_impossible(wanted, now)
    if wanted.doctor_id is not None:
        get_doctor(session, role_id=wanted.doctor_id, viewer=viewer)
    else:
        require_specialty(wanted.specialty or "")
    # Two may enter the same at once: the second waits here, and then sees the first.
    session.execute(select(Patient.id).where(Patient.id == patient_id).with_for_update(key_share=True)).all()
    same = select(WaitingEntry.id).where(
        WaitingEntry.patient_id == patient_id,
        WaitingEntry.status == WaitingStatus.WAITING,
        WaitingEntry.doctor_id == wanted.doctor_id
        if wanted.doctor_id
        else WaitingEntry.specialty == wanted.specialty,
    )
    other = session.scalars(same.limit(1)).first()
    if other is not None:
        raise WaitsAlready(f"patient {patient_id} waits for the same already, under {other}: end that first")
    entry = WaitingEntry(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient_id,
        doctor_id=wanted.doctor_id,
        specialty=wanted.specialty,
        need=wanted.need,
        earliest=wanted.earliest,
        latest=wanted.latest,
        since=now,
        status=WaitingStatus.WAITING,
        ended_at=None,
        chances=[],
    )
    session.add(entry)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="join_list", subject=entry, need=wanted.need)
    return entry


def leave_list(session: Session, *, entry_id: UUID, viewer: Viewer, now: datetime) -> WaitingEntry:
    """Let a patient wait no longer; a time that is kept for them is free.

    Raises:
        EntryNotFound: Nobody waits under this id, or not for this viewer.
        WaitsNoLonger: It has ended before.
    """
    entry = get_entry(session, entry_id=entry_id, viewer=viewer, is_locked=True)
    if entry.status is not WaitingStatus.WAITING:
        raise WaitsNoLonger(f"entry {entry_id} has ended: enter the patient anew")
    for chance in entry.chances:
        if chance.status is ChanceStatus.OFFERED:
            _give_up(session, chance, ChanceStatus.WITHDRAWN, viewer=viewer, now=now)
    end(entry, WaitingStatus.WITHDRAWN, now)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="leave_list", subject=entry)
    return entry


def accept_chance(
    session: Session,
    *,
    chance_id: UUID,
    visit_id: UUID | None = None,
    title: str | None = None,
    viewer: Viewer,
    now: datetime,
) -> Chance:
    """Book the time that is kept for somebody who waits; they wait no longer.

    Args:
        session: An open transaction.
        chance_id: Which one.
        visit_id: The promised visit at which a nurse helps; None without a nurse.
        title: What it is about; None: the usual words.
        viewer: Who accepts.
        now: This moment.

    Raises:
        ChanceNotFound: No chance has this id, or not for this viewer.
        ChanceOver: It was answered before, or its time is over.
        CareError: The time cannot be booked; see `careapp.consultations.booking.book_slots`.
    """
    chance = _open_chance(session, chance_id, viewer, now)
    try:
        held = get_hold(session, hold_id=chance_id, viewer=viewer, now=now)
    except HoldNotFound:
        raise ChanceOver(f"the time of chance {chance_id} is kept no longer: wait for the next") from None
    wish = Wish([slot.id for slot in held.slots], visit_id=visit_id, hold_id=chance_id, title=title)
    booking = book_slots(session, wish=wish, patient_id=chance.entry.patient_id, viewer=viewer, now=now)
    chance.status, chance.answered_at, chance.booking_id = ChanceStatus.ACCEPTED, now, booking.id
    end(chance.entry, WaitingStatus.SERVED, now)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="accept_chance",
        subject=chance,
        patient_id=chance.entry.patient_id,
        booking=booking.id,
    )
    return chance


def decline_chance(session: Session, *, chance_id: UUID, viewer: Viewer, now: datetime) -> Chance:
    """Say that a time does not suit: it goes to whoever is next, and the patient waits on.

    Raises:
        ChanceNotFound: No chance has this id, or not for this viewer.
        ChanceOver: It was answered before, or its time is over.
    """
    chance = _open_chance(session, chance_id, viewer, now)
    _give_up(session, chance, ChanceStatus.DECLINED, viewer=viewer, now=now)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="decline_chance",
        subject=chance,
        patient_id=chance.entry.patient_id,
    )
    outbox.send(session, topic="chance.declined", payload={"chance": str(chance_id)}, now=now)
    return chance


def end(entry: WaitingEntry, status: WaitingStatus, now: datetime) -> None:
    """Let an entry end."""
    entry.status, entry.ended_at = status, now


def _open_chance(session: Session, chance_id: UUID, viewer: Viewer, now: datetime) -> Chance:
    chance = get_chance(session, chance_id=chance_id, viewer=viewer, is_locked=True)
    if chance.status is not ChanceStatus.OFFERED or chance.until <= now:
        raise ChanceOver(f"chance {chance_id} was answered before, or its time is over: wait for the next")
    return chance


def _give_up(
    session: Session, chance: Chance, status: ChanceStatus, *, viewer: Viewer, now: datetime
) -> None:
    chance.status, chance.answered_at = status, now
    try:
        release_hold(session, hold_id=chance.id, viewer=viewer, now=now)
    except HoldNotFound:
        return  # its time is over: the slot is free already


def _refuse_impossible(wanted: Wanted, now: datetime) -> None:
    if (wanted.doctor_id is None) is (wanted.specialty is None):
        raise ImpossibleWaiting("name the doctor or the specialty, and not both")
    if not LEAST_NEED <= wanted.need <= MOST_NEED:
        raise ImpossibleWaiting(f"need {wanted.need}: write a whole number from {LEAST_NEED} to {MOST_NEED}")
    refuse_naive(wanted.earliest)
    refuse_naive(wanted.latest)
    if wanted.latest <= max(wanted.earliest, now):
        raise ImpossibleWaiting("the period is empty or over: give an end after its start, and after now")
