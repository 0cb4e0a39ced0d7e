"""A plan laid out for trials: what each route leaves free at each position."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from routing.clock import Clock, windows_of
from routing.constraints import allowed
from routing.intervals import intervals
from routing.plan import Plan, Route
from routing.problem import Link, Nurses, Problem, TimeWindow
from routing.timetable import pause_options
from routing.units import LATEST, Points, Seconds

__all__ = ["WIDE", "Sheet", "Spot"]

WIDE = TimeWindow(-LATEST, LATEST)
_NEVER = 4 * LATEST
_FROM, _DEPART, _WORK_IN, _LEAVE_BY, _TO, _START_BY, _DONE_AT, _WORK_OUT, _LEG, _VEHICLE, _POSITION = range(
    11
)


@dataclass(frozen=True)
class Spot:
    """One way to take one service into a plan.

    Attributes:
        service: Number of the service.
        vehicle: Number of the vehicle.
        position: How many stops of its route come before.
        window: The window it starts in.
        points: Least that the plan then costs more, the penalty of leaving the service out not counted.
        earliest: First start that the stops around it allow, other routes not looked at.
        latest: Last start that they allow.
    """

    service: int
    vehicle: int
    position: int
    window: TimeWindow
    points: Points
    earliest: Seconds
    latest: Seconds

    def at(self, start: Seconds) -> "Spot":
        """Return the same spot for one start."""
        return replace(self, window=TimeWindow(start, start), earliest=start, latest=start)


class Sheet:
    """A plan laid out for trials.

    All stops keep their nurse, their order and the window they start in; their times may move, those of
    linked stops only later. `take` puts a service on the sheet, `settle` tells the times that follow, and
    `give_back` undoes the last `take` or `keep` makes it lasting.

    Args:
        problem: The day.
        routes: The plan's routes.
        may: Which vehicle may do which service, shape (services, vehicles), if already known.
        windows: The window of each planned service, if it is not to be looked up.

    Attributes:
        choices: Windows to try for a service, where those are not the service's own.
    """

    def __init__(
        self,
        problem: Problem,
        routes: Iterable[Route],
        may: NDArray[np.bool_] | None = None,
        windows: Mapping[int, TimeWindow] | None = None,
    ) -> None:
        self.problem = problem
        self.routes = {route.vehicle: route for route in routes}
        self.may = allowed(problem) if may is None else may
        plan = Plan(tuple(self.routes.values()))
        self.sequences = {r.vehicle: [stop.service for stop in r.stops] for r in plan.routes}
        self.windows = windows_of(problem, plan) if windows is None else dict(windows)
        self.choices: dict[int, tuple[TimeWindow, ...]] = {}
        self.clock = Clock(problem, self.sequences, self.windows, plan.routes)
        self.links: dict[int, list[Link]] = {}
        for link in problem.links:
            self.links.setdefault(link.first, []).append(link)
            self.links.setdefault(link.second, []).append(link)
        self.ranges: dict[int, tuple[Seconds, Seconds]] = {}
        self._most, self._unbroken, self._resting = _limits(problem)
        self._nurses = np.unique([vehicle.nurse for vehicle in problem.vehicles], return_inverse=True)[1]
        self._kind = np.array([vehicle.travel for vehicle in problem.vehicles], dtype=np.int64)
        self.rows = {vehicle: self._lay(vehicle) for vehicle in range(len(problem.vehicles))}
        self.stale: set[int] = set()
        self._taken: list[tuple[int, bool]] = []
        self._all: NDArray[np.int64] | None = None

    def copy(self) -> "Sheet":
        """Return a sheet that changes on its own."""
        other = copy(self)
        other.routes, other.windows, other.ranges = dict(self.routes), dict(self.windows), dict(self.ranges)
        other.sequences = {vehicle: list(services) for vehicle, services in self.sequences.items()}
        other.clock = copy(self.clock)
        other.clock.sequences, other.clock.windows = other.sequences, other.windows
        other.clock.at, other.clock.low = dict(self.clock.at), dict(self.clock.low)
        other.clock.homes, other.clock.work = dict(self.clock.homes), dict(self.clock.work)
        other.rows, other.stale = dict(self.rows), set(self.stale)
        return other

    def vehicle_of(self, service: int) -> int | None:
        """Return who does a service, or None while nobody does."""
        return self.clock.at.get(service)

    def spots(self, service: int, windows: tuple[TimeWindow, ...] | None = None) -> Iterator[Spot]:
        """Yield the spots that a look at their route does not exclude, those with least points first.

        Args:
            service: Number of a service that is in no route.
            windows: When it may start, instead of where its rules and its wish let it.
        """
        problem, asked = self.problem, self.problem.services[service]
        low, high, may = self._bounds(service)
        columns = self._columns()
        open_ = may[columns[_VEHICLE]]
        if problem.orders:
            open_ &= self._keeps_orders(service)
        rows = columns[:, open_]
        there, onward = np.empty_like(rows[_FROM]), np.empty_like(rows[_FROM])
        for kind, travel in enumerate(problem.travel):
            mine = slice(None) if len(problem.travel) == 1 else self._kind[rows[_VEHICLE]] == kind
            there[mine] = travel.least[rows[_FROM][mine], asked.location]
            onward[mine] = travel.least[asked.location, rows[_TO][mine]]
        points = problem.weights.travel * (there + onward - rows[_LEG])
        points += self._nurse_points(service)[rows[_VEHICLE]]
        some: list[tuple[int, int, TimeWindow, int, int]] = []
        for window in (
            (self.choices.get(service) or intervals(problem, service)) if windows is None else windows
        ):
            earliest, latest = max(window.earliest, low), min(window.latest, high)
            if earliest > latest:
                continue
            fits, starts, ends = self._fits(rows, there, onward, asked.duration, earliest, latest)
            some += [
                (int(points[i]), int(i), window, int(starts[i]), int(ends[i])) for i in np.flatnonzero(fits)
            ]
        some.sort(key=lambda row: row[:2])
        for least, i, window, start, end in some:
            yield Spot(service, int(rows[_VEHICLE, i]), int(rows[_POSITION, i]), window, least, start, end)

    def _columns(self) -> NDArray[np.int64]:
        """Return all positions of all routes, shape (11, positions)."""
        if self.stale or self._all is None:
            self._refresh()
            self._all = np.concatenate(list(self.rows.values()), axis=1)
        return self._all

    def _refresh(self) -> None:
        """Lay out anew what has changed since it was last looked at."""
        for vehicle in self.stale:
            self.rows[vehicle] = self._lay(vehicle)
            self._all = None
        self.stale.clear()

    def _fits(
        self,
        rows: NDArray[np.int64],
        there: NDArray[np.int64],
        onward: NDArray[np.int64],
        duration: Seconds,
        low: Seconds,
        high: Seconds,
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Return which positions have room, and the first and last start there.

        Exact for a route that is linked to no other and needs no break; never too strict.
        """
        start = np.maximum(rows[_DEPART] + there, low)
        latest = np.minimum(rows[_START_BY] - onward - duration, high)
        work_in = rows[_WORK_IN] + there
        work = work_in + duration + onward + rows[_WORK_OUT]
        by = np.minimum(rows[_LEAVE_BY], latest - work_in)
        done = np.maximum(rows[_DONE_AT], start + duration + onward + rows[_WORK_OUT])
        span = np.maximum(done - by, work)
        vehicle = rows[_VEHICLE]
        fits = (start <= latest) & (span <= self._most[vehicle])
        fits &= (span <= self._unbroken[vehicle]) | (work <= self._resting[vehicle])
        return fits, start, latest

    def _bounds(self, service: int) -> tuple[Seconds, Seconds, NDArray[np.bool_]]:
        """Return what the partners that are on the sheet leave to a service: starts, and vehicles."""
        low, high, may = -_NEVER, _NEVER, self.may[service] & self._carries(service)
        if service in self.links:
            self._refresh()
        for link in self.links.get(service, ()):
            other = link.first + link.second - service
            vehicle = self.vehicle_of(other)
            if vehicle is None:
                continue
            early, late = self.ranges[other]
            most = _NEVER if link.max_gap is None else link.max_gap
            least, most = (link.min_gap, most) if link.second == service else (-most, -link.min_gap)
            low, high = max(low, early + least), min(high, late + most)
            only = self._nurses == self._nurses[vehicle]
            if link.nurses is Nurses.SAME:
                may = may & only
            elif link.nurses is Nurses.DIFFERENT:
                may = may & ~only
        return low, high, may

    def _carries(self, service: int) -> NDArray[np.bool_]:
        """Return which vehicle has capacity left for a service."""
        problem, demand = self.problem, self.problem.services[service].demand
        carries = np.ones(len(problem.vehicles), dtype=np.bool_)
        if demand:
            for number, vehicle in enumerate(problem.vehicles):
                load = sum(problem.services[s].demand for s in self.sequences.get(number, ()))
                carries[number] = vehicle.capacity is None or load + demand <= vehicle.capacity
        return carries

    def _keeps_orders(self, service: int) -> NDArray[np.bool_]:
        """Return which positions tear no two ordered services apart, as a mask over all columns."""
        columns = self._columns()
        keeps = np.ones(columns.shape[1], dtype=np.bool_)
        for first, second in self.problem.orders:
            if service == second:
                other, step = first, 1
            else:
                other, step = second, 0
            vehicle = self.vehicle_of(other)
            if vehicle is None or (service not in (first, second) and self.vehicle_of(first) is None):
                continue
            between = columns[_VEHICLE] == vehicle
            between &= columns[_POSITION] == self.sequences[vehicle].index(other) + step
            keeps &= between if service in (first, second) else ~between
        return keeps

    def _nurse_points(self, service: int) -> NDArray[np.int64]:
        """Return what each vehicle costs for a service beyond travel, leaving at all included."""
        problem, asked = self.problem, self.problem.services[service]
        weights, count = problem.weights, len(problem.vehicles)
        points = np.zeros(count, dtype=np.int64)
        if asked.preferred:
            points += weights.not_preferred
            points[list(asked.preferred)] = 0
        for vehicle, more in asked.known.items():
            points[vehicle] += more
        if weights.vehicle_use:
            points += [weights.vehicle_use * (number not in self.sequences) for number in range(count)]
        if weights.overqualified:
            points += [
                weights.overqualified
                * sum(
                    max(0, vehicle.skills.get(skill, grade) - grade) for skill, grade in asked.skills.items()
                )
                for vehicle in problem.vehicles
            ]
        return points

    def take(self, spot: Spot) -> None:
        """Put a service into its spot."""
        service, vehicle = spot.service, spot.vehicle
        self.sequences.setdefault(vehicle, []).insert(spot.position, service)
        self.windows[service] = spot.window
        self.clock.at[service] = vehicle
        self.clock.low[service] = spot.window.earliest
        self._taken.append((vehicle, vehicle in self.stale))
        self.stale.add(vehicle)

    def give_back(self, spot: Spot) -> None:
        """Undo the `take` of this spot; the last one taken goes first."""
        self._strike(spot.service)
        vehicle, was_stale = self._taken.pop()
        if vehicle in self.stale and not was_stale:
            self.stale.remove(vehicle)  # nobody has looked since: what is laid out is right again
        else:
            self.stale.add(vehicle)

    def drop(self, services: Collection[int]) -> tuple[Route, ...] | None:
        """Strike services out of the plan for good; return the routes that change, or None if one breaks.

        A route without stops left is not among those returned. On None the sheet is of no more use.
        """
        vehicles = {self.clock.at[service] for service in services}
        followers = [self.clock.followers(vehicle) for vehicle in vehicles]
        for service in services:
            self._strike(service)
        self.stale |= vehicles.union(*followers)
        times = self.clock.spread(sorted(vehicles & set(self.sequences)))
        if times is None:
            return None
        for vehicle in vehicles - set(self.sequences):
            self.routes.pop(vehicle, None)
            self.clock.forget(vehicle)
        routes = self.clock.routes(times)
        self.keep(routes)
        return routes

    def _strike(self, service: int) -> int:
        vehicle = self.clock.at.pop(service)
        self.sequences[vehicle].remove(service)
        if not self.sequences[vehicle]:
            del self.sequences[vehicle]
        del self.windows[service], self.clock.low[service]
        self.ranges.pop(service, None)
        return vehicle

    def settle(self, services: Sequence[int]) -> tuple[Route, ...] | None:
        """Return the routes that change by the services just taken, or None if they have no timetable."""
        vehicles = {self.clock.at[service] for service in services}
        for service in services:
            others = [link.first + link.second - service for link in self.links.get(service, ())]
            vehicles |= {self.clock.at[other] for other in others if other in self.clock.at}
        times = self.clock.spread(sorted(vehicles))
        return None if times is None else self.clock.routes(times)

    def keep(self, routes: Iterable[Route]) -> None:
        """Make lasting what `settle` returned."""
        for route in routes:
            self.routes[route.vehicle] = route
            self.clock.keep(route)
            self.stale.add(route.vehicle)
            self.stale |= self.clock.followers(route.vehicle)
        self._taken.clear()

    def _lay(self, vehicle: int) -> NDArray[np.int64]:
        """Return a column for each position of a route, shape (11, stops + 1), and note the stops' ranges."""
        nurse, duty = self.problem.vehicles[vehicle], self.clock.duty(vehicle)
        sequence = self.sequences.get(vehicle, [])
        services = [self.problem.services[number] for number in sequence]
        lows = [self.clock.low[number] for number in sequence]
        highs = [self.windows[number].latest for number in sequence]
        places = [nurse.start, *(service.location for service in services), nurse.end]
        ways = self.problem.travel[nurse.travel].least[places[:-1], places[1:]].tolist()
        if not services:
            ways = [0]  # who does not leave does not travel
        depart, work, by = duty.leaves_from, 0, nurse.leaves_by
        before = [(depart, work, by)]
        for service, low, high, way in zip(services, lows, highs, ways, strict=False):
            work += way
            by = min(by, high - work)
            work += service.duration
            depart = max(low, depart + way) + service.duration
            before.append((depart, work, by))
        late, out, done = duty.back_by, 0, -_NEVER
        after = [(late, done, out)]
        for position in range(len(services) - 1, -1, -1):
            way, duration = ways[position + 1], services[position].duration
            late = min(highs[position], late - way - duration)
            out += way + duration
            done = max(done, lows[position] + out)
            after.append((late, done, out))
        after.reverse()
        for position, number in enumerate(sequence):
            early = before[position + 1][0] - services[position].duration
            self.ranges[number] = (early, after[position][0])
        count = len(services) + 1
        return np.array(
            [
                places[:-1],
                *zip(*before, strict=True),
                places[1:],
                *zip(*after, strict=True),
                ways,
                [vehicle] * count,
                range(count),
            ],
            dtype=np.int64,
        )


def _limits(problem: Problem) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return by vehicle the longest span, the longest without a break, and the most work with one."""
    rows = []
    for vehicle in problem.vehicles:
        most = _NEVER if vehicle.max_work is None else vehicle.max_work
        rule = vehicle.breaks
        unbroken = (
            _NEVER if rule is None else min([rule.longest_stretch, *(after for after, _ in rule.steps)])
        )
        if vehicle.lunch is not None and vehicle.lunch.missed is None:
            unbroken = -1
        resting = max((min(most, span) - length for length, span, _ in pause_options(vehicle)), default=-1)
        rows.append((most, unbroken, resting))
    limits = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return limits[0], limits[1], limits[2]
