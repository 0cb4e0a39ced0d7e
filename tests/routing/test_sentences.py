"""What the check says is for people: times of the day and lengths of time, no seconds."""

from dataclasses import replace
from typing import Any

import pytest

from routing.check import violations
from routing.clock import time_routes
from routing.objective import cost_of
from routing.plan import Break, Plan
from routing.problem import WORKING_TIME_LAW, Link, Problem, TimeWindow
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle

LAW = replace(WORKING_TIME_LAW, longest_stretch=20 * MINUTE)


def said(problem: Problem, **more: Any) -> list[str]:
    """What is wrong with two services by one nurse from 6:01 to 6:21, home at 6:22."""
    routes = time_routes(a_problem([a_service("a"), a_service("b")]), {0: [0, 1]})
    assert routes is not None
    routes = (replace(routes[0], **more),)
    return [v.sentence for v in violations(problem, Plan(routes, cost=cost_of(problem, routes)))]


def two(first: dict[str, Any] | None = None, **more: Any) -> Problem:
    return a_problem([a_service("a", **(first or {})), a_service("b")], **more)


class TestSentences:
    @pytest.mark.parametrize(
        ("problem", "sentence"),
        [
            (two({"pinned_start": 6 * HOUR}), "service a starts 1 min after 06:00, to which it is pinned"),
            (
                two({"pinned_start": 8 * HOUR}),
                "service a starts 1 h 59 min before 08:00, to which it is pinned",
            ),
            (
                two({"windows": (TimeWindow(0, HOUR), TimeWindow(9 * HOUR, 10 * HOUR))}),
                "service a starts at 06:01, outside 00:00-01:00 and 09:00-10:00",
            ),
            (two(links=(Link(0, 1, HOUR),)), "services a and b start 10 min apart; 1 h or more are asked"),
            (two(links=(Link(0, 1, 0, 0),)), "services a and b start 10 min apart; 0 min are asked"),
            (
                two(links=(Link(0, 1, -HOUR, -60),)),
                "services a and b start 10 min apart; -1 h to -1 min are asked",
            ),
            (two(vehicles=[a_vehicle(max_work=20 * MINUTE)]), "nurse n is away 22 min, 2 min too long"),
            (
                two(vehicles=[a_vehicle(shift=TimeWindow(7 * HOUR, 9 * HOUR))]),
                "nurse n leaves 1 h before her shift",
            ),
            (
                two(vehicles=[a_vehicle(shift=TimeWindow(5 * HOUR, 6 * HOUR))]),
                "nurse n is back 22 min later than she may be",
            ),
            (
                two(vehicles=[a_vehicle(breaks=LAW)]),
                "nurse n works 22 min without a break; 20 min are allowed",
            ),
            (two({"duration": 600 + 60}), "nurse n: service a does not last 11 min"),
        ],
    )
    def test_tell_times_as_people_do(self, problem: Problem, sentence: str) -> None:
        assert sentence in said(problem)

    def test_tell_how_long_breaks_are(self) -> None:
        law = replace(WORKING_TIME_LAW, steps=((10 * MINUTE, 30 * MINUTE),), longest_stretch=HOUR)
        pause = Break(6 * HOUR + 5 * MINUTE, 6 * HOUR + 10 * MINUTE, 1)

        found = said(two(vehicles=[a_vehicle(breaks=law)]), breaks=(pause,))

        assert "nurse n has a break of 5 min; the shortest that counts is 15 min" in found
        assert "nurse n works 17 min with breaks of 5 min; 30 min are due" in found
