"""What `solve`, `check` and `explain` do."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from routing.check import violations
from routing.cli.interrupt import interrupted
from routing.cli.reasons import reasons_of
from routing.errors import RoutingError
from routing.formats import InvalidAnswer, Task, read_task
from routing.judging import faults_of
from routing.plan import Plan
from routing.search import compiled
from routing.solver import DEFAULT_LIMIT_S, Progress, solve

__all__ = ["check", "explain", "solve_file", "solve_task"]

FINISH_AT_MOST_S = 20.0


def solve_file(options: argparse.Namespace) -> int:
    """Plan a file and write the answer."""
    task = _task(options)
    for note in task.notes:
        _say(f"note: {note}")
    if not compiled():
        _say("compiling the search once (about 30 s)")
    with interrupted() as is_interrupted:
        plan = solve_task(
            task,
            options.limit,
            seed=options.seed,
            iterations=options.iterations,
            threads=options.threads,
            on_progress=_progress_line(),
            cancel=is_interrupted,
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
    cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Plan a task within a limit; part of it may belong to what its format decides after the search."""
    if limit_s is None and iterations is None:
        limit_s = DEFAULT_LIMIT_S

    finish_s = None if limit_s is None else min(task.finish_share * limit_s, FINISH_AT_MOST_S)
    plan = solve(
        task.problem,
        None if limit_s is None else limit_s - (finish_s or 0),
        seed=seed,
        iterations=iterations,
        threads=threads,
        begin_with=task.begin_with,
        on_progress=on_progress,
        cancel=cancel,
    )
    return task.finish(plan, 0.0 if cancel is not None and cancel() else finish_s)


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
