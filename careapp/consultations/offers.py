"""Change what doctors offer: schedules and their slots. Each function is one use case; none commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import AppointmentStatus
from careapp.consultations.models import (
    Booking,
    ConsultationHours,
    ConsultationKind,
    FurtherSlot,
    HoursException,
    Schedule,
    Slot,
    SlotStatus,
)
from careapp.consultations.queries import get_schedule, get_slot
from careapp.consultations.taking import lock, settle
from careapp.db import record_change, refuse_naive
from careapp.errors import Conflict, Invalid
from careapp.organisations.commands import require_name, require_own
from careapp.people.queries import get_doctor
from careapp.people.rules import require_specialty
from careapp.records import audit, outbox
from careapp.removal import remove_row


class SlotEndsBeforeItStarts(Invalid):
    """A slot's end is not after its start."""


class SlotsOverlap(Conflict):
    """The schedule has another slot at that time."""


class SlotIsBooked(Conflict):
    """Somebody has booked the slot."""


class SlotHasChanged(Conflict):
    """Somebody else took or freed the slot at the same moment."""


@dataclass(frozen=True)
class ScheduleDetails:
    """What a doctor offers.

    Attributes:
        title: How people call it.
        specialty: Code of IHE-D's `AerztlicheFachrichtungen`.
        is_active: Slots are offered.
        needs_confirmation: The practice confirms each booking; until then it is pending.
    """

    title: str
    specialty: str
    is_active: bool = True
    needs_confirmation: bool = False


def add_schedule(
    session: Session, *, role_id: UUID, details: ScheduleDetails, viewer: Viewer, now: datetime
) -> Schedule:
    """Open video hours for a doctor, without any slot yet.

    Raises:
        DoctorNotFound: No doctor has this id, or not for this viewer.
        EmptyName: The title is empty.
        ImpossibleSpecialty: The specialty's form is wrong.
    """
    role = get_doctor(session, role_id=role_id, viewer=viewer, to_change=True)
    schedule = Schedule(
        id=uuid4(),
        organisation_id=role.organisation_id,
        role_id=role.id,
        practitioner_id=role.practitioner_id,
    )
    _write(schedule, details)
    session.add(schedule)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_schedule", subject=schedule)
    return schedule


def update_schedule(
    session: Session, *, schedule_id: UUID, details: ScheduleDetails, viewer: Viewer, now: datetime
) -> Schedule:
    """Write anew what a doctor offers; slots stay as they are.

    Raises:
        ScheduleNotFound: No schedule has this id.
        NotYourOrganisation: It is another one's.
        EmptyName: The title is empty.
        ImpossibleSpecialty: The specialty's form is wrong.
    """
    schedule = _own_schedule(session, schedule_id, viewer)
    _write(schedule, details)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="update_schedule", subject=schedule)
    return schedule


def remove_schedule(session: Session, *, schedule_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a schedule that was entered by mistake, with its hours.

    Raises:
        ScheduleNotFound: No schedule has this id.
        NotYourOrganisation: It is another one's.
        StillNeeded: It has slots.
    """
    schedule = _own_schedule(session, schedule_id, viewer)
    audit.record(session, viewer=viewer, now=now, action="remove_schedule", subject=schedule)
    remove_row(
        session, schedule, what="schedule", with_rows=(ConsultationHours, ConsultationKind, HoursException)
    )


def add_slot(
    session: Session,
    *,
    schedule_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    status: SlotStatus = SlotStatus.FREE,
    viewer: Viewer,
    now: datetime,
) -> Slot:
    """Offer one time of a schedule, or say that it is not to be had.

    Raises:
        ScheduleNotFound: No schedule has this id.
        NotYourOrganisation: It is another one's.
        NaiveDatetime: A time has no zone.
        SlotEndsBeforeItStarts: The end is not after the start.
        SlotsOverlap: The schedule has another slot at that time.
    """
    schedule = _own_schedule(session, schedule_id, viewer)
    _refuse_overlap(session, schedule.id, None, starts_at, ends_at)
    slot = Slot(
        id=uuid4(),
        organisation_id=schedule.organisation_id,
        schedule_id=schedule.id,
        schedule=schedule,
        starts_at=starts_at,
        ends_at=ends_at,
        status=status,
    )
    session.add(slot)
    session.flush()
    settle(session, [slot])
    audit.record(session, viewer=viewer, now=now, action="add_slot", subject=slot)
    return slot


def change_slot(
    session: Session,
    *,
    slot_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    status: SlotStatus,
    viewer: Viewer,
    now: datetime,
) -> Slot:
    """Move a slot that nobody has booked, or block, take or free it.

    Somebody may book at the same moment: the update itself is the check.

    Raises:
        SlotNotFound: No slot has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        NaiveDatetime: A time has no zone.
        SlotEndsBeforeItStarts: The end is not after the start.
        SlotIsBooked: Cancel or move the booking first.
        SlotsOverlap: The schedule has another slot at that time.
        SlotHasChanged: Look again.
    """
    slot = get_slot(session, slot_id=slot_id, viewer=viewer)
    require_own(session, organisation_id=slot.organisation_id, viewer=viewer)
    if (slot.starts_at, slot.ends_at, slot.status) == (starts_at, ends_at, status):
        return slot
    _refuse_promised(session, slot, now)
    if (slot.starts_at, slot.ends_at) != (starts_at, ends_at):
        _refuse_overlap(session, slot.schedule_id, slot_id, starts_at, ends_at)
    changed = session.execute(
        update(Slot)
        .where(Slot.id == slot_id, Slot.status == slot.status)
        .values(
            starts_at=starts_at,
            ends_at=ends_at,
            status=status,
            hold_id=None,
            held_until=None,
            is_shadowed=False,
        )
        .returning(Slot.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if changed is None:
        raise SlotHasChanged(f"slot {slot_id} was taken or freed at the same moment: read it again")
    record_change(session, Slot, slot_id)
    session.refresh(slot, ["starts_at", "ends_at", "status", "hold_id", "held_until", "is_shadowed"])
    settle(session, [slot])
    audit.record(session, viewer=viewer, now=now, action="change_slot", subject=slot, status=status.value)
    outbox.send(session, topic="slot.changed", payload={"slot": str(slot_id)}, now=now)
    return slot


def remove_slot(session: Session, *, slot_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Take back a slot that nobody ever booked.

    Raises:
        SlotNotFound: No slot has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        SlotIsBooked: Somebody has booked it, or it is held.
        StillNeeded: An appointment names it: block it instead.
    """
    slot = get_slot(session, slot_id=slot_id, viewer=viewer)
    require_own(session, organisation_id=slot.organisation_id, viewer=viewer)
    _refuse_promised(session, slot, now)
    audit.record(session, viewer=viewer, now=now, action="remove_slot", subject=slot)
    slot.status = SlotStatus.BLOCKED
    session.flush()
    settle(session, [slot])  # what lay in its shadow is free now
    remove_row(session, slot, what="slot")


def _refuse_promised(session: Session, slot: Slot, now: datetime) -> None:
    lock(session, [slot.id])
    session.refresh(slot, ["status", "hold_id", "held_until"])
    further = select(FurtherSlot.booking_id).where(FurtherSlot.slot_id == slot.id)
    booked = select(Booking.id).where(
        or_(Booking.slot_id == slot.id, Booking.id.in_(further)),
        Booking.status.not_in([AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR]),
    )
    if session.scalars(booked.limit(1)).first() is not None:
        raise SlotIsBooked(f"slot {slot.id} is booked: cancel or move the appointment first")
    if slot.held_until is not None and slot.held_until > now:
        raise SlotIsBooked(f"slot {slot.id} is held until {slot.held_until.isoformat()}: wait until then")


def _write(schedule: Schedule, details: ScheduleDetails) -> None:
    require_specialty(details.specialty)
    schedule.title = require_name("the schedule", details.title)
    schedule.specialty = details.specialty
    schedule.is_active = details.is_active
    schedule.needs_confirmation = details.needs_confirmation


def _own_schedule(session: Session, schedule_id: UUID, viewer: Viewer) -> Schedule:
    schedule = get_schedule(session, schedule_id=schedule_id, viewer=viewer)
    require_own(session, organisation_id=schedule.organisation_id, viewer=viewer)
    return schedule


def _refuse_overlap(
    session: Session, schedule_id: UUID, slot_id: UUID | None, starts_at: datetime, ends_at: datetime
) -> None:
    refuse_naive(starts_at)
    refuse_naive(ends_at)
    if ends_at <= starts_at:
        raise SlotEndsBeforeItStarts("the slot ends before it starts: give an end after its start")
    # The schedule's row is the lock: two slots that overlap cannot come at the same moment.
    session.execute(select(Schedule.id).where(Schedule.id == schedule_id).with_for_update())
    others = select(Slot.id).where(
        Slot.schedule_id == schedule_id, Slot.starts_at < ends_at, Slot.ends_at > starts_at
    )
    if slot_id is not None:
        others = others.where(Slot.id != slot_id)
    other = session.scalars(others.limit(1)).first()
    if other is not None:
        raise SlotsOverlap(f"the schedule has slot {other} at that time: move or delete it first")
