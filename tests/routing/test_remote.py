"""Visits with a doctor's minutes by video inside."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.check import violations
from routing.errors import InvalidProblem, InvalidService
from routing.exact import plan_exactly
from routing.explain import unassigned
from routing.insertion import best
from routing.parts import split
from routing.plan import Plan
from routing.problem import Problem, TimeWindow
from routing.remote import Doctor, RemotePart, with_remote_parts
from routing.repair import InvalidEvent, VisitLonger, changed_day, repair
from routing.solver import solve
from tests.routing.problems import HOUR, MINUTE, a_problem, a_service, a_vehicle, small_days
from tests.routing.test_constraints import bent, broken, of

MORNING = TimeWindow(9 * HOUR, 12 * HOUR)
FROM_5_TO_15 = TimeWindow(5 * MINUTE, 15 * MINUTE)


def visits_with_video(
    count: int = 1, free: tuple[TimeWindow, ...] = (MORNING,), offset: TimeWindow = FROM_5_TO_15
) -> Problem:
    """Visits of 40 minutes at place 1 with twelve minutes of a doctor, and a nurse for each."""
    services = [a_service(f"{n}", 1, 40 * MINUTE) for n in range(count)]
    vehicles = [a_vehicle(f"n{n}", max_work=HOUR) for n in range(count)]
    parts = [RemotePart(n, 12 * MINUTE, offset) for n in range(count)]
    return with_remote_parts(a_problem(services, vehicles), [Doctor("d", free)], parts)


class TestWithRemoteParts:
    def test_closes_the_doctor_to_everything_else(self) -> None:
        problem = visits_with_video(2)

        assert [sorted(service.forbidden) for service in problem.services] == [[2], [2], [], []]
        assert [service.allowed for service in problem.services] == [None, None, {2}, {2}]
        assert problem.vehicles[2].nurse == "d"
        assert problem.seconds(2, 0, 5) == 0

    def test_makes_each_free_time_a_shift(self) -> None:
        problem = visits_with_video(1, (MORNING, TimeWindow(14 * HOUR, 15 * HOUR)))

        assert [(v.id, v.nurse, v.shift.earliest) for v in problem.vehicles[1:]] == [
            ("d 1", "d", 9 * HOUR),
            ("d 2", "d", 14 * HOUR),
        ]

    @pytest.mark.parametrize("offset", [TimeWindow(-1, 0), TimeWindow(0, 28 * MINUTE + 1)])
    def test_refuses_a_part_outside_of_its_service(self, offset: TimeWindow) -> None:
        with pytest.raises(InvalidService, match="does not lie inside its 2400 s"):
            visits_with_video(offset=offset)

    @pytest.mark.parametrize(
        ("doctors", "part", "said"),
        [
            ([Doctor("d", ())], RemotePart(0, 60, TimeWindow(0, 0)), "at least one time"),
            ([], RemotePart(1, 60, TimeWindow(0, 0)), "no service number 1"),
            ([], RemotePart(0, 60, TimeWindow(0, 0), frozenset({0})), "no such doctor"),
        ],
    )
    def test_refuses_what_is_not_there(self, doctors: list[Doctor], part: RemotePart, said: str) -> None:
        with pytest.raises(InvalidProblem, match=said):
            with_remote_parts(a_problem(), doctors, [part])

    def test_chooses_doctors_by_name_and_skill(self) -> None:
        doctors = [Doctor("a", (MORNING,), (("heart", 1),)), Doctor("b", (MORNING,), (("skin", 1),))]
        asked = RemotePart(0, 5 * MINUTE, TimeWindow(0, 0), skills=(("skin", 1),))
        named = RemotePart(1, 5 * MINUTE, TimeWindow(0, 0), doctors=frozenset({0}))
        problem = with_remote_parts(a_problem([a_service("x"), a_service("y")]), doctors, [asked, named])

        plan = solve(problem, iterations=100)

        placed = plan.placed()
        assert violations(problem, plan) == []
        assert [problem.vehicles[placed[s][0]].id for s in (2, 3)] == ["b", "a"]


class TestPlans:
    def test_keep_the_doctor_with_one_patient_at_a_time(self) -> None:
        problem = visits_with_video(4)

        plan = solve(problem, iterations=200)

        assert violations(problem, plan) == []
        assert plan.unassigned == ()
        times = sorted((stop.start, stop.end) for v, stop in plan.stops() if v == 4)
        assert all(end <= start for (_, end), (start, _) in pairwise(times))

    def test_find_a_visit_the_time_that_the_doctor_has(self) -> None:
        # free from 10:30 to 10:42 only: the visit starts 5 to 15 minutes before
        problem = visits_with_video(1, (TimeWindow(10 * HOUR + 30 * MINUTE, 10 * HOUR + 42 * MINUTE),))

        plan = solve(problem, iterations=50)

        placed = plan.placed()
        assert violations(problem, plan) == []
        assert placed[1][1].start == 10 * HOUR + 30 * MINUTE
        assert 5 * MINUTE <= placed[1][1].start - placed[0][1].start <= 15 * MINUTE

    def test_leave_out_a_visit_whose_doctor_is_busy(self) -> None:
        # two visits at once for which there are twenty minutes
        problem = visits_with_video(2, (TimeWindow(10 * HOUR, 10 * HOUR + 20 * MINUTE),))

        plan = solve(problem, iterations=100)

        assert violations(problem, plan) == []
        assert len(plan.placed()) == 2

    @settings(max_examples=25, deadline=None)
    @given(small_days(most_services=4), st.data())
    def test_keep_all_rules_on_random_days(self, problem: Problem, data: st.DataObject) -> None:
        parts = [
            RemotePart(number, 5 * MINUTE, TimeWindow(0, data.draw(st.sampled_from([0, 15])) * MINUTE))
            for number, service in enumerate(problem.services)
            if service.duration >= 20 * MINUTE
        ]
        opens = data.draw(st.integers(6, 14)) * HOUR
        free = (TimeWindow(opens, opens + 30 * MINUTE), TimeWindow(opens + HOUR, opens + 3 * HOUR))
        day = with_remote_parts(problem, [Doctor("d", free)], parts)

        plan = solve(day, iterations=100)

        proof = plan_exactly(day, 20)
        assert violations(day, plan) == []
        assert proof is not None
        assert plan.cost.total >= proof.bound


class TestViolations:
    def planned(self) -> tuple[Problem, Plan]:
        problem = visits_with_video()
        return problem, solve(problem, iterations=20)

    def test_names_a_part_outside_of_its_visit(self) -> None:
        problem, plan = self.planned()
        shorter = replace(problem.services[0], duration=16 * MINUTE)
        changed = replace(problem, services=(shorter, problem.services[1]))
        stop = replace(plan.routes[0].stops[0], end=plan.routes[0].stops[0].start + 16 * MINUTE)
        plan = bent(plan, lambda route: replace(route, stops=(stop,)))

        found = [v for v in violations(changed, plan) if v.rule == "remote-parts"]

        assert [v.service for v in found] == [1]
        assert "0 (remote) lasts from" in found[0].sentence

    def test_names_a_part_with_nobody_at_the_patient_s_home(self) -> None:
        problem, plan = self.planned()

        assert "remote-parts" in broken(problem, of(problem, plan.routes[1:]))

    def test_names_somebody_in_two_places(self) -> None:
        problem, plan = self.planned()
        vehicles = (replace(problem.vehicles[0], nurse="d"), problem.vehicles[1])

        assert "remote-parts" in broken(replace(problem, vehicles=vehicles), plan)


class TestAround:
    def test_parts_keep_number_and_doctor(self) -> None:
        problem = visits_with_video(2)
        first, second = problem.services[:2]
        services = (
            replace(first, allowed=frozenset({0})),
            replace(second, allowed=frozenset({1})),
            *problem.services[2:],
        )

        (part,) = split(replace(problem, services=services))

        assert [service.inside for service in part.problem.services] == [None, None, 0, 1]

    def test_insertion_places_visit_and_call_together(self) -> None:
        one = visits_with_video(1)
        empty = of(one, ())

        places = best(one, empty, 0)

        assert places
        assert violations(one, of(one, places[0].applied(()))) == []
        assert set(places[0].stops) == {0, 1}

    def test_explain_says_that_no_doctor_is_free(self) -> None:
        problem = visits_with_video(1, (TimeWindow(16 * HOUR, 17 * HOUR),))

        plan = solve(problem, iterations=20)

        # the nurse works until 14:00
        assert "links" in unassigned(problem, plan, 0).rules

    def test_explain_names_the_part_that_nobody_takes(self) -> None:
        problem = with_remote_parts(a_problem(), [], [RemotePart(0, 60, TimeWindow(0, 0))])

        plan = solve(problem, iterations=20)

        assert plan.unassigned[0].sentence == (
            "service a (remote) of the same visit cannot be done: no nurse on duty may take part from afar"
        )

    def test_repair_moves_the_call_with_the_visit(self) -> None:
        problem = visits_with_video(2, offset=FROM_5_TO_15)
        plan = solve(problem, iterations=50)
        first = min((stop for v, stop in plan.stops() if v == 2), key=lambda stop: stop.start)
        now = first.start + MINUTE
        refused = [VisitLonger(first.service - 2, 20 * MINUTE)]

        with pytest.raises(InvalidEvent, match="may end 27 min after"):
            repair(problem, plan, refused, now=now)
        longer = [VisitLonger(first.service - 2, HOUR)]
        mended = repair(problem, plan, longer, now=now, iterations=10)

        assert violations(changed_day(problem, plan, longer, now=now).problem, mended) == []
