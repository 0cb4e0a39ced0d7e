"""The command line of the planner on its own."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from routing.bench import PUBLISHED, bench
from routing.cli.commands import check, explain, solve_file
from routing.errors import RoutingError
from routing.formats import FORMATS
from routing.solver import DEFAULT_LIMIT_S

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 is good, 1 a plan that breaks a rule or leaves out what must be done, 2 a file nobody can read.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (RoutingError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m routing", description="Plan nurses' tours of one day.")
    commands = parser.add_subparsers(required=True)
    plan = commands.add_parser("solve", help="plan a day")
    plan.add_argument("file", type=Path)
    plan.add_argument("--limit", type=_seconds, help=f"seconds, {DEFAULT_LIMIT_S:g} if nothing is said")
    plan.add_argument("--iterations", type=_count, help="end after so many, whatever the machine")
    plan.add_argument("--seed", type=_count, default=0)
    plan.add_argument("--threads", type=_threads, default=1, help="searches side by side")
    plan.add_argument("--out", type=Path, default=None, help="where the answer goes; nowhere if not given")
    plan.set_defaults(run=solve_file)
    judge = commands.add_parser("check", help="judge an answer")
    judge.set_defaults(run=check)
    reasons = commands.add_parser("explain", help="say why a service is where it is, or in no route")
    reasons.set_defaults(run=explain)
    for command in (judge, reasons):
        command.add_argument("file", type=Path)
        command.add_argument("answer", type=Path)
    reasons.add_argument("service", nargs="?", help="its id; without one, all that are left out")
    for command in (plan, judge, reasons):
        command.add_argument("--format", choices=list(FORMATS), help="guessed from the file if not given")
        command.add_argument("--breaks", action="store_true", help="homecare: nurses need the day's break")
    measure = commands.add_parser("bench", help="measure against best known values and other planners")
    measure.add_argument("folder", type=Path, help="instances, with best.csv or .sol files where known")
    measure.add_argument(
        "--only", nargs="+", action="extend", default=[], help="instances whose path holds one of these texts"
    )
    measure.add_argument(
        "--limit",
        type=_seconds_or_published,
        default=DEFAULT_LIMIT_S,
        help=f"seconds per instance, or `{PUBLISHED}`: those of the nearest best.csv",
    )
    measure.add_argument(
        "--limit-else", type=_seconds, default=None, help="seconds of instances without published ones"
    )
    measure.add_argument("--seeds", type=_count, nargs="+", default=[0])
    measure.add_argument("--threads", type=_threads, default=1)
    measure.add_argument("--breaks", action="store_true", help="homecare: nurses need the day's break")
    measure.add_argument(
        "--peers", nargs="*", default=[], choices=["pyvrp", "vroom", "ortools"], help="from the extra `bench`"
    )
    measure.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    measure.add_argument("--out", type=Path, default=None, help="write the table there as CSV too")
    measure.add_argument(
        "--keep", type=Path, default=None, help="folder for answers better than the best known"
    )
    measure.set_defaults(run=bench)
    return parser


def _seconds(word: str) -> float:
    value = float(word)
    if not 0 <= value <= 10**7:
        raise ValueError
    return value


def _seconds_or_published(word: str) -> float | str:
    return word if word == PUBLISHED else _seconds(word)


def _count(word: str) -> int:
    value = int(word)
    if not 0 <= value < 2**31:
        raise ValueError
    return value


def _threads(word: str) -> int:
    value = int(word)
    if not 1 <= value <= 256:
        raise ValueError
    return value
