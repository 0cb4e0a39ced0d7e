"""Change shifts and tours. Each function is one use case; none commits."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from careapp.access import Viewer, visible
from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.appointments.occupancy import check_now, occupy_all
from careapp.calendar import Calendar
from careapp.db import record_change, refuse_naive
from careapp.errors import Conflict, Invalid
from careapp.people.models import Role, VehicleKind
from careapp.people.queries import get_nurse
from careapp.records import audit, outbox
from careapp.records.held import HeldProvenance
from careapp.recurrence import occurs_on
from careapp.tours.day import Day
from careapp.tours.models import (
    Plan,
    Shift,
    ShiftPattern,
    Stop,
    Tour,
    TourBreak,
    TourStatus,
    UnassignedVisit,
)
from careapp.tours.pins import refuse_left_out
from careapp.tours.queries import WITH_STOPS
from careapp.tours.survey import OFF_ROAD, Survey
from careapp.visits.models import Visit
from routing.plan import Plan as RoutingPlan
from routing.plan import Route, Unassigned

LONGEST_SHIFT = timedelta(hours=10, minutes=45)
"""Ten hours of work and the 45 minutes of break that they require (ArbZG sections 3 and 4)."""


class ShiftEndsBeforeItStarts(Invalid):
    """A shift's end is not after its start."""


class ShiftTooLong(Invalid):
    """A shift is longer than the law allows."""


class ShiftExists(Conflict):
    """The nurse already works at that time."""


class DayChanged(Conflict):
    """The day is no longer what was planned."""


class NothingToPublish(Conflict):
    """The day has no proposed tour."""


def add_shift(
    session: Session,
    *,
    role_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
) -> Shift:
    """Let a nurse work from her base for one stretch of time.

    Raises:
        NurseNotFound: No nurse has this id, or not for this viewer.
        NaiveDatetime: A time has no zone.
        ShiftEndsBeforeItStarts: The end is not after the start.
        ShiftTooLong: It is longer than the law allows.
        ShiftExists: The nurse already works at that time.
    """
    role = get_nurse(session, role_id=role_id, viewer=viewer)
    for moment in (starts_at, ends_at):
        refuse_naive(moment)
    if ends_at <= starts_at:
        raise ShiftEndsBeforeItStarts("the shift ends before it starts: give an end after its start")
    if ends_at - starts_at > LONGEST_SHIFT:
        raise ShiftTooLong("the shift is longer than ten hours and its breaks: end it earlier, or make two")
    overlapping = session.scalars(
        select(Shift.id).where(Shift.role_id == role_id, Shift.starts_at < ends_at, Shift.ends_at > starts_at)
    ).first()
    if overlapping is not None:
        raise ShiftExists(f"the nurse already works then, in shift {overlapping}: choose another time")
    shift = _shift(role, starts_at, ends_at, calendar.local_date(starts_at))
    session.add(shift)
    audit.record(session, viewer=viewer, now=now, action="add_shift", subject=shift)
    return shift


def make_shifts(session: Session, *, date: date, calendar: Calendar, viewer: Viewer, now: datetime) -> int:
    """Turn shift patterns into the shifts of one local day; those that exist are left alone.

    Returns:
        How many were made.
    """
    patterns = session.scalars(
        visible(
            select(ShiftPattern).options(joinedload(ShiftPattern.role)).order_by(ShiftPattern.id),
            viewer,
            ShiftPattern,
        )
    )
    existing = session.execute(
        select(Shift.role_id, Shift.starts_at, Shift.ends_at).where(Shift.date == date)
    )
    taken: dict[UUID, list[tuple[datetime, datetime]]] = {}
    for role_id, starts_at, ends_at in existing:
        taken.setdefault(role_id, []).append((starts_at, ends_at))
    made = []
    for pattern in patterns:
        if not pattern.role.is_active or not occurs_on(
            pattern.recurrence, first=pattern.first_date, last=pattern.last_date, day=date
        ):
            continue
        ends_on = date if pattern.starts < pattern.ends else date + timedelta(days=1)
        starts_at, ends_at = calendar.at(date, pattern.starts), calendar.at(ends_on, pattern.ends)
        worked = taken.setdefault(pattern.role_id, [])
        if not any(start < ends_at and starts_at < end for start, end in worked):
            worked.append((starts_at, ends_at))
            made.append(_shift(pattern.role, starts_at, ends_at, date))
    session.add_all(made)
    if made:
        audit.record(
            session,
            viewer=viewer,
            now=now,
            action="make_shifts",
            subject_kind="shift",
            organisation_id=viewer.organisation_id,
            date=date.isoformat(),
            count=len(made),
        )
    return len(made)


def _shift(role: Role, starts_at: datetime, ends_at: datetime, day: date) -> Shift:
    return Shift(
        id=uuid4(),
        organisation_id=role.organisation_id,
        role_id=role.id,
        date=day,
        starts_at=starts_at,
        ends_at=ends_at,
        start_place_id=role.base_id,
        end_place_id=role.base_id,
        vehicle=role.vehicle or VehicleKind.CAR,
        max_work_s=round(min(ends_at - starts_at, LONGEST_SHIFT).total_seconds()),
    )


def propose_tours(
    session: Session, *, day: Day, plan: RoutingPlan, survey: Survey, viewer: Viewer, now: datetime
) -> Plan:
    """Write a plan as proposed tours, in place of those proposed before.

    Every leg says where its times come from, as the survey has it.

    Raises:
        DayChanged: Since the day was read, tours were published or a visit was promised or cancelled.
    """
    _refuse_changed(session, day)
    shifts = [work_time.shift.id for work_time in day.work_times]
    _withdraw(session, select(Tour.id).where(Tour.shift_id.in_(shifts), Tour.status == TourStatus.PROPOSED))
    row = Plan(
        id=uuid4(),
        organisation_id=viewer.organisation_id,
        date=day.date,
        made_at=now,
        seed=plan.seed,
        version=plan.version,
        iterations=plan.iterations,
        seconds=plan.seconds,
        travel_source=survey.names(),
        cost=plan.cost.total,
        cost_terms=dict(plan.cost.terms),
    )
    session.add(row)
    session.flush()  # tours and reasons refer to the plan
    services = day.services
    placed = plan.placed()
    visit_of = {visit.id: visit for visit in session.scalars(select(Visit).where(Visit.date == day.date))}
    for number, service in enumerate(services):
        visit = visit_of[service.visit_id]
        if number in placed:
            stop = placed[number][1]
            visit.starts_at, visit.ends_at = day.moment(stop.start), day.moment(stop.end)
        else:
            visit.starts_at = visit.ends_at = None
    session.add_all(_tour(day, row, route, survey) for route in plan.routes)
    session.add_all(_reasons(day, row, plan.unassigned, survey))
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="propose_tours",
        subject=row,
        date=day.date.isoformat(),
        tours=len(plan.routes),
        unassigned=len(plan.unassigned),
    )
    return row


def _refuse_changed(session: Session, day: Day) -> None:
    shifts = {work_time.shift.id for work_time in day.work_times}
    published = session.scalars(
        select(Tour.shift_id).where(Tour.date == day.date, Tour.status == TourStatus.PUBLISHED)
    ).all()
    if shifts.intersection(published):
        raise DayChanged(
            "tours of this day were published while it was being planned: plan what is left again"
        )
    still_open = set(
        session.scalars(
            select(Visit.id).where(Visit.date == day.date, Visit.status == AppointmentStatus.PROPOSED)
        )
    )
    gone = [visit.id for visit in day.visits if visit.id not in still_open]
    if gone:
        raise DayChanged(
            f"visit {gone[0]} was promised or cancelled while the day was being planned: plan again"
        )


def _withdraw(session: Session, tours: Select[UUID]) -> None:
    """Delete proposed tours with their stops, through the session, so that whoever follows rows sees it."""
    parts = (selectinload(Tour.stops), selectinload(Tour.breaks))
    for tour in session.scalars(select(Tour).where(Tour.id.in_(tours)).options(*parts)):
        session.delete(tour)
    session.flush()  # a shift has one tour: the old ones go before the new ones come


def _tour(day: Day, plan: Plan, route: Route, survey: Survey) -> Tour:
    shift = day.work_times[route.vehicle].shift
    services = day.services
    snap_m = survey.snap_m[shift.vehicle]
    home_of = {visit.id: visit.patient.known_home.id for visit in day.visits}
    origin = survey.origins[shift.vehicle]
    came_from = {
        "travel_source": origin.source,
        "travel_data": origin.data,
        "is_estimated": origin.is_estimated,
    }
    return Tour(
        id=uuid4(),
        organisation_id=shift.organisation_id,
        plan_id=plan.id,
        shift_id=shift.id,
        role_id=shift.role_id,
        practitioner_id=shift.role.practitioner_id,
        date=day.date,
        status=TourStatus.PROPOSED,
        published_at=None,
        leaves_at=day.moment(route.leaves),
        returns_at=day.moment(route.returns),
        travel_s=route.travel,
        metres=route.metres,
        waiting_s=route.waiting,
        last_leg_s=route.travel_home,
        end_snap_m=snap_m.get(shift.end_place_id),
        **came_from,
        stops=[
            Stop(
                id=uuid4(),
                position=position,
                service_id=services[stop.service].id,
                visit_id=services[stop.service].visit_id,
                arrives_at=day.moment(stop.arrival),
                starts_at=day.moment(stop.start),
                ends_at=day.moment(stop.end),
                travel_s=stop.travel,
                metres=stop.metres,
                snap_m=snap_m.get(home_of[services[stop.service].visit_id]),
                **came_from,
            )
            for position, stop in enumerate(route.stops)
        ],
        breaks=[
            TourBreak(starts_at=day.moment(pause.start), ends_at=day.moment(pause.end))
            for pause in route.breaks
        ],
    )


def _reasons(day: Day, plan: Plan, unassigned: Iterable[Unassigned], survey: Survey) -> list[UnassignedVisit]:
    services = day.services
    # A visit is left out as a whole; the first of its services tells why.
    first: dict[UUID, Unassigned] = {}
    for reason in unassigned:
        visit_id = services[reason.service].visit_id
        if visit_id not in first or (reason.proven and not first[visit_id].proven):
            first[visit_id] = reason
    no_way = {visit.id: survey.reason(day, visit) for visit in day.visits if visit.id in first}
    return [
        UnassignedVisit(
            plan_id=plan.id,
            visit_id=visit_id,
            rule=OFF_ROAD if no_way[visit_id] else " + ".join(reason.rules)[:60],
            reason=no_way[visit_id] or reason.sentence,
        )
        for visit_id, reason in first.items()
    ]


def publish_day(session: Session, *, date: date, viewer: Viewer, now: datetime) -> list[Tour]:
    """Promise the day's proposed tours to nurses and patients; from now on they change only stop by stop.

    The database refuses a nurse in two places: then nothing is published.

    Raises:
        NothingToPublish: No tour of this day is proposed.
        DayChanged: A visit in a proposed tour was cancelled or promised since.
        AlreadyOccupied: A nurse is promised elsewhere at the same time.
        BookedVisitLeftOut: A doctor would wait for a visit in vain.
    """
    proposed = update(Tour).where(Tour.date == date, Tour.status == TourStatus.PROPOSED)
    if viewer.organisation_id is not None:
        proposed = proposed.where(Tour.organisation_id == viewer.organisation_id)
    # Two coordinators may press the button at once: the update itself is the check.
    published = session.scalars(
        proposed.values(status=TourStatus.PUBLISHED, published_at=now).returning(Tour.id),
        execution_options={"synchronize_session": False},
    ).all()
    if not published:
        raise NothingToPublish(f"no tour of {date.isoformat()} is proposed: plan the day first")
    for tour_id in published:
        record_change(session, Tour, tour_id)
    tours = session.scalars(
        select(Tour)
        .where(Tour.id.in_(published))
        .order_by(Tour.leaves_at, Tour.id)
        .options(*WITH_STOPS)
        .execution_options(populate_existing=True)
    ).all()
    taken = [occupancy for tour in tours for occupancy in _promise(tour)]
    occupy_all(session, taken)
    for tour in tours:
        outbox.send(session, topic="tour.published", payload={"tour": str(tour.id)}, now=now)
        audit.record(session, viewer=viewer, now=now, action="publish_tour", subject=tour)
    session.add_all(_origins(tours, viewer, now))
    check_now(session)
    refuse_left_out(session, date=date, viewer=viewer)
    return list(tours)


def _origins(tours: Iterable[Tour], viewer: Viewer, now: datetime) -> list[HeldProvenance]:
    """Say of each plan and tenant which planner made the published tours, and who published them."""
    return [
        HeldProvenance(
            id=uuid4(),
            organisation_id=organisation_id,
            plan_id=plan_id,
            recorded_at=now,
            recorded_by=viewer.name,
        )
        for plan_id, organisation_id in sorted({(tour.plan_id, tour.organisation_id) for tour in tours})
    ]


def _promise(tour: Tour) -> Iterator[Occupancy]:
    for stop in tour.stops:
        # The second nurse of a double visit finds it promised by the first, in this transaction.
        if stop.visit.status == AppointmentStatus.CANCELLED or stop.visit.starts_at != stop.starts_at:
            raise DayChanged(f"visit {stop.visit_id} has changed since the day was planned: plan it again")
        stop.visit.status = AppointmentStatus.BOOKED
        yield Occupancy(
            id=uuid4(),
            organisation_id=tour.organisation_id,
            practitioner_id=tour.practitioner_id,
            appointment_id=stop.visit_id,
            starts_at=stop.arrives_at - timedelta(seconds=stop.travel_s),
            ends_at=stop.ends_at,
        )
