"""One nurse on several shifts: one after the other, within her day, rested between days."""

from dataclasses import replace
from typing import Any

import pytest

from routing.check import violations
from routing.clock import time_routes
from routing.errors import InvalidVehicle
from routing.exact import plan_exactly
from routing.explain import unassigned
from routing.insertion import best
from routing.plan import Plan
from routing.problem import Link, Nurses, Problem, TimeWindow, Vehicle
from routing.repair import VisitLonger, changed_day, repair
from routing.rota import Rota
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle
from tests.routing.test_constraints import broken, of

DAY = 24 * HOUR


def at(*hours: float) -> tuple[TimeWindow, ...]:
    """Windows of one second each."""
    return tuple(TimeWindow(int(hour * HOUR), int(hour * HOUR)) for hour in hours)


def a_split_shift(**more: Any) -> list[Vehicle]:
    """Anna in the morning, number 0, from 6 to 14, and in the evening, number 1, from 13 to 21 o'clock."""
    evening = TimeWindow(13 * HOUR, 21 * HOUR)
    return [
        a_vehicle("morning", nurse="anna", **more),
        a_vehicle("evening", nurse="anna", **{"shift": evening, **more}),
    ]


def two_days(**more: Any) -> list[Vehicle]:
    """Anna late on day 0, from 14 to 22 o'clock, and early on day 1, from 5 o'clock on."""
    late, early = TimeWindow(14 * HOUR, 22 * HOUR), TimeWindow(DAY + 5 * HOUR, DAY + 13 * HOUR)
    return [
        a_vehicle("late", nurse="anna", shift=late, **more),
        a_vehicle("early", nurse="anna", shift=early, day=1, **more),
    ]


def routes_of(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    """These routes as if each vehicle were a nurse of its own."""
    strangers = tuple(
        replace(vehicle, nurse="", max_day=None, free_since=None, next_duty=None)
        for vehicle in problem.vehicles
    )
    routes = time_routes(replace(problem, vehicles=strangers, links=()), sequences)
    assert routes is not None
    return of(problem, routes)


class TestVehicle:
    def test_is_a_nurse_of_its_own_unless_one_is_named(self) -> None:
        assert [v.nurse for v in (a_vehicle("n"), a_vehicle("n", nurse="anna"))] == ["n", "anna"]

    def test_leaves_and_returns_rested(self) -> None:
        vehicle = a_vehicle(rest=10 * HOUR, free_since=-3 * HOUR, next_duty=23 * HOUR)

        assert (vehicle.leaves_from, vehicle.back_by) == (7 * HOUR, 13 * HOUR)

    @pytest.mark.parametrize("field", ["max_day", "rest"])
    def test_refuses_a_negative_length(self, field: str) -> None:
        with pytest.raises(InvalidVehicle, match=field):
            a_vehicle("n", **{field: -1})

    def test_refuses_a_duty_beyond_all_days(self) -> None:
        with pytest.raises(InvalidVehicle, match="free_since"):
            a_vehicle(free_since=2**29)


class TestViolations:
    def test_names_shifts_of_one_nurse_that_overlap(self) -> None:
        # the morning's stop lasts from 13:00 to 14:00 - 1 min, home at 14:00; the evening's begins at 13:30
        services = [a_service("a", 1, 59 * MINUTE, windows=at(13)), a_service("b", 1, windows=at(13.5))]
        problem = a_problem(services, a_split_shift())

        assert broken(problem, routes_of(problem, {0: [0], 1: [1]})) == {"working-day"}

    def test_names_a_day_that_is_too_long(self) -> None:
        # out at 6:59, home at 7:11; out at 19:59, home at 20:11: 24 minutes of work
        services = [a_service("a", 1, windows=at(7)), a_service("b", 1, windows=at(20))]
        problem = a_problem(services, a_split_shift(max_day=24 * MINUTE))
        short = a_problem(services, a_split_shift(max_day=24 * MINUTE - 1))

        assert broken(problem, routes_of(problem, {0: [0], 1: [1]})) == set()
        assert broken(short, routes_of(short, {0: [0], 1: [1]})) == {"working-day"}

    def test_names_too_short_a_night(self) -> None:
        # home at 21:11, out at 7:59: 10 h 48 min
        services = [a_service("a", 1, windows=at(21)), a_service("b", 1, windows=at(32))]
        night = 10 * HOUR + 48 * MINUTE
        problem, short = a_problem(services, two_days(rest=night)), a_problem(services, two_days())

        assert broken(problem, routes_of(problem, {0: [0], 1: [1]})) == set()
        found = violations(short, routes_of(short, {0: [0], 1: [1]}))
        assert [v.sentence for v in found] == [
            "nurse anna leaves 12 min too soon after her last duty; 11 h of rest are due"
        ]

    @pytest.mark.parametrize(
        "duty", [{"free_since": -4 * HOUR - MINUTE}, {"next_duty": 18 * HOUR + 11 * MINUTE}]
    )
    def test_looks_at_duties_outside_of_the_problem(self, duty: dict[str, Any]) -> None:
        # out at 6:59, home at 7:11, eleven hours from and to other duties
        services = [a_service("a", 1, windows=at(7))]
        good = a_problem(services, [a_vehicle("n", **duty)])
        name, time = next(iter(duty.items()))
        nearer = time - 1 if name == "next_duty" else time + 1
        bad = a_problem(services, [a_vehicle("n", **{name: nearer})])

        assert broken(good, routes_of(good, {0: [0]})) == set()
        assert broken(bad, routes_of(bad, {0: [0]})) == {"rest"}

    def test_knows_a_nurse_by_her_name(self) -> None:
        services = [a_service("a", 1, windows=at(7)), a_service("b", 1, windows=at(20))]
        same = a_problem(services, a_split_shift(), links=(Link(0, 1, 0, None, Nurses.SAME),))
        different = replace(same, links=(Link(0, 1, 0, None, Nurses.DIFFERENT),))

        assert broken(same, routes_of(same, {0: [0], 1: [1]})) == set()
        assert broken(different, routes_of(different, {0: [0], 1: [1]})) == {"links"}


class TestRota:
    def test_lists_nothing_where_nothing_can_bind(self) -> None:
        morning, evening = a_split_shift(max_day=16 * HOUR)
        apart = replace(evening, shift=TimeWindow(14 * HOUR, 22 * HOUR))

        assert not Rota(a_problem(vehicles=[morning, apart])).coupled

    def test_lists_who_waits_for_whom(self) -> None:
        late, early = two_days()

        rota = Rota(a_problem(vehicles=[early, late]))

        assert rota.later == {1: [(0, 11 * HOUR)]}
        assert rota.earlier == {0: [(1, 11 * HOUR)]}
        assert rota.rank == [1, 0]

    def test_limits_a_day_by_the_least_limit_of_its_shifts(self) -> None:
        morning, evening = a_split_shift(max_day=10 * HOUR)

        rota = Rota(a_problem(vehicles=[morning, replace(evening, max_day=9 * HOUR)]))

        assert (rota.most, rota.mates) == ({0: 9 * HOUR, 1: 9 * HOUR}, {0: [1], 1: [0]})


class TestSolve:
    def test_lets_the_evening_wait_for_the_morning(self) -> None:
        # the morning's nurse is home at 14:00 and could then be at place 1 at 14:01
        services = [
            a_service("a", 1, 59 * MINUTE, windows=at(13)),
            a_service("b", 1, windows=(TimeWindow(13 * HOUR, 15 * HOUR),)),
        ]
        problem = a_problem(services, a_split_shift(max_work=HOUR + MINUTE))

        plan = solve(problem, iterations=100)

        assert violations(problem, plan) == []
        assert plan.placed()[1] == (1, plan.routes[1].stops[0])
        assert plan.routes[1].stops[0].start == 14 * HOUR + MINUTE

    def test_keeps_the_night_between_two_days(self) -> None:
        # home at 21:11, so out at 8:11 and at place 1 at 8:12
        services = [
            a_service("a", 1, windows=at(21)),
            a_service("b", 1, windows=(TimeWindow(DAY + 6 * HOUR, DAY + 10 * HOUR),)),
        ]
        problem = a_problem(services, two_days())

        plan = solve(problem, iterations=100)

        assert violations(problem, plan) == []
        assert plan.placed()[1][1].start == DAY + 8 * HOUR + 12 * MINUTE

    def test_divides_a_day_between_two_parts(self) -> None:
        # an hour of care at a time and two minutes of road for each shift: four hours and 4 minutes are four
        # services, two in the morning and two in the evening, or three and one
        hours = [TimeWindow(7 * HOUR, 9 * HOUR), TimeWindow(16 * HOUR, 18 * HOUR)]
        services = [a_service(f"{n}", 1, HOUR, windows=(hours[n % 2],)) for n in range(6)]
        problem = a_problem(services, a_split_shift(max_day=4 * HOUR + 4 * MINUTE))

        plan = solve(problem, iterations=200)

        assert violations(problem, plan) == []
        assert len(plan.placed()) == 4
        proof = plan_exactly(problem, 10)
        assert proof is not None
        assert plan.cost.total == proof.cost

    def test_gives_both_parts_of_a_visit_to_one_nurse_on_two_shifts(self) -> None:
        services = [a_service("a", 1, windows=at(7)), a_service("b", 1, windows=at(20))]
        vehicles = [*a_split_shift(), a_vehicle("other", 1, shift=TimeWindow(19 * HOUR, 21 * HOUR))]
        problem = a_problem(services, vehicles, links=(Link(0, 1, 0, None, Nurses.SAME),))

        plan = solve(problem, iterations=100)

        assert [plan.placed()[s][0] for s in (0, 1)] == [0, 1]


class TestAround:
    def a_full_evening(self) -> tuple[Problem, Plan]:
        """Anna is home at 13:11 and out again from then on; service 2 would keep her until 14:11."""
        services = [
            a_service("a", 1, windows=at(13)),
            a_service("b", 1, windows=at(13.5)),
            a_service("c", 1, HOUR, windows=(TimeWindow(13 * HOUR, 13 * HOUR + 10 * MINUTE),)),
        ]
        problem = a_problem(services, a_split_shift(overtime=HOUR, max_day=3 * HOUR))
        routes = time_routes(problem, {0: [0], 1: [1]})
        assert routes is not None
        return problem, of(problem, routes)

    def test_insertion_moves_the_other_shift_or_finds_no_place(self) -> None:
        problem, plan = self.a_full_evening()
        later = replace(problem.services[1], windows=(TimeWindow(13 * HOUR, 16 * HOUR),))
        free = replace(problem, services=(problem.services[0], later, problem.services[2]))
        routes = time_routes(free, {0: [0], 1: [1]})
        assert routes is not None

        assert best(problem, plan, 2) == []
        places = best(free, of(free, routes), 2)

        for place in places:
            assert violations(free, of(free, place.applied(routes))) == []
        # c after a in the morning: home at 14:11, out again at once and at b at 14:12
        assert 14 * HOUR + 12 * MINUTE in [move.after for place in places for move in place.moved]

    def test_explains_a_night_that_is_too_short(self) -> None:
        services = [a_service("a", 1, windows=at(21)), a_service("b", 1, windows=at(30))]
        problem = a_problem(services, two_days())
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        reason = unassigned(problem, of(problem, routes), 1)

        assert "rest" in reason.rules
        assert reason.proven
        assert "a nurse would rest too little between two days" in reason.sentence

    def test_explains_a_day_that_is_too_long(self) -> None:
        services = [a_service("a", 1, windows=at(7)), a_service("b", 1, windows=at(20))]
        problem = a_problem(services, a_split_shift(max_day=20 * MINUTE))
        routes = time_routes(problem, {0: [0]})
        assert routes is not None

        reason = unassigned(problem, of(problem, routes), 1)

        assert "working-day" in reason.rules
        assert "a nurse would work more than she may on one day" in reason.sentence

    def test_repair_lets_the_evening_go_when_the_morning_lasts_longer(self) -> None:
        problem, plan = self.a_full_evening()
        events = [VisitLonger(0, 50 * MINUTE)]
        now = 13 * HOUR + 5 * MINUTE

        mended = repair(problem, plan, events, now=now, iterations=20)

        day = changed_day(problem, plan, events, now=now)
        assert violations(day.problem, mended) == []
        assert 1 not in mended.placed()

    def test_repair_forgives_what_has_begun(self) -> None:
        problem, plan = self.a_full_evening()
        events = [VisitLonger(0, 4 * HOUR)]

        mended = repair(problem, plan, events, now=13 * HOUR + 5 * MINUTE, iterations=5)

        day = changed_day(problem, plan, events, now=13 * HOUR + 5 * MINUTE)
        assert violations(day.problem, mended) == []
        assert 0 in mended.placed()
