"""Where would one more visit fit best?"""

from collections.abc import Iterator
from dataclasses import dataclass

from routing.constraints import allowed
from routing.plan import Plan, Route
from routing.problem import Nurses, Problem, TimeWindow
from routing.timetable import Part, fit, time_routes, windows_of
from routing.units import UNREACHABLE, Points, Seconds

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

    Exact for the given plan: all others stay with their nurse, in their order and in the window they have; their
    times may move.

    Args:
        problem: The day, the service included.
        plan: A plan that keeps all rules.
        service: Number of the service.
        count: How many places to return at most, one for each vehicle.
    """
    found: list[Place] = []
    sheet = Sheet(problem, plan.routes)
    for place in sorted(sheet.candidates(service), key=lambda p: (p.points, p.vehicle, p.position)):
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
    """

    def __init__(self, problem: Problem, routes: tuple[Route, ...]) -> None:
        self.problem = problem
        self.may = allowed(problem)
        self.routes = {route.vehicle: route for route in routes}
        self.windows = windows_of(problem, Plan(routes))
        self.placed = Plan(routes).placed()
        self.sequences = {r.vehicle: [stop.service for stop in r.stops] for r in routes}
        self._gaps = {number: self._free(number) for number in range(len(problem.vehicles))}

    def _free(self, vehicle: int) -> list[tuple[int, Seconds, int, Seconds]]:
        """Return for each position: place before, earliest departure there, place after, latest start there."""
        nurse = self.problem.vehicles[vehicle]
        parts = [self._part(service) for service in self.sequences.get(vehicle, [])]
        places = [nurse.start, *(part.location for part in parts), nurse.end]
        departs = [nurse.shift.earliest]
        for part, origin in zip(parts, places, strict=False):
            way = self.problem.seconds(vehicle, origin, part.location)
            departs.append(max(part.low, departs[-1] + way) + part.duration)
        latest = [nurse.shift.latest]
        for part, after in zip(reversed(parts), reversed(places), strict=False):
            way = self.problem.seconds(vehicle, part.location, after)
            latest.append(min(part.high, latest[-1] - way - part.duration))
        return list(zip(places, departs, places[1:], reversed(latest), strict=False))

    def _part(self, service: int) -> Part:
        asked, window = self.problem.services[service], self.windows[service]
        return Part(asked.location, asked.duration, window.earliest, window.latest)

    def candidates(self, service: int) -> Iterator[Place]:
        """Yield the places that a look at the neighbours does not exclude."""
        problem, asked = self.problem, self.problem.services[service]
        for vehicle, gaps in self._gaps.items():
            if not self.may[service, vehicle]:
                continue
            empty = vehicle not in self.sequences
            fixed = problem.weights.vehicle_use * empty
            fixed += problem.weights.not_preferred * (
                bool(asked.preferred) and vehicle not in asked.preferred
            )
            for position, (before, departs, after, latest) in enumerate(gaps):
                there = problem.seconds(vehicle, before, asked.location)
                onward = problem.seconds(vehicle, asked.location, after)
                if UNREACHABLE in (there, onward):
                    continue
                saved = 0 if empty else problem.seconds(vehicle, before, after)
                for window in asked.windows:
                    start = max(window.earliest, departs + there)
                    if start <= window.latest and start + asked.duration + onward <= latest:
                        points = problem.weights.travel * (there + onward - saved) + fixed
                        yield Place(vehicle, position, window, points)

    def with_place(self, service: int, place: Place) -> tuple[Route, ...] | None:
        """Return the plan's routes with the service in this place, or None if they have no timetable then."""
        sequence = list(self.sequences.get(place.vehicle, []))
        sequence.insert(place.position, service)
        windows = {**self.windows, service: place.window}
        asked = self.problem.services[service]
        parts = [
            Part(asked.location, asked.duration, place.window.earliest, place.window.latest)
            if number == service
            else self._part(number)
            for number in sequence
        ]
        if fit(self.problem, place.vehicle, parts) is None or not self._nurses_agree(service, place.vehicle):
            return None
        if not self.problem.links:
            timed = time_routes(self.problem, {place.vehicle: sequence}, windows)
            if timed is None:
                return None
            others = (route for vehicle, route in self.routes.items() if vehicle != place.vehicle)
            return tuple(sorted((*others, *timed), key=lambda route: route.vehicle))
        return time_routes(self.problem, {**self.sequences, place.vehicle: sequence}, windows)

    def _nurses_agree(self, service: int, vehicle: int) -> bool:
        """Whether the links of a service to planned ones allow this vehicle."""
        for link in self.problem.links:
            if service not in (link.first, link.second):
                continue
            other = link.first + link.second - service
            if other in self.placed:
                same = self.placed[other][0] == vehicle
                if (link.nurses is Nurses.SAME and not same) or (link.nurses is Nurses.DIFFERENT and same):
                    return False
        return True
