"""Why does this nurse do this visit, and who else could?"""

from dataclasses import dataclass, field

from routing.constraints import FILTERS
from routing.errors import RoutingError
from routing.explain.changes import said_metres
from routing.insertion import Place, best_on
from routing.objective import cost_of
from routing.plan import Plan
from routing.problem import Problem
from routing.sheet import Sheet
from routing.units import Metres, Points, Seconds, as_clock

__all__ = ["Alternative", "Choice", "NotPlanned", "stop"]


class NotPlanned(RoutingError):
    """The plan leaves the service out: ask why that is instead."""


@dataclass(frozen=True)
class Alternative:
    """Somebody else who could do a service, all others as they are.

    Attributes:
        vehicle: Number of the vehicle.
        start: When the service would start.
        points: What the plan would cost more than it does; negative if less.
        metres: How much longer the routes would be.
        plan: The plan with it, accepted by the check.
        sentence: The same for people; ids only.
    """

    vehicle: int
    start: Seconds
    points: Points
    metres: Metres
    plan: Plan = field(repr=False, compare=False)
    sentence: str


@dataclass(frozen=True)
class Choice:
    """Why a nurse does a service.

    Attributes:
        service: Number of the service.
        vehicle: Number of the vehicle that does it.
        alternatives: Others who could do it as the plan stands, the cheapest first.
        excluded: Name of a filter to the numbers of the vehicles that it alone or with others excludes.
        full: Numbers of the vehicles that may do it and have no room as the plan stands; empty if more than
            `top` might.
        sentence: The next best nurse and what she would cost; ids only.
    """

    service: int
    vehicle: int
    alternatives: tuple[Alternative, ...]
    excluded: dict[str, tuple[int, ...]]
    full: tuple[int, ...]
    sentence: str


def stop(problem: Problem, plan: Plan, service: int, *, top: int = 5) -> Choice:
    """Return why a nurse does a service: who else could, and what that would cost, re-inserted exactly.

    The whole visit is taken out and put back at its best place with each other nurse.

    Args:
        problem: The day.
        plan: A plan that keeps all rules.
        service: Number of the service.
        top: How many alternatives to return at most.

    Raises:
        NotPlanned: The plan leaves the service out.
    """
    placed = plan.placed()
    if service not in placed:
        raise NotPlanned(f"service {problem.services[service].id} is in no route; ask why it is left out")
    vehicle = placed[service][0]
    visit = problem.services[service].visit
    members = [n for n in placed if problem.services[n].visit == visit]
    masks = {rule.name: rule.allowed(problem)[service] for rule in FILTERS}
    sheet = Sheet(problem, plan.routes)
    now = cost_of(problem, plan.routes).total
    found: list[Alternative] = []
    if sheet.drop(members) is not None:
        sheet.may = sheet.may.copy()
        sheet.may[service, vehicle] = False
        kept = Plan(tuple(sheet.routes.values()))
        without = cost_of(problem, kept.routes).total
        best: dict[int, Place] = {}
        for place in best_on(sheet, members, top=4 * top if len(members) > 1 else top, once_per_nurse=True):
            best.setdefault(place.stops[service][0], place)
        penalty = sum(problem.services[member].penalty for member in members)
        for other, place in list(best.items())[:top]:
            points = without - penalty + place.points - now
            found.append(_alternative(problem, plan, kept, service, other, place, points))
    excluded = {
        name: tuple(n for n, may in enumerate(mask.tolist()) if not may)
        for name, mask in masks.items()
        if not mask.all()
    }
    capable = [n for n in range(len(problem.vehicles)) if n != vehicle and all(m[n] for m in masks.values())]
    has_room = {alternative.vehicle for alternative in found}
    full = () if len(found) >= top else tuple(n for n in capable if n not in has_room)
    return Choice(service, vehicle, tuple(found), excluded, full, _said(problem, vehicle, found, capable))


def _alternative(
    problem: Problem, plan: Plan, kept: Plan, service: int, vehicle: int, place: Place, points: Points
) -> Alternative:
    start = place.stops[service][1].start
    routes = place.applied(kept.routes)
    metres = sum(route.metres for route in routes) - sum(route.metres for route in plan.routes)
    cost = f"{abs(points)} points {'more' if points >= 0 else 'less'}"
    nurse = problem.vehicles[vehicle].id
    sentence = f"nurse {nurse} at {as_clock(start)}: {cost}, {said_metres(metres)}"
    there = Plan(routes, plan.unassigned, cost_of(problem, routes))
    return Alternative(vehicle, start, points, metres, there, sentence)


def _said(problem: Problem, vehicle: int, found: list[Alternative], capable: list[int]) -> str:
    nurse = problem.vehicles[vehicle].id
    if not capable:
        return f"nurse {nurse} is the only one on duty who can do it"
    if not found:
        return f"as the plan stands, no nurse but {nurse} has room for it"
    next_best = found[0]
    praise = "is the cheapest" if next_best.points >= 0 else "is not the cheapest"
    return f"nurse {nurse} {praise}; next is {next_best.sentence}"
