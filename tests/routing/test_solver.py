"""Solving whole days: whatever comes in, the plan keeps all rules and says what it left out and why."""

import pickle
import time
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from routing.check import violations
from routing.exact import plan_exactly
from routing.objective import cost_of
from routing.problem import WORKING_TIME_LAW, Link, Nurses, Problem, TimeWindow, Travel, Weights
from routing.search import Search
from routing.solver import Progress, solve
from routing.units import UNREACHABLE
from tests.benchmarks.days import a_day
from tests.routing.problems import (
    HOUR,
    MINUTE,
    a_double_visit,
    a_line,
    a_problem,
    a_service,
    a_vehicle,
    small_days,
)

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestSolve:
    @FEW
    @given(small_days(most_services=10, most_vehicles=4))
    def test_gives_plans_that_keep_all_rules_and_cost_what_they_say(self, problem: Problem) -> None:
        plan = solve(problem, iterations=150)

        assert violations(problem, plan) == []
        assert plan.cost == cost_of(problem, plan.routes)
        assert all(left.rules and left.sentence for left in plan.unassigned)

    def test_keeps_all_rules_on_a_full_day_with_links_and_breaks(self) -> None:
        problem = a_day(120, 10, seed=3)

        plan = solve(problem, iterations=2000, seed=3)

        assert violations(problem, plan) == []
        assert plan.unassigned

    def test_recombines_routes_on_a_day_without_links(self) -> None:
        services = [a_service(f"s{n}", n % 6, duration=30 * MINUTE) for n in range(20)]
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m", 5)])

        plan = solve(problem, iterations=5000)

        assert violations(problem, plan) == []
        # 20 half hours are 10 h of care for two nurses of 8 h: one nurse at least visits all places but her
        # own
        assert not plan.unassigned

    def test_gives_the_same_plan_for_the_same_seed_bit_for_bit(self) -> None:
        problem = a_day(60, 5, seed=1)

        first = solve(problem, iterations=1500, seed=7)
        again = solve(problem, iterations=1500, seed=7)

        assert first == again

    def test_gives_the_same_search_however_it_is_cut_into_steps(self) -> None:
        problem = a_day(60, 5, seed=1)
        one, many = Search(problem, 7), Search(problem, 7)

        one.start()
        one.run(600, total=600)
        many.start()
        for _ in range(60):
            many.run(10, total=600)

        assert one.best() == many.best()

    def test_proves_a_small_day(self) -> None:
        plan = solve(a_problem([a_service("a", 2), a_service("b", 4)]))

        # out to place 4 and back, stopping at 2 on the way: 8 minutes
        assert plan.proven
        assert plan.cost.total == 8 * MINUTE

    def test_gives_a_first_plan_when_there_is_no_time(self) -> None:
        problem = a_day(100, 9, seed=2)

        plan = solve(problem, 0)

        assert violations(problem, plan) == []
        assert plan.routes
        assert plan.iterations == 0

    def test_keeps_its_limit(self) -> None:
        problem = a_day(100, 9, seed=2)
        begun = time.monotonic()

        solve(problem, timedelta(seconds=2))

        # the machine may be busy: three times the allowed tenth
        assert time.monotonic() - begun < 2.6

    def test_tells_its_progress_and_never_a_worse_plan(self) -> None:
        told: list[Progress] = []

        solve(a_day(60, 5, seed=1), 0.6, on_progress=told.append)

        assert len(told) > 2
        assert told[0].iterations == 0
        assert [p.cost for p in told] == sorted((p.cost for p in told), reverse=True)

    def test_stops_when_it_is_cancelled_with_the_best_plan_so_far(self) -> None:
        problem = a_day(60, 5, seed=1)
        begun = time.monotonic()

        plan = solve(problem, 60, cancel=lambda: True)

        assert time.monotonic() - begun < 30
        assert violations(problem, plan) == []


class TestSolveOddDays:
    def test_plans_nothing_when_nothing_is_asked(self) -> None:
        plan = solve(a_problem([]))

        assert plan.routes == ()
        assert plan.proven

    def test_leaves_everything_out_when_nobody_is_on_duty(self) -> None:
        plan = solve(a_problem(vehicles=[]))

        assert [left.service for left in plan.unassigned] == [0]
        assert "no nurse on duty" in plan.unassigned[0].sentence

    def test_leaves_out_a_place_without_a_road_and_plans_the_rest(self) -> None:
        seconds = np.full((3, 3), 60, dtype=np.int32)
        seconds[:, 2] = UNREACHABLE
        np.fill_diagonal(seconds, 0)
        problem = a_problem([a_service("a", 1), a_service("b", 2)], travel=(Travel(seconds, seconds),))

        plan = solve(problem, iterations=50)

        assert [(left.service, left.rules, left.proven) for left in plan.unassigned] == [
            (1, ("travel-times",), True)
        ]
        assert [stop.service for _, stop in plan.stops()] == [0]

    def test_says_that_no_shift_overlaps_the_window(self) -> None:
        night = TimeWindow(2 * HOUR, 3 * HOUR)

        plan = solve(a_problem([a_service(windows=(night,))]), iterations=10)

        assert plan.unassigned[0].rules == ("time-windows",)
        assert plan.unassigned[0].proven

    def test_does_services_at_one_address_without_travel_between(self) -> None:
        plan = solve(a_problem([a_service("a", 1), a_service("b", 1)]), iterations=50)

        assert [stop.travel for _, stop in plan.stops()] == [60, 0]
        assert plan.cost.total == 2 * MINUTE


class TestSolverKeepsRules:
    """Each rule once on a day that tempts the search to break it."""

    def test_gives_a_service_to_the_nurse_who_holds_the_skill(self) -> None:
        vehicles = [a_vehicle("near", 1), a_vehicle("able", 5, skills={"wound": 3})]

        plan = solve(a_problem([a_service(skills={"wound": 2})], vehicles), iterations=50)

        assert [vehicle for vehicle, _ in plan.stops()] == [1]

    def test_keeps_a_forbidden_nurse_away(self) -> None:
        vehicles = [a_vehicle("near", 1), a_vehicle("far", 5)]

        plan = solve(a_problem([a_service(forbidden=frozenset({0}))], vehicles), iterations=50)

        assert [vehicle for vehicle, _ in plan.stops()] == [1]

    def test_prefers_a_preferred_nurse_while_the_way_is_worth_it(self) -> None:
        # the far nurse drives 2 * 4 minutes = 480 points, less than the 600 of a nurse who is not preferred
        vehicles = [a_vehicle("near", 1), a_vehicle("far", 5)]

        plan = solve(a_problem([a_service(preferred=frozenset({1}))], vehicles), iterations=50)

        assert [vehicle for vehicle, _ in plan.stops()] == [1]
        assert plan.cost.total == 480

    def test_starts_a_double_visit_together_with_two_nurses(self) -> None:
        services, link = a_double_visit()

        plan = solve(a_problem(services, [a_vehicle("n"), a_vehicle("m", 5)], links=(link,)), iterations=50)

        placed = plan.placed()
        assert placed[0][1].start == placed[1][1].start
        assert placed[0][0] != placed[1][0]

    def test_leaves_a_double_visit_out_whole_when_there_is_one_nurse(self) -> None:
        services, link = a_double_visit()

        plan = solve(a_problem(services, links=(link,)), iterations=50)

        assert [left.rules for left in plan.unassigned] == [("whole-visits", "links")] * 2

    def test_keeps_a_gap_and_the_nurse(self) -> None:
        link = Link(0, 1, 2 * HOUR, 3 * HOUR, Nurses.SAME)
        services = [a_service("a", 1), a_service("b", 1)]

        plan = solve(a_problem(services, [a_vehicle("n"), a_vehicle("m")], links=(link,)), iterations=50)

        placed = plan.placed()
        assert 2 * HOUR <= placed[1][1].start - placed[0][1].start <= 3 * HOUR
        assert placed[0][0] == placed[1][0]

    def test_uses_the_later_window_when_the_earlier_is_missed(self) -> None:
        windows = (TimeWindow(5 * HOUR, 6 * HOUR), TimeWindow(10 * HOUR, 11 * HOUR))

        plan = solve(a_problem([a_service(windows=windows)]), iterations=50)

        assert [stop.start for _, stop in plan.stops()] == [10 * HOUR]

    def test_leaves_out_what_exceeds_the_working_time(self) -> None:
        # two services of 3 h fit into the shift of 8 h, not into 5 h of work
        services = [a_service("a", 1, 3 * HOUR), a_service("b", 1, 3 * HOUR)]

        plan = solve(a_problem(services, [a_vehicle(max_work=5 * HOUR)]), iterations=50)

        assert len(plan.unassigned) == 1
        assert plan.unassigned[0].rules == ("working-time",)

    def test_plans_the_break_the_law_asks_for(self) -> None:
        # five times 80 minutes and the way are 6 h 42 min of work: more than six hours, so half an hour is
        # due
        services = [a_service(f"{n}", 1, 80 * MINUTE) for n in range(5)]

        plan = solve(a_problem(services, [a_vehicle(breaks=WORKING_TIME_LAW)]), iterations=50)

        assert not plan.unassigned
        assert [pause.end - pause.start for pause in plan.routes[0].breaks] == [30 * MINUTE]

    def test_uses_few_vehicles_when_their_use_costs(self) -> None:
        services = [a_service("a", 1), a_service("b", 4)]
        vehicles = [a_vehicle("n"), a_vehicle("m", 5)]

        plan = solve(a_problem(services, vehicles, weights=Weights(vehicle_use=10_000)), iterations=50)

        assert len(plan.routes) == 1


class TestExact:
    @settings(FEW, max_examples=40)
    @given(small_days(most_services=5, most_vehicles=2))
    def test_never_proves_less_than_the_search_has_reached(self, problem: Problem) -> None:
        proof = plan_exactly(problem, 30)
        search = Search(problem, 1)
        search.start()
        search.run(500, total=500)

        assert proof is not None
        assert proof.optimal
        assert search.best_cost >= proof.cost

    @pytest.mark.parametrize("seed", range(4))
    def test_agrees_with_the_search_on_days_of_some_visits(self, seed: int) -> None:
        problem = a_day(5, 2, seed)
        proof = plan_exactly(problem, 60)
        search = Search(problem, seed)
        search.start()
        search.run(3000, total=3000)

        assert proof is not None
        assert proof.optimal
        assert search.best_cost == proof.cost


class TestSolveWithSeveralKindsOfVehicle:
    def test_uses_the_matrix_of_each_vehicle(self) -> None:
        # by car a minute from place to place, by bicycle three: the cyclist at the door is 6 minutes away and
        # back, # the driver at the other end of the street 8 minutes
        vehicles = [a_vehicle("driver", 5), a_vehicle("cyclist", 0, travel=1)]
        problem = a_problem([a_service("a", 1)], vehicles, travel=(a_line(6), a_line(6, 3 * MINUTE)))

        sent = pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own bytes, as a job sends them
        plan = solve(sent, iterations=50)

        assert [vehicle for vehicle, _ in plan.stops()] == [1]
        assert plan.cost.total == 6 * MINUTE
