"""Who did what with whose data."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.db import Base
from careapp.errors import Invalid
from careapp.records import looks
from careapp.records.models import AuditEvent

Detail = str | int | float | bool | UUID | None
"""What a detail may be: an id, a count or a code."""


class AuditWithoutSubject(Invalid):
    """An audit row names neither a row nor a kind of rows."""


def record(
    session: Session,
    *,
    viewer: Viewer,
    now: datetime,
    action: str,
    subject: Base | None = None,
    subject_kind: str | None = None,
    subject_id: UUID | None = None,
    organisation_id: UUID | None = None,
    patient_id: UUID | None = None,
    **detail: Detail,
) -> AuditEvent:
    """Write down who did what, in the same transaction as the deed.

    Args:
        session: The transaction of the deed.
        viewer: Who did it.
        now: When.
        action: Name of the command or query.
        subject: The row it was done to. Its table, id and organisation are written.
        subject_kind: Instead of a row: the name of its table, e.g. `visit` for a list of visits.
        subject_id: Instead of a row: its id.
        organisation_id: Whose data; by default the subject's, else the viewer's.
        patient_id: Whom it concerns; by default the subject itself, or the patient whom it names.
        detail: Ids, counts and codes only: never a name, an address or a note.

    Raises:
        AuditWithoutSubject: Neither `subject` nor `subject_kind` is given.
    """
    if subject is not None:
        subject_kind = subject_kind or subject.__tablename__
        subject_id = subject_id or _key(subject)
        organisation_id = organisation_id or getattr(subject, "organisation_id", None)
        patient_id = patient_id or _patient(subject)
    if subject_kind is None:
        raise AuditWithoutSubject(f"the audit of {action} must say what it was done to")
    event = AuditEvent(
        id=new_id(now),
        at=now,
        viewer=viewer.name,
        role=viewer.role.value,
        organisation_id=organisation_id or viewer.organisation_id,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        patient_id=patient_id,
        request_id=looks.note_deed(patient_id),
        detail={name: str(value) if isinstance(value, UUID) else value for name, value in detail.items()},
    )
    session.add(event)
    return event


def new_id(now: datetime) -> UUID:
    """Make an id that sorts by time (version 7 of RFC 9562): new rows lie beside each other on disk."""
    milliseconds = int(now.timestamp() * 1000)
    chance = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | chance & ((1 << 62) - 1))


def _key(subject: Base) -> UUID | None:
    # A table with a compound or a textual key (a municipality, a claim) has no id to name.
    key = inspect(subject).mapper.primary_key_from_instance(subject)
    return key[0] if len(key) == 1 and isinstance(key[0], UUID) else None


def _patient(subject: Base) -> UUID | None:
    if subject.__tablename__ == "patient":
        return _key(subject)
    patient_id: UUID | None = getattr(subject, "patient_id", None)
    return patient_id
