"""Keep the regular cut of doctors' hours as free slots that can be read and searched.

They are a copy of the rules: what can be booked is decided by `careapp.consultations.times.free_times`, for
one of them as for any other time. Slots that somebody has sent are left alone.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from careapp.appointments.occupancy import lock_practitioner
from careapp.calendar import Calendar
from careapp.consultations.hours import WITH_RULES, away_of, rules_of
from careapp.consultations.models import ConsultationCode, Schedule, Slot, SlotOrigin, SlotStatus
from careapp.consultations.taking import linked_slots, lock
from careapp.consultations.times import Interval, Offer, Rules, regular_cut
from careapp.db import record_change

COPY_DAYS = 14
"""How far ahead hours can be read as slots; further times are listed all the same, see `hours.offers`."""
_LATE = timedelta(hours=1)
"""So much may be missing at the far end, and so long may an absence go unseen in copies."""
_AT_ONCE = 10
"""Schedules of one tick: whoever books waits for it."""

_Key = tuple[datetime, datetime, object, object, object, object, object, int]


def copy_hours(
    session: Session, schedules: Sequence[Schedule], *, period: Interval, calendar: Calendar, now: datetime
) -> list[Slot]:
    """Make the copies of some schedules in a period what their rules say; returns those that are new.

    Taken slots stay taken. A slot that was a copy once and that the rules no longer know is gone, or stands
    alone while somebody has it.

    Args:
        session: A writing transaction that sees the schedules' tenants.
        schedules: Loaded with `WITH_RULES`.
        period: From when until when they start.
        calendar: The region's.
        now: This moment: what it is too late to book is not made.
    """
    made: list[Slot] = []
    for schedule in sorted(schedules, key=lambda each: (each.practitioner_id, each.id)):
        made += _copy(session, schedule, period, calendar, now)
    return made


def keep_copies(session: Session, *, calendar: Calendar, now: datetime) -> int:
    """Copy the hours of schedules whose copy ends too soon, some at a time; returns how many were copied."""
    until = now + timedelta(days=COPY_DAYS)
    due = (
        select(Schedule)
        .where(Schedule.is_active, Schedule.copied_until < until - _LATE)
        .order_by(Schedule.copied_until, Schedule.id)
        .limit(_AT_ONCE)
        .options(*WITH_RULES)
    )
    schedules = session.scalars(due).all()
    copy_hours(session, schedules, period=(now, until), calendar=calendar, now=now)
    note_copied(session, schedules, until)
    return len(schedules)


def copy_again(session: Session, schedule_id: UUID, *, calendar: Calendar, now: datetime) -> None:
    """Bring a schedule's copy up to its rules, which have changed."""
    session.flush()
    schedule = session.scalars(
        select(Schedule)
        .where(Schedule.id == schedule_id)
        .options(*WITH_RULES)
        .execution_options(populate_existing=True)
    ).one()
    least = now + timedelta(days=COPY_DAYS)
    until = least if schedule.copied_until is None else max(schedule.copied_until, least)
    copy_hours(session, [schedule], period=(now, until), calendar=calendar, now=now)
    note_copied(session, [schedule], until)


def note_copied(session: Session, schedules: Iterable[Schedule], until: datetime) -> None:
    """Write down until when schedules are copied; their documents do not show it."""
    for schedule in schedules:
        if schedule.copied_until is None or schedule.copied_until < until:
            session.execute(
                update(Schedule.__table__).where(Schedule.id == schedule.id).values(copied_until=until)  # type: ignore[arg-type]  # it is a table
            )
            session.expire(schedule, ["copied_until"])


def _copy(
    session: Session, schedule: Schedule, period: Interval, calendar: Calendar, now: datetime
) -> list[Slot]:
    slots = select(Slot).where(
        Slot.schedule_id == schedule.id, Slot.starts_at < period[1], Slot.ends_at > period[0]
    )
    copies = slots.where(Slot.origin == SlotOrigin.CUT, Slot.starts_at >= period[0])
    lock(session, session.scalars(copies.with_only_columns(Slot.id)))
    lock_practitioner(session, schedule.practitioner_id)
    wanted = {_key(each): each for each in _wanted(session, schedule, period, calendar, now)}
    fresh = {"populate_existing": True}
    existing = session.scalars(copies.execution_options(**fresh)).all()
    _drop(session, [slot for slot in existing if wanted.pop(_key(slot), None) is None])
    sent = session.execute(
        slots.where(Slot.origin == SlotOrigin.SENT).with_only_columns(Slot.starts_at, Slot.ends_at)
    ).all()
    taken = _taken(session, schedule.practitioner_id, period)
    made = []
    for slot in wanted.values():
        if any(starts < slot.ends_at and slot.starts_at < ends for starts, ends in sent):
            continue
        from_, until = slot.busy_from or slot.starts_at, slot.busy_until or slot.ends_at
        if any(starts < until and from_ < ends and _share(lane, slot.lane) for starts, ends, lane in taken):
            slot.status, slot.is_shadowed = SlotStatus.BLOCKED, True
        slot.schedule = schedule
        made.append(slot)
    session.add_all(made)
    session.flush()
    return made


def _wanted(
    session: Session, schedule: Schedule, period: Interval, calendar: Calendar, now: datetime
) -> list[Slot]:
    away = away_of(session, schedule.practitioner_id, period)
    found: list[Slot] = []
    for rules in _shown(rules_of(schedule, calendar)):
        for offer in regular_cut(rules, period):
            is_late = offer.starts_at - timedelta(minutes=rules.kind.notice_min) <= now
            is_away = any(starts < offer.ends_at and offer.starts_at < ends for starts, ends in away)
            if not is_late and not is_away:
                found += [_slot(schedule, rules, offer)]
    return found


def _shown(rules: list[Rules]) -> list[Rules]:
    """Of a schedule's kinds the one that its calendar shows: the first with the patient alone, else any.

    Where hours differ in length and no kinds are stored, there are several of that code, each of its hours.
    """
    video = [each for each in rules if each.kind.code is ConsultationCode.VIDEO] or rules
    hours: list[Rules] = []
    for each in video:
        if not hours or not any(stretch in other.hours for other in hours for stretch in each.hours):
            hours.append(each)
    return hours


def _slot(schedule: Schedule, rules: Rules, offer: Offer) -> Slot:
    kind = rules.kind
    return Slot(
        id=uuid4(),
        organisation_id=schedule.organisation_id,
        schedule_id=schedule.id,
        starts_at=offer.starts_at,
        ends_at=offer.ends_at,
        status=SlotStatus.FREE,
        is_shadowed=False,
        origin=SlotOrigin.CUT,
        kind=kind.code,
        place_id=offer.place_id,
        busy_from=offer.starts_at - kind.before if kind.buffer_before_min else None,
        busy_until=offer.ends_at + kind.after if kind.buffer_after_min else None,
        lane=offer.lane,
        closes_at=offer.starts_at - timedelta(minutes=kind.notice_min) if kind.notice_min else None,
    )


def _key(slot: Slot) -> _Key:
    return (
        slot.starts_at,
        slot.ends_at,
        slot.kind,
        slot.place_id,
        slot.busy_from,
        slot.busy_until,
        slot.closes_at,
        slot.lane,
    )


def _drop(session: Session, copies: Sequence[Slot]) -> None:
    """Forget copies that the rules no longer know; those that somebody has stand alone from now on."""
    idle = {slot.id for slot in copies if slot.status == SlotStatus.FREE or slot.is_shadowed}
    linked = linked_slots(session, idle)
    for slot in copies:
        if slot.id not in idle or slot.id in linked:
            slot.origin = SlotOrigin.TIME
            if slot.id in linked:  # a cancelled booking names it
                slot.status, slot.is_shadowed = SlotStatus.BLOCKED, False
    session.flush()
    gone = idle - linked
    for slot in copies:
        if slot.id in gone:
            record_change(session, Slot, slot.id)
            session.expunge(slot)
    session.execute(delete(Slot).where(Slot.id.in_(gone)), execution_options={"synchronize_session": False})


def _taken(session: Session, practitioner_id: UUID, period: Interval) -> list[tuple[datetime, datetime, int]]:
    statement = (
        select(Slot.starts_at, Slot.ends_at, Slot.busy_from, Slot.busy_until, Slot.lane)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(
            Schedule.practitioner_id == practitioner_id,
            Slot.status.in_([SlotStatus.BUSY, SlotStatus.HELD]),
            Slot.starts_at < period[1] + timedelta(days=1),
            Slot.ends_at > period[0] - timedelta(days=1),
        )
    )
    return [(row[2] or row[0], row[3] or row[1], row[4]) for row in session.execute(statement)]


def _share(one: int, other: int) -> bool:
    return one == other or not one or not other
