"""A repaired plan keeps the rules, what has begun, and its promises where it can."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.check import violations
from routing.clock import time_routes
from routing.errors import InvalidWeights
from routing.objective import cost_of
from routing.plan import Plan
from routing.problem import Link, Nurses, Problem, TimeWindow
from routing.repair import (
    Disturbance,
    Event,
    InvalidEvent,
    NurseIll,
    PatientAway,
    PlaceClosed,
    UrgentVisit,
    VisitLonger,
    changed_day,
    repair,
)
from routing.solver import Progress, solve
from tests.routing.problems import HOUR, MINUTE, a_double_visit, a_problem, a_service, a_vehicle, small_days


def the_plan(problem: Problem, sequences: dict[int, list[int]]) -> Plan:
    routes = time_routes(problem, sequences)
    assert routes is not None
    return Plan(routes, cost=cost_of(problem, routes))


def places(plan: Plan) -> dict[int, tuple[int, int]]:
    return {service: (vehicle, stop.start) for service, (vehicle, stop) in plan.placed().items()}


def a_morning(nurses: int = 2, **more: Any) -> tuple[Problem, Plan]:
    """Four visits of an hour at 7, 8, 9 and 10 o'clock at one place, all with the first nurse."""
    services = [
        a_service(f"s{n}", 0, HOUR, windows=(TimeWindow((7 + n) * HOUR, (8 + n) * HOUR),)) for n in range(4)
    ]
    problem = a_problem(services, [a_vehicle(f"n{n}") for n in range(nurses)], **more)
    return problem, the_plan(problem, {0: [0, 1, 2, 3]})


@st.composite
def repairs(draw: st.DrawFn) -> tuple[Problem, list[Event], int]:
    problem = draw(small_days())
    events: list[Event] = []
    for kind in draw(st.lists(st.sampled_from(["ill", "longer", "urgent", "away", "closed"]), max_size=3)):
        service = draw(st.integers(0, len(problem.services) - 1))
        when = draw(st.integers(6, 16)) * HOUR
        if kind == "ill":
            events.append(NurseIll(draw(st.integers(0, len(problem.vehicles) - 1)), when))
        elif kind == "longer":
            events.append(VisitLonger(service, problem.services[service].duration + 40 * MINUTE))
        elif kind == "urgent":
            name = f"urgent {len(events)}"
            events.append(UrgentVisit((a_service(name, 0, windows=(TimeWindow(when, when + HOUR),)),)))
        elif kind == "away":
            events.append(PatientAway(problem.services[service].visit))
        else:
            events.append(PlaceClosed(draw(st.integers(0, problem.places - 1))))
    return problem, events, draw(st.integers(5, 18)) * HOUR + draw(st.integers(0, 59)) * MINUTE


class TestRepair:
    @settings(max_examples=80, deadline=None)
    @given(repairs())
    def test_keeps_all_rules_and_what_has_begun(self, case: tuple[Problem, list[Event], int]) -> None:
        problem, events, now = case
        plan = solve(problem, iterations=20)
        over = {s for s, (_, stop) in plan.placed().items() if stop.end <= now}
        events = [e for e in events if not (isinstance(e, VisitLonger) and e.service in over)]

        repaired = repair(problem, plan, events, now=now, iterations=15)

        assert violations(changed_day(problem, plan, events, now=now).problem, repaired) == []
        then = places(repaired)
        begun = {s: place for s, place in places(plan).items() if place[1] <= now}
        assert {s: then.get(s) for s in begun} == begun
        assert all(start >= now for s, (_, start) in then.items() if s not in begun)

    def test_changes_nothing_when_nothing_happened(self) -> None:
        problem, plan = a_morning()

        repaired = repair(problem, plan, [], now=8 * HOUR, iterations=20)

        assert places(repaired) == places(plan)

    def test_gives_the_visits_of_an_ill_nurse_to_another(self) -> None:
        problem, plan = a_morning()

        repaired = repair(problem, plan, [NurseIll(0, 8 * HOUR + 1)], now=8 * HOUR + 1, iterations=20)

        # the one that runs since 8 stays with her
        assert places(repaired) == {
            0: (0, 7 * HOUR),
            1: (0, 8 * HOUR),
            2: (1, 9 * HOUR),
            3: (1, 10 * HOUR),
        }

    def test_leaves_to_a_nurse_what_she_ends_before_she_goes(self) -> None:
        problem, plan = a_morning()

        repaired = repair(problem, plan, [NurseIll(0, 9 * HOUR)], now=6 * HOUR, iterations=5)

        assert [vehicle for vehicle, _ in places(repaired).values()] == [0, 0, 1, 1]

    def test_moves_later_stops_of_a_longer_visit_only_as_far_as_needed(self) -> None:
        problem, plan = a_morning(nurses=1)

        repaired = repair(problem, plan, [VisitLonger(1, HOUR + 10 * MINUTE)], now=8 * HOUR, iterations=5)

        assert [start for _, start in places(repaired).values()] == [
            7 * HOUR,
            8 * HOUR,
            9 * HOUR + 10 * MINUTE,
            10 * HOUR + 10 * MINUTE,
        ]

    def test_takes_an_urgent_visit_of_two_nurses_in(self) -> None:
        problem, plan = a_morning()
        services, link = a_double_visit(windows=(TimeWindow(11 * HOUR, 13 * HOUR),))

        repaired = repair(problem, plan, [UrgentVisit(tuple(services), (link,))], now=6 * HOUR, iterations=5)

        then = places(repaired)
        assert then[4][1] == then[5][1]
        assert {then[4][0], then[5][0]} == {0, 1}

    def test_does_not_come_earlier_because_a_patient_is_away(self) -> None:
        services = [a_service("a", 0, HOUR), a_service("b", 0, HOUR)]
        problem = a_problem(services)
        plan = the_plan(problem, {0: [0, 1]})

        repaired = repair(problem, plan, [PatientAway("a")], now=0, iterations=20)

        assert places(repaired) == {1: (0, 7 * HOUR)}
        assert [(left.service, left.rules, left.sentence) for left in repaired.unassigned] == [
            (0, ("gone",), "the patient is away")
        ]
        assert repaired.cost.terms["unassigned"] == 0

    def test_leaves_out_what_lies_at_a_closed_place(self) -> None:
        problem = a_problem([a_service("a", 1), a_service("b", 2)])
        plan = the_plan(problem, {0: [0, 1]})

        repaired = repair(problem, plan, [PlaceClosed(2)], now=0, iterations=5)

        assert places(repaired) == {0: places(plan)[0]}
        assert repaired.unassigned[0].sentence == "nobody gets to the place any more"

    def test_says_that_a_time_has_passed(self) -> None:
        problem = a_problem([a_service("a", 1, windows=(TimeWindow(7 * HOUR, 8 * HOUR),))])

        repaired = repair(problem, the_plan(problem, {}), [], now=9 * HOUR, iterations=1)

        assert repaired.unassigned[0].sentence == "its time has passed"

    def test_sends_one_nurse_when_the_other_of_a_running_double_visit_is_ill_later(self) -> None:
        services, link = a_double_visit(windows=(TimeWindow(7 * HOUR, 7 * HOUR),))
        problem = a_problem(services, [a_vehicle("n"), a_vehicle("m"), a_vehicle("o")], links=(link,))
        plan = the_plan(problem, {0: [0], 1: [1]})

        repaired = repair(problem, plan, [NurseIll(1, 6 * HOUR)], now=6 * HOUR, iterations=5)

        assert places(repaired) == {0: (0, 7 * HOUR), 1: (2, 7 * HOUR)}

    def test_swaps_visits_when_that_places_one_more(self) -> None:
        # n holds x and is busy with b all morning; m could do b, but only n may do the urgent one.
        services = [a_service("b", 0, 7 * HOUR)]
        problem = a_problem(services, [a_vehicle("n", skills={"x": 1}), a_vehicle("m")])
        plan = the_plan(problem, {0: [0]})
        urgent = UrgentVisit((a_service("u", 0, 2 * HOUR, skills={"x": 1}),))

        repaired = repair(problem, plan, [urgent], now=0, iterations=40)

        assert {s: vehicle for s, (vehicle, _) in places(repaired).items()} == {0: 1, 1: 0}

    def test_finds_another_nurse_where_a_delay_tears_a_double_visit_apart(self) -> None:
        first = a_service("a", 0, HOUR, windows=(TimeWindow(7 * HOUR, 7 * HOUR),))
        late = a_service("d", 0, visit="double", windows=(TimeWindow(7 * HOUR, 12 * HOUR),))
        sharp = a_service("e", 0, visit="double", windows=(TimeWindow(8 * HOUR, 8 * HOUR + 5 * MINUTE),))
        problem = a_problem(
            [first, late, sharp],
            [a_vehicle("n"), a_vehicle("m"), a_vehicle("o")],
            links=(Link(1, 2, 0, 0, Nurses.DIFFERENT),),
        )
        plan = the_plan(problem, {0: [0, 1], 1: [2]})

        repaired = repair(problem, plan, [VisitLonger(0, 2 * HOUR)], now=7 * HOUR, iterations=10)

        then = places(repaired)
        assert then[0] == (0, 7 * HOUR)
        assert {then[1], then[2]} == {(1, 8 * HOUR), (2, 8 * HOUR)}

    def test_changes_no_more_visits_than_the_budget_allows(self) -> None:
        services = [a_service("b", 0, 7 * HOUR)]
        problem = a_problem(services, [a_vehicle("n", skills={"x": 1}), a_vehicle("m")])
        plan = the_plan(problem, {0: [0]})
        urgent = UrgentVisit((a_service("u", 0, 2 * HOUR, skills={"x": 1}),))

        repaired = repair(
            problem, plan, [urgent], now=0, iterations=40, disturbance=Disturbance(most_visits=0)
        )

        assert places(repaired) == places(plan)

    def test_keeps_the_reason_of_what_was_left_out_before(self) -> None:
        problem = a_problem([a_service("a"), a_service("b", skills={"x": 1})])
        plan = solve(problem, iterations=5)

        once = repair(problem, plan, [], now=0, iterations=1)
        twice = repair(problem, once, [], now=0, iterations=1)

        assert [left.sentence for left in twice.unassigned] == [
            "left out before the repair already: no nurse on duty holds x at grade 1"
        ]

    def test_tells_of_the_first_answer_and_ends_when_cancelled(self) -> None:
        problem, plan = a_morning()
        told: list[Progress] = []

        repair(problem, plan, [NurseIll(0, 0)], now=0, on_progress=told.append, cancel=lambda: True)

        assert [progress.assigned for progress in told] == [4]

    def test_gives_the_same_plan_for_the_same_seed(self) -> None:
        problem, plan = a_morning(nurses=3)

        first, second = (
            repair(problem, plan, [NurseIll(0, 0)], now=0, seed=3, iterations=30) for _ in range(2)
        )

        assert first == second

    def test_ends_in_time(self) -> None:
        problem, plan = a_morning()

        repaired = repair(problem, plan, [NurseIll(0, 0)], now=0, limit_s=0.05)

        assert repaired.seconds < 1


class TestChangedDay:
    def test_lets_a_nurse_drive_on_to_where_she_is_bound(self) -> None:
        problem = a_problem([a_service("a", 5)])
        plan = the_plan(problem, {0: [0]})

        # she leaves at 6:00 for 6:05; at 6:02 she is on her way
        assert set(changed_day(problem, plan, [], now=6 * HOUR + 2 * MINUTE).begun) == {0}
        assert set(changed_day(problem, plan, [], now=6 * HOUR - MINUTE).begun) == set()

    def test_allows_the_overtime_that_a_running_visit_makes(self) -> None:
        problem = a_problem([a_service("a", 0, 8 * HOUR)])
        plan = the_plan(problem, {0: [0]})

        day = changed_day(problem, plan, [VisitLonger(0, 9 * HOUR)], now=7 * HOUR)

        assert day.problem.vehicles[0].overtime == HOUR

    def test_unties_a_visit_from_one_whose_gap_is_over(self) -> None:
        services = [a_service("a", 0), a_service("b", 0)]
        problem = a_problem(services, links=(Link(0, 1, 0, HOUR, Nurses.ANY), Link(1, 0, 0, None)))
        plan = the_plan(a_problem(services), {0: [0]})

        assert changed_day(problem, plan, [], now=10 * HOUR).problem.links == ()

    @pytest.mark.parametrize(
        "event",
        [
            NurseIll(7, 0),
            PatientAway("nobody"),
            PlaceClosed(99),
            VisitLonger(99, 60),
            VisitLonger(0, 60),
            VisitLonger(1, 60),
        ],
    )
    def test_refuses_what_makes_no_sense(self, event: Event) -> None:
        problem, plan = a_morning()

        with pytest.raises(InvalidEvent):
            changed_day(problem, plan, [event], now=8 * HOUR + 30 * MINUTE)


class TestDisturbance:
    def test_refuses_negative_numbers(self) -> None:
        with pytest.raises(InvalidWeights):
            Disturbance(per_visit=-1)
