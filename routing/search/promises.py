"""What it costs the search to do a service otherwise than was promised."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.problem import Problem
from routing.units import Points, Seconds

__all__ = ["Promise", "promised_choices", "promised_nurses", "promised_penalty", "window_table"]


@dataclass(frozen=True)
class Promise:
    """Who was promised for a service, and when.

    Attributes:
        vehicle: Number of the vehicle.
        start: The start.
        tolerance: So many seconds sooner or later are the same start.
        points: Of another vehicle or another start, and of leaving the visit out.
        per_minute: For each minute sooner or later, whoever comes.
    """

    vehicle: int
    start: Seconds
    tolerance: Seconds
    points: Points
    per_minute: Points


Choice = tuple[int, int, int, int]


def promised_choices(choices: list[tuple[int, int, int]], promise: Promise | None) -> list[Choice]:
    """Return the intervals of starts to choose from, each with its points if the promised vehicle comes.

    Times are the earliest possible, so where minutes count an interval may begin at the promised start.
    """
    if promise is None:
        return [(*choice, 0) for choice in choices]
    start, late, found = promise.start, promise.start + promise.tolerance, list[Choice]()
    soon = start if promise.per_minute else start - promise.tolerance
    for low, high, due in choices:
        kept = max(low, soon), min(high, late)
        if kept[0] <= kept[1] and promise.points:
            found.append((*kept, due, 0))
        if promise.per_minute and low < start <= high:
            found.append((start, high, due, promise.points))
        if kept != (low, high) or not promise.points:
            found.append((low, high, due, promise.points))
    return list(dict.fromkeys(found))


def promised_nurses(extra: NDArray[np.int32], promises: Mapping[int, Promise]) -> None:
    """Add to what each vehicle costs for a service, shape (services, vehicles), if it is not the promised."""
    for service, promise in promises.items():
        others = extra[service] >= 0
        others[promise.vehicle] = False
        extra[service, others] += promise.points


def promised_penalty(problem: Problem, members: list[int], promised: Mapping[int, Promise]) -> int:
    """Return the points of leaving a visit out, the broken promise included."""
    broken = max((promised[s].points for s in members if s in promised), default=0)
    return broken + sum(problem.services[s].penalty for s in members)


def window_table(choices: list[list[Choice]]) -> NDArray[np.int64]:
    """Return the choices of all services as one array; see `Data.window`."""
    windows = np.zeros((len(choices), max(map(len, choices), default=1), 4), dtype=np.int64)
    for number, some in enumerate(choices):
        windows[number, : len(some)] = some
    return windows
