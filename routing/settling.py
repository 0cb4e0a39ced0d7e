"""The least times of one route with its break in a given gap."""

from collections.abc import Sequence
from dataclasses import dataclass

from routing.breaks import BreakRule
from routing.problem import Problem, Vehicle
from routing.units import LATEST, Seconds

__all__ = ["NEVER", "Duty", "Part", "PlannedBreak", "Settled", "break_options", "pause_options", "settle"]

NEVER = 2 * LATEST


@dataclass(frozen=True)
class PlannedBreak:
    """The break a route needs.

    Attributes:
        gap: How many stops are done before it; -1 if the route needs none.
        length: Its seconds.
        span: The longest time from leaving to returning that it allows.
        lunch: Whether it has to begin in the hours of lunch.
    """

    gap: int
    length: Seconds
    span: Seconds
    lunch: bool = False


@dataclass(frozen=True)
class Part:
    """One stop as the clock sees it: its place, its length and when it may start.

    `service` is its number, -1 where its costs do not matter.
    """

    location: int
    duration: Seconds
    low: Seconds
    high: Seconds
    service: int = -1


@dataclass(frozen=True)
class Duty:
    """What other routes leave to one: those of the same nurse, and those that hold the same things.

    Attributes:
        leaves_from: No sooner may it leave.
        back_by: No later may it be back.
        most: Most work, from leaving to returning without the break; None for no limit.
    """

    leaves_from: Seconds
    back_by: Seconds
    most: Seconds | None = None

    @classmethod
    def of(cls, vehicle: Vehicle) -> "Duty":
        """Return the duty of a vehicle that no other route binds."""
        return cls(vehicle.leaves_from, vehicle.back_by)


@dataclass(frozen=True)
class Settled:
    """Least times of a route: starts, begin of the break, leaving and return."""

    starts: list[Seconds]
    rest: Seconds
    leaves: Seconds
    returns: Seconds


def break_options(rule: BreakRule | None) -> list[tuple[Seconds, Seconds]]:
    """Return the single breaks worth planning under a rule, as pairs of length and longest span they allow.

    One break is planned in a route: as short as a part may be, or as long as a step of the rule asks.
    """
    if rule is None:
        return []
    lengths = sorted({rule.shortest_part, *(max(total, rule.shortest_part) for _, total in rule.steps)})
    return [(length, _span_with(rule, length)) for length in lengths]


def pause_options(vehicle: Vehicle) -> list[tuple[Seconds, Seconds, bool]]:
    """Return the single breaks worth planning: length, longest span it allows, and whether it is lunch.

    Lunch comes first, the shortest before the longer ones; breaks that are none are of use where lunch may be
    missed.
    """
    others = [(length, span, False) for length, span in break_options(vehicle.breaks)]
    lunch, rule = vehicle.lunch, vehicle.breaks
    if lunch is None:
        return others
    if rule is None:
        return [(lunch.length, NEVER, True)]
    shortest = max(lunch.length, rule.shortest_part)
    lengths = sorted({shortest, *(length for length, _, _ in others if length > shortest)})
    lunches = [(length, _span_with(rule, length), True) for length in lengths]
    return lunches if lunch.missed is None else lunches + others


def _span_with(rule: BreakRule, length: Seconds) -> Seconds:
    return length + min((after for after, total in rule.steps if total > length), default=NEVER)


def settle(
    problem: Problem,
    vehicle: int,
    parts: Sequence[Part],
    pause: PlannedBreak,
    duty: Duty,
) -> Settled | None:
    """Return the least times of a route with this break, or None.

    Where travel depends on the hour, the break is taken before the way in its gap.
    """
    nurse = problem.vehicles[vehicle]
    stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
    span = pause.span if duty.most is None else min(pause.span, duty.most + pause.length)
    leave = duty.leaves_from
    rest, rest_by = -NEVER, NEVER
    if pause.lunch and nurse.lunch is not None:
        rest, rest_by = nurse.lunch.earliest, nurse.lunch.latest
    while leave <= nurse.leaves_by:
        starts, free, at = [], leave, nurse.start
        for position in range(len(parts) + 1):
            location = parts[position].location if position < len(parts) else nurse.end
            if position == pause.gap:
                rest = max(rest, free)
                if rest > rest_by:
                    return None
                reached = _after_rest(problem, vehicle, (at, location), (free, rest, pause.length))
            else:
                reached = problem.arrival(vehicle, at, location, free)
            at, free = location, reached
            if position < len(parts):
                start = max(reached, parts[position].low)
                if start > parts[position].high:
                    return None
                starts.append(start)
                free = start + parts[position].duration
        if free > duty.back_by:
            return None
        later_leave, later_rest = max(leave, free - span), rest
        if pause.gap >= 0:
            later_leave = max(later_leave, rest - stretch)
            later_rest = max(rest, free - stretch - pause.length)
        if (later_leave, later_rest) == (leave, rest):
            return Settled(starts, rest, leave, free)
        leave, rest = later_leave, later_rest
    return None


def _after_rest(
    problem: Problem, vehicle: int, way: tuple[int, int], gap: tuple[Seconds, Seconds, Seconds]
) -> Seconds:
    """Return when the next place is reached: when she is free, begin and length of the break in the gap."""
    free, rest, length = gap
    if problem.depends_on_hours(vehicle):
        return problem.arrival(vehicle, *way, rest + length)
    return max(free + problem.seconds(vehicle, *way), rest) + length
