"""The table of a measurement."""

import argparse
import csv
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from routing.bench.instances import Instance, list_instances
from routing.bench.runs import OURS, Run, run_ours, run_peer
from routing.errors import RoutingError
from routing.search import warm_up
from routing.solver import VERSION

__all__ = ["NoInstances", "bench"]


class NoInstances(RoutingError):
    """A folder holds nothing that could be measured."""


def bench(options: argparse.Namespace) -> int:
    """Run every planner on every instance and print one row each, planners interleaved."""
    instances = list(list_instances(options.folder, options.only))
    if not instances:
        raise NoInstances(f"{options.folder}: no instance there whose path holds {options.only!r}")
    warm_up()  # once, so that no measured run has to compile
    versions = f"Python {platform.python_version()}, numba {version('numba')}, OR-Tools {version('ortools')}"
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, {versions}, {VERSION}")
    print(f"{'instance':36}{'planner':10}{'seed':>5}{'seconds':>9}{'cost':>14}{'best known':>12}{'gap %':>8}")
    runs = []
    for run in _runs(instances, options):
        runs.append(run)
        print(_line(run), flush=True)
    for planner in dict.fromkeys(run.planner for run in runs):
        print(_mean(planner, [run for run in runs if run.planner == planner]))
    if options.out is not None:
        _write(options.out, runs)
    return int(any(run.cost is None for run in runs if run.planner == OURS))


def _runs(instances: list[Instance], options: argparse.Namespace) -> Iterator[Run]:
    for instance in instances:
        for seed in options.seeds:
            yield run_ours(
                instance,
                options.limit,
                seed,
                threads=options.threads,
                breaks=options.breaks,
                keep=options.keep,
            )
            for peer in options.peers:
                yield run_peer(
                    peer, instance, options.limit, seed, python=options.python, threads=options.threads
                )


def _line(run: Run) -> str:
    cost = "none" if run.cost is None else f"{run.cost:.10g}"
    best = "-" if run.instance.best is None else f"{run.instance.best:.10g}"
    gap = "-" if run.gap is None else f"{run.gap:.2f}"
    line = f"{run.instance.name:36}{run.planner:10}{run.seed:5}{run.seconds:9.1f}{cost:>14}{best:>12}{gap:>8}"
    return f"{line}  {run.remark}".rstrip()


def _mean(planner: str, runs: list[Run]) -> str:
    gaps = [run.gap for run in runs if run.gap is not None]
    mean = f"mean gap {sum(gaps) / len(gaps):.2f} % over {len(gaps)} runs" if gaps else "no best known value"
    return f"{planner}: {mean}, {sum(run.cost is None for run in runs)} without a valid plan"


def _write(path: Path, runs: list[Run]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["instance", "planner", "seed", "seconds", "cost", "best", "gap_percent", "remark"])
        for run in runs:
            gap = None if run.gap is None else round(run.gap, 3)
            row = [run.instance.name, run.planner, run.seed, round(run.seconds, 1), run.cost]
            rows.writerow([*row, run.instance.best, gap, run.remark])
