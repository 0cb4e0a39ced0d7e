"""Travel that depends on the hour: nobody overtakes, and all who read it agree."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from routing.check import violations
from routing.clock import time_routes
from routing.constraints import travel as judge
from routing.errors import InvalidTravel
from routing.matrices import Band, Travel
from routing.objective import cost_of
from routing.problem import Problem
from routing.search import Search
from routing.search.arrays import data_of
from routing.search.compiling import kernel
from routing.search.kernels.hours import arrive, leave_by
from routing.search.kernels.layout import Data, whole
from routing.search.kernels.reference import by_reference
from routing.solver import solve
from routing.units import UNREACHABLE
from tests.routing.problems import (
    HOUR,
    MINUTE,
    a_line,
    a_problem,
    a_service,
    days_by_hour,
    travel_by_hour,
)

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
QUICK = settings(max_examples=100, deadline=None)
TIMES = st.integers(5 * HOUR, 20 * HOUR)


def a_rush(start: int = 7 * HOUR, end: int = 9 * HOUR, factor: int = 2, places: int = 6) -> Travel:
    """The line of places, ten minutes from one to the next, slower from 7 to 9 o'clock."""
    line = a_line(places, 10 * MINUTE)
    return replace(line, bands=(Band(start, line.seconds * np.int32(factor)), Band(end, line.seconds)))


@kernel
def read(data: Data, times: NDArray[np.int64]) -> None:
    """Write arrival and last departure on the way from place 0 to 1 beside each time."""
    for i in range(len(times)):
        times[i, 1] = arrive(data, whole(0), whole(0), whole(1), times[i, 0])
        times[i, 2] = leave_by(data, whole(0), whole(0), whole(1), times[i, 0])


def _read(data: Data, times: NDArray[np.int64]) -> None:
    read(by_reference(data), times)


read_by_kernels = kernel(_read, doors=True)


class TestTravel:
    def test_goes_on_at_the_new_pace_when_a_band_starts(self) -> None:
        # ten minutes' way at 06:55: half of it is done at 07:00, the other half takes 10 of 20 minutes
        travel = a_rush()

        assert travel.arrival(0, 1, 6 * HOUR + 55 * MINUTE) == 7 * HOUR + 10 * MINUTE
        # 20 minutes' way at 08:55: a quarter by 09:00, three quarters of ten minutes after it
        assert travel.arrival(0, 1, 8 * HOUR + 55 * MINUTE) == 9 * HOUR + 7 * MINUTE + 30

    def test_may_need_several_bands_for_one_way(self) -> None:
        # 50 minutes' way at 06:50: a fifth by 07:00; by 07:40 two fifths of 100 minutes; two fifths are left
        travel = a_rush(end=7 * HOUR + 40 * MINUTE)

        assert travel.arrival(0, 5, 6 * HOUR + 50 * MINUTE) == 8 * HOUR

    @QUICK
    @given(travel_by_hour(), TIMES)
    def test_lets_nobody_overtake(self, travel: Travel, leaves: int) -> None:
        for later in (1, 2, 59, 600):
            assert travel.arrival(0, 1, leaves) <= travel.arrival(0, 1, leaves + later)

    @QUICK
    @given(travel_by_hour(), TIMES)
    def test_takes_at_least_the_least(self, travel: Travel, leaves: int) -> None:
        most = max(int(matrix[0, 1]) for matrix in travel.matrices)

        assert travel.least[0, 1] <= travel.arrival(0, 1, leaves) - leaves <= most

    @QUICK
    @given(travel_by_hour(), TIMES)
    def test_knows_the_last_second_to_set_out(self, travel: Travel, arrives: int) -> None:
        leaves = travel.departure(0, 1, arrives)

        assert travel.arrival(0, 1, leaves) <= arrives < travel.arrival(0, 1, leaves + 1)

    @QUICK
    @given(travel_by_hour(fewest=1), st.lists(TIMES, min_size=1, max_size=5))
    def test_is_read_alike_by_the_check_and_by_the_kernels(self, travel: Travel, times: list[int]) -> None:
        data = data_of(a_problem(travel=(travel,), places=travel.places, services=[a_service(location=0)]))

        rows = np.array([(time, 0, 0) for time in times], dtype=np.int64)
        read_by_kernels(data, rows)

        assert rows[:, 1].tolist() == [travel.arrival(0, 1, time) for time in times]
        assert rows[:, 2].tolist() == [travel.departure(0, 1, time) for time in times]
        judged = [judge._there_at(travel, (0, 1), time) for time in times]
        assert judged == rows[:, 1].tolist()

    def test_is_the_same_with_bands_that_change_nothing(self) -> None:
        line = a_line(6, 7 * MINUTE + 1)
        travel = replace(line, bands=tuple(Band(n * 61, line.seconds) for n in range(20)))

        for leaves in range(0, 1300, 7):
            assert travel.arrival(0, 3, leaves) == leaves + 3 * (7 * MINUTE + 1)

    def test_shares_the_memory_of_bands_with_one_matrix(self) -> None:
        line = a_line(6)
        rush = line.seconds * np.int32(2)
        bands = (Band(1, rush), Band(2, line.seconds), Band(3, rush))

        some = replace(line, bands=bands).between([0, 2, 5])

        assert some.bands[0].seconds is some.bands[2].seconds
        assert some.bands[1].seconds is some.seconds
        assert len(data_of(a_problem(travel=(replace(line, bands=bands),))).by_band) == 2

    @pytest.mark.parametrize(
        ("bands", "words"),
        [
            ([(9, a_line(6).seconds), (7, a_line(6).seconds)], "rising order"),
            ([(9, a_line(5).seconds)], r"is \(5, 5\), that of the day \(6, 6\)"),
            ([(9, a_line(6).seconds * 0 + 1)], "from 9 s on from place 0 to itself must be 0"),
            ([(9, np.where(a_line(6).seconds == 300, UNREACHABLE, a_line(6).seconds))], "at all hours"),
            ([(2**29, a_line(6).seconds)], "not within"),
        ],
    )
    def test_refuses_bands_that_cannot_be(
        self, bands: list[tuple[int, NDArray[np.int32]]], words: str
    ) -> None:
        with pytest.raises(InvalidTravel, match=words):
            replace(a_line(6), bands=tuple(Band(start, matrix) for start, matrix in bands))


class TestSearch:
    @FEW
    @given(days_by_hour())
    def test_ends_with_plans_that_keep_all_rules(self, problem: Problem) -> None:
        plan = solve(problem, iterations=150)

        assert violations(problem, plan) == []

    @FEW
    @given(days_by_hour())
    def test_counts_what_the_objective_counts(self, problem: Problem) -> None:
        search = Search(problem, 1)
        search.start()
        search.run(150, total=150)

        routes = time_routes(problem, *search.best())

        assert routes is not None
        assert cost_of(problem, routes).total == search.best_cost
