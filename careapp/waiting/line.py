"""Who is next: free times are kept for those who wait, in turn, until they answer.

The look comes back every few seconds and finds what is free by then: a time that somebody gave back, whose
hold is over, or that was declined. So nothing is lost if a process dies, and no cancellation waits for it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from careapp.access import SCHEDULER
from careapp.appointments.models import Occupancy
from careapp.appointments.occupancy import AlreadyOccupied
from careapp.config import Settings
from careapp.consultations.holds import hold_slots
from careapp.consultations.models import Booking, Schedule, Slot
from careapp.consultations.taking import SlotIsOver, SlotTaken, is_bookable, lock
from careapp.people.models import Patient
from careapp.records import audit, outbox
from careapp.waiting.commands import end
from careapp.waiting.models import Chance, ChanceStatus, WaitingEntry, WaitingStatus
from careapp.waiting.queries import LINE

AT_ONCE = 50
"""Most chances of one look."""
LOOKED_AT = 500
"""Most entries of one look."""
LEAST_TO_ANSWER = timedelta(minutes=5)
"""A time that begins sooner is offered to nobody: there would be no time to answer."""


def offer_chances_if_due(session: Session, *, now: datetime, settings: Settings) -> int:
    """Let chances and entries expire, and keep free times for those who are next; returns how many."""
    expire(session, now=now)
    return offer_chances(session, lasts=timedelta(minutes=settings.chance_min), now=now)


def expire(session: Session, *, now: datetime) -> int:
    """Let chances end that nobody answered in time, and entries whose period is over; returns how many."""
    over = (
        select(WaitingEntry)
        .where(
            WaitingEntry.status == WaitingStatus.WAITING,
            (WaitingEntry.latest <= now)
            | WaitingEntry.id.in_(
                select(Chance.entry_id).where(Chance.status == ChanceStatus.OFFERED, Chance.until <= now)
            ),
        )
        .order_by(WaitingEntry.id)
        .limit(LOOKED_AT)
        .options(selectinload(WaitingEntry.chances))
        .execution_options(populate_existing=True)
        .with_for_update(skip_locked=True)  # whoever answers at this moment decides
    )
    entries = session.scalars(over).all()
    for entry in entries:
        for chance in entry.chances:
            if chance.status is ChanceStatus.OFFERED and chance.until <= now:
                _let_expire(session, entry, chance, now)
        is_open = any(chance.status is ChanceStatus.OFFERED for chance in entry.chances)
        if entry.status is WaitingStatus.WAITING and entry.latest <= now and not is_open:
            end(entry, WaitingStatus.EXPIRED, now)
            audit.record(session, viewer=SCHEDULER, now=now, action="expire_entry", subject=entry)
    session.flush()
    return len(entries)


def _let_expire(session: Session, entry: WaitingEntry, chance: Chance, now: datetime) -> None:
    # Whoever knows the hold may have booked it without a word to the list.
    booked = session.scalar(select(Booking.id).where(Booking.id == chance.id))
    chance.answered_at = now
    if booked is None:
        chance.status = ChanceStatus.EXPIRED
        outbox.send(session, topic="chance.expired", payload={"chance": str(chance.id)}, now=now)
    else:
        chance.status, chance.booking_id = ChanceStatus.ACCEPTED, booked
        end(entry, WaitingStatus.SERVED, now)


def offer_chances(session: Session, *, lasts: timedelta, now: datetime) -> int:
    """Keep free times for those who wait, first for whoever is first in line.

    Args:
        session: A writing transaction of the whole region.
        lasts: How long each is kept; never beyond its start.
        now: This moment.

    Returns:
        How many times are kept from now on.
    """
    wanted: list[tuple[WaitingEntry, UUID]] = []
    given: set[UUID] = set()
    for entry in session.scalars(_line(now)).all():
        slot_id = session.scalars(_suitable(entry, given, now)).first()
        if slot_id is not None:
            given.add(slot_id)
            wanted.append((entry, slot_id))
        if len(wanted) >= AT_ONCE:
            break
    lock(session, given)  # all at once, so that no two who take several wait for each other in a circle
    return sum(_offer(session, entry, slot_id, lasts, now) for entry, slot_id in wanted)


def _offer(session: Session, entry: WaitingEntry, slot_id: UUID, lasts: timedelta, now: datetime) -> bool:
    try:
        hold = hold_slots(session, slot_ids=[slot_id], lasts=lasts, viewer=SCHEDULER, now=now)
    except (SlotTaken, SlotIsOver, AlreadyOccupied):
        return False  # somebody was faster: the next look finds another
    chance = Chance(
        id=hold.id,
        organisation_id=entry.organisation_id,
        entry_id=entry.id,
        schedule_id=hold.slots[0].schedule_id,
        starts_at=hold.slots[0].starts_at,
        ends_at=hold.slots[-1].ends_at,
        offered_at=now,
        until=hold.until,
        status=ChanceStatus.OFFERED,
        answered_at=None,
        booking_id=None,
    )
    session.add(chance)
    session.flush()
    audit.record(
        session,
        viewer=SCHEDULER,
        now=now,
        action="offer_chance",
        subject=chance,
        patient_id=entry.patient_id,
    )
    outbox.send(session, topic="chance.offered", payload={"chance": str(chance.id)}, now=now)
    return True


def _line(now: datetime) -> Select[WaitingEntry]:
    """Those who wait and have no chance, in turn; whoever is being changed comes with the next look."""
    has_chance = select(Chance.entry_id).where(Chance.status == ChanceStatus.OFFERED)
    may_come = select(Patient.id).where(Patient.is_active, Patient.restricted_at.is_(None))
    return (
        select(WaitingEntry)
        .where(
            WaitingEntry.status == WaitingStatus.WAITING,
            WaitingEntry.latest > now,
            WaitingEntry.id.not_in(has_chance),
            WaitingEntry.patient_id.in_(may_come),
        )
        .order_by(*LINE)
        .limit(LOOKED_AT)
        .with_for_update(skip_locked=True)
    )


def _suitable(entry: WaitingEntry, given: Collection[UUID], now: datetime) -> Select[UUID]:
    """The earliest free slot that suits, was not offered to them before, and is nobody else's by now."""
    elsewhere = select(Occupancy.id).where(
        Occupancy.practitioner_id == Schedule.practitioner_id,
        Occupancy.starts_at < Slot.ends_at,
        Occupancy.ends_at > Slot.starts_at,
    )
    before = select(Chance.id).where(
        Chance.entry_id == entry.id,
        Chance.schedule_id == Slot.schedule_id,
        Chance.starts_at == Slot.starts_at,
    )
    return (
        select(Slot.id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(
            is_bookable(now),
            Slot.starts_at >= max(entry.earliest, now + LEAST_TO_ANSWER),
            Slot.starts_at < entry.latest,
            Slot.id.not_in(given),
            Schedule.is_active,
            Schedule.role_id == entry.doctor_id
            if entry.doctor_id is not None
            else Schedule.specialty == entry.specialty,
            ~elsewhere.exists(),
            ~before.exists(),
        )
        .order_by(Slot.starts_at, Slot.id)
        .limit(1)
    )
