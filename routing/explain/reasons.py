"""Why is this visit left out, and what would have to change?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from routing.check import violations
from routing.clock import time_routes
from routing.explain.changes import Counterfactual, counterfactuals, said_metres
from routing.explain.model import decide
from routing.explain.proofs import CLAUSES, Explainer
from routing.insertion import best
from routing.objective import cost_of
from routing.plan import Plan, Route, Unassigned
from routing.problem import Problem, TimeWindow
from routing.units import as_clock, as_list

__all__ = ["Reason", "unassigned"]

WHOLE_DAY_SERVICES = 14
WHOLE_DAY_VEHICLES = 4
MODEL_SERVICES = 26
MODEL_VEHICLES = 2


@dataclass(frozen=True)
class Reason:
    """Why a plan leaves a visit out.

    Attributes:
        service: Number of the service asked about.
        rules: Names of rules that exclude it together, all of them. Or "objective" if there is a place and
            leaving it out is cheaper or nobody has put it there; or "rearrange" if there is a way, but only
            with other visits rearranged.
        sentence: The reason for people; ids only.
        proven: True if that holds whatever the plan: none at all has the visit, or, for a day that is full,
            none has it beside all visits that are planned. False if only some routes were rearranged in
            search of a place, or none.
        minimal: Whether it is known that without any one of the rules there would be a way; the model may
            have had too little time for that.
        scope: Numbers of the vehicles whose routes were free in the model; empty if none was needed.
        counterfactuals: Changes with which it fits, each re-solved and checked.
        plan: A plan with the visit, accepted by the check, if there is one under the rules as they are.
    """

    service: int
    rules: tuple[str, ...]
    sentence: str
    proven: bool
    minimal: bool = True
    scope: tuple[int, ...] = ()
    counterfactuals: tuple[Counterfactual, ...] = ()
    plan: Plan | None = None


def unassigned(problem: Problem, plan: Plan, service: int, *, limit_s: float = 2.0) -> Reason:
    """Return why a plan leaves a visit out, and what would have to change for it to fit.

    Args:
        problem: The day.
        plan: A plan that keeps all rules.
        service: Number of a service that is in no route.
        limit_s: Wall-clock seconds for the model, which is asked if nothing simpler proves the reason.
    """
    explainer = Explainer(problem, plan.routes)
    proof = explainer.proof(service)
    if proof is not None and proof.proven:
        return _reason(problem, plan, proof, ())
    members = explainer.visits[problem.services[service].visit]
    place = next(iter(best(problem, plan, service, top=1)), None)
    if place is not None:
        vehicle, stop = place.stops[service]
        nurse, start = problem.vehicles[vehicle].id, as_clock(stop.start)
        penalty = sum(problem.services[member].penalty for member in members)
        more = f"for {place.points} points" if place.points < penalty else f"but costs {place.points} points"
        sentence = f"it fits with nurse {nurse} at {start} {more}; leaving it out costs {penalty}"
        taken_in = place.applied(plan.routes)
        return Reason(service, ("objective",), sentence, proven=True, plan=_plan(problem, taken_in))
    said = proof or explainer.fullness(service)
    scope = _scope(problem, plan, explainer, members)
    if not scope:
        return _reason(problem, plan, said, ())
    return _modelled(problem, plan, explainer, said, members, scope, limit_s)


def _reason(problem: Problem, plan: Plan, said: Unassigned, scope: Sequence[int]) -> Reason:
    changes = tuple(counterfactuals(problem, plan, said.service))
    return Reason(
        said.service,
        said.rules,
        said.sentence,
        proven=said.proven,
        scope=tuple(scope),
        counterfactuals=changes,
    )


def _scope(problem: Problem, plan: Plan, explainer: Explainer, members: list[int]) -> list[int]:
    """Return the vehicles to model: all on a small day, else capable ones near by."""
    placed = plan.placed()
    if (
        len(placed) + len(members) <= WHOLE_DAY_SERVICES
        and len(problem.vehicles) <= WHOLE_DAY_VEHICLES
        and len(problem.vehicles) > 0
    ):
        return list(range(len(problem.vehicles)))
    routes = {route.vehicle: route for route in plan.routes}
    room = MODEL_SERVICES - len(members)
    scope: list[int] = []
    for member in members:
        near = []
        for vehicle in np.flatnonzero(explainer.may[member]).tolist():
            stops = routes[vehicle].stops if vehicle in routes else ()
            places = [problem.vehicles[vehicle].start, *(problem.services[s.service].location for s in stops)]
            away = min(problem.seconds(vehicle, place, problem.services[member].location) for place in places)
            near.append((away, vehicle, len(stops)))
        for _, vehicle, stops_there in sorted(near)[:MODEL_VEHICLES]:
            if vehicle not in scope and stops_there <= room:
                scope.append(vehicle)
                room -= stops_there
    return sorted(scope) if len(scope) >= min(2, len(members)) else []


def _modelled(
    problem: Problem,
    plan: Plan,
    explainer: Explainer,
    said: Unassigned,
    members: list[int],
    scope: list[int],
    limit_s: float,
) -> Reason:
    """Return the reason as the model over some routes gives it, or the one at hand if it gives none."""
    placed = plan.placed()
    free = [s for s, (vehicle, _) in placed.items() if vehicle in scope]
    fixed = {s: (vehicle, stop.start) for s, (vehicle, stop) in placed.items() if vehicle not in scope}
    verdict = decide(problem, scope, [*free, *members], fixed, explainer.masks, limit_s)
    nurses = as_list([problem.vehicles[vehicle].id for vehicle in scope])
    word = "nurse" if len(scope) == 1 else "nurses"
    whole = len(scope) == len(problem.vehicles)
    if verdict.possible is False:
        happens = [CLAUSES[rule] for rule in reversed(verdict.rules) if rule in CLAUSES]
        which = "all planned visits" if whole else f"the visits of {word} {nurses}"
        ends = as_list(happens, "or") or "there is no way to it"
        sentence = f"however {which} are arranged beside it, {ends}"
        modelled = replace(said, rules=verdict.rules, sentence=sentence, proven=whole)
        return replace(_reason(problem, plan, modelled, scope), minimal=verdict.minimal)
    if verdict.possible:
        found = _rearranged(problem, plan, scope, verdict.sequences, verdict.starts)
        if found is not None:
            vehicle, stop = found.placed()[said.service]
            metres = sum(r.metres for r in found.routes) - sum(r.metres for r in plan.routes)
            sentence = (
                f"it fits only if the visits of {word} {nurses} are rearranged: nurse "
                f"{problem.vehicles[vehicle].id} at {as_clock(stop.start)}, {said_metres(metres)}"
            )
            changes = tuple(counterfactuals(problem, plan, said.service))
            return Reason(
                said.service,
                ("rearrange",),
                sentence,
                proven=False,
                scope=tuple(scope),
                counterfactuals=changes,
                plan=found,
            )
    return _reason(problem, plan, said, ())


def _rearranged(
    problem: Problem,
    plan: Plan,
    scope: list[int],
    sequences: dict[int, list[int]],
    starts: dict[int, int],
) -> Plan | None:
    """Return the plan with the routes of the model, if it keeps all rules."""
    placed = plan.placed()
    after = {r.vehicle: [stop.service for stop in r.stops] for r in plan.routes if r.vehicle not in scope}
    times = {s: stop.start for s, (_, stop) in placed.items()} | starts
    after |= sequences
    windows = {s: TimeWindow(times[s], times[s]) for row in after.values() for s in row}
    routes = time_routes(problem, after, windows)
    found = None if routes is None else _plan(problem, routes)
    return None if found is None or violations(problem, found) else found


def _plan(problem: Problem, routes: tuple[Route, ...]) -> Plan:
    placed = Plan(routes).placed()
    left = tuple(Unassigned(n, (), "", proven=False) for n in range(len(problem.services)) if n not in placed)
    return Plan(routes, left, cost_of(problem, routes))
