"""From the order of stops to their times.

Given the order, the window each service uses and the gap each break lies in, all rules on times are lower
bounds t_b >= t_a + c; the timetable is their least fixpoint, with each nurse leaving as late as that allows.
The search decides the order; this file, in plain Python, gives the times that are told to people.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from routing.objective import depends_on_times
from routing.plan import Break, Plan, Route, Stop
from routing.problem import Problem, TimeWindow
from routing.settling import (
    NEVER,
    Part,
    PlannedBreak,
    Settled,
    break_options,
    pause_options,
    settle,
)
from routing.soft_times import binds, cheapest_break, latest_leaving
from routing.units import UNREACHABLE, Seconds

__all__ = [
    "Clock",
    "Part",
    "PlannedBreak",
    "break_options",
    "fit",
    "pause_options",
    "time_routes",
    "windows_of",
]


def fit(problem: Problem, vehicle: int, parts: Sequence[Part]) -> PlannedBreak | None:
    """Return the break with which a vehicle can do these stops in this order, or None if it cannot.

    Exact for one break at most. With one break of given length in a given gap, finishing as early and leaving
    as late as possible is best for both stretches of work, so each gap is decided by comparing two intervals.
    The hours of a lunch are one more interval for its begin: what follows is reached after `lunch from +
    length` at the soonest, and she leaves early enough to be there, work done, by their end. On days whose
    cost depends on times it is the cheapest break, for parts that name their service.
    """
    nurse = problem.vehicles[vehicle]
    swept = _sweep(problem, vehicle, parts)
    if swept is None:
        return None
    if parts and parts[0].service >= 0 and depends_on_times(problem):
        return cheapest_break(problem, vehicle, parts)
    legs, early, late, work_in, work_out, done_at = swept
    work = work_in[-1]
    most = NEVER if nurse.max_work is None else nurse.max_work
    rule = nurse.breaks
    stretch = NEVER if rule is None else rule.longest_stretch
    unbroken = NEVER if rule is None else min([stretch, *(after for after, _ in rule.steps)])
    leaves = min(late[0] - work_in[0], nurse.leaves_by)
    span = max(max(done_at[0], nurse.shift.earliest + work) - leaves, work)
    if span > most:
        return None
    if span <= unbroken and (nurse.lunch is None or nurse.lunch.missed is not None):
        return PlannedBreak(-1, 0, min(most, unbroken))
    for length, allowed_span, is_lunch in pause_options(nurse):
        low, high = -NEVER, NEVER
        if is_lunch and nurse.lunch is not None:
            low, high = nurse.lunch.earliest, nurse.lunch.latest
        cap = min(most, allowed_span)
        for gap in range(len(parts) + 1):
            if gap:
                depart = early[gap - 1] + parts[gap - 1].duration
                before = work_in[gap - 1] + parts[gap - 1].duration
                leave_by = min([nurse.leaves_by, *(parts[i].high - work_in[i] for i in range(gap))])
            else:
                depart, before, leave_by = nurse.shift.earliest, 0, nurse.leaves_by
            reached = max(depart + legs[gap], low) + length
            done = max(done_at[gap], reached + work_out[gap])
            leave_by = min(leave_by, late[gap] - work_in[gap] - length, high - before)
            if depart > high or reached > late[gap] or max(done - leave_by, work + length) > cap:
                continue
            leave = min(leave_by, done - work - length)
            earliest = max(depart, low, leave + before, done - stretch - length)
            latest = min(high, min(late[gap], done - work_out[gap]) - length, leave + stretch)
            if earliest <= latest:
                return PlannedBreak(gap, length, cap, is_lunch)
    return None


def _sweep(
    problem: Problem, vehicle: int, parts: Sequence[Part]
) -> tuple[list[int], list[int], list[int], list[int], list[int], list[int]] | None:
    """Return legs, earliest and latest starts, work to and from each stop, earliest ends; or None.

    All but the earliest starts have one entry more than there are stops: the return.
    """
    nurse = problem.vehicles[vehicle]
    places = [nurse.start, *(part.location for part in parts), nurse.end]
    legs = [problem.seconds(vehicle, places[i], places[i + 1]) for i in range(len(parts) + 1)]
    if UNREACHABLE in legs:
        return None
    early, work_in, free, work = [], [], nurse.shift.earliest, 0
    for part, leg in zip(parts, legs, strict=False):
        start = max(part.low, free + leg)
        if start > part.high:
            return None
        early.append(start)
        work_in.append(work + leg)
        free, work = start + part.duration, work + leg + part.duration
    if free + legs[-1] > nurse.back_by:
        return None
    work_in.append(work + legs[-1])
    late, work_out, done_at = [nurse.back_by], [0], [-NEVER]
    for part, leg in zip(reversed(parts), reversed(legs), strict=False):
        late.append(min(part.high, late[-1] - leg - part.duration))
        work_out.append(work_out[-1] + leg + part.duration)
        done_at.append(max(done_at[-1], part.low + work_out[-1]))
    return legs, early, late[::-1], work_in, work_out[::-1], done_at[::-1]


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


@dataclass(frozen=True)
class Timed:
    """One route with its times: stops, break, and the least times with it."""

    parts: list[Part]
    pause: PlannedBreak
    times: Settled


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
                    s,
                )
                for s in self.sequences[vehicle]
            ]
            pause = fit(problem, vehicle, parts)
            times = None if pause is None else settle(problem, vehicle, parts, pause)
            if pause is None or times is None:
                return None
            timed[vehicle] = Timed(parts, pause, times)
            for service, start in zip(self.sequences[vehicle], times.starts, strict=True):
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
        if self.problem.weights.waiting:
            tied = {
                s
                for link in self.problem.links
                if link.first in self.at and link.second in self.at and binds(self.problem, link)
                for s in (link.first, link.second)
            }
            times = {v: self._leaving_late(v, timed, tied) for v, timed in times.items()}
        return tuple(_route(self.problem, v, self.sequences[v], times[v]) for v in sorted(times))

    def _leaving_late(self, vehicle: int, timed: Timed, tied: set[int]) -> Timed:
        """Return a route that begins as late as that costs nothing; what other routes wait for stays."""
        parts = [
            replace(part, low=start, high=start) if part.service in tied else part
            for part, start in zip(timed.parts, timed.times.starts, strict=True)
        ]
        leaves = latest_leaving(self.problem, vehicle, parts, timed.pause, timed.times)
        later = settle(self.problem, vehicle, parts, timed.pause, leaves)
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


def _route(
    problem: Problem,
    vehicle: int,
    services: Sequence[int],
    timed: Timed,
) -> Route:
    """Write a route down, leaving and resting as late as its starts allow."""
    parts, pause, starts, leaves = timed.parts, timed.pause, timed.times.starts, timed.times.leaves
    nurse = problem.vehicles[vehicle]
    way = problem.seconds(vehicle, nurse.start, parts[0].location)
    latest = starts[0] - way
    if pause.gap == 0:
        latest -= pause.length
        if pause.lunch and nurse.lunch is not None:
            latest = min(latest, nurse.lunch.latest)
    leaves = max(leaves, min(latest, nurse.leaves_by))
    stops, at, free = [], nurse.start, leaves
    breaks: list[Break] = []
    for position, (service, part, start) in enumerate(zip(services, parts, starts, strict=True)):
        way = problem.seconds(vehicle, at, part.location)
        arrival = free + way
        if position == pause.gap:
            breaks.append(_rest(problem, vehicle, timed, leaves, (free, way, start)))
            arrival += pause.length if breaks[0].start < arrival else 0
        metres = problem.metres(vehicle, at, part.location)
        stops.append(Stop(service, arrival, start, start + part.duration, way, metres))
        at, free = part.location, start + part.duration
    home = problem.seconds(vehicle, at, nurse.end)
    returns = timed.times.returns
    if pause.gap == len(parts):
        breaks.append(_rest(problem, vehicle, timed, leaves, (free, home, returns)))
    metres = problem.metres(vehicle, at, nurse.end)
    return Route(vehicle, tuple(stops), tuple(breaks), leaves, returns, home, metres)


def _rest(
    problem: Problem, vehicle: int, timed: Timed, leaves: Seconds, gap: tuple[Seconds, Seconds, Seconds]
) -> Break:
    """Return the break in a gap: from when she is free, the way in it, until when.

    As late as possible; lunch before the way or after it, if one of the two can be.
    """
    free, way, until = gap
    pause, nurse = timed.pause, problem.vehicles[vehicle]
    first, last = free, until - pause.length
    if nurse.breaks is not None:
        first = max(first, timed.times.returns - nurse.breaks.longest_stretch - pause.length)
        last = min(last, leaves + nurse.breaks.longest_stretch)
    if pause.lunch and nurse.lunch is not None:
        first, last = max(first, nurse.lunch.earliest), min(last, nurse.lunch.latest)
        if first + pause.length + way <= until:
            last = first
        elif max(first, free + way) <= last:
            last = max(first, free + way)
    return Break(last, last + pause.length, pause.gap)
