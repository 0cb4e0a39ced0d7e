"""What times cost a route: its cheapest break, and how late its nurse can leave for nothing."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from routing.problem import Link, Nurses, Problem
from routing.settling import NEVER, Duty, Part, Pause, Pauses, Settled, pause_options, settle
from routing.splits import first_split
from routing.units import Points, Seconds, per_minute
from routing.ways import ways_of

__all__ = ["any_break", "binds", "cheapest_break", "latest_leaving", "rest_worth"]


def rest_worth(problem: Problem) -> Points:
    """Return what a minute of break saves where breaks are compared: its share in the longest idle time.

    That is a plan's largest; if everybody rests, it falls by as much as each of them rests.
    """
    return problem.weights.longest_idle // max(1, len(problem.vehicles))


def binds(problem: Problem, link: Link) -> bool:
    """Tell whether a link may move a start: any but one that asks for two nurses and gaps the shifts keep."""
    if link.nurses is Nurses.SAME:
        return True
    first = min((vehicle.shift.earliest for vehicle in problem.vehicles), default=0)
    longest = max((vehicle.back_by for vehicle in problem.vehicles), default=0) - first
    return link.min_gap > -longest or (link.max_gap is not None and link.max_gap < longest)


def cheapest_break(problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty) -> Pauses | None:
    """Return the breaks with which these stops cost least, or None if there are none.

    A break that is no lunch is planned only where one is due; of several lengths of lunch, or of break, the
    shortest that is possible is looked at. So nobody rests only to make a wait look better. Where no
    single break is possible, the first in parts is taken.
    """
    nurse = problem.vehicles[vehicle]
    rule, lunch = nurse.breaks, nurse.lunch
    most = NEVER if nurse.max_work is None else nurse.max_work
    unbroken = NEVER if rule is None else min([rule.longest_stretch, *(after for after, _ in rule.steps)])
    best, least, first = None, 0, 0
    if lunch is None or lunch.missed is not None:
        none = Pauses((), min(most, unbroken))
        settled = settle(problem, vehicle, parts, none, duty)
        if settled is not None:
            if lunch is None:
                return none
            best, least = none, _points(problem, vehicle, parts, none, settled, duty)
            if rule is None:  # a lunch before a stop that ends before its hours is worse than one after it
                while first < len(parts) and settled.starts[first] + parts[first].duration <= lunch.earliest:
                    first += 1
    found = {True: False, False: best is not None}
    for length, span, is_lunch in pause_options(nurse):
        if found[is_lunch]:
            continue
        for gap in range(first, len(parts) + 1):
            pauses = Pauses((Pause(gap, length, is_lunch),), min(most, span))
            settled = settle(problem, vehicle, parts, pauses, duty)
            if settled is None:
                continue
            found[is_lunch] = True
            points = _points(problem, vehicle, parts, pauses, settled, duty)
            if best is None or points < least:
                best, least = pauses, points
    return best if best is not None else first_split(problem, vehicle, parts, duty)


def _points(
    problem: Problem,
    vehicle: int,
    parts: Sequence[Part],
    pauses: Pauses,
    settled: Settled,
    duty: Duty,
) -> Points:
    """Return the points by which breaks are compared."""
    nurse, weights = problem.vehicles[vehicle], problem.weights
    points = per_minute(weights.overtime, max(0, settled.returns - nurse.shift.latest))
    for part, start in zip(parts, settled.starts, strict=True):
        service = problem.services[part.service]
        points += per_minute(service.late or 0, service.lateness(start))
        if service.wish is not None:
            off = max(0, service.wish.earliest - start, start - service.wish.latest)
            points += per_minute(weights.off_wish, off)
    if problem.depends_on_hours(vehicle):
        points += _points_of_ways(problem, vehicle, parts, pauses, settled, duty)
    elif weights.waiting:
        places = [nurse.start, *(part.location for part in parts), nurse.end]
        work = sum(problem.seconds(vehicle, a, b) for a, b in pairwise(places))
        work += sum(part.duration for part in parts)
        leaves = latest_leaving(problem, vehicle, parts, pauses, settled)
        points += per_minute(weights.waiting, settled.returns - leaves - work - pauses.length)
    if nurse.lunch is not None and not pauses.lunch:
        points += nurse.lunch.missed or 0
    return points - rest_worth(problem) * pauses.length // 60


def _points_of_ways(
    problem: Problem,
    vehicle: int,
    parts: Sequence[Part],
    pauses: Pauses,
    settled: Settled,
    duty: Duty,
) -> Points:
    """Return the points of waiting, and of ways beyond what they take at the best hours."""
    weights = problem.weights
    if weights.waiting:
        leaves = latest_leaving(problem, vehicle, parts, pauses, settled)
        later = settle(problem, vehicle, parts, pauses, replace(duty, leaves_from=leaves))
        settled = settled if later is None else later
    ways = ways_of(problem, vehicle, parts, pauses, settled)
    busy = sum(ways.seconds) + sum(part.duration for part in parts) + pauses.length
    points = weights.travel * (sum(ways.seconds) - ways.least)
    return points + per_minute(weights.waiting, settled.returns - ways.leaves - busy)


def any_break(problem: Problem, vehicle: int, parts: Sequence[Part], duty: Duty) -> Pauses | None:
    """Return the first break with which these stops have times, costs not looked at, or None."""
    nurse = problem.vehicles[vehicle]
    rule, lunch = nurse.breaks, nurse.lunch
    most = NEVER if nurse.max_work is None else nurse.max_work
    unbroken = NEVER if rule is None else min([rule.longest_stretch, *(after for after, _ in rule.steps)])
    choices = [] if lunch is not None and lunch.missed is None else [Pauses((), min(most, unbroken))]
    choices += [
        Pauses((Pause(gap, length, is_lunch),), min(most, span))
        for length, span, is_lunch in pause_options(nurse)
        for gap in range(len(parts) + 1)
    ]
    return next((each for each in choices if settle(problem, vehicle, parts, each, duty) is not None), None)


def latest_leaving(
    problem: Problem, vehicle: int, parts: Sequence[Part], pauses: Pauses, settled: Settled
) -> Seconds:
    """Return when she leaves at the latest with the same return and no new lateness or time off a wish."""
    nurse, weights = problem.vehicles[vehicle], problem.weights
    rest_by = _rest_by(problem, vehicle, pauses, settled)
    places = [nurse.start, *(part.location for part in parts), nurse.end]
    time = settled.returns
    for position in range(len(parts), -1, -1):
        until = time
        time = problem.departure(vehicle, places[position], places[position + 1], time)
        if problem.depends_on_hours(vehicle):
            until = time
        for pause, by in zip(reversed(pauses.parts), reversed(rest_by), strict=True):
            if position == pause.gap:
                time, until = time - pause.length, min(until - pause.length, by)
        time = min(time, until)
        if position:
            part, start = parts[position - 1], settled.starts[position - 1]
            service = problem.services[part.service]
            by = part.high
            if service.late is not None:
                ends = [window.latest for window in service.windows if window.earliest <= part.low]
                by = min(by, max(ends, default=start))
            if weights.off_wish and service.wish is not None:
                by = min(by, service.wish.latest if start >= service.wish.earliest else start)
            time = min(time - part.duration, max(start, by))
    return max(settled.leaves, min(time, nurse.leaves_by))


def _rest_by(problem: Problem, vehicle: int, pauses: Pauses, settled: Settled) -> list[Seconds]:
    """Return when each break begins at the latest, whatever comes before it being as early as it may."""
    nurse, resumed = problem.vehicles[vehicle], settled.leaves
    rest_by = []
    for pause, rest in zip(pauses.parts, settled.rests, strict=True):
        by = NEVER if nurse.breaks is None else resumed + nurse.breaks.longest_stretch
        rest_by.append(min(by, nurse.lunch.latest) if pause.lunch and nurse.lunch is not None else by)
        resumed = rest + pause.length
    return rest_by
