"""Keys and cars are with one nurse at a time."""

from dataclasses import replace

import pytest

from routing.check import violations
from routing.clock import time_routes
from routing.errors import InvalidVehicle
from routing.exact import plan_exactly
from routing.explain import unassigned
from routing.insertion import best
from routing.parts import split
from routing.plan import Plan
from routing.problem import Problem, TimeWindow
from routing.repair import VisitLonger, changed_day, repair
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle
from tests.routing.test_constraints import broken, of
from tests.routing.test_rota import at

KEY = frozenset({"key"})
CAR = frozenset({"car"})


def two_nurses_with_a_key(second: float) -> Problem:
    """One at place 1 from 7:00 on for ten minutes, home at 7:11; another there from `second` o'clock on."""
    services = [a_service("a", 1, windows=at(7), needs=KEY), a_service("b", 1, windows=at(second), needs=KEY)]
    services[0] = replace(services[0], allowed=frozenset({0}))
    services[1] = replace(services[1], allowed=frozenset({1}))
    return a_problem(services, [a_vehicle("n"), a_vehicle("m", shift=TimeWindow(6 * HOUR, 15 * HOUR))])


def with_window(problem: Problem, window: TimeWindow) -> Problem:
    """The same with another window for the second service."""
    first, second = problem.services
    return replace(problem, services=(first, replace(second, windows=(window,))))


def routes_of(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    """These routes as if there were keys and cars for all."""
    services = tuple(replace(service, needs=frozenset()) for service in problem.services)
    vehicles = tuple(replace(vehicle, uses=frozenset()) for vehicle in problem.vehicles)
    routes = time_routes(replace(problem, services=services, vehicles=vehicles), sequences)
    assert routes is not None
    return of(problem, routes)


class TestThings:
    def test_are_named_where_two_nurses_have_one(self) -> None:
        # home at 7:11; out one minute before the second stop
        meeting, apart = two_nurses_with_a_key(7.19), two_nurses_with_a_key(7.2)

        found = violations(meeting, routes_of(meeting, {0: [0], 1: [1]}))

        assert [v.sentence for v in found] == ["nurses n and m both have key at the same time"]
        assert broken(apart, routes_of(apart, {0: [0], 1: [1]})) == set()

    def test_are_a_car_that_two_shifts_use(self) -> None:
        services = [a_service("a", 1, windows=at(7)), a_service("b", 1, windows=at(7.1))]
        problem = a_problem(services, [a_vehicle("n", uses=CAR), a_vehicle("m", uses=CAR)])

        assert broken(problem, routes_of(problem, {0: [0], 1: [1]})) == {"things"}

    def test_are_either_needed_or_used(self) -> None:
        with pytest.raises(InvalidVehicle, match="vehicle n: uses names key, which services need"):
            a_problem([a_service(needs=KEY)], [a_vehicle(uses=KEY)])

    def test_hold_services_together_that_need_the_same(self) -> None:
        assert len(split(two_nurses_with_a_key(8))) == 1


class TestSolve:
    def test_hands_a_key_over_at_the_depot(self) -> None:
        problem = two_nurses_with_a_key(7)
        problem = with_window(problem, TimeWindow(7 * HOUR, 8 * HOUR))

        plan = solve(problem, iterations=100)

        # the first is home at 7:11, the second leaves then
        assert violations(problem, plan) == []
        assert plan.placed()[1][1].start == 7 * HOUR + 12 * MINUTE

    def test_leaves_out_what_would_need_a_second_key(self) -> None:
        problem = two_nurses_with_a_key(7.1)

        plan = solve(problem, iterations=100)

        proof = plan_exactly(problem, 5)
        assert proof is not None
        assert violations(problem, plan) == []
        assert len(plan.placed()) == 1
        assert plan.cost.total == proof.cost

    def test_lends_one_car_to_one_nurse_after_the_other(self) -> None:
        windows = [(TimeWindow(h * HOUR, (h + 2) * HOUR),) for h in (7, 7, 12, 12)]
        services = [a_service(f"{n}", n, HOUR, windows=w) for n, w in enumerate(windows)]
        shifts = [TimeWindow(6 * HOUR, 13 * HOUR), TimeWindow(7 * HOUR, 20 * HOUR)]
        vehicles = [a_vehicle(f"{n}", uses=CAR, shift=s, max_work=3 * HOUR) for n, s in enumerate(shifts)]
        problem = a_problem(services, vehicles)

        plan = solve(problem, iterations=200)

        assert violations(problem, plan) == []
        assert plan.unassigned == ()
        assert plan.routes[0].returns <= plan.routes[1].leaves


class TestAround:
    def test_insertion_waits_for_the_key(self) -> None:
        problem = two_nurses_with_a_key(7)
        windows = (TimeWindow(7 * HOUR, 8 * HOUR),)
        problem = replace(
            problem, services=(problem.services[0], replace(problem.services[1], windows=windows))
        )
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        places = best(problem, of(problem, routes), 1)

        assert [place.stops[1][1].start for place in places] == [7 * HOUR + 12 * MINUTE]
        assert violations(problem, of(problem, places[0].applied(routes))) == []

    def test_explain_says_that_the_key_is_out(self) -> None:
        problem = two_nurses_with_a_key(7.1)
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        reason = unassigned(problem, of(problem, routes), 1)

        assert "things" in reason.rules
        assert "a key or a car would be with two nurses at once" in reason.sentence

    def test_repair_waits_for_a_key_that_comes_back_later(self) -> None:
        problem = two_nurses_with_a_key(7.5)
        windows = (TimeWindow(7 * HOUR + 30 * MINUTE, 10 * HOUR),)
        problem = replace(
            problem, services=(problem.services[0], replace(problem.services[1], windows=windows))
        )
        routes = time_routes(problem, {0: [0], 1: [1]})
        assert routes is not None
        plan, events, now = of(problem, routes), [VisitLonger(0, HOUR)], 7 * HOUR + 5 * MINUTE

        mended = repair(problem, plan, events, now=now, iterations=10)

        # home at 8:01, out at once
        assert violations(changed_day(problem, plan, events, now=now).problem, mended) == []
        assert mended.placed()[1][1].start == 8 * HOUR + 2 * MINUTE
