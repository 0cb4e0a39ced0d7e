"""Each term of the cost, on routes whose times are known."""

from dataclasses import replace

import pytest

from routing.clock import time_routes
from routing.objective import cost_of, depends_on_times
from routing.problem import Problem, TimeWindow, Weights
from routing.units import per_minute
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle


def terms(problem: Problem, sequences: dict[int, list[int]]) -> dict[str, int]:
    """The terms that are not zero."""
    routes = time_routes(problem, sequences)
    assert routes is not None
    return {name: points for name, points in cost_of(problem, routes).terms.items() if points}


class TestPerMinute:
    @pytest.mark.parametrize(("seconds", "points"), [(0, 0), (1, 1), (60, 7), (61, 8), (600, 70)])
    def test_rounds_up(self, seconds: int, points: int) -> None:
        assert per_minute(7, seconds) == points


class TestCostOf:
    def test_counts_lateness_and_its_peak(self) -> None:
        # 6:01 and 6:11 at place 1; both should have started by 6:00 and 6:05
        services = [
            a_service("a", windows=(TimeWindow(0, 6 * HOUR),), late=3),
            a_service("b", windows=(TimeWindow(0, 6 * HOUR + 5 * MINUTE),), late=5),
        ]
        problem = a_problem(services, weights=Weights(highest_lateness=11))

        assert terms(problem, {0: [0, 1]}) == {
            "travel": 120,
            "lateness": 3 * 1 + 5 * 6,
            "highest_lateness": 11 * 6,
        }

    def test_counts_minutes_outside_a_wish_on_both_sides(self) -> None:
        # starts at 6:01 and 6:11: 59 minutes early, 8 minutes late
        services = [
            a_service("a", wish=TimeWindow(7 * HOUR, 8 * HOUR)),
            a_service("b", wish=TimeWindow(0, 6 * HOUR + 3 * MINUTE)),
        ]
        problem = a_problem(services, weights=Weights(off_wish=2))

        assert terms(problem, {0: [0, 1]}) == {"travel": 120, "off_wish": 2 * 59 + 2 * 8}

    def test_counts_waiting_between_stops_but_not_before_the_first(self) -> None:
        # a from 7:00 to 7:10, b from 9:00
        services = [
            a_service("a", windows=(TimeWindow(7 * HOUR, 7 * HOUR),)),
            a_service("b", windows=(TimeWindow(9 * HOUR, 9 * HOUR),)),
        ]
        problem = a_problem(services, weights=Weights(waiting=3))

        assert terms(problem, {0: [0, 1]}) == {"travel": 120, "waiting": 3 * 110}

    def test_counts_overtime(self) -> None:
        vehicle = a_vehicle(shift=TimeWindow(6 * HOUR, 6 * HOUR + 5 * MINUTE), overtime=HOUR)
        problem = a_problem(vehicles=[vehicle], weights=Weights(overtime=4))

        # back at 6:12
        assert terms(problem, {0: [0]}) == {"travel": 120, "overtime": 4 * 7}

    def test_counts_grades_beyond_need_and_unknown_nurses(self) -> None:
        service = a_service(skills={"care": 1, "wound": 2}, known={0: 40})
        vehicle = a_vehicle(skills={"care": 3, "wound": 2, "driving": 9})
        problem = a_problem([service], [vehicle], weights=Weights(overqualified=100))

        assert terms(problem, {0: [0]}) == {"travel": 120, "known": 40, "overqualified": 200}

    def test_counts_how_far_work_is_from_the_mean(self) -> None:
        # n works 12 minutes, m none: the mean is 6
        problem = a_problem(vehicles=[a_vehicle("n"), a_vehicle("m")], weights=Weights(balance=5))

        assert terms(problem, {0: [0]}) == {"travel": 120, "balance": 5 * 12}


class TestDependsOnTimes:
    def test_is_false_for_what_only_depends_on_who_does_what(self) -> None:
        service = a_service(demand=3, known={0: 5}, pinned_vehicle=0, pinned_start=7 * HOUR)

        assert not depends_on_times(a_problem([service], weights=Weights(overqualified=4)))

    @pytest.mark.parametrize(
        "weights", [Weights(waiting=1), Weights(balance=1), Weights(off_wish=1), Weights(overtime=1)]
    )
    def test_is_true_where_a_weight_and_something_to_weigh_exist(self, weights: Weights) -> None:
        service = a_service(wish=TimeWindow(0, 1))
        vehicle = a_vehicle(overtime=60)

        assert depends_on_times(a_problem([service], [vehicle], weights=weights))
        assert depends_on_times(a_problem([replace(service, late=1)]))
