"""Visits that carry a booked consultation: a doctor waits for them, so they are never moved silently."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import PROMISED, AppointmentStatus
from careapp.consultations.models import Booking
from careapp.errors import Conflict
from careapp.visits.models import Visit


class BookedVisitLeftOut(Conflict):
    """A visit that carries a booked consultation would not be made in time."""


def starts_left(
    booked: tuple[datetime, datetime], visit_s: int, offset_s: int | None, tolerance_s: int | None
) -> tuple[datetime, datetime]:
    """Return the first and the last start of a visit in which a consultation lies.

    Args:
        booked: When the consultation begins and ends.
        visit_s: How long the visit lasts.
        offset_s: From the visit's start to the consultation's, as agreed; None: anywhere inside.
        tolerance_s: How far the visit's start may be from that.
    """
    starts_at, ends_at = booked
    first, last = ends_at - timedelta(seconds=visit_s), starts_at
    if offset_s is not None:
        agreed = starts_at - timedelta(seconds=offset_s)
        tolerance = timedelta(seconds=tolerance_s or 0)
        first, last = max(first, agreed - tolerance), min(last, agreed + tolerance)
    return (first, last) if first <= last else (last, last)


def fixed_starts(session: Session, date: date) -> dict[UUID, tuple[datetime, datetime]]:
    """Return the first and the last start of those visits of a day that carry a booked consultation."""
    visit = Visit.__table__.c  # both are appointments: as rows of their own table the two do not mix
    rows = session.execute(
        select(
            Booking.visit_id,
            Booking.starts_at,
            Booking.ends_at,
            Booking.visit_offset_s,
            Booking.tolerance_s,
            visit.duration_s,
        )
        .join(Visit.__table__, visit.id == Booking.visit_id)
        .where(visit.date == date, Booking.status.in_(PROMISED))
        .order_by(Booking.starts_at, Booking.id)
    )
    found: dict[UUID, tuple[datetime, datetime]] = {}
    for row in rows:
        first, last = starts_left(
            (row.starts_at, row.ends_at), row.duration_s, row.visit_offset_s, row.tolerance_s
        )
        before = found.get(row.visit_id, (first, last))
        both = max(first, before[0]), min(last, before[1])
        found[row.visit_id] = both if both[0] <= both[1] else before
    return found


def refuse_left_out(session: Session, *, date: date, viewer: Viewer) -> None:
    """Refuse to publish a day on which a doctor would wait in vain.

    Raises:
        BookedVisitLeftOut: A visit that carries a consultation is in no published tour, or not in time.
    """
    fixed = fixed_starts(session, date)
    visits = select(Visit).where(Visit.id.in_(fixed), Visit.status != AppointmentStatus.CANCELLED)
    if viewer.organisation_id is not None:
        visits = visits.where(Visit.organisation_id == viewer.organisation_id)
    for visit in session.scalars(visits):
        first, last = fixed[visit.id]
        if visit.status == AppointmentStatus.PROPOSED or visit.starts_at is None:
            raise BookedVisitLeftOut(
                f"visit {visit.id} carries a booked consultation and is in no tour: plan the day again, or "
                "move or cancel the consultation"
            )
        if visit.status == AppointmentStatus.BOOKED and not first <= visit.starts_at <= last:
            raise BookedVisitLeftOut(
                f"visit {visit.id} starts at {visit.starts_at.isoformat()}, but its consultation needs it to "
                f"start between {first.isoformat()} and {last.isoformat()}: plan the day again"
            )
