"""The same day with some rules dropped: what would be possible without them."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from routing.constraints import FILTERS
from routing.plan import Route
from routing.problem import Problem, TimeWindow, Vehicle
from routing.sheet import WIDE, Sheet
from routing.units import LATEST

__all__ = ["RULES", "Relaxed", "binding"]

RULES = (
    "breaks",
    "lunch",
    "capacity",
    "working-time",
    "working-day",
    "rest",
    "things",
    "shifts",
    "links",
    "pinned-nurses",
    "allowed-nurses",
    "required-skills",
    "time-windows",
)
"""The rules a reason may name, in the order in which it is tried to do without them."""


def binding(problem: Problem) -> tuple[str, ...]:
    """Return those of `RULES` that the day has at all."""
    services, vehicles = problem.services, problem.vehicles
    shifts = Counter(vehicle.nurse for vehicle in vehicles)
    several = [vehicle for vehicle in vehicles if shifts[vehicle.nurse] > 1]
    outside = any(v.free_since is not None or v.next_duty is not None for v in vehicles)
    has = {
        "breaks": any(vehicle.breaks is not None for vehicle in vehicles),
        "lunch": any(needs_lunch(vehicle) for vehicle in vehicles),
        "capacity": any(vehicle.capacity is not None for vehicle in vehicles),
        "working-time": any(vehicle.max_work is not None for vehicle in vehicles),
        "working-day": any(vehicle.max_day is not None for vehicle in vehicles),
        "rest": outside or any(vehicle.day != several[0].day for vehicle in several),
        "things": any(s.needs for s in services) or any(vehicle.uses for vehicle in vehicles),
        "links": bool(problem.links),
        "pinned-nurses": any(service.pinned_vehicle is not None for service in services),
        "allowed-nurses": any(s.allowed is not None or s.forbidden for s in services),
        "required-skills": any(service.skills for service in services),
    }
    return tuple(rule for rule in RULES if has.get(rule, True))


def needs_lunch(vehicle: Vehicle) -> bool:
    """Tell whether a vehicle may not leave without lunch."""
    return vehicle.lunch is not None and vehicle.lunch.missed is None


def without(problem: Problem, dropped: frozenset[str]) -> Problem:
    """Return the day without some of its rules on times, loads and links."""
    other = copy(problem)  # its parts are valid already; a thousand services take long to judge again
    vehicles = tuple(_without(vehicle, dropped) for vehicle in problem.vehicles)
    object.__setattr__(other, "vehicles", vehicles)
    if "time-windows" in dropped:
        services = tuple(replace(s, windows=(WIDE,), late=None, pinned_start=None) for s in problem.services)
        object.__setattr__(other, "services", services)
    if "things" in dropped:
        services = tuple(replace(service, needs=frozenset()) for service in other.services)
        object.__setattr__(other, "services", services)
    if "links" in dropped:
        object.__setattr__(other, "links", ())
    return other


def _without(vehicle: Vehicle, dropped: frozenset[str]) -> Vehicle:
    if "shifts" in dropped:
        vehicle = replace(vehicle, shift=_wider(vehicle.shift), leaves_at_once=False)
    if "rest" in dropped:
        vehicle = replace(vehicle, rest=0, free_since=None, next_duty=None)
    if "things" in dropped:
        vehicle = replace(vehicle, uses=frozenset())
    if "working-day" in dropped:
        vehicle = replace(vehicle, max_day=None)
    if dropped & {"breaks", "lunch", "capacity", "working-time"}:
        vehicle = replace(
            vehicle,
            breaks=None if "breaks" in dropped else vehicle.breaks,
            lunch=None if "lunch" in dropped else vehicle.lunch,
            capacity=None if "capacity" in dropped else vehicle.capacity,
            max_work=None if "working-time" in dropped else vehicle.max_work,
        )
    return vehicle


def _wider(shift: TimeWindow) -> TimeWindow:
    """Return a shift that binds nothing; those of one nurse keep their order."""
    return TimeWindow(max(-LATEST, shift.earliest - LATEST // 2), min(LATEST, shift.latest + LATEST // 2))


class Relaxed:
    """A plan on sheets with rules dropped, each made once.

    Args:
        problem: The day.
        routes: A plan that keeps all rules.
        masks: Name of each filter to the vehicles it allows, shape (services, vehicles), for the whole day.
    """

    def __init__(
        self, problem: Problem, routes: Sequence[Route], masks: dict[str, NDArray[np.bool_]] | None = None
    ) -> None:
        self.problem = problem
        self.routes = routes
        self.masks = {rule.name: rule.allowed(problem) for rule in FILTERS} if masks is None else masks
        self._sheets: dict[frozenset[str], Sheet] = {}

    def may(self, dropped: frozenset[str]) -> NDArray[np.bool_]:
        """Return which vehicle may do which service by the filters that are left."""
        closed = set(dropped) | ({"time-windows"} if dropped & {"shifts", "rest"} else set())
        masks = [mask for name, mask in self.masks.items() if name not in closed]
        return np.asarray(np.logical_and.reduce(masks))

    def sheet(self, dropped: frozenset[str]) -> Sheet:
        """Return the plan on a sheet of the day without these rules."""
        if dropped not in self._sheets:
            problem = without(self.problem, dropped)
            self._sheets[dropped] = Sheet(problem, self.routes, self.may(dropped))
        return self._sheets[dropped]

    def has_room(self, service: int, dropped: frozenset[str] = frozenset()) -> bool:
        """Whether the plan can take a service in, without these rules."""
        return room(self.sheet(dropped), service) is not None

    def minimal(self, service: int) -> tuple[str, ...]:
        """Return a smallest set of rules that closes every place of this plan to a service.

        All of them together do; without any one of them, and without the rules that are not among them, there
        is a place. Empty if the rules named in `RULES` are not what closes it.
        """
        dropped: set[str] = set()
        for rule in binding(self.problem):
            if not self.has_room(service, frozenset(dropped | {rule})):
                dropped.add(rule)
        return tuple(rule for rule in binding(self.problem) if rule not in dropped)


def room(sheet: Sheet, service: int) -> int | None:
    """Return the least points of a place that a plan has for a service, or None if it has none."""
    for spot in sheet.spots(service):
        sheet.take(spot)
        fits = sheet.settle([service]) is not None
        sheet.give_back(spot)
        if fits:
            return spot.points
    return None
