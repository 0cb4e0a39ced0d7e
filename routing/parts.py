"""A region's day in parts: what shares no nurse is planned apart, on all cores, and put together again.

Care services that plan their own patients with their own nurses do not touch each other. Planned as one
problem, the search spends its moves on all of them at once; planned apart, each part gets its share of time.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Lock

import numpy as np

from routing.constraints import allowed
from routing.excerpt import Part, excerpt
from routing.objective import compares_routes, cost_of
from routing.plan import Plan, Route, Unassigned
from routing.problem import Problem
from routing.rota import Rota
from routing.search import make_ready
from routing.solver import DEFAULT_LIMIT_S, VERSION, Progress, solve

__all__ = ["solve_in_parts", "split"]


def split(problem: Problem) -> list[Part]:
    """Split a problem where no vehicle, visit, link, nurse or thing holds it together.

    A vehicle holds together all services that it may do, seen from the two alone: by skills, shift, roads and
    who is allowed. So days fall apart that no link or rest ties. Vehicles that may do nothing are in no part.
    Services that no vehicle may do are one part with all vehicles, so that the reason why they are left out
    is looked for among them. A cost that compares all routes
    (`Weights.highest_lateness`, `balance`, `longest_idle`) holds everything together.

    Returns:
        The parts; each service is in exactly one.
    """
    if compares_routes(problem):
        return [excerpt(problem, tuple(range(len(problem.services))), tuple(range(len(problem.vehicles))))]
    groups = _Groups(len(problem.services) + len(problem.vehicles))
    for number, may in enumerate(allowed(problem)):
        groups.join(number, *(len(problem.services) + np.flatnonzero(may)).tolist())
    _tie(problem, groups)
    members: dict[int, list[int]] = {}
    for number in range(len(problem.services) + len(problem.vehicles)):
        members.setdefault(groups.of(number), []).append(number)
    found = []
    nobodys: list[int] = []
    for group in members.values():
        those = tuple(number for number in group if number < len(problem.services))
        vehicles = tuple(number - len(problem.services) for number in group[len(those) :])
        if those and vehicles:
            found.append((those, vehicles))
        else:
            nobodys += those
    if nobodys:
        found.append((tuple(sorted(nobodys)), tuple(range(len(problem.vehicles)))))
    return [excerpt(problem, services, vehicles) for services, vehicles in found]


def _tie(problem: Problem, groups: "_Groups") -> None:
    """Join what rules and visits hold together, whoever may do it."""
    rota = Rota(problem)
    for vehicles in rota.groups():
        groups.join(*(len(problem.services) + vehicle for vehicle in vehicles))
    for number, others in rota.sharing.items():
        groups.join(number, *others)
    for link in problem.links:
        groups.join(link.first, link.second)
    for pair in problem.orders:
        groups.join(*pair)
    for number, service in enumerate(problem.services):
        if service.inside is not None:
            groups.join(number, service.inside)
    for services in problem.visits().values():
        groups.join(*services)


class _Groups:
    """Who belongs together: a forest whose roots stand for groups (union by the smaller number)."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def join(self, *numbers: int) -> None:
        roots = {self.of(number) for number in numbers}
        for root in roots:
            self._above[root] = min(roots)


def solve_in_parts(
    problem: Problem,
    limit: timedelta | float | None = None,
    *,
    seed: int = 0,
    iterations: int | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Plan a day like `routing.solver.solve`, its parts apart and some at a time.

    Every part gets a first plan before any is made better, so that there is a whole plan early.

    Args:
        problem: The day.
        limit: As for `solve`; shared among the parts by their number of services.
        seed: Of all random choices; part n uses seed + n.
        iterations: As for `solve`, for each part: so the threads do not change the plan.
        threads: How many parts at a time; None for one on each core.
        on_progress: Told the sum of all parts, from any thread, never from two at once.
        cancel: Asked in every thread.

    Returns:
        The parts' plans as one; its iterations are the sum, and it is proven if each part is.
    """
    ready = make_ready(cancel)
    parts = split(problem)
    if len(parts) < 2 or not ready:
        return solve(problem, limit, seed=seed, iterations=iterations, on_progress=on_progress, cancel=cancel)
    if isinstance(limit, timedelta):
        limit = limit.total_seconds()
    if limit is None and iterations is None:
        limit = DEFAULT_LIMIT_S
    workers = min(threads or os.cpu_count() or 1, len(parts))
    run = _Run(parts, limit, workers, on_progress)
    plans: list[Plan] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:
        for number, plan in enumerate(pool.map(lambda part: solve(part.problem, 0, seed=seed), parts)):
            run.tell(number, Progress(0, plan.cost.total, len(plan.placed()), 0.0))
            plans.append(plan)

        def improve(number: int) -> Plan:
            part_limit = run.share_s(number)
            if limit == 0 or (cancel is not None and cancel()):
                return plans[number]
            return solve(
                parts[number].problem,
                part_limit,
                seed=seed + number,
                iterations=iterations,
                on_progress=lambda state: run.tell(number, state),
                cancel=cancel,
            )

        # The largest first: what is left over at the end is small.
        largest_first = sorted(range(len(parts)), key=lambda number: -len(parts[number].services))
        for number, plan in zip(largest_first, pool.map(improve, largest_first), strict=True):
            plans[number] = min(plans[number], plan, key=lambda found: found.cost.total)
    return _joined(problem, parts, plans, seed, run.seconds())


class _Run:
    """The time and the progress of all parts together."""

    def __init__(
        self,
        parts: list[Part],
        limit_s: float | None,
        workers: int,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._began = time.perf_counter()
        self._sizes = [len(part.services) for part in parts]
        self._waiting = sum(self._sizes)
        self._limit_s = limit_s
        self._workers = workers
        self._on_progress = on_progress
        self._states: dict[int, Progress] = {}
        self._lock = Lock()

    def seconds(self) -> float:
        """Return the seconds since the run began."""
        return time.perf_counter() - self._began

    def share_s(self, number: int) -> float | None:
        """Return the seconds for the part whose turn it is: its share of all workers' time that is left."""
        if self._limit_s is None:
            return None
        with self._lock:
            left_s = max(0.0, self._limit_s - self.seconds())
            share = left_s * self._workers * self._sizes[number] / self._waiting
            self._waiting -= self._sizes[number]
            # No part runs on alone after the others have ended.
            return min(share, left_s)

    def tell(self, number: int, state: Progress) -> None:
        """Note how far a part is, and tell the sum once every part has a plan."""
        with self._lock:
            best = self._states.get(number)
            if best is not None and best.cost < state.cost:
                state = replace(state, cost=best.cost, assigned=best.assigned)
            self._states[number] = state
            if self._on_progress is None or len(self._states) < len(self._sizes):
                return
            states = self._states.values()
            self._on_progress(
                Progress(
                    iterations=sum(state.iterations for state in states),
                    cost=sum(state.cost for state in states),
                    assigned=sum(state.assigned for state in states),
                    seconds=self.seconds(),
                )
            )


def _joined(problem: Problem, parts: list[Part], plans: list[Plan], seed: int, seconds: float) -> Plan:
    routes: list[Route] = []
    unassigned: list[Unassigned] = []
    for part, plan in zip(parts, plans, strict=True):
        routes += [
            replace(
                route,
                vehicle=part.vehicles[route.vehicle],
                stops=tuple(replace(stop, service=part.services[stop.service]) for stop in route.stops),
            )
            for route in plan.routes
        ]
        unassigned += [replace(reason, service=part.services[reason.service]) for reason in plan.unassigned]
    return Plan(
        routes=tuple(sorted(routes, key=lambda route: route.vehicle)),
        unassigned=tuple(sorted(unassigned, key=lambda reason: reason.service)),
        cost=cost_of(problem, routes),
        proven=all(plan.proven for plan in plans),
        seed=seed,
        iterations=sum(plan.iterations for plan in plans),
        seconds=seconds,
        version=VERSION,
    )
