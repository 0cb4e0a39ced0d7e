"""Planning a large day in pieces: the seams must not show in the rules, and the cost must add up."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from routing import solver
from routing.check import violations
from routing.clock import time_routes
from routing.explain import explain_unassigned
from routing.objective import cost_of
from routing.plan import Plan
from routing.problem import Link, Problem
from routing.search import Pieces, can_be_cut
from routing.search.seams import Seams, cut
from routing.solver import solve
from tests.benchmarks.days import a_day
from tests.routing.problems import HOUR, a_problem, a_service, a_vehicle, days_with_costs, small_days

# Many random days have shifts, keys or cars that bind, and are not cut.
FEW = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def planned_in_pieces(problem: Problem, pieces: int, iterations: int, seed: int = 0) -> tuple[Plan, int]:
    with Pieces(problem, seed, 2, pieces) as search:
        search.start()
        search.run(iterations, total=iterations)
        sequences, windows, _ = search.best()
        points = search.best_cost
    routes = time_routes(problem, sequences, windows)
    assert routes is not None
    return Plan(routes, explain_unassigned(problem, routes), cost_of(problem, routes)), points


class TestPieces:
    @FEW
    @given(small_days(most_services=10, most_vehicles=4), st.integers(1, 4))
    def test_keep_all_rules_and_count_what_the_objective_counts(self, problem: Problem, pieces: int) -> None:
        assume(can_be_cut(problem))

        plan, points = planned_in_pieces(problem, pieces, 48)

        assert violations(problem, plan) == []
        assert plan.cost.total == points

    @FEW
    @given(days_with_costs())
    def test_keep_all_rules_when_costs_depend_on_times(self, problem: Problem) -> None:
        problem = replace(problem, weights=replace(problem.weights, highest_lateness=0, balance=0))
        assume(can_be_cut(problem))

        plan, _ = planned_in_pieces(problem, 2, 48)

        assert violations(problem, plan) == []

    def test_hold_double_visits_together_across_seams(self) -> None:
        problem = a_day(150, 14, seed=5)

        plan, points = planned_in_pieces(problem, 4, 2400)

        assert violations(problem, plan) == []
        assert plan.cost.total == points

    @pytest.mark.parametrize("steps", [[1200], [500, 700], [99] * 12 + [12]])
    def test_give_the_same_plan_however_they_are_cut_into_steps_and_on_any_threads(
        self, steps: list[int]
    ) -> None:
        problem = a_day(60, 6, seed=2)
        found = []
        for threads in (1, 3):
            with Pieces(problem, 7, threads, 2) as search:
                search.start()
                for step in steps:
                    search.run(step, total=1200)
                found.append(search.best())

        with Pieces(problem, 7, 2, 2) as search:
            search.start()
            search.run(1200, total=1200)

            assert found == [search.best()] * 2

    def test_are_better_after_more_rounds(self) -> None:
        problem = a_day(120, 12, seed=3)

        costs = [planned_in_pieces(problem, 3, iterations)[1] for iterations in (24, 2400)]

        assert costs[1] < costs[0]

    def test_end_with_the_best_plan_of_all_rounds(self) -> None:
        problem = a_day(60, 6, seed=4)
        with Pieces(problem, 1, 1, 2) as search:
            search.start()
            costs = [search.best_cost]
            for _ in range(20):
                search.run(20, total=400)
                costs.append(search.best_cost)

            assert costs == sorted(costs, reverse=True)
            assert search.assigned == sum(len(row) for row in search.best()[0].values())


class TestCut:
    def test_cuts_along_the_map_and_leaves_nothing_out(self) -> None:
        # two villages at 0-3 and 20-23 minutes on a line, one nurse for two visits
        places = [0, 1, 2, 3, 20, 21, 22, 23]
        problem = a_problem(
            [a_service(f"s{place}", place) for place in places],
            [a_vehicle(f"n{n}", places[2 * n]) for n in range(4)],
            places=24,
        )
        plan = {n: [2 * n, 2 * n + 1] for n in range(4)}

        for seed in range(5):
            groups = cut(Seams(problem), plan, 2, seed)

            assert sorted(groups) == [((0, 1, 2, 3), (0, 1)), ((4, 5, 6, 7), (2, 3))]

    def test_gives_idle_vehicles_and_absent_visits_to_the_nearest(self) -> None:
        problem = a_problem(
            [a_service("a", 0), a_service("b", 10), a_service("absent", 9)],
            [a_vehicle("n", 0), a_vehicle("m", 10), a_vehicle("idle", 1)],
            places=11,
        )

        groups = cut(Seams(problem), {0: [0], 1: [1]}, 2, 0)

        assert sorted(groups) == [((0,), (0, 2)), ((1, 2), (1,))]

    def test_keeps_an_absent_visit_with_what_it_is_linked_to(self) -> None:
        services = [a_service("a", 0), a_service("b", 10), a_service("absent", 9)]
        nurses = [a_vehicle("n", 0), a_vehicle("m", 10)]
        one = a_problem(services, nurses, links=(Link(0, 2, 0, HOUR),), places=11)
        both = a_problem(services, nurses, links=(Link(0, 2, 0, HOUR), Link(1, 2, 0, HOUR)), places=11)

        with_one = cut(Seams(one), {0: [0], 1: [1]}, 2, 0)
        with_both = cut(Seams(both), {0: [0], 1: [1]}, 2, 0)

        assert sorted(with_one) == [((0, 2), (0,)), ((1,), (1,))]
        assert sorted(with_both) == [((0,), (0,)), ((1,), (1,))]

    def test_makes_no_more_pieces_than_there_are_routes(self) -> None:
        problem = a_problem([a_service("a")], [a_vehicle("n"), a_vehicle("m")])

        assert cut(Seams(problem), {}, 3, 0) == [((0,), (0, 1))]


class TestSolveLargeDays:
    def test_plans_them_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(solver, "LARGE_SERVICES", 50)
        problem = a_day(60, 6, seed=1)

        plan = solve(problem, iterations=200, seed=1)

        assert violations(problem, plan) == []
        assert plan == solve(problem, iterations=200, seed=1, threads=1)


class TestCutAnew:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_loses_nothing_and_knows_what_it_costs(self, seed: int) -> None:
        problem = a_day(400, 32, seed=seed)  # full, with double visits and breaks
        with Pieces(problem, seed, threads=1, pieces=4) as pieces:
            pieces.start()
            for _ in range(4):
                before = pieces._cost(best=False)
                held = sum(map(len, pieces._together(best=False).sequences.values())) if pieces._pieces else 0

                pieces._cut_anew(0.5)

                now = pieces._together(best=False)
                assert sum(map(len, now.sequences.values())) >= held
                assert pieces._cost(best=False) == before
                pieces._advance(100, 0, 0.5)
            sequences, windows, duties = pieces.best()
            routes = time_routes(problem, sequences, windows, duties)

        assert routes is not None
        assert cost_of(problem, routes).total == pieces.best_cost
