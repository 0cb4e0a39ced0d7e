"""Read the rules of doctors' hours, what of their time is taken, and so at which times they can be booked."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session, selectinload

from careapp.access import Viewer, visible
from careapp.appointments.models import PROMISED, Appointment, Occupancy
from careapp.calendar import Calendar
from careapp.consultations.models import (
    ConsultationCode,
    ConsultationHours,
    ConsultationKind,
    Schedule,
    Slot,
    SlotOrigin,
    SlotStatus,
)
from careapp.consultations.queries import PeriodEndsBeforeItStarts
from careapp.consultations.times import Busy, Interval, Kind, Offer, OtherDays, Rules, Stretch, free_times
from careapp.db import refuse_naive
from careapp.errors import Invalid
from careapp.people.models import Absence
from careapp.tenancy import across_tenants

LONGEST_PERIOD = timedelta(days=62)
"""For which times are listed at once."""
_MARGIN = timedelta(days=1)
"""Longer than any consultation with its buffers: what is taken so far away cannot matter."""
_ASSISTED_STEP_MIN = 5
"""A nurse comes at odd times; without kinds, assisted consultations start in such steps."""
_TITLES = {
    ConsultationCode.VIDEO: "Videosprechstunde",
    ConsultationCode.ASSISTED: "Videosprechstunde beim Hausbesuch",
    ConsultationCode.COLLEAGUE: "Videokonsil",
}
WITH_RULES = (
    selectinload(Schedule.hours),
    selectinload(Schedule.kinds),
    selectinload(Schedule.exceptions),
)
"""What a schedule needs so that its times can be computed."""


class PeriodTooLong(Invalid):
    """Times are asked for longer than anybody looks ahead at once."""


def offers(
    session: Session,
    *,
    starts: datetime,
    ends: datetime,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    schedule_ids: Collection[UUID] | None = None,
    doctor_id: UUID | None = None,
    code: ConsultationCode | None = None,
    kind_id: UUID | None = None,
    patient_id: UUID | None = None,
    hold_id: UUID | None = None,
) -> list[Offer]:
    """Return the times that can be booked now and start in a period, in order.

    Each of them books through `careapp.consultations.times_booking`, unless somebody is faster.

    Args:
        session: An open transaction.
        starts: From when they start.
        ends: Until when they start, not included.
        calendar: The region's zone and holidays; a schedule's own zone goes before.
        viewer: Who looks. Hours are offered to all.
        now: This moment.
        schedule_ids: Of which schedules; None: of all, or of the doctor's.
        doctor_id: A doctor's role.
        code: Only this kind of consultation.
        kind_id: Only this very kind.
        patient_id: Leave out when this patient has another consultation.
        hold_id: The asker's own hold, which does not stand in her way.

    Raises:
        NaiveDatetime: A time has no zone.
        PeriodEndsBeforeItStarts: The period is empty.
        PeriodTooLong: It is longer than `LONGEST_PERIOD`.
    """
    refuse_naive(starts)
    refuse_naive(ends)
    if ends <= starts:
        raise PeriodEndsBeforeItStarts("the period ends before it starts: give an end after its start")
    if ends - starts > LONGEST_PERIOD:
        raise PeriodTooLong(f"the period is too long: ask for at most {LONGEST_PERIOD.days} days")
    statement = select(Schedule).where(Schedule.is_active).options(*WITH_RULES).order_by(Schedule.id)
    if schedule_ids is not None:
        statement = statement.where(Schedule.id.in_(schedule_ids))
    if doctor_id is not None:
        statement = statement.where(Schedule.role_id == doctor_id)
    schedules = session.scalars(visible(statement, viewer, Schedule)).all()
    wanted = [
        (schedule.practitioner_id, rules)
        for schedule in schedules
        for rules in rules_of(schedule, calendar)
        if (code is None or rules.kind.code == code) and (kind_id is None or rules.kind.id == kind_id)
    ]
    period = (starts, ends)
    busy = busy_of(session, {doctor for doctor, _ in wanted}, period, now=now, hold_id=hold_id)
    engaged = _engaged(session, patient_id, period) if patient_id is not None else []
    found = [
        offer
        for doctor, rules in wanted
        for offer in free_times(rules, busy.get(doctor, ()), period, now)
        if not any(start < offer.ends_at and offer.starts_at < end for start, end in engaged)
    ]
    return sorted(found, key=lambda offer: (offer.starts_at, offer.schedule_id, offer.kind_id))


def rules_of(schedule: Schedule, calendar: Calendar) -> list[Rules]:
    """Return the rules of each kind that a schedule offers, the usual ones first.

    A schedule without kinds offers consultations of each code, as long as its hours say, back to back.

    Args:
        schedule: Loaded with `WITH_RULES`.
        calendar: The region's.
    """
    if schedule.zone is not None:
        calendar = replace(calendar, zone=ZoneInfo(schedule.zone))
    exceptions = [
        OtherDays(each.first_date, each.last_date, each.starts, each.ends, each.is_open, each.place_id)
        for each in schedule.exceptions
    ]
    return [
        Rules(
            schedule_id=schedule.id,
            calendar=calendar,
            kind=kind,
            hours=[_stretch(each) for each in hours if each.kind in {None, kind.code}],
            exceptions=exceptions,
        )
        for kind, hours in _kinds_of(schedule)
    ]


def busy_of(
    session: Session,
    practitioner_ids: Collection[UUID],
    period: Interval,
    *,
    now: datetime,
    hold_id: UUID | None = None,
    but: Collection[UUID] = (),
) -> dict[UUID, list[Busy]]:
    """Return what of doctors' time is taken in a period: appointments, held and blocked slots, absences.

    Whoever takes time sees that of every tenant: a doctor is one person.

    Args:
        session: An open transaction.
        practitioner_ids: Whose time.
        period: From when until when, a day more on each side.
        now: This moment: holds that are over count no more.
        hold_id: A hold that does not count.
        but: Slots that do not count.
    """
    found: dict[UUID, list[Busy]] = {}
    if not practitioner_ids:
        return found
    statements: tuple[Select[Any, datetime, datetime, int], ...] = (
        _occupied(practitioner_ids, period),
        _away(practitioner_ids, period),
        _kept(practitioner_ids, period, now, hold_id, but),
    )
    for statement in statements:
        with across_tenants(session):
            for doctor, *taken in session.execute(statement):
                found.setdefault(doctor, []).append(Busy(*taken))
    return found


def away_of(session: Session, practitioner_id: UUID, period: Interval) -> list[Interval]:
    """Return when a doctor is not at work in a period, a day more on each side."""
    with across_tenants(session):
        return [(row[1], row[2]) for row in session.execute(_away([practitioner_id], period))]


def _occupied(practitioner_ids: Collection[UUID], period: Interval) -> Select[UUID, datetime, datetime, int]:
    return select(Occupancy.practitioner_id, Occupancy.starts_at, Occupancy.ends_at, Occupancy.lane).where(
        Occupancy.practitioner_id.in_(practitioner_ids),
        Occupancy.starts_at < period[1] + _MARGIN,
        Occupancy.ends_at > period[0] - _MARGIN,
    )


def _away(
    practitioner_ids: Collection[UUID], period: Interval
) -> Select[UUID | None, datetime, datetime, int]:
    return select(Absence.practitioner_id, Absence.starts_at, Absence.ends_at, literal(0)).where(
        Absence.practitioner_id.in_(practitioner_ids),
        Absence.starts_at < period[1] + _MARGIN,
        Absence.ends_at > period[0] - _MARGIN,
    )


def _kept(
    practitioner_ids: Collection[UUID],
    period: Interval,
    now: datetime,
    hold_id: UUID | None,
    but: Collection[UUID],
) -> Select[UUID, datetime, datetime, int]:
    """Slots that keep the doctor's time although no appointment does."""
    held = and_(Slot.status == SlotStatus.HELD, Slot.held_until > now)
    if hold_id is not None:
        held = and_(held, Slot.hold_id != hold_id)
    said = and_(
        Slot.origin == SlotOrigin.SENT,
        Slot.is_shadowed.is_(False),
        Slot.status.in_([SlotStatus.BUSY, SlotStatus.BLOCKED]),
    )
    return (
        select(
            Schedule.practitioner_id,
            func.coalesce(Slot.busy_from, Slot.starts_at, type_=Slot.starts_at.type),
            func.coalesce(Slot.busy_until, Slot.ends_at, type_=Slot.ends_at.type),
            Slot.lane,
        )
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(
            Schedule.practitioner_id.in_(practitioner_ids),
            Slot.starts_at < period[1] + _MARGIN,
            Slot.ends_at > period[0] - _MARGIN,
            Slot.id.not_in(but),
            or_(held, said),
        )
    )


def _engaged(session: Session, patient_id: UUID, period: Interval) -> Sequence[Interval]:
    """When a patient has a consultation already."""
    statement = select(Appointment.starts_at, Appointment.ends_at).where(
        Appointment.patient_id == patient_id,
        Appointment.kind == "booking",
        Appointment.status.in_(PROMISED),
        Appointment.starts_at < period[1] + _MARGIN,
        Appointment.ends_at > period[0],
    )
    return [(starts, ends) for starts, ends in session.execute(statement) if starts and ends]


def _stretch(hours: ConsultationHours) -> Stretch:
    return Stretch(
        hours.recurrence, hours.first_date, hours.last_date, hours.starts, hours.ends, hours.place_id
    )


def _kinds_of(schedule: Schedule) -> Iterable[tuple[Kind, Sequence[ConsultationHours]]]:
    if schedule.kinds:
        return [(_kind(each), schedule.hours) for each in schedule.kinds]
    lengths = sorted({each.slot_minutes for each in schedule.hours})
    return [
        (
            _usual(schedule, code, minutes),
            [each for each in schedule.hours if each.slot_minutes == minutes],
        )
        for code in ConsultationCode
        for minutes in lengths
    ]


def _kind(row: ConsultationKind) -> Kind:
    return Kind(
        id=row.id,
        code=row.code,
        title=row.title,
        minutes=row.minutes,
        buffer_before_min=row.buffer_before_min,
        buffer_after_min=row.buffer_after_min,
        notice_min=row.notice_min,
        horizon_days=row.horizon_days,
        step_min=row.step_min,
        most_at_once=row.most_at_once,
    )


def _usual(schedule: Schedule, code: ConsultationCode, minutes: int) -> Kind:
    # Its id follows from what it is, so that whoever was shown it can name it.
    is_assisted = code is ConsultationCode.ASSISTED
    return Kind(
        id=uuid5(schedule.id, f"{code.value}-{minutes}"),
        code=code,
        title=_TITLES[code],
        minutes=minutes,
        step_min=_ASSISTED_STEP_MIN if is_assisted else minutes,
    )
