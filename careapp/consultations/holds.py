"""Keep slots for one person until she has made up her mind. Each function is one use case; none commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, union_all, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from careapp.access import Viewer
from careapp.appointments.models import Occupancy
from careapp.appointments.occupancy import AlreadyOccupied
from careapp.consultations.models import Slot, SlotOrigin, SlotStatus
from careapp.consultations.taking import get_slots, give_back, hold, is_gone, linked_slots, shade
from careapp.errors import NotFound
from careapp.records import audit
from careapp.tenancy import across_tenants

ROWS_AT_ONCE = 500
_QUIET = {"synchronize_session": False}


class HoldNotFound(NotFound):
    """There is no such hold, or it is over."""


@dataclass(frozen=True)
class Hold:
    """Slots that are kept for one person.

    Attributes:
        id: What its holder names to book them; whoever knows it may, so it is told to nobody else.
        slots: In order of time, loaded with schedule and doctor.
        until: From this moment on anybody may have them.
    """

    id: UUID
    slots: list[Slot]
    until: datetime


def hold_slots(
    session: Session, *, slot_ids: Sequence[UUID], lasts: timedelta, viewer: Viewer, now: datetime
) -> Hold:
    """Keep free slots for one person for a while.

    Args:
        session: An open transaction.
        slot_ids: One, or several that follow each other.
        lasts: For how long; never beyond the first slot's start.
        viewer: Who asks.
        now: This moment.

    Raises:
        SlotNotFound: No slot has this id, or not for this viewer.
        SlotsDoNotFollow: See `careapp.consultations.taking.get_slots`.
        SlotIsOver: The slot has begun.
        SlotTaken: It is no longer free.
        AlreadyOccupied: The doctor is promised elsewhere at that time.
    """
    slots = get_slots(session, slot_ids=slot_ids, viewer=viewer, now=now)
    _refuse_occupied(session, slots)
    made = Hold(uuid4(), slots, min(now + lasts, slots[0].starts_at))
    hold(session, slots, now=now, hold_id=made.id, held_until=made.until)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="hold_slots",
        subject=slots[0],
        organisation_id=viewer.organisation_id,
        hold=str(made.id),
        slots=len(slots),
    )
    return made


def _refuse_occupied(session: Session, slots: Sequence[Slot]) -> None:
    # Booking is what the database refuses; a hold that could not be booked is better refused now.
    with across_tenants(session):
        taken = session.scalars(
            select(Occupancy.id).where(
                Occupancy.practitioner_id == slots[0].schedule.practitioner_id,
                Occupancy.starts_at < slots[-1].ends_at,
                Occupancy.ends_at > slots[0].starts_at,
            )
        ).first()
    if taken is not None:
        raise AlreadyOccupied("the doctor has another appointment at that time: choose another slot")


def get_hold(session: Session, *, hold_id: UUID, viewer: Viewer, now: datetime) -> Hold:
    """Return a hold that is not over.

    Raises:
        HoldNotFound: There is no such hold, or it is over.
    """
    ids = session.scalars(
        select(Slot.id).where(Slot.hold_id == hold_id, Slot.status == SlotStatus.HELD, Slot.held_until > now)
    ).all()
    if not ids:
        raise HoldNotFound(f"there is no hold {hold_id}, or it is over: hold or book a free slot")
    slots = get_slots(session, slot_ids=ids, viewer=viewer, now=now)
    until = slots[0].held_until
    assert until is not None  # noqa: S101 -- the statement asked for those that have one
    return Hold(hold_id, slots, until)


def release_hold(session: Session, *, hold_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Give held slots back before their time.

    Raises:
        HoldNotFound: There is no such hold, or it is over.
    """
    found = get_hold(session, hold_id=hold_id, viewer=viewer, now=now)
    give_back(session, found.slots, now=now)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="release_hold",
        subject=found.slots[0],
        organisation_id=viewer.organisation_id,
        hold=str(hold_id),
    )


def has_stale_slots(session: Session, *, now: datetime) -> bool:
    """Tell whether `tidy_slots` has something to do."""
    first = first_stale(session)
    return first is not None and first <= now


def first_stale(session: Session) -> datetime | None:
    """Return the moment from which on `tidy_slots` has something to do, as slots are now; None: never.

    An index answers: the first slot of each status, and the few that are held.
    """
    first: datetime | None = session.scalar(_FIRST_STALE)
    return first


def tidy_slots(session: Session, *, now: datetime) -> int:
    """Free slots whose hold is over; remove those that have begun and that nobody took.

    ISiK: a slot of the past that no appointment refers to is no longer shown.

    Returns:
        How many slots it looked at.
    """
    looked_at = 0
    while True:
        over = session.execute(
            select(Slot.id, Slot.starts_at, Slot.origin, Slot.closes_at)
            .where(_is_over(now))
            .order_by(Slot.id)
            .limit(ROWS_AT_ONCE)
            .with_for_update(skip_locked=True)  # whoever is booking one decides about it
        ).all()
        if not over:
            return looked_at
        looked_at += len(over)
        ids = [row.id for row in over]
        begun = {row.id for row in over if row.starts_at <= now}
        gone = {row.id for row in over if is_gone(row.origin, row.closes_at, now)} - begun
        kept = set(ids) - begun - gone
        linked = linked_slots(session, begun | gone)
        for over_ids, status in (
            # A cancelled appointment still refers to these: they stay, and are over.
            (linked & begun, SlotStatus.BUSY),
            (gone, SlotStatus.BLOCKED),
            (kept, SlotStatus.FREE),
        ):
            session.execute(
                update(Slot)
                .where(Slot.id.in_(over_ids))
                .values(status=status, hold_id=None, held_until=None),
                execution_options=_QUIET,
            )
        session.execute(
            update(Slot)
            .where(Slot.id.in_(linked & gone))
            .values(origin=SlotOrigin.TIME, closes_at=None, is_shadowed=False),
            execution_options=_QUIET,
        )
        shade(session, kept | gone)
        session.execute(delete(Slot).where(Slot.id.in_((begun | gone) - linked)), execution_options=_QUIET)


def _first(column: InstrumentedAttribute[Any], status: SlotStatus) -> Select[Any]:
    return select(func.min(column).label("moment")).where(Slot.status == status)


_FIRSTS = union_all(
    *(_first(Slot.starts_at, status) for status in SlotStatus if status != SlotStatus.BUSY),
    _first(Slot.held_until, SlotStatus.HELD),
    _first(Slot.closes_at, SlotStatus.FREE),
    _first(Slot.closes_at, SlotStatus.BLOCKED),
).subquery()
_FIRST_STALE = select(func.min(_FIRSTS.c.moment))


def _is_over(now: datetime) -> ColumnElement[bool]:
    return or_(
        (Slot.status == SlotStatus.HELD) & (Slot.held_until <= now),
        (Slot.status != SlotStatus.BUSY) & (Slot.starts_at <= now),
        Slot.status.in_([SlotStatus.FREE, SlotStatus.BLOCKED]) & (Slot.closes_at <= now),
    )
