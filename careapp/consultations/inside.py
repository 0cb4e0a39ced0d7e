"""How a consultation lies inside a nurse's visit, and what becomes of the visit when it goes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import AppointmentStatus
from careapp.consultations.models import Booking
from careapp.errors import Invalid
from careapp.tenancy import across_tenants
from careapp.visits.commands import cancel_visit
from careapp.visits.models import Visit
from careapp.visits.queries import get_visit

OPEN = frozenset({AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED})


class VisitDoesNotFit(Invalid):
    """The visit is another patient's, or the slot lies outside it."""


@dataclass(frozen=True)
class Inside:
    """What was agreed about a consultation inside a visit.

    Attributes:
        offset_s: Seconds from the visit's start to the video's.
        tolerance_s: So many seconds the visit may start earlier or later than that.
        brings_visit: The visit was made for the consultation, and goes with it.
    """

    offset_s: int
    tolerance_s: int
    brings_visit: bool = False


def inside_of(booking: Booking) -> Inside | None:
    """Return what was agreed about a booking, if anything was."""
    if booking.visit_offset_s is None:
        return None
    return Inside(booking.visit_offset_s, booking.tolerance_s or 0, booking.brings_visit)


def as_agreed(inside: Inside | None) -> dict[str, Any]:
    """Return the columns of a new booking that say how it lies in its visit."""
    return {
        "visit_offset_s": inside.offset_s if inside else None,
        "tolerance_s": inside.tolerance_s if inside else None,
        "brings_visit": inside.brings_visit if inside else False,
    }


def lie_anew(session: Session, booking: Booking, inside: Inside | None) -> None:
    """Write how a moved booking lies in its visit: as agreed anew, or as far from its start as now."""
    booking.expected_at = None
    if inside is not None:
        for name, value in as_agreed(inside).items():
            setattr(booking, name, value)
    elif booking.visit_offset_s is not None:
        visit = session.get(Visit, booking.visit_id)
        if visit is not None and visit.starts_at is not None and booking.starts_at is not None:
            booking.visit_offset_s = round((booking.starts_at - visit.starts_at).total_seconds())


def let_visit_go(session: Session, booking: Booking, *, viewer: Viewer, now: datetime) -> None:
    """Call off a visit that was made for a booking that has just ended, unless it has begun or is over."""
    if not booking.brings_visit or booking.visit_id is None:
        return
    # A doctor may end his bookings; the visit is the care service's, and goes with them.
    service = Viewer(viewer.name, ViewerRole.SYSTEM, booking.organisation_id)
    with across_tenants(session):
        visit = get_visit(session, visit_id=booking.visit_id, viewer=service)
        if visit.status in OPEN:
            because = booking.cancelled_because or "other"
            cancel_visit(session, visit_id=visit.id, because=because, viewer=service, now=now)


def refuse_misfit(
    session: Session,
    time: tuple[datetime, datetime],
    patient_id: UUID,
    visit_id: UUID,
    inside: Inside | None,
    viewer: Viewer,
) -> None:
    """Refuse a time at which no nurse is with the patient.

    Whoever cancels the visit waits for the lock taken here, and then sees the booking.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
        VisitDoesNotFit: The visit is another patient's, is not promised, or does not hold the time.
    """
    session.execute(select(Visit.id).where(Visit.id == visit_id).with_for_update()).all()
    visit = get_visit(session, visit_id=visit_id, viewer=viewer)
    session.refresh(visit, ["status", "starts_at", "ends_at"])
    if visit.patient_id != patient_id:
        raise VisitDoesNotFit(f"visit {visit_id} is another patient's: name a visit of patient {patient_id}")
    is_agreed = inside is not None and visit.status == AppointmentStatus.PROPOSED
    if is_agreed:  # the planner keeps it so: see `careapp.tours.pins`
        return
    if visit.status != AppointmentStatus.BOOKED or visit.starts_at is None or visit.ends_at is None:
        raise VisitDoesNotFit(f"visit {visit_id} is not in a published tour yet: publish the day first")
    starts_at, ends_at = time
    if not visit.starts_at <= starts_at < ends_at <= visit.ends_at:
        raise VisitDoesNotFit(
            f"the nurse is with the patient only from {visit.starts_at.isoformat()} "
            f"to {visit.ends_at.isoformat()}: choose a slot in that time"
        )
