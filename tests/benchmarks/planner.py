"""How fast and how good the planner is here: `python -m tests.benchmarks.planner [--limit 10] [--seed 1]
[--only 300]`
or `--region 60 600`.

Prints a table of generated days, and of the home-care days in ../shared where that folder exists, next to
what other planners reached on them. With `--region` it plans a region of 10,000 visits and 800 shared nurses
instead, once for each number of seconds.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from routing.check import violations
from routing.formats.homecare import from_homecare, to_homecare
from routing.plan import Plan
from routing.problem import Problem
from routing.search import warm_up
from routing.solver import VERSION, Progress, solve
from tests.benchmarks.days import a_day, a_region

SIZES = {30: 3, 100: 9, 300: 25, 1000: 80, 5000: 400}
SHARED = Path(__file__).parents[3] / "shared"
BEST_OF_OTHERS = {
    ("hc100_s1", False): 155_550,
    ("hc300_s1", False): 317_803,
    ("hc1000_s1", False): 543_711,
    ("hc100_s1", True): 182_329,
    ("hc300_s1", True): 365_735,
    ("hc1000_s1", True): 868_510,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--region", type=float, nargs="+", default=(), help="seconds for a region's plan")
    parser.add_argument("--only", type=int, default=None, help="one size")
    options = parser.parse_args()
    print(
        f"python {platform.python_version()}, numba {version('numba')}, ortools {version('ortools')}, "
        f"{VERSION}, seed {options.seed}, limit {options.limit:g} s"
    )
    begun = time.perf_counter()
    warm_up()
    print(f"search ready after {time.perf_counter() - begun:.1f} s")
    print(
        f"{'day':24}{'first s':>9}{'total s':>9}{'iter/s':>9}{'cost':>12}{'left out':>9}{'faults':>7}"
        f"{'others':>12}"
    )
    if options.region:
        region = a_region(10_000, 800, options.seed)
        for limit_s in options.region:
            _measure(f"region {limit_s:g} s", region, limit_s, options.seed, threads=2)
        _print_memory()
        return
    for size, nurses in SIZES.items():
        if options.only in (None, size):
            _measure(
                f"{size} visits/{nurses}", a_day(size, nurses, options.seed), options.limit, options.seed
            )
    for name, breaks in BEST_OF_OTHERS:
        file = SHARED / "homecare" / f"{name}.json"
        if file.exists() and (options.only is None or f"hc{options.only}_" in name):
            _measure_homecare(file, options.limit, options.seed, breaks=breaks)
    _print_memory()


def _print_memory() -> None:
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _measure(
    name: str, problem: Problem, limit_s: float, seed: int, others: str = "", threads: int = 1
) -> Plan:
    first: list[Progress] = []
    plan = solve(
        problem,
        limit_s,
        seed=seed,
        threads=threads,
        on_progress=lambda p: first.append(p) if not first else None,
    )
    faults = len(violations(problem, plan))
    rate = plan.iterations / max(limit_s, 0.001)
    first_s = first[0].seconds if first else 0.0
    print(
        f"{name:24}{first_s:9.2f}{plan.seconds:9.2f}{rate:9.0f}{plan.cost.total:12}{len(plan.unassigned):9}"
        f"{faults:7}{others:>12}",
        flush=True,
    )
    return plan


def _measure_homecare(file: Path, limit_s: float, seed: int, *, breaks: bool) -> None:
    day = json.loads(file.read_text(encoding="utf-8"))
    problem = from_homecare(day, breaks=breaks)
    mode = ["--breaks"] if breaks else []
    plan = _measure(
        f"{file.stem} {'break' if breaks else 'core'}",
        problem,
        limit_s,
        seed,
        f"{BEST_OF_OTHERS[file.stem, breaks]}",
    )
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        answer.write_text(json.dumps(to_homecare(day, plan)), encoding="utf-8")
        judge = [sys.executable, str(SHARED / "tools" / "check_homecare.py"), str(file), str(answer), *mode]
        verdict = subprocess.run(judge, capture_output=True, text=True, check=False)
    if verdict.stdout.split() != ["cost", str(plan.cost.total)]:
        print(f"  the judge says: {verdict.stdout.strip()}")


if __name__ == "__main__":
    main()
