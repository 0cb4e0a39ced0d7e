"""What planners that know no break rule are given in its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from routing.clock import time_routes
from routing.problem import Problem, TimeWindow, Vehicle
from routing.units import Seconds

__all__ = ["OneBreak", "mended", "one_break"]


@dataclass(frozen=True)
class OneBreak:
    """One break that keeps a vehicle's rule whatever else it does.

    Attributes:
        length: It lasts so long.
        begins: It begins in here.
        unbroken: An absence that is no longer needs no break.
    """

    length: Seconds
    begins: TimeWindow
    unbroken: Seconds


def one_break(vehicle: Vehicle) -> OneBreak | None:
    """Return the break that makes any route legal, or None if no route of this shift can need one.

    The break is as long as the longest absence asks. If it begins in these hours, neither the time from the
    begin of the shift nor the time to its end is longer than may be worked in one go.

    Raises:
        ValueError: One break is not enough for the longest absence.
    """
    rule, shift = vehicle.breaks, vehicle.shift
    span = shift.latest - shift.earliest
    if vehicle.max_work is not None:
        span = min(span, vehicle.max_work)
    if rule is None:
        return None
    unbroken = min([rule.longest_stretch, *(after for after, _ in rule.steps)])
    if span <= unbroken:
        return None
    length = max(rule.needed(span), rule.shortest_part)
    begin, end = shift.earliest, shift.earliest + span
    first, last = max(begin, end - length - rule.longest_stretch), begin + rule.longest_stretch
    if first > last:
        raise ValueError(f"an absence of {span} s needs more than one break")
    return OneBreak(length, TimeWindow(first, last), unbroken)


def mended(problem: Problem, sequences: Mapping[int, Sequence[int]]) -> tuple[dict[int, list[int]], int]:
    """Return routes without the services for which they have no timetable, and how many those are.

    From a route without a timetable goes the service with the least penalty that makes it possible; if no
    single one does, the one with the least penalty of all, and so on.
    """
    kept = {vehicle: list(services) for vehicle, services in sequences.items()}
    count = 0
    for vehicle, services in kept.items():
        while services and time_routes(problem, {vehicle: services}) is None:
            by_penalty = sorted(services, key=lambda service: problem.services[service].penalty)
            chosen = next(
                (
                    service
                    for service in by_penalty
                    if time_routes(problem, {vehicle: [other for other in services if other != service]})
                    is not None
                ),
                by_penalty[0],
            )
            services.remove(chosen)
            count += 1
    return kept, count
