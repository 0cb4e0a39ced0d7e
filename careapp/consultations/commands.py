"""Offer video consultations: cut hours into slots. It never commits."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from careapp.access import Viewer, visible
from careapp.calendar import Calendar
from careapp.consultations.models import ConsultationHours, Schedule, Slot, SlotStatus
from careapp.consultations.taking import settle
from careapp.records import audit
from careapp.recurrence import occurs_on


def make_slots(
    session: Session, *, first: date, days: int, calendar: Calendar, viewer: Viewer, now: datetime
) -> int:
    """Cut the video hours of some local days into free slots; those that exist are left alone.

    Hours are local: on the day the clock changes, each slot still lasts its minutes. Nothing is offered on
    public holidays.

    Returns:
        How many were made.
    """
    schedules = session.scalars(
        visible(
            select(Schedule)
            .where(Schedule.is_active)
            .options(selectinload(Schedule.hours), joinedload(Schedule.role))
            .order_by(Schedule.id),
            viewer,
            Schedule,
        )
    ).all()
    period_starts = calendar.day(first)[0]
    period_ends = calendar.day(first + timedelta(days=days))[0]
    existing = session.execute(
        select(Slot.schedule_id, Slot.starts_at, Slot.ends_at).where(
            Slot.starts_at < period_ends, Slot.ends_at > period_starts
        )
    )
    taken: dict[UUID, list[tuple[datetime, datetime]]] = {}
    for schedule_id, starts_at, ends_at in existing:
        taken.setdefault(schedule_id, []).append((starts_at, ends_at))
    made = []
    for schedule in schedules:
        others = taken.setdefault(schedule.id, [])
        for number in range(days):
            day = first + timedelta(days=number)
            for starts_at, ends_at in _offered(schedule.hours, day, calendar):
                if not any(start < ends_at and starts_at < end for start, end in others):
                    others.append((starts_at, ends_at))
                    made.append(
                        Slot(
                            id=uuid4(),
                            organisation_id=schedule.organisation_id,
                            schedule_id=schedule.id,
                            starts_at=starts_at,
                            ends_at=ends_at,
                            status=SlotStatus.FREE,
                        )
                    )
    session.add_all(made)
    session.flush()
    doctors = [schedule.practitioner_id for schedule in schedules]
    several = {doctor for doctor in doctors if doctors.count(doctor) > 1}
    shared = {schedule.id for schedule in schedules if schedule.practitioner_id in several}
    settle(session, [slot for slot in made if slot.schedule_id in shared])
    if made:
        audit.record(
            session,
            viewer=viewer,
            now=now,
            action="make_slots",
            subject_kind="slot",
            organisation_id=viewer.organisation_id,
            first=first.isoformat(),
            days=days,
            count=len(made),
        )
    return len(made)


def _offered(
    hours: list[ConsultationHours], day: date, calendar: Calendar
) -> list[tuple[datetime, datetime]]:
    if calendar.is_holiday(day):
        return []
    offered = []
    for stretch in hours:
        if not occurs_on(stretch.recurrence, first=stretch.first_date, last=stretch.last_date, day=day):
            continue
        length = timedelta(minutes=stretch.slot_minutes)
        starts_at, closes = calendar.at(day, stretch.starts), calendar.at(day, stretch.ends)
        while starts_at + length <= closes:
            offered.append((starts_at, starts_at + length))
            starts_at += length
    return offered
