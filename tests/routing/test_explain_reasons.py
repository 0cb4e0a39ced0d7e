"""A reason is proven or says that it is not, and what would have to change has been tried."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.check import violations
from routing.clock import time_routes
from routing.exact import plan_exactly
from routing.explain import NotPlanned, Reason, explain_unassigned, stop, unassigned
from routing.insertion import best
from routing.objective import cost_of
from routing.plan import Plan
from routing.problem import WORKING_TIME_LAW, Problem, TimeWindow
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_double_visit, a_problem, a_service, a_vehicle, small_days


def the_plan(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    routes = time_routes(problem, sequences)
    assert routes is not None
    return Plan(routes, explain_unassigned(problem, routes), cost_of(problem, routes))


def sentences(reason: Reason) -> list[str]:
    return [change.sentence for change in reason.counterfactuals]


class TestUnassigned:
    def test_says_how_much_longer_a_shift_would_do(self) -> None:
        # 7 h 50 of care, 10 more minutes and 2 of travel: two minutes too many
        services = [a_service("a", 0, 7 * HOUR + 50 * MINUTE), a_service("b", 1)]
        problem = a_problem(services)

        reason = unassigned(problem, the_plan(problem, {0: [0]}), 1)

        assert (reason.rules, reason.proven, reason.scope) == (("shifts",), True, (0,))
        assert reason.sentence == (
            "however all planned visits are arranged beside it, a nurse would be home after her shift"
        )
        assert sentences(reason) == [
            "if nurse n may end 15 min later: nurse n at 06:01, +2 km",
            "if nurse n starts 15 min earlier: nurse n at 05:46, +2 km",
        ]

    def test_names_who_would_have_to_be_allowed_or_to_learn(self) -> None:
        services = [a_service("a", 1, allowed=frozenset({0}), skills={"x": 2})]
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m", skills={"x": 2})])

        reason = unassigned(problem, the_plan(problem, {}), 0)

        assert reason.sentence == ("no nurse on duty both is allowed at this patient and holds x at grade 2")
        assert reason.proven
        assert sentences(reason) == [
            "if nurse m were allowed at this patient: nurse m at 06:01, +2 km",
            "if nurse n held x at grade 2: nurse n at 06:01, +2 km",
        ]

    def test_says_that_a_visit_fits_once_others_are_rearranged(self) -> None:
        # a may start until 6:00 or from 13:50; b only until 6:00: a has to give way, in another window
        windows = (TimeWindow(6 * HOUR, 6 * HOUR), TimeWindow(12 * HOUR, 12 * HOUR))
        services = [
            a_service("a", 0, HOUR, windows=windows),
            a_service("b", 0, HOUR, windows=windows[:1]),
        ]
        problem = a_problem(services)

        reason = unassigned(problem, the_plan(problem, {0: [0]}), 1)

        assert reason.rules == ("rearrange",)
        assert reason.sentence == (
            "it fits only if the visits of nurse n are rearranged: nurse n at 06:00, +0 km"
        )
        assert reason.plan is not None
        assert violations(problem, reason.plan) == []

    def test_says_that_leaving_out_is_cheaper(self) -> None:
        problem = a_problem([a_service(penalty=100)])

        reason = unassigned(problem, the_plan(problem, {}), 0)

        assert reason.rules == ("objective",)
        assert (
            reason.sentence == "it fits with nurse n at 06:01 but costs 120 points; leaving it out costs 100"
        )

    def test_says_when_only_some_routes_were_rearranged(self) -> None:
        services = [a_service(f"s{n}", 0, 8 * HOUR) for n in range(6)]
        problem = a_problem(services, [a_vehicle(f"n{n}") for n in range(5)])

        reason = unassigned(problem, the_plan(problem, {n: [n] for n in range(5)}), 5)

        assert not reason.proven
        assert reason.sentence == (
            "however the visits of nurses n0 and n1 are arranged beside it, "
            "a nurse would be home after her shift"
        )

    def test_explains_both_services_of_a_double_visit(self) -> None:
        services, link = a_double_visit(windows=(TimeWindow(8 * HOUR, 8 * HOUR + 50 * MINUTE),))
        busy = a_service("c", 1, HOUR, windows=(TimeWindow(8 * HOUR, 8 * HOUR),))
        problem = a_problem([*services, busy], [a_vehicle("n"), a_vehicle("m")], links=(link,))

        reason = unassigned(problem, the_plan(problem, {0: [2]}), 0)

        assert (reason.rules, reason.proven) == (("links", "time-windows"), True)
        # n is busy from 8:00 to 9:00; m comes a minute out and one home
        assert sentences(reason) == [
            "if it may start 15 min later: nurses n and m at 09:00, +2 km",
            "if it may start 15 min earlier: nurses n and m at 07:45, +2 km",
        ]

    def test_asks_a_model_about_breaks(self) -> None:
        services = [a_service("a", 0, 5 * HOUR), a_service("b", 0, 3 * HOUR)]
        problem = a_problem(services, [a_vehicle(breaks=WORKING_TIME_LAW)])

        reason = unassigned(problem, the_plan(problem, {0: [0]}), 1)

        # eight hours of care and half an hour of rest in eight hours
        assert (reason.rules, reason.proven) == (("breaks", "shifts"), True)

    @settings(max_examples=40, deadline=None)
    @given(small_days(5, 2), st.integers(0, 4))
    def test_gives_true_reasons(self, problem: Problem, number: int) -> None:
        number %= len(problem.services)
        members = [n for n, s in enumerate(problem.services) if s.visit == problem.services[number].visit]
        plan = solve(problem, iterations=20)
        kept = {r.vehicle: [s.service for s in r.stops if s.service not in members] for r in plan.routes}
        routes = time_routes(problem, kept)
        if routes is None:
            return
        plan = Plan(routes, explain_unassigned(problem, routes), cost_of(problem, routes))

        reason = unassigned(problem, plan, number)

        if reason.plan is not None:
            assert violations(problem, reason.plan) == []
            assert number in reason.plan.placed()
        for change in reason.counterfactuals:
            assert violations(change.problem, change.plan) == []
            assert number in change.plan.placed()
        if reason.proven and reason.plan is None:
            assert best(problem, plan, number) == []
            everything = plan_exactly(dear(problem, {*plan.placed(), *members}), 5.0)
            assert everything is None or not {*plan.placed(), *members} <= everything.starts.keys()


def dear(problem: Problem, services: set[int]) -> Problem:
    """The same day, these services alone being worth while."""
    return replace(
        problem,
        services=tuple(
            replace(s, penalty=10**9 if n in services else 0) for n, s in enumerate(problem.services)
        ),
    )


class TestStop:
    def test_names_the_next_best_nurse_and_her_price(self) -> None:
        problem = a_problem([a_service("a", 1)], [a_vehicle("n"), a_vehicle("m", 4), a_vehicle("far", 5)])
        plan = the_plan(problem, {0: [0]})

        choice = stop(problem, plan, 0)

        # 0-1-0 is 2 minutes, 4-1-4 six, 5-1-5 eight
        assert choice.sentence == "nurse n is the cheapest; next is nurse m at 06:03: 240 points more, +4 km"
        assert [(other.vehicle, other.points) for other in choice.alternatives] == [(1, 240), (2, 360)]

    def test_says_who_is_excluded_and_who_is_full(self) -> None:
        services = [a_service("a", 1, skills={"x": 1}), a_service("b", 0, 8 * HOUR)]
        vehicles = [a_vehicle("n", skills={"x": 1}), a_vehicle("m"), a_vehicle("o", skills={"x": 1})]
        problem = a_problem(services, vehicles)

        choice = stop(problem, the_plan(problem, {0: [0], 2: [1]}), 0)

        assert choice.excluded == {"required-skills": (1,)}
        assert choice.full == (2,)
        assert choice.sentence == "as the plan stands, no nurse but n has room for it"

    def test_says_that_nobody_else_can(self) -> None:
        problem = a_problem([a_service("a", 1)])

        assert stop(problem, the_plan(problem, {0: [0]}), 0).sentence == (
            "nurse n is the only one on duty who can do it"
        )

    def test_says_so_if_another_would_be_cheaper(self) -> None:
        problem = a_problem([a_service("a", 4)], [a_vehicle("n"), a_vehicle("m", 4)])

        choice = stop(problem, the_plan(problem, {0: [0]}), 0)

        # eight minutes against none
        assert choice.sentence == (
            "nurse n is not the cheapest; next is nurse m at 06:00: 480 points less, -8 km"
        )

    @settings(max_examples=30, deadline=None)
    @given(small_days(5, 3))
    def test_prices_alternatives_exactly(self, problem: Problem) -> None:
        plan = solve(problem, iterations=20)
        for number in plan.placed():
            choice = stop(problem, plan, number)
            for other in choice.alternatives:
                assert violations(problem, other.plan) == []
                assert other.plan.placed()[number][0] == other.vehicle != choice.vehicle
                assert other.plan.cost.total - plan.cost.total == other.points

    def test_refuses_a_service_that_is_left_out(self) -> None:
        problem = a_problem()

        with pytest.raises(NotPlanned):
            stop(problem, the_plan(problem, {}), 0)
