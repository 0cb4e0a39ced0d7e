"""Why is this visit unassigned?

Reasons come in two kinds. A *proven* one holds whatever the plan: no nurse at all can do the service. The
other kind is about one plan: with all others in their place and order there is no room, which is tried, not
guessed.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from routing.constraints import FILTERS
from routing.plan import Route, Unassigned
from routing.problem import Link, Nurses, Problem, TimeWindow
from routing.sheet import WIDE, Sheet
from routing.timetable import Part, fit
from routing.units import LATEST, Points

__all__ = ["explain_unassigned"]

MOST_DETAILED = 30
"""So many services get a minimal set of rules at most; the others of a hopelessly full day the whole set."""

FULL = ("time-windows", "shifts", "working-time", "breaks")


def explain_unassigned(problem: Problem, routes: tuple[Route, ...]) -> tuple[Unassigned, ...]:
    """Return the reason for each service that is in no route.

    Args:
        problem: The day.
        routes: A plan that keeps all rules.
    """
    done = {stop.service for route in routes for stop in route.stops}
    missing = [number for number in range(len(problem.services)) if number not in done]
    if not missing:
        return ()
    return tuple(_Explainer(problem, routes).reasons(missing))


class _Explainer:
    def __init__(self, problem: Problem, routes: tuple[Route, ...]) -> None:
        self.problem = problem
        self.routes = routes
        self.visits = problem.visits()
        self.masks: dict[str, NDArray[np.bool_]] = {rule.name: rule.allowed(problem) for rule in FILTERS}
        self.may = np.logical_and.reduce(list(self.masks.values()))
        self.sheet = Sheet(problem, routes, self.may)
        self.relaxed: dict[str, Sheet] = {}
        self.links: dict[int, list[Link]] = {}
        for link in problem.links:
            self.links.setdefault(link.first, []).append(link)
            self.links.setdefault(link.second, []).append(link)

    def reasons(self, missing: list[int]) -> Iterator[Unassigned]:
        detailed = MOST_DETAILED
        for number in missing:
            reason = self._proof(number) or self._proof_of_mates(number)
            if reason is None:
                reason = self._fullness(number, detailed=detailed > 0)
                detailed -= 1
            yield reason

    def _proof(self, number: int) -> Unassigned | None:
        """Return why no nurse can do this service on any plan, or None."""
        if not self.may[number].any():
            return self._excluded(number)
        capable = np.flatnonzero(self.may[number])
        if any(self._alone(self.problem, number, int(vehicle)) for vehicle in capable):
            return None
        without = _without_breaks(self.problem)
        if any(self._alone(without, number, int(vehicle)) for vehicle in capable):
            sentence = "with this service alone every capable nurse would work too long without a break"
            return Unassigned(number, ("breaks",), sentence, proven=False)
        sentence = "with this service alone every capable nurse would be away longer than she may work"
        return Unassigned(number, ("working-time",), sentence, proven=True)

    def _excluded(self, number: int) -> Unassigned:
        """Return the smallest set of filters that together leave no nurse."""
        for size in range(1, len(FILTERS) + 1):
            for rules in itertools.combinations(FILTERS, size):
                if not np.logical_and.reduce([self.masks[rule.name][number] for rule in rules]).any():
                    asked = " and ".join(rule.asks(self.problem, number) for rule in rules)
                    nobody = (
                        "no nurse on duty" if self.problem.vehicles else "there is no nurse on duty, so none"
                    )
                    return Unassigned(number, tuple(r.name for r in rules), f"{nobody} {asked}", proven=True)
        raise AssertionError("a service without a capable nurse has a set of rules that excludes them all")

    def _alone(self, problem: Problem, number: int, vehicle: int) -> bool:
        service = problem.services[number]
        return any(
            fit(problem, vehicle, [Part(service.location, service.duration, w.earliest, w.latest)])
            is not None
            for w in service.windows
        )

    def _proof_of_mates(self, number: int) -> Unassigned | None:
        """Return why another service of the visit, or a link inside it, excludes it on any plan, or None."""
        members = self.visits[self.problem.services[number].visit]
        for mate in members:
            proof = self._proof(mate) if mate != number else None
            if proof is not None:
                name = self.problem.services[mate].id
                sentence = f"service {name} of the same visit cannot be done: {proof.sentence}"
                return Unassigned(number, ("whole-visits", *proof.rules), sentence, proof.proven)
        for link in self.links.get(number, ()):
            if link.first in members and link.second in members and not self._link_fits(link):
                sentence = "the linked services of this visit find no two starts and nurses that fit together"
                return Unassigned(number, ("whole-visits", "links"), sentence, proven=True)
        return None

    def _link_fits(self, link: Link) -> bool:
        """Whether any two nurses and starts fit a link, looking at windows and filters only."""
        first, second = self.problem.services[link.first], self.problem.services[link.second]
        able = self.may[link.first], self.may[link.second]
        if link.nurses is Nurses.SAME and not (able[0] & able[1]).any():
            return False
        if link.nurses is Nurses.DIFFERENT and (able[0] | able[1]).sum() < 2:
            return False
        most = 2 * LATEST if link.max_gap is None else link.max_gap
        return any(
            a.earliest + link.min_gap <= b.latest and b.earliest <= a.latest + most
            for a in first.windows
            for b in second.windows
        )

    def _fullness(self, number: int, *, detailed: bool) -> Unassigned:
        """Return why this plan cannot take the service in."""
        members = self.visits[self.problem.services[number].visit]
        room = self._room(self.sheet, number)
        if room is None:
            rules = self._minimal(number) if detailed else FULL
            clauses = " and ".join(_CLAUSES[rule] for rule in rules)
            sentence = f"every capable nurse is full: wherever it is put into this plan, {clauses}"
            return Unassigned(number, rules, sentence, proven=False)
        if len(members) > 1:
            sentence = "there was no room found for all services of this visit together"
            return Unassigned(number, ("whole-visits",), sentence, proven=False)
        penalty = self.problem.services[number].penalty
        sentence = f"its cheapest place costs {room} points more, leaving it out {penalty}"
        return Unassigned(number, ("objective",), sentence, proven=False)

    def _room(
        self, sheet: Sheet, number: int, windows: tuple[TimeWindow, ...] | None = None
    ) -> Points | None:
        """Return the points of the cheapest place that a plan has for a service."""
        for spot in sheet.spots(number, windows):
            sheet.take(spot)
            fits = sheet.settle([number]) is not None
            sheet.give_back(spot)
            if fits:
                return spot.points
        return None

    def _minimal(self, number: int) -> tuple[str, ...]:
        """Return the rules that close every place; those alone whose dropping opens one, if there are any."""
        opening = [rule for rule in FULL if self._opens(rule, number)]
        return tuple(opening) or FULL

    def _opens(self, rule: str, number: int) -> bool:
        if rule == "time-windows":
            return self._room(self.sheet, number, (WIDE,)) is not None
        if rule not in self.relaxed:
            self.relaxed[rule] = Sheet(_RELAXED[rule](self.problem), self.routes, self.may)
        return self._room(self.relaxed[rule], number) is not None


def _without_breaks(problem: Problem) -> Problem:
    return replace(problem, vehicles=tuple(replace(vehicle, breaks=None) for vehicle in problem.vehicles))


def _without_working_time(problem: Problem) -> Problem:
    return replace(problem, vehicles=tuple(replace(vehicle, max_work=None) for vehicle in problem.vehicles))


def _without_shifts(problem: Problem) -> Problem:
    return replace(problem, vehicles=tuple(replace(vehicle, shift=WIDE) for vehicle in problem.vehicles))


_RELAXED = {"shifts": _without_shifts, "working-time": _without_working_time, "breaks": _without_breaks}
_CLAUSES = {
    "time-windows": "a time window closes",
    "shifts": "a shift ends",
    "working-time": "a nurse works longer than agreed",
    "breaks": "a break is lost",
}
