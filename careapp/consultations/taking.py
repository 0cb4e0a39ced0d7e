"""Take, hold and free slots: all that are named, or none."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from careapp.access import Viewer, visible
from careapp.consultations.models import Schedule, Slot, SlotStatus
from careapp.consultations.queries import SlotNotFound
from careapp.db import record_change
from careapp.errors import Conflict, Invalid
from careapp.people.models import Role
from careapp.tenancy import across_tenants

MOST_SLOTS = 24
"""Of one booking: four hours of ten minutes each."""


class SlotTaken(Conflict):
    """A slot is no longer free."""


class SlotIsOver(Conflict):
    """A slot has begun."""


class SlotsDoNotFollow(Invalid):
    """The slots are none, too many, of several schedules, or have a gap between them."""


def is_bookable(now: datetime, hold_id: UUID | None = None) -> ColumnElement[bool]:
    """SQL: a slot can be taken: it is free, its hold is over, or it is held for whoever asks.

    What is listed as free and what can be booked follow from this one condition.

    Args:
        now: This moment.
        hold_id: Of whoever asks.
    """
    is_over: ColumnElement[bool] = Slot.held_until <= now
    own = is_over if hold_id is None else or_(is_over, Slot.hold_id == hold_id)
    return and_(
        Slot.starts_at > now,
        or_(Slot.status == SlotStatus.FREE, and_(Slot.status == SlotStatus.HELD, own)),
    )


def get_slots(session: Session, *, slot_ids: Sequence[UUID], viewer: Viewer, now: datetime) -> list[Slot]:
    """Return slots that one appointment may take together, in order of time.

    Raises:
        SlotNotFound: No slot has one of the ids, or not for this viewer.
        SlotsDoNotFollow: None or too many are named, or they do not follow each other in one schedule.
        SlotIsOver: The first has begun.
    """
    wanted = set(slot_ids)
    if not 1 <= len(wanted) <= MOST_SLOTS:
        raise SlotsDoNotFollow(f"name at least one slot and at most {MOST_SLOTS}")
    statement = (
        select(Slot)
        .where(Slot.id.in_(wanted))
        .order_by(Slot.starts_at, Slot.id)
        .options(joinedload(Slot.schedule).joinedload(Schedule.role).joinedload(Role.practitioner))
    )
    slots = list(session.scalars(visible(statement, viewer, Slot)))
    missing = wanted.difference(slot.id for slot in slots)
    if missing:
        raise SlotNotFound(f"there is no slot {min(missing)}")
    if len({slot.schedule_id for slot in slots}) > 1:
        raise SlotsDoNotFollow("the slots are of different schedules: name slots of one schedule")
    if any(first.ends_at != second.starts_at for first, second in pairwise(slots)):
        raise SlotsDoNotFollow("there is a gap between the slots: name slots that follow each other")
    if slots[0].starts_at <= now:
        raise SlotIsOver("this slot has begun: choose a later one")
    return slots


def find_chain(
    session: Session,
    *,
    schedule_id: UUID,
    time: tuple[datetime, datetime],
    now: datetime,
    hold_id: UUID | None = None,
    own: Collection[UUID] = (),
) -> list[UUID]:
    """Return the slots of a schedule that can be taken and cover a time, in order.

    Args:
        session: An open transaction.
        schedule_id: Whose slots.
        time: From when until when; half-open.
        now: This moment.
        hold_id: Of whoever asks.
        own: Slots that whoever asks has already.

    Raises:
        SlotTaken: Some of the time is not offered, or taken.
    """
    starts_at, ends_at = time
    found = session.execute(
        select(Slot.id, Slot.starts_at, Slot.ends_at)
        .where(
            Slot.schedule_id == schedule_id,
            Slot.starts_at < ends_at,
            Slot.ends_at > starts_at,
            or_(is_bookable(now, hold_id), Slot.id.in_(own)),
        )
        .order_by(Slot.starts_at, Slot.id)
    ).all()
    chain: list[UUID] = []
    covered = starts_at
    for slot in found:
        if covered < ends_at and (slot.starts_at == covered or (not chain and slot.starts_at < covered)):
            chain.append(slot.id)
            covered = slot.ends_at
    if not chain or covered < ends_at:
        raise SlotTaken("the schedule has no free slots for all of this time: look for others")
    return chain


def lock(session: Session, slot_ids: Iterable[UUID]) -> None:
    """Let nobody else change these slots, and those in their shadow, until the transaction ends.

    Whoever changes several locks them all at once, here, in the order of their ids: so no two deadlock.
    """
    ids = set(slot_ids)
    with across_tenants(session):
        ids.update(session.scalars(_in_shadow(ids).with_only_columns(Slot.id)))
        if len(ids) > 1:  # one is locked by the statement that changes it
            session.execute(select(Slot.id).where(Slot.id.in_(ids)).order_by(Slot.id).with_for_update()).all()


def take(session: Session, slots: Sequence[Slot], *, now: datetime, hold_id: UUID | None = None) -> None:
    """Make slots busy.

    Two people may press the button at once: the update itself is the check, so exactly one gets them.

    Raises:
        SlotTaken: One is no longer free, nor held for whoever asks.
    """
    _update(
        session, slots, now=now, hold_id=hold_id, status=SlotStatus.BUSY, then_hold_id=None, then_until=None
    )


def hold(
    session: Session, slots: Sequence[Slot], *, now: datetime, hold_id: UUID, held_until: datetime
) -> None:
    """Keep slots for one person.

    Raises:
        SlotTaken: One is no longer free.
    """
    _update(
        session, slots, now=now, hold_id=None, status=SlotStatus.HELD, then_hold_id=hold_id,
        then_until=held_until,
    )  # fmt: skip


def _update(
    session: Session,
    slots: Sequence[Slot],
    *,
    now: datetime,
    hold_id: UUID | None,
    status: SlotStatus,
    then_hold_id: UUID | None,
    then_until: datetime | None,
) -> None:
    ids = [slot.id for slot in slots]
    with across_tenants(session):
        lock(session, ids)
        changed = session.scalars(
            update(Slot)
            .where(Slot.id.in_(ids), is_bookable(now, hold_id))
            .values(status=status, hold_id=then_hold_id, held_until=then_until)
            .returning(Slot.id),
            execution_options={"synchronize_session": False},
        ).all()
        if len(changed) < len(ids):
            raise SlotTaken("this slot has just been taken: choose another one")
        _noted(session, slots)


def give_back(session: Session, slots: Sequence[Slot], *, now: datetime) -> None:
    """Free slots; those that have begun stay as they are, so that they are not offered again."""
    later = [slot for slot in slots if slot.starts_at > now]
    if not later:
        return
    ids = [slot.id for slot in later]
    free = {"status": SlotStatus.FREE, "hold_id": None, "held_until": None}
    with across_tenants(session):
        lock(session, ids)
        session.execute(
            update(Slot).where(Slot.id.in_(ids)).values(free),
            execution_options={"synchronize_session": False},
        )
        _noted(session, later)


def shade(session: Session, slot_ids: Iterable[UUID]) -> None:
    """Block the doctor's free slots in other schedules while these are taken, and free them afterwards.

    A doctor is in one place at a time: what is listed as free must book.
    """
    for slot in session.scalars(_in_shadow(set(slot_ids))):
        is_shadowed = session.scalar(select(_taken_elsewhere(slot).exists()))
        if is_shadowed != slot.is_shadowed:
            slot.is_shadowed = bool(is_shadowed)
            slot.status = SlotStatus.BLOCKED if is_shadowed else SlotStatus.FREE
    session.flush()


def settle(session: Session, slots: Sequence[Slot]) -> None:
    """See that new or changed slots lie in the shadow they belong to, and throw theirs."""
    for slot in slots:
        if slot.status == SlotStatus.FREE and session.scalar(select(_taken_elsewhere(slot).exists())):
            slot.status, slot.is_shadowed = SlotStatus.BLOCKED, True
    session.flush()
    shade(session, [slot.id for slot in slots])


def _in_shadow(slot_ids: Collection[UUID]) -> Select[Slot]:
    """Slots of the same doctors' other schedules, at the same time, that are free but for that."""
    own, its = aliased(Slot), aliased(Schedule)
    return (
        select(Slot)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(its, its.practitioner_id == Schedule.practitioner_id)
        .join(own, own.schedule_id == its.id)
        .where(
            own.id.in_(slot_ids),
            Slot.schedule_id != own.schedule_id,
            Slot.starts_at < own.ends_at,
            Slot.ends_at > own.starts_at,
            or_(Slot.status == SlotStatus.FREE, Slot.is_shadowed.is_(True)),
        )
        .distinct()
    )


def _taken_elsewhere(slot: Slot) -> Select[UUID]:
    other, its, mine = aliased(Slot), aliased(Schedule), aliased(Schedule)
    return (
        select(other.id)
        .join(its, its.id == other.schedule_id)
        .join(mine, mine.practitioner_id == its.practitioner_id)
        .where(
            mine.id == slot.schedule_id,
            other.schedule_id != slot.schedule_id,
            other.starts_at < slot.ends_at,
            other.ends_at > slot.starts_at,
            other.status.in_([SlotStatus.BUSY, SlotStatus.HELD]),
        )
    )


def _noted(session: Session, slots: Sequence[Slot]) -> None:
    attributes: list[Any] = ["status", "hold_id", "held_until"]
    for slot in slots:
        record_change(session, Slot, slot.id)
        session.refresh(slot, attributes)
    shade(session, [slot.id for slot in slots])
