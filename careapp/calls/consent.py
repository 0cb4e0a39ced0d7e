"""What patients and guests agree to before a call, and that they did (Art. 9 (2) a GDPR, Anlage 31b BMV-Ä).

The words have a version, which is kept with each consent: whoever changes a word gives them a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.calls.models import BY_LINK, CallConsent, CallPart, CallParticipant
from careapp.calls.seats import Seat, get_call, require_part
from careapp.consultations.models import Booking
from careapp.identity.models import Language
from careapp.records import audit

VERSION = "2026-11"


@dataclass(frozen=True)
class ConsentWords:
    """What is agreed to, in one language.

    Attributes:
        sentences: One after the other; all of them are agreed to at once.
        agree: The button's words.
        decline: Those of the other one.
    """

    sentences: tuple[str, ...]
    agree: str
    decline: str


WORDS: Mapping[Language, ConsentWords] = {
    Language.GERMAN: ConsentWords(
        sentences=(
            "Ich möchte per Video mit der Ärztin oder dem Arzt sprechen. Das ist freiwillig.",
            "Bild und Ton werden verschlüsselt übertragen. Niemand zeichnet sie auf, auch ich nicht.",
            "Wer im Raum ist, stelle ich zu Beginn vor; ohne mein Einverständnis hört niemand zu.",
            "Wann ich teilnahm, wird höchstens drei Monate gespeichert; dass ich zustimmte, mit der Akte.",
            "Ich kann jederzeit auflegen und mein Einverständnis für die Zukunft zurücknehmen.",
        ),
        agree="Ich bin einverstanden",
        decline="Nein, nicht teilnehmen",
    ),
    Language.ENGLISH: ConsentWords(
        sentences=(
            "I want to speak with the doctor by video. I do so of my own free will.",
            "Picture and sound are encrypted on their way. Nobody records the conversation, nor do I.",
            "At the beginning I say who is in the room; nobody listens without my consent.",
            "When I took part is kept for three months at most, and that I agreed, with the record.",
            "I can hang up at any time and withdraw my consent for the future.",
        ),
        agree="I agree",
        decline="No, do not take part",
    ),
}


def record_consent(session: Session, *, seat: Seat, language: Language, now: datetime) -> None:
    """Keep that the patient or a guest has agreed, as the page asked them to; once is enough."""
    if seat.part not in BY_LINK:
        return
    participant = session.get_one(CallParticipant, seat.participant_id, with_for_update=True)
    if participant.consent_at is not None:
        return
    participant.consent_at = now
    _keep(session, seat.booking_id, seat.part, language, viewer=seat.viewer, now=now)


def witness_consent(
    session: Session, *, call_id: UUID, language: Language, viewer: Viewer, now: datetime
) -> None:
    """Keep that the patient has agreed by word of mouth to the nurse beside her, or to the doctor.

    Raises:
        CallNotFound: No call has this id, or not for this viewer.
        NotOfThisCall: The booking is another doctor's, its visit another nurse's.
    """
    _, booking = get_call(session, call_id=call_id, viewer=viewer, is_locked=True)
    require_part(session, booking, viewer)
    if not has_patient_agreed(session, booking):
        _keep(session, booking.id, CallPart.PATIENT, language, viewer=viewer, now=now)
    for participant in session.scalars(
        select(CallParticipant).where(
            CallParticipant.call_id == call_id,
            CallParticipant.part == CallPart.PATIENT,
            CallParticipant.consent_at.is_(None),
        )
    ):
        participant.consent_at = now
    session.flush()


def has_patient_agreed(session: Session, booking: Booking) -> bool:
    """Tell whether the patient has agreed to this consultation by video."""
    agreed = select(CallConsent.id).where(
        CallConsent.booking_id == booking.id, CallConsent.part == CallPart.PATIENT
    )
    return session.scalars(agreed.limit(1)).first() is not None


def _keep(
    session: Session,
    booking_id: UUID,
    part: CallPart,
    language: Language,
    *,
    viewer: Viewer,
    now: datetime,
) -> None:
    booking = session.get_one(Booking, booking_id)
    consent = CallConsent(
        id=uuid4(),
        organisation_id=booking.organisation_id,
        booking_id=booking_id,
        patient_id=booking.patient_id,
        part=part,
        given_at=now,
        version=VERSION,
        language=language.value,
        witness_id=viewer.practitioner_id,
    )
    session.add(consent)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="record_consent",
        subject=consent,
        part=part.value,
        version=VERSION,
    )
