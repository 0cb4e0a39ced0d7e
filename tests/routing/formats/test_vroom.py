"""VROOM's JSON."""

import json
from collections.abc import Callable

import pytest

from routing.check import violations
from routing.errors import RoutingError
from routing.formats import InvalidAnswer
from routing.formats.vroom import from_vroom
from routing.formats.vroom_answer import VroomTask
from routing.problem import Nurses
from routing.solver import solve
from tests.routing.formats.days import Json, a_vroom_day


def a_task(day: Json | None = None) -> VroomTask:
    return from_vroom(json.dumps(day or a_vroom_day()))


class TestFromVroom:
    def test_writes_the_documented_answer(self) -> None:
        task = a_task()

        answer = task.answer(solve(task.problem, iterations=20))

        # job 10, then 20: she is there at 1800, leaves job 20 at 2100 and is home at 3300
        # leaving as late as the window lets her: 1800 - 600 - 300 - 600 = 300
        assert answer["code"] == 0
        assert answer["unassigned"] == []
        assert answer["summary"]["cost"] == answer["summary"]["duration"] == 2400
        assert answer["summary"]["service"] == 500
        assert answer["summary"]["setup"] == 100
        assert answer["summary"]["distance"] == 24000
        (route,) = answer["routes"]
        assert route["vehicle"] == 7
        steps = [(step["type"], step["arrival"], step["duration"]) for step in route["steps"]]
        home = steps[-1][1]
        assert [kind for kind, _, _ in steps] == ["start", "job", "job", "end"]
        assert home - steps[0][1] >= 2400 + 600
        assert route["steps"][-1]["duration"] == 2400
        assert {"location_index": 1, "description": "first", "id": 10}.items() <= next(
            step for step in route["steps"] if step.get("id") == 10
        ).items()

    def test_reads_its_own_answer_back(self) -> None:
        task = a_task()
        plan = solve(task.problem, iterations=20)

        again = task.plan(json.dumps(task.answer(plan)))

        assert again.routes == plan.routes
        assert task.cost(again) == 2400

    def test_leaves_the_low_priority_out_if_one_must_stay(self) -> None:
        day = a_vroom_day()
        day["jobs"][0] |= {"time_windows": [[1800, 1800]], "priority": 1}
        day["jobs"][1]["time_windows"] = [[1800, 1800]]

        answer = a_task(day).answer(solve(a_task(day).problem, iterations=50))

        assert [left["id"] for left in answer["unassigned"]] == [20]
        assert answer["unassigned"][0]["type"] == "job"
        assert answer["summary"]["priority"] == 1

    def test_estimates_travel_where_there_are_coordinates_only(self) -> None:
        day = {
            "jobs": [{"id": 1, "location": [8.0, 51.0]}, {"id": 2, "location": [8.1, 51.0]}],
            "vehicles": [{"id": 1, "start": [8.0, 51.0]}],
        }

        task = a_task(day)
        answer = task.answer(solve(task.problem, iterations=20))

        # 7 km as the crow flies; the car needs some minutes, and an open route does not come back
        assert [step["type"] for step in answer["routes"][0]["steps"]] == ["start", "job", "job"]
        assert 600 < answer["summary"]["cost"] < 1500
        assert answer["summary"]["distance"] > 7000

    def test_ties_jobs_by_links(self) -> None:
        day = a_vroom_day()
        day["vehicles"].append({"id": 8, "start_index": 0, "end_index": 0})
        day["links"] = [{"first": 10, "second": 20, "min_gap": 0, "max_gap": 0, "nurses": "different"}]

        task = a_task(day)
        placed = solve(task.problem, iterations=50).placed()

        assert task.problem.links[0].nurses is Nurses.DIFFERENT
        assert placed[0][1].start == placed[1][1].start
        assert placed[0][0] != placed[1][0]

    def test_takes_timestamps(self) -> None:
        day, base = a_vroom_day(), 1_700_000_000
        day["jobs"][1]["time_windows"] = [[base + 1800, base + 3600]]
        day["vehicles"][0]["time_window"] = [base, base + 7200]

        task = a_task(day)
        plan = solve(task.problem, iterations=20)
        answer = task.answer(plan)

        assert answer["routes"][0]["steps"][-1]["arrival"] > base
        assert task.plan(json.dumps(answer)).routes == plan.routes

    def test_plans_a_break_that_may_lie_anywhere(self) -> None:
        day = a_vroom_day()
        day["vehicles"][0]["breaks"] = [{"id": 3, "service": 900, "time_windows": [[0, 7200]]}]

        task = a_task(day)
        plan = solve(task.problem, iterations=20)
        answer = task.answer(plan)

        pauses = [step for step in answer["routes"][0]["steps"] if step["type"] == "break"]
        assert [(pause["id"], pause["service"]) for pause in pauses] == [(3, 900)]
        assert violations(task.problem, task.plan(json.dumps(answer))) == []

    @pytest.mark.parametrize(("key", "loads"), [("delivery", [9, 5, 0, 0]), ("pickup", [0, 4, 9, 9])])
    def test_counts_one_amount(self, key: str, loads: list[int]) -> None:
        day = a_vroom_day()
        day["jobs"][0][key], day["jobs"][1][key] = [4], [5]
        day["jobs"][0]["time_windows"] = [[0, 700]]
        day["vehicles"][0]["capacity"] = [9]

        task = a_task(day)
        steps = task.answer(solve(task.problem, iterations=20))["routes"][0]["steps"]

        assert [step["load"] for step in steps] == [[load] for load in loads]

    def test_waits_for_a_break_at_set_hours_as_vroom_does(self) -> None:
        day = a_vroom_day()
        day["vehicles"][0]["breaks"] = [
            {"id": 3, "service": 900, "time_windows": [[6000, 6100], [6101, 7000]]}
        ]

        task = a_task(day)
        (route,) = task.answer(solve(task.problem, iterations=20))["routes"]

        # job 20 is done by 3900 at the latest; the break may begin from 6000 to 7200 - 900
        (pause,) = [step for step in route["steps"] if step["type"] == "break"]
        assert 6000 <= pause["arrival"] + pause["waiting_time"] <= 6300
        assert pause["service"] == 900

    def test_takes_durations_that_depend_on_the_hour(self) -> None:
        # She leaves at 600 to be at the first job at 1200, which is done at 1500. From 1800 on ways take
        # twice as long: by then half of the next way is done, the rest takes 600, from 1800 to 2400.
        day = a_vroom_day()
        del day["jobs"][1]["time_windows"]
        day["jobs"][0]["time_windows"] = [[1200, 1200]]
        durations = [[2 * seconds for seconds in row] for row in day["matrices"]["car"]["durations"]]
        day["matrices"]["car"]["bands"] = [{"start": 1800, "durations": durations}]
        task = a_task(day)

        plan = solve(task.problem, iterations=20)
        again = task.plan(json.dumps(task.answer(plan)))

        assert [(stop.arrival, stop.travel) for _, stop in plan.stops()] == [(1200, 600), (2400, 900)]
        assert again.routes == plan.routes
        assert violations(task.problem, again) == []

    @pytest.mark.parametrize(
        ("bands", "words"),
        [
            ([{"durations": [[0] * 3] * 3}], r"matrices\.car\.bands\[0\]\.start"),
            ([{"start": 9, "durations": [[0]]}], r"matrices\.car\.bands\[0\]\.durations"),
            ([{"start": 9, "durations": [[0] * 3] * 3}] * 2, r"matrices\.car\.bands: .* rising order"),
        ],
    )
    def test_refuses_bands_that_cannot_be(self, bands: list[Json], words: str) -> None:
        day = a_vroom_day()
        day["matrices"]["car"]["bands"] = bands

        with pytest.raises(RoutingError, match=words):
            a_task(day)

    def test_scales_the_ways_of_a_vehicle(self) -> None:
        day = a_vroom_day()
        day["vehicles"][0]["speed_factor"] = 1.2

        task = a_task(day)
        (route,) = task.answer(solve(task.problem, iterations=20))["routes"]

        # VROOM keeps 83 % of each way's time: 498 + 498 + 996
        assert (route["duration"], route["distance"]) == (1992, 24000)

    def test_counts_tasks(self) -> None:
        day = a_vroom_day()
        day["vehicles"][0]["max_tasks"] = 1

        answer = a_task(day).answer(solve(a_task(day).problem, iterations=20))

        assert len(answer["unassigned"]) == 1
        assert "load" not in answer["routes"][0]["steps"][0]

    def test_begins_with_the_steps_of_a_vehicle(self) -> None:
        day = a_vroom_day()
        day["vehicles"][0]["steps"] = [{"type": "start"}, a_step(20), a_step(10), {"type": "end"}]

        task = a_task(day)

        (route,) = task.begin_with
        assert [stop.service for stop in route.stops] == [1, 0]

    def test_refuses_steps_that_nobody_can_do(self) -> None:
        day = a_vroom_day()
        day["jobs"][0]["time_windows"] = [[0, 700]]
        day["vehicles"][0]["steps"] = [a_step(20), a_step(10)]

        with pytest.raises(RoutingError, match=r"vehicles\[0\].steps: the vehicle cannot do these jobs"):
            a_task(day)

    def test_weighs_a_fixed_cost_and_an_hour(self) -> None:
        day = a_vroom_day()
        day["vehicles"][0]["costs"] = {"fixed": 500, "per_hour": 7200}

        task = a_task(day)

        assert task.answer(solve(task.problem, iterations=20))["summary"]["cost"] == 500 + 2 * 2400


def put(*path: str | int, value: object) -> Callable[[Json], None]:
    def change(day: Json) -> None:
        place = day
        for key in path[:-1]:
            place = place[key]  # type: ignore[index]  # a path through JSON
        place[path[-1]] = value  # type: ignore[index]  # a path through JSON

    return change


def a_break(*windows: list[int]) -> Json:
    return {"id": 1, "service": 60, "time_windows": list(windows)}


def a_step(job: int) -> Json:
    return {"type": "job", "id": job}


class TestBadVroom:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (put("vehicles", 0, "max_tasks", value=-3), r"vehicles\[0\].max_tasks: -3 is not within"),
            (put("vehicles", 0, "max_travel_time", value=9), r"max_travel_time: this key is not supported"),
            (put("vehicles", 0, "max_distance", value=9), r"max_distance: this key is not supported"),
            (put("vehicles", 0, "speed_factor", value=0), r"vehicles\[0\].speed_factor: 0 is not within"),
            (put("shipments", value=[{}]), "shipments: this key is not supported"),
            (put("jobs", 0, "service", value=-1), r"jobs\[0\].service: -1 is not within 0"),
            (put("jobs", 0, "service", value="5"), r"jobs\[0\].service: expected a number, not a text"),
            (put("jobs", 0, "service", value=1.5), "expected a whole number, not 1.5"),
            (put("jobs", 0, "id", value=20), "service 20: two of them have this id"),
            (put("jobs", 0, "location_index", value=9), r"jobs\[0\].location_index: 9 is not within 0 to 2"),
            (put("jobs", 0, "priority", value=101), "priority: 101 is not within 0 to 100"),
            (put("jobs", 0, "delivery", value=[1, 2]), "only one dimension"),
            (put("jobs", 0, "delivery", value=[1]), r"vehicles\[0\].capacity: expected one number"),
            (put("jobs", 0, "location_index", value=2), r"jobs\[1\].setup: another job"),
            (put("jobs", 0, "time_windows", value=[[5, 3]]), r"time_windows\[0\]: ends at 3, before"),
            (
                put("jobs", 0, "time_windows", value=[[0, 10**9]]),
                r"jobs\[0\].time_windows: times of one file",
            ),
            (put("jobs", value={}), "jobs: expected a list, not an object"),
            (put("vehicles", value=None), "vehicles: is missing"),
            (put("vehicles", 0, "time_window", value=[5]), "time_window: expected two rising"),
            (put("vehicles", 0, value={"id": 1}), r"vehicles\[0\].start: give a start, an end or both"),
            (put("vehicles", 0, "profile", value="truck"), "matrices.truck: is missing"),
            (put("vehicles", 0, "costs", value={"per_hour": 100}), "per_hour: only multiples of 3600"),
            (put("vehicles", 0, "costs", value={"per_km": 100}), "costs.per_km: this key is not supported"),
            (
                put("vehicles", 0, "breaks", value=[a_break([600, 900], [902, 950])]),
                r"breaks\[0\].time_windows: several hours that do not meet",
            ),
            (
                put("vehicles", 0, "breaks", value=[a_break([7141, 9000])]),
                r"breaks\[0\].time_windows: none of them lets the break lie inside",
            ),
            (
                put("vehicles", 0, "breaks", value=[a_break([600, 900]) | {"service": 0}]),
                r"breaks\[0\].service: a break of no length",
            ),
            (put("vehicles", 0, "breaks", value=[a_break() | {"max_load": [1]}]), "max_load: this key"),
            (put("vehicles", 0, "steps", value=[{"type": "pickup"}]), r"steps\[0\].type: expected start"),
            (put("vehicles", 0, "steps", value=[a_step(99)]), r"steps\[0\].id: there is no job 99"),
            (put("vehicles", 0, "steps", value=[a_step(10), a_step(10)]), r"steps\[1\].id: is in two steps"),
            (
                put("vehicles", 0, "steps", value=[a_step(10) | {"service_at": 5}]),
                r"steps\[0\].service_at: this key is not supported",
            ),
            (put("vehicles", 0, "breaks", value=[{"id": 1}, {"id": 2}]), "only one break per vehicle"),
            (put("matrices", "car", "durations", 0, value=[0, 1]), "row 0 has 2 numbers, there are 3"),
            (put("matrices", "car", "durations", 0, 1, value=-1), r"durations\[0\]\[1\]: -1 is not within"),
            (put("matrices", "car", "durations", 0, 1, value=1.5), "durations: expected whole numbers"),
            (put("matrices", "car", "durations", 0, 0, value=1), "from place 0 to itself must be 0"),
            (put("matrices", "car", "distances", value=[[0]]), "distances: has 1 rows, expected 3"),
            (put("matrices", "car", "costs", value=[[0]]), "matrices.car.costs: this key is not supported"),
            (put("links", value=[{"first": 10, "second": 99}]), r"links\[0\].second: there is no job 99"),
            (put("links", value=[{"first": 10, "second": 20, "nurses": "both"}]), "expected any, same or"),
            (put("links", value=[{"first": 10, "second": 10}]), "is tied to itself"),
        ],
    )
    def test_is_refused_with_key_and_reason(self, change: Callable[[Json], None], words: str) -> None:
        day = a_vroom_day()
        change(day)

        with pytest.raises(RoutingError, match=words):
            a_task(day)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (put("vehicles", 0, value={"id": 1, "start": [8, 51], "profile": "truck"}), "no estimate"),
            (put("vehicles", 0, value={"id": 1, "start_index": 0}), "there are no matrices"),
            (put("vehicles", 0, value={"id": 1, "start": [8]}), "start: expected longitude and latitude"),
            (put("vehicles", 0, value={"id": 1, "start": [8, 151]}), "latitude must be within"),
        ],
    )
    def test_is_refused_without_matrices_too(self, change: Callable[[Json], None], words: str) -> None:
        day: Json = {"jobs": [], "vehicles": [{}]}
        change(day)

        with pytest.raises(RoutingError, match=words):
            a_task(day)

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ({"code": 1, "error": "x"}, "reports an error"),
            ({"routes": [{"vehicle": 99, "steps": []}]}, "no such vehicle"),
            ({"routes": [{"vehicle": 7, "steps": [{"type": "job", "id": 9, "arrival": 0}]}]}, "no such job"),
            (
                {"routes": [{"vehicle": 7, "steps": [{"type": "pickup", "id": 9, "arrival": 0}]}]},
                "pickup steps are not supported",
            ),
        ],
    )
    def test_refuses_answers_about_strangers(self, answer: Json, words: str) -> None:
        with pytest.raises(InvalidAnswer, match=words):
            a_task().plan(json.dumps(answer))
