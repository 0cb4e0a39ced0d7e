"""From the order of stops to their times.

Given the order, the window each service uses and the gap each break lies in, all rules on times are lower
bounds t_b >= t_a + c; the timetable is their least fixpoint, with each nurse leaving as late as that allows.
The search decides the order; this file, in plain Python, gives the times that are told to people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from routing.breaks import BreakRule
from routing.plan import Break, Route, Stop
from routing.problem import Problem, Vehicle
from routing.units import LATEST, UNREACHABLE, Seconds

__all__ = ["Duty", "Part", "PlannedBreak", "Timed", "break_options", "fit", "settle", "write_route"]

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

    @property
    def work(self) -> Seconds:
        """The longest time from leaving to returning, the break not counted."""
        return self.span - self.length


@dataclass(frozen=True)
class Part:
    """One stop as the clock sees it: its place, its length and when it may start."""

    location: int
    duration: Seconds
    low: Seconds
    high: Seconds


@dataclass(frozen=True)
class Duty:
    """What other routes of the same nurse leave to one.

    Attributes:
        leaves_from: No sooner may it leave.
        back_by: No later may it be back.
        most: Most work, from leaving to returning without the break; None for no limit. With one, the route
            is planned with the least work it can have.
    """

    leaves_from: Seconds
    back_by: Seconds
    most: Seconds | None = None

    @classmethod
    def of(cls, vehicle: Vehicle) -> "Duty":
        """Return the duty of a vehicle that no other route binds."""
        return cls(vehicle.leaves_from, vehicle.back_by)


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


def fit(
    problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty | None = None
) -> PlannedBreak | None:
    """Return the break with which a vehicle can do these stops in this order, or None if it cannot.

    Exact for one break at most. With one break of given length in a given gap, finishing as early and leaving
    as late as possible is best for both stretches of work, so each gap is decided by comparing two intervals.
    Without a `duty` only the vehicle's own rules count.
    """
    nurse = problem.vehicles[vehicle]
    duty = Duty.of(nurse) if duty is None else duty
    swept = _sweep(problem, vehicle, parts, duty)
    if swept is None:
        return None
    legs, early, late, work_in, work_out, done_at = swept
    work = work_in[-1]
    most = NEVER if nurse.max_work is None else nurse.max_work
    rule = nurse.breaks
    stretch = NEVER if rule is None else rule.longest_stretch
    unbroken = NEVER if rule is None else min([stretch, *(after for after, _ in rule.steps)])
    span = max(max(done_at[0], duty.leaves_from + work) - late[0] + work_in[0], work)
    if span > most:
        return None
    best = None
    if span <= unbroken:
        if duty.most is None:
            return PlannedBreak(-1, 0, min(most, unbroken))
        best = PlannedBreak(-1, 0, span)
    for length, allowed_span in break_options(rule):
        cap = min(most, allowed_span)
        for gap in range(len(parts) + 1):
            if gap:
                depart = early[gap - 1] + parts[gap - 1].duration
                before = work_in[gap - 1] + parts[gap - 1].duration
                leave_by = min(parts[i].high - work_in[i] for i in range(gap))
            else:
                depart, before, leave_by = duty.leaves_from, 0, NEVER
            reached = depart + legs[gap] + length
            done = max(done_at[gap], reached + work_out[gap])
            leave_by = min(leave_by, late[gap] - work_in[gap] - length)
            if reached > late[gap] or max(done - leave_by, work + length) > cap:
                continue
            leave = min(leave_by, done - work - length)
            earliest = max(depart, leave + before, done - stretch - length)
            if earliest > min(min(late[gap], done - work_out[gap]) - length, leave + stretch):
                continue
            if duty.most is None:
                return PlannedBreak(gap, length, cap)
            shortest = PlannedBreak(gap, length, max(done - leave_by, work + length))
            if best is None or shortest.work < best.work:
                best = shortest
    return None if best is None or duty.most is None or best.work > duty.most else best


def _sweep(
    problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty
) -> tuple[list[int], list[int], list[int], list[int], list[int], list[int]] | None:
    """Return legs, earliest and latest starts, work to and from each stop, earliest ends; or None.

    All but the earliest starts have one entry more than there are stops: the return.
    """
    nurse = problem.vehicles[vehicle]
    places = [nurse.start, *(part.location for part in parts), nurse.end]
    legs = [problem.seconds(vehicle, places[i], places[i + 1]) for i in range(len(parts) + 1)]
    if UNREACHABLE in legs:
        return None
    early, work_in, free, work = [], [], duty.leaves_from, 0
    for part, leg in zip(parts, legs, strict=False):
        start = max(part.low, free + leg)
        if start > part.high:
            return None
        early.append(start)
        work_in.append(work + leg)
        free, work = start + part.duration, work + leg + part.duration
    if free + legs[-1] > duty.back_by:
        return None
    work_in.append(work + legs[-1])
    late, work_out, done_at = [duty.back_by], [0], [-NEVER]
    for part, leg in zip(reversed(parts), reversed(legs), strict=False):
        late.append(min(part.high, late[-1] - leg - part.duration))
        work_out.append(work_out[-1] + leg + part.duration)
        done_at.append(max(done_at[-1], part.low + work_out[-1]))
    return legs, early, late[::-1], work_in, work_out[::-1], done_at[::-1]


def settle(
    problem: Problem, vehicle: int, parts: Sequence[Part], pause: PlannedBreak, duty: Duty | None = None
) -> "Timed | None":
    """Return the least times of a route with this break, or None if it has none."""
    nurse = problem.vehicles[vehicle]
    duty = Duty.of(nurse) if duty is None else duty
    stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
    leave, rest = duty.leaves_from, -NEVER
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
        if free > duty.back_by:
            return None
        later_leave, later_rest = max(leave, free - pause.span), rest
        if pause.gap >= 0:
            later_leave = max(later_leave, rest - stretch)
            later_rest = max(rest, free - stretch - pause.length)
        if (later_leave, later_rest) == (leave, rest):
            return Timed(list(parts), pause, starts, rest, leave, free)
        leave, rest = later_leave, later_rest


@dataclass(frozen=True)
class Timed:
    """One route with its times: stops, break, starts, earliest break, least leaving, return."""

    parts: list[Part]
    pause: PlannedBreak
    starts: list[Seconds]
    rest: Seconds
    leaves: Seconds
    returns: Seconds


def write_route(
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
