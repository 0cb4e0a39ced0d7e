"""A search can be stopped at any moment: while it is compiled, while it runs, by a program or by Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from routing.formats import read_task
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
