"""Vehicle routing with time windows as text."""

import json
from pathlib import Path

import pytest

from routing.check import violations
from routing.formats import InvalidAnswer, InvalidFile
from routing.formats.vrplib import from_vrplib
from routing.solver import solve
from tests.routing.formats.days import SOLOMON_DAY, VRPLIB_DAY

SHARED = Path(__file__).parents[4] / "shared" / "instances" / "vrptw"


class TestFromVrplib:
    @pytest.mark.parametrize("text", [VRPLIB_DAY, SOLOMON_DAY])
    def test_cuts_travel_to_tenths(self, text: str) -> None:
        problem = from_vrplib(text).problem

        # sqrt(3² + 4²) = 5; from (3, 4) to (1, 1): sqrt(13) = 3.605 -> 36 tenths; to (0, 0): sqrt(2) -> 14
        assert problem.seconds(0, 0, 1) == 50
        assert problem.seconds(0, 1, 3) == 36
        assert problem.seconds(0, 0, 3) == 14
        assert [service.demand for service in problem.services] == [6, 4, 5]
        assert {service.duration for service in problem.services} == {50}
        assert [vehicle.capacity for vehicle in problem.vehicles] == [10, 10]

    def test_plans_to_the_optimum(self) -> None:
        task = from_vrplib(VRPLIB_DAY)

        plan = solve(task.problem, iterations=200)
        answer = task.answer(plan)

        # 6 + 4 + 5 > 10: two routes. 1 and 2 together 5 + 5 + 10, 3 alone 2 * 1.4; all others are longer
        assert answer["cost"] == 22.8
        assert sorted(map(sorted, answer["routes"])) == [[1, 2], [3]]
        assert task.faults(plan) == []

    def test_reads_its_own_answer_back(self) -> None:
        task = from_vrplib(SOLOMON_DAY)
        plan = solve(task.problem, iterations=50)

        again = task.plan(json.dumps(task.answer(plan)))

        assert task.cost(again) == task.cost(plan)
        assert violations(task.problem, again) == []

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('{"routes": [[9]]}', "no client 9"),
            ('{"routes": [[1], [2], [3]]}', "3 routes for 2 vehicles"),
        ],
    )
    def test_refuses_answers_about_strangers(self, text: str, words: str) -> None:
        with pytest.raises(InvalidAnswer, match=words):
            from_vrplib(VRPLIB_DAY).plan(text)

    def test_names_who_is_left_out(self) -> None:
        task = from_vrplib(VRPLIB_DAY)

        faults = task.faults(task.plan('{"routes": [[1, 2]]}'))

        assert len(faults) == 1
        assert faults[0].startswith("3 is left out")

    def test_agrees_with_published_routes(self) -> None:
        for file in sorted(SHARED.glob("solomon/*.vrp")):
            task = from_vrplib(file.read_text(encoding="utf-8"))
            lines = file.with_suffix(".sol").read_text(encoding="utf-8").splitlines()
            routes = [[int(n) for n in line.split(":")[1].split()] for line in lines if "Route" in line]
            stated = float(next(line.split()[1] for line in lines if line.startswith("Cost")))

            plan = task.plan(json.dumps({"routes": routes}))

            assert task.cost(plan) == stated
            assert violations(task.problem, plan) == []


class TestBadVrplib:
    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("DIMENSION : 4", "DIMENSION : 5", "NODE_COORD_SECTION: needs one line for each"),
            ("DIMENSION : 4", "DIMENSION : four", "line 4: DIMENSION: four is no number"),
            ("VEHICLES : 2", "", "VEHICLES is missing"),
            ("CAPACITY : 10", "CAPACITY : -1", "line 6: CAPACITY must be at least 0"),
            ("EUC_2D", "GEO", "GEO is not supported"),
            ("SERVICE_TIME : 5", "DISTANCE : 3", "line 7: DISTANCE is not supported"),
            ("2 3 4", "2 3", "line 11: expected 3 numbers, found 2"),
            ("2 3 4", "2 3 x", "line 11: x is no number"),
            ("2 3 4", "2 3 4.5", "line 11: 4.5 is no whole number"),
            ("2 3 4", "3 3 4", "line 12: node 3 is given twice"),
            ("3 0 50", "3 60 50", "node 3: the time window ends at 50"),
            ("2 6\n", "2 -6\n", "node 2: demand and service time must not be negative"),
            ("DEMAND_SECTION", "PICKUP_SECTION", "line 14: PICKUP_SECTION is not supported"),
            ("DEPOT_SECTION\n1", "DEPOT_SECTION\n2", "only one depot"),
            ("NAME : tiny", "tiny", "line 1: expected KEY : VALUE"),
        ],
    )
    def test_is_refused_with_line_and_reason(self, old: str, new: str, words: str) -> None:
        assert old in VRPLIB_DAY

        with pytest.raises(InvalidFile, match=words):
            from_vrplib(VRPLIB_DAY.replace(old, new, 1))

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("  2          10", "  2", "line 5: expected the number of vehicles"),
            ("    1      3 ", "    4      3 ", "line 11: expected customer 1"),
            ("    3      1          1          5", "    3      1          1", "line 13: expected customer 3"),
        ],
    )
    def test_is_refused_in_solomons_form_too(self, old: str, new: str, words: str) -> None:
        assert old in SOLOMON_DAY

        with pytest.raises(InvalidFile, match=words):
            from_vrplib(SOLOMON_DAY.replace(old, new, 1))
