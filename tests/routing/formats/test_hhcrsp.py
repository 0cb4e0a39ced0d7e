"""Mankowska's instances."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from routing.check import violations
from routing.errors import RoutingError
from routing.formats.hhcrsp import HhcrspTask, from_hhcrsp
from routing.problem import Nurses
from routing.solver import solve
from tests.routing.formats.days import Json, a_hhcrsp_day
from tests.routing.formats.judges import SHARED, judged


def a_task(day: Json | None = None) -> HhcrspTask:
    return from_hhcrsp(json.dumps(day or a_hhcrsp_day()))


class TestFromHhcrsp:
    def test_costs_a_third_of_travel_lateness_and_largest_lateness(self) -> None:
        task = a_task()

        plan = solve(task.problem, iterations=100)

        # c1: p1 at 20.5 (8.5 late), until 25.5, then p2 at 35.5; c2: p2 at 35.5 too. Travel 61 + 61
        # late 8.5 in all and at most: a third of 122 + 17
        assert task.cost(plan) == pytest.approx(139 / 3)
        assert plan.cost.total == 139_000
        assert [stop.start for _, stop in plan.stops()] == [20_500, 35_500, 35_500]

    def test_takes_durations_from_the_service_if_the_patient_names_none(self) -> None:
        assert [service.duration for service in a_task().problem.services] == [5000, 5000, 5000]

    def test_sends_two_caregivers_in_the_order_of_the_list(self) -> None:
        day = a_hhcrsp_day()
        day["patients"][1]["synchronization"] = {"type": "sequential", "distance": [5, 10.5]}

        (link,) = a_task(day).problem.links

        assert (link.first, link.second, link.min_gap, link.max_gap) == (1, 2, 5000, 10_500)
        assert link.nurses is Nurses.DIFFERENT

    def test_reads_its_own_answer_back(self) -> None:
        task = a_task()
        plan = solve(task.problem, iterations=50)

        again = task.plan(json.dumps(task.answer(plan)))

        assert again.routes == plan.routes
        assert violations(task.problem, again) == []

    def test_is_judged_as_the_published_tools_judge(self, tmp_path: Path) -> None:
        for file in sorted((SHARED / "instances" / "mankowska").glob("*_10_[13].json")):
            task = from_hhcrsp(file.read_text(encoding="utf-8"))
            plan = solve(task.problem, iterations=300)

            assert violations(task.problem, plan) == []
            assert judged("hhcrsp", file, task.answer(plan), tmp_path) == pytest.approx(task.cost(plan))


class TestBadHhcrsp:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda day: day.pop("distances"), "distances: is missing"),
            (lambda day: day["distances"].pop(), "row 0 has 3 numbers, there are 2 rows"),
            (lambda day: day["distances"][0].__setitem__(1, 0.1234), "more than three decimals"),
            (lambda day: day["distances"][0].__setitem__(0, 1), "0 from a place to itself"),
            (lambda day: day.update(weather="bad"), "weather: this key is not supported"),
            (
                lambda day: day["patients"][0].update(time_window=[5]),
                r"patients\[0\].time_window: expected two",
            ),
            (lambda day: day["patients"][0].update(required_caregivers=[]), "one or two services"),
            (
                lambda day: day["patients"][0].update(required_caregivers=[{"service": "s9"}]),
                r"required_caregivers\[0\].service: there is no service s9",
            ),
            (lambda day: day["patients"][1].pop("synchronization"), "synchronization: is missing"),
            (
                lambda day: day["patients"][1].update(synchronization={"type": "never"}),
                r"patients\[1\].synchronization.type: never is not supported",
            ),
            (
                lambda day: day["patients"][1].update(
                    synchronization={"type": "sequential", "distance": [3]}
                ),
                "distance: expected the least and the largest gap",
            ),
            (lambda day: day["caregivers"].append({"id": "c1", "abilities": []}), "two of them have this id"),
        ],
    )
    def test_is_refused_with_key_and_reason(self, change: Callable[[Json], object], words: str) -> None:
        day = a_hhcrsp_day()
        change(day)

        with pytest.raises(RoutingError, match=words):
            a_task(day)

    @pytest.mark.parametrize(
        ("route", "words"),
        [
            ({"caregiver_id": "c9"}, r"routes\[0\].caregiver_id: there is no caregiver c9"),
            ({"caregiver_id": "c1", "locations": [{}]}, r"locations\[0\].patient: is missing"),
            (
                {
                    "caregiver_id": "c1",
                    "locations": [{"patient": "p1", "service": "s2", "start_time": 1, "end_time": 2}],
                },
                "patient p1 does not need service s2",
            ),
        ],
    )
    def test_refuses_answers_about_strangers(self, route: Json, words: str) -> None:
        with pytest.raises(RoutingError, match=words):
            a_task().plan(json.dumps({"routes": [route]}))

    def test_refuses_two_routes_of_one_caregiver(self) -> None:
        with pytest.raises(RoutingError, match="caregiver c1 has two routes"):
            a_task().plan('{"routes": [{"caregiver_id": "c1"}, {"caregiver_id": "c1"}]}')
