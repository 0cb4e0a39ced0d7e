"""Take, hold and free slots: all that are named, or none."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from careapp.access import Viewer, visible
from careapp.appointments.occupancy import lock_practitioner
from careapp.consultations.hours import busy_of
from careapp.consultations.models import Booking, FurtherSlot, Schedule, Slot, SlotOrigin, SlotStatus
from careapp.consultations.queries import SlotNotFound
from careapp.db import record_change
from careapp.errors import Conflict, Invalid
from careapp.people.models import Role
from careapp.tenancy import across_tenants

_MARGIN = timedelta(days=31)
"""Longer than any slot lasts with its buffers, also one that says a doctor is away."""
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
    is_over = and_(Slot.status == SlotStatus.HELD, Slot.held_until <= now)
    is_open = or_(Slot.closes_at.is_(None), Slot.closes_at > now)
    is_free = and_(is_open, or_(Slot.status == SlotStatus.FREE, is_over))
    own = and_(Slot.status == SlotStatus.HELD, Slot.hold_id == hold_id)
    return and_(Slot.starts_at > now, is_free if hold_id is None else or_(is_free, own))


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
        ids.update(session.scalars(_in_shadow(session, ids).with_only_columns(Slot.id)))
        if len(ids) > 1:  # one is locked by the statement that changes it
            _lock(session, ids)


def lock_time(session: Session, practitioner_id: UUID, time: tuple[datetime, datetime]) -> None:
    """Let nobody else change a doctor's slots at a time, in any schedule, until the transaction ends."""
    with across_tenants(session):
        ids = session.scalars(
            select(Slot.id)
            .join(Schedule, Schedule.id == Slot.schedule_id)
            .where(Schedule.practitioner_id == practitioner_id, *_at(Slot, time))
        ).all()
        _lock(session, ids)


def _lock(session: Session, ids: Collection[UUID]) -> None:
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
        _refuse_taken_copies(session, slots, now=now, hold_id=hold_id)
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


def _refuse_taken_copies(
    session: Session, slots: Sequence[Slot], *, now: datetime, hold_id: UUID | None
) -> None:
    """Ask of a reading copy what is asked of a time: whether the doctor is free, with its buffers.

    Rules, holidays and notice are in the copy already; it is dropped when they change.
    """
    copies = [slot for slot in slots if slot.origin is SlotOrigin.CUT]
    if not copies:
        return
    doctor = copies[0].schedule.practitioner_id
    lock_practitioner(session, doctor)
    time = (copies[0].starts_at, copies[-1].ends_at)
    own = {slot.id for slot in slots}
    busy = busy_of(session, [doctor], time, now=now, hold_id=hold_id, but=own).get(doctor, [])
    for slot in copies:
        starts_at, ends_at = slot.busy_from or slot.starts_at, slot.busy_until or slot.ends_at
        for each in busy:
            is_lane = not slot.lane or each.lane in {0, slot.lane}
            if is_lane and each.starts_at < ends_at and starts_at < each.ends_at:
                raise SlotTaken("the doctor is not free at this time any more: choose another one")


def give_back(session: Session, slots: Sequence[Slot], *, now: datetime) -> None:
    """Free slots; those that have begun stay as they are, so that they are not offered again.

    A slot that was made for a chosen time, or that it is too late to book, is gone with its booking or hold:
    the rules offer its time anew.
    """
    later = [slot for slot in slots if slot.starts_at > now]
    if not later:
        return
    gone = {slot.id for slot in later if is_gone(slot.origin, slot.closes_at, now)}
    kept = {slot.id for slot in later} - gone
    with across_tenants(session):
        lock(session, kept | gone)
        for ids, status in ((kept, SlotStatus.FREE), (gone, SlotStatus.BLOCKED)):
            session.execute(
                update(Slot).where(Slot.id.in_(ids)).values(status=status, hold_id=None, held_until=None),
                execution_options={"synchronize_session": False},
            )
        _noted(session, later)
        linked = linked_slots(session, gone)
        for slot in later:
            if slot.id in gone - linked:
                session.delete(slot)
        session.flush()


def is_gone(origin: SlotOrigin, closes_at: datetime | None, now: datetime) -> bool:
    """Tell whether a slot is not offered again once nobody has it."""
    is_late = closes_at is not None and closes_at <= now
    return origin is SlotOrigin.TIME or (origin is SlotOrigin.CUT and is_late)


def linked_slots(session: Session, slot_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these slots a booking names, also one that was cancelled: they cannot be deleted."""
    first = session.scalars(select(Booking.slot_id).where(Booking.slot_id.in_(slot_ids)))
    further = session.scalars(select(FurtherSlot.slot_id).where(FurtherSlot.slot_id.in_(slot_ids)))
    return {*first, *further}


def shade(session: Session, slot_ids: Iterable[UUID]) -> None:
    """Block the doctor's other free slots at that time while these are taken, and free them afterwards.

    A doctor is in one place at a time: what is listed as free must book.
    """
    for slot in session.scalars(_in_shadow(session, set(slot_ids))).all():
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


def _in_shadow(session: Session, slot_ids: Collection[UUID]) -> Select[Slot]:
    """Slots of the same doctors, at the same time, that are free but for that."""
    own, its = aliased(Slot), aliased(Schedule)
    bounds = select(func.min(_from(Slot)), func.max(_until(Slot))).where(Slot.id.in_(slot_ids))
    first, last = session.execute(bounds).one()
    return (
        select(Slot)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(its, its.practitioner_id == Schedule.practitioner_id)
        .join(own, own.schedule_id == its.id)
        .where(
            own.id.in_(slot_ids),
            Slot.id != own.id,
            _from(Slot) < _until(own),
            _until(Slot) > _from(own),
            _share_lane(Slot.lane, own.lane),
            *([] if first is None else _at(Slot, (first, last))),
            or_(Slot.status == SlotStatus.FREE, Slot.is_shadowed.is_(True)),
        )
        .distinct()
    )


def _taken_elsewhere(slot: Slot) -> Select[UUID]:
    other, its, mine = aliased(Slot), aliased(Schedule), aliased(Schedule)
    time = (slot.busy_from or slot.starts_at, slot.busy_until or slot.ends_at)
    return (
        select(other.id)
        .join(its, its.id == other.schedule_id)
        .join(mine, mine.practitioner_id == its.practitioner_id)
        .where(
            mine.id == slot.schedule_id,
            other.id != slot.id,
            *_at(other, time),
            _share_lane(other.lane, literal(slot.lane)),
            other.status.in_([SlotStatus.BUSY, SlotStatus.HELD]),
        )
    )


def _at(slot: type[Slot], time: tuple[datetime, datetime]) -> list[ColumnElement[bool]]:
    """SQL: a slot takes some of a time, with what is kept free before and after it."""
    return [
        _from(slot) < time[1],
        _until(slot) > time[0],
        # Both are near its start, by which an index finds it.
        slot.starts_at < time[1] + _MARGIN,
        slot.starts_at > time[0] - _MARGIN,
    ]


def _from(slot: type[Slot]) -> ColumnElement[datetime]:
    return func.coalesce(slot.busy_from, slot.starts_at, type_=slot.starts_at.type)


def _until(slot: type[Slot]) -> ColumnElement[datetime]:
    return func.coalesce(slot.busy_until, slot.ends_at, type_=slot.ends_at.type)


def _share_lane(one: SQLColumnExpression[int], other: SQLColumnExpression[int]) -> ColumnElement[bool]:
    return or_(one == other, one == 0, other == 0)


def _noted(session: Session, slots: Sequence[Slot]) -> None:
    attributes: list[Any] = ["status", "hold_id", "held_until"]
    for slot in slots:
        record_change(session, Slot, slot.id)
        session.refresh(slot, attributes)
    shade(session, [slot.id for slot in slots])
