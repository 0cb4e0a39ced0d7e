"""From the order of stops to their times.

Given the order, the window each service uses and the gap each break lies in, all rules on times are lower
bounds t_b >= t_a + c; the timetable is their least fixpoint, with each nurse leaving as late as that allows.
The search decides the order; this file, in plain Python, gives the times that are told to people.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from routing.breaks import BreakRule
from routing.circles import closes_circle, deciding_stop
from routing.intervals import interval_of
from routing.plan import Break, Plan, Route, Stop
from routing.problem import Problem, TimeWindow
from routing.units import LATEST, UNREACHABLE, Seconds

__all__ = ["PlannedBreak", "break_options", "fit", "time_routes", "windows_of"]

NEVER = 2 * LATEST


@dataclass(frozen=True)
class PlannedBreak:
    """The break a route needs.

    Attributes:
        gap: How many stops are done before it; -1 if the route needs none.
        length: Its seconds.
        span: The longest time from leaving to returning that it allows.
    """

    gap: int
    length: Seconds
    span: Seconds


@dataclass(frozen=True)
class Part:
    """One stop as the clock sees it: its place, its length and when it may start."""

    location: int
    duration: Seconds
    low: Seconds
    high: Seconds


def break_options(rule: BreakRule | None) -> list[tuple[Seconds, Seconds]]:
    """Return the single breaks worth planning under a rule, as pairs of length and longest span they allow.

    One break is planned in a route: as short as a part may be, or as long as a step of the rule asks.
    """
    if rule is None:
        return []
    lengths = sorted({rule.shortest_part, *(max(total, rule.shortest_part) for _, total in rule.steps)})
    return [
        (length, length + min((after for after, total in rule.steps if total > length), default=NEVER))
        for length in lengths
    ]


def fit(problem: Problem, vehicle: int, parts: Sequence[Part]) -> PlannedBreak | None:
    """Return the break with which a vehicle can do these stops in this order, or None if it cannot.

    Exact for one break at most. With one break of given length in a given gap, finishing as early and leaving
    as late as possible is best for both stretches of work, so each gap is decided by comparing two intervals.
    """
    nurse = problem.vehicles[vehicle]
    swept = _sweep(problem, vehicle, parts)
    if swept is None:
        return None
    legs, early, late, work_in, work_out, done_at = swept
    work = work_in[-1]
    most = NEVER if nurse.max_work is None else nurse.max_work
    rule = nurse.breaks
    stretch = NEVER if rule is None else rule.longest_stretch
    unbroken = NEVER if rule is None else min([stretch, *(after for after, _ in rule.steps)])
    span = max(max(done_at[0], nurse.shift.earliest + work) - late[0] + work_in[0], work)
    if span > most:
        return None
    if span <= unbroken:
        return PlannedBreak(-1, 0, min(most, unbroken))
    for length, allowed_span in break_options(rule):
        cap = min(most, allowed_span)
        for gap in range(len(parts) + 1):
            if gap:
                depart = early[gap - 1] + parts[gap - 1].duration
                before = work_in[gap - 1] + parts[gap - 1].duration
                leave_by = min(parts[i].high - work_in[i] for i in range(gap))
            else:
                depart, before, leave_by = nurse.shift.earliest, 0, NEVER
            reached = depart + legs[gap] + length
            done = max(done_at[gap], reached + work_out[gap])
            leave_by = min(leave_by, late[gap] - work_in[gap] - length)
            if reached > late[gap] or max(done - leave_by, work + length) > cap:
                continue
            leave = min(leave_by, done - work - length)
            earliest = max(depart, leave + before, done - stretch - length)
            if earliest <= min(min(late[gap], done - work_out[gap]) - length, leave + stretch):
                return PlannedBreak(gap, length, cap)
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


def settle(
    problem: Problem, vehicle: int, parts: Sequence[Part], pause: PlannedBreak
) -> tuple[list[Seconds], Seconds, Seconds] | None:
    """Return least starts, earliest break and least leaving of a route with this break, or None."""
    nurse = problem.vehicles[vehicle]
    stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
    leave, rest = nurse.shift.earliest, -NEVER
    while True:
        starts, free, at = [], leave, nurse.start
        for position in range(len(parts) + 1):
            location = parts[position].location if position < len(parts) else nurse.end
            reached = free + problem.seconds(vehicle, at, location)
            if position == pause.gap:
                rest = max(rest, free)
                reached = max(reached, rest) + pause.length
            at, free = location, reached
            if position < len(parts):
                start = max(reached, parts[position].low)
                if start > parts[position].high:
                    return None
                starts.append(start)
                free = start + parts[position].duration
        if free > nurse.back_by:
            return None
        later_leave, later_rest = max(leave, free - pause.span), rest
        if pause.gap >= 0:
            later_leave = max(later_leave, rest - stretch)
            later_rest = max(rest, free - stretch - pause.length)
        if (later_leave, later_rest) == (leave, rest):
            return starts, rest, leave
        leave, rest = later_leave, later_rest


def windows_of(problem: Problem, plan: Plan) -> dict[int, TimeWindow]:
    """Return the window in which each planned service starts."""
    return {stop.service: interval_of(problem, stop.service, stop.start) for _, stop in plan.stops()}


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
    """One route with its times: stops, break, starts, earliest break, least leaving."""

    parts: list[Part]
    pause: PlannedBreak
    starts: list[Seconds]
    rest: Seconds
    leaves: Seconds


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
        parents: dict[int, int] = {}
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
            for position, (service, start) in enumerate(zip(self.sequences[vehicle], times[0], strict=True)):
                for other, gap in self.bounds.get(service, ()):
                    if other not in self.at or start + gap <= raised.get(other, self.low[other]):
                        continue
                    if start + gap > self.windows[other].latest:
                        return None
                    self._note_parent(parents, other, vehicle, timed[vehicle], position)
                    if closes_circle(parents, other):
                        return None
                    raised[other] = start + gap
                    if self.at[other] not in waiting:
                        waiting.append(self.at[other])
        return timed

    def _note_parent(
        self, parents: dict[int, int], service: int, vehicle: int, timed: Timed, position: int
    ) -> None:
        """Note by whose bound the stop at a position of a route raises a service."""
        nurse, pause = self.problem.vehicles[vehicle], timed.pause
        stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
        decides = deciding_stop(
            [part.low for part in timed.parts],
            timed.starts,
            [start + part.duration for start, part in zip(timed.starts, timed.parts, strict=True)],
            position,
            (nurse.shift.earliest, timed.leaves),
            (pause.gap, timed.rest, pause.length, stretch),
        )
        parents.pop(service, None)
        if decides is not None:
            parents[service] = self.sequences[vehicle][decides]

    def routes(self, times: Mapping[int, Timed]) -> tuple[Route, ...]:
        """Write timed routes down, by number of vehicle."""
        return tuple(_route(self.problem, v, self.sequences[v], times[v]) for v in sorted(times))


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


def _route(
    problem: Problem,
    vehicle: int,
    services: Sequence[int],
    timed: Timed,
) -> Route:
    """Write a route down, leaving and resting as late as its starts allow."""
    parts, pause, starts, leaves = timed.parts, timed.pause, timed.starts, timed.leaves
    nurse = problem.vehicles[vehicle]
    way = problem.seconds(vehicle, nurse.start, parts[0].location)
    leaves = max(leaves, starts[0] - way - (pause.length if pause.gap == 0 else 0))
    stops, at, free = [], nurse.start, leaves
    breaks: list[Break] = []
    for position, (service, part, start) in enumerate(zip(services, parts, starts, strict=True)):
        way = problem.seconds(vehicle, at, part.location)
        arrival = free + way
        if position == pause.gap:
            breaks.append(_rest(problem, vehicle, pause, leaves, start))
            arrival += pause.length if breaks[0].start < arrival else 0
        metres = problem.metres(vehicle, at, part.location)
        stops.append(Stop(service, arrival, start, start + part.duration, way, metres))
        at, free = part.location, start + part.duration
    home = problem.seconds(vehicle, at, nurse.end)
    returns = free + home
    if pause.gap == len(parts):
        returns = max(returns, timed.rest) + pause.length
        breaks.append(_rest(problem, vehicle, pause, leaves, returns))
    metres = problem.metres(vehicle, at, nurse.end)
    return Route(vehicle, tuple(stops), tuple(breaks), leaves, returns, home, metres)


def _rest(problem: Problem, vehicle: int, pause: PlannedBreak, leaves: Seconds, until: Seconds) -> Break:
    rule = problem.vehicles[vehicle].breaks
    start = until - pause.length
    if rule is not None:
        start = min(start, leaves + rule.longest_stretch)
    return Break(start, start + pause.length, pause.gap)
