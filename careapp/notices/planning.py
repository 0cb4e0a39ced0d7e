"""Which messages patients get: what was done to a consultation leads to them.

    outbox ─▶ listen ─▶ settle ─▶ notices that wait ─▶ `careapp.notices.delivery`

A booking is looked at as it is, not as it changed: of three moves before anybody was told, one message tells.
So whoever listens may hear of a change twice, or late, and nobody is told twice or something old.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.calendar import Calendar
from careapp.consultations.models import Booking
from careapp.notices.models import (
    ContactWish,
    HeardMessage,
    Notice,
    NoticeKind,
    NoticeStatus,
    Way,
)
from careapp.notices.wishes import WISH_CHANGED
from careapp.records.models import OutboxMessage

BOOKING_TOPICS = frozenset(
    {"slot.booked", "booking.confirmed", "booking.moved", "booking.changed", "booking.cancelled"}
)
AT_ONCE = 100
HEARD_FOR = timedelta(days=7)
"""How old a change may be that somebody is still told of: after that the service stood still for too long."""

STANDS = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.CHECKED_IN})
CALLED_OFF = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR})

NO_LONGER = "it is no longer so"

QUIET_FROM, QUIET_UNTIL = time(21), time(7)
BEFORE_QUIET = time(20)
"""A reminder that would come at night comes the evening before, at this time."""


def listen(session: Session, *, now: datetime, calendar: Calendar) -> int:
    """Turn some changes that wait in the outbox into messages.

    Others may listen to the same changes: whether they have says nothing here.

    Args:
        session: A writing transaction of the whole region.
        now: This moment.
        calendar: Of the region.

    Returns:
        How many changes were heard.
    """
    heard = select(HeardMessage.message_id).where(HeardMessage.message_id == OutboxMessage.id).exists()
    waiting = (
        select(OutboxMessage)
        .where(
            OutboxMessage.topic.in_(sorted({*BOOKING_TOPICS, WISH_CHANGED})),
            OutboxMessage.created_at > now - HEARD_FOR,
            ~heard,
        )
        .order_by(OutboxMessage.created_at, OutboxMessage.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    messages = list(session.scalars(waiting))
    # Somebody else may have heard them between the look and the lock.
    known = set(
        session.scalars(
            select(HeardMessage.message_id).where(HeardMessage.message_id.in_([each.id for each in messages]))
        )
    )
    messages = [each for each in messages if each.id not in known]
    for booking in _bookings(session, messages, now):
        settle(session, booking, now=now, calendar=calendar)
    session.add_all(HeardMessage(message_id=each.id) for each in messages)
    session.flush()
    return len(messages)


def settle(session: Session, booking: Booking, *, now: datetime, calendar: Calendar) -> None:
    """Let exactly those messages wait that a booking, as it is now, asks for.

    Args:
        session: A writing transaction in which the booking's row is locked.
        booking: Whose patient is told.
        now: This moment.
        calendar: Of the region.
    """
    wish = session.scalars(
        select(ContactWish).where(ContactWish.patient_id == booking.patient_id)
    ).one_or_none()
    notices = list(session.scalars(select(Notice).where(Notice.appointment_id == booking.id)))
    wanted: list[Notice] = []
    if wish is not None and wish.way is not Way.NONE:
        wanted = [*_news(booking, notices, now), *_reminders(booking, wish.hours_before, now, calendar)]
    known = {_meaning(each): each for each in notices if each.kind is NoticeKind.REMINDER or _waits(each)}
    for notice in wanted:
        there = known.get(_meaning(notice))
        if there is None:
            session.add(notice)
        elif there.status is NoticeStatus.DROPPED:
            there.status, there.ended_at, there.why = NoticeStatus.WAITING, None, None
    meanings = {_meaning(notice) for notice in wanted}
    for notice in notices:
        if _waits(notice) and _meaning(notice) not in meanings and not _leaves(notice, now):
            notice.status, notice.ended_at, notice.why = NoticeStatus.DROPPED, now, NO_LONGER
    session.flush()


def reminder_time(starts_at: datetime, hours: int, calendar: Calendar) -> datetime:
    """Return when a reminder comes: so many hours before, or in the evening before if that is at night."""
    due = starts_at - timedelta(hours=hours)
    shown = due.astimezone(calendar.zone)
    if shown.time() >= QUIET_FROM:
        return calendar.at(shown.date(), BEFORE_QUIET)
    if shown.time() < QUIET_UNTIL:
        return calendar.at(shown.date() - timedelta(days=1), BEFORE_QUIET)
    return due


def _bookings(session: Session, messages: Iterable[OutboxMessage], now: datetime) -> list[Booking]:
    """Return what the messages are about, locked in the order of ids; each once."""
    named: set[UUID] = set()
    patients: set[UUID] = set()
    for message in messages:
        payload: dict[str, Any] = message.payload
        if message.topic == WISH_CHANGED:
            patients.add(UUID(payload["patient"]))
        elif "booking" in payload:
            named.add(UUID(payload["booking"]))
    if patients:
        coming = select(Booking.id).where(Booking.patient_id.in_(patients), Booking.starts_at > now)
        named.update(session.scalars(coming))
    replaced = select(Booking.replaces_id).where(Booking.id.in_(named), Booking.replaces_id.is_not(None))
    named.update(key for key in session.scalars(replaced) if key is not None)
    found: list[Booking] = []
    for key in sorted(named):
        # First the lock, then the reading, as in `careapp.consultations.booking.claim`.
        session.execute(select(Appointment.id).where(Appointment.id == key).with_for_update()).all()
        found += session.scalars(
            select(Booking).where(Booking.id == key).execution_options(populate_existing=True)
        )
    return found


def _news(booking: Booking, notices: Iterable[Notice], now: datetime) -> list[Notice]:
    """Return the message that tells the patient what is not known yet, if there is any."""
    said = sorted(
        (each for each in notices if each.kind is not NoticeKind.REMINDER), key=lambda each: each.number
    )
    told = [each for each in said if each.status is NoticeStatus.SENT or _leaves(each, now)]
    knows = told[-1].starts_at if told and told[-1].kind is not NoticeKind.CANCELLED else None
    number = said[-1].number + 1 if said else 0
    if booking.status in STANDS and booking.starts_at is not None and booking.starts_at > now:
        if knows == booking.starts_at:
            return []
        kind = NoticeKind.BOOKED if knows is None else NoticeKind.MOVED
        return [_notice(booking, kind, booking.starts_at, due_at=now, number=number)]
    if booking.status in CALLED_OFF and knows is not None and knows > now:
        return [_notice(booking, NoticeKind.CANCELLED, knows, due_at=now, number=number)]
    return []


def _reminders(booking: Booking, hours: Collection[int], now: datetime, calendar: Calendar) -> list[Notice]:
    if booking.status not in STANDS or booking.starts_at is None:
        return []
    due: dict[datetime, int] = {}  # two that would come in the same evening are one
    for each in sorted(hours):
        due.setdefault(reminder_time(booking.starts_at, each, calendar), each)
    return [
        _notice(booking, NoticeKind.REMINDER, booking.starts_at, due_at=moment, hours_before=each)
        for moment, each in due.items()
        if moment > now
    ]


def _notice(
    booking: Booking,
    kind: NoticeKind,
    starts_at: datetime,
    *,
    due_at: datetime,
    number: int = 0,
    hours_before: int = 0,
) -> Notice:
    return Notice(
        id=uuid4(),
        organisation_id=booking.organisation_id,
        patient_id=booking.patient_id,
        appointment_id=booking.id,
        kind=kind,
        starts_at=starts_at,
        hours_before=hours_before,
        number=number,
        due_at=due_at,
        status=NoticeStatus.WAITING,
    )


def _meaning(notice: Notice) -> tuple[NoticeKind, datetime, int]:
    return notice.kind, notice.starts_at, notice.hours_before


def _waits(notice: Notice) -> bool:
    return notice.status is NoticeStatus.WAITING


def _leaves(notice: Notice, now: datetime) -> bool:
    """Tell whether a message is being sent: it counts as told."""
    return _waits(notice) and notice.lease_until is not None and notice.lease_until > now
