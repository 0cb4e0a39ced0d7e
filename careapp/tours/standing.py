"""A day as its tours stand, laid out for one more visit: numbers and ids only, no row of the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from careapp.people.models import VehicleKind
from careapp.tours.day import Day
from careapp.tours.models import Tour, TourStatus
from routing import check
from routing.clock import time_routes
from routing.objective import cost_of
from routing.plan import Plan, Route, Unassigned
from routing.problem import Band, Problem, Service, TimeWindow, Travel
from routing.travel.source import Coordinates, TravelSource
from routing.units import UNREACHABLE

_AS_IT_STANDS = Unassigned(0, ("as-it-stands",), "it is in no tour", proven=False)


@dataclass(frozen=True)
class Nurse:
    """Who works one shift, by ids.

    Attributes:
        shift_id: The shift.
        role_id: Her role.
        practitioner_id: Herself.
        tour_id: Her tour on the shift; None if she has none yet.
        is_published: The tour is promised.
    """

    shift_id: UUID
    role_id: UUID
    practitioner_id: UUID
    tour_id: UUID | None
    is_published: bool


@dataclass(frozen=True, eq=False)
class Standing:
    """A local day as its tours stand.

    Attributes:
        date: The local day.
        origin: Where the planner begins to count seconds.
        problem: All visits and shifts of the day.
        plan: The tours as they stand, timed anew from the same ways; `routing.check` finds no fault in it.
        nurses: One for each vehicle.
        service_ids: One for each service of the problem.
        visit_ids: The visit of each service.
        places: One for each place of the matrices; None where the coordinates cannot be meant.
        homes: Number of the place of each home.
        closed: Vehicles whose tour breaks a rule as it stands: nothing is added to them.
        fixed: Visits that carry a consultation: first and last start it leaves them.
    """

    date: date
    origin: datetime
    problem: Problem
    plan: Plan
    nurses: tuple[Nurse, ...]
    service_ids: tuple[UUID, ...]
    visit_ids: tuple[UUID, ...]
    places: tuple[Coordinates | None, ...]
    homes: Mapping[UUID, int]
    closed: frozenset[int]
    fixed: Mapping[UUID, tuple[datetime, datetime]]

    def moment(self, seconds: int) -> datetime:
        """Return the moment that the planner calls `seconds`."""
        return self.origin + timedelta(seconds=seconds)

    def seconds(self, moment: datetime) -> int:
        """Return what the planner calls a moment."""
        return round((moment - self.origin).total_seconds())

    @cached_property
    def has_tours(self) -> bool:
        """Whether anybody has a tour on this day."""
        return any(nurse.tour_id is not None for nurse in self.nurses)

    @cached_property
    def of_visit(self) -> Mapping[UUID, tuple[int, ...]]:
        """The numbers of the services of each visit."""
        found: dict[UUID, tuple[int, ...]] = {}
        for number, visit_id in enumerate(self.visit_ids):
            found[visit_id] = (*found.get(visit_id, ()), number)
        return found

    @cached_property
    def starts(self) -> Mapping[int, int]:
        """The start of each service that is in a tour."""
        return {stop.service: stop.start for _, stop in self.plan.stops()}

    def windows(self, *, still: bool) -> dict[int, TimeWindow]:
        """Return where each service that is in a tour may start when another visit comes in.

        Args:
            still: Nobody is moved; otherwise stops may come later, as far as their window lets them.
        """
        if still:
            return {number: TimeWindow(start, start) for number, start in self.starts.items()}
        found = {}
        for number, start in self.starts.items():
            latest = [w.latest for w in self.problem.services[number].windows if w.holds(start)]
            found[number] = TimeWindow(start, max(latest, default=start))
        return found

    def with_visit(
        self,
        services: Sequence[Service],
        home: Coordinates,
        sources: Mapping[VehicleKind, TravelSource],
        by_hour: Sequence[tuple[datetime, Mapping[VehicleKind, TravelSource]]] = (),
    ) -> Problem:
        """Return the day with one more visit at a home that the day may not know yet.

        Args:
            services: Of the visit, to start together; they lie at the place after all others.
            home: Where the patient lives.
            sources: Who knows the ways of each kind of vehicle.
            by_hour: Others, each from a moment on.

        Raises:
            routing.errors.TravelError: Travel times cannot be had.
        """
        kinds = list(VehicleKind)
        in_use = {vehicle.travel for vehicle in self.problem.vehicles}
        travel = tuple(
            self._longer(each, home, sources[kinds[number]], [(at, of[kinds[number]]) for at, of in by_hour])
            if number in in_use
            else _padded(each)
            for number, each in enumerate(self.problem.travel)
        )
        new = tuple(replace(service, location=len(self.places)) for service in services)
        return replace(self.problem, services=(*self.problem.services, *new), travel=travel)

    def _longer(
        self,
        travel: Travel,
        home: Coordinates,
        source: TravelSource,
        others: Sequence[tuple[datetime, TravelSource]],
    ) -> Travel:
        good = [number for number, place in enumerate(self.places) if place is not None]
        known = [place for place in self.places if place is not None]

        def ways(one: TravelSource) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
            there, back = one.table(known, [home]), one.table([home], known)
            tables = []
            for going, coming in ((there.seconds, back.seconds), (there.metres, back.metres)):
                table = np.full((len(self.places) + 1, 2), UNREACHABLE, dtype=np.int32)
                table[good, 0], table[good, 1], table[-1] = going[:, 0], coming[0], 0
                tables.append(table)
            return tables[0], tables[1]

        seconds, metres = ways(source)
        hourly = {id(other): ways(other)[0] for _, other in others}
        # A way that is lost at some hours is lost all day.
        lost = np.logical_or.reduce([each == UNREACHABLE for each in (seconds, *hourly.values())])
        at = {self.seconds(moment): np.where(lost, UNREACHABLE, hourly[id(o)]) for moment, o in others}
        return Travel(
            _with_column(travel.seconds, np.where(lost, UNREACHABLE, seconds)),
            _with_column(travel.metres, metres),
            tuple(
                Band(band.start, _with_column(band.seconds, at.get(band.start, seconds)))
                for band in travel.bands
            ),
        )


def _padded(travel: Travel) -> Travel:
    more = ((0, 1), (0, 1))
    return Travel(np.pad(travel.seconds, more), np.pad(travel.metres, more))


def _with_column(matrix: NDArray[np.int32], ways: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a matrix with one more place; `ways` has those to it and those from it, itself last."""
    larger = np.zeros((len(matrix) + 1, len(matrix) + 1), dtype=np.int32)
    larger[:-1, :-1] = matrix
    larger[:, -1], larger[-1, :] = ways[:, 0], ways[:, 1]
    return larger


def stand(
    day: Day,
    tours: Iterable[Tour],
    sources: Mapping[VehicleKind, TravelSource],
    by_hour: Sequence[tuple[datetime, Mapping[VehicleKind, TravelSource]]] = (),
) -> Standing:
    """State a day as its tours stand.

    A tour that breaks a rule as it stands, because a nurse fell ill or a road was closed after it was
    published, is left out: its nurse takes nothing in.

    Args:
        day: All its shifts and visits, see `careapp.tours.queries.day_as_it_stands`.
        tours: Of the day, with their stops.
        sources: Who knows the ways.
        by_hour: Others, each from a moment on.

    Raises:
        routing.errors.RoutingError: The rows contradict each other, or travel times cannot be had.
    """
    problem = day.to_problem(sources, by_hour)
    of_shift = {tour.shift_id: tour for tour in tours}
    numbers = {service.id: number for number, service in enumerate(day.services)}
    starts: dict[int, int] = {}
    sequences: dict[int, list[int]] = {}
    for vehicle, work in enumerate(day.work_times):
        tour = of_shift.get(work.shift.id)
        for stop in sorted(tour.stops, key=lambda stop: stop.starts_at) if tour else ():
            if stop.service_id in numbers:
                sequences.setdefault(vehicle, []).append(numbers[stop.service_id])
                starts[numbers[stop.service_id]] = round((stop.starts_at - day.origin).total_seconds())
    problem = _as_promised(problem, starts)
    plan, closed = _timed(problem, sequences, starts)
    home_of = {visit.id: visit.patient.known_home.id for visit in day.visits}
    homes = {
        home_of[service.visit_id]: problem.services[number].location
        for number, service in enumerate(day.services)
    }
    nurses = []
    for work in day.work_times:
        tour = of_shift.get(work.shift.id)
        is_published = tour is not None and tour.status == TourStatus.PUBLISHED
        nurses.append(
            Nurse(
                work.shift.id,
                work.shift.role_id,
                work.shift.role.practitioner_id,
                tour.id if tour else None,
                is_published,
            )
        )
    return Standing(
        date=day.date,
        origin=day.origin,
        problem=problem,
        plan=plan,
        nurses=tuple(nurses),
        service_ids=tuple(service.id for service in day.services),
        visit_ids=tuple(service.visit_id for service in day.services),
        places=_places(day, problem),
        homes=homes,
        closed=closed,
        fixed=day.fixed,
    )


def _as_promised(problem: Problem, starts: Mapping[int, int]) -> Problem:
    """Let what a tour promises hold, also where the windows were changed afterwards."""
    services = tuple(
        service
        if number not in starts or any(window.holds(starts[number]) for window in service.windows)
        else replace(service, windows=(*service.windows, TimeWindow(starts[number], starts[number])))
        for number, service in enumerate(problem.services)
    )
    return replace(problem, services=services)


def _timed(
    problem: Problem, sequences: dict[int, list[int]], starts: Mapping[int, int]
) -> tuple[Plan, frozenset[int]]:
    """Return the tours with the times they have, and the vehicles whose tour breaks a rule."""
    kept = {vehicle: list(services) for vehicle, services in sequences.items()}
    pinned = {number: TimeWindow(start, start) for number, start in starts.items()}
    while True:
        routes = time_routes(problem, kept, {n: pinned[n] for stops in kept.values() for n in stops})
        if routes is None:
            broken = {
                vehicle
                for vehicle, stops in kept.items()
                if time_routes(problem, {vehicle: stops}, {n: pinned[n] for n in stops}) is None
            } or set(kept)
        else:
            plan = Plan(routes, _left_out(problem, kept), cost_of(problem, routes))
            broken = _at_fault(problem, plan, kept)
            if not broken:
                return plan, frozenset(sequences) - frozenset(kept)
        kept = {vehicle: stops for vehicle, stops in kept.items() if vehicle not in broken}


def _left_out(problem: Problem, kept: Mapping[int, Sequence[int]]) -> tuple[Unassigned, ...]:
    placed = {number for stops in kept.values() for number in stops}
    return tuple(
        replace(_AS_IT_STANDS, service=number)
        for number in range(len(problem.services))
        if number not in placed
    )


def _at_fault(problem: Problem, plan: Plan, kept: Mapping[int, Sequence[int]]) -> set[int]:
    """Return the vehicles that a rule's breach names, or that make the visit that it names."""
    of_visit: dict[str, set[int]] = {}
    for vehicle, stops in kept.items():
        for number in stops:
            of_visit.setdefault(problem.services[number].visit, set()).add(vehicle)
    found: set[int] = set()
    breaches = check.violations(problem, plan)
    for breach in breaches:
        if breach.vehicle is not None and breach.vehicle in kept:
            found.add(breach.vehicle)
        elif breach.service is not None:
            found |= of_visit.get(problem.services[breach.service].visit, set())
    return found or (set(kept) if breaches else set())


def changed(before: Iterable[Route], after: Iterable[Route]) -> dict[int, tuple[int | None, int | None]]:
    """Return the services whose start differs between some routes, with both starts."""
    old = {stop.service: stop.start for route in before for stop in route.stops}
    new = {stop.service: stop.start for route in after for stop in route.stops}
    return {
        number: (old.get(number), new.get(number))
        for number in sorted(old.keys() | new.keys())
        if old.get(number) != new.get(number)
    }


def _places(day: Day, problem: Problem) -> tuple[Coordinates | None, ...]:
    """Return the places of the matrices, in their order."""
    unusable = day.unusable_places()
    points = day.places()
    found: list[Coordinates | None] = [None] * problem.places

    def note(number: int, place_id: UUID) -> None:
        if place_id not in unusable:
            found[number] = Coordinates(*points[place_id])

    for vehicle, work in zip(problem.vehicles, day.work_times, strict=True):
        note(vehicle.start, work.shift.start_place_id)
        note(vehicle.end, work.shift.end_place_id)
    homes = {visit.id: visit.patient.known_home.id for visit in day.visits}
    for service, row in zip(problem.services, day.services, strict=True):
        note(service.location, homes[row.visit_id])
    return tuple(found)
