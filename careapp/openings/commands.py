"""Open a patient's record to somebody else, and close it. None of these commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.db import refuse_naive
from careapp.errors import Invalid
from careapp.openings.models import Opening, OpeningKind
from careapp.openings.queries import get_opening
from careapp.records import audit


class OpeningEndsBeforeItStarts(Invalid):
    """The end of an opening is not after its start."""


@dataclass(frozen=True)
class ToWhom:
    """Who gets to see a record.

    Attributes:
        organisation_id: Their tenant.
        practitioner_id: The one nurse or doctor of it; None: whoever its roles let.
    """

    organisation_id: UUID
    practitioner_id: UUID | None = None


def open_record(
    session: Session,
    *,
    organisation_id: UUID,
    patient_id: UUID,
    to: ToWhom,
    kind: OpeningKind,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    viewer: Viewer,
    now: datetime,
    appointment_id: UUID | None = None,
) -> Opening:
    """Open a patient's record; whoever calls has made sure that the viewer may.

    Args:
        session: An open transaction.
        organisation_id: Whose patient it is.
        patient_id: Whose record.
        to: Who gets to see it.
        kind: Why.
        reason: The same in words, without a name or an address; at most 400 characters are kept.
        starts_at: From when on.
        ends_at: The first moment at which it is closed again.
        viewer: Who opens it.
        now: This moment.
        appointment_id: The visit or booking that it is about, which is opened with it.

    Raises:
        NaiveDatetime: A time has no zone.
        OpeningEndsBeforeItStarts: It would never be open.
    """
    refuse_naive(starts_at)
    refuse_naive(ends_at)
    if ends_at <= starts_at:
        raise OpeningEndsBeforeItStarts("the opening ends before it starts: give an end after its start")
    opening = Opening(
        id=uuid4(),
        organisation_id=organisation_id,
        patient_id=patient_id,
        to_organisation_id=to.organisation_id,
        to_practitioner_id=to.practitioner_id,
        appointment_id=appointment_id,
        kind=kind,
        reason=reason[:400],
        starts_at=starts_at,
        ends_at=ends_at,
        granted_by=viewer.name,
        created_at=now,
    )
    session.add(opening)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="open_record",
        subject=opening,
        kind=kind.value,
        patient=patient_id,
        to_organisation=to.organisation_id,
        to_practitioner=to.practitioner_id,
    )
    return opening


def close_record(session: Session, *, opening_id: UUID, viewer: Viewer, now: datetime) -> Opening:
    """Close a record before its time; one that is closed already stays as it is.

    Raises:
        OpeningNotFound: No opening has this id, or not for this viewer.
    """
    opening = get_opening(session, opening_id=opening_id, viewer=viewer)
    _close(session, opening, viewer=viewer, now=now)
    return opening


def close_records_of(
    session: Session,
    *,
    appointment_id: UUID,
    viewer: Viewer,
    now: datetime,
    forgets: bool = False,
    practitioner_id: UUID | None = None,
) -> None:
    """Close whatever is open because of a visit or booking that no longer takes place.

    Args:
        session: An open transaction.
        appointment_id: Which one.
        viewer: Who called it off.
        now: This moment.
        forgets: The openings, closed ones too, no longer name it: it is to be removed, or is with others now.
        practitioner_id: Only what is open to this person; None: to anybody.
    """
    openings = select(Opening).where(Opening.appointment_id == appointment_id).order_by(Opening.id)
    if practitioner_id is not None:
        openings = openings.where(Opening.to_practitioner_id == practitioner_id)
    for opening in session.scalars(openings).all():
        _close(session, opening, viewer=viewer, now=now)
        if forgets:
            opening.appointment_id = None
    session.flush()


def _close(session: Session, opening: Opening, *, viewer: Viewer, now: datetime) -> None:
    if opening.ends_at <= now:
        return
    opening.starts_at, opening.ends_at = min(opening.starts_at, now), now
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="close_record", subject=opening)
