"""Read openings."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from careapp.errors import NotFound
from careapp.openings.models import Opening, OpeningKind
from careapp.viewer import Viewer


class OpeningNotFound(NotFound):
    """No opening has this id, or not for this viewer."""


def openings_of(viewer: Viewer, now: datetime) -> Select[Opening]:
    """Select what is open to a viewer at a moment.

    What was opened to one nurse or doctor is open to that person alone; only bookings are their practice's,
    too, which keeps the calendar. As a condition: `Patient.id.in_(openings_of(viewer, now).with_only_columns(
    Opening.patient_id))`.

    Args:
        viewer: Who looks; ourselves see every opening.
        now: This moment.
    """
    statement = select(Opening).where(Opening.starts_at <= now, Opening.ends_at > now)
    if viewer.organisation_id is None:
        return statement
    to_anybody = Opening.to_practitioner_id.is_(None)
    theirs = (
        or_(to_anybody, Opening.kind == OpeningKind.BOOKING)
        if viewer.practitioner_id is None
        else or_(to_anybody, Opening.to_practitioner_id == viewer.practitioner_id)
    )
    return statement.where(and_(Opening.to_organisation_id == viewer.organisation_id, theirs))


def get_opening(session: Session, *, opening_id: UUID, viewer: Viewer) -> Opening:
    """Return an opening that the viewer's organisation has given or got, locked until the transaction ends.

    Raises:
        OpeningNotFound: No opening has this id, or not for this viewer.
    """
    statement = select(Opening).where(Opening.id == opening_id).with_for_update()
    if viewer.organisation_id is not None:
        statement = statement.where(
            or_(
                Opening.organisation_id == viewer.organisation_id,
                Opening.to_organisation_id == viewer.organisation_id,
            )
        )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise OpeningNotFound(f"there is no opening {opening_id}")
    return found
