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
from routing.plan import Break, Plan, Route, Stop
from routing.problem import Problem, TimeWindow
from routing.repair import NurseIll, changed_day, repair
from routing.search import Search
from routing.search.arrays import data_of
from routing.search.compiling import kernel
from routing.search.kernels.hours import arrive, leave_by
from routing.search.kernels.layout import Data, whole
from routing.search.kernels.reference import by_reference
from routing.solver import solve
from routing.travel.bands import with_factors
from routing.units import UNREACHABLE
from tests.routing.problems import (
    HOUR,
    MINUTE,
    a_line,
    a_problem,
    a_service,
    a_vehicle,
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

    def test_sets_out_so_late_that_the_first_patient_need_not_wait(self) -> None:
        # ten minutes' way to 08:00 in the rush hour takes twenty: she leaves at 07:40
        service = a_service(windows=(TimeWindow(8 * HOUR, 8 * HOUR),))

        plan = solve(a_problem([service], travel=(a_rush(),)), iterations=20)

        assert plan.routes[0].leaves == 7 * HOUR + 40 * MINUTE
        assert plan.cost.terms["travel"] == 40 * MINUTE

    def test_mends_a_day_without_calling_back_whoever_is_on_her_way(self) -> None:
        problem = a_problem(
            [a_service("a", 1), a_service("b", 5)], [a_vehicle("n"), a_vehicle("m", 5)], travel=(a_rush(),)
        )
        plan = solve(problem, iterations=50)
        events = [NurseIll(plan.routes[0].vehicle, 6 * HOUR)]

        repaired = repair(problem, plan, events, now=6 * HOUR, limit_s=0)

        judged = changed_day(problem, plan, events, now=6 * HOUR).problem
        assert violations(judged, repaired) == []


class TestTheCheck:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"travel": 600}, "not that of its hour"),
            ({"arrival": 8 * HOUR + 1}, "cannot be at service a"),
            ({"metres": 1}, "not that of the matrix"),
        ],
    )
    def test_names_a_way_that_is_not_that_of_its_hour(self, change: dict[str, int], words: str) -> None:
        service = a_service(windows=(TimeWindow(8 * HOUR, 8 * HOUR),))
        problem = a_problem([service], travel=(a_rush(),))
        plan = solve(problem, iterations=20)
        route = replace(plan.routes[0], stops=(replace(plan.routes[0].stops[0], **change),))

        sentences = [found.sentence for found in violations(problem, replace(plan, routes=(route,)))]

        assert any(words in sentence for sentence in sentences)

    def test_lets_a_break_be_taken_at_the_door(self) -> None:
        # She is there at 07:20 after 20 minutes, rests from 07:20 to 07:50 and begins at 08:00.
        problem = a_problem([a_service(windows=(TimeWindow(8 * HOUR, 8 * HOUR),))], travel=(a_rush(),))
        stop = Stop(0, 7 * HOUR + 20 * MINUTE, 8 * HOUR, 8 * HOUR + 10 * MINUTE, 20 * MINUTE, 1000)
        rest = Break(7 * HOUR + 20 * MINUTE, 7 * HOUR + 50 * MINUTE, 0)
        home = 8 * HOUR + 30 * MINUTE
        route = Route(0, (stop,), (rest,), 7 * HOUR, home, 20 * MINUTE, 1000)
        early = replace(route, breaks=(replace(rest, start=rest.start - 1),))

        assert list(judge.TravelTimes().violations(problem, Plan((route,)))) == []
        assert len(list(judge.TravelTimes().violations(problem, Plan((early,))))) == 1


class TestWithFactors:
    def test_makes_bands_that_share_matrices(self) -> None:
        # 60 s by 1.333 are 79.98, rounded up
        travel = with_factors(a_line(3), [(7 * HOUR, 1333), (9 * HOUR, 1000), (16 * HOUR, 1333)])

        assert [band.start for band in travel.bands] == [7 * HOUR, 9 * HOUR, 16 * HOUR]
        assert travel.bands[0].seconds is travel.bands[2].seconds
        assert travel.bands[1].seconds is travel.seconds
        assert travel.bands[0].seconds[0].tolist() == [0, 80, 160]

    def test_leaves_unreachable_what_is(self) -> None:
        seconds = a_line(2).seconds.copy()
        seconds[0, 1] = UNREACHABLE

        travel = with_factors(replace(a_line(2), seconds=seconds), [(7 * HOUR, 1500)])

        assert travel.bands[0].seconds[0, 1] == UNREACHABLE

    @pytest.mark.parametrize(
        ("factors", "words"),
        [([(1, 0)], "factor 0"), ([(1, 10**9)], "longer than"), ([(2, 9), (1, 9)], "rising")],
    )
    def test_refuses_factors_that_cannot_be(self, factors: list[tuple[int, int]], words: str) -> None:
        with pytest.raises(InvalidTravel, match=words):
            with_factors(a_line(6), factors)
