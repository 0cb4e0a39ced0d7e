"""Hold resources for others: take, change and give up a document as it was sent. None of these commits."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import NotFound
from careapp.records import audit
from careapp.records.held import HeldResource

Held = TypeVar("Held", bound=HeldResource)


class HeldResourceNotFound(NotFound):
    """No held resource has this id, or not for this viewer."""


def get_held(session: Session, model: type[Held], *, held_id: UUID, viewer: Viewer) -> Held:
    """Return one held resource, locked until the transaction ends.

    Raises:
        HeldResourceNotFound: None has this id, or not for this viewer.
    """
    statement = select(model).where(model.id == held_id).with_for_update()
    found = session.scalars(visible(statement, viewer, model)).one_or_none()
    if found is None:
        raise HeldResourceNotFound(f"there is no held resource {held_id} of this kind")
    return found


def hold(
    session: Session,
    model: type[Held],
    *,
    organisation_id: UUID,
    patient_id: UUID | None,
    content: bytes,
    viewer: Viewer,
    now: datetime,
) -> Held:
    """Take a document.

    Args:
        session: An open transaction.
        model: Of which kind.
        organisation_id: Whose it becomes.
        patient_id: Whom it is about, if a patient of ours.
        content: JSON as it was sent, without id, version and time.
        viewer: Who sends it.
        now: This moment.
    """
    row = model(id=uuid4(), organisation_id=organisation_id, patient_id=patient_id, content=content)
    session.add(row)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="hold_resource", subject=row, kind=row.kind)
    return row


def change_held(
    session: Session,
    row: HeldResource,
    *,
    patient_id: UUID | None,
    content: bytes,
    viewer: Viewer,
    now: datetime,
) -> None:
    """Put another document in a row's place."""
    row.patient_id, row.content = patient_id, content
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="change_held_resource", subject=row, kind=row.kind)


def release_held(session: Session, row: HeldResource, *, viewer: Viewer, now: datetime) -> None:
    """Give a document up; its versions stay in its history."""
    audit.record(session, viewer=viewer, now=now, action="release_held_resource", subject=row, kind=row.kind)
    session.delete(row)
    session.flush()
