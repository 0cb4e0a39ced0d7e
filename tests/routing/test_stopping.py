"""A search can be stopped at any moment: while it is compiled, while it runs, by a program or by Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from routing.check import violations
from routing.formats import read_task
from routing.problem import Problem, Service, TimeWindow, Travel, Vehicle
from routing.search import engine
from routing.search.engine import Search
from routing.solver import solve
from tests.benchmarks.days import a_day
from tests.routing.formats.days import a_homecare_day

STOPPED_WHILE_COMPILING = """
from routing.search import compiled
from routing.parts import solve_in_parts
from tests.benchmarks.days import a_day

asked = []
plan = solve_in_parts(a_day(20, 3, seed=1), 60, cancel=lambda: asked.append(1) or len(asked) > 2)
print(len(plan.routes), len(plan.unassigned), len(asked), compiled())
"""


class TestCancel:
    def test_ends_the_compiler_and_returns_an_empty_plan(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", STOPPED_WHILE_COMPILING]
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

        # asked twice in vain, then in each of the two places that need the search
        assert done.stdout.split() == ["0", "20", "4", "False"]


def a_full_day(visits: int, nurses: int) -> Problem:
    """All visits at one address, more of them than the nurses can do in their eight hours with a break."""
    here = np.zeros((1, 1), dtype=np.int32)
    return Problem(
        tuple(Service(f"{i}", 0, 600, (TimeWindow(0, 12 * 3600),), penalty=7200) for i in range(visits)),
        tuple(Vehicle(f"{i}", 0, 0, TimeWindow(0, 8 * 3600)) for i in range(nurses)),
        (Travel(here, here),),
    )


class TestTheFirstPlan:
    def test_is_enough_as_it_is_once_its_time_is_over(self) -> None:
        problem = a_day(200, 14, seed=2)
        answers = iter([False, False])
        search, whole = Search(problem, 1), Search(problem, 1)
        whole.start()

        search.start(is_over=lambda: next(answers, True))

        assert 0 < search.assigned <= 2 * engine.BUILD_VISITS * 2  # a visit has two services at most
        assert search.assigned < whole.assigned
        search.run(300)
        assert search.best_cost < whole.best_cost

    def test_is_the_same_however_often_it_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        problem = a_day(120, 8, seed=3)
        seldom, often = Search(problem, 1), Search(problem, 1)
        seldom.start()
        monkeypatch.setattr(engine, "BUILD_VISITS", 7)

        often.start()

        assert often.best() == seldom.best()
        assert often.best_cost == seldom.best_cost

    def test_of_ten_thousand_visits_at_one_address_is_legal_and_says_what_is_left_out(self) -> None:
        problem = a_full_day(10_000, 100)

        plan = solve(problem, 0.0, seed=1)

        # ten minutes each, eight hours, half an hour of break: at most 45 visits a nurse
        assert 0 < len(plan.placed()) <= 4500
        assert len(plan.placed()) + len(plan.unassigned) == 10_000
        assert violations(problem, plan) == []


class TestCtrlC:
    def test_writes_the_best_plan_so_far(self, tmp_path: Path) -> None:
        file, out = tmp_path / "day.json", tmp_path / "answer.json"
        file.write_text(json.dumps(a_homecare_day(30)), encoding="utf-8")
        command = [sys.executable, "-m", "routing", "solve", str(file), "--limit", "600", "--out", str(out)]
        screen, terminal = pty.openpty()

        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, text=True) as process:
            shown = b""
            while b"iterations" not in shown:
                shown += os.read(screen, 1000)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate()
        os.close(screen)
        os.close(terminal)

        task = read_task(file.read_text(encoding="utf-8"), "homecare", breaks=False)
        plan = task.plan(out.read_text(encoding="utf-8"))
        assert process.returncode == 0
        assert f"cost {task.cost(plan):.10g}, {len(plan.placed())} of 30 services" in said
