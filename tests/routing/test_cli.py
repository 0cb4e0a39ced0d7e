"""The command line of the planner on its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.__main__ import main
from routing.errors import RoutingError
from routing.formats import FORMATS, guess_format, read_task
from tests.routing.formats.days import a_homecare_day, texts


def written(folder: Path, name: str) -> Path:
    file = folder / f"day.{name}"
    file.write_text(texts()[name], encoding="utf-8")
    return file


class TestSolveAndCheck:
    @pytest.mark.parametrize("name", list(FORMATS))
    @pytest.mark.parametrize("mode", [[], ["--breaks"]])
    def test_plans_a_file_and_accepts_its_own_answer(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, mode: list[str]
    ) -> None:
        if mode and name != "homecare":
            assert main(["solve", str(written(tmp_path, name)), *mode]) == 2
            assert "--breaks belongs to homecare" in capsys.readouterr().err
            return
        file, answer = written(tmp_path, name), tmp_path / "answer.json"

        status = main(["solve", str(file), "--iterations", "50", "--seed", "3", "--out", str(answer), *mode])
        said = capsys.readouterr().out
        judged = main(["check", str(file), str(answer), *mode])

        assert (status, judged) == (0, 0)
        assert said.splitlines()[-1].split(",")[0] == capsys.readouterr().out.strip()

    @pytest.mark.parametrize("name", list(FORMATS))
    def test_gives_the_same_answer_for_the_same_seed_and_iterations(self, tmp_path: Path, name: str) -> None:
        file = written(tmp_path, name)
        answers = [tmp_path / "one.json", tmp_path / "two.json"]

        for answer in answers:
            main(["solve", str(file), "--iterations", "40", "--seed", "5", "--out", str(answer)])

        one, two = (json.loads(answer.read_text(encoding="utf-8")) for answer in answers)
        assert one["routes"] == two["routes"]

    @pytest.mark.parametrize(
        ("routes", "words"),
        [([[0, [1]]], "lacks skill"), ([[1, [0, 0]]], "appears 2 times"), ([[9, []]], "has no nurse 9")],
    )
    def test_names_what_an_answer_breaks(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], routes: list[Any], words: str
    ) -> None:
        answer = tmp_path / "answer.json"
        answer.write_text(json.dumps({"routes": routes}), encoding="utf-8")

        assert main(["check", str(written(tmp_path, "homecare")), str(answer)]) == 1
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

    def test_tells_why_a_service_stays_out(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["solve", str(written(tmp_path, "homecare")), "--iterations", "10"])

        assert "unassigned 2: no nurse on duty holds skill at grade 3" in capsys.readouterr().out

    def test_runs_as_a_module(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "routing", "solve", str(tmp_path / "none.json")]

        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 2
        assert "No such file" in done.stderr


class TestExplain:
    def test_tells_who_does_a_service_and_who_else_could(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file, answer = written(tmp_path, "homecare"), tmp_path / "answer.json"
        answer.write_text('{"routes": [[0, [0]], [1, [1]]]}', encoding="utf-8")

        assert main(["explain", str(file), str(answer), "0"]) == 0

        said = capsys.readouterr().out
        assert "0 is done by 0 from 25200 to 26400" in said
        assert "nurse 1 at 0" in said

    def test_names_the_rules_that_keep_a_service_out(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file, answer = written(tmp_path, "homecare"), tmp_path / "answer.json"
        answer.write_text('{"routes": [[1, [0, 1]]]}', encoding="utf-8")

        assert main(["explain", str(file), str(answer)]) == 0

        assert "(proven; rules: required-skills)" in capsys.readouterr().out

    def test_refuses_to_explain_an_answer_that_breaks_a_rule(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file, answer = written(tmp_path, "homecare"), tmp_path / "answer.json"
        answer.write_text('{"routes": [[0, [1]]]}', encoding="utf-8")

        assert main(["explain", str(file), str(answer)]) == 2
        assert "the answer breaks a rule" in capsys.readouterr().err

    def test_refuses_an_unknown_service(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file, answer = written(tmp_path, "homecare"), tmp_path / "answer.json"
        answer.write_text('{"routes": []}', encoding="utf-8")

        assert main(["explain", str(file), str(answer), "77"]) == 2
        assert "there is no service 77; ids are like 0, 1, 2" in capsys.readouterr().err


class TestBadFiles:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "line 1, column 2"),
            ('{"nurses": [], "nurses": []}', "nurses: the key is given twice"),
            ('{"nurses": NaN}', "NaN is no number"),
            ('{"nurses": ' + "[" * 100_000, "nested too deeply"),
            ('{"nurses": ' + "1" * 5000 + "}", "more digits"),
            ('{"cars": []}', "none of the formats"),
            ("{}", "none of the formats"),
            ("", "EDGE_WEIGHT_TYPE is missing"),
        ],
    )
    def test_are_refused_with_name_place_and_reason(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
    ) -> None:
        file = tmp_path / "day.json"
        file.write_text(text, encoding="utf-8")

        assert main(["solve", str(file)]) == 2

        said = capsys.readouterr().err
        assert words in said
        assert said.startswith("day.json: ")

    @pytest.mark.parametrize("option", [["--limit", "-1"], ["--seed", "x"], ["--iterations", "-5"]])
    def test_options_are_refused_too(self, tmp_path: Path, option: list[str]) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(["solve", str(written(tmp_path, "vrplib")), *option])

    @pytest.mark.parametrize("name", list(FORMATS))
    def test_every_format_is_known_by_what_stands_in_it(self, name: str) -> None:
        assert guess_format(texts()[name]) == name


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2**31, 10**30, 0.5, 1e300, "", "x", [], {}, [[]], [{}], {"id": 1}]),
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for key, entry in inside for spot in spots(entry, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], junk)
    return copy


class TestMangledFiles:
    @given(data=st.data(), name=st.sampled_from(["vroom", "uhhc", "hhcrsp", "homecare"]))
    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_are_read_or_refused_but_never_break(self, data: st.DataObject, name: str) -> None:
        day = json.loads(texts()[name])
        path = data.draw(st.sampled_from(spots(day)))
        text = json.dumps(changed(day, path, data.draw(JUNK)))

        try:
            task = read_task(text, name)
        except RoutingError:
            return

        assert len(task.problem.services) <= 3

    @given(data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_of_text_neither(self, data: st.DataObject) -> None:
        lines = texts()["vrplib"].splitlines()
        number = data.draw(st.integers(0, len(lines) - 1))
        lines[number] = data.draw(
            st.sampled_from(["", "x", "1 2", "-1", "A : B", "1e400 nan", "EOF", "5 5 5"])
        )

        try:
            task = read_task("\n".join(lines), "vrplib")
        except RoutingError:
            return

        assert len(task.problem.services) <= 3

    @given(data=st.data(), name=st.sampled_from(["vroom", "uhhc", "hhcrsp", "homecare", "vrplib"]))
    @settings(max_examples=150, deadline=None)
    def test_neither_do_mangled_answers(self, data: st.DataObject, name: str) -> None:
        task = read_task(texts()[name], name)
        answer = ANSWERS[name]
        path = data.draw(st.sampled_from(spots(answer)))

        try:
            plan = task.plan(json.dumps(changed(answer, path, data.draw(JUNK))))
        except RoutingError:
            return

        assert task.cost(plan) >= 0


def a_published_route(*stops: tuple[str, str, float, float], caregiver: str = "c1") -> dict[str, Any]:
    keys = ("patient", "service", "arrival_time", "departure_time")
    return {"caregiver_id": caregiver, "locations": [dict(zip(keys, stop, strict=True)) for stop in stops]}


ANSWERS: dict[str, Any] = {
    "vroom": {
        "code": 0,
        "routes": [
            {
                "vehicle": 7,
                "steps": [
                    {"type": "start", "arrival": 300},
                    {"type": "job", "id": 10, "arrival": 900, "service": 300, "waiting_time": 0},
                    {"type": "end", "arrival": 1800},
                ],
            }
        ],
    },
    "uhhc": {"routes": [a_published_route(("p0", "s1", 30, 50), ("p0", "lunch_break", 100, 130))]},
    "hhcrsp": {"routes": [a_published_route(("p1", "s1", 20.5, 25.5))]},
    "homecare": {"routes": [[0, [0]], [1, [1]]]},
    "vrplib": {"routes": [[1, 2], [3]]},
}
