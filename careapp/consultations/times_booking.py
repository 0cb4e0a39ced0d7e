"""Hold and book a doctor's time by its start. Each function is one use case; none commits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from careapp.access import Viewer, visible
from careapp.appointments.occupancy import lock_practitioner
from careapp.calendar import Calendar
from careapp.consultations import taking
from careapp.consultations.booking import Wish, book_slots
from careapp.consultations.holds import Hold, HoldNotFound
from careapp.consultations.hours import WITH_RULES, busy_of, rules_of
from careapp.consultations.models import Booking, Schedule, Slot, SlotOrigin, SlotStatus
from careapp.consultations.queries import ScheduleNotFound
from careapp.consultations.taking import SlotTaken
from careapp.consultations.times import Kind, Offer, Rules, free_times
from careapp.db import refuse_naive
from careapp.errors import NotFound
from careapp.people.models import Role
from careapp.records import audit
from careapp.tenancy import across_tenants

HOLD_LASTS = timedelta(minutes=5)
_AN_INSTANT = timedelta(microseconds=1)


class KindNotFound(NotFound):
    """The schedule offers no such kind of consultation."""


class TimeNotOffered(SlotTaken):
    """The rules do not offer this time, or it is taken."""


@dataclass(frozen=True)
class Time:
    """Which time is meant.

    Attributes:
        schedule_id: Of which schedule.
        kind_id: Which of its kinds, as in the `Offer`.
        starts_at: When it starts, to the microsecond.
    """

    schedule_id: UUID
    kind_id: UUID
    starts_at: datetime


def take_time(
    session: Session,
    *,
    schedule_id: UUID,
    kind_id: UUID,
    starts_at: datetime,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    hold_id: UUID | None = None,
    lasts: timedelta = HOLD_LASTS,
) -> Slot:
    """Take an offered time, as a slot that is held: nobody else gets it until the hold ends.

    What is listed and what is taken follow from one function, `free_times`, asked here while the doctor's row
    is locked. The slot books in the same transaction or a later one:
    `book_slots(..., wish=Wish(slot_ids=[slot.id], hold_id=slot.hold_id))`.

    Locks slots, then the doctor: whoever also claims an appointment does so before.

    Args:
        session: An open transaction.
        schedule_id: Of which schedule.
        kind_id: Which of its kinds.
        starts_at: When it starts.
        calendar: The region's.
        viewer: Who asks.
        now: This moment.
        hold_id: A hold on this very time, which is then returned as it is; on another time it is kept and
            counts against nobody but this asker.
        lasts: For how long it is held if nobody books it; never beyond its start.

    Returns:
        A slot with `hold_id` and `held_until`, loaded with schedule and doctor.

    Raises:
        ScheduleNotFound: No schedule has this id, or it is not active.
        KindNotFound: It offers no such kind.
        NaiveDatetime: The time has no zone.
        TimeNotOffered: The rules do not offer this time, or it is taken: a `SlotTaken`.
    """
    refuse_naive(starts_at)
    schedule = _schedule(session, schedule_id, viewer)
    rules = next((each for each in rules_of(schedule, calendar) if each.kind.id == kind_id), None)
    if rules is None:
        raise KindNotFound(f"schedule {schedule_id} offers no kind {kind_id}: list its times again")
    time = (starts_at - rules.kind.before, starts_at + rules.kind.length + rules.kind.after)
    if hold_id is not None and (own := _held(session, schedule, rules.kind, starts_at, hold_id, now)):
        return own
    taking.lock_time(session, schedule.practitioner_id, time)
    lock_practitioner(session, schedule.practitioner_id)
    offer = _offered(session, schedule, rules, starts_at, now=now, hold_id=hold_id)
    slot = _copy_of(session, schedule, rules.kind, offer, now) or _new(session, schedule, rules.kind, offer)
    until = min(now + lasts, starts_at)
    taking.hold(session, [slot], now=now, hold_id=uuid4(), held_until=until)
    return slot


def hold_time(
    session: Session, *, time: Time, lasts: timedelta, calendar: Calendar, viewer: Viewer, now: datetime
) -> Hold:
    """Keep an offered time for one person for a while; see `take_time`."""
    slot = take_time(
        session,
        schedule_id=time.schedule_id,
        kind_id=time.kind_id,
        starts_at=time.starts_at,
        calendar=calendar,
        viewer=viewer,
        now=now,
        lasts=lasts,
    )
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="hold_slots",
        subject=slot,
        organisation_id=viewer.organisation_id,
        hold=str(slot.hold_id),
        slots=1,
    )
    if slot.hold_id is None or slot.held_until is None:
        raise HoldNotFound("the hold is over: choose another time")
    return Hold(slot.hold_id, [slot], slot.held_until)


def book_time(
    session: Session,
    *,
    time: Time,
    patient_id: UUID,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    hold_id: UUID | None = None,
    visit_id: UUID | None = None,
    title: str | None = None,
) -> Booking:
    """Book an offered time, or one that is held for whoever asks.

    Raises:
        TimeNotOffered: The rules do not offer this time, or it is taken.
        CareError: See `take_time` and `careapp.consultations.booking.book_slots`.
    """
    slot = take_time(
        session,
        schedule_id=time.schedule_id,
        kind_id=time.kind_id,
        starts_at=time.starts_at,
        hold_id=hold_id,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    wish = Wish(slot_ids=[slot.id], visit_id=visit_id, hold_id=slot.hold_id, title=title)
    return book_slots(session, wish=wish, patient_id=patient_id, viewer=viewer, now=now)


def _schedule(session: Session, schedule_id: UUID, viewer: Viewer) -> Schedule:
    statement = (
        select(Schedule)
        .where(Schedule.id == schedule_id, Schedule.is_active)
        .options(*WITH_RULES, joinedload(Schedule.role).joinedload(Role.practitioner))
        .options(joinedload(Schedule.organisation))
    )
    schedule = session.scalars(visible(statement, viewer, Schedule)).one_or_none()
    if schedule is None:
        raise ScheduleNotFound(f"there is no schedule {schedule_id}, or it offers nothing")
    return schedule


def _offered(
    session: Session,
    schedule: Schedule,
    rules: Rules,
    starts_at: datetime,
    *,
    now: datetime,
    hold_id: UUID | None,
) -> Offer:
    period = (starts_at, starts_at + _AN_INSTANT)
    doctor = schedule.practitioner_id
    busy = busy_of(session, [doctor], period, now=now, hold_id=hold_id).get(doctor, [])
    found = free_times(rules, busy, period, now)
    if not found:
        raise TimeNotOffered("this time is not to be had, or not any more: list the times again")
    return found[0]


def _held(
    session: Session, schedule: Schedule, kind: Kind, starts_at: datetime, hold_id: UUID, now: datetime
) -> Slot | None:
    slot = session.scalars(
        select(Slot)
        .where(
            Slot.schedule_id == schedule.id,
            Slot.starts_at == starts_at,
            Slot.ends_at == starts_at + kind.length,
            Slot.hold_id == hold_id,
            Slot.status == SlotStatus.HELD,
            Slot.held_until > now,
        )
        .execution_options(populate_existing=True)
    ).first()
    if slot is not None:
        slot.schedule = schedule
    return slot


def _copy_of(session: Session, schedule: Schedule, kind: Kind, offer: Offer, now: datetime) -> Slot | None:
    """Return the slot that shows this very time already, if one does."""
    return session.scalars(
        select(Slot)
        .where(
            Slot.schedule_id == schedule.id,
            Slot.starts_at == offer.starts_at,
            Slot.ends_at == offer.ends_at,
            Slot.lane == offer.lane,
            Slot.kind == kind.code,
            taking.is_bookable(now),
        )
        .options(joinedload(Slot.schedule))
        .execution_options(populate_existing=True)
    ).first()


def _new(session: Session, schedule: Schedule, kind: Kind, offer: Offer) -> Slot:
    slot = Slot(
        id=uuid4(),
        organisation_id=schedule.organisation_id,
        schedule_id=schedule.id,
        schedule=schedule,
        starts_at=offer.starts_at,
        ends_at=offer.ends_at,
        status=SlotStatus.FREE,
        origin=SlotOrigin.TIME,
        kind=kind.code,
        place_id=offer.place_id,
        busy_from=offer.starts_at - kind.before if kind.buffer_before_min else None,
        busy_until=offer.ends_at + kind.after if kind.buffer_after_min else None,
        lane=offer.lane,
    )
    with across_tenants(session):  # the slot is the practice's, whoever books
        session.add(slot)
        session.flush()
    return slot
