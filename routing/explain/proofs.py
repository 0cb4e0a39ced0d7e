"""Why a visit is left out: what can be proved for all plans, and what holds for one.

Reasons come in two kinds. A *proven* one holds whatever the plan: no nurse at all can do the service. The
other kind is about one plan: with all others in their place and order there is no room, which is tried, not
guessed.
"""

import itertools
import math
import time
from collections.abc import Container, Iterator

import numpy as np
from numpy.typing import NDArray

from routing.constraints import FILTERS
from routing.explain.relaxed import OutOfTime, Relaxed, binding, room, without
from routing.plan import Route, Unassigned
from routing.problem import Link, Nurses, Problem
from routing.timetable import Part, fit
from routing.units import LATEST, as_list

__all__ = ["explain_unassigned"]

MOST_DETAILED = 15
"""So many services get a minimal set of rules at most; the others of a hopelessly full day all that bind."""


def explain_unassigned(
    problem: Problem,
    routes: tuple[Route, ...],
    *,
    but: Container[int] = (),
    limit_s: float | None = None,
) -> tuple[Unassigned, ...]:
    """Return the reason for each service that is in no route.

    Args:
        problem: The day.
        routes: A plan that keeps all rules.
        but: Numbers of services that are not asked about.
        limit_s: Wall-clock seconds. What they do not suffice for is said less closely, or said to be open;
            without it every reason is looked for.
    """
    until = math.inf if limit_s is None else time.perf_counter() + limit_s
    done = {stop.service for route in routes for stop in route.stops}
    missing = [n for n in range(len(problem.services)) if n not in done and n not in but]
    if not missing:
        return ()
    return tuple(Explainer(problem, routes).reasons(missing, until))


class Explainer:
    """What hinders the services of one plan."""

    def __init__(self, problem: Problem, routes: tuple[Route, ...]) -> None:
        self.problem = problem
        self.routes = routes
        self.visits = problem.visits()
        self.masks: dict[str, NDArray[np.bool_]] = {rule.name: rule.allowed(problem) for rule in FILTERS}
        self.may = np.logical_and.reduce(list(self.masks.values()))
        self.relaxed = Relaxed(problem, routes, self.masks)
        self.links: dict[int, list[Link]] = {}
        for link in problem.links:
            self.links.setdefault(link.first, []).append(link)
            self.links.setdefault(link.second, []).append(link)

    def reasons(self, missing: list[int], until: float = math.inf) -> Iterator[Unassigned]:
        """Yield the reason for each: first one for all, then closer ones for some, until time is over.

        Args:
            missing: Services that are in no route.
            until: At this second of the stopwatch the reasons that are not known yet stay open.
        """
        found = {number: Unassigned(number, ("open",), OPEN, proven=False) for number in missing}
        full = []
        try:
            for number in missing:
                proof = self.proof(number, until)
                if proof is None:
                    full.append(number)
                found[number] = proof or self.fullness(number, detailed=False, until=until)
            for number in full[:MOST_DETAILED]:
                found[number] = self.fullness(number, until=until)
        except OutOfTime:
            pass
        yield from found.values()

    def proof(self, number: int, until: float = math.inf) -> Unassigned | None:
        """Return why no plan at all has a service, or what hinders a mate of its visit, or None.

        Raises:
            OutOfTime: It is past `until` of the stopwatch.
        """
        if time.perf_counter() > until:
            raise OutOfTime
        return self._proof_alone(number) or self._proof_of_mates(number)

    def _proof_alone(self, number: int) -> Unassigned | None:
        """Return why no nurse can do this service on any plan, or None."""
        if not self.may[number].any():
            return self._excluded(number)
        capable = np.flatnonzero(self.may[number])
        if any(self._alone(self.problem, number, int(vehicle)) for vehicle in capable):
            return None
        for rules, happens in _RESTS.items():
            rested = without(self.problem, frozenset(rules))
            if any(self._alone(rested, number, int(vehicle)) for vehicle in capable):
                sentence = f"with this service alone every capable nurse would {happens}"
                proven = rules == ("breaks",) and not any(self._could_rest(number, int(v)) for v in capable)
                return Unassigned(number, rules, sentence, proven)
        sentence = "with this service alone every capable nurse would be away longer than she may work"
        return Unassigned(number, ("working-time",), sentence, proven=True)

    def _excluded(self, number: int) -> Unassigned:
        """Return the smallest set of filters that together leave no nurse."""
        nobody = "no nurse on duty" if self.problem.vehicles else "there is no nurse on duty, so none"
        alone = [rule for rule in FILTERS if not self.masks[rule.name][number].any()]
        if alone:
            first, *others = (rule.asks(self.problem, number) for rule in alone)
            apart = "".join(f"; apart from that, none {asked}" for asked in others)
            if not self.problem.vehicles:
                apart = ""
            return Unassigned(number, (alone[0].name,), f"{nobody} {first}{apart}", proven=True)
        for size in range(2, len(FILTERS) + 1):
            for rules in itertools.combinations(FILTERS, size):
                if not np.logical_and.reduce([self.masks[rule.name][number] for rule in rules]).any():
                    asked = as_list([rule.asks(self.problem, number) for rule in rules])
                    sentence = f"{nobody} {'both ' if size == 2 else ''}{asked}"
                    return Unassigned(number, tuple(r.name for r in rules), sentence, proven=True)
        raise AssertionError("a service without a capable nurse has a set of rules that excludes them all")

    def _alone(self, problem: Problem, number: int, vehicle: int) -> bool:
        service = problem.services[number]
        return any(
            fit(problem, vehicle, [Part(service.location, service.duration, w.earliest, w.latest)])
            is not None
            for w in service.starts
        )

    def _could_rest(self, number: int, vehicle: int) -> bool:
        """Whether some breaks might do for a service alone, in any number of parts and wherever they lie."""
        service, nurse = self.problem.services[number], self.problem.vehicles[vehicle]
        if nurse.breaks is None:
            return True
        there = self.problem.seconds(vehicle, nurse.start, service.location)
        work = there + service.duration + self.problem.seconds(vehicle, service.location, nurse.end)
        longest = nurse.back_by - nurse.leaves_from
        longest = longest if nurse.max_work is None else min(longest, nurse.max_work)
        rested = work + nurse.breaks.needed(work) <= longest
        return rested and service.duration <= nurse.breaks.longest_stretch

    def _proof_of_mates(self, number: int) -> Unassigned | None:
        """Return why another service of the visit, or a link inside it, excludes it on any plan, or None."""
        members = self.visits[self.problem.services[number].visit]
        for mate in members:
            proof = self._proof_alone(mate) if mate != number else None
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
        names = np.array([vehicle.nurse for vehicle in self.problem.vehicles])
        nurses = set(names[able[0]]), set(names[able[1]])
        if link.nurses is Nurses.SAME and not nurses[0] & nurses[1]:
            return False
        if link.nurses is Nurses.DIFFERENT and len(nurses[0] | nurses[1]) < 2:
            return False
        most = 2 * LATEST if link.max_gap is None else link.max_gap
        return any(
            a.earliest + link.min_gap <= b.latest and b.earliest <= a.latest + most
            for a in first.starts
            for b in second.starts
        )

    def fullness(self, number: int, *, detailed: bool = True, until: float = math.inf) -> Unassigned:
        """Return why this plan cannot take the service in.

        Raises:
            OutOfTime: It is past `until` of the stopwatch before it is known whether it can.
        """
        members = self.visits[self.problem.services[number].visit]
        points = room(self.relaxed.sheet(frozenset()), number, until)
        if points is None:
            rules = self.relaxed.minimal(number, until) if detailed else ()
            return Unassigned(number, *self._said(number, rules or self._binding(number)), proven=False)
        if len(members) > 1:
            sentence = "there was no room found for all services of this visit together"
            return Unassigned(number, ("whole-visits",), sentence, proven=False)
        penalty = self.problem.services[number].penalty
        sentence = f"its cheapest place costs {points} points more, leaving it out {penalty}"
        return Unassigned(number, ("objective",), sentence, proven=False)

    def _binding(self, number: int) -> tuple[str, ...]:
        """Return all rules that may close a place to a service."""
        filters = {rule.name for rule in FILTERS} - {"time-windows"}
        open_ = {name for name in filters if self.masks[name][number].all()}
        return tuple(rule for rule in binding(self.problem) if rule not in open_)

    def _said(self, number: int, rules: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """Return the rules and the sentence for a plan that is full."""
        chosen = [rule for rule in FILTERS if rule.name in rules and rule.name in _WHO]
        asks = [rule.asks(self.problem, number) for rule in chosen]
        who = f"every nurse who {as_list(asks)}" if asks else "every nurse"
        happens = [CLAUSES[rule] for rule in reversed(rules) if rule in CLAUSES and rule not in _WHO]
        if not happens:
            return rules, f"{who} is full"
        return rules, f"{who} is full: wherever it is put into this plan, {as_list(happens, 'or')}"


OPEN = "the time did not suffice to look for the reason; ask for it"
_RESTS = {
    ("breaks",): "work too long without a break",
    ("lunch",): "have no lunch in its hours",
    ("breaks", "lunch"): "lose her break or her lunch",
}
_WHO = ("pinned-nurses", "allowed-nurses", "required-skills")
CLAUSES = {
    "time-windows": "a visit would start after its time window",
    "shifts": "a nurse would be home after her shift",
    "working-time": "a nurse would work longer than agreed",
    "working-day": "a nurse would work more than she may on one day",
    "rest": "a nurse would rest too little between two days",
    "things": "a key or a car would be with two nurses at once",
    "breaks": "a nurse would lose her break",
    "lunch": "a nurse would lose her lunch",
    "capacity": "a vehicle would be overloaded",
    "links": "linked visits would be torn apart",
    "pinned-nurses": "a pinned visit would go to another nurse",
    "allowed-nurses": "a nurse would go where she is not allowed",
    "required-skills": "a nurse would do what she lacks a skill for",
}
