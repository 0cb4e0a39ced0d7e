"""What the search counts for promises that are broken, and what it never takes out."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.clock import time_routes
from routing.objective import cost_of
from routing.plan import Plan, Route
from routing.problem import Problem
from routing.search import Promise, Search
from routing.solver import solve
from routing.units import Points, per_minute
from tests.benchmarks.days import a_day
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle, days_with_costs, small_days

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def broken_points(problem: Problem, routes: tuple[Route, ...], promises: dict[int, Promise]) -> Points:
    """Add up what is broken, a visit that is left out once."""
    placed = Plan(routes).placed()
    points = 0
    for members in problem.visits().values():
        those = [promises[s] for s in members if s in promises]
        if members[0] not in placed:
            points += max((promise.points for promise in those), default=0)
            continue
        for service in members:
            if service in promises:
                promise, (vehicle, stop) = promises[service], placed[service]
                off = abs(stop.start - promise.start)
                points += promise.points * (vehicle != promise.vehicle or off > promise.tolerance)
                points += per_minute(promise.per_minute, off)
    return points


class TestSearchWithPromises:
    @FEW
    @given(st.one_of(small_days(), days_with_costs()), st.sampled_from([0, 900]))
    def test_counts_at_least_what_is_broken(self, problem: Problem, points: int) -> None:
        before = solve(problem, iterations=30, seed=1)
        promises = {
            s: Promise(vehicle, stop.start + 20 * MINUTE, 5 * MINUTE, points, 0)
            for s, (vehicle, stop) in before.placed().items()
        }
        search = Search(problem, 1, promises=promises)
        search.start()
        search.run(100, total=100)

        routes = time_routes(problem, *search.best())

        assert routes is not None
        broken = broken_points(problem, routes, promises)
        # a promised nurse in an interval that begins sooner or ends later may still come at the promised time
        kept = sum(points for s, place in Plan(routes).placed().items() if s in promises)
        assert 0 <= search.best_cost - cost_of(problem, routes).total - broken <= kept

    def test_counts_nothing_for_the_plan_that_was_promised(self) -> None:
        problem = a_day(80, 8, seed=3)
        before = solve(problem, iterations=300, seed=1)
        promises = {
            s: Promise(vehicle, stop.start, 5 * MINUTE, 900, 20)
            for s, (vehicle, stop) in before.placed().items()
        }

        search = Search(problem, 1, promises=promises)
        search.start(before.routes)

        assert search.best_cost == before.cost.total

    def test_keeps_a_nurse_until_another_saves_more_than_the_promise_is_worth(self) -> None:
        # place 1 is one minute from n at 0 and four from m at 5: there and back six minutes more, 360 points
        problem = a_problem([a_service("a", 1)], [a_vehicle("n"), a_vehicle("m", 5)])

        for points, vehicle in ((350, 0), (370, 1)):
            search = Search(problem, 1, promises={0: Promise(1, 8 * HOUR, HOUR, points, 0)})
            search.start()
            assert list(search.best()[0]) == [vehicle]

    def test_waits_for_the_promised_time(self) -> None:
        problem = a_problem([a_service("a", 1)])
        search = Search(problem, 1, promises={0: Promise(0, 9 * HOUR, 0, 0, 1)})
        search.start()

        routes = time_routes(problem, *search.best())

        assert routes is not None
        assert routes[0].stops[0].start == 9 * HOUR

    def test_never_takes_out_what_stays(self) -> None:
        # n does a and b in turn at dear ends of the road; only what does not stay may change
        services = [a_service("a", 5), a_service("b", 4), a_service("c", 3)]
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m", 5)])
        routes = time_routes(problem, {0: [0, 2], 1: [1]})
        assert routes is not None

        search = Search(problem, 1, staying={0})
        search.start(routes)
        search.run(300, total=300)

        assert search.best()[0] == {0: [0, 1, 2]} or search.best()[0] == {0: [2, 1, 0]}
        free = Search(replace(problem), 1)
        free.start(routes)
        free.run(300, total=300)
        assert 0 not in free.best()[0]
