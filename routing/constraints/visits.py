"""A service is done once, and a visit is done whole or not at all."""

from collections import Counter
from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem


class Once:
    """Each service stands in one route or among the unassigned, each vehicle has one route at most."""

    name = "once"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each service that is planned twice or forgotten, and each vehicle with two routes."""
        for vehicle, count in sorted(Counter(route.vehicle for route in plan.routes).items()):
            if count > 1:
                nurse = problem.vehicles[vehicle].id
                yield Violation(self.name, f"nurse {nurse} has {count} routes", vehicle=vehicle)
        said = Counter(stop.service for _, stop in plan.stops())
        said.update(left.service for left in plan.unassigned)
        for number, service in enumerate(problem.services):
            if said[number] > 1:
                yield Violation(self.name, f"service {service.id} appears {said[number]} times", number)
            elif said[number] == 0:
                yield Violation(self.name, f"service {service.id} is neither planned nor unassigned", number)


class WholeVisits:
    """The services of one visit are all planned, or none is."""

    name = "whole-visits"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each service that is left out of a visit of which another is planned."""
        placed = plan.placed()
        for visit, members in problem.visits().items():
            missing = [number for number in members if number not in placed]
            if len(missing) < len(members):
                for number in missing:
                    sentence = f"visit {visit} is planned without service {problem.services[number].id}"
                    yield Violation(self.name, sentence, number)
