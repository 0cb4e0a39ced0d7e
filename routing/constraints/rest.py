"""Between the duties of two days a nurse has her rest."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem
from routing.units import as_duration


class Rest:
    """Between returning on one day and leaving on another lies the rest that the later shift asks for.

    The same holds for duties outside of the problem, as far as they are given.
    """

    name = "rest"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each route that leaves too soon after the duty before, or returns too near to the next."""
        duties: dict[str, list[tuple[int, int]]] = {}
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            duties.setdefault(vehicle.nurse, []).append((vehicle.day, route.returns))
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            ends = [] if vehicle.free_since is None else [vehicle.free_since]
            ends += [returns for day, returns in duties[vehicle.nurse] if day < vehicle.day]
            due = as_duration(vehicle.rest)
            if ends and route.leaves - max(ends) < vehicle.rest:
                soon = as_duration(max(ends) + vehicle.rest - route.leaves)
                sentence = (
                    f"nurse {vehicle.nurse} leaves {soon} too soon after her last duty; {due} of rest are due"
                )
                yield Violation(self.name, sentence, vehicle=route.vehicle)
            if vehicle.next_duty is not None and vehicle.next_duty - route.returns < vehicle.rest:
                late = as_duration(route.returns + vehicle.rest - vehicle.next_duty)
                sentence = (
                    f"nurse {vehicle.nurse} is back {late} too late for her next duty; {due} of rest are due"
                )
                yield Violation(self.name, sentence, vehicle=route.vehicle)
