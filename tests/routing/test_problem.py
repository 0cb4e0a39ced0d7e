"""A problem that contradicts itself is refused in words that name the culprit."""

from collections.abc import Callable

import numpy as np
import pytest

from routing.breaks import WORKING_TIME_LAW, BreakRule
from routing.errors import InvalidProblem, InvalidTravel
from routing.problem import Link, Service, TimeWindow, Travel, Weights
from routing.units import UNREACHABLE
from tests.routing.problems import a_line, a_problem, a_service, a_vehicle


class TestProblem:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: TimeWindow(2, 1), "ends at 1"),
            (lambda: TimeWindow(0, 2**40), "midnight"),
            (lambda: a_service("s7", duration=-1), "service s7: duration"),
            (lambda: a_service("s7", windows=()), "service s7: give at least one"),
            (lambda: a_service("s7", penalty=-1), "service s7: penalty"),
            (lambda: a_service("s7", skills={"x": -1}), "service s7: a skill"),
            (lambda: a_vehicle("v7", max_work=-1), "vehicle v7: max_work"),
            (lambda: a_vehicle("v7", skills={"x": -1}), "vehicle v7: a skill"),
            (lambda: Link(3, 3), "service 3 is tied to itself"),
            (lambda: Link(3, 4, 10, 5), "link 3-4"),
            (lambda: Link(3, 4, 2**40), "link 3-4"),
            (lambda: Weights(travel=-1), "weight travel"),
            (lambda: BreakRule(shortest_part=0), "positive"),
            (lambda: BreakRule(steps=((3600, 900), (3600, 1800))), "rising"),
            (lambda: a_problem([a_service("s7", 99)]), "service s7: location 99"),
            (
                lambda: a_problem([a_service("s7", allowed=frozenset({5}))]),
                "service s7: allowed names vehicle 5",
            ),
            (lambda: a_problem([a_service("s7"), a_service("s7")]), "service s7: two"),
            (lambda: a_problem(vehicles=[a_vehicle("v7"), a_vehicle("v7")]), "vehicle v7: two"),
            (lambda: a_problem(vehicles=[a_vehicle("v7", 99)]), "vehicle v7: start"),
            (lambda: a_problem(vehicles=[a_vehicle("v7", travel=1)]), "vehicle v7: there is no travel"),
            (lambda: a_problem(links=(Link(0, 9),)), "link 0-9"),
            (lambda: a_problem(travel=()), "at least one travel matrix"),
            (lambda: a_problem(travel=(a_line(6), a_line(5))), "same places"),
        ],
    )
    def test_names_what_is_wrong(self, make: Callable[[], object], words: str) -> None:
        with pytest.raises(InvalidProblem, match=words):
            make()

    def test_sorts_windows_and_gives_a_service_a_visit_of_its_own(self) -> None:
        service = Service("a", 0, 60, (TimeWindow(5, 6), TimeWindow(1, 2)))

        assert service.windows[0] == TimeWindow(1, 2)
        assert service.visit == "a"


class TestTravel:
    @pytest.mark.parametrize("hole", [-1, 2**40, float("nan"), float("inf")])
    def test_names_the_pair_where_the_matrix_has_a_hole(self, hole: float) -> None:
        seconds = np.zeros((3, 3), dtype=np.float64 if isinstance(hole, float) else np.int64)
        seconds[1, 2] = hole

        with pytest.raises(InvalidTravel, match="from place 1 to 2"):
            Travel(seconds, np.zeros((3, 3), dtype=np.int32))  # type: ignore[arg-type]  # what a caller may try

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (np.zeros((2, 3), dtype=np.int32), "not square"),
            (np.zeros((2, 2)), "round up"),
            (np.ones((2, 2), dtype=np.int32), "place 0 to itself"),
            (np.array([[0, 2**30], [0, 0]], dtype=np.int32), "place 0 to 1: longer"),
            (np.zeros((3, 3), dtype=np.int32), "metres"),
        ],
    )
    def test_refuses_what_is_no_matrix_of_whole_seconds(self, seconds: np.ndarray, words: str) -> None:
        with pytest.raises(InvalidTravel, match=words):
            Travel(seconds, np.zeros((2, 2), dtype=np.int32))

    def test_takes_a_mark_where_no_road_leads(self) -> None:
        seconds = np.array([[0, UNREACHABLE], [5, 0]], dtype=np.int64)

        assert Travel(seconds, seconds).seconds.dtype == np.int32  # type: ignore[arg-type]  # wider is taken too


class TestBreakRule:
    @pytest.mark.parametrize(("hours", "minutes"), [(6, 0), (6.01, 30), (9, 30), (9.01, 45), (12, 45)])
    def test_asks_for_breaks_by_working_time(self, hours: float, minutes: int) -> None:
        assert WORKING_TIME_LAW.needed(int(hours * 3600)) == minutes * 60
