"""Several days in one problem, on one axis of seconds."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.check import violations
from routing.exact import plan_exactly
from routing.explain import unassigned
from routing.parts import solve_in_parts, split
from routing.problem import WORKING_TIME_LAW, Link, Nurses, Problem, Service, TimeWindow, Vehicle
from routing.repair import NurseIll, changed_day, repair
from routing.solver import solve
from tests.benchmarks.weeks import DAY, a_week
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle, small_days

WEEK = range(5)


def mornings(days: range | list[int], hour: int = 7) -> tuple[TimeWindow, ...]:
    """From `hour` to three hours later on each of these days."""
    return tuple(TimeWindow(n * DAY + hour * HOUR, n * DAY + (hour + 3) * HOUR) for n in days)


def a_nurse(name: str, days: range | list[int] = WEEK, **more: object) -> list[Vehicle]:
    """Her shifts from 6 to 14 o'clock on these days, by law."""
    return [
        replace(
            a_vehicle(f"{name} {n}", breaks=WORKING_TIME_LAW, nurse=name, day=n, max_day=8 * HOUR),
            shift=TimeWindow(n * DAY + 6 * HOUR, n * DAY + 14 * HOUR),
        )
        for n in days
    ]


def a_care_order(name: str, visits: int, first: int, **more: object) -> tuple[list[Service], list[Link]]:
    """Visits on any day of the week, at least 20 hours apart, by one nurse; numbered from `first` on."""
    services = [
        a_service(f"{name} {n}", 1 + first % 5, 45 * MINUTE, windows=mornings(WEEK)) for n in range(visits)
    ]
    links = [Link(first + n, first + n + 1, 20 * HOUR, None, Nurses.SAME) for n in range(visits - 1)]
    return services, links


def a_small_week() -> Problem:
    """Two nurses, five days, four care orders of three visits and a daily one."""
    services: list[Service] = []
    links: list[Link] = []
    for name in "abcd":
        more, ties = a_care_order(name, 3, len(services))
        services, links = services + more, links + ties
    services += [a_service(f"daily {n}", 3, 30 * MINUTE, windows=mornings([n])) for n in WEEK]
    return a_problem(services, [*a_nurse("anna"), *a_nurse("berta")], links=tuple(links))


class TestWeek:
    def test_places_every_care_order_at_its_distance_with_one_nurse(self) -> None:
        problem = a_small_week()

        plan = solve(problem, iterations=2000)

        placed = plan.placed()
        assert violations(problem, plan) == []
        assert plan.unassigned == ()
        for first in range(0, 12, 3):
            starts = [placed[first + n][1].start for n in range(3)]
            nurses = {problem.vehicles[placed[first + n][0]].nurse for n in range(3)}
            assert all(starts[n + 1] - starts[n] >= 20 * HOUR for n in range(2))
            assert len(nurses) == 1

    def test_moves_a_visit_to_the_day_that_has_room(self) -> None:
        # one nurse works half an hour on day 0 and has an hour of care there already
        services = [
            a_service("a", 1, HOUR, windows=mornings([0])),
            a_service("b", 1, HOUR, windows=mornings([0, 1])),
        ]
        vehicles = [replace(vehicle, max_work=HOUR + 2 * MINUTE) for vehicle in a_nurse("anna", [0, 1])]
        problem = a_problem(services, vehicles)

        plan = solve(problem, iterations=100)

        assert violations(problem, plan) == []
        assert {s: v for s, (v, _) in plan.placed().items()} == {0: 0, 1: 1}

    def test_says_the_day_in_a_reason(self) -> None:
        services = [a_service("a", 1, windows=mornings([3]))]
        problem = a_problem(services, a_nurse("anna", [0, 1]))

        plan = solve(problem, iterations=10)

        assert plan.unassigned[0].sentence == (
            "no nurse on duty can start between 07:00 (+3) and 10:00 (+3) and be home before her shift ends"
        )
        changes = unassigned(problem, plan, 0).counterfactuals
        assert changes == ()

    def test_falls_into_days_that_nothing_ties(self) -> None:
        services = [a_service(f"{n}", 1, windows=mornings([n])) for n in WEEK]
        problem = a_problem(services, a_nurse("anna"))
        tied = replace(problem, links=(Link(0, 1, 20 * HOUR, 30 * HOUR),))

        assert [(part.services, part.vehicles) for part in split(problem)] == [((n,), (n,)) for n in WEEK]
        assert len(split(tied)) == 4
        assert violations(problem, solve_in_parts(problem, iterations=20, threads=1)) == []

    def test_plans_an_invented_week(self) -> None:
        problem = a_week(20, 4, 5, seed=1)

        plan = solve(problem, iterations=1500)

        assert violations(problem, plan) == []
        days = {problem.vehicles[vehicle].day for vehicle, _ in plan.stops()}
        assert days == set(range(5))

    def test_is_mended_in_the_middle(self) -> None:
        problem = a_small_week()
        plan = solve(problem, iterations=1000)
        ill = next(route.vehicle for route in plan.routes if problem.vehicles[route.vehicle].day == 3)
        events, now = [NurseIll(ill, 3 * DAY)], 2 * DAY + 15 * HOUR

        mended = repair(problem, plan, events, now=now, iterations=60)

        day = changed_day(problem, plan, events, now=now)
        assert violations(day.problem, mended) == []
        assert all(vehicle != ill for vehicle, _ in mended.stops())
        before = {s: stop.start for s, (_, stop) in plan.placed().items() if stop.start < now}
        assert {s: stop.start for s, (_, stop) in mended.placed().items() if s in before} == before

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(small_days(most_services=5, most_vehicles=2), st.data())
    def test_keeps_all_rules_on_random_days(self, problem: Problem, data: st.DataObject) -> None:
        vehicles = [replace(v, nurse=f"nurse {n}", next_duty=None) for n, v in enumerate(problem.vehicles)]
        vehicles += [
            replace(v, id=f"{v.id} again", day=v.day + 1, shift=_later(v.shift), start=v.end, free_since=None)
            for v in vehicles
        ]
        services = [
            replace(s, windows=data.draw(st.sampled_from([s.windows, (*s.windows, *map(_later, s.windows))])))
            for s in problem.services
        ]
        week = replace(problem, services=tuple(services), vehicles=tuple(vehicles))

        plan = solve(week, iterations=150)

        assert violations(week, plan) == []
        proof = plan_exactly(week, 20)
        assert proof is not None
        assert plan.cost.total >= proof.bound


def _later(window: TimeWindow) -> TimeWindow:
    return TimeWindow(window.earliest + DAY, window.latest + DAY)
