"""Read shifts, plans and tours."""

from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from careapp.access import Viewer, visible
from careapp.appointments.models import AppointmentStatus
from careapp.calendar import Calendar
from careapp.errors import NotFound
from careapp.people.models import Absence, Patient, Preference, Role
from careapp.people.queries import get_nurse
from careapp.tours.day import Day
from careapp.tours.duties import FOUR_WEEKS, beside_published, work_times
from careapp.tours.history import DAYS_AFTER, count_visits, list_duties
from careapp.tours.models import Plan, Shift, Stop, Tour, TourStatus, UnassignedVisit
from careapp.tours.pins import fixed_starts
from careapp.visits.models import Service, Visit, VisitLink


class TourNotFound(NotFound):
    """No tour has this id, or not for this viewer."""


@dataclass(frozen=True)
class DayOverview:
    """A local day at a glance.

    Attributes:
        date: The local day.
        visits: How many visits are in each status.
        plan: The newest plan of the day, None before the first.
        unassigned: What that plan left out and is still open.
        tours: Without their stops.
        stops: Number of stops of each tour.
    """

    date: date
    visits: dict[AppointmentStatus, int]
    plan: Plan | None
    unassigned: list[UnassignedVisit]
    tours: list[Tour]
    stops: dict[UUID, int]


def day_to_plan(session: Session, *, date: date, calendar: Calendar, viewer: Viewer) -> Day:
    """Read what is open on a local day: visits promised to nobody, and shifts without a published tour."""
    published = select(Tour.shift_id).where(Tour.status == TourStatus.PUBLISHED)
    day = _read_day(
        session,
        select(Visit).where(Visit.date == date, Visit.status == AppointmentStatus.PROPOSED),
        select(Shift).where(Shift.date == date, Shift.id.not_in(published)),
        date=date,
        calendar=calendar,
        viewer=viewer,
    )
    return replace(
        day,
        work_times=beside_published(day.work_times, day.duties),
        visits_before=count_visits(session, date=date, viewer=viewer),
    )


def day_as_it_stands(session: Session, *, date: date, calendar: Calendar, viewer: Viewer) -> Day:
    """Read all shifts of a local day, and all visits that were not called off, promised or not."""
    gone = (AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR, AppointmentStatus.NOSHOW)
    day = _read_day(
        session,
        select(Visit).where(Visit.date == date, Visit.status.not_in(gone)),
        select(Shift).where(Shift.date == date),
        date=date,
        calendar=calendar,
        viewer=viewer,
    )
    return replace(day, duties=[duty for duty in day.duties if duty.date != date])


def _read_day(
    session: Session,
    visits: Select[Visit],
    shifts: Select[Shift],
    *,
    date: date,
    calendar: Calendar,
    viewer: Viewer,
) -> Day:
    """Read these visits and shifts of a day, and what binds them."""
    asked = list(
        session.scalars(
            visible(
                visits.order_by(Visit.id).options(
                    selectinload(Visit.windows),
                    selectinload(Visit.services).selectinload(Service.skills),
                    joinedload(Visit.patient).joinedload(Patient.home),
                ),
                viewer,
                Visit,
            )
        )
    )
    worked = session.scalars(
        visible(
            shifts.order_by(Shift.id).options(
                joinedload(Shift.role).options(selectinload(Role.skills), joinedload(Role.practitioner)),
                joinedload(Shift.start_place),
                joinedload(Shift.end_place),
            ),
            viewer,
            Shift,
        )
    ).all()
    starts_at, ends_at = calendar.day(date)
    absences = session.scalars(
        visible(
            select(Absence).where(
                Absence.practitioner_id.is_not(None),
                Absence.ends_at > starts_at - FOUR_WEEKS,
                # A shift may run past midnight, at most into the next day.
                Absence.starts_at < ends_at + DAYS_AFTER + (ends_at - starts_at),
            ),
            viewer,
            Absence,
        )
    ).all()
    visit_ids = {visit.id for visit in asked}
    links = session.scalars(
        visible(
            select(VisitLink).join(Visit, VisitLink.first_id == Visit.id).where(Visit.date == date),
            viewer,
            VisitLink,
        )
    )
    patients = {visit.patient_id for visit in asked}
    preferences = session.scalars(visible(select(Preference), viewer, Preference))
    fixed = fixed_starts(session, date)
    return Day(
        date=date,
        origin=calendar.at(date, time(12)) - timedelta(hours=12),
        visits=asked,
        work_times=work_times(worked, absences),
        links=sorted(
            (link for link in links if {link.first_id, link.second_id} <= visit_ids),
            key=lambda link: (link.first_id, link.second_id),
        ),
        preferences=sorted(
            (wish for wish in preferences if wish.patient_id in patients),
            key=lambda wish: (wish.patient_id, wish.role_id),
        ),
        duties=list_duties(session, date=date, absences=absences, viewer=viewer),
        fixed={visit_id: starts for visit_id, starts in fixed.items() if visit_id in visit_ids},
    )


def get_day(session: Session, *, date: date, viewer: Viewer) -> DayOverview:
    """Return a local day at a glance; a day that nobody has touched is empty, not missing."""
    counts = session.execute(
        visible(
            select(Visit.status, func.count()).where(Visit.date == date).group_by(Visit.status), viewer, Visit
        )
    )
    plan = find_newest_plan(session, date=date, viewer=viewer)
    tours = session.scalars(
        visible(
            select(Tour).where(Tour.date == date).options(*_WHO).order_by(Tour.leaves_at, Tour.id),
            viewer,
            Tour,
        )
    ).all()
    stops = session.execute(
        visible(
            select(Tour.id, func.count(Stop.id))
            .join(Stop, Stop.tour_id == Tour.id)
            .where(Tour.date == date)
            .group_by(Tour.id),
            viewer,
            Tour,
        )
    )
    return DayOverview(
        date=date,
        visits={row[0]: row[1] for row in counts},
        plan=plan,
        unassigned=_unassigned(session, plan, viewer) if plan else [],
        tours=list(tours),
        stops={row[0]: row[1] for row in stops},
    )


def find_newest_plan(session: Session, *, date: date, viewer: Viewer) -> Plan | None:
    """Return the newest plan of a day that the viewer has a part in."""
    newest = select(Plan).where(Plan.date == date).order_by(Plan.made_at.desc(), Plan.id).limit(1)
    if viewer.organisation_id is not None:
        newest = newest.where(
            or_(Plan.organisation_id.is_(None), Plan.organisation_id == viewer.organisation_id)
        )
    return session.scalars(newest).one_or_none()


def _unassigned(session: Session, plan: Plan, viewer: Viewer) -> list[UnassignedVisit]:
    rows = session.scalars(
        visible(
            select(UnassignedVisit)
            .join(Visit, UnassignedVisit.visit_id == Visit.id)
            .where(UnassignedVisit.plan_id == plan.id, Visit.status == AppointmentStatus.PROPOSED)
            .options(joinedload(UnassignedVisit.visit))
            .order_by(UnassignedVisit.visit_id),
            viewer,
            Visit,
        )
    )
    return list(rows)


def list_tours(session: Session, *, date: date, viewer: Viewer, nurse_id: UUID | None = None) -> list[Tour]:
    """Return the tours of a local day with their stops, in order of leaving.

    Args:
        session: An open transaction.
        date: The local day.
        viewer: Who looks.
        nurse_id: Id of a nurse's role; None for all nurses.
    """
    tours = select(Tour).where(Tour.date == date).order_by(Tour.leaves_at, Tour.id).options(*WITH_STOPS)
    if nurse_id is not None:
        tours = tours.where(Tour.role_id == nurse_id)
    return list(session.scalars(visible(tours, viewer, Tour)))


def get_tour(session: Session, *, tour_id: UUID, viewer: Viewer) -> Tour:
    """Return one tour with its stops.

    Raises:
        TourNotFound: No tour has this id, or not for this viewer.
    """
    tour = session.scalars(
        visible(select(Tour).where(Tour.id == tour_id).options(*WITH_STOPS), viewer, Tour)
    ).one_or_none()
    if tour is None:
        raise TourNotFound(f"there is no tour {tour_id}")
    return tour


def get_nurse_day(session: Session, *, role_id: UUID, date: date, viewer: Viewer) -> list[Tour]:
    """Return what a nurse drives on a day: her published tours, in order; nothing that is only proposed.

    Raises:
        NurseNotFound: No nurse has this id, or not for this viewer.
    """
    get_nurse(session, role_id=role_id, viewer=viewer)
    tours = list_tours(session, date=date, viewer=viewer, nurse_id=role_id)
    return [tour for tour in tours if tour.status == TourStatus.PUBLISHED]


_WHO: tuple[ORMOption, ...] = (
    joinedload(Tour.role).joinedload(Role.practitioner),
    joinedload(Tour.organisation),
)

WITH_STOPS: tuple[ORMOption, ...] = (
    *_WHO,
    selectinload(Tour.breaks),
    joinedload(Tour.shift).options(joinedload(Shift.start_place), joinedload(Shift.end_place)),
    selectinload(Tour.stops).options(
        joinedload(Stop.service),
        selectinload(Stop.visit).joinedload(Visit.patient).joinedload(Patient.home),
    ),
)
"""What a tour needs to be shown whole."""
