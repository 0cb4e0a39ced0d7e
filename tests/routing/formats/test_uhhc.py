"""Unified home health care instances."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from routing.check import violations
from routing.errors import RoutingError
from routing.formats.uhhc import UhhcTask, from_uhhc
from routing.judging import faults_of
from routing.plan import Break, Plan
from routing.solver import solve
from routing.units import MINUTE
from tests.routing.formats.days import Json, a_uhhc_day
from tests.routing.formats.judges import SHARED, judged


def a_task(day: Json | None = None) -> UhhcTask:
    return from_uhhc(json.dumps(day or a_uhhc_day()))


def solved(task: UhhcTask, iterations: int = 200) -> Plan:
    return task.finish(solve(task.problem, iterations=iterations), None)


def stop(patient: str, service: str, start: int, end: int) -> dict[str, Any]:
    return {"patient": patient, "service": service, "arrival_time": start, "departure_time": end}


def an_answer() -> Json:
    """c1: p0 30-50, lunch 100-130 there, p1 150-170; c2: p0 35-45."""
    first = [stop("p0", "s1", 30, 50), stop("p0", "lunch_break", 100, 130), stop("p1", "s1", 150, 170)]
    return {
        "routes": [
            {"caregiver_id": "c1", "locations": first},
            {"caregiver_id": "c2", "locations": [stop("p0", "s2", 35, 45)]},
        ]
    }


class TestCost:
    def test_counts_each_component_as_published(self) -> None:
        task = a_task()

        plan = task.plan(json.dumps(an_answer()))
        values = task.answer(plan)["cost_components"]

        # c1 leaves at 20, waits 50-100, home at 170 + 30 = 200; c2 leaves at 25 and is home at 55
        assert values == {
            "travel_time": 60 + 20,
            "total_tardiness": 0,
            "highest_tardiness": 0,
            "total_waiting_time": 50,
            "total_extra_time": 0,
            "max_idle_time": 20 + 50 + 100,  # c1; c2 25 + 145, the same
            "caregiver_preferences": 1,
            "optional_patients": 0,
            "missed_lunch_break": 0,
        }
        assert task.cost(plan) == 2 * 80 + 50 + 170 + 7
        assert faults_of(task, plan) == []

    @pytest.mark.parametrize(
        ("start", "late"),
        [(90, 0), (91, 1), (119, 29), (120, 0), (151, 1)],  # windows 60-90 and 120-150; the gap is late
    )
    def test_counts_a_start_between_windows_against_the_earlier(self, start: int, late: int) -> None:
        answer = an_answer()
        answer["routes"][0]["locations"][1:] = [stop("p1", "s1", start, start + 20)]

        task = a_task()
        values = task.answer(task.plan(json.dumps(answer)))["cost_components"]

        assert values["total_tardiness"] == values["highest_tardiness"] == late
        assert values["missed_lunch_break"] == 1

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda stops: stops.pop(0), "p0/s1 is left out"),
            (lambda stops: stops[1].update(departure_time=140), "lunch lasts 2400 s, not 1800 s"),
            (
                lambda stops: stops[1].update(arrival_time=60, departure_time=90),
                "lunch starts at 60, outside",
            ),
            (lambda stops: stops.insert(2, stop("p0", "lunch_break", 131, 161)), "has two lunch breaks"),
            (lambda stops: stops[0].update(departure_time=51), "does not last 20 min"),
        ],
    )
    def test_names_what_is_forbidden(self, change: Callable[[list[Any]], object], words: str) -> None:
        answer = an_answer()
        change(answer["routes"][0]["locations"])
        task = a_task()

        assert any(words in fault for fault in faults_of(task, task.plan(json.dumps(answer))))

    def test_names_a_lunch_that_nobody_is_due(self) -> None:
        answer = an_answer()
        answer["routes"][1]["locations"].append(stop("p0", "lunch_break", 100, 130))
        task = a_task()

        assert task.faults(task.plan(json.dumps(answer))) == [
            "caregiver c2 is due no lunch break but takes one"
        ]

    def test_names_a_hard_component_that_is_not_met(self) -> None:
        day, answer = a_uhhc_day(), an_answer()
        day["metadata"]["cost_components"]["missed_lunch_break"] = "HARD"
        del answer["routes"][0]["locations"][1]
        task = a_task(day)

        assert task.faults(task.plan(json.dumps(answer))) == ["missed_lunch_break must be 0 and comes to 1"]


def lunch_at_the_door() -> Json:
    """Lunch of c1 before her first stop and after the way: 100-130 at p0."""
    answer = an_answer()
    first = [stop("p0", "lunch_break", 100, 130), stop("p0", "s1", 130, 150), stop("p1", "s1", 170, 190)]
    answer["routes"][0]["locations"] = first
    return answer


class TestLunchAtTheDoor:
    def test_is_read_as_it_is_written(self) -> None:
        task = a_task()

        plan = task.plan(json.dumps(lunch_at_the_door()))

        # ten minutes from her start to p0
        assert plan.routes[0].leaves == 90 * MINUTE
        assert not [v for v in violations(task.problem, plan) if v.rule == "travel-times"]
        assert task.answer(plan)["routes"][0]["locations"][0]["patient"] == "p0"

    def test_does_not_begin_on_the_way(self) -> None:
        task = a_task()
        plan = task.plan(json.dumps(lunch_at_the_door()))
        on_the_way = replace(plan.routes[0], breaks=(Break(95 * MINUTE, 125 * MINUTE, 0),))

        finished = task.finish(replace(plan, routes=(on_the_way, *plan.routes[1:])), 0.0)

        assert finished.routes[0].breaks == (Break(100 * MINUTE, 130 * MINUTE, 0),)


class TestFinish:
    def test_plans_a_lunch_and_the_best_times(self) -> None:
        day = a_uhhc_day()
        day["metadata"]["cost_components"].update(optional_patients=200, missed_lunch_break=400)
        task = a_task(day)

        plan = solved(task)

        # as in the answer above or better: travel 80, waiting 50, idle 170, c2 not preferred
        assert faults_of(task, plan) == []
        assert task.cost(plan) <= 2 * 80 + 50 + 170 + 7
        assert [len(route.breaks) for route in plan.routes] == [1, 0]

    def test_keeps_hard_rules(self) -> None:
        day = a_uhhc_day()
        weights = day["metadata"]["cost_components"]
        weights.update(total_tardiness="HARD", total_extra_time="HARD", missed_lunch_break="HARD")
        del weights["caregiver_preferences"]
        day["patients"][0]["preferred_caregivers"] = None

        task = a_task(day)

        assert faults_of(task, solved(task)) == []

    def test_leaves_at_the_start_of_the_shift_where_the_set_says_so(self) -> None:
        day = a_uhhc_day()
        day["metadata"]["origin"] = "bazirha"
        task = a_task(day)

        values = task.answer(task.plan(json.dumps(an_answer())))["cost_components"]

        # c1 leaves at 0 and is at p0 at 10, 20 early; c2 at 0 and 25 early
        assert values["total_waiting_time"] == 50 + 20 + 25

    def test_counts_the_wait_before_the_first_patient_too(self) -> None:
        day = a_uhhc_day()
        day["metadata"].update(origin="bazirha-caie", cost_components={"total_waiting_time": 1})
        day["patients"][0]["preferred_caregivers"] = None
        for caregiver in day["caregivers"]:
            caregiver.pop("lunch_break", None)
        task = a_task(day)

        plan = task.finish(solve(task.problem, iterations=200), None)

        # c1 leaves at 0, waits from 10 to 30 for p0 and is at p1 at 70; c2 waits from 10 to 35 for p0
        assert faults_of(task, plan) == []
        assert len(plan.placed()) == len(task.problem.services)
        assert task.cost(plan) <= 20 + 25

    def test_is_judged_as_the_published_tools_judge(self, tmp_path: Path) -> None:
        folder = SHARED / "instances" / "uhhc"
        files = [*sorted(folder.glob("bazirha*/[DJ]1.json")), *sorted(folder.glob("small/*-00[03].json"))]
        for file in files:
            task = from_uhhc(file.read_text(encoding="utf-8"))
            plan = solved(task, 300)

            assert violations(task.problem, plan) == []
            assert judged("uhhc", file, task.answer(plan), tmp_path) == task.cost(plan)


class TestBadUhhc:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda day: day["metadata"].update(time_window_met="soon"), "time_window_met: soon is neither"),
            (
                lambda day: day["metadata"]["cost_components"].update(co2=3),
                "metadata.cost_components.co2: this key is not supported",
            ),
            (
                lambda day: day["metadata"]["cost_components"].update(travel_time="HARD"),
                "travel_time: HARD is not supported here",
            ),
            (
                lambda day: day["metadata"]["cost_components"].update(incompabilities=3),
                "incompabilities: a weight here is not supported",
            ),
            (
                lambda day: day["distances"][0].__setitem__(0, 3),
                "distances: must be 0 from a place to itself",
            ),
            (lambda day: day["distances"][0].__setitem__(1, 1.5), "distances: expected whole minutes"),
            (lambda day: day["caregivers"][0].update(arrival_point="x"), "there is no terminal point x"),
            (
                lambda day: day["caregivers"][0]["working_shift"].update(end=-5),
                r"caregivers\[0\].working_shift.end: -5 is not within",
            ),
            (
                lambda day: day["patients"][0].update(time_windows=[{"start": 9, "end": 3}]),
                r"time_windows\[0\].end: is 3, before the start at 9",
            ),
            (lambda day: day["patients"][0].update(time_windows=[]), "time_windows: give at least one"),
            (lambda day: day["patients"][0].update(required_services=[]), "name at least one"),
            (
                lambda day: day["patients"][0].update(preferred_caregivers=["c9"]),
                r"patients\[0\].preferred_caregivers: there is no caregiver c9",
            ),
            (
                lambda day: day["patients"][0]["synchronization"].update(type="odd"),
                "synchronization.type: odd is not supported",
            ),
            (
                lambda day: day["patients"][0]["synchronization"]["distance"].update(max=1),
                "synchronization.distance.max: is less than min",
            ),
            (
                lambda day: day["patients"][0]["required_services"].append({"service": "s7"}),
                r"required_services\[2\].service: there is no service s7",
            ),
            (
                lambda day: (
                    day["metadata"].update(time_window_met="at_service_end"),
                    day["patients"][0].update(time_windows=[{"start": 30, "end": 40}]),
                ),
                "a service that is longer than its window",
            ),
            (
                lambda day: (
                    day["metadata"].update(time_window_met="at_service_end"),
                    day["lunch_breaks"].update(end=110),
                ),
                "lunch_breaks.end: lunch does not fit",
            ),
        ],
    )
    def test_is_refused_with_key_and_reason(self, change: Callable[[Json], object], words: str) -> None:
        day = a_uhhc_day()
        change(day)

        with pytest.raises(RoutingError, match=words):
            a_task(day)

    def test_refuses_half_minutes_and_strangers_in_an_answer(self) -> None:
        answer = an_answer()
        answer["routes"][0]["locations"][0]["arrival_time"] = 30.5
        with pytest.raises(RoutingError, match=r"30\.5 is no whole number of minutes"):
            a_task().plan(json.dumps(answer))

        answer["routes"][0]["locations"][0] = stop("p1", "s2", 30, 40)
        with pytest.raises(RoutingError, match="patient p1 does not need service s2"):
            a_task().plan(json.dumps(answer))
