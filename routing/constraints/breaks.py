"""A nurse rests as the working time law asks."""

from collections.abc import Iterator

from routing.plan import Plan, Route, Violation
from routing.problem import BreakRule, Problem


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
            yield f"has a break of {length} s; the shortest that counts is {rule.shortest_part} s"
        if pause.start - resumed > rule.longest_stretch:
            yield f"works {pause.start - resumed} s without a break; {rule.longest_stretch} s are allowed"
        resumed = pause.end
    if route.returns - resumed > rule.longest_stretch:
        yield f"works {route.returns - resumed} s without a break; {rule.longest_stretch} s are allowed"
    work = route.returns - route.leaves - rest
    if rest < rule.needed(work):
        yield f"works {work} s with breaks of {rest} s; {rule.needed(work)} s are due"
