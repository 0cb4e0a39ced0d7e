"""The times of a whole plan: each route's timetable, and how routes move each other."""

from collections import deque
from collections.abc import Mapping, Sequence

from routing.plan import Plan, Route
from routing.problem import Problem, TimeWindow
from routing.timetable import Part, Timed, fit, settle, write_route
from routing.units import Seconds

__all__ = ["Clock", "time_routes", "windows_of"]


def windows_of(problem: Problem, plan: Plan) -> dict[int, TimeWindow]:
    """Return the window in which each planned service starts."""
    return {
        stop.service: next(w for w in problem.services[stop.service].starts if w.holds(stop.start))
        for _, stop in plan.stops()
    }


def time_routes(
    problem: Problem,
    sequences: Mapping[int, Sequence[int]],
    windows: Mapping[int, TimeWindow] | None = None,
) -> tuple[Route, ...] | None:
    """Return routes with the earliest times for these orders of services, or None if no timetable is found.

    Args:
        problem: The day.
        sequences: Vehicle to its services in order.
        windows: The window each service uses. Without it, each route takes the first choice that fits it;
            that decides exactly whether a timetable exists, unless there are links.
    """
    used = {vehicle: list(services) for vehicle, services in sequences.items() if services}
    chosen = dict(windows) if windows is not None else {}
    if windows is None:
        for vehicle, services in used.items():
            first = _choose_windows(problem, vehicle, services)
            if first is None:
                return None
            chosen.update(zip(services, first, strict=True))
    clock = Clock(problem, used, chosen)
    times = clock.spread(sorted(used))
    return None if times is None else clock.routes(times)


class Clock:
    """The times of a whole plan, and what a change in one route does to the others.

    Args:
        problem: The day.
        sequences: Vehicle to its services in order.
        windows: The window each service uses.
        starts: Starts of a timetable that is known to be the earliest; the clock then need not look at routes
            that do not change.
    """

    def __init__(
        self,
        problem: Problem,
        sequences: dict[int, list[int]],
        windows: dict[int, TimeWindow],
        starts: Mapping[int, Seconds] | None = None,
    ) -> None:
        self.problem = problem
        self.sequences = sequences
        self.windows = windows
        self.at = {service: vehicle for vehicle, services in sequences.items() for service in services}
        self.low = {service: windows[service].earliest for service in self.at}
        self.bounds: dict[int, list[tuple[int, Seconds]]] = {}
        for link in problem.links:
            self.bounds.setdefault(link.first, []).append((link.second, link.min_gap))
            if link.max_gap is not None:
                self.bounds.setdefault(link.second, []).append((link.first, -link.max_gap))
        if starts is not None:
            self.low.update({service: starts[service] for service in self.bounds if service in self.at})
            self.low.update(
                {link.second: starts[link.second] for link in problem.links if link.second in self.at}
            )

    def spread(self, vehicles: Sequence[int]) -> dict[int, Timed] | None:
        """Time these routes and all that they move; return those, or None if a time cannot be kept."""
        problem, raised = self.problem, dict[int, Seconds]()
        timed: dict[int, Timed] = {}
        waiting = deque(vehicles)
        while waiting:
            vehicle = waiting.popleft()
            parts = [
                Part(
                    problem.services[s].location,
                    problem.services[s].duration,
                    raised.get(s, self.low[s]),
                    self.windows[s].latest,
                )
                for s in self.sequences[vehicle]
            ]
            pause = fit(problem, vehicle, parts)
            times = None if pause is None else settle(problem, vehicle, parts, pause)
            if pause is None or times is None:
                return None
            timed[vehicle] = Timed(parts, pause, *times)
            for service, start in zip(self.sequences[vehicle], times[0], strict=True):
                for other, gap in self.bounds.get(service, ()):
                    if other not in self.at or start + gap <= raised.get(other, self.low[other]):
                        continue
                    if start + gap > self.windows[other].latest:
                        return None
                    raised[other] = start + gap
                    if self.at[other] not in waiting:
                        waiting.append(self.at[other])
        return timed

    def spread_with(
        self, service: int, vehicle: int, sequence: list[int], window: TimeWindow
    ) -> tuple[Route, ...] | None:
        """Return the routes that change when a vehicle does one more service, or None.

        Nothing of the clock itself changes.
        """
        before = self.sequences.get(vehicle)
        self.sequences[vehicle], self.at[service] = sequence, vehicle
        self.windows[service] = window
        self.low[service] = window.earliest
        partners = {self.at[other] for other, _ in self.bounds.get(service, ()) if other in self.at}
        partners |= {self.at[s] for s, ties in self.bounds.items() if s in self.at and service in dict(ties)}
        times = self.spread([vehicle, *sorted(partners - {vehicle})])
        routes = None if times is None else self.routes(times)
        del self.at[service], self.windows[service], self.low[service]
        if before is None:
            del self.sequences[vehicle]
        else:
            self.sequences[vehicle] = before
        return routes

    def routes(self, times: Mapping[int, Timed]) -> tuple[Route, ...]:
        """Write timed routes down, by number of vehicle."""
        return tuple(write_route(self.problem, v, self.sequences[v], times[v]) for v in sorted(times))


def _choose_windows(problem: Problem, vehicle: int, services: Sequence[int]) -> list[TimeWindow] | None:
    """Return the first choice of windows, early ones first, with which the route alone has a timetable."""
    nurse = problem.vehicles[vehicle]
    chosen: list[TimeWindow] = []

    def extend(at: int, free: Seconds) -> bool:
        if len(chosen) == len(services):
            parts = [
                Part(problem.services[s].location, problem.services[s].duration, w.earliest, w.latest)
                for s, w in zip(services, chosen, strict=True)
            ]
            return fit(problem, vehicle, parts) is not None
        service = problem.services[services[len(chosen)]]
        reached = free + problem.seconds(vehicle, at, service.location)
        for window in service.starts:
            start = max(reached, window.earliest)
            if start > window.latest:
                continue
            chosen.append(window)
            if extend(service.location, start + service.duration):
                return True
            chosen.pop()
        return False

    return chosen if extend(nurse.start, nurse.shift.earliest) else None
