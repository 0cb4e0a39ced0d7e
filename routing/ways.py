"""When a nurse sets out on each way, and how long it takes, where that depends on the hour.

She leaves a stop when it is done, or after the break she takes before the way; what she then waits, she waits
at the door. Only her start she leaves as late as her first stop allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from routing.problem import Problem
from routing.settling import NEVER, Part, Pauses, Settled
from routing.units import Seconds

__all__ = ["Ways", "ways_of"]


@dataclass(frozen=True)
class Ways:
    """The ways of one route.

    Attributes:
        leaves: When she leaves her start.
        departs: When she sets out on each way, that home included.
        seconds: How long each takes.
        least: How long they take together at the best hours.
    """

    leaves: Seconds
    departs: list[Seconds]
    seconds: list[Seconds]
    least: Seconds


def ways_of(problem: Problem, vehicle: int, parts: Sequence[Part], pauses: Pauses, times: Settled) -> Ways:
    """Return the ways of a route with settled times and one break at most."""
    nurse = problem.vehicles[vehicle]
    places = [nurse.start, *(part.location for part in parts), nurse.end]
    latest = problem.departure(vehicle, places[0], places[1], times.starts[0])
    pause = pauses.parts[0] if pauses.parts else None
    if pause is not None and pause.gap == 0:
        latest -= pause.length
        if pause.lunch and nurse.lunch is not None:
            latest = min(latest, nurse.lunch.latest)
    leaves = max(times.leaves, min(latest, nurse.leaves_by))
    departs = [leaves, *(start + part.duration for start, part in zip(times.starts, parts, strict=True))]
    if pause is not None:
        rests = times.rests[0]
        if pause.gap == 0:
            stretch = NEVER if nurse.breaks is None else nurse.breaks.longest_stretch
            rests = max(rests, min(latest, leaves + stretch))
        departs[pause.gap] = rests + pause.length
    seconds = [
        problem.arrival(vehicle, origin, destination, departs[number]) - departs[number]
        for number, (origin, destination) in enumerate(pairwise(places))
    ]
    least = sum(problem.seconds(vehicle, origin, destination) for origin, destination in pairwise(places))
    return Ways(leaves, departs, seconds, least)
