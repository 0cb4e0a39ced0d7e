"""One planner on one instance, as a process of its own."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from routing.bench.instances import Instance
from routing.cli.commands import faults_of
from routing.constraints import allowed
from routing.errors import RoutingError
from routing.formats import Task, read_task
from routing.formats.answers import plan_of_sequences

__all__ = ["OURS", "PEERS", "Run", "run_ours", "run_peer"]

OURS = "routing"
PEERS = {name: Path(__file__).parent / "peers" / f"peer_{name}.py" for name in ("pyvrp", "vroom", "ortools")}
"""Other planners and the scripts that run them."""
ROUNDING_PERCENT = 0.01
"""Published values are rounded; what is less below them is no news."""
START_S = 120.0
"""A process may take so much longer than its seconds, to start and to read."""


@dataclass(frozen=True)
class Run:
    """What one run came to.

    Attributes:
        planner: Who planned.
        instance: What.
        seed: Of its random choices.
        seconds: Wall-clock time of the process, start included.
        cost: By the formula of the instance's format; None where there is no valid plan.
        remark: What is wrong, or which version planned.
    """

    planner: str
    instance: Instance
    seed: int
    seconds: float
    cost: float | None
    remark: str = ""

    @property
    def gap(self) -> float | None:
        """How far the cost is above the best known, in percent."""
        if self.cost is None or not self.instance.best:
            return None
        return 100 * (self.cost / self.instance.best - 1)


def run_ours(
    instance: Instance,
    limit_s: float,
    seed: int,
    *,
    threads: int,
    breaks: bool = False,
    keep: Path | None = None,
) -> Run:
    """Run `python -m routing solve` and judge its answer.

    An answer that is better than the best known goes into the folder `keep`, if there is one.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "answer.json")
        command = [sys.executable, "-m", "routing", "solve", str(instance.path), "--format", instance.format]
        command += ["--limit", str(limit_s), "--seed", str(seed), "--out", str(out)]
        command += ["--threads", str(threads)]
        command += ["--breaks"] if breaks else []
        begun = time.perf_counter()
        done = _process(command, limit_s)
        seconds = time.perf_counter() - begun
        if not out.exists():
            return Run(OURS, instance, seed, seconds, None, _last_line(done))
        task = _task(instance, breaks=breaks)
        plan = task.plan(out.read_text(encoding="utf-8"))
        faults = faults_of(task, plan)
        if faults:
            return Run(OURS, instance, seed, seconds, None, faults[0])
        run = Run(OURS, instance, seed, seconds, task.cost(plan))
        if keep is not None and run.gap is not None and run.gap < -ROUNDING_PERCENT:
            kept = keep / f"{instance.name}.json"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(out, kept)
        return run


def run_peer(peer: str, instance: Instance, limit_s: float, seed: int, *, python: str, threads: int) -> Run:
    """Run another planner on what it can express, and judge its routes by our check.

    A day with links, soft times, breaks or several kinds of vehicle is not given to a peer.
    """
    task = _task(instance)
    lacks = _beyond_peers(task)
    if lacks:
        return Run(peer, instance, seed, 0.0, None, f"not expressible there: {lacks}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "day.json").write_text(json.dumps(_day(task)), encoding="utf-8")
        np.save(Path(folder, "seconds.npy"), task.problem.travel[0].seconds)
        begun = time.perf_counter()
        done = _process([python, str(PEERS[peer]), folder, str(limit_s), str(seed), str(threads)], limit_s)
        seconds = time.perf_counter() - begun
        answer = Path(folder, "answer.json")
        if not answer.exists():
            return Run(peer, instance, seed, seconds, None, _last_line(done))
        read = json.loads(answer.read_text(encoding="utf-8"))
    try:
        sequences: dict[int, list[int]] = {}
        for vehicle, services in read["routes"]:
            sequences.setdefault(vehicle, []).extend(services)
        plan = plan_of_sequences(task.problem, sequences)
    except RoutingError as error:
        return Run(peer, instance, seed, seconds, None, str(error))
    faults = faults_of(task, plan)
    cost = None if faults else task.cost(plan)
    return Run(peer, instance, seed, seconds, cost, faults[0] if faults else read["version"])


def _task(instance: Instance, *, breaks: bool = False) -> Task:
    return read_task(instance.path.read_text(encoding="utf-8"), instance.format, breaks=breaks)


def _beyond_peers(task: Task) -> str:
    problem = task.problem
    checks = {
        "links": bool(problem.links),
        "several kinds of vehicle": len(problem.travel) > 1,
        "travel by the hour": any(kind.bands for kind in problem.travel),
        "breaks": any(vehicle.breaks for vehicle in problem.vehicles),
        "late starts": any(service.late is not None for service in problem.services),
        "costs beyond travel": any(
            value for name, value in vars(problem.weights).items() if name not in ("travel", "not_preferred")
        ),
    }
    return ", ".join(name for name, holds in checks.items() if holds)


def _day(task: Task) -> dict[str, Any]:
    problem = task.problem
    may = allowed(problem)
    services = [
        {
            "location": service.location,
            "duration": service.duration,
            "windows": [[window.earliest, window.latest] for window in service.windows],
            "demand": service.demand,
            "penalty": service.penalty,
            "vehicles": [int(number) for number in np.flatnonzero(may[row])],
        }
        for row, service in enumerate(problem.services)
    ]
    vehicles = [
        {
            "start": vehicle.start,
            "end": vehicle.end,
            "shift": [vehicle.shift.earliest, vehicle.shift.latest],
            "max_work": vehicle.max_work,
            "capacity": vehicle.capacity,
        }
        for vehicle in problem.vehicles
    ]
    return {"services": services, "vehicles": vehicles}


def _process(command: list[str], limit_s: float) -> str:
    """Run a command; return what it said last on its error output."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            command, capture_output=True, text=True, timeout=2 * limit_s + START_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {2 * limit_s + START_S:g} s"
    return done.stderr or done.stdout


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no answer and no reason"
