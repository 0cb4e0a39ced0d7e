"""The least times of one route with its breaks in given gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

from routing.breaks import BreakRule
from routing.problem import Problem, Vehicle
from routing.units import LATEST, Seconds

__all__ = [
    "NEVER",
    "Duty",
    "Part",
    "Pause",
    "Pauses",
    "Settled",
    "break_options",
    "pause_options",
    "settle",
    "span_with",
    "split_options",
]

NEVER = 2 * LATEST
MOST_ROUNDS = 8
"""A chain of bounds passes each break and the leaving once: what rises for more rounds has no end."""
HOUR_ROUNDS = 64
"""Where travel depends on the hour, a later leaving may take longer and be put off again; the kernels give up
after as many rounds."""


@dataclass(frozen=True)
class Pause:
    """One break of a route.

    Attributes:
        gap: How many stops are done before it.
        length: Its seconds.
        lunch: Whether it has to begin in the hours of lunch.
    """

    gap: int
    length: Seconds
    lunch: bool = False


@dataclass(frozen=True)
class Pauses:
    """The breaks a route needs.

    Attributes:
        parts: In order of time; none if the route needs none, several if its break is split.
        span: The longest time from leaving to returning that they allow.
    """

    parts: tuple[Pause, ...]
    span: Seconds

    @property
    def length(self) -> Seconds:
        """Seconds of all parts together."""
        return sum(part.length for part in self.parts)

    @property
    def lunch(self) -> bool:
        """Whether one of them is lunch."""
        return any(part.lunch for part in self.parts)


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
    """Least times of a route: starts, begin of each part of its break, leaving and return."""

    starts: list[Seconds]
    rests: list[Seconds]
    leaves: Seconds
    returns: Seconds


def break_options(rule: BreakRule | None) -> list[tuple[Seconds, Seconds]]:
    """Return the single breaks worth planning under a rule, as pairs of length and longest span they allow.

    As short as a part may be, or as long as a step of the rule asks.
    """
    if rule is None:
        return []
    lengths = sorted({rule.shortest_part, *(max(total, rule.shortest_part) for _, total in rule.steps)})
    return [(length, span_with(rule, length)) for length in lengths]


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
    lunches = [(length, span_with(rule, length), True) for length in lengths]
    return lunches if lunch.missed is None else lunches + others


def split_options(vehicle: Vehicle) -> list[tuple[tuple[tuple[Seconds, bool], ...], Seconds]]:
    """Return the breaks in two or three parts worth planning, where the rule lets them be cut.

    Each as its parts (length, and whether it is lunch) and the longest span they allow. All parts but one are
    as short as a part may be. Three are planned where two of those would be less than the rule may ask, or
    leave stretches of work too long. Those that come first rest less, or in fewer parts; longer ones than the
    vehicle's longest day asks for are left out.
    """
    rule, lunch = vehicle.breaks, vehicle.lunch
    most = 0 if rule is None else max((total for _, total in rule.steps), default=0)
    if rule is None or rule.shortest_part >= most:
        return []
    least = rule.shortest_part
    day = vehicle.back_by - vehicle.leaves_from
    day = day if vehicle.max_work is None else min(day, vehicle.max_work)
    kinds = [] if lunch is None else [True]
    kinds += [False] if lunch is None or lunch.missed is not None else []
    options: list[tuple[tuple[tuple[Seconds, bool], ...], Seconds]] = []
    for with_lunch in kinds:
        noon = max(least, lunch.length) if with_lunch and lunch is not None else least
        for count in (2, 3):
            shortest = noon + (count - 1) * least
            fewer = shortest - least
            if count > 2 and (fewer >= most or (span_with(rule, fewer) >= day <= 2 * rule.longest_stretch)):
                break
            for total in sorted({shortest, *(total for _, total in rule.steps if total > shortest)}):
                cuts = _cuts(noon, [least] * (count - 1), total - shortest, lunch=with_lunch)
                options += [(lengths, span_with(rule, total)) for lengths in cuts]
                if span_with(rule, total) >= day:
                    break
    return options


def _cuts(
    noon: Seconds, others: list[Seconds], more: Seconds, *, lunch: bool
) -> list[tuple[tuple[Seconds, bool], ...]]:
    """Return the orders of these parts, each with one of them so much longer."""
    found: dict[tuple[tuple[Seconds, bool], ...], None] = {}
    for place in range(len(others) + 1):
        parts = [(length, False) for length in others]
        parts.insert(place, (noon, lunch))
        for longer in range(len(parts)):
            cut = [(length + more * (n == longer), noon_) for n, (length, noon_) in enumerate(parts)]
            found[tuple(cut)] = None
    return list(found)


def span_with(rule: BreakRule, length: Seconds) -> Seconds:
    """Return the longest time from leaving to returning that breaks of so many seconds together allow."""
    return length + min((after for after, total in rule.steps if total > length), default=NEVER)


def settle(
    problem: Problem,
    vehicle: int,
    parts: Sequence[Part],
    pauses: Pauses,
    duty: Duty,
) -> Settled | None:
    """Return the least times of a route with these breaks, or None.

    Where travel depends on the hour, the breaks of a gap are taken before its way.
    """
    nurse, by_hour = problem.vehicles[vehicle], problem.depends_on_hours(vehicle)
    stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
    span = pauses.span if duty.most is None else min(pauses.span, duty.most + pauses.length)
    leave = duty.leaves_from
    rests, rest_by = _hours_of(nurse, pauses)
    for _ in range(HOUR_ROUNDS if by_hour else MOST_ROUNDS + len(pauses.parts)):
        starts, free, at = [], leave, nurse.start
        for position in range(len(parts) + 1):
            location = parts[position].location if position < len(parts) else nurse.end
            reached = free + problem.seconds(vehicle, at, location)
            for number, pause in enumerate(pauses.parts):
                if position == pause.gap:
                    rests[number] = max(rests[number], free)
                    if rests[number] > rest_by[number]:
                        return None
                    reached = max(reached, rests[number]) + pause.length
                    free = rests[number] + pause.length
            if by_hour:
                reached = problem.arrival(vehicle, at, location, free)
            at, free = location, reached
            if position < len(parts):
                start = max(reached, parts[position].low)
                if start > parts[position].high:
                    return None
                starts.append(start)
                free = start + parts[position].duration
        if free > duty.back_by or leave > nurse.leaves_by:
            return None
        later = _put_off(pauses, rests, free, stretch)
        later_leave = max([leave, free - span, *(rest - stretch for rest in later[:1])])
        if (later_leave, later) == (leave, rests):
            return Settled(starts, rests, leave, free)
        leave, rests = later_leave, later
    return None


def _hours_of(nurse: Vehicle, pauses: Pauses) -> tuple[list[Seconds], list[Seconds]]:
    """Return from when on and until when the breaks may begin."""
    rests, rest_by = [-NEVER for _ in pauses.parts], [NEVER for _ in pauses.parts]
    for number, pause in enumerate(pauses.parts):
        if pause.lunch and nurse.lunch is not None:
            rests[number], rest_by[number] = nurse.lunch.earliest, nurse.lunch.latest
    return rests, rest_by


def _put_off(pauses: Pauses, rests: list[Seconds], returns: Seconds, stretch: Seconds) -> list[Seconds]:
    """Return when the breaks begin at the least so that no stretch of work after one is too long."""
    later, after = list(rests), returns
    for number in range(len(rests) - 1, -1, -1):
        later[number] = max(later[number], after - stretch - pauses.parts[number].length)
        after = later[number]
    return later
