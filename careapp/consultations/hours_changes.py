"""Change the rules of a doctor's hours. Each function is one use case; none commits.

What is booked stays booked, whatever the rules say from now on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from careapp import recurrence as recurrences
from careapp.access import Viewer, ViewerRole, visible
from careapp.calendar import Calendar
from careapp.consultations.hours import WITH_RULES
from careapp.consultations.hours_copies import copy_again
from careapp.consultations.models import (
    ConsultationCode,
    ConsultationHours,
    ConsultationKind,
    ExceptionReason,
    HoursException,
    Schedule,
)
from careapp.consultations.offers import ScheduleDetails, add_schedule
from careapp.consultations.queries import ScheduleNotFound
from careapp.errors import Invalid
from careapp.organisations.commands import require_name
from careapp.organisations.models import Place
from careapp.people.models import Role
from careapp.people.queries import DoctorNotFound, get_doctor
from careapp.records import audit

MOST_RULES = 200
"""Of one kind in one schedule: years of weekly changes."""
LEAST_MINUTES, MOST_MINUTES = 5, 120
_USUAL_MINUTES = 15


class ImpossibleHours(Invalid):
    """Hours, kinds or exceptions contradict themselves or are too many."""


class UnknownZone(Invalid):
    """There is no such time zone."""


class NameASchedule(Invalid):
    """The doctor has several schedules, and none is named."""


@dataclass(frozen=True)
class Hours:
    """Hours that recur; see `models.ConsultationHours`.

    Attributes:
        recurrence: RFC 5545 RRULE over local dates.
        first_date: First date.
        last_date: Last date, included; None: for ever.
        starts: By the wall clock.
        ends: By the wall clock; no later than `starts`: on the next day.
        slot_minutes: How long a consultation lasts where no kinds are stored.
        kind: For which kind only; None: for all.
        place_id: Where the doctor is meanwhile; one of the practice's places.
    """

    recurrence: str
    first_date: date
    starts: time
    ends: time
    last_date: date | None = None
    slot_minutes: int = _USUAL_MINUTES
    kind: ConsultationCode | None = None
    place_id: UUID | None = None


@dataclass(frozen=True)
class OtherHours:
    """Days with other hours; see `models.HoursException`.

    Attributes:
        first_date: First date.
        last_date: Last date, included.
        starts: On each day; None: the whole day.
        ends: On each day; no later than `starts`: on the next one.
        is_open: Open, else closed.
        reason: Why; shown to nobody outside the practice.
        place_id: Of an opening: where the doctor is meanwhile.
    """

    first_date: date
    last_date: date
    is_open: bool
    starts: time | None = None
    ends: time | None = None
    reason: ExceptionReason = ExceptionReason.OTHER
    place_id: UUID | None = None


@dataclass(frozen=True)
class KindDetails:
    """What is offered; see `models.ConsultationKind`.

    Attributes:
        code: Which kind of consultation.
        title: How people call it.
        minutes: How long it lasts.
        id: Of a kind that is there and stays; None: a new one.
        buffer_before_min: Kept free before it.
        buffer_after_min: Kept free after it.
        notice_min: Least time between booking and start.
        horizon_days: How many local days ahead it can be booked.
        step_min: Starts lie so far apart; 1: any minute.
        most_at_once: How many may be booked at one time.
    """

    code: ConsultationCode
    title: str
    minutes: int
    id: UUID | None = None
    buffer_before_min: int = 0
    buffer_after_min: int = 0
    notice_min: int = 0
    horizon_days: int = 84
    step_min: int = 5
    most_at_once: int = 1


_LIMITS = {
    "minutes": (1, 480),
    "buffer_before_min": (0, 240),
    "buffer_after_min": (0, 240),
    "notice_min": (0, 525_600),
    "horizon_days": (0, 730),
    "step_min": (1, 480),
    "most_at_once": (1, 20),
}


def get_hours(
    session: Session, *, role_id: UUID, viewer: Viewer, schedule_id: UUID | None = None
) -> Schedule:
    """Return a doctor's schedule with all its rules.

    Raises:
        DoctorNotFound: No doctor has this id, or not for this viewer.
        ScheduleNotFound: The doctor has no schedule, or not this one.
        NameASchedule: The doctor has several, and none is named.
    """
    get_doctor(session, role_id=role_id, viewer=viewer)
    found = _schedules(session, role_id, schedule_id, viewer)
    if not found:
        raise ScheduleNotFound(f"doctor {role_id} has no such schedule")
    if len(found) > 1:
        raise NameASchedule(f"doctor {role_id} has {len(found)} schedules: name one of them")
    return found[0]


def set_hours(
    session: Session,
    *,
    role_id: UUID,
    hours: Sequence[Hours],
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    zone: str | None = None,
    schedule_id: UUID | None = None,
) -> Schedule:
    """Write a doctor's weekly hours anew; a doctor without a schedule gets one.

    Args:
        session: An open transaction.
        role_id: The doctor's role.
        hours: All of them.
        calendar: The region's.
        viewer: Somebody of the practice; a doctor changes his own.
        now: This moment.
        zone: IANA time zone of the hours; None: the region's.
        schedule_id: Which schedule, if there are several.

    Raises:
        DoctorNotFound: No doctor has this id, or not for this viewer.
        ScheduleNotFound: See `get_hours`; likewise NameASchedule.
        UnknownZone: There is no such zone.
        InvalidRecurrence: A recurrence cannot be understood.
        ImpossibleHours: They contradict themselves, are too many, or name a place that is not the practice's.
    """
    role = _own_doctor(session, role_id, viewer)
    if zone is not None:
        _refuse_unknown_zone(zone)
    if schedule_id is None and not _schedules(session, role_id, None, viewer):
        details = ScheduleDetails("Videosprechstunde", role.specialty or "ALLG")
        add_schedule(session, role_id=role_id, details=details, viewer=viewer, now=now)
    schedule = get_hours(session, role_id=role_id, schedule_id=schedule_id, viewer=viewer)
    _refuse_many(hours)
    for each in hours:
        recurrences.validate(each.recurrence)
        if each.last_date is not None and each.last_date < each.first_date:
            raise ImpossibleHours("hours end before they begin: give a last date after the first")
        if not LEAST_MINUTES <= each.slot_minutes <= MOST_MINUTES:
            raise ImpossibleHours(f"slot_minutes: from {LEAST_MINUTES} to {MOST_MINUTES}")
    _refuse_foreign_places(session, schedule, [each.place_id for each in hours])
    session.execute(delete(ConsultationHours).where(ConsultationHours.schedule_id == schedule.id))
    session.add_all(
        ConsultationHours(
            id=uuid4(),
            schedule_id=schedule.id,
            recurrence=each.recurrence,
            first_date=each.first_date,
            last_date=each.last_date,
            starts=each.starts,
            ends=each.ends,
            slot_minutes=each.slot_minutes,
            kind=each.kind,
            place_id=each.place_id,
        )
        for each in hours
    )
    schedule.zone = zone
    return _changed(session, schedule, "set_hours", len(hours), calendar=calendar, viewer=viewer, now=now)


def set_exceptions(
    session: Session,
    *,
    role_id: UUID,
    exceptions: Sequence[OtherHours],
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    schedule_id: UUID | None = None,
) -> Schedule:
    """Write anew on which days a doctor's hours are others than usual.

    Raises:
        CareError: As `set_hours`, of which a schedule is needed before.
    """
    _own_doctor(session, role_id, viewer)
    schedule = get_hours(session, role_id=role_id, schedule_id=schedule_id, viewer=viewer)
    _refuse_many(exceptions)
    for each in exceptions:
        if each.last_date < each.first_date:
            raise ImpossibleHours("an exception ends before it begins: give a last date after the first")
        if (each.starts is None) != (each.ends is None):
            raise ImpossibleHours("an exception names one time only: give both or none")
        if each.is_open and each.starts is None:
            raise ImpossibleHours("an opening names no times: say from when until when")
    _refuse_foreign_places(session, schedule, [each.place_id for each in exceptions])
    session.execute(delete(HoursException).where(HoursException.schedule_id == schedule.id))
    session.add_all(
        HoursException(
            id=uuid4(),
            organisation_id=schedule.organisation_id,
            schedule_id=schedule.id,
            first_date=each.first_date,
            last_date=each.last_date,
            starts=each.starts,
            ends=each.ends,
            is_open=each.is_open,
            reason=each.reason,
            place_id=each.place_id,
        )
        for each in exceptions
    )
    return _changed(
        session, schedule, "set_exceptions", len(exceptions), calendar=calendar, viewer=viewer, now=now
    )


def set_kinds(
    session: Session,
    *,
    role_id: UUID,
    kinds: Sequence[KindDetails],
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    schedule_id: UUID | None = None,
) -> Schedule:
    """Write anew which kinds of consultation a doctor offers; without any the hours themselves say.

    Raises:
        CareError: As `set_hours`, of which a schedule is needed before.
    """
    _own_doctor(session, role_id, viewer)
    schedule = get_hours(session, role_id=role_id, schedule_id=schedule_id, viewer=viewer)
    _refuse_many(kinds)
    there = {kind.id: kind for kind in schedule.kinds}
    named = [each.id for each in kinds if each.id is not None]
    if len(set(named)) < len(named) or not set(named) <= set(there):
        raise ImpossibleHours("a kind is named that is not there, or one is named twice: leave its id out")
    for position, each in enumerate(kinds):
        _refuse_beyond_limits(each)
        row = there.pop(each.id) if each.id is not None else None
        if row is None:
            row = ConsultationKind(
                id=uuid4(), organisation_id=schedule.organisation_id, schedule_id=schedule.id
            )
        row.position, row.code, row.title = position, each.code, require_name("the kind", each.title)
        for name in _LIMITS:
            setattr(row, name, getattr(each, name))
        session.add(row)
    for row in there.values():
        session.delete(row)
    return _changed(session, schedule, "set_kinds", len(kinds), calendar=calendar, viewer=viewer, now=now)


def _own_doctor(session: Session, role_id: UUID, viewer: Viewer) -> Role:
    role = get_doctor(session, role_id=role_id, viewer=viewer, to_change=True)
    if viewer.role is ViewerRole.DOCTOR and role.practitioner_id != viewer.practitioner_id:
        raise DoctorNotFound(f"there is no doctor {role_id} whose hours you may change")
    return role


def _schedules(
    session: Session, role_id: UUID, schedule_id: UUID | None, viewer: Viewer
) -> Sequence[Schedule]:
    statement = (
        select(Schedule)
        .where(Schedule.role_id == role_id)
        .order_by(Schedule.id)
        .options(*WITH_RULES, joinedload(Schedule.organisation))
        .execution_options(populate_existing=True)
    )
    if schedule_id is not None:
        statement = statement.where(Schedule.id == schedule_id)
    session.flush()
    return session.scalars(visible(statement, viewer, Schedule)).all()


def _changed(
    session: Session,
    schedule: Schedule,
    action: str,
    count: int,
    *,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
) -> Schedule:
    session.flush()
    copy_again(session, schedule.id, calendar=calendar, now=now)
    audit.record(session, viewer=viewer, now=now, action=action, subject=schedule, count=count)
    return _schedules(session, schedule.role_id, schedule.id, viewer)[0]


def _refuse_many(rules: Sequence[object]) -> None:
    if len(rules) > MOST_RULES:
        raise ImpossibleHours(f"these are {len(rules)} rules: write at most {MOST_RULES}")


def _refuse_beyond_limits(kind: KindDetails) -> None:
    for name, (least, most) in _LIMITS.items():
        if not least <= getattr(kind, name) <= most:
            raise ImpossibleHours(f"{name}: write a whole number from {least} to {most}")


def _refuse_unknown_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:  # OSError: a folder of zones
        raise UnknownZone("there is no such time zone: name one like Europe/Berlin") from unknown


def _refuse_foreign_places(session: Session, schedule: Schedule, places: Sequence[UUID | None]) -> None:
    wanted = {each for each in places if each is not None}
    own = select(Place.id).where(Place.id.in_(wanted), Place.organisation_id == schedule.organisation_id)
    if wanted - set(session.scalars(own)):
        raise ImpossibleHours("hours name a place that is not the practice's: name one of its own")
