"""From the order of stops to their times.

Given the order, the window each service uses and the gap each break lies in, all rules on times are lower
bounds t_b >= t_a + c; the timetable is their least fixpoint, with each nurse leaving as late as that allows.
The search decides the order; this file, in plain Python, gives the times that are told to people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from routing.objective import depends_on_times
from routing.plan import Break, Route, Stop
from routing.problem import Problem, Vehicle
from routing.settling import (
    NEVER,
    Duty,
    Part,
    Pause,
    Pauses,
    Settled,
    break_options,
    pause_options,
)
from routing.soft_times import any_break, cheapest_break
from routing.splits import first_split
from routing.units import UNREACHABLE, Seconds
from routing.ways import ways_of

__all__ = ["Duty", "Part", "Pauses", "Timed", "break_options", "fit", "pause_options", "write_route"]


Swept: TypeAlias = tuple[list[int], list[int], list[int], list[int], list[int], list[int]]


def fit(problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty | None = None) -> Pauses | None:
    """Return the breaks with which a vehicle can do these stops in this order, or None if it cannot.

    One break is tried first; in parts it is planned only where no single one is legal (`first_split`). With
    one break of given length in a given gap, finishing as early and leaving as late as possible is best for
    both stretches of work, so each gap is decided by comparing two intervals.
    The hours of a lunch are one more interval for its begin: what follows is reached after `lunch from +
    length` at the soonest, and she leaves early enough to be there, work done, by their end. On days whose
    cost depends on times it is the cheapest break, for parts that name their service. Where a `duty` limits
    the work of a day, it is the single break with the least work. Without a `duty` only the vehicle's own
    rules count. Where travel depends on the hour, each single break is tried, and no other.
    """
    nurse = problem.vehicles[vehicle]
    duty = Duty.of(nurse) if duty is None else duty
    swept = _sweep(problem, vehicle, parts, duty)
    if swept is None:
        return None
    costs = bool(parts) and parts[0].service >= 0 and depends_on_times(problem)
    if costs or problem.depends_on_hours(vehicle):
        return (cheapest_break if costs else any_break)(problem, vehicle, parts, duty)
    _, _, late, work_in, _, done_at = swept
    work = work_in[-1]
    most = NEVER if nurse.max_work is None else nurse.max_work
    rule = nurse.breaks
    stretch = NEVER if rule is None else rule.longest_stretch
    unbroken = NEVER if rule is None else min([stretch, *(after for after, _ in rule.steps)])
    leaves = min(late[0] - work_in[0], nurse.leaves_by)
    span = max(max(done_at[0], duty.leaves_from + work) - leaves, work)
    if span > most:
        return None
    best = None
    if span <= unbroken and (nurse.lunch is None or nurse.lunch.missed is not None):
        if duty.most is None:
            return Pauses((), min(most, unbroken))
        best = Pauses((), span)
    for length, allowed_span, is_lunch in pause_options(nurse):
        for gap in range(len(parts) + 1):
            pauses = Pauses((Pause(gap, length, is_lunch),), min(most, allowed_span))
            found = _span_with_break(nurse, parts, swept, duty, pauses)
            if found is None:
                continue
            if duty.most is None:
                return pauses
            if best is None or found - length < best.span - best.length:
                best = replace(pauses, span=found)
    if best is not None and duty.most is not None and best.span - best.length <= duty.most:
        return best
    return first_split(problem, vehicle, parts, duty)


def _span_with_break(
    nurse: Vehicle, parts: Sequence[Part], swept: Swept, duty: Duty, pauses: Pauses
) -> Seconds | None:
    """Return the shortest span with one break in a gap, or None if there is no room for it."""
    (pause,) = pauses.parts
    legs, early, late, work_in, work_out, done_at = swept
    gap, length, work = pause.gap, pause.length, work_in[-1]
    stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
    low, high = -NEVER, NEVER
    if pause.lunch and nurse.lunch is not None:
        low, high = nurse.lunch.earliest, nurse.lunch.latest
    if gap:
        depart = early[gap - 1] + parts[gap - 1].duration
        before = work_in[gap - 1] + parts[gap - 1].duration
        leave_by = min([nurse.leaves_by, *(parts[i].high - work_in[i] for i in range(gap))])
    else:
        depart, before, leave_by = duty.leaves_from, 0, nurse.leaves_by
    reached = max(depart + legs[gap], low) + length
    done = max(done_at[gap], reached + work_out[gap])
    leave_by = min(leave_by, late[gap] - work_in[gap] - length, high - before)
    span = max(done - leave_by, work + length)
    if depart > high or reached > late[gap] or span > pauses.span:
        return None
    leave = min(leave_by, done - work - length)
    earliest = max(depart, low, leave + before, done - stretch - length)
    latest = min(high, min(late[gap], done - work_out[gap]) - length, leave + stretch)
    return span if earliest <= latest else None


def _sweep(problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty) -> Swept | None:
    """Return legs, earliest and latest starts, work to and from each stop, earliest ends; or None.

    All but the earliest starts have one entry more than there are stops: the return.
    """
    nurse = problem.vehicles[vehicle]
    places = [nurse.start, *(part.location for part in parts), nurse.end]
    legs = [problem.seconds(vehicle, places[i], places[i + 1]) for i in range(len(parts) + 1)]
    if UNREACHABLE in legs or duty.leaves_from > nurse.leaves_by:
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


@dataclass(frozen=True)
class Timed:
    """One route with its times: stops, breaks, the least times with them, and what others leave to it."""

    parts: list[Part]
    pauses: Pauses
    times: Settled
    duty: Duty


def write_route(
    problem: Problem,
    vehicle: int,
    services: Sequence[int],
    timed: Timed,
) -> Route:
    """Write a route down, leaving and resting as late as its starts allow.

    Where travel depends on the hour, a break lies before the way, as early as it can: see `routing.ways`.
    """
    if problem.depends_on_hours(vehicle):
        return _write_by_hour(problem, vehicle, services, timed)
    parts, pauses, starts, leaves = timed.parts, timed.pauses.parts, timed.times.starts, timed.times.leaves
    nurse = problem.vehicles[vehicle]
    latest = starts[0] - problem.seconds(vehicle, nurse.start, parts[0].location)
    until = starts[0]
    for pause in reversed(pauses):
        if pause.gap == 0:
            latest, until = latest - pause.length, until - pause.length
            if pause.lunch and nurse.lunch is not None:
                until = min(until, nurse.lunch.latest)
    leaves = max(leaves, min(latest, until, nurse.leaves_by))
    stops, at, free = [], nurse.start, leaves
    breaks: list[Break] = []
    for position, (service, part, start) in enumerate(zip(services, parts, starts, strict=True)):
        way = problem.seconds(vehicle, at, part.location)
        arrival = free + way
        for rest in _rests(problem, vehicle, timed, position, (breaks[-1:], leaves), (free, way, start)):
            breaks.append(rest)
            arrival += rest.end - rest.start if rest.start < arrival else 0
        metres = problem.metres(vehicle, at, part.location)
        stops.append(Stop(service, arrival, start, start + part.duration, way, metres))
        at, free = part.location, start + part.duration
    home = problem.seconds(vehicle, at, nurse.end)
    returns = timed.times.returns
    breaks += _rests(problem, vehicle, timed, len(parts), (breaks[-1:], leaves), (free, home, returns))
    metres = problem.metres(vehicle, at, nurse.end)
    return Route(vehicle, tuple(stops), tuple(breaks), leaves, returns, home, metres)


def _write_by_hour(problem: Problem, vehicle: int, services: Sequence[int], timed: Timed) -> Route:
    parts, pauses, times, nurse = timed.parts, timed.pauses, timed.times, problem.vehicles[vehicle]
    ways = ways_of(problem, vehicle, parts, pauses, times)
    places = [nurse.start, *(part.location for part in parts), nurse.end]
    metres = [problem.metres(vehicle, origin, destination) for origin, destination in pairwise(places)]
    stops = tuple(
        Stop(service, departs + way, start, start + part.duration, way, length)
        for service, part, start, departs, way, length in zip(
            services, parts, times.starts, ways.departs[:-1], ways.seconds[:-1], metres[:-1], strict=True
        )
    )
    breaks = tuple(
        Break(ways.departs[pause.gap] - pause.length, ways.departs[pause.gap], pause.gap)
        for pause in pauses.parts
    )
    return Route(vehicle, stops, breaks, ways.leaves, times.returns, ways.seconds[-1], metres[-1])


def _rests(
    problem: Problem,
    vehicle: int,
    timed: Timed,
    position: int,
    before: tuple[list[Break], Seconds],
    gap: tuple[Seconds, Seconds, Seconds],
) -> list[Break]:
    """Return the breaks in a gap: from when she is free, the way in it, until when.

    As late as possible; a single lunch before the way or after it, if one of the two can be. `before` are the
    last break before the gap, if there is one, and when she leaves.
    """
    free, way, until = gap
    nurse, pauses = problem.vehicles[vehicle], timed.pauses.parts
    here = [pause for pause in pauses if pause.gap == position]
    stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
    resumed = before[0][0].end if before[0] else before[1]
    latest = [until]
    for pause in reversed(here):
        latest.insert(0, latest[0] - pause.length)
        if pause.lunch and nurse.lunch is not None:
            latest[0] = min(latest[0], nurse.lunch.latest)
    made: list[Break] = []
    for pause, by in zip(here, latest, strict=False):
        last = min(by, resumed + stretch)
        if pause.lunch and len(pauses) == 1:
            first = max(free, timed.times.rests[0])
            if first + pause.length + way <= until:
                last = first
            elif max(first, free + way) <= last:
                last = max(first, free + way)
        resumed = last + pause.length
        made.append(Break(last, resumed, position))
    return made
