"""`python -m routing`: plan a file, or judge an answer to one."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from routing.check import violations
from routing.errors import RoutingError
from routing.explain import explain_unassigned
from routing.formats.homecare import from_homecare, sequences_from_homecare, to_homecare
from routing.objective import cost_of
from routing.plan import Plan, Violation
from routing.problem import Problem
from routing.search import compiled
from routing.solver import DEFAULT_LIMIT_S, Progress, solve
from routing.timetable import time_routes

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 is good, 1 a plan that breaks a rule, 2 a file nobody can read.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (RoutingError, OSError, ValueError) as error:
        _say(str(error))
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m routing", description=__doc__)
    commands = parser.add_subparsers(required=True)
    plan = commands.add_parser("solve", help="plan a day")
    plan.add_argument("file", type=Path)
    plan.add_argument(
        "--limit", type=float, default=None, help=f"seconds, {DEFAULT_LIMIT_S:g} if nothing is said"
    )
    plan.add_argument("--iterations", type=int, default=None, help="end after so many, whatever the machine")
    plan.add_argument("--seed", type=int, default=0)
    plan.add_argument("--out", type=Path, default=None, help="where the answer goes; nowhere if not given")
    plan.set_defaults(run=_solve)
    judge = commands.add_parser("check", help="judge an answer")
    judge.add_argument("file", type=Path)
    judge.add_argument("answer", type=Path)
    judge.set_defaults(run=_check)
    for command in (plan, judge):
        command.add_argument("--format", choices=["homecare"], default="homecare")
        command.add_argument("--breaks", action="store_true", help="nurses need the break the day describes")
    return parser


def _solve(options: argparse.Namespace) -> int:
    day = _read(options.file)
    problem = from_homecare(day, breaks=options.breaks)
    if not compiled():
        _say("compiling the search once (about 20 s)")
    plan = solve(
        problem, options.limit, seed=options.seed, iterations=options.iterations, on_progress=_progress_line()
    )
    if options.out is not None:
        options.out.write_text(json.dumps(to_homecare(day, plan)), encoding="utf-8")
    for left in plan.unassigned:
        print(f"unassigned {problem.services[left.service].id}: {left.sentence}")
    done = len(problem.services) - len(plan.unassigned)
    print(f"cost {plan.cost.total}, {done} of {len(problem.services)} services, {plan.iterations} iterations")
    return _judged(violations(problem, plan))


def _check(options: argparse.Namespace) -> int:
    day = _read(options.file)
    problem = from_homecare(day, breaks=options.breaks)
    sequences = sequences_from_homecare(day, _read(options.answer))
    routes = time_routes(problem, sequences)
    if routes is None:
        return _judged([f"nurse {v} cannot keep the times" for v in _late(problem, sequences)])
    plan = Plan(routes, explain_unassigned(problem, routes), cost_of(problem, routes))
    print(f"cost {plan.cost.total}")
    return _judged(violations(problem, plan))


def _late(problem: Problem, sequences: dict[int, list[int]]) -> list[str]:
    return [
        problem.vehicles[vehicle].id
        for vehicle, services in sequences.items()
        if time_routes(problem, {vehicle: services}) is None
    ]


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _progress_line() -> Callable[[Progress], None] | None:
    """Return what shows the progress to a person; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return None

    def show(progress: Progress) -> None:
        line = f"{progress.seconds:6.1f} s  {progress.iterations} iterations  cost {progress.cost}"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)

    return show


def _judged(faults: Sequence[object]) -> int:
    for fault in faults:
        print(fault.sentence if isinstance(fault, Violation) else fault)
    return 1 if faults else 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
