"""Lunch in its hours, leaving at once or late, and the longest idle time."""

from dataclasses import replace

import pytest

from routing.check import violations
from routing.clock import time_routes
from routing.constraints.lunch import LunchBreaks
from routing.errors import InvalidProblem
from routing.exact import plan_exactly
from routing.objective import cost_of
from routing.plan import Plan
from routing.problem import WORKING_TIME_LAW, Lunch, Problem, TimeWindow, Weights
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle

NOON = Lunch(11 * HOUR, 13 * HOUR, 30 * MINUTE)


def at(time: int) -> tuple[TimeWindow, ...]:
    """A window of one second."""
    return (TimeWindow(time, time),)


def a_day(lunch: Lunch | None, windows: tuple[TimeWindow, ...], *more: tuple[TimeWindow, ...]) -> Problem:
    """Services of an hour at place 1 in these windows, and one nurse from 6 to 14 o'clock."""
    services = [a_service(f"{n}", 1, HOUR, windows=w) for n, w in enumerate((windows, *more))]
    return a_problem(services, [a_vehicle(lunch=lunch)])


class TestLunchBreaks:
    def test_names_a_nurse_without_lunch(self) -> None:
        problem = a_day(None, at(7 * HOUR))
        routes = time_routes(problem, {0: [0]})
        assert routes is not None
        due = a_day(NOON, at(7 * HOUR))
        plan = Plan(routes, (), cost_of(due, routes))

        assert [fault.rule for fault in violations(due, plan)] == ["lunch"]
        assert list(LunchBreaks().violations(a_day(replace(NOON, missed=5), at(7 * HOUR)), plan)) == []

    @pytest.mark.parametrize(
        ("begin", "length", "is_lunch"),
        [
            (11 * HOUR, 1800, True),
            (13 * HOUR, 2700, True),
            (11 * HOUR - 1, 1800, False),
            (13 * HOUR + 1, 1800, False),
            (12 * HOUR, 1799, False),
        ],
    )
    def test_counts_a_break_that_begins_in_the_hours(self, begin: int, length: int, is_lunch: bool) -> None:
        assert NOON.is_taken_by(begin, begin + length) is is_lunch

    def test_refuses_hours_that_end_before_they_begin(self) -> None:
        with pytest.raises(InvalidProblem, match="lunch: it must begin by 5, before 6"):
            Lunch(6, 5, 60)
        with pytest.raises(InvalidProblem, match="missed -1 is not within"):
            Lunch(6, 7, 60, -1)


class TestLunch:
    def test_lies_between_two_visits_in_its_hours(self) -> None:
        problem = a_day(NOON, at(10 * HOUR), (TimeWindow(11 * HOUR, 14 * HOUR),))

        plan = solve(problem, iterations=50)

        # a until 11:00, lunch until 11:30, b where she is until 12:30
        assert violations(problem, plan) == []
        assert [(p.start, p.end, p.after) for p in plan.routes[0].breaks] == [
            (11 * HOUR, 11 * HOUR + 1800, 1)
        ]
        assert plan.routes[0].stops[1].start == 11 * HOUR + 1800

    def test_waits_for_its_hours(self) -> None:
        problem = a_day(NOON, at(7 * HOUR))

        plan = solve(problem, iterations=50)

        # she is free at 8:00 and at home at 8:01, where lunch may be as well
        assert violations(problem, plan) == []
        assert plan.routes[0].breaks[0].start == 11 * HOUR
        assert plan.routes[0].returns == 11 * HOUR + 30 * MINUTE

    def test_leaves_a_visit_out_that_would_take_it(self) -> None:
        # a from 10:50 to 13:05: no lunch may begin before 11:00 or after 13:00
        service = a_service("a", 1, 135 * MINUTE, windows=at(10 * HOUR + 50 * MINUTE))
        problem = a_problem([service], [a_vehicle(lunch=NOON)])

        plan = solve(problem, iterations=50)

        (left,) = plan.unassigned
        assert left.rules == ("lunch",)
        assert "lunch" in left.sentence

    @pytest.mark.parametrize(("missed", "rests"), [(1501, 1), (1499, 0)])
    def test_is_taken_if_that_costs_less_than_missing_it(self, missed: int, rests: int) -> None:
        # a from 10:45 to 12:45, b from 12:45 or, after lunch, from 13:15: half an hour late at 50 points
        services = [
            a_service("a", 1, 2 * HOUR, windows=at(10 * HOUR + 45 * MINUTE)),
            a_service("b", 1, HOUR, windows=at(12 * HOUR + 45 * MINUTE), late=50),
        ]
        nurse = a_vehicle(lunch=replace(NOON, missed=missed), shift=TimeWindow(6 * HOUR, 16 * HOUR))
        problem = a_problem(services, [nurse])

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert len(plan.routes[0].breaks) == rests
        assert plan.cost.total == 120 + min(missed, 1500)

    def test_is_the_break_of_the_law_if_it_is_long_enough(self) -> None:
        services = [a_service("a", 1, 4 * HOUR, windows=at(7 * HOUR)), a_service("b", 1, 3 * HOUR)]
        nurse = a_vehicle(lunch=NOON, breaks=WORKING_TIME_LAW, shift=TimeWindow(6 * HOUR, 16 * HOUR))
        problem = a_problem(services, [nurse])

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert len(plan.placed()) == 2
        assert [pause.end - pause.start for pause in plan.routes[0].breaks] == [30 * MINUTE]

    def test_is_planned_to_proof_as_well(self) -> None:
        problem = a_day(NOON, at(10 * HOUR), (TimeWindow(11 * HOUR, 14 * HOUR),))

        proof = plan_exactly(problem, 10)

        assert proof is not None
        assert proof.optimal
        assert proof.starts[1] >= 11 * HOUR + 30 * MINUTE


class TestLeaving:
    def test_is_late_where_waiting_costs(self) -> None:
        # b from 9:00; a may start until 8:00 and does so then: she waits no longer than from 9:00 to 9:00
        services = [
            a_service("a", 1, HOUR, windows=(TimeWindow(6 * HOUR, 8 * HOUR),)),
            a_service("b", 1, HOUR, windows=at(9 * HOUR)),
        ]
        problem = a_problem(services, weights=Weights(waiting=3))

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert plan.routes[0].leaves == 8 * HOUR - MINUTE
        assert plan.cost.terms["waiting"] == 0

    def test_is_at_once_where_that_is_agreed(self) -> None:
        problem = a_problem(
            [a_service(windows=at(7 * HOUR))],
            [a_vehicle(leaves_at_once=True)],
            weights=Weights(waiting=3),
        )

        plan = solve(problem, iterations=50)

        # from 6:01 to 7:00 she waits
        assert violations(problem, plan) == []
        assert plan.routes[0].leaves == 6 * HOUR
        assert plan.cost.terms["waiting"] == 3 * 59

    def test_is_named_when_it_should_have_been_at_once(self) -> None:
        problem = a_problem([a_service(windows=at(7 * HOUR))])
        routes = time_routes(problem, {0: [0]})
        assert routes is not None
        early = replace(problem, vehicles=(a_vehicle(leaves_at_once=True),))

        faults = violations(early, Plan(routes, (), cost_of(early, routes)))

        assert [fault.rule for fault in faults] == ["shifts"]

    def test_at_once_counts_for_the_longest_absence(self) -> None:
        # back at 7:11, away since 6:00
        day = a_problem([a_service(windows=at(7 * HOUR))], [a_vehicle(leaves_at_once=True, max_work=4259)])

        assert solve(day, iterations=20).unassigned
        longer = replace(day, vehicles=(replace(day.vehicles[0], max_work=4260),))
        assert not solve(longer, iterations=20).unassigned


class TestLongestIdle:
    def test_is_of_the_shift_without_travel_care_and_rest(self) -> None:
        # n: eight hours but for 10 minutes of care, 2 of travel and half an hour of lunch; m: half of a day
        vehicles = [a_vehicle("n", lunch=NOON), a_vehicle("m", shift=TimeWindow(6 * HOUR, 10 * HOUR))]
        problem = a_problem([a_service()], vehicles, weights=Weights(longest_idle=2))
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        assert cost_of(problem, routes).terms["longest_idle"] == 2 * (480 - 10 - 2 - 30)
        assert cost_of(problem, ()).terms["longest_idle"] == 2 * 480

    def test_grows_with_overtime(self) -> None:
        late = a_service(windows=at(14 * HOUR))
        problem = a_problem([late], [a_vehicle(overtime=HOUR)], weights=Weights(longest_idle=2))
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        # back at 14:11, busy for 12 minutes
        assert cost_of(problem, routes).terms["longest_idle"] == 2 * (480 + 11 - 12)

    def test_spreads_work(self) -> None:
        services = [a_service("a", 1, HOUR), a_service("b", 1, HOUR)]
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m")], weights=Weights(longest_idle=10))

        plan = solve(problem, iterations=300)

        assert [len(route.stops) for route in plan.routes] == [1, 1]
        assert plan.cost.terms["longest_idle"] == 10 * (480 - 62)
