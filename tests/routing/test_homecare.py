"""The command line and the home-care format."""

import json
from pathlib import Path
from typing import Any

import pytest

from routing.__main__ import main
from routing.errors import InvalidProblem
from routing.formats.homecare import from_homecare, sequences_from_homecare

SHARED = Path(__file__).parents[3] / "shared" / "homecare"


def a_homecare_day() -> dict[str, Any]:
    """Three visits along a street, two of them open to both nurses."""
    visits = [
        {
            "id": n,
            "lat": 51.0,
            "lon": 8.0 + n / 100,
            "tw": [25200, 36000],
            "service": 1200,
            "skill": skill,
            "penalty": 9000,
        }
        for n, skill in enumerate([1, 2, 3])
    ]
    nurses = [
        {"id": n, "lat": 51.0, "lon": 8.0, "skill": 1 + n, "shift": [21600, 50400], "max_shift": 28800}
        | {"break_after": 21600, "break_len": 1800}
        for n in range(2)
    ]
    return {"visits": visits, "nurses": nurses, "road_factor": 1.3, "speed_kmh": 50.0}


@pytest.fixture
def day_file(tmp_path: Path) -> Path:
    file = tmp_path / "day.json"
    file.write_text(json.dumps(a_homecare_day()), encoding="utf-8")
    return file


class TestCommandLine:
    @pytest.mark.parametrize("mode", [[], ["--breaks"]])
    def test_plans_a_file_and_accepts_its_own_answer(
        self, day_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: list[str]
    ) -> None:
        answer = tmp_path / "answer.json"

        status = main(
            ["solve", str(day_file), "--iterations", "50", "--seed", "3", "--out", str(answer), *mode]
        )
        said = capsys.readouterr().out
        judged = main(["check", str(day_file), str(answer), *mode])

        assert (status, judged) == (0, 0)
        assert "unassigned 2: no nurse on duty holds skill at grade 3" in said
        assert said.splitlines()[-1].split(",")[0] == capsys.readouterr().out.strip()

    @pytest.mark.parametrize(
        ("routes", "words"),
        [
            ([[0, [1]]], "lacks skill"),
            ([[1, [0, 0]]], "appears 2 times"),
        ],
    )
    def test_names_what_an_answer_breaks(
        self,
        day_file: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        routes: list[Any],
        words: str,
    ) -> None:
        answer = tmp_path / "answer.json"
        answer.write_text(json.dumps({"routes": routes}), encoding="utf-8")

        assert main(["check", str(day_file), str(answer)]) == 1
        assert words in capsys.readouterr().out

    def test_names_a_nurse_who_comes_too_late(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        day = a_homecare_day()
        day["visits"][0]["tw"] = day["visits"][1]["tw"] = [25200, 25200]
        file, answer = tmp_path / "day.json", tmp_path / "answer.json"
        file.write_text(json.dumps(day), encoding="utf-8")
        answer.write_text(json.dumps({"routes": [[1, [0, 1]]]}), encoding="utf-8")

        assert main(["check", str(file), str(answer)]) == 1
        assert "nurse 1 cannot keep the times" in capsys.readouterr().out

    def test_says_what_is_wrong_with_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "day.json"
        file.write_text("{}", encoding="utf-8")

        assert main(["solve", str(file)]) == 2
        assert "'visits' is missing" in capsys.readouterr().err


class TestHomecare:
    @pytest.mark.parametrize(
        "answer",
        [{"routes": [[0, [77]]]}, {"routes": [[77, [0]]]}, {"routes": [[0, [0]], [0, [1]]]}],
    )
    def test_refuses_an_answer_about_strangers(self, answer: dict[str, Any]) -> None:
        with pytest.raises(InvalidProblem, match=r"77|two routes"):
            sequences_from_homecare(a_homecare_day(), answer)

    def test_reads_the_days_others_planned(self) -> None:
        for file in sorted(SHARED.glob("hc100_*.json")):
            problem = from_homecare(json.loads(file.read_text(encoding="utf-8")), breaks=True)

            assert len(problem.services) == 100
            assert len(problem.vehicles) == 9
