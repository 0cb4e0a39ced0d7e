"""What `solve`, `check` and `explain` do."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from routing.check import violations
from routing.cli.reasons import reasons_of
from routing.errors import RoutingError
from routing.formats import InvalidAnswer, Task, read_task
from routing.plan import Plan
from routing.problem import Problem
from routing.search import compiled
from routing.solver import DEFAULT_LIMIT_S, Progress, solve

__all__ = ["check", "explain", "faults_of", "solve_file", "solve_task"]

FINISH_AT_MOST_S = 20.0
TRIAL_SHARE = 0.4
"""Of the time of a task with variants, what goes to trying them all."""


def solve_file(options: argparse.Namespace) -> int:
    """Plan a file and write the answer."""
    task = _task(options)
    for note in task.notes:
        _say(f"note: {note}")
    if not compiled():
        _say("compiling the search once (about 25 s)")
    plan = solve_task(
        task,
        options.limit,
        seed=options.seed,
        iterations=options.iterations,
        threads=options.threads,
        on_progress=_progress_line(),
    )
    if sys.stderr.isatty():
        _say("")
    if options.out is not None:
        options.out.write_text(json.dumps(task.answer(plan)), encoding="utf-8")
    for left in plan.unassigned:
        print(f"unassigned {task.problem.services[left.service].id}: {left.sentence}")
    done = len(task.problem.services) - len(plan.unassigned)
    print(f"cost {task.cost(plan):.10g}, {done} of {len(task.problem.services)} services, ", end="")
    print(f"{plan.iterations} iterations, {plan.seconds:.1f} s")
    return _judged(faults_of(task, plan))


def solve_task(
    task: Task,
    limit_s: float | None,
    *,
    seed: int = 0,
    iterations: int | None = None,
    threads: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
) -> Plan:
    """Plan a task within a limit; part of it may belong to what its format decides after the search.

    A task with variants is tried in each for a while, then planned in the best for the rest of the time.
    """
    if limit_s is None and iterations is None:
        limit_s = DEFAULT_LIMIT_S

    def attempt(problem: Problem, share: float, number: int) -> Plan:
        seconds = None if limit_s is None else share * limit_s
        finish_s = None if seconds is None else min(task.finish_share * seconds, FINISH_AT_MOST_S)
        plan = solve(
            problem,
            None if seconds is None else seconds - (finish_s or 0),
            seed=seed + number,
            iterations=None if iterations is None else max(1, round(share * iterations)),
            threads=threads,
            on_progress=on_progress,
        )
        return task.finish(plan, finish_s)

    if not task.variants:
        return attempt(task.problem, 1.0, 0)
    begun = time.perf_counter()
    problems = (task.problem, *task.variants)
    tried = [attempt(problem, TRIAL_SHARE / len(problems), 0) for problem in problems]
    ranks = [_rank(task, plan) for plan in tried]
    first = ranks.index(min(ranks))
    last = attempt(problems[first], 1 - TRIAL_SHARE, 1)
    plan = min(tried[first], last, key=lambda plan: _rank(task, plan))
    done = sum(plan.iterations for plan in [*tried, last])
    return replace(plan, seed=seed, iterations=done, seconds=time.perf_counter() - begun)


def _rank(task: Task, plan: Plan) -> tuple[int, float]:
    return len(task.faults(plan)), task.cost(plan)


def check(options: argparse.Namespace) -> int:
    """Judge an answer by the independent check and the format's own rules."""
    task = _task(options)
    try:
        plan = task.plan(options.answer.read_text(encoding="utf-8"))
    except InvalidAnswer as error:
        return _judged([str(error)])
    print(f"cost {task.cost(plan):.10g}")
    return _judged(faults_of(task, plan))


def explain(options: argparse.Namespace) -> int:
    """Say why a service is where it is in an answer, or why it is in no route."""
    task = _task(options)
    plan = task.plan(options.answer.read_text(encoding="utf-8"))
    names = [service.id for service in task.problem.services]
    if options.service is not None and options.service not in names:
        raise InvalidAnswer(f"there is no service {options.service}; ids are like {', '.join(names[:3])}")
    faults = violations(task.problem, plan)
    if faults:
        raise InvalidAnswer(f"the answer breaks a rule, so there is no telling why: {faults[0].sentence}")
    chosen = [left.service for left in plan.unassigned]
    if options.service is not None:
        chosen = [names.index(options.service)]
    for number in chosen:
        for sentence in reasons_of(task.problem, plan, number):
            print(sentence)
    if not chosen:
        print("every service is in a route")
    return 0


def faults_of(task: Task, plan: Plan) -> list[str]:
    """Return what a plan breaks: the rules of the problem, and those of the format."""
    return [fault.sentence for fault in violations(task.problem, plan)] + task.faults(plan)


def _task(options: argparse.Namespace) -> Task:
    try:
        text = options.file.read_text(encoding="utf-8")
        return read_task(text, options.format, breaks=options.breaks)
    except (RoutingError, UnicodeDecodeError) as error:
        raise RoutingError(f"{options.file.name}: {error}") from error


def _progress_line() -> Callable[[Progress], None] | None:
    """Return what shows the progress to a person; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return None

    def show(progress: Progress) -> None:
        line = f"{progress.seconds:6.1f} s  {progress.iterations} iterations  cost {progress.cost}"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)

    return show


def _judged(faults: Sequence[str]) -> int:
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
