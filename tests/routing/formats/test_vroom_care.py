"""What our planner knows beyond VROOM, in VROOM's file."""

import json
from collections.abc import Callable

import pytest

from routing.breaks import WORKING_TIME_LAW, BreakRule, Lunch
from routing.check import violations
from routing.errors import RoutingError
from routing.formats import InvalidAnswer
from routing.formats.vroom import from_vroom
from routing.formats.vroom_answer import VroomTask
from routing.problem import Problem, Service, TimeWindow, Vehicle
from routing.solver import solve
from routing.weights import Weights
from tests.routing.formats.days import Json, a_vroom_day


def a_task(day: Json) -> VroomTask:
    return from_vroom(json.dumps(day))


def a_day(job: Json | None = None, vehicle: Json | None = None, care: Json | None = None) -> Json:
    """The day of `a_vroom_day` with a second vehicle 8, and `care` for job 10, vehicle 7 and the file."""
    day = a_vroom_day()
    day["vehicles"].append({"id": 8, "start_index": 0, "end_index": 0, "time_window": [0, 7200]})
    for place, said in ((day["jobs"][0], job), (day["vehicles"][0], vehicle), (day, care)):
        if said is not None:
            place["care"] = said
    return day


class TestJobs:
    def test_say_all_that_a_service_knows(self) -> None:
        care = {
            "skills": {"wound": 2},
            "allowed": [7, 8],
            "forbidden": [8],
            "preferred": [7],
            "late": 3,
            "wish": [700, 800],
            "known": [{"vehicle": 8, "points": 40}],
            "pinned_vehicle": 7,
            "pinned_start": 900,
            "needs": ["key 3"],
        }
        day = a_day(job=care)
        day["jobs"][0]["skills"] = [5]

        service = a_task(day).problem.services[0]

        assert service == Service(
            id="10",
            location=1,
            duration=300,
            windows=service.windows,
            penalty=service.penalty,
            skills={"5": 1, "wound": 2},
            allowed=frozenset({0, 1}),
            forbidden=frozenset({1}),
            preferred=frozenset({0}),
            late=3,
            wish=TimeWindow(700, 800),
            known={1: 40},
            pinned_vehicle=0,
            pinned_start=900,
            needs=frozenset({"key 3"}),
        )

    def test_leave_no_field_of_a_service_or_vehicle_out_of_reach(self) -> None:
        # `demand`, `windows` and so on come from VROOM's keys, `inside` from `remote`, `travel` by `profile`.
        said = {"demand", "duration", "id", "inside", "location", "penalty", "visit", "windows"}
        said |= {"allowed", "forbidden", "known", "late", "needs", "pinned_start", "pinned_vehicle"}
        said |= {"preferred", "skills", "wish"}
        of_vehicle = {"breaks", "capacity", "day", "end", "free_since", "id", "leaves_at_once", "lunch"}
        of_vehicle |= {"max_day", "max_work", "next_duty", "nurse", "overtime", "rest", "shift", "skills"}
        of_vehicle |= {"start", "travel", "uses"}

        assert said == set(Service.__dataclass_fields__)
        assert of_vehicle == set(Vehicle.__dataclass_fields__)
        assert {"services", "vehicles", "travel", "links", "weights", "orders"} == set(
            Problem.__dataclass_fields__
        )

    def test_have_a_price_instead_of_a_priority(self) -> None:
        # 1200 s of travel to job 10 and back are dearer than 1000 points: it is left out, at that price
        day = a_day(job={"penalty": 1000})
        day["jobs"][1] |= {"care": {"penalty": 10**6}, "time_windows": [[0, 10]]}
        day["jobs"][1]["care"]["penalty"] = 50

        task = a_task(day)
        plan = solve(task.problem, iterations=20)

        assert len(plan.unassigned) == 2
        assert task.cost(plan) == 1050

    def test_may_be_late_at_a_price_and_the_answer_says_so(self) -> None:
        day = a_day(job={"late": 60})
        # nobody is there before 600: ten minutes late for 60 points each
        day["jobs"][0]["time_windows"] = [[0, 0]]

        task = a_task(day)
        plan = solve(task.problem, iterations=20)
        answer = task.answer(plan)

        steps = [step for route in answer["routes"] for step in route["steps"] if step.get("id") == 10]
        assert steps[0]["violations"] == [{"cause": "delay", "duration": 600}]
        assert answer["summary"]["violations"] == [{"cause": "delay", "duration": 600}]
        assert answer["care"]["terms"] == {"lateness": 600}
        assert task.cost(plan) == answer["summary"]["cost"] + 600


class TestVehicles:
    def test_say_all_that_a_shift_knows(self) -> None:
        care = {
            "nurse": "a",
            "day": 2,
            "max_day": 5000,
            "max_work": 6000,
            "rest": 36000,
            "free_since": -40000,
            "next_duty": 50000,
            "uses": ["car 1"],
            "skills": {"wound": 3},
            "overtime": 600,
            "leaves_at_once": True,
            "breaks": {
                "steps": [{"after": 3600, "rest": 300}],
                "shortest_part": 300,
                "longest_stretch": 3600,
            },
            "lunch": {"earliest": 3000, "latest": 4000, "length": 900, "missed": 70},
        }

        vehicle = a_task(a_day(vehicle=care)).problem.vehicles[0]

        assert vehicle == Vehicle(
            id="7",
            start=0,
            end=0,
            shift=TimeWindow(0, 7200),
            nurse="nurse a",
            day=2,
            max_day=5000,
            max_work=6000,
            rest=36000,
            free_since=-40000,
            next_duty=50000,
            uses=frozenset({"car 1"}),
            skills={"wound": 3},
            overtime=600,
            leaves_at_once=True,
            breaks=BreakRule(((3600, 300),), 300, 3600),
            lunch=Lunch(3000, 4000, 900, 70),
        )

    def test_may_keep_the_law(self) -> None:
        assert a_task(a_day(vehicle={"breaks": "law"})).problem.vehicles[0].breaks == WORKING_TIME_LAW

    def test_write_a_break_of_the_law_without_an_id(self) -> None:
        rule = {"steps": [{"after": 1800, "rest": 600}], "shortest_part": 600, "longest_stretch": 3600}
        day = a_day(vehicle={"breaks": rule})
        del day["vehicles"][1]

        task = a_task(day)
        plan = solve(task.problem, iterations=20)
        answer = task.answer(plan)

        (pause,) = [step for step in answer["routes"][0]["steps"] if step["type"] == "break"]
        assert "id" not in pause
        assert violations(task.problem, task.plan(json.dumps(answer))) == []

    def test_are_shifts_of_one_nurse(self) -> None:
        day = a_day(vehicle={"nurse": "a"})
        day["vehicles"][1]["care"] = {"nurse": "a"}
        # Job 20 at 1800 and job 10 at 1900 are 600 s apart: two nurses could, one cannot.
        day["jobs"][0]["time_windows"] = [[1900, 1900]]
        day["jobs"][1]["time_windows"] = [[1800, 1800]]

        assert len(solve(a_task(day).problem, iterations=50).unassigned) == 1

    def test_count_timestamps_from_the_same_moment(self) -> None:
        day, base = a_day(), 1_700_000_000
        for vehicle in day["vehicles"]:
            vehicle["time_window"] = [base, base + 7200]
        day["jobs"][1]["time_windows"] = [[base + 1800, base + 3600]]
        day["jobs"][0]["care"] = {"pinned_start": base + 900, "wish": [base + 800, base + 900]}
        day["vehicles"][0]["care"] = {"next_duty": base + 50000}

        problem = a_task(day).problem

        assert (problem.services[0].pinned_start, problem.services[0].wish) == (900, TimeWindow(800, 900))
        assert problem.vehicles[0].next_duty == 50000


class TestFile:
    def test_says_weights_and_orders(self) -> None:
        care = {"weights": {"off_wish": 5, "overqualified": 2}, "orders": [{"first": 20, "second": 10}]}

        problem = a_task(a_day(care=care)).problem

        assert problem.weights == Weights(not_preferred=0, off_wish=5, overqualified=2)
        assert problem.orders == ((1, 0),)

    def test_plans_a_doctor_inside_a_visit_and_reads_it_back(self) -> None:
        remote = {"duration": 100, "earliest": 50, "latest": 150, "doctors": ["d"]}
        day = a_day(job={"remote": remote}, care={"doctors": [{"id": "d", "free": [[0, 900], [2000, 2200]]}]})
        day["jobs"][0]["time_windows"] = [[1800, 3000]]

        task = a_task(day)
        plan = solve(task.problem, iterations=50)
        answer = task.answer(plan)
        again = task.plan(json.dumps(answer))

        (part,) = answer["care"]["remote"]
        assert (part["job"], part["doctor"]) == (10, "d")
        assert 2000 <= part["start"] <= part["end"] - 100 <= 2100
        assert [route["vehicle"] in (7, 8) for route in answer["routes"]] == [True] * len(answer["routes"])
        assert answer["summary"]["unassigned"] == 0
        assert again.routes == plan.routes
        assert violations(task.problem, again) == []

    def test_names_a_job_once_whose_doctor_has_no_time(self) -> None:
        day = a_day(job={"remote": {"duration": 100}}, care={"doctors": [{"id": "d", "free": [[0, 50]]}]})

        task = a_task(day)
        answer = task.answer(solve(task.problem, iterations=20))

        assert [left["id"] for left in answer["unassigned"]] == [10]

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ({"job": 20, "doctor": "d", "start": 0, "end": 100}, r"remote\[0\].job: this job has no part"),
            ({"job": 10, "doctor": "d", "start": 5000, "end": 5100}, r"doctor: doctor d is not free then"),
        ],
    )
    def test_refuses_answers_about_strange_parts(self, row: Json, words: str) -> None:
        day = a_day(job={"remote": {"duration": 100}}, care={"doctors": [{"id": "d", "free": [[0, 900]]}]})

        with pytest.raises(InvalidAnswer, match=words):
            a_task(day).plan(json.dumps({"routes": [], "care": {"remote": [row]}}))


def job(**care: object) -> Callable[[], Json]:
    return lambda: a_day(job=care)


def vehicle(**care: object) -> Callable[[], Json]:
    return lambda: a_day(vehicle=care)


def file(**care: object) -> Callable[[], Json]:
    return lambda: a_day(care=care)


def with_a_break(day: Json) -> Json:
    day["vehicles"][0]["breaks"] = [{"id": 1, "service": 60}]
    return day


def with_a_needed_thing(day: Json) -> Json:
    day["jobs"][0]["care"] = {"needs": ["car"]}
    return day


def with_a_priority(day: Json) -> Json:
    day["jobs"][0]["priority"] = 1
    day["jobs"][1]["care"] = {"penalty": 1}
    return day


LUNCH = {"earliest": 10, "latest": 5, "length": 60}
STEPS = [{"after": 10, "rest": 5}, {"after": 10, "rest": 6}]
DOCTOR = {"id": "d", "free": [[0, 9]]}


class TestBadCare:
    @pytest.mark.parametrize(
        ("day", "words"),
        [
            (job(colour="red"), r"jobs\[0\].care.colour: this key is not supported"),
            (job(allowed=[9]), r"jobs\[0\].care.allowed\[0\]: there is no vehicle 9"),
            (job(known=[{"vehicle": 9, "points": 1}]), r"known\[0\].vehicle: there is no vehicle 9"),
            (
                job(known=[{"vehicle": 7, "points": 1}] * 2),
                r"known\[1\].vehicle: this vehicle is named twice",
            ),
            (job(known=[{"vehicle": 7, "points": -1}]), r"known\[0\].points: -1 is not within"),
            (job(pinned_vehicle=9), r"care.pinned_vehicle: there is no vehicle 9"),
            (job(pinned_start=10**9), r"care.pinned_start: times of one file"),
            (job(wish=[5, 3]), r"care.wish: expected two rising"),
            (job(late=-1), r"care.late: -1 is not within"),
            (job(penalty=5), r"jobs\[0\].care.penalty: other jobs have none"),
            (
                lambda: with_a_priority(a_day(job={"penalty": 5})),
                r"jobs\[0\].priority: the jobs have penalties",
            ),
            (job(skills={"wound": -1}), r"jobs\[0\].care.skills.wound: -1 is not within"),
            (job(skills=[1]), r"care.skills: expected an object, not a list"),
            (job(needs=[3]), r"care.needs\[0\]: expected a text"),
            (job(remote={"duration": 301}), r"care.remote.duration: 301 is not within 0 to 300"),
            (job(remote={"duration": 100, "latest": 250}), r"care.remote.latest: 250 is not within 0 to 200"),
            (job(remote={"duration": 100}), r"care.remote.doctors: there are no doctors"),
            (job(remote={"duration": 9, "doctors": ["x"]}), r"remote.doctors\[0\]: there is no doctor x"),
            (vehicle(colour="red"), r"vehicles\[0\].care.colour: this key is not supported"),
            (vehicle(nurse=3), r"vehicles\[0\].care.nurse: expected a text"),
            (vehicle(rest=-1), r"care.rest: -1 is not within"),
            (vehicle(breaks="tea"), r"care.breaks: expected `law` or an object"),
            (vehicle(breaks={"steps": STEPS}), r"care.breaks.steps\[1\]: after and rest must both rise"),
            (vehicle(lunch=LUNCH), r"care.lunch.latest: is before `earliest`"),
            (lambda: with_a_break(a_day(vehicle={"lunch": LUNCH})), r"care.lunch: the vehicle has a break"),
            (
                lambda: with_a_needed_thing(a_day(vehicle={"uses": ["car"]})),
                r"care.uses\[0\]: jobs need this",
            ),
            (file(weights={"travel": 2}), r"care.weights.travel: say it by `costs`"),
            (file(weights={"colour": 2}), r"care.weights.colour: this key is not supported"),
            (file(orders=[{"first": 10, "second": 9}]), r"care.orders\[0\].second: there is no job 9"),
            (file(orders=[{"first": 10, "second": 10}]), r"care.orders\[0\].second: is the same job"),
            (
                file(orders=[{"first": 10, "second": 20}] * 2),
                r"care.orders\[1\].first: job 10 is the first of",
            ),
            (file(doctors=[{"id": "d", "free": []}]), r"care.doctors\[0\].free: name at least one time"),
            (file(doctors=[DOCTOR] * 2), r"care.doctors\[1\].id: two doctors have this id"),
            (file(doctors=[DOCTOR | {"id": "7"}]), r"care.doctors\[0\].id: a vehicle has this id"),
        ],
    )
    def test_is_refused_with_key_and_reason(self, day: Callable[[], Json], words: str) -> None:
        with pytest.raises(RoutingError, match=words):
            a_task(day())
