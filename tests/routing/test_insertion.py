"""The places offered for a visit are the best there are, exactly."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.check import violations
from routing.clock import time_routes, windows_of
from routing.insertion import best, starts
from routing.objective import cost_of
from routing.plan import Plan, Route
from routing.problem import Problem, TimeWindow
from routing.rota import Rota
from routing.solver import solve
from tests.routing.problems import (
    HOUR,
    MINUTE,
    a_double_visit,
    a_problem,
    a_service,
    a_vehicle,
    days_by_hour,
    small_days,
)


def the_plan(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    routes = time_routes(problem, sequences)
    assert routes is not None
    return Plan(routes)


def all_routes(problem: Problem, plan: Plan, members: list[int]) -> Iterator[tuple[Route, ...]]:
    """Every plan with these services at any position of any route in any window, in plain Python."""
    windows = windows_of(problem, plan)
    linked = {service for link in problem.links for service in (link.first, link.second)}
    for service, (_, stop) in plan.placed().items():
        if service in linked:  # a linked stop moves later only
            windows[service] = TimeWindow(stop.start, windows[service].latest)
    start = {route.vehicle: [stop.service for stop in route.stops] for route in plan.routes}
    for vehicles in product(range(len(problem.vehicles)), repeat=len(members)):
        for sequences in grown(start, list(zip(members, vehicles, strict=True))):
            for chosen in product(*(tried(problem, member) for member in members)):
                routes = time_routes(problem, sequences, windows | dict(zip(members, chosen, strict=True)))
                if routes is not None:
                    yield routes


def tried(problem: Problem, number: int) -> list[TimeWindow]:
    """Its windows, and what is left of them from the wished time on where that counts."""
    service = problem.services[number]
    found = list(service.starts)
    if service.wish is not None and problem.weights.off_wish:
        found += [
            TimeWindow(service.wish.earliest, window.latest)
            for window in service.starts
            if window.earliest < service.wish.earliest <= window.latest
        ]
    return found


def grown(sequences: dict[int, list[int]], more: list[tuple[int, int]]) -> Iterator[dict[int, list[int]]]:
    if not more:
        yield sequences
        return
    (service, vehicle), rest = more[0], more[1:]
    before = sequences.get(vehicle, [])
    for position in range(len(before) + 1):
        yield from grown({**sequences, vehicle: [*before[:position], service, *before[position:]]}, rest)


def faultless(problem: Problem, routes: tuple[Route, ...]) -> bool:
    rules = {v.rule for v in violations(problem, Plan(routes, cost=cost_of(problem, routes)))}
    return not rules - {"once"}  # what the plan leaves out is not said here


def soft_days() -> st.SearchStrategy[Problem]:
    """Small days on which minutes cost too."""
    rates = st.sampled_from([0, 7, 300])

    def soften(problem: Problem, waiting: int, wish: int, balance: int) -> Problem:
        services = tuple(
            replace(service, wish=TimeWindow(9 * HOUR, 10 * HOUR), known={0: 40})
            for service in problem.services
        )
        weights = replace(problem.weights, waiting=waiting, off_wish=wish, balance=balance)
        return replace(problem, services=services, weights=weights)

    return st.builds(soften, small_days(5, 2), rates, rates, st.sampled_from([0, 0, 11]))


def assert_exact(problem: Problem, number: int) -> None:
    visit = problem.services[number].visit
    members = [n for n, service in enumerate(problem.services) if service.visit == visit]
    plan = solve(problem, iterations=30)
    kept = {
        route.vehicle: [stop.service for stop in route.stops if stop.service not in members]
        for route in plan.routes
    }
    routes = time_routes(problem, kept)
    if routes is None:
        return
    plan = Plan(routes)
    now = cost_of(problem, plan.routes).total
    penalty = sum(problem.services[member].penalty for member in members)
    expected = sorted(
        cost_of(problem, routes).total - now + penalty
        for routes in all_routes(problem, plan, members)
        if faultless(problem, routes)
    )

    places = best(problem, plan, number, top=4)

    points = [place.points for place in places]
    if Rota(problem).binds:  # with one day's limit on two shifts the clock overlooks some timetables
        assert all(found <= tried for found, tried in zip(points, expected[:4], strict=False))
        assert len(points) >= len(expected[:4])
    else:
        assert points == expected[:4]
    for place in places:
        routes = place.applied(plan.routes)
        assert faultless(problem, routes)
        after, before = cost_of(problem, routes).terms, cost_of(problem, plan.routes).terms
        assert place.terms == {name: after[name] - before[name] for name in after}
        starts = {service: stop.start for service, (_, stop) in Plan(routes).placed().items()}
        moved = {s: starts[s] for s, (_, stop) in plan.placed().items() if starts[s] != stop.start}
        assert {move.service: move.after for move in place.moved} == moved


class TestBest:
    @settings(max_examples=60, deadline=None)
    @given(small_days(5, 2), st.integers(0, 4))
    def test_gives_what_trying_everything_gives(self, problem: Problem, number: int) -> None:
        assert_exact(problem, number % len(problem.services))

    @settings(max_examples=40, deadline=None)
    @given(soft_days(), st.integers(0, 4))
    def test_gives_what_trying_everything_gives_where_minutes_cost(
        self, problem: Problem, number: int
    ) -> None:
        assert_exact(problem, number % len(problem.services))

    @settings(max_examples=40, deadline=None)
    @given(days_by_hour(soft_days()), st.integers(0, 4))
    def test_gives_what_trying_everything_gives_where_travel_depends_on_the_hour(
        self, problem: Problem, number: int
    ) -> None:
        assert_exact(problem, number % len(problem.services))

    def test_tells_what_moves_and_what_it_costs(self) -> None:
        services = [
            a_service("a", 1, windows=(TimeWindow(7 * HOUR, 7 * HOUR),)),
            a_service("b", 1, windows=(TimeWindow(7 * HOUR, 9 * HOUR),)),
            a_service("new", 1, windows=(TimeWindow(7 * HOUR, 7 * HOUR + 15 * MINUTE),)),
        ]
        problem = a_problem(services)
        plan = the_plan(problem, {0: [0, 1]})

        place = best(problem, plan, 2, top=1)[0]

        # a ends at 7:10, the new one starts then, b moves from 7:10 to 7:20; no travel at one place
        assert place.stops[2][1].start == 7 * HOUR + 10 * MINUTE
        assert [(move.service, move.seconds) for move in place.moved] == [(1, 10 * MINUTE)]
        assert place.points == 0
        assert place.terms["unassigned"] == -services[2].penalty

    def test_gives_one_place_for_each_nurse_if_asked(self) -> None:
        services = [a_service("a", 2), a_service("b", 4)]
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m", 5)])
        plan = the_plan(problem, {0: [0]})

        places = best(problem, plan, 1, once_per_nurse=True)

        # m drives 5-4-5: 2 minutes; n goes on from 2 to 4 and back: 4 minutes more
        assert [(place.vehicles, place.points) for place in places] == [
            ((1,), 2 * MINUTE),
            ((0,), 4 * MINUTE),
        ]

    def test_looks_at_what_an_insertion_does_to_linked_routes(self) -> None:
        at_eight = (TimeWindow(8 * HOUR, 8 * HOUR + 5 * MINUTE),)
        services, link = a_double_visit(windows=at_eight)
        problem = a_problem(
            [*services, a_service("c", 1, windows=at_eight)], [a_vehicle("n"), a_vehicle("m")], links=(link,)
        )

        assert best(problem, the_plan(problem, {0: [0], 1: [1]}), 2) == []

    def test_puts_both_services_of_a_double_visit_in_at_one_time(self) -> None:
        services, link = a_double_visit()
        problem = a_problem([*services, a_service("c")], [a_vehicle("n"), a_vehicle("m")], links=(link,))

        place = best(problem, the_plan(problem, {0: [2]}), 0, top=1)[0]

        assert sorted(place.vehicles) == [0, 1]
        assert place.stops[0][1].start == place.stops[1][1].start

    def test_keeps_capacity_and_orders(self) -> None:
        services = [a_service("a", demand=2), a_service("b", demand=1), a_service("c", demand=2)]
        problem = a_problem(
            services, [a_vehicle(capacity=5), a_vehicle("small", capacity=1)], orders=((0, 1),)
        )

        places = best(problem, the_plan(problem, {0: [0, 1]}), 2)

        # not between a and b, and never with the small one
        assert sorted(place.spots[0].position for place in places) == [0, 2]


class TestStarts:
    @settings(max_examples=60, deadline=None)
    @given(st.one_of(small_days(5, 2), soft_days()), st.integers(0, 4), st.integers(1, 2))
    def test_gives_for_each_start_what_the_best_places_of_a_visit_pinned_to_it_are(
        self, problem: Problem, number: int, top: int
    ) -> None:
        number %= len(problem.services)
        visit = problem.services[number].visit
        rest = [n for n, service in enumerate(problem.services) if service.visit != visit]
        kept = {
            route.vehicle: [stop.service for stop in route.stops if stop.service in rest]
            for route in solve(problem, iterations=30).routes
        }
        routes = time_routes(problem, kept)
        if routes is None:
            return
        plan = Plan(routes)
        times = range(5 * HOUR, 22 * HOUR, 45 * MINUTE)

        found = starts(problem, plan, number, times, top=top)

        for start in times:
            service = problem.services[number]
            holds = any(window.holds(start) for window in service.starts)
            pinned = replace(service, windows=(TimeWindow(start, start),), late=None)
            services = (*problem.services[:number], pinned, *problem.services[number + 1 :])
            day = replace(problem, services=services)
            places = best(day, plan, number, top=top, once_per_nurse=True) if holds else []
            assert [place.points for place in found.get(start, [])] == [place.points for place in places]
            assert all(place.stops[number][1].start == start for place in found.get(start, []))

    def test_has_nothing_to_say_about_no_start(self) -> None:
        assert starts(a_problem(), Plan(()), 0, []) == {}
