"""A nurse rests as the working time law asks."""

from collections.abc import Iterator

from routing.plan import Plan, Route, Violation
from routing.problem import BreakRule, Problem
from routing.units import Seconds, as_duration


class Breaks:
    """Planned breaks are long enough, together and each, and no stretch of work between them is too long."""

    name = "breaks"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each breach of the vehicle's break rule."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            if vehicle.breaks is None:
                continue
            for fault in _faults(vehicle.breaks, route):
                yield Violation(self.name, f"nurse {vehicle.id} {fault}", vehicle=route.vehicle)


def _faults(rule: BreakRule, route: Route) -> Iterator[str]:
    rest = 0
    resumed = route.leaves
    for pause in route.breaks:
        length = pause.end - pause.start
        rest += length
        if length < rule.shortest_part:
            shortest = as_duration(rule.shortest_part)
            yield f"has a break of {as_duration(length)}; the shortest that counts is {shortest}"
        if pause.start - resumed > rule.longest_stretch:
            yield _unbroken(rule, pause.start - resumed)
        resumed = pause.end
    if route.returns - resumed > rule.longest_stretch:
        yield _unbroken(rule, route.returns - resumed)
    work = route.returns - route.leaves - rest
    if rest < rule.needed(work):
        due = as_duration(rule.needed(work))
        yield f"works {as_duration(work)} with breaks of {as_duration(rest)}; {due} are due"


def _unbroken(rule: BreakRule, seconds: Seconds) -> str:
    longest = as_duration(rule.longest_stretch)
    return f"works {as_duration(seconds)} without a break; {longest} are allowed"
