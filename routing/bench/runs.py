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

from routing.bench.breaks import mended, one_break
from routing.bench.instances import Instance
from routing.constraints import allowed
from routing.errors import RoutingError
from routing.formats import Task, read_task
from routing.formats.answers import plan_of_sequences
from routing.judging import faults_of
from routing.problem import Vehicle

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
        limit_s: Seconds it was given.
        seconds: Wall-clock time of the process, start included.
        cost: By the formula of the instance's format; None where there is no valid plan.
        remark: What is wrong, and which version planned what.
        version: Of another planner, with what it was given of the break rule.
    """

    planner: str
    instance: Instance
    seed: int
    limit_s: float
    seconds: float
    cost: float | None
    remark: str = ""
    version: str = ""

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
            return Run(OURS, instance, seed, limit_s, seconds, None, _last_line(done))
        task = _task(instance, breaks=breaks)
        plan = task.plan(out.read_text(encoding="utf-8"))
        faults = faults_of(task, plan)
        if faults:
            return Run(OURS, instance, seed, limit_s, seconds, None, faults[0])
        run = Run(OURS, instance, seed, limit_s, seconds, task.cost(plan))
        if keep is not None and run.gap is not None and run.gap < -ROUNDING_PERCENT:
            kept = keep / f"{instance.name}.json"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(out, kept)
        return run


def run_peer(
    peer: str,
    instance: Instance,
    limit_s: float,
    seed: int,
    *,
    python: str,
    threads: int,
    breaks: bool = False,
) -> Run:
    """Run another planner on what it can express, and judge its routes by our check.

    A day with links, soft times or several kinds of vehicle is not given to a peer. Of the break rule each
    gets what it can express; the remark says what that was. Where it can express no break at all, services
    leave its routes until the breaks fit.
    """
    task = _task(instance, breaks=breaks)
    lacks = _beyond_peers(task)
    if lacks:
        return Run(peer, instance, seed, limit_s, 0.0, None, f"not expressible there: {lacks}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "day.json").write_text(json.dumps(_day(task)), encoding="utf-8")
        np.save(Path(folder, "seconds.npy"), task.problem.travel[0].seconds)
        begun = time.perf_counter()
        done = _process([python, str(PEERS[peer]), folder, str(limit_s), str(seed), str(threads)], limit_s)
        seconds = time.perf_counter() - begun
        answer = Path(folder, "answer.json")
        if not answer.exists():
            return Run(peer, instance, seed, limit_s, seconds, None, _last_line(done))
        read = json.loads(answer.read_text(encoding="utf-8"))
    version = "; ".join(filter(None, [read["version"], read.get("breaks", "")]))
    remarks = [version]
    sequences: dict[int, list[int]] = {}
    for vehicle, services in read["routes"]:
        sequences.setdefault(vehicle, []).extend(services)
    if read.get("mend"):
        sequences, without = mended(task.problem, sequences)
        remarks += [f"{without} services taken out so that breaks fit"] if without else []
    try:
        plan = plan_of_sequences(task.problem, sequences)
        faults = faults_of(task, plan)
    except RoutingError as error:
        faults = [str(error)]
    if faults:
        remarks.insert(0, f"invalid: {faults[0]}")
    cost = None if faults else task.cost(plan)
    return Run(peer, instance, seed, limit_s, seconds, cost, "; ".join(remarks), version)


def _task(instance: Instance, *, breaks: bool = False) -> Task:
    return read_task(instance.path.read_text(encoding="utf-8"), instance.format, breaks=breaks)


def _beyond_peers(task: Task) -> str:
    problem = task.problem
    weights = {name: value for name, value in vars(problem.weights).items() if value}
    wishes = any(service.preferred for service in problem.services) and "not_preferred" in weights
    nurses = [vehicle.nurse for vehicle in problem.vehicles]
    checks = {
        "links": bool(problem.links or problem.orders),
        "visits of several services": len(problem.visits()) < len(problem.services),
        "several kinds of vehicle": len(problem.travel) > 1,
        "travel by the hour": any(kind.bands for kind in problem.travel),
        "breaks": any(_needs_several(vehicle) for vehicle in problem.vehicles),
        "lunch": any(vehicle.lunch is not None for vehicle in problem.vehicles),
        "several shifts of a nurse": len(set(nurses)) < len(nurses),
        "rest": any((v.free_since, v.next_duty, v.max_day) != (None,) * 3 for v in problem.vehicles),
        "overtime": any(vehicle.overtime or vehicle.leaves_at_once for vehicle in problem.vehicles),
        "things": any(service.needs for service in problem.services)
        or any(vehicle.uses for vehicle in problem.vehicles),
        "pinned starts": any(service.pinned_start is not None for service in problem.services),
        "late starts": any(service.late is not None for service in problem.services),
        "costs of single nurses": any(service.known for service in problem.services) or wishes,
        "costs beyond travel": bool(set(weights) - {"travel", "not_preferred"}),
    }
    return ", ".join(name for name, holds in checks.items() if holds)


def _needs_several(vehicle: Vehicle) -> bool:
    """Tell whether one break is not enough to keep a vehicle's rule."""
    try:
        one_break(vehicle)
    except ValueError:
        return True
    return False


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
            "break": _break(vehicle),
        }
        for vehicle in problem.vehicles
    ]
    return {"services": services, "vehicles": vehicles}


def _break(vehicle: Vehicle) -> dict[str, Any] | None:
    pause = one_break(vehicle)
    if pause is None:
        return None
    begins = [pause.begins.earliest, pause.begins.latest]
    return {"length": pause.length, "begins": begins, "unbroken": pause.unbroken}


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
