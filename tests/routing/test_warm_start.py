"""Beginning with a plan instead of from nothing."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from routing.check import violations
from routing.errors import InvalidPlan
from routing.objective import depends_on_times
from routing.plan import Plan
from routing.problem import Problem
from routing.solver import solve
from tests.benchmarks.days import a_day
from tests.routing.problems import a_problem, a_service, a_vehicle, days_with_costs, small_days

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestSolveBeginningWithAPlan:
    @FEW
    @given(small_days(most_services=10, most_vehicles=4))
    def test_never_ends_with_a_dearer_one(self, problem: Problem) -> None:
        before = solve(problem, iterations=60, seed=1)

        after = solve(problem, iterations=0, seed=2, begin_with=before.routes)

        assert violations(problem, after) == []
        # where less may take longer on detours, or a wish moves, the plan is built anew and may cost more
        assert after.cost.total <= before.cost.total or _is_crooked(problem)

    @FEW
    @given(days_with_costs())
    def test_keeps_all_rules_when_costs_depend_on_times(self, problem: Problem) -> None:
        before = solve(problem, iterations=40, seed=1)

        after = solve(problem, iterations=20, seed=2, begin_with=before.routes)

        assert violations(problem, after) == []

    def test_takes_over_a_full_day_with_links_and_breaks_as_it_is(self) -> None:
        problem = a_day(120, 10, seed=3)
        before = solve(problem, iterations=500, seed=2)

        after = solve(problem, iterations=0, seed=4, begin_with=before.routes)

        # the break may stand in another gap, which moves starts at no cost
        assert _orders(after) == _orders(before)
        assert after.cost == before.cost

    def test_drops_only_the_visits_that_are_not_allowed_there(self) -> None:
        services = [a_service(f"s{n}", n) for n in range(6)]
        vehicles = [a_vehicle("n"), a_vehicle("m", 5)]
        before = solve(a_problem(services, vehicles), iterations=200)
        nurse = before.placed()[3][0]
        services[3] = replace(services[3], forbidden=frozenset({nurse}))
        changed = a_problem(services, vehicles)

        after = solve(changed, iterations=0, begin_with=before.routes)

        assert violations(changed, after) == []
        assert after.placed()[3][0] != nurse
        others = {s: vehicle for s, (vehicle, _) in before.placed().items() if s != 3}
        assert {s: vehicle for s, (vehicle, _) in after.placed().items() if s != 3} == others

    def test_refuses_a_plan_of_another_problem(self) -> None:
        large = a_problem([a_service(f"s{n}", n) for n in range(4)], [a_vehicle("n")])
        small = a_problem([a_service("s", 1)], [a_vehicle("n")])
        plan = solve(large, iterations=10)

        with pytest.raises(InvalidPlan, match="not of this problem"):
            solve(small, iterations=10, begin_with=plan.routes)
        with pytest.raises(InvalidPlan, match="twice"):
            solve(large, iterations=10, begin_with=[*plan.routes, *plan.routes])


def _orders(plan: Plan) -> list[tuple[int, list[int]]]:
    return [(route.vehicle, [stop.service for stop in route.stops]) for route in plan.routes]


def _is_crooked(problem: Problem) -> bool:
    seconds = problem.travel[0].seconds.astype(int)
    detour = (seconds[:, :, None] + seconds[None, :, :]).min(axis=1)
    return depends_on_times(problem) or bool((detour < seconds).any())
