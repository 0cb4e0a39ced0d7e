"""Change published tours stop by stop, each change with a receipt. Never commits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.appointments.occupancy import check_now, occupy_all
from careapp.db import record_change
from careapp.errors import Conflict
from careapp.people.models import VehicleKind
from careapp.records import audit, outbox
from careapp.tenancy import across_tenants
from careapp.tours.models import ChangeKind, Stop, Tour, TourBreak, TourChange, TourStatus
from careapp.tours.queries import WITH_STOPS
from careapp.tours.standing import Standing
from careapp.visits.models import Visit
from routing.plan import Route
from routing.plan import Stop as RoutedStop
from routing.travel.source import Coordinates, TravelSource

BOOKED = "consultation-booked"
MOVED = "consultation-moved"


class TourChanged(Conflict):
    """The tours are no longer what the change was made for."""


@dataclass(frozen=True)
class Change:
    """Some routes of a day that become others.

    Attributes:
        organisation_id: Whose tours.
        standing: The day as it stands.
        before: The routes that change.
        after: What they become.
        added: Services that the day did not know: number to the ids of service and visit.
        home: Where the added ones take place; needed with them.
        because: A code, e.g. `BOOKED`.
        booking_id: For the sake of which consultation.
    """

    organisation_id: UUID
    standing: Standing
    before: Sequence[Route]
    after: Sequence[Route]
    added: Mapping[int, tuple[UUID, UUID]]
    home: Coordinates
    because: str
    booking_id: UUID | None

    def ids(self, number: int) -> tuple[UUID, UUID]:
        """Return the ids of a service and of its visit."""
        if number in self.added:
            return self.added[number]
        return self.standing.service_ids[number], self.standing.visit_ids[number]


def lock_day(session: Session, days: Iterable[date], organisation_id: UUID) -> None:
    """Let nobody else change the tours of some days until the transaction ends.

    Who changes tours locks them first, before appointments, slots and practitioners.
    """
    session.execute(
        select(Tour.id)
        .where(Tour.date.in_(sorted(set(days))), Tour.organisation_id == organisation_id)
        .order_by(Tour.id)
        .with_for_update()
    ).all()


def change_tours(
    session: Session,
    change: Change,
    sources: Mapping[VehicleKind, TravelSource],
    *,
    viewer: Viewer,
    now: datetime,
) -> list[TourChange]:
    """Write changed routes into published tours, and take the nurses' time anew.

    Args:
        session: An open transaction in which `lock_day` was called.
        change: What becomes of which routes.
        sources: Who knows the ways; asked where added homes lie.
        viewer: Who changes them.
        now: This moment.

    Returns:
        The receipts: one for each stop whose start is another one.

    Raises:
        TourChanged: A tour is not there any more, or not published.
        AlreadyOccupied: A nurse is promised elsewhere then.
    """
    vehicles = {route.vehicle for route in (*change.before, *change.after)}
    nurses = change.standing.nurses
    ids = {nurses[vehicle].tour_id for vehicle in vehicles}
    tours = {
        tour.id: tour
        for tour in session.scalars(
            select(Tour)
            .where(Tour.id.in_(ids - {None}), Tour.status == TourStatus.PUBLISHED)
            .options(*WITH_STOPS)
            .order_by(Tour.id)
            .execution_options(populate_existing=True)
        )
    }
    if ids != set(tours):
        raise TourChanged("a tour of this day is not published, or not any more: search again")
    before = {route.vehicle: route for route in change.before}
    after = {route.vehicle: route for route in change.after}
    leavers: list[Stop] = []
    for vehicle in sorted(vehicles):
        tour = tours[nurses[vehicle].tour_id]  # type: ignore[index]  # None was refused above
        stays = {change.ids(stop.service)[0] for stop in _stops(after.get(vehicle))}
        known = {change.ids(stop.service)[0] for stop in _stops(before.get(vehicle))}
        leavers += [stop for stop in tour.stops if stop.service_id in known - stays]
    _free(session, tours.values())
    for stop in leavers:
        session.delete(stop)
    session.flush()  # a service stands in one tour: it leaves the old one before it comes into the new
    for tour in tours.values():
        session.expire(tour, ["stops"])
        session.refresh(tour, ["stops"])
    for vehicle in sorted(vehicles):
        tour = tours[nurses[vehicle].tour_id]  # type: ignore[index]
        _write(session, tour, after.get(vehicle), change, sources[tour.shift.vehicle])
    session.flush()
    _take(session, tours.values())
    receipts = _receipts(change, before, after, now)
    session.add_all(receipts)
    for tour in tours.values():
        record_change(session, Tour, tour.id)
        audit.record(
            session, viewer=viewer, now=now, action="change_tour", subject=tour, because=change.because
        )
        outbox.send(session, topic="tour.changed", payload={"tour": str(tour.id)}, now=now)
    for visit_id in {receipt.visit_id for receipt in receipts}:
        record_change(session, Visit, visit_id)
    check_now(session)
    return receipts


def _stops(route: Route | None) -> Sequence[RoutedStop]:
    return () if route is None else route.stops


def _free(session: Session, tours: Iterable[Tour]) -> None:
    """Free what the nurses' visits take of their time, as it is to be taken anew."""
    for tour in tours:
        visits = {stop.visit_id for stop in tour.stops}
        with across_tenants(session):
            session.execute(
                delete(Occupancy).where(
                    Occupancy.practitioner_id == tour.practitioner_id, Occupancy.appointment_id.in_(visits)
                )
            )


def _take(session: Session, tours: Iterable[Tour]) -> None:
    gone = {AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR, AppointmentStatus.NOSHOW}
    occupy_all(
        session,
        [
            Occupancy(
                id=uuid4(),
                organisation_id=tour.organisation_id,
                practitioner_id=tour.practitioner_id,
                appointment_id=stop.visit_id,
                starts_at=stop.arrives_at - timedelta(seconds=stop.travel_s),
                ends_at=stop.ends_at,
            )
            for tour in tours
            for stop in tour.stops
            if session.get_one(Visit, stop.visit_id).status not in gone
        ],
    )


def _write(session: Session, tour: Tour, route: Route | None, change: Change, source: TravelSource) -> None:
    """Write a route into its tour; stops of visits that were called off stay where they are."""
    rows = {stop.service_id: stop for stop in tour.stops}
    moment = change.standing.moment
    for place, row in enumerate(tour.stops):
        row.position = -1 - place  # a position is taken once
    session.flush()
    for stop in route.stops if route else ():
        service_id, visit_id = change.ids(stop.service)
        row = rows.get(service_id) or _new_stop(tour, service_id, visit_id, change, source)
        row.arrives_at, row.starts_at = moment(stop.arrival), moment(stop.start)
        row.ends_at = moment(stop.end)
        row.travel_s, row.metres = stop.travel, stop.metres
        if service_id not in rows:
            row.position = -1 - len(rows)
            rows[service_id] = row
            session.add(row)
        visit = session.get_one(Visit, visit_id)
        visit.starts_at, visit.ends_at = row.starts_at, row.ends_at
    session.flush()
    session.expire(tour, ["stops"])
    ordered = sorted(rows.values(), key=lambda row: (row.starts_at, row.position))
    for position, row in enumerate(ordered):
        row.position = position
    tour.breaks.clear()
    session.flush()
    if route is None:
        tour.leaves_at = tour.returns_at = tour.shift.starts_at
        tour.travel_s = tour.metres = tour.waiting_s = tour.last_leg_s = 0
    else:
        tour.leaves_at, tour.returns_at = moment(route.leaves), moment(route.returns)
        tour.travel_s, tour.metres, tour.waiting_s = route.travel, route.metres, route.waiting
        tour.last_leg_s = route.travel_home
        tour.breaks.extend(
            TourBreak(starts_at=moment(pause.start), ends_at=moment(pause.end)) for pause in route.breaks
        )
    session.flush()
    session.refresh(tour, ["stops"])


def _new_stop(tour: Tour, service_id: UUID, visit_id: UUID, change: Change, source: TravelSource) -> Stop:
    return Stop(
        id=uuid4(),
        tour_id=tour.id,
        service_id=service_id,
        visit_id=visit_id,
        snap_m=source.snap([change.home])[0].metres,
        travel_source=source.name,
        travel_data=source.data,
        is_estimated=source.estimated,
    )


def _receipts(
    change: Change, before: Mapping[int, Route], after: Mapping[int, Route], now: datetime
) -> list[TourChange]:
    found = []
    for vehicle in sorted(before.keys() | after.keys()):
        old = {stop.service: stop.start for stop in (before[vehicle].stops if vehicle in before else ())}
        new = {stop.service: stop.start for stop in (after[vehicle].stops if vehicle in after else ())}
        nurse = change.standing.nurses[vehicle]
        for number in sorted(old.keys() | new.keys()):
            if old.get(number) == new.get(number):
                continue
            kind = (
                ChangeKind.ADDED
                if number not in old
                else ChangeKind.REMOVED
                if number not in new
                else ChangeKind.MOVED
            )
            found.append(
                TourChange(
                    id=uuid4(),
                    organisation_id=change.organisation_id,
                    tour_id=nurse.tour_id,
                    visit_id=change.ids(number)[1],
                    booking_id=change.booking_id,
                    kind=kind,
                    because=change.because,
                    made_at=now,
                    starts_before=change.standing.moment(old[number]) if number in old else None,
                    starts_after=change.standing.moment(new[number]) if number in new else None,
                )
            )
    return found
