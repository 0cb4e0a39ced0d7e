"""A nurse works no longer than agreed."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem
from routing.units import as_duration


class WorkingTime:
    """From leaving to returning no more than `max_work` seconds pass, breaks included."""

    name = "working-time"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each route that takes longer than its nurse may work."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            span = route.returns - route.leaves
            if vehicle.max_work is not None and span > vehicle.max_work:
                over = as_duration(span - vehicle.max_work)
                sentence = f"nurse {vehicle.id} is away {as_duration(span)}, {over} too long"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
