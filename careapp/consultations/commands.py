"""Offer video consultations: cut hours into slots. It never commits."""

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.calendar import Calendar
from careapp.consultations.hours import WITH_RULES
from careapp.consultations.hours_copies import copy_hours, note_copied
from careapp.consultations.models import Schedule
from careapp.records import audit


def make_slots(
    session: Session, *, first: date, days: int, calendar: Calendar, viewer: Viewer, now: datetime
) -> int:
    """Cut the video hours of some local days into free slots; those that exist are left alone.

    From then on the copy is kept, see `careapp.consultations.hours_copies`. Hours are local: on the day the
    clock changes, each slot still lasts its minutes. Nothing is offered on public holidays.

    Returns:
        How many were made.
    """
    schedules = session.scalars(
        visible(
            select(Schedule).where(Schedule.is_active).options(*WITH_RULES).order_by(Schedule.id),
            viewer,
            Schedule,
        )
    ).all()
    period = (calendar.day(first)[0], calendar.day(first + timedelta(days=days))[0])
    made = copy_hours(session, schedules, period=period, calendar=calendar, now=now)
    note_copied(session, schedules, period[1])
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
