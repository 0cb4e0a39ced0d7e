"""The times of a whole plan: each route's timetable, and how routes move each other."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from routing.circles import closes_circle, deciding_stop
from routing.intervals import interval_of
from routing.plan import Plan, Route
from routing.problem import Problem, TimeWindow
from routing.rota import Rota
from routing.settling import NEVER, Duty, Part, Pauses, settle
from routing.soft_times import binds, latest_leaving
from routing.timetable import Timed, fit, write_route
from routing.units import Seconds

__all__ = ["Clock", "time_routes", "windows_of"]

ROUNDS = 40
"""So often each route with a break in parts may be timed again before they are held to raise each other."""


def windows_of(problem: Problem, plan: Plan) -> dict[int, TimeWindow]:
    """Return the window in which each planned service starts."""
    return {stop.service: interval_of(problem, stop.service, stop.start) for _, stop in plan.stops()}


def time_routes(
    problem: Problem,
    sequences: Mapping[int, Sequence[int]],
    windows: Mapping[int, TimeWindow] | None = None,
    duties: Mapping[int, Duty] | None = None,
    pauses: Mapping[int, Pauses] | None = None,
) -> tuple[Route, ...] | None:
    """Return routes with the earliest times for these orders of services, or None if no timetable is found.

    Args:
        problem: The day.
        sequences: Vehicle to its services in order.
        windows: The window each service uses. Without it, each route takes the first choice that fits it;
            that decides exactly whether a timetable exists, unless routes bind each other.
        duties: What other routes leave to those of some vehicles, where that is known; they then no longer
            wait for each other.
        pauses: The breaks of some vehicles, where those are known.
    """
    used = {vehicle: list(services) for vehicle, services in sequences.items() if services}
    chosen = dict(windows) if windows is not None else {}
    if windows is None:
        for vehicle, services in used.items():
            first = _choose_windows(problem, vehicle, services)
            if first is None:
                return None
            chosen.update(zip(services, first, strict=True))
    clock = Clock(problem, used, chosen, duties=duties, pauses=pauses)
    times = clock.spread(sorted(used))
    return None if times is None else clock.routes(times)


class Clock:
    """The times of a whole plan, and what a change in one route does to the others.

    Args:
        problem: The day.
        sequences: Vehicle to its services in order.
        windows: The window each service uses.
        known: Routes of a timetable that is known to be the earliest; the clock then need not look at those
            that do not change.
        duties: What other routes leave to those of some vehicles, where that is known.
        pauses: The breaks of some vehicles, where those are known.
    """

    def __init__(
        self,
        problem: Problem,
        sequences: dict[int, list[int]],
        windows: dict[int, TimeWindow],
        known: Iterable[Route] = (),
        *,
        duties: Mapping[int, Duty] | None = None,
        pauses: Mapping[int, Pauses] | None = None,
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
        self.linked = {service for link in problem.links for service in (link.first, link.second)}
        self.rota = Rota(problem)
        self.duties = {} if duties is None else duties
        self.pauses = {} if pauses is None else pauses
        self.homes: dict[int, Seconds] = {}
        self.work: dict[int, Seconds] = {}
        for route in known:
            self.keep(route)

    def keep(self, route: Route) -> None:
        """Let the times of a route stand: what depends on them may come later, not sooner."""
        for stop in route.stops:
            if stop.service in self.linked:
                self.low[stop.service] = stop.start
        self.homes[route.vehicle] = route.returns
        self.work[route.vehicle] = route.returns - route.leaves - route.rest

    def forget(self, vehicle: int) -> None:
        """Note that a vehicle does not leave any more."""
        self.homes.pop(vehicle, None)
        self.work.pop(vehicle, None)

    def _sharing(self, vehicle: int) -> set[int]:
        """Return the other vehicles that do services which need what those of this one need."""
        others = {other for s in self.sequences.get(vehicle, ()) for other in self.rota.sharing.get(s, ())}
        return {self.at[other] for other in others if other in self.at} - {vehicle}

    def followers(self, vehicle: int) -> set[int]:
        """Return the vehicles that wait for the return of one."""
        later = {other for other, _ in self.rota.later.get(vehicle, ())}
        if self.rota.sharing:
            rank = self.rota.rank
            later |= {other for other in self._sharing(vehicle) if rank[other] > rank[vehicle]}
        return later

    def duty(
        self,
        vehicle: int,
        homes: Mapping[int, Seconds] | None = None,
        work: Mapping[int, Seconds] | None = None,
    ) -> Duty:
        """Return what the other routes leave to that of a vehicle.

        Args:
            vehicle: Its number.
            homes: When others are back, if not as they are known to be.
            work: How much others work, in the same way.
        """
        if vehicle in self.duties:
            return self.duties[vehicle]
        homes = self.homes if homes is None else homes
        work = self.work if work is None else work
        nurse = self.problem.vehicles[vehicle]
        leaves_from, back_by, most = nurse.leaves_from, nurse.back_by, self.rota.most.get(vehicle)
        if most is not None:
            most -= sum(work.get(mate, 0) for mate in self.rota.mates[vehicle])
        for other, gap in self.rota.earlier.get(vehicle, ()):
            if other in homes:
                leaves_from = max(leaves_from, homes[other] + gap)
        if self.rota.sharing:
            for other in self._sharing(vehicle):
                if other in homes and self.rota.rank[other] < self.rota.rank[vehicle]:
                    leaves_from = max(leaves_from, homes[other])
        return Duty(leaves_from, back_by, most)

    def spread(self, vehicles: Sequence[int]) -> dict[int, Timed] | None:
        """Time these routes and all that they move; return those, or None if a time cannot be kept."""
        problem, raised = self.problem, dict[int, Seconds]()
        timed: dict[int, Timed] = {}
        homes, work = dict(self.homes), dict(self.work)
        parents: dict[int, int] = {}
        waiting = deque(vehicles)
        patience = ROUNDS * (len(self.sequences) + 8)
        while waiting:
            vehicle = waiting.popleft()
            parts = [
                Part(
                    problem.services[s].location,
                    problem.services[s].duration,
                    raised.get(s, self.low[s]),
                    self.windows[s].latest,
                    s,
                )
                for s in self.sequences[vehicle]
            ]
            duty = self.duty(vehicle, homes, work)
            pauses = self.pauses.get(vehicle) or fit(problem, vehicle, parts, duty)
            times = None if pauses is None else settle(problem, vehicle, parts, pauses, duty)
            if pauses is None or times is None:
                return None
            patience -= len(pauses.parts) > 1
            if patience < 0:  # no circle is seen through breaks in parts
                return None
            later = vehicle not in timed or homes[vehicle] < times.returns
            timed[vehicle] = Timed(parts, pauses, times, duty)
            homes[vehicle] = times.returns
            work[vehicle] = times.returns - times.leaves - pauses.length
            if later and self.rota.binds:
                followers = self.followers(vehicle) & self.sequences.keys()
                waiting += sorted(followers - set(waiting))
            stops = zip(self.sequences[vehicle], times.starts, strict=True)
            for position, (service, start) in enumerate(stops):
                for other, gap in self.bounds.get(service, ()):
                    if other not in self.at or start + gap <= raised.get(other, self.low[other]):
                        continue
                    if start + gap > self.windows[other].latest:
                        return None
                    parents[other] = self._source(vehicle, timed[vehicle], position)
                    if closes_circle(parents, other):
                        return None
                    raised[other] = start + gap
                    if self.at[other] not in waiting:
                        waiting.append(self.at[other])
        return timed

    def _source(self, vehicle: int, timed: Timed, position: int) -> int:
        """Return the service whose bound decides a start in a route, or -1 if that is not for sure one."""
        duty, pauses, times = timed.duty, timed.pauses.parts, timed.times
        if duty.most is not None or len(pauses) > 1:
            return -1  # how long the route may take then changes with its starts, or several breaks decide
        nurse = self.problem.vehicles[vehicle]
        gap, length, rests, lunch = -1, 0, -NEVER, False
        if pauses:
            gap, length, lunch, rests = pauses[0].gap, pauses[0].length, pauses[0].lunch, times.rests[0]
        hours = nurse.lunch.earliest if nurse.lunch is not None and lunch else None
        stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
        decides = deciding_stop(
            [part.low for part in timed.parts],
            times.starts,
            [start + part.duration for start, part in zip(times.starts, timed.parts, strict=True)],
            position,
            (duty.leaves_from, times.leaves),
            (gap, rests, length, stretch, hours),
        )
        return -1 if decides is None else self.sequences[vehicle][decides]

    def routes(self, times: Mapping[int, Timed]) -> tuple[Route, ...]:
        """Write timed routes down, by number of vehicle."""
        if self.problem.weights.waiting:
            tied = {
                s
                for link in self.problem.links
                if link.first in self.at and link.second in self.at and binds(self.problem, link)
                for s in (link.first, link.second)
            }
            times = {v: self._leaving_late(v, timed, tied) for v, timed in times.items()}
        return tuple(write_route(self.problem, v, self.sequences[v], times[v]) for v in sorted(times))

    def _leaving_late(self, vehicle: int, timed: Timed, tied: set[int]) -> Timed:
        """Return a route that begins as late as that costs nothing; what other routes wait for stays."""
        parts = [
            replace(part, low=start, high=start) if part.service in tied else part
            for part, start in zip(timed.parts, timed.times.starts, strict=True)
        ]
        leaves = latest_leaving(self.problem, vehicle, parts, timed.pauses, timed.times)
        duty = replace(timed.duty, leaves_from=leaves)
        later = settle(self.problem, vehicle, parts, timed.pauses, duty)
        return timed if later is None else replace(timed, times=later)


def _choose_windows(problem: Problem, vehicle: int, services: Sequence[int]) -> list[TimeWindow] | None:
    """Return the first choice of windows, early ones first, with which the route alone has a timetable."""
    nurse = problem.vehicles[vehicle]
    chosen: list[TimeWindow] = []

    def extend(at: int, free: Seconds) -> bool:
        if len(chosen) == len(services):
            parts = [
                Part(problem.services[s].location, problem.services[s].duration, w.earliest, w.latest, s)
                for s, w in zip(services, chosen, strict=True)
            ]
            return fit(problem, vehicle, parts) is not None
        service = problem.services[services[len(chosen)]]
        reached = problem.arrival(vehicle, at, service.location, free)
        for window in service.starts:
            start = max(reached, window.earliest)
            if start > window.latest:
                continue
            chosen.append(window)
            if extend(service.location, start + service.duration):
                return True
            chosen.pop()
        return False

    return chosen if extend(nurse.start, nurse.leaves_from) else None
