"""A nurse has lunch in its hours."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem
from routing.units import as_duration


class LunchBreaks:
    """Who leaves and may not work without lunch has a break that is long enough and begins in its hours."""

    name = "lunch"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each vehicle without the lunch it is due."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            lunch = vehicle.lunch
            if lunch is None or lunch.missed is not None:
                continue
            if not any(lunch.is_taken_by(pause.start, pause.end) for pause in route.breaks):
                hours = f"between {lunch.earliest} and {lunch.latest}"
                sentence = (
                    f"nurse {vehicle.id} has no break of {as_duration(lunch.length)} that begins {hours}"
                )
                yield Violation(self.name, sentence, vehicle=route.vehicle)
