"""From a problem to a plan: the pipeline.

First plan at once; ruin and recreate until the time is nearly up; then CP-SAT: a small day is planned to
proof, on a day without links the routes met on the way are recombined; at last times and reasons are written
in plain Python.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from routing.clock import time_routes
from routing.errors import RoutingError
from routing.exact import plan_exactly, recombine
from routing.explain import explain_unassigned
from routing.objective import cost_of, depends_on_times
from routing.plan import Plan, Route
from routing.problem import Problem, TimeWindow
from routing.rota import Rota
from routing.search import Pieces, Team, can_be_cut, make_ready
from routing.units import Points

__all__ = ["DEFAULT_LIMIT_S", "VERSION", "LostTimetable", "Progress", "solve"]

VERSION = "routing 4"
"""Changes whenever the same seed may give another plan."""

DEFAULT_LIMIT_S = 10.0
STEP_S = 0.05
WARM_SHARE = 0.5
"""A search that begins with a plan begins at this share of the cooling."""

PROVABLE_SERVICES = 9
PROVABLE_VEHICLES = 4
PROOF_S = 5.0
RECOMBINE_SHARE = 0.1
RECOMBINE_AT_MOST_S = 5.0
RECOMBINE_SERVICES = 600
WRITE_SHARE = 0.1
WRITE_S_PER_SERVICE = 0.0015
"""For times and reasons at the end; the larger part of it when a day is hopelessly full."""

FIRST_PLAN_S = 1.0
"""The first plan may take so much even if the limit is shorter; visits not looked at by then are left out."""

REASONS_AT_LEAST_S = 1.0
"""Reasons get so much even if the limit is over, as for the first plan; what it does not suffice for is left
open."""


LARGE_SERVICES = 2000
PIECE_SERVICES = 500
"""A day of at least so many services is planned in pieces of about so many. At 1000 services pieces cost 3 to
7 % more than one search with as many iterations, at 3000 they do 1.7 times as many in the same time."""

Searches = Team | Pieces


class LostTimetable(RoutingError):
    """The search ended with routes that have no timetable: a bug, never a proposal."""


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Attributes:
        iterations: Iterations done.
        cost: Points of the best plan so far.
        assigned: How many services it places.
        seconds: Since the search began.
    """

    iterations: int
    cost: Points
    assigned: int
    seconds: float


def solve(
    problem: Problem,
    limit: timedelta | float | None = None,
    *,
    seed: int = 0,
    iterations: int | None = None,
    threads: int = 1,
    begin_with: Iterable[Route] = (),
    on_progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Plan a day.

    There is a plan from the first moment on; more time makes it better. With `iterations` and no `limit` the
    same problem, seed and version give the same plan, bit for bit. The first call in an installation compiles
    the search (about thirty seconds, see `routing.search.compiled`); that time is not part of the limit.

    Args:
        problem: The day.
        limit: Seconds or timedelta of wall-clock time; 0 for the first plan. Without it and without
            `iterations`, `DEFAULT_LIMIT_S`.
        seed: Of all random choices.
        iterations: End after so many rounds of ruin and recreate, if the limit does not end it before.
        threads: So many searches run side by side and pass the best plan on; each does `iterations`. The plan
            depends on their number.
        begin_with: Routes to begin with, but for the visits that the rules do not allow there. The search is
            cooler from its start then (`WARM_SHARE`).
        on_progress: Told about every `STEP_S` seconds.
        cancel: Asked as often; when it answers True, the best plan so far is returned. That is an empty one
            while the search is being compiled.

    Returns:
        A plan that `routing.check.violations` accepts. Each service that is in no route has its reason.
    """
    if isinstance(limit, timedelta):
        limit = limit.total_seconds()
    if limit is None and iterations is None:
        limit = DEFAULT_LIMIT_S
    ready = make_ready(cancel)
    run = _Run(problem, limit, seed, iterations, threads, tuple(begin_with), on_progress, cancel)
    return run.plan() if ready else run.empty_plan()


class _Run:
    """One call of `solve`."""

    def __init__(
        self,
        problem: Problem,
        limit_s: float | None,
        seed: int,
        iterations: int | None,
        threads: int,
        begin_with: tuple[Route, ...],
        on_progress: Callable[[Progress], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.began = time.perf_counter()
        self.problem = problem
        self.timed = depends_on_times(problem)
        self.binds = Rota(problem).binds
        self.limit_s = limit_s
        self.seed = seed
        self.iterations = iterations
        self.threads = threads
        self.begin_with = begin_with
        self.on_progress = on_progress
        self.cancel = cancel
        self.build_until: float | None = None

    def plan(self) -> Plan:
        """Run the pipeline."""
        if not self.problem.services or not self.problem.vehicles:
            return self._written((), 0, proven=True)
        with self._searches() as search:
            return self._planned(search)

    def empty_plan(self) -> Plan:
        """Return the plan of somebody who was stopped before the search could begin."""
        self.limit_s = 0.0
        return self._written((), 0, proven=False)

    def _searches(self) -> Searches:
        """Return the searches: one for each thread, or one for each piece of a large day."""
        stops = len(self.problem.services)
        pieces = max(self.threads, stops // PIECE_SERVICES)
        if stops < LARGE_SERVICES or not can_be_cut(self.problem):
            return Team(self.problem, self.seed, self.threads)
        return Pieces(self.problem, self.seed, self.threads, pieces)

    def _planned(self, search: Searches) -> Plan:
        cooled = WARM_SHARE if self.begin_with else 0.0
        search.start(self.begin_with, cooled=cooled, is_over=self._is_over)
        stopped = self._search(search)
        sequences, windows, duties = search.best()
        routes = _must(time_routes(self.problem, sequences, windows, duties))
        proven = False
        if not stopped and self._left_s() > self._write_s():
            routes, proven = self._exact(search, sequences, routes)
        return self._written(routes, search.iterations, proven=proven)

    def _seconds(self) -> float:
        return time.perf_counter() - self.began

    def _left_s(self) -> float:
        return float("inf") if self.limit_s is None else self.limit_s - self._seconds()

    def _is_small(self) -> bool:
        return (
            not self.timed
            and len(self.problem.services) <= PROVABLE_SERVICES
            and len(self.problem.vehicles) <= PROVABLE_VEHICLES
        )

    def _can_recombine(self) -> bool:
        """Tell whether routes do not depend on each other and are few enough to be chosen anew."""
        problem = self.problem
        tied = problem.links or problem.orders or self.timed or self.binds
        return not tied and len(problem.services) < RECOMBINE_SERVICES

    def _write_s(self) -> float:
        """Return how many seconds at the end belong to writing the plan."""
        limit_s = self.limit_s or 0.0
        return min(WRITE_SHARE * limit_s, WRITE_S_PER_SERVICE * len(self.problem.services))

    def _reasons_s(self) -> float | None:
        """Return how many seconds the reasons of what is left out may take."""
        return None if self.limit_s is None else max(REASONS_AT_LEAST_S, self._left_s())

    def _search_s(self) -> float:
        """Return how many seconds from the beginning belong to ruin and recreate."""
        if self.limit_s is None:
            return float("inf")
        if self._is_small():
            return self.limit_s / 2
        if not self._can_recombine():
            return self.limit_s - self._write_s()
        return self.limit_s - self._write_s() - min(RECOMBINE_SHARE * self.limit_s, RECOMBINE_AT_MOST_S)

    def _search(self, search: Searches) -> bool:
        """Advance the search until its time or its iterations are over; tell whether it was cancelled."""
        until = self._search_s()
        total = self.iterations or 0
        most = self.iterations
        if most is None and self._is_small():
            most = 2000  # CP-SAT finishes the day
        step = 20
        while True:
            self._tell(search)
            if self.cancel is not None and self.cancel():
                return True
            begun = self._seconds()
            if begun >= until or (most is not None and search.iterations >= most * search.members):
                return False
            count = step if most is None else min(step, most - search.iterations // search.members)
            search.run(count, total=total, share=begun / until)
            took = max(self._seconds() - begun, 1e-6)
            rate = count / took
            step = max(1, min(10 * step, int(rate * min(STEP_S, max(until - self._seconds(), 0.001)))))

    def _is_over(self) -> bool:
        """Tell a search that builds its plan whether that has to be enough as it is."""
        if self.build_until is None:  # what it reads and writes is laid out by now
            self.build_until = max(self._search_s(), self._seconds() + FIRST_PLAN_S)
        return self._seconds() > self.build_until or (self.cancel is not None and self.cancel())

    def _tell(self, search: Searches) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(search.iterations, search.best_cost, search.assigned, self._seconds()))

    def _exact(
        self, search: Searches, sequences: Mapping[int, Sequence[int]], routes: tuple[Route, ...]
    ) -> tuple[tuple[Route, ...], bool]:
        """Let CP-SAT finish: prove a small day, recombine the routes of a larger one."""
        if self._is_small():
            proof = plan_exactly(self.problem, min(self._left_s(), PROOF_S), seed=self.seed, hint=sequences)
            if proof is None:
                return routes, False
            if proof.cost < search.best_cost:
                linked = {s for link in self.problem.links for s in (link.first, link.second)}
                chosen = {
                    service: TimeWindow(start, start) if service in linked else self._window(service, start)
                    for service, start in proof.starts.items()
                }
                found = time_routes(self.problem, proof.sequences, chosen, proof.duties, proof.pauses)
                return _must(found), proof.optimal
            return routes, proof.optimal and proof.cost >= search.best_cost
        if not self._can_recombine() or self.limit_s == 0:
            return routes, False
        limit_s = RECOMBINE_AT_MOST_S if self.limit_s is None else self._left_s() - self._write_s()
        better_sequences = recombine(
            self.problem,
            search.pool(),
            sequences,
            limit_s,
            seed=self.seed,
            deterministic=self.limit_s is None,
        )
        better = None if better_sequences is None else time_routes(self.problem, better_sequences)
        return (routes if better is None else better), False

    def _window(self, service: int, start: int) -> TimeWindow:
        return next(window for window in self.problem.services[service].starts if window.holds(start))

    def _written(self, routes: tuple[Route, ...], iterations: int, *, proven: bool) -> Plan:
        plan = Plan(
            routes,
            explain_unassigned(self.problem, routes, limit_s=self._reasons_s()),
            cost_of(self.problem, routes),
            proven=proven,
            seed=self.seed,
            iterations=iterations,
            version=VERSION,
        )
        return replace(plan, seconds=self._seconds())


def _must(routes: tuple[Route, ...] | None) -> tuple[Route, ...]:
    if routes is None:
        raise LostTimetable(
            "the search accepted routes for which there is no timetable; please report this day"
        )
    return routes
