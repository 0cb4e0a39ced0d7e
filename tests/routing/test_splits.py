"""Breaks in parts: planned where no single break is legal, and only as the rule allows."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.breaks import BreakRule, Lunch
from routing.check import violations
from routing.clock import time_routes
from routing.constraints.breaks import Breaks
from routing.exact import plan_exactly
from routing.objective import cost_of
from routing.plan import Break, Plan
from routing.problem import WORKING_TIME_LAW, Problem, TimeWindow, Vehicle, Weights
from routing.search import Search
from routing.settling import split_options
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle, days_of_tight_visits


def a_day(*visits: tuple[int, int], **more: Any) -> Problem:
    """Visits at home that begin and end at these minutes; one nurse under the law is there as long."""
    services = [
        a_service(f"{number}", 0, (end - begin) * MINUTE, windows=(TimeWindow(begin * 60, begin * 60),))
        for number, (begin, end) in enumerate(visits)
    ]
    shift = TimeWindow(visits[0][0] * MINUTE, visits[-1][1] * MINUTE)
    return a_problem(services, [a_vehicle(shift=shift, **{"breaks": WORKING_TIME_LAW, **more})])


def rests(plan: Plan) -> list[tuple[int, int, int]]:
    """Return the breaks of a plan with one route: begin and end in minutes, and the gap."""
    (route,) = plan.routes
    return [(pause.start // MINUTE, pause.end // MINUTE, pause.after) for pause in route.breaks]


@pytest.fixture(params=[0, 3], ids=["times cost nothing", "waiting costs"])
def weights(request: pytest.FixtureRequest) -> Weights:
    return Weights(waiting=request.param)


class TestSplitBreaks:
    def test_lie_in_two_short_gaps(self, weights: Weights) -> None:
        # from 6:00 to 13:00 with 15 minutes free from 8:00 and from 11:00: 6 h 30 of work ask for 30 minutes
        problem = replace(a_day((360, 480), (495, 660), (675, 780)), weights=weights)

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert rests(plan) == [(480, 495, 1), (660, 675, 2)]

    @pytest.mark.parametrize("first", [15, 30])
    def test_are_of_30_and_15_minutes_after_nine_hours(self, first: int, weights: Weights) -> None:
        # 3 h, 3 h and 3 h 30 of work with 15 and 30 minutes free in this order or the other: 45 are due
        second = 45 - first
        visits = (360, 540), (540 + first, 720 + first), (720 + first + second, 930 + first + second)
        problem = replace(a_day(*visits), weights=weights)

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert rests(plan) == [(540, 540 + first, 1), (720 + first, 765, 2)]

    def test_are_three_where_no_gap_holds_30_minutes(self, weights: Weights) -> None:
        # 3 h, 2 h, 2 h and 2 h 30 of work with 15 minutes free in between, three times
        problem = replace(a_day((360, 540), (555, 675), (690, 810), (825, 975)), weights=weights)

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert rests(plan) == [(540, 555, 1), (675, 690, 2), (810, 825, 3)]

    def test_keep_each_stretch_of_a_long_day_short(self) -> None:
        # from 6:00 to 19:00: with one break of 45 minutes at most 6 h + 45 min + 6 h
        problem = a_day((360, 600), (870, 1140))

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert len(plan.routes[0].breaks) == 2
        assert sum(end - begin for begin, end, _ in rests(plan)) == 45

    def test_are_lunch_and_a_short_part(self, weights: Weights) -> None:
        # from 6:00 to 13:15 with 15 minutes free at 9:00 and 20 at 11:15: lunch of 20 minutes from 11:00 on
        lunch = Lunch(11 * HOUR, 13 * HOUR, 20 * MINUTE)
        problem = replace(a_day((360, 540), (555, 675), (695, 795), lunch=lunch), weights=weights)

        plan = solve(problem, iterations=50)

        assert violations(problem, plan) == []
        assert rests(plan) == [(540, 555, 1), (675, 695, 2)]

    def test_do_not_exist_where_a_gap_is_too_short(self, weights: Weights) -> None:
        # as in the first test, but the second gap is of 14 minutes
        problem = replace(a_day((360, 480), (495, 660), (674, 780)), weights=weights)

        plan = solve(problem, iterations=50)

        assert time_routes(problem, {0: [0, 1, 2]}) is None
        assert len(plan.unassigned) == 1

    def test_are_not_cut_where_the_rule_has_no_parts(self) -> None:
        whole = BreakRule(shortest_part=45 * MINUTE)
        problem = a_day((360, 480), (495, 660), (675, 780), breaks=whole)

        assert split_options(problem.vehicles[0]) == []
        assert len(solve(problem, iterations=50).unassigned) == 1

    def test_leave_one_break_where_one_will_do(self) -> None:
        # 15 minutes free at 8:00 and 9:15, then half an hour
        problem = a_day((360, 480), (495, 555), (570, 660), (690, 780))

        assert rests(solve(problem, iterations=50)) == [(660, 690, 3)]

    def test_are_in_the_proof_of_a_small_day(self) -> None:
        problem = a_day((360, 480), (495, 660), (675, 780))
        short = a_day((360, 480), (495, 660), (674, 780))

        proof, none = plan_exactly(problem, 10), plan_exactly(short, 10)

        assert proof is not None
        assert proof.sequences == {0: [0, 1, 2]}
        assert none is not None
        assert none.optimal
        assert sum(map(len, none.sequences.values())) == 2


LONG = TimeWindow(6 * HOUR, 18 * HOUR)


class TestSplitOptions:
    def test_rest_no_longer_than_a_short_day_asks(self) -> None:
        # who is away for eight hours works less than nine
        options = split_options(a_vehicle(breaks=WORKING_TIME_LAW))

        assert options == [(((15 * MINUTE, False), (15 * MINUTE, False)), 9 * HOUR + 30 * MINUTE)]

    def test_rest_as_short_as_the_law_lets_them(self) -> None:
        minutes = [
            [length // MINUTE for length, _ in parts]
            for parts, _ in split_options(a_vehicle(shift=LONG, breaks=WORKING_TIME_LAW))
        ]

        assert minutes == [[15, 15], [30, 15], [15, 30], [15, 15, 15]]

    def test_have_one_lunch_where_it_is_due(self) -> None:
        lunch = Lunch(11 * HOUR, 13 * HOUR, 30 * MINUTE)

        options = split_options(a_vehicle(shift=LONG, breaks=WORKING_TIME_LAW, lunch=lunch))

        # 45 minutes allow any span: half an hour of lunch and the shortest part are enough
        assert [[(length // MINUTE, noon) for length, noon in parts] for parts, _ in options] == [
            [(30, True), (15, False)],
            [(15, False), (30, True)],
        ]


LENGTHS = [(15,), (30,), (45,), (15, 15), (15, 30), (30, 15), (15, 15, 15)]
"""Minutes of the parts that breaks under the law are cut into."""


def breaks_of(problem: Problem, lengths: tuple[int, ...]) -> Iterator[tuple[Break, ...]]:
    """Yield all breaks of these minutes that begin in steps of five in the gaps of a day of fixed starts."""
    starts = [service.windows[0].earliest for service in problem.services]
    ends = [start + service.duration for start, service in zip(starts, problem.services, strict=True)]
    gaps = [
        [
            Break(begin, begin + length * MINUTE, after + 1)
            for after in range(len(starts) - 1)
            for begin in range(ends[after], starts[after + 1] - length * MINUTE + 1, 5 * MINUTE)
        ]
        for length in lengths
    ]
    for chosen in product(*gaps):
        if all(before.end <= after.start for before, after in pairwise(chosen)):
            yield chosen


def has_breaks(problem: Problem) -> bool:
    """Tell by trying all breaks whether a day of fixed starts has a legal timetable.

    All times of the day are multiples of five minutes, and so are the bounds of the law.
    """
    free = replace(problem, vehicles=(replace(problem.vehicles[0], breaks=None),))
    routes = time_routes(free, {0: list(range(len(problem.services)))})
    assert routes is not None
    return any(
        not list(Breaks().violations(problem, Plan((replace(routes[0], breaks=chosen),))))
        for lengths in [(), *LENGTHS]
        for chosen in breaks_of(problem, lengths)
    )


class TestFit:
    @settings(max_examples=60, deadline=None)
    @given(days_of_tight_visits())
    def test_finds_breaks_exactly_where_there_are_some(self, problem: Problem) -> None:
        found = time_routes(problem, {0: list(range(len(problem.services)))})

        assert (found is not None) == has_breaks(problem)
        if found is not None:
            assert violations(problem, Plan(found, (), cost_of(problem, found))) == []

    @settings(max_examples=60, deadline=None)
    @given(days_of_tight_visits(), st.sampled_from([0, 3]), st.booleans())
    def test_agrees_with_the_compiled_search(self, problem: Problem, waiting: int, lunch: bool) -> None:
        noon = Lunch(11 * HOUR, 13 * HOUR, 20 * MINUTE) if lunch else None
        vehicle: Vehicle = replace(problem.vehicles[0], lunch=noon)
        problem = replace(problem, vehicles=(vehicle,), weights=Weights(waiting=waiting))
        row = list(range(len(problem.services)))
        found = time_routes(problem, {0: row})
        search = Search(problem, 1)

        search.start()
        search.run(200, total=200)

        # all visits together are worth more than any waiting
        sequences, _, _ = search.best()
        assert (sequences.get(0) == row) == (found is not None)
        if found is not None:
            assert cost_of(problem, found).total == search.best_cost
