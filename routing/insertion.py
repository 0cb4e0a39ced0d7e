"""Where would one more visit fit best?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.constraints import allowed
from routing.plan import Plan, Route
from routing.problem import Link, Nurses, Problem, TimeWindow
from routing.timetable import Clock, Part, fit, windows_of
from routing.units import Points

__all__ = ["Place", "Sheet", "best_places"]


@dataclass(frozen=True)
class Place:
    """One way to take a service into a plan.

    Attributes:
        vehicle: Number of the vehicle.
        position: How many stops of its route come before.
        window: The window it starts in.
        points: What the plan then costs more, the penalty of leaving the service out not counted.
    """

    vehicle: int
    position: int
    window: TimeWindow
    points: Points


def best_places(problem: Problem, plan: Plan, service: int, count: int = 5) -> list[Place]:
    """Return the cheapest places for a service that the plan leaves out, cheapest first.

    Exact for the given plan: all others stay with their nurse, in their order and in the window they have;
    their times may move.

    Args:
        problem: The day, the service included.
        plan: A plan that keeps all rules.
        service: Number of the service.
        count: How many places to return at most, one for each vehicle.
    """
    found: list[Place] = []
    sheet = Sheet(problem, plan.routes)
    for place in sheet.candidates(service):
        if len(found) == count:
            break
        if (
            all(place.vehicle != other.vehicle for other in found)
            and sheet.with_place(service, place) is not None
        ):
            found.append(place)
    return found


class Sheet:
    """A plan laid out for trials: what each route leaves free at each position.

    Args:
        problem: The day.
        routes: The plan's routes.
        may: Which vehicle may do which service, if already known.
    """

    def __init__(
        self, problem: Problem, routes: tuple[Route, ...], may: NDArray[np.bool_] | None = None
    ) -> None:
        self.problem = problem
        self.may = allowed(problem) if may is None else may
        self.routes = {route.vehicle: route for route in routes}
        self.windows = windows_of(problem, Plan(routes))
        self.placed = Plan(routes).placed()
        self.sequences = {r.vehicle: [stop.service for stop in r.stops] for r in routes}
        starts = {service: stop.start for service, (_, stop) in self.placed.items()}
        self.clock = Clock(problem, self.sequences, self.windows, starts)
        self._links: dict[int, list[Link]] = {}
        for link in problem.links:
            self._links.setdefault(link.first, []).append(link)
            self._links.setdefault(link.second, []).append(link)
        rows = [row for number in range(len(problem.vehicles)) for row in self._free(number)]
        columns = np.array(rows, dtype=np.int64).reshape(-1, 7).T
        self._vehicle, self._position, self._before, self._departs, self._after, self._latest, self._saved = (
            columns
        )
        self._kind = np.array([vehicle.travel for vehicle in problem.vehicles], dtype=np.int64)[self._vehicle]
        self._empty = np.array([number not in self.sequences for number in range(len(problem.vehicles))])

    def _free(self, vehicle: int) -> list[tuple[int, ...]]:
        """Return a row for each position.

        Vehicle, position, place before, earliest departure there, place after, latest start there, and the
        way between the two that an insertion saves.
        """
        nurse = self.problem.vehicles[vehicle]
        parts = [self._part(service) for service in self.sequences.get(vehicle, [])]
        places = [nurse.start, *(part.location for part in parts), nurse.end]
        ways = [self.problem.seconds(vehicle, places[i], places[i + 1]) for i in range(len(places) - 1)]
        departs = [nurse.shift.earliest]
        for part, way in zip(parts, ways, strict=False):
            departs.append(max(part.low, departs[-1] + way) + part.duration)
        latest = [nurse.shift.latest]
        for part, way in zip(reversed(parts), reversed(ways), strict=False):
            latest.append(min(part.high, latest[-1] - way - part.duration))
        latest.reverse()
        if not parts:
            ways = [0]  # who does not leave does not travel
        return [
            (
                vehicle,
                position,
                places[position],
                departs[position],
                places[position + 1],
                latest[position],
                way,
            )
            for position, way in enumerate(ways)
        ]

    def _part(self, service: int) -> Part:
        asked, window = self.problem.services[service], self.windows[service]
        return Part(asked.location, asked.duration, window.earliest, window.latest)

    def candidates(self, service: int, windows: tuple[TimeWindow, ...] | None = None) -> list[Place]:
        """Return the places that a look at the neighbours does not exclude, cheapest first.

        Args:
            service: Number of a service that is in no route.
            windows: When it may start, instead of its own windows.
        """
        problem, asked = self.problem, self.problem.services[service]
        there, onward = np.empty_like(self._before), np.empty_like(self._before)
        for kind, travel in enumerate(problem.travel):
            mine = self._kind == kind
            there[mine] = travel.seconds[self._before[mine], asked.location]
            onward[mine] = travel.seconds[asked.location, self._after[mine]]
        extra = problem.weights.vehicle_use * self._empty[self._vehicle]
        if asked.preferred:
            strange = ~np.isin(self._vehicle, list(asked.preferred))
            extra = extra + problem.weights.not_preferred * strange
        points = problem.weights.travel * (there + onward - self._saved) + extra
        places: list[Place] = []
        for window in asked.windows if windows is None else windows:
            start = np.maximum(window.earliest, self._departs + there)
            fits = self.may[service, self._vehicle] & (start <= window.latest)
            fits &= start + asked.duration + onward <= self._latest
            places += [
                Place(int(self._vehicle[i]), int(self._position[i]), window, int(points[i]))
                for i in np.flatnonzero(fits)
            ]
        return sorted(places, key=lambda place: (place.points, place.vehicle, place.position))

    def with_place(self, service: int, place: Place) -> tuple[Route, ...] | None:
        """Return the plan's routes with the service in this place, or None if they have no timetable then."""
        sequence = list(self.sequences.get(place.vehicle, []))
        sequence.insert(place.position, service)
        asked = self.problem.services[service]
        parts = [
            Part(asked.location, asked.duration, place.window.earliest, place.window.latest)
            if number == service
            else self._part(number)
            for number in sequence
        ]
        if not self._nurses_agree(service, place.vehicle) or fit(self.problem, place.vehicle, parts) is None:
            return None
        moved = self.clock.spread_with(service, place.vehicle, sequence, place.window)
        if moved is None:
            return None
        routes = {**self.routes, **{route.vehicle: route for route in moved}}
        return tuple(routes[vehicle] for vehicle in sorted(routes))

    def _nurses_agree(self, service: int, vehicle: int) -> bool:
        """Whether the links of a service to planned ones allow this vehicle."""
        for link in self._links.get(service, ()):
            other = link.first + link.second - service
            if other in self.placed:
                same = self.placed[other][0] == vehicle
                if (link.nurses is Nurses.SAME and not same) or (link.nurses is Nurses.DIFFERENT and same):
                    return False
        return True
