"""When doctors can be had."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.assisted.needs import Need
from careapp.consultations.models import Schedule, Slot
from careapp.consultations.taking import is_bookable

MOST_TIMES = 2000
"""So many times are looked at in one search at most, the first ones."""


@dataclass(frozen=True, order=True)
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


def doctor_times(session: Session, *, need: Need, viewer: Viewer, now: datetime) -> list[DoctorTime]:
    """Return the times of the asked doctors that can be booked, in order of time."""
    lasts = timedelta(minutes=need.video_minutes)
    slots = (
        select(Slot.starts_at, Slot.ends_at, Slot.schedule_id, Slot.id)
        .join(Schedule, Slot.schedule_id == Schedule.id)
        .where(
            Schedule.is_active,
            Slot.starts_at >= need.starts,
            Slot.starts_at < need.ends,
            is_bookable(now),
        )
        .order_by(Slot.starts_at, Slot.id)
        .limit(MOST_TIMES)
    )
    if need.doctor_id is not None:
        slots = slots.where(Schedule.role_id == need.doctor_id)
    if need.schedule_ids is not None:
        slots = slots.where(Schedule.id.in_(need.schedule_ids))
    if need.specialty is not None:
        slots = slots.where(Schedule.specialty == need.specialty)
    return [
        DoctorTime(starts_at, starts_at + lasts, schedule_id, slot_id=slot_id)
        for starts_at, ends_at, schedule_id, slot_id in session.execute(visible(slots, viewer, Slot))
        if ends_at - starts_at >= lasts
    ]
