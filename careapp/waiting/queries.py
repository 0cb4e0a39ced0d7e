"""Read the waiting list."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from careapp.access import Viewer, visible
from careapp.consultations.models import Schedule
from careapp.errors import NotFound
from careapp.paging import Page
from careapp.people.models import Role
from careapp.waiting.models import Chance, WaitingEntry, WaitingStatus


class EntryNotFound(NotFound):
    """Nobody waits under this id, or not for this viewer."""


class ChanceNotFound(NotFound):
    """No chance has this id, or not for this viewer."""


LINE = (WaitingEntry.need.desc(), WaitingEntry.since, WaitingEntry.id)
"""Who is first: whoever needs it most, then whoever waits longest. Nothing else counts."""

WITH_CHANCES = (
    selectinload(WaitingEntry.chances)
    .joinedload(Chance.schedule)
    .joinedload(Schedule.role)
    .joinedload(Role.practitioner),
    selectinload(WaitingEntry.chances).joinedload(Chance.entry),
)


def list_entries(
    session: Session,
    *,
    viewer: Viewer,
    status: WaitingStatus | None = None,
    patient_id: UUID | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[WaitingEntry]:
    """Return a page of entries in the order of the line.

    Args:
        session: An open transaction.
        viewer: Who looks.
        status: None for all.
        patient_id: None for all.
        limit: Most entries of the page.
        after: Id of the last entry of the page before.

    Raises:
        EntryNotFound: `after` names none.
    """
    statement: Select[WaitingEntry] = select(WaitingEntry).order_by(*LINE).options(*WITH_CHANCES)
    if status is not None:
        statement = statement.where(WaitingEntry.status == status)
    if patient_id is not None:
        statement = statement.where(WaitingEntry.patient_id == patient_id)
    if after is not None:
        statement = statement.where(_behind(get_entry(session, entry_id=after, viewer=viewer)))
    found = list(session.scalars(visible(statement.limit(limit + 1), viewer, WaitingEntry)))
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def _behind(last: WaitingEntry) -> ColumnElement[bool]:
    later = or_(
        WaitingEntry.since > last.since,
        and_(WaitingEntry.since == last.since, WaitingEntry.id > last.id),
    )
    return or_(WaitingEntry.need < last.need, and_(WaitingEntry.need == last.need, later))


def get_entry(session: Session, *, entry_id: UUID, viewer: Viewer, is_locked: bool = False) -> WaitingEntry:
    """Return one entry with its chances.

    Args:
        session: An open transaction.
        entry_id: Which one.
        viewer: Who looks.
        is_locked: Nobody else changes it or its chances until the transaction ends; they are as they are now.

    Raises:
        EntryNotFound: Nobody waits under this id, or not for this viewer.
    """
    statement = select(WaitingEntry).where(WaitingEntry.id == entry_id).options(*WITH_CHANCES)
    if is_locked:
        # First the lock, then the reading: whoever waits here sees what the other has done.
        row = select(WaitingEntry.id).where(WaitingEntry.id == entry_id).with_for_update()
        session.execute(row).all()
        statement = statement.execution_options(populate_existing=True)
    found = session.scalars(visible(statement, viewer, WaitingEntry)).one_or_none()
    if found is None:
        raise EntryNotFound(f"nobody waits under {entry_id}")
    return found


def get_chance(session: Session, *, chance_id: UUID, viewer: Viewer, is_locked: bool = False) -> Chance:
    """Return one chance with its entry and doctor.

    Args:
        session: An open transaction.
        chance_id: Which one.
        viewer: Who looks.
        is_locked: As of `get_entry`.

    Raises:
        ChanceNotFound: No chance has this id, or not for this viewer.
    """
    entry_id = session.scalar(select(Chance.entry_id).where(Chance.id == chance_id))
    if entry_id is None:
        raise ChanceNotFound(f"there is no chance {chance_id}")
    try:
        entry = get_entry(session, entry_id=entry_id, viewer=viewer, is_locked=is_locked)
    except EntryNotFound:
        raise ChanceNotFound(f"there is no chance {chance_id}") from None
    return next(chance for chance in entry.chances if chance.id == chance_id)
