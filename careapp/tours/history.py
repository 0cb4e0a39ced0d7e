"""Read what the weeks around a day say about it: duties of its nurses, and who knows its patients."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.appointments.models import AppointmentStatus
from careapp.people.models import Absence, Role
from careapp.tours.duties import FOUR_WEEKS, Duty, absences_by_nurse, at_work
from careapp.tours.models import Shift, Stop, Tour, TourStatus
from careapp.visits.models import Visit

DAYS_AFTER = timedelta(days=2)
"""A rest reaches no further."""


def list_duties(session: Session, *, date: date, absences: Iterable[Absence], viewer: Viewer) -> list[Duty]:
    """Return the duties of all nurses with a shift on a day: four weeks before it, and two days after.

    A published tour says when its nurse leaves and returns; a shift without one counts as it stands, less
    absences. On the day itself only published tours count: the rest is still to be planned. Of a nurse who
    also works for others, a viewer of one organisation sees what she does for it.

    Args:
        session: An open transaction.
        date: The local day.
        absences: Of practitioners, at least for these days.
        viewer: Who plans.
    """
    on_duty = (
        select(Role.practitioner_id)
        .join(Shift, Shift.role_id == Role.id)
        .where(Shift.date == date)
        .correlate(None)
    )
    rows = session.execute(
        visible(
            select(
                Role.practitioner_id,
                Shift.date,
                func.coalesce(Tour.leaves_at, Shift.starts_at),
                func.coalesce(Tour.returns_at, Shift.ends_at),
                Tour.id.is_not(None),
            )
            .join(Role, Shift.role_id == Role.id)
            .outerjoin(Tour, and_(Tour.shift_id == Shift.id, Tour.status == TourStatus.PUBLISHED))
            .where(
                Shift.date >= date - FOUR_WEEKS,
                Shift.date <= date + DAYS_AFTER,
                Role.practitioner_id.in_(on_duty),
                or_(Shift.date != date, Tour.id.is_not(None)),
            )
            .order_by(Shift.starts_at, Shift.id),
            viewer,
            Shift,
        )
    )
    away = absences_by_nurse(absences)
    duties = []
    for practitioner_id, day, starts_at, ends_at, is_published in rows:
        absent = () if is_published else away.get(practitioner_id, ())
        left = at_work(starts_at, ends_at, absent)
        if left is not None:
            duties.append(Duty(practitioner_id, day, *left))
    return duties


def count_visits(session: Session, *, date: date, viewer: Viewer) -> dict[UUID, dict[UUID, int]]:
    """Return how often each nurse was at each patient of a day in the four weeks before it.

    Visits count that took place or are promised: they are in a published tour, and neither cancelled nor in
    vain.

    Returns:
        Patient to practitioner to number of visits; patients with a proposed visit on the day only.
    """
    of_day = (
        select(Visit.patient_id)
        .where(Visit.date == date, Visit.status == AppointmentStatus.PROPOSED)
        .correlate(None)
    )
    rows = session.execute(
        visible(
            select(Visit.patient_id, Tour.practitioner_id, func.count())
            .join(Stop, Stop.visit_id == Visit.id)
            .join(Tour, Stop.tour_id == Tour.id)
            .where(
                Tour.status == TourStatus.PUBLISHED,
                Tour.date >= date - FOUR_WEEKS,
                Tour.date < date,
                Visit.status.in_((AppointmentStatus.BOOKED, AppointmentStatus.FULFILLED)),
                Visit.patient_id.in_(of_day),
            )
            .group_by(Visit.patient_id, Tour.practitioner_id),
            viewer,
            Visit,
        )
    )
    counts: dict[UUID, dict[UUID, int]] = {}
    for patient_id, practitioner_id, number in rows:
        counts.setdefault(patient_id, {})[practitioner_id] = number
    return counts
