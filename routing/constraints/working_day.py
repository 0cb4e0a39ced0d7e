"""All shifts of a nurse on one day are one working day."""

from collections.abc import Iterator
from itertools import pairwise

from routing.plan import Plan, Route, Violation
from routing.problem import Problem
from routing.units import as_duration


class WorkingDay:
    """The shifts of one nurse and day follow each other as they begin, and are no more work than agreed."""

    name = "working-day"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each shift that overlaps the one before, and each day that is too long."""
        limits: dict[tuple[str, int], int] = {}
        for vehicle in problem.vehicles:
            if vehicle.max_day is not None:
                key = vehicle.nurse, vehicle.day
                limits[key] = min(vehicle.max_day, limits.get(key, vehicle.max_day))
        days: dict[tuple[str, int], list[Route]] = {}
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            days.setdefault((vehicle.nurse, vehicle.day), []).append(route)
        for (nurse, day), routes in days.items():
            shifts = [problem.vehicles[route.vehicle].shift for route in routes]
            in_order = [routes[i] for i in sorted(range(len(routes)), key=lambda i: (shifts[i], i))]
            for before, after in pairwise(in_order):
                if after.vehicle != before.vehicle and after.leaves < before.returns:
                    early = as_duration(before.returns - after.leaves)
                    sentence = f"nurse {nurse} leaves {early} before she is back from her shift before"
                    yield Violation(self.name, sentence, vehicle=after.vehicle)
            work = sum(route.returns - route.leaves - route.rest for route in routes)
            most = limits.get((nurse, day), work)
            if work > most:
                sentence = (
                    f"nurse {nurse} works {as_duration(work)} on one day, {as_duration(work - most)} too long"
                )
                yield Violation(self.name, sentence, vehicle=routes[-1].vehicle)
