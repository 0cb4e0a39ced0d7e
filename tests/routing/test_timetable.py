"""Timetables of routes that raise each other: found, or seen to be impossible at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import clock
from routing.clock import time_routes
from routing.problem import WORKING_TIME_LAW, Link, Nurses, Problem, TimeWindow
from routing.sheet import WIDE
from tests.routing.problems import HOUR, a_problem, a_service, a_vehicle, small_days


@st.composite
def orders_of_stops(draw: st.DrawFn) -> tuple[Problem, dict[int, list[int]], dict[int, TimeWindow]]:
    """Draw a day, an order of stops that nobody asked whether it is possible, and wide windows."""
    problem = draw(small_days(most_services=8))
    sequences: dict[int, list[int]] = {}
    for service in draw(st.permutations(range(len(problem.services)))):
        sequences.setdefault(draw(st.integers(0, len(problem.vehicles) - 1)), []).append(service)
    windows = {
        number: draw(st.sampled_from([*service.starts, TimeWindow(5 * HOUR, 22 * HOUR)]))
        for number, service in enumerate(problem.services)
    }
    return problem, sequences, windows


class TestTimeRoutes:
    def test_sees_at_once_that_crossed_double_visits_have_no_timetable(self) -> None:
        services = [a_service(name, 0, windows=(WIDE,)) for name in "abcd"]
        links = (Link(0, 1, 0, 0, Nurses.DIFFERENT), Link(2, 3, 0, 0, Nurses.DIFFERENT))
        nurses = [a_vehicle(name, shift=WIDE) for name in "nm"]
        problem = a_problem(services, nurses, links=links)

        # a before c with n, d before b with m: ten minutes later each round, for seventeen years
        assert time_routes(problem, {0: [0, 2], 1: [3, 1]}) is None
        assert time_routes(problem, {0: [0, 2], 1: [1, 3]}) is not None

    def test_gives_up_on_crossed_double_visits_of_nurses_with_split_breaks(self) -> None:
        # as above, with 13 h of work in each route: one break leaves more than 6 h before or after it
        double = [a_service(name, 0, windows=(WIDE,)) for name in "abcd"]
        long = [a_service(f"{n}", 0, hours * HOUR, windows=(WIDE,)) for n, hours in enumerate((4, 4, 5) * 2)]
        links = (Link(0, 1, 0, 0, Nurses.DIFFERENT), Link(2, 3, 0, 0, Nurses.DIFFERENT))
        nurses = [a_vehicle(name, shift=WIDE, breaks=WORKING_TIME_LAW) for name in "nm"]
        problem = a_problem([*double, *long], nurses, links=links)

        assert time_routes(problem, {0: [4, 0, 5, 2, 6], 1: [7, 3, 8, 1, 9]}) is None
        routes = time_routes(problem, {0: [4, 0, 5, 2, 6], 1: [7, 1, 8, 3, 9]})

        assert routes is not None
        assert [len(route.breaks) for route in routes] == [2, 2]

    @settings(max_examples=100, deadline=None)
    @given(orders_of_stops())
    def test_finds_the_times_that_raising_to_the_end_finds(
        self, case: tuple[Problem, dict[int, list[int]], dict[int, TimeWindow]]
    ) -> None:
        problem, sequences, windows = case

        found = time_routes(problem, sequences, windows)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "closes_circle", lambda *_: False)
            assert time_routes(problem, sequences, windows) == found
