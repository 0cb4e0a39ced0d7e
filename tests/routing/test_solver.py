"""Solving whole days: whatever comes in, the plan keeps all rules and says what it left out and why."""

import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from routing.check import violations
from routing.exact import plan_exactly
from routing.objective import cost_of
from routing.problem import UNREACHABLE, Problem, TimeWindow, Travel
from routing.solver import Progress, solve
from tests.routing.problems import HOUR, MINUTE, a_line, a_problem, a_service, a_vehicle, small_days

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestSolve:
    @FEW
    @given(small_days())
    def test_gives_plans_that_keep_all_rules_and_cost_what_they_say(self, problem: Problem) -> None:
        plan = solve(problem, iterations=150)

        assert violations(problem, plan) == []
        assert plan.cost == cost_of(problem, plan.routes)

    @settings(FEW, max_examples=40)
    @given(small_days(most_services=5, most_vehicles=2))
    def test_reaches_what_the_exact_model_proves(self, problem: Problem) -> None:
        from routing.search import Search

        proof = plan_exactly(problem, 20)
        search = Search(problem, 1)
        search.start()
        search.run(3000, total=3000)

        assert proof is not None
        assert proof.optimal
        assert search.best_cost == proof.cost
