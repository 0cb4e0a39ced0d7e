"""When doctors can be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.assisted.days import Ground
from careapp.assisted.needs import Need
from careapp.consultations.hours import offers
from careapp.consultations.models import ConsultationCode, Schedule, Slot, SlotOrigin
from careapp.consultations.taking import is_bookable

MOST_TIMES = 2000
"""So many times are looked at in one search at most, the first ones."""


@dataclass(frozen=True)
class DoctorTime:
    """A time at which a doctor can be booked.

    Attributes:
        starts_at: When the video would begin.
        ends_at: When it would end.
        schedule_id: Whose time.
        slot_id: The stored slot, if it is one.
        kind_id: The kind of consultation, if the time is computed.
    """

    starts_at: datetime
    ends_at: datetime
    schedule_id: UUID
    slot_id: UUID | None = None
    kind_id: UUID | None = None


def doctor_times(session: Session, *, need: Need, ground: Ground, viewer: Viewer) -> list[DoctorTime]:
    """Return the times of the asked doctors that can be booked, in order of time.

    They follow from the doctors' hours for assisted consultations, and from single slots that others have
    sent; those are taken for as long as the need says.
    """
    schedules = select(Schedule.id).where(Schedule.is_active)
    if need.doctor_id is not None:
        schedules = schedules.where(Schedule.role_id == need.doctor_id)
    if need.schedule_ids is not None:
        schedules = schedules.where(Schedule.id.in_(need.schedule_ids))
    if need.specialty is not None:
        schedules = schedules.where(Schedule.specialty == need.specialty)
    ids = session.scalars(visible(schedules, viewer, Schedule)).all()
    if not ids:
        return []
    computed = offers(
        session,
        schedule_ids=ids,
        code=ConsultationCode.ASSISTED,
        starts=need.starts,
        ends=need.ends,
        calendar=ground.calendar,
        viewer=viewer,
        now=ground.now,
        patient_id=need.patient_id,
    )
    found = [
        DoctorTime(offer.starts_at, offer.ends_at, offer.schedule_id, kind_id=offer.kind_id)
        for offer in computed
    ]
    taken = {(time.schedule_id, time.starts_at) for time in found}
    found += [time for time in _sent(session, ids, need, ground.now) if _key(time) not in taken]
    return sorted(found, key=lambda time: (time.starts_at, time.schedule_id, time.ends_at))[:MOST_TIMES]


def _key(time: DoctorTime) -> tuple[UUID, datetime]:
    return time.schedule_id, time.starts_at


def _sent(session: Session, schedules: Sequence[UUID], need: Need, now: datetime) -> list[DoctorTime]:
    lasts = timedelta(minutes=need.video_minutes)
    slots = (
        select(Slot.starts_at, Slot.ends_at, Slot.schedule_id, Slot.id)
        .where(
            Slot.schedule_id.in_(schedules),
            Slot.origin == SlotOrigin.SENT,
            Slot.starts_at >= need.starts,
            Slot.starts_at < need.ends,
            is_bookable(now),
        )
        .order_by(Slot.starts_at, Slot.id)
        .limit(MOST_TIMES)
    )
    return [
        DoctorTime(starts_at, starts_at + lasts, schedule_id, slot_id=slot_id)
        for starts_at, ends_at, schedule_id, slot_id in session.execute(slots)
        if ends_at - starts_at >= lasts
    ]
