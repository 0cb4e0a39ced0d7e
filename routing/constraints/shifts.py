"""A nurse works inside her shift."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem


class Shifts:
    """A vehicle leaves at or after its shift's first second and is back at its last, at the latest."""

    name = "shifts"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each route that leaves too early or returns too late."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            if route.leaves < vehicle.shift.earliest:
                early = vehicle.shift.earliest - route.leaves
                sentence = f"nurse {vehicle.id} leaves {early} s before her shift"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
            if route.returns > vehicle.shift.latest:
                late = route.returns - vehicle.shift.latest
                sentence = f"nurse {vehicle.id} is back {late} s after her shift"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
