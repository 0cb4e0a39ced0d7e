"""How a patient wants to hear of appointments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import Invalid
from careapp.notices.models import ContactWish, Language, Notice, Way
from careapp.notices.settings import is_mailbox
from careapp.people.queries import get_patient
from careapp.records import audit, outbox

WISH_CHANGED = "contact-wish.changed"
MOST_REMINDERS = 3
LONGEST_BEFORE_H = 7 * 24

_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_BETWEEN = re.compile(r"[\s()/.-]", re.ASCII)
HOME_PREFIX = "+49"


class NotAnAddress(Invalid):
    """The e-mail address is missing or malformed."""


class NotANumber(Invalid):
    """The telephone number is missing or malformed."""


class ImpossibleReminder(Invalid):
    """Reminders are too many, or come too long before, or after."""


class InvitationNeedsMail(Invalid):
    """Invitations come by e-mail only."""


@dataclass(frozen=True, repr=False)
class Wish:
    """How a patient wants to hear of appointments.

    Attributes:
        way: E-mail, SMS or nothing at all.
        language: Of the messages.
        email: Where e-mails go.
        phone: Where SMS go; without a country's prefix it is a German number.
        hours_before: When reminders come.
        wants_invitations: E-mails carry the appointment for the patient's own calendar.
    """

    way: Way
    language: Language = Language.GERMAN
    email: str | None = None
    phone: str | None = None
    hours_before: Sequence[int] = (24,)
    wants_invitations: bool = False


def set_contact_wish(
    session: Session, *, patient_id: UUID, wish: Wish, viewer: Viewer, now: datetime
) -> ContactWish:
    """Note how a patient wants to hear of appointments; what waits to be sent follows.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        NotAnAddress: The e-mail address is malformed, or none is given and e-mails are wanted.
        NotANumber: The number is malformed, or none is given and SMS are wanted.
        ImpossibleReminder: More than `MOST_REMINDERS`, or not 1 to `LONGEST_BEFORE_H` hours before.
        InvitationNeedsMail: Invitations are wanted, but no e-mails.
    """
    email, phone = _address(wish), _number(wish)
    hours = sorted(set(wish.hours_before), reverse=True)
    if len(hours) > MOST_REMINDERS or any(not 1 <= each <= LONGEST_BEFORE_H for each in hours):
        raise ImpossibleReminder(
            f"name at most {MOST_REMINDERS} reminders, each 1 to {LONGEST_BEFORE_H} hours before"
        )
    if wish.wants_invitations and wish.way is not Way.EMAIL:
        raise InvitationNeedsMail("invitations come by e-mail: choose e-mail, or no invitations")
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    row = session.scalars(
        select(ContactWish).where(ContactWish.patient_id == patient_id).with_for_update()
    ).one_or_none()
    if row is None:
        row = ContactWish(id=uuid4(), organisation_id=patient.organisation_id, patient_id=patient_id)
        session.add(row)
    row.way, row.language, row.hours_before = wish.way, wish.language, hours
    row.wants_invitations, row.changed_at = wish.wants_invitations, now
    row.email, row.phone = email, phone
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="set_contact_wish", subject=row, way=wish.way.value)
    outbox.send(session, topic=WISH_CHANGED, payload={"patient": str(patient_id)}, now=now)
    return row


def find_contact_wish(session: Session, *, patient_id: UUID, viewer: Viewer) -> ContactWish | None:
    """Return a patient's wish; None if nobody has asked.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
    """
    get_patient(session, patient_id=patient_id, viewer=viewer)
    statement = select(ContactWish).where(ContactWish.patient_id == patient_id)
    return session.scalars(visible(statement, viewer, ContactWish)).one_or_none()


def list_notices(session: Session, *, patient_id: UUID, viewer: Viewer, limit: int) -> list[Notice]:
    """Return the latest messages to a patient, the last first.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
    """
    get_patient(session, patient_id=patient_id, viewer=viewer)
    statement = select(Notice).where(Notice.patient_id == patient_id)
    latest = statement.order_by(Notice.due_at.desc(), Notice.id).limit(limit)
    return list(session.scalars(visible(latest, viewer, Notice)))


def forget_contact(session: Session, *, patient_id: UUID) -> int:
    """Remove a patient's wish and all messages; returns how many rows went.

    For `careapp.privacy.erasure`: files that were written for them go with the next look, see
    `careapp.notices.forgetting`.
    """
    gone = 0
    for model in (Notice, ContactWish):
        removed = session.execute(
            delete(model).where(model.patient_id == patient_id),
            execution_options={"synchronize_session": False},
        )
        gone += getattr(removed, "rowcount", 0)
    return gone


def _address(wish: Wish) -> str | None:
    text = (wish.email or "").strip()
    if not text and wish.way is not Way.EMAIL:
        return None
    if not is_mailbox(text):
        raise NotAnAddress("give an e-mail address like erna@mail.example, or choose another way")
    return text


def _number(wish: Wish) -> str | None:
    text = _BETWEEN.sub("", wish.phone or "")
    if not text and wish.way is not Way.SMS:
        return None
    if text.startswith("00"):
        text = f"+{text[2:]}"
    elif text.startswith("0"):
        text = f"{HOME_PREFIX}{text[1:]}"
    if not _NUMBER.fullmatch(text):
        raise NotANumber("give a number like 0171 2345678 or +49 171 2345678, or choose another way")
    return text
