"""Which routes bind each other without a link, because one nurse works several shifts.

Only what can bind at all is listed, seen from shifts and limits alone: on most days that is nothing, and no
route has to look at another.
"""

from collections.abc import Iterable
from functools import cached_property

from routing.problem import Problem, Vehicle
from routing.units import Seconds

__all__ = ["Rota"]


class Rota:
    """The shifts of a problem in the order in which they are worked.

    Args:
        problem: The day.

    Attributes:
        rank: Place of each vehicle in the order of all shifts.
        later: Vehicle to those that wait for it: number, and least seconds from its return to their leaving.
        earlier: Vehicle to those it waits for, in the same way.
        mates: Vehicle of a nurse whose day may become too long, to the others of that nurse and day.
        most: Vehicle to the most work of its nurse on its day; for those in `mates`.
    """

    def __init__(self, problem: Problem) -> None:
        vehicles = problem.vehicles
        order = sorted(range(len(vehicles)), key=lambda number: (*_begin(vehicles[number]), number))
        self.rank = [0] * len(vehicles)
        for place, number in enumerate(order):
            self.rank[number] = place
        self.later: dict[int, list[tuple[int, Seconds]]] = {}
        self.earlier: dict[int, list[tuple[int, Seconds]]] = {}
        self.mates: dict[int, list[int]] = {}
        self.most: dict[int, Seconds] = {}
        shifts: dict[str, list[int]] = {}
        for number in order:
            shifts.setdefault(vehicles[number].nurse, []).append(number)
        for numbers in shifts.values():
            numbers.sort(key=lambda number: vehicles[number].day)
            self._follow(problem, numbers)
            days: dict[int, list[int]] = {}
            for number in numbers:
                days.setdefault(vehicles[number].day, []).append(number)
            for of_day in days.values():
                self._limit(problem, of_day)

    def _follow(self, problem: Problem, numbers: list[int]) -> None:
        """Note which shifts of one nurse, in order, may come too soon after each other."""
        for place, number in enumerate(numbers):
            vehicle = problem.vehicles[number]
            for other in numbers[place + 1 :]:
                following = problem.vehicles[other]
                gap = 0 if following.day == vehicle.day else following.rest
                if vehicle.back_by + gap > following.leaves_from:
                    self.later.setdefault(number, []).append((other, gap))
                    self.earlier.setdefault(other, []).append((number, gap))

    def _limit(self, problem: Problem, numbers: list[int]) -> None:
        """Note the limit of one nurse's day if her shifts of it leave room for more."""
        vehicles = [problem.vehicles[number] for number in numbers]
        limits = [vehicle.max_day for vehicle in vehicles if vehicle.max_day is not None]
        if not limits or sum(map(_longest, vehicles)) <= min(limits):
            return
        for number in numbers:
            self.mates[number] = [other for other in numbers if other != number]
            self.most[number] = min(limits)

    @cached_property
    def coupled(self) -> frozenset[int]:
        """Numbers of the vehicles whose routes have to look at others, or at the limit of a day."""
        return frozenset(self.later) | frozenset(self.earlier) | frozenset(self.mates)

    def groups(self) -> Iterable[tuple[int, ...]]:
        """Yield vehicles that bind each other; some may appear more than once."""
        for number, others in self.later.items():
            yield (number, *(other for other, _ in others))
        for number, mates in self.mates.items():
            yield (number, *mates)


def _begin(vehicle: Vehicle) -> tuple[Seconds, Seconds]:
    return vehicle.shift.earliest, vehicle.shift.latest


def _longest(vehicle: Vehicle) -> Seconds:
    """Return the most that a vehicle can be away."""
    span = max(0, vehicle.back_by - vehicle.leaves_from)
    return span if vehicle.max_work is None else min(span, vehicle.max_work)
