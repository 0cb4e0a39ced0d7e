"""Which routes bind each other without a link: shifts of one nurse, and routes that hold the same thing.

Only what can bind at all is listed, seen from shifts and limits alone: on most days that is nothing, and no
route has to look at another. Where two routes hold the same thing, that of the shift which begins first goes
first. That is stricter than the rule, which only asks that they do not overlap.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import combinations

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
        sharing: Service to the others that need a thing that it needs.
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
        self._hand_over(problem, order)
        services: dict[str, list[int]] = {}
        for number, service in enumerate(problem.services):
            for thing in service.needs:
                services.setdefault(thing, []).append(number)
        self.sharing: dict[int, list[int]] = {}
        for numbers in services.values():
            for number in numbers if len(numbers) > 1 else ():
                known = self.sharing.setdefault(number, [])
                known += [other for other in numbers if other != number and other not in known]

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

    def _hand_over(self, problem: Problem, order: list[int]) -> None:
        """Note which vehicles, in order of their shifts, use the same thing at times that may overlap."""
        users: dict[str, list[int]] = {}
        for number in order:
            for thing in sorted(problem.vehicles[number].uses):
                users.setdefault(thing, []).append(number)
        for numbers in users.values():
            for number, other in combinations(numbers, 2):
                one, two = problem.vehicles[number], problem.vehicles[other]
                if one.nurse != two.nurse and one.back_by > two.leaves_from:
                    self.later.setdefault(number, []).append((other, 0))
                    self.earlier.setdefault(other, []).append((number, 0))

    def bound(self, sequences: Mapping[int, Sequence[int]]) -> set[int]:
        """Return the vehicles among these whose routes are bound to others, by the services that they do."""
        vehicle_of = {service: vehicle for vehicle, services in sequences.items() for service in services}
        sharing = {
            vehicle
            for service, vehicle in vehicle_of.items()
            if any(vehicle_of.get(other, vehicle) != vehicle for other in self.sharing.get(service, ()))
        }
        return sharing | (self.coupled & sequences.keys())

    @cached_property
    def binds(self) -> bool:
        """Whether routes may bind each other at all."""
        return bool(self.coupled or self.sharing)

    @cached_property
    def coupled(self) -> frozenset[int]:
        """Numbers of the vehicles that wait, are waited for, or have a limited day, whatever they do."""
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
