"""A receipt names every change, every broken promise and its price."""

from collections.abc import Sequence
from typing import Any

import pytest

from routing.clock import time_routes
from routing.compare import compare
from routing.plan import Plan
from routing.problem import Problem, Service, TimeWindow
from routing.units import as_clock, as_duration, as_list
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle


def the_plan(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    routes = time_routes(problem, sequences)
    assert routes is not None
    return Plan(routes)


def a_day(services: Sequence[Service]) -> Problem:
    return a_problem(services, [a_vehicle("anna"), a_vehicle("berta")])


class TestCompare:
    def test_says_nothing_about_equal_plans(self) -> None:
        problem = a_day([a_service()])
        plan = the_plan(problem, {0: [0]})

        receipt = compare(problem, plan, plan)

        assert (receipt.changes, receipt.broken, receipt.sentences, receipt.points) == ((), (), (), 0)

    def test_names_nurse_and_time_before_and_after(self) -> None:
        problem = a_day([a_service("a", 1), a_service("b", 1), a_service("c", 1)])

        receipt = compare(problem, the_plan(problem, {0: [0, 1, 2]}), the_plan(problem, {0: [0, 2], 1: [1]}))

        # leaving at 6:00, one minute on the road, ten at each
        assert receipt.sentences == (
            "service b: nurse berta instead of nurse anna; 06:01 instead of 06:11, 10 min earlier",
            "service c: 06:11 instead of 06:21, 10 min earlier",
            "travel costs 120 points more",
        )
        assert [change.moved for change in receipt.changes] == [-10 * MINUTE, -10 * MINUTE]

    def test_names_what_is_taken_in_and_what_is_left_out(self) -> None:
        problem = a_day([a_service("a", penalty=500), a_service("b", penalty=700)])

        receipt = compare(problem, the_plan(problem, {0: [0]}), the_plan(problem, {0: [1]}))

        assert receipt.sentences == (
            "service b is taken in: nurse anna at 06:01",
            "service a is left out",
            "service a was planned and is left out",
            "unassigned costs 200 points less",
        )
        assert receipt.points == -200
        assert [change.moved for change in receipt.changes] == [0, 0]

    @pytest.mark.parametrize(
        ("promise", "more", "sentence"),
        [
            (
                "pinned nurse",
                {"pinned_vehicle": 0},
                "service b was promised to nurse anna and goes to nurse berta",
            ),
            (
                "pinned start",
                {"pinned_start": 6 * HOUR + 11 * MINUTE},
                "service b was promised for 06:11 and starts at 06:01",
            ),
            (
                "wish",
                {"wish": TimeWindow(6 * HOUR + 10 * MINUTE, 7 * HOUR)},
                "service b starts at 06:01, outside the wished time from 06:10 to 07:00",
            ),
            (
                "preferred nurse",
                {"preferred": frozenset({0})},
                "service b goes to nurse berta, who is not among the preferred",
            ),
        ],
    )
    def test_names_the_promise_that_breaks(self, promise: str, more: dict[str, Any], sentence: str) -> None:
        plain = a_day([a_service("a", 1), a_service("b", 1)])
        before, after = the_plan(plain, {0: [0, 1]}), the_plan(plain, {0: [0], 1: [1]})

        problem = a_day([a_service("a", 1), a_service("b", 1, **more)])
        receipt = compare(problem, before, after)

        assert [(broken.promise, broken.sentence) for broken in receipt.broken] == [(promise, sentence)]
        assert compare(problem, after, before).broken == ()

    def test_names_lateness(self) -> None:
        windows = (TimeWindow(6 * HOUR, 6 * HOUR + 5 * MINUTE),)
        plain = a_day([a_service("a", 1), a_service("b", 1)])
        before, after = the_plan(plain, {0: [1, 0]}), the_plan(plain, {0: [0, 1]})

        receipt = compare(
            a_day([a_service("a", 1), a_service("b", 1, windows=windows, late=10)]), before, after
        )

        # 6:11 against a window that ends at 6:05
        assert [broken.sentence for broken in receipt.broken] == [
            "service b starts at 06:11, 6 min after the end of its time window"
        ]
        assert receipt.terms["lateness"] == 60


class TestWords:
    @pytest.mark.parametrize(
        ("time", "text"),
        [(0, "00:00"), (23 * HOUR + 59, "23:00"), (24 * HOUR + 900, "00:15 (+1)"), (-HOUR, "23:00 (-1)")],
    )
    def test_writes_times_of_the_day(self, time: int, text: str) -> None:
        assert as_clock(time) == text

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0 min"), (61, "2 min"), (2 * HOUR, "2 h"), (6 * HOUR + 30 * MINUTE, "6 h 30 min")],
    )
    def test_writes_durations(self, seconds: int, text: str) -> None:
        assert as_duration(seconds) == text

    @pytest.mark.parametrize(
        ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
    )
    def test_writes_lists(self, items: list[str], text: str) -> None:
        assert as_list(items, "or") == text
