"""A key or a car is with one nurse at a time."""

from collections.abc import Iterator
from itertools import combinations

from routing.plan import Plan, Route, Violation
from routing.problem import Problem


class Things:
    """Routes that hold the same thing, each from leaving to returning, do not overlap."""

    name = "things"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each pair of routes that hold a thing at the same time."""
        holders: dict[str, list[Route]] = {}
        for route in plan.routes:
            things = set(problem.vehicles[route.vehicle].uses)
            for stop in route.stops:
                things |= problem.services[stop.service].needs
            for thing in things:
                holders.setdefault(thing, []).append(route)
        for thing, routes in sorted(holders.items()):
            for one, other in combinations(routes, 2):
                if one.leaves < other.returns and other.leaves < one.returns:
                    nurses = [problem.vehicles[route.vehicle].id for route in (one, other)]
                    sentence = f"nurses {nurses[0]} and {nurses[1]} both have {thing} at the same time"
                    yield Violation(self.name, sentence, vehicle=other.vehicle)
