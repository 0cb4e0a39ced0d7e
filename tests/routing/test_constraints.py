"""The check names each breach of each rule: a good plan is bent in one place at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from routing.check import violations
from routing.clock import time_routes
from routing.constraints import CONSTRAINTS, allowed
from routing.objective import cost_of
from routing.plan import Break, Plan, Route, Unassigned
from routing.problem import WORKING_TIME_LAW, Link, Nurses, Problem, TimeWindow
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle


def a_plan(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    """The plan with these orders; services that are not named are unassigned."""
    routes = time_routes(problem, sequences)
    assert routes is not None
    return of(problem, routes)


def of(problem: Problem, routes: tuple[Route, ...]) -> Plan:
    done = {stop.service for route in routes for stop in route.stops}
    left = [number for number in range(len(problem.services)) if number not in done]
    unassigned = tuple(Unassigned(number, ("objective",), "left out", proven=False) for number in left)
    return Plan(routes, unassigned, cost_of(problem, routes))


def broken(problem: Problem, plan: Plan) -> set[str]:
    return {violation.rule for violation in violations(problem, plan)}


def bent(plan: Plan, change: Callable[[Route], Route]) -> Plan:
    return replace(plan, routes=(change(plan.routes[0]), *plan.routes[1:]))


class TestViolations:
    def test_accepts_a_plan_that_keeps_all_rules(self) -> None:
        problem = a_problem([a_service("a", 1), a_service("b", 3)])

        assert violations(problem, a_plan(problem, {0: [0, 1]})) == []

    def test_names_the_missing_skill(self) -> None:
        good = a_problem([a_service("a")])
        problem = a_problem([a_service("a", skills={"wound": 2})], [a_vehicle(skills={"wound": 1})])

        found = violations(problem, a_plan(good, {0: [0]}))

        assert [v.sentence for v in found] == ["nurse n lacks wound (grade 2) for service a"]

    @pytest.mark.parametrize("who", [{"forbidden": frozenset({0})}, {"allowed": frozenset({1})}])
    def test_names_a_nurse_who_may_not_come(self, who: dict[str, Any]) -> None:
        vehicles = [a_vehicle("n"), a_vehicle("m")]
        plan = a_plan(a_problem(vehicles=vehicles), {0: [0]})

        assert broken(a_problem([a_service(**who)], vehicles), plan) == {"allowed-nurses"}

    def test_names_a_start_between_two_windows(self) -> None:
        plan = a_plan(a_problem(), {0: [0]})
        windows = (TimeWindow(0, HOUR), TimeWindow(9 * HOUR, 10 * HOUR))

        assert broken(a_problem([a_service(windows=windows)]), plan) == {"time-windows"}

    @pytest.mark.parametrize("shift", [TimeWindow(7 * HOUR, 14 * HOUR), TimeWindow(6 * HOUR, 6 * HOUR + 60)])
    def test_names_a_route_outside_the_shift(self, shift: TimeWindow) -> None:
        plan = a_plan(a_problem(), {0: [0]})

        assert broken(a_problem(vehicles=[a_vehicle(shift=shift)]), plan) == {"shifts"}

    def test_names_a_route_that_takes_too_long(self) -> None:
        plan = a_plan(a_problem(), {0: [0]})

        # one minute out, ten of care, one minute home: 720 s
        assert broken(a_problem(vehicles=[a_vehicle(max_work=719)]), plan) == {"working-time"}
        assert broken(a_problem(vehicles=[a_vehicle(max_work=720)]), plan) == set()

    def test_names_a_visit_that_is_done_in_part(self) -> None:
        services = [a_service("a", visit="v"), a_service("b", visit="v")]
        problem = a_problem(services)

        assert broken(problem, a_plan(problem, {0: [0]})) == {"whole-visits"}

    def test_names_a_service_that_is_forgotten_and_one_that_appears_twice(self) -> None:
        problem = a_problem()
        plan = a_plan(problem, {0: [0]})
        left = Unassigned(0, ("objective",), "left out", proven=False)

        assert broken(problem, replace(plan, unassigned=(left,))) == {"once"}
        assert broken(problem, replace(plan, routes=())) == {"once", "cost"}

    def test_names_a_nurse_with_two_routes(self) -> None:
        problem = a_problem([a_service("a"), a_service("b")])
        first = a_plan(problem, {0: [0]}).routes
        second = a_plan(problem, {0: [1]}).routes

        assert broken(problem, of(problem, first + second)) == {"once"}

    @pytest.mark.parametrize(
        "link",
        [
            Link(0, 1, 0, 0, Nurses.DIFFERENT),
            Link(0, 1, HOUR, None),
            Link(0, 1, 0, 5 * MINUTE),
            Link(0, 1, 0, None, Nurses.DIFFERENT),
        ],
    )
    def test_names_a_link_that_is_not_kept(self, link: Link) -> None:
        # a starts at 6:01 and b at once after it, ten minutes later, by the same nurse
        services = [a_service("a", 1), a_service("b", 1)]
        plan = a_plan(a_problem(services), {0: [0, 1]})

        assert broken(a_problem(services, links=(link,)), plan) == {"links"}

    def test_names_a_link_that_asks_for_the_same_nurse(self) -> None:
        services, vehicles = [a_service("a"), a_service("b")], [a_vehicle("n"), a_vehicle("m")]
        plan = a_plan(a_problem(services, vehicles), {0: [0], 1: [1]})
        link = Link(0, 1, 0, None, Nurses.SAME)

        assert broken(a_problem(services, vehicles, links=(link,)), plan) == {"links"}

    def test_names_a_vehicle_that_carries_too_much(self) -> None:
        services = [a_service("a", demand=2), a_service("b", demand=3)]
        plan = a_plan(a_problem(services), {0: [0, 1]})

        assert broken(a_problem(services, [a_vehicle(capacity=4)]), plan) == {"capacity"}
        assert broken(a_problem(services, [a_vehicle(capacity=5)]), plan) == set()

    def test_names_a_service_pinned_to_another_nurse(self) -> None:
        vehicles = [a_vehicle("n"), a_vehicle("m")]
        plan = a_plan(a_problem(vehicles=vehicles), {0: [0]})

        assert broken(a_problem([a_service(pinned_vehicle=1)], vehicles), plan) == {"pinned-nurses"}

    def test_names_a_pinned_start_that_moved(self) -> None:
        plan = a_plan(a_problem(), {0: [0]})

        assert broken(a_problem([a_service(pinned_start=8 * HOUR)]), plan) == {"pinned-starts"}

    @pytest.mark.parametrize("sequences", [{0: [0, 2, 1]}, {0: [1, 0, 2]}, {0: [0, 2], 1: [1]}])
    def test_names_an_order_torn_apart(self, sequences: dict[int, list[int]]) -> None:
        services = [a_service(name) for name in "abc"]
        vehicles = [a_vehicle("n"), a_vehicle("m")]
        plan = a_plan(a_problem(services, vehicles), sequences)

        assert broken(a_problem(services, vehicles, orders=((0, 1),)), plan) == {"orders"}

    def test_accepts_a_late_start_and_overtime_where_they_are_allowed(self) -> None:
        early = (TimeWindow(0, 5 * HOUR),)
        short = TimeWindow(6 * HOUR, 6 * HOUR + 60)
        plan = a_plan(a_problem(), {0: [0]})
        problem = a_problem([a_service(windows=early, late=1)], [a_vehicle(shift=short, overtime=HOUR)])

        assert broken(problem, plan) == {"cost"}
        assert broken(problem, of(problem, plan.routes)) == set()

    def test_has_a_test_for_each_rule(self) -> None:
        names = {rule.name for rule in CONSTRAINTS}

        assert names == {
            "once",
            "whole-visits",
            "allowed-nurses",
            "required-skills",
            "travel-times",
            "time-windows",
            "shifts",
            "working-time",
            "breaks",
            "lunch",
            "links",
            "capacity",
            "pinned-nurses",
            "pinned-starts",
            "orders",
            "working-day",
            "rest",
            "things",
            "remote-parts",
        }


class TestTravelTimes:
    @pytest.mark.parametrize(
        "change",
        [
            lambda r: replace(r, stops=(replace(r.stops[0], start=r.stops[0].start + 1), *r.stops[1:])),
            lambda r: replace(r, stops=(replace(r.stops[0], arrival=r.stops[0].arrival - 1), *r.stops[1:])),
            lambda r: replace(r, stops=(replace(r.stops[0], travel=0), *r.stops[1:])),
            lambda r: replace(r, stops=(replace(r.stops[0], metres=1), *r.stops[1:])),
            lambda r: replace(r, leaves=r.leaves + 1),
            lambda r: replace(r, returns=r.returns - 1),
            lambda r: replace(r, travel_home=1),
            lambda r: replace(r, breaks=(Break(r.leaves, r.leaves + 900, 0),)),
            lambda r: replace(r, breaks=(Break(r.returns, r.returns + 900, 9),)),
        ],
    )
    def test_names_what_the_clock_does_not_allow(self, change: Callable[[Route], Route]) -> None:
        problem = a_problem([a_service("a", 1), a_service("b", 3)])

        assert broken(problem, bent(a_plan(problem, {0: [0, 1]}), change)) == {"travel-times"}

    def test_names_a_route_without_a_stop(self) -> None:
        problem = a_problem([])

        assert broken(problem, Plan((Route(0, (), (), 21600, 21600, 0, 0),), cost=cost_of(problem, ()))) == {
            "travel-times"
        }


class TestBreaks:
    """A nurse under the German working time law who cares for five hours and waits long."""

    def a_day(self) -> Problem:
        late = (TimeWindow(12 * HOUR, 12 * HOUR),)
        services = [
            a_service("a", 1, HOUR, windows=(TimeWindow(6 * HOUR, 6 * HOUR + MINUTE),)),
            a_service("b", 1, HOUR, windows=late),
        ]
        return a_problem(services, [a_vehicle(breaks=WORKING_TIME_LAW)])

    def test_are_planned_where_no_stretch_gets_too_long(self) -> None:
        problem = self.a_day()

        plan = a_plan(problem, {0: [0, 1]})

        # away from 6:00 to 13:01, more than six hours of work even with a quarter of an hour of rest
        assert [pause.end - pause.start for pause in plan.routes[0].breaks] == [30 * MINUTE]
        assert broken(problem, plan) == set()

    @pytest.mark.parametrize(
        "breaks",
        [
            (),
            (Break(8 * HOUR, 8 * HOUR + 20 * MINUTE, 1),),
            (Break(8 * HOUR, 8 * HOUR + 20 * MINUTE, 1), Break(9 * HOUR, 9 * HOUR + 10 * MINUTE, 1)),
        ],
    )
    def test_are_named_when_too_short_or_missing(self, breaks: tuple[Break, ...]) -> None:
        problem = self.a_day()
        plan = bent(a_plan(problem, {0: [0, 1]}), lambda route: replace(route, breaks=breaks))

        assert broken(problem, plan) == {"breaks"}

    def test_may_be_cut_into_parts(self) -> None:
        problem = self.a_day()
        parts = (Break(8 * HOUR, 8 * HOUR + 900, 1), Break(10 * HOUR, 10 * HOUR + 900, 1))
        plan = bent(a_plan(problem, {0: [0, 1]}), lambda route: replace(route, breaks=parts))

        assert broken(problem, plan) == set()

    def test_are_named_when_they_come_too_late(self) -> None:
        service = a_service("a", 1, 6 * HOUR + 30 * MINUTE)
        problem = a_problem([service], [a_vehicle(breaks=WORKING_TIME_LAW)])
        plan = a_plan(a_problem([service]), {0: [0]})

        found = broken(problem, plan)

        assert found == {"breaks"}
        assert time_routes(problem, {0: [0]}) is None


class TestCheck:
    def test_judges_no_further_when_a_number_is_unknown(self) -> None:
        problem = a_problem()
        plan = a_plan(problem, {0: [0]})

        assert broken(problem, bent(plan, lambda route: replace(route, vehicle=7))) == {"known"}
        assert broken(a_problem([]), plan) == {"known"}

    def test_recomputes_the_cost(self) -> None:
        problem = a_problem()
        plan = a_plan(problem, {0: [0]})

        assert broken(problem, replace(plan, cost=replace(plan.cost, terms={"travel": 1}))) == {"cost"}


class TestAllowed:
    def test_asks_each_filter(self) -> None:
        services = [a_service("a", skills={"x": 1}), a_service("b", allowed=frozenset({1})), a_service("c")]
        problem = a_problem(services, [a_vehicle("n", skills={"x": 1}), a_vehicle("m")])

        np.testing.assert_array_equal(allowed(problem), [[True, False], [False, True], [True, True]])
