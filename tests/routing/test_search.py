"""The search counts what the independent objective counts, and keeps rules that tempt it."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from routing.check import violations
from routing.clock import time_routes
from routing.exact import plan_exactly
from routing.objective import cost_of
from routing.problem import Link, Nurses, Problem, TimeWindow, Weights
from routing.search import Search
from routing.solver import solve
from tests.benchmarks.days import a_day
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle, days_with_costs

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestSearch:
    @FEW
    @given(days_with_costs())
    def test_ends_with_plans_that_keep_all_rules(self, problem: Problem) -> None:
        plan = solve(problem, iterations=150)

        assert violations(problem, plan) == []

    @FEW
    @given(days_with_costs())
    def test_counts_what_the_objective_counts(self, problem: Problem) -> None:
        search = Search(problem, 1)
        search.start()
        search.run(150, total=150)

        routes = time_routes(problem, *search.best())

        assert routes is not None
        assert cost_of(problem, routes).total == search.best_cost

    @settings(FEW, max_examples=25)
    @given(days_with_costs(timed=False))
    def test_never_beats_a_proof(self, problem: Problem) -> None:
        small = replace(problem, vehicles=problem.vehicles)
        search = Search(small, 1)
        search.start()
        search.run(400, total=400)

        proof = plan_exactly(small, 20)

        assert proof is not None
        assert search.best_cost >= proof.bound


class TestSearchKeepsRules:
    def test_divides_a_load_that_one_vehicle_cannot_carry(self) -> None:
        services = [a_service(f"{n}", 1, demand=2) for n in range(3)]
        vehicles = [a_vehicle("n", capacity=4), a_vehicle("m", 5, capacity=2)]

        plan = solve(a_problem(services, vehicles), iterations=100)

        assert not plan.unassigned
        assert [len(route.stops) for route in plan.routes] == [2, 1]

    def test_starts_late_when_that_costs_less_than_another_nurse(self) -> None:
        # both want 7:00 sharp and last ten minutes: one of them starts 10 min late at one place, 600 points;
        # the nurse at place 5 would drive 8 minutes, 480 points
        sharp = (TimeWindow(7 * HOUR, 7 * HOUR),)
        services = [a_service(name, 1, windows=sharp, late=60) for name in "ab"]
        vehicles = [a_vehicle("n"), a_vehicle("m", 5)]

        alone = solve(a_problem(services, vehicles[:1]), iterations=100)
        together = solve(a_problem(services, vehicles), iterations=100)

        assert alone.cost.terms["lateness"] == 600
        assert together.cost.terms["lateness"] == 0
        assert together.cost.total == 120 + 480

    def test_counts_lateness_from_the_window_that_has_begun(self) -> None:
        # a lasts until 9:00; b is missed until 8:00 and begins anew at 8:30: 30 minutes late if it starts at
        # 9:00
        windows = (TimeWindow(7 * HOUR, 8 * HOUR), TimeWindow(8 * HOUR + 1800, 8 * HOUR + 1800))
        early = (TimeWindow(6 * HOUR + 60, 6 * HOUR + 60),)
        services = [
            a_service("a", 1, 3 * HOUR - 60, windows=early),
            a_service("b", 1, windows=windows, late=2),
        ]

        plan = solve(a_problem(services), iterations=100)

        assert plan.cost.terms["lateness"] == 2 * 30

    def test_waits_for_the_wished_time(self) -> None:
        wish = TimeWindow(10 * HOUR, 11 * HOUR)

        plan = solve(a_problem([a_service(wish=wish)], weights=Weights(off_wish=5)), iterations=50)

        assert plan.cost.terms["off_wish"] == 0
        assert plan.routes[0].stops[0].start == 10 * HOUR

    def test_lets_two_visits_wait_for_each_other_crosswise(self) -> None:
        # n does a1 at place 1, then b1 at place 5; m does b2 at place 5, then a2 at place 1. The second
        # service of a visit starts 40 minutes after the first: a2 at 06:41, b1 at 06:45. With one visit done
        # before the other, m does a2 at 06:41 and b2 at 06:55 at the earliest, which is late.
        due = (TimeWindow(6 * HOUR, 6 * HOUR + 50 * MINUTE),)
        names, places, skills = ("a1", "a2", "b2", "b1"), (1, 1, 5, 5), ("x", "y", "y", "x")
        services = [
            a_service(name, place, visit=name[0], windows=due, late=MINUTE, skills={skill: 1}, penalty=10**6)
            for name, place, skill in zip(names, places, skills, strict=True)
        ]
        links = tuple(Link(first, first + 1, 40 * MINUTE, 60 * MINUTE, Nurses.DIFFERENT) for first in (0, 2))
        problem = a_problem(
            services, [a_vehicle("n", skills={"x": 1}), a_vehicle("m", skills={"y": 1})], links=links
        )

        plan = solve(problem, iterations=200)

        orders = {route.vehicle: [stop.service for stop in route.stops] for route in plan.routes}
        assert orders == {0: [0, 3], 1: [2, 1]}
        assert all(stop.start <= due[0].latest for _, stop in plan.stops())

    def test_shares_work_out_evenly_where_travel_costs_nothing(self) -> None:
        # 1 + 2 + ... + 12 = 78 minutes of care at one place, 26 for each of three nurses
        services = [a_service(f"{n}", 0, duration=n * MINUTE) for n in range(1, 13)]
        vehicles = [a_vehicle(name) for name in ("l", "m", "n")]

        plan = solve(a_problem(services, vehicles, weights=Weights(travel=0, balance=60)), iterations=1000)

        assert plan.unassigned == ()
        assert plan.cost.total == 0

    def test_spreads_work_when_balance_counts(self) -> None:
        services = [a_service("a", 1, HOUR), a_service("b", 1, HOUR)]
        vehicles = [a_vehicle("n"), a_vehicle("m")]

        plan = solve(a_problem(services, vehicles, weights=Weights(balance=10)), iterations=300)

        assert [len(route.stops) for route in plan.routes] == [1, 1]

    def test_works_overtime_when_leaving_out_costs_more(self) -> None:
        # ten minutes of care from 13:55, a minute home: back at 14:06
        windows = (TimeWindow(13 * HOUR + 55 * MINUTE, 14 * HOUR),)
        vehicle = a_vehicle(overtime=HOUR)

        plan = solve(
            a_problem([a_service(windows=windows)], [vehicle], weights=Weights(overtime=7)), iterations=50
        )

        assert plan.cost.terms["overtime"] == 6 * 7

    def test_keeps_a_pinned_nurse_start_and_order(self) -> None:
        services = [
            a_service("a", 1, pinned_vehicle=1),
            a_service("b", 5, pinned_start=9 * HOUR + 17),
            a_service("c", 3),
        ]
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m", 5)], orders=((1, 0),))

        plan = solve(problem, iterations=200)

        placed = plan.placed()
        assert violations(problem, plan) == []
        assert placed[1][1].start == 9 * HOUR + 17
        assert placed[0][0] == placed[1][0] == 1

    def test_prefers_whom_the_patient_knows(self) -> None:
        vehicles = [a_vehicle("near", 1), a_vehicle("far", 5)]

        plan = solve(a_problem([a_service(known={0: 500})], vehicles), iterations=50)

        # the far nurse drives 2 * 4 minutes = 480 points
        assert plan.cost.total == 480


class TestTeam:
    def test_gives_the_same_plan_for_the_same_seed_and_threads(self) -> None:
        problem = a_day(60, 5, seed=1)

        first = solve(problem, iterations=600, seed=3, threads=2)
        again = solve(problem, iterations=600, seed=3, threads=2)

        assert first == again
        assert first.iterations == 1200
        assert violations(problem, first) == []

    def test_opens_another_vehicle_of_a_large_equal_fleet(self) -> None:
        # 300 services of demand 1 and vehicles that carry 10: 30 vehicles at least, more than are looked at
        # by nearness
        services = [a_service(f"{n}", n % 6, 60, demand=1) for n in range(300)]
        vehicles = [a_vehicle(f"{n}", capacity=10) for n in range(40)]
        problem = a_problem(services, vehicles)

        plan = solve(problem, iterations=200, threads=2)

        assert violations(problem, plan) == []
        assert not plan.unassigned
