"""Measuring."""

import csv
import json
import sys
from pathlib import Path

import pytest

from routing.__main__ import main
from routing.bench.instances import list_instances
from routing.bench.runs import run_peer
from tests.routing.formats.days import SOLOMON_DAY, VRPLIB_DAY, a_homecare_day, a_uhhc_day

PEER = """
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
day = json.loads((folder / "day.json").read_text())
routes = [[0, [n for n, service in enumerate(day["services"]) if 0 in service["vehicles"]]]]
(folder / "answer.json").write_text(json.dumps({"version": "greedy 1", "routes": routes}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "days"
    (inside / "uhhc" / "mine").mkdir(parents=True)
    (inside / "tiny.vrp").write_text(VRPLIB_DAY, encoding="utf-8")
    (inside / "tiny.sol").write_text("Route #1: 1 2\nRoute #2: 3\nCost 22.8\n", encoding="utf-8")
    (inside / "solomon.txt").write_text(SOLOMON_DAY, encoding="utf-8")
    (inside / "street.json").write_text(json.dumps(a_homecare_day()), encoding="utf-8")
    (inside / "uhhc" / "mine" / "i-1.json").write_text(json.dumps(a_uhhc_day()), encoding="utf-8")
    (inside / "uhhc" / "best.csv").write_text(
        "set,instance,bks\nother,i-1,1\nmine,i-1,400\n", encoding="utf-8"
    )
    (inside / "notes.txt").write_text("no instance", encoding="utf-8")
    (inside / "notes.json").write_text('{"a": 1}', encoding="utf-8")
    return inside


class TestListInstances:
    def test_finds_format_and_best_known_value(self, folder: Path) -> None:
        found = [(instance.name, instance.format, instance.best) for instance in list_instances(folder)]

        assert found == [
            ("solomon", "vrplib", None),
            ("street", "homecare", None),
            ("tiny", "vrplib", 22.8),
            ("uhhc/mine/i-1", "uhhc", 400.0),
        ]

    def test_takes_only_what_is_asked(self, folder: Path) -> None:
        assert [instance.name for instance in list_instances(folder, "uhhc/")] == ["uhhc/mine/i-1"]


class TestBench:
    def test_prints_a_row_with_the_gap(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        table = folder.parent / "table.csv"

        assert main(["bench", str(folder), "--only", "tiny", "--limit", "0.5", "--out", str(table)]) == 0

        said = capsys.readouterr().out
        assert "22.8        22.8    0.00" in said
        assert "routing: mean gap 0.00 % over 1 runs, 0 without a valid plan" in said
        (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        assert (row["instance"], row["cost"], row["gap_percent"]) == ("tiny", "22.8", "0.0")

    def test_says_that_a_folder_is_empty(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["bench", str(tmp_path)]) == 2
        assert "no instance there" in capsys.readouterr().err


class TestRunPeer:
    def test_judges_what_the_other_planned(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = tmp_path / "peer.py"
        script.write_text(PEER, encoding="utf-8")
        monkeypatch.setattr("routing.bench.runs.PEERS", {"greedy": script})
        street, tiny = (next(list_instances(folder, name)) for name in ("street", "tiny"))

        good = run_peer("greedy", street, 1, 0, python=sys.executable, threads=1)
        bad = run_peer("greedy", tiny, 1, 0, python=sys.executable, threads=1)

        # nurse 0 may do visit 0 only, at her own door: two visits are left out for 9000 each
        assert (good.cost, good.remark) == (18_000, "greedy 1")
        # all three clients in one vehicle: 15 for a capacity of 10
        assert bad.cost is None
        assert "15" in bad.remark

    def test_says_why_there_is_no_plan(self, folder: Path) -> None:
        street, linked = (next(list_instances(folder, name)) for name in ("street", "uhhc"))

        missing = run_peer("pyvrp", street, 0.1, 0, python="python3", threads=1)
        beyond = run_peer("pyvrp", linked, 0.1, 0, python="python3", threads=1)

        assert missing.cost is None
        assert "Error" in missing.remark
        assert beyond.remark.startswith("not expressible there: links, late starts")

    def test_runs_the_planner_that_is_installed_here(self, folder: Path) -> None:
        tiny, street = (next(list_instances(folder, name)) for name in ("tiny", "street"))

        run = run_peer("ortools", tiny, 1, 0, python=sys.executable, threads=1)
        graded = run_peer("ortools", street, 1, 0, python=sys.executable, threads=1)

        assert run.cost == 22.8
        assert run.gap == 0
        assert run.remark.startswith("OR-Tools")
        assert graded.cost is not None
