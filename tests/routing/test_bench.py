"""Measuring."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from routing.__main__ import main
from routing.bench.breaks import OneBreak, mended, one_break
from routing.bench.instances import Instance, list_instances
from routing.bench.runs import Run, run_peer
from routing.bench.summary import summary
from routing.errors import RoutingError
from routing.formats import read_task
from routing.problem import WORKING_TIME_LAW, BreakRule, TimeWindow, Vehicle
from routing.units import HOUR, MINUTE
from tests.routing.formats.days import SOLOMON_DAY, VRPLIB_DAY, a_homecare_day, a_uhhc_day

PLANNERS = ("routing", "pyvrp", "vroom")
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
        "set,instance,bks,sa_avg_s\nother,i-1,1,9\nmine,i-1,400,0.5\n", encoding="utf-8"
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
        names = [instance.name for instance in list_instances(folder, ("uhhc/", "tiny"))]

        assert names == ["tiny", "uhhc/mine/i-1"]

    def test_finds_the_seconds_that_were_published(self, folder: Path) -> None:
        linked, tiny = (next(list_instances(folder, (name,))) for name in ("uhhc/", "tiny"))

        assert (linked.published_s, tiny.published_s) == (0.5, None)

    def test_refuses_a_table_with_something_else_than_numbers(self, folder: Path) -> None:
        (folder / "uhhc" / "best.csv").write_text("instance,bks\ni-1,much\n", encoding="utf-8")

        with pytest.raises(RoutingError, match=r"best\.csv: bks is 'much', not a number"):
            list(list_instances(folder))

    def test_can_be_imported_alone(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", "import routing.bench.instances"],
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.stderr == ""


class TestBench:
    def test_prints_a_row_with_the_gap(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        table = folder.parent / "table.csv"

        assert main(["bench", str(folder), "--only", "tiny", "--limit", "0.5", "--out", str(table)]) == 0

        said = capsys.readouterr().out
        assert "22.8        22.8    0.00" in said
        assert "| days | routing | 1 | 1 | 0.00 | 0.00 | 100 |" in said
        assert "seeds 0; 0.5 s each; 1 threads" in said
        assert "load average" in said
        (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        assert (row["instance"], row["cost"], row["gap_percent"]) == ("tiny", "22.8", "0.0")

    def test_gives_each_instance_its_published_seconds(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["bench", str(folder), "--only", "tiny", "--only", "uhhc/", "--limit", "published"]

        refused = main(words)
        reason = capsys.readouterr().err
        measured = main([*words, "--limit-else", "0.25"])

        said = capsys.readouterr().out
        assert (refused, measured) == (2, 0)
        assert reason.startswith("tiny: no published seconds in best.csv")
        assert said.startswith("no published seconds, 0.25 s each: tiny\n")
        assert "0.25 to 0.5 s each as published" in said

    def test_ends_with_the_table_so_far_when_interrupted(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_arguments: object, **_options: object) -> Run:
            raise KeyboardInterrupt

        monkeypatch.setattr("routing.bench.table.run_peer", interrupt)

        status = main(["bench", str(folder), "--only", "tiny", "--limit", "0.2", "--peers", "pyvrp"])

        said = capsys.readouterr().out
        assert status == 130
        assert "interrupted after 1 runs" in said
        assert "| days | routing | 1 | 1 | 0.00 | 0.00 | 100 |" in said

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
        street, tiny = (next(list_instances(folder, (name,))) for name in ("street", "tiny"))

        good = run_peer("greedy", street, 1, 0, python=sys.executable, threads=1)
        bad = run_peer("greedy", tiny, 1, 0, python=sys.executable, threads=1)

        # nurse 0 may do visit 0 only, at her own door: two visits are left out for 9000 each
        assert (good.cost, good.remark) == (18_000, "greedy 1")
        # all three clients in one vehicle: 15 for a capacity of 10
        assert bad.cost is None
        assert "15" in bad.remark

    def test_says_why_there_is_no_plan(self, folder: Path) -> None:
        street, linked = (next(list_instances(folder, (name,))) for name in ("street", "uhhc"))

        missing = run_peer("pyvrp", street, 0.1, 0, python="python3", threads=1)
        beyond = run_peer("pyvrp", linked, 0.1, 0, python="python3", threads=1)

        assert missing.cost is None
        assert "Error" in missing.remark
        assert beyond.remark.startswith("not expressible there: links, visits of several services")

    def test_runs_the_planner_that_is_installed_here(self, folder: Path) -> None:
        tiny, street = (next(list_instances(folder, (name,))) for name in ("tiny", "street"))

        run = run_peer("ortools", tiny, 1, 0, python=sys.executable, threads=1)
        graded = run_peer("ortools", street, 1, 0, python=sys.executable, threads=1)

        assert run.cost == 22.8
        assert run.gap == 0
        assert run.remark.startswith("OR-Tools")
        assert graded.cost is not None

    def test_gives_others_what_they_can_express_of_the_break_rule(self, folder: Path) -> None:
        street = next(list_instances(folder, ("street",)))

        run = run_peer("ortools", street, 1, 0, python=sys.executable, threads=1, breaks=True)

        assert run.cost is not None
        assert run.remark.endswith("given the break rule itself, at most one break")

    def test_takes_out_what_leaves_no_place_for_a_break(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = tmp_path / "peer.py"
        script.write_text(PEER.replace('"greedy 1"', '"greedy 1", "mend": True'), encoding="utf-8")
        monkeypatch.setattr("routing.bench.runs.PEERS", {"greedy": script})
        day = a_homecare_day()
        # The only visit that nurse 0 may do takes longer than she may work without a break.
        day["visits"][0]["service"] = day["nurses"][0]["break_after"] + 1
        (folder / "street.json").write_text(json.dumps(day), encoding="utf-8")
        street = next(list_instances(folder, ("street",)))

        run = run_peer("greedy", street, 1, 0, python=sys.executable, threads=1, breaks=True)

        assert run.remark == "greedy 1; 1 services taken out so that breaks fit"


class TestOneBreak:
    def test_suits_whatever_the_nurse_does(self) -> None:
        rule = BreakRule(((6 * HOUR, 30 * MINUTE),), 30 * MINUTE, 6 * HOUR)
        early = Vehicle("a", 0, 0, TimeWindow(6 * HOUR, 16 * HOUR), max_work=8 * HOUR, breaks=rule)

        # away 6:00 to 14:00 at most: from 7:30 on, 6 h after it reach 14:00; until 12:00, 6 h lie before it
        assert one_break(early) == OneBreak(
            30 * MINUTE, TimeWindow(7 * HOUR + 30 * MINUTE, 12 * HOUR), 6 * HOUR
        )

    def test_is_none_where_nobody_can_need_one(self) -> None:
        short = TimeWindow(6 * HOUR, 12 * HOUR)

        assert one_break(Vehicle("a", 0, 0, short)) is None
        assert one_break(Vehicle("a", 0, 0, TimeWindow(0, 20 * HOUR), breaks=None)) is None

    def test_is_as_long_as_the_longest_absence_asks(self) -> None:
        # 10 h away, 45 min are due after 9 h of work
        long = Vehicle("a", 0, 0, TimeWindow(6 * HOUR, 16 * HOUR), breaks=WORKING_TIME_LAW)
        pause = one_break(long)

        assert pause is not None
        assert pause.length == 45 * MINUTE

    def test_is_refused_where_one_is_not_enough(self) -> None:
        with pytest.raises(ValueError, match="more than one break"):
            one_break(Vehicle("a", 0, 0, TimeWindow(0, 20 * HOUR)))


class TestMended:
    def test_takes_out_the_cheapest_that_helps(self) -> None:
        problem = read_task(json.dumps(a_homecare_day())).problem

        assert mended(problem, {0: [0]}) == ({0: [0]}, 0)


def a_run(planner: str, cost: float | None, best: float | None = 100.0, *, kind: str = "uhhc") -> Run:
    instance = Instance("set/day", Path("all/set/day.json"), kind, best)
    return Run(planner, instance, 0, 1.0, 1.1, cost)


class TestSummary:
    def test_compares_with_the_best_known_and_with_each_peer(self) -> None:
        lines = list(summary([a_run("routing", 99), a_run("pyvrp", 110), a_run("vroom", None)]))

        # 99 of 100 is 1 % below the best known value; 99 / 110 = 0.9
        assert "| set | routing | 1 | 1 | -1.00 | -1.00 | 100 | 0.9000 (1) |  |" in lines
        assert "| set | vroom | 1 | 0 |  |  |  |  |  |" in lines

    def test_says_once_that_nothing_is_known(self) -> None:
        runs = [
            a_run(planner, 90 if planner == "routing" else 100, None, kind="homecare") for planner in PLANNERS
        ]

        lines = list(summary(runs))

        assert lines[0] == "| folder | planner | runs | valid | ours / pyvrp | ours / vroom |"
        assert lines.count("no best known value for 1 instances") == 1
        assert lines[-1] == "set/day, seed 0: 10.0 % below the best peer (pyvrp 100)"
