"""The table of a measurement."""

import argparse
import csv
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from routing.bench.instances import Instance, list_instances
from routing.bench.runs import OURS, Run, run_ours, run_peer
from routing.bench.summary import percents, summary
from routing.errors import RoutingError
from routing.search import warm_up
from routing.solver import VERSION

__all__ = ["PUBLISHED", "NoInstances", "NoSeconds", "bench"]

PUBLISHED = "published"
"""Stands for the seconds that a published planner took for an instance."""
INTERRUPTED = 130


class NoInstances(RoutingError):
    """A folder holds nothing that could be measured."""


class NoSeconds(RoutingError):
    """Nobody published how long a planner took for an instance, and nothing else was said."""


def bench(options: argparse.Namespace) -> int:
    """Run every planner on every instance and print one row each, planners interleaved; then a summary.

    Whoever interrupts it gets the table so far.
    """
    instances = list(list_instances(options.folder, options.only))
    if not instances:
        asked = " or ".join(map(repr, options.only))
        raise NoInstances(
            f"{options.folder}: no instance there{f' whose path holds {asked}' if asked else ''}"
        )
    limits = _limits(instances, options)
    warm_up()  # once, so that no measured run has to compile
    begun, load = _moment(), _load()
    print(
        f"{'instance':36}{'planner':10}{'seed':>5}{'given':>8}{'seconds':>9}"
        f"{'cost':>14}{'best':>12}{'gap %':>8}"
    )
    runs: list[Run] = []
    status = 0
    try:
        for run in _runs(instances, limits, options):
            runs.append(run)
            _progress("")
            print(_line(run), flush=True)
    except KeyboardInterrupt:
        _progress("")
        print(f"interrupted after {len(runs)} runs")
        status = INTERRUPTED
    print()
    for line in summary(runs) if runs else ():
        print(line)
    for line in _circumstances(options, limits, runs):
        print(line)
    print(f"{begun} to {_moment()} UTC, load average {load} before, {_load()} after")
    if options.out is not None:
        _write(options.out, runs)
    return status or int(any(run.cost is None for run in runs if run.planner == OURS))


def _limits(instances: Sequence[Instance], options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of each instance, by name; tell which of them nobody published."""
    if options.limit != PUBLISHED:
        return {instance.name: options.limit for instance in instances}
    missing = [instance.name for instance in instances if instance.published_s is None]
    if missing and options.limit_else is None:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise NoSeconds(
            f"{', '.join(missing[:5])}{more}: no published seconds in best.csv; say how many they get with "
            "--limit-else, or choose others with --only"
        )
    if missing:
        print(f"no published seconds, {options.limit_else:g} s each: {', '.join(missing)}")
    return {
        instance.name: options.limit_else if instance.published_s is None else instance.published_s
        for instance in instances
    }


def _runs(
    instances: Sequence[Instance], limits: dict[str, float], options: argparse.Namespace
) -> Iterator[Run]:
    of_each = len(options.seeds) * (1 + len(options.peers))
    left = sum(limits.values()) * of_each
    count = 0
    for instance in instances:
        limit_s = limits[instance.name]
        for seed in options.seeds:
            for planner in (OURS, *options.peers):
                count += 1
                _progress(
                    f"{count} of {len(instances) * of_each}: {planner} on {instance.name}, seed {seed}, "
                    f"{limit_s:g} s; about {left / 60:.0f} min left"
                )
                if planner == OURS:
                    yield run_ours(
                        instance,
                        limit_s,
                        seed,
                        threads=options.threads,
                        breaks=options.breaks,
                        keep=options.keep,
                    )
                else:
                    yield run_peer(
                        planner,
                        instance,
                        limit_s,
                        seed,
                        python=options.python,
                        threads=options.threads,
                        breaks=options.breaks,
                    )
                left -= limit_s


def _progress(words: str) -> None:
    """Show a person what is running now, in place of what was; nothing where nobody looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)


def _line(run: Run) -> str:
    cost = "none" if run.cost is None else f"{run.cost:.10g}"
    best = f"{run.instance.best:.10g}" if run.instance.best else ""
    gap = "" if run.gap is None else percents(run.gap)
    line = f"{run.instance.name:36}{run.planner:10}{run.seed:5}{run.limit_s:8.4g}{run.seconds:9.1f}"
    return f"{line}{cost:>14}{best:>12}{gap:>8}  {run.remark}".rstrip()


def _circumstances(
    options: argparse.Namespace, limits: dict[str, float], runs: Sequence[Run]
) -> Iterator[str]:
    """Yield what was asked, of which planners, and where."""
    given = sorted(set(limits.values()))
    seconds = f"{given[0]:g}" if len(given) == 1 else f"{given[0]:g} to {given[-1]:g}"
    published = " as published" if options.limit == PUBLISHED else ""
    mode = ", with breaks" if options.breaks else ""
    yield (
        f"seeds {', '.join(map(str, options.seeds))}; {seconds} s each{published}; "
        f"{options.threads} threads{mode}"
    )
    yield (
        f"{VERSION}, Python {platform.python_version()}, numba {version('numba')}, "
        f"OR-Tools {version('ortools')}"
    )
    for version_of_peer in dict.fromkeys(run.version for run in runs if run.version):
        yield f"against {version_of_peer}"
    yield f"{platform.machine()}, {_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    """Return the name of the processor, as far as the system tells."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.system()


def _moment() -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime())


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _write(path: Path, runs: Sequence[Run]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["instance", "planner", "seed", "limit", "seconds", "cost", "best", "gap_percent", "remark"]
        )
        for run in runs:
            gap = None if run.gap is None else round(run.gap, 3)
            row = [run.instance.name, run.planner, run.seed, run.limit_s, round(run.seconds, 1), run.cost]
            rows.writerow([*row, run.instance.best, gap, run.remark])
