"""How the time of a repair is spent: who may better the plan, how long, and which plan is kept."""

import time
from collections.abc import Callable
from dataclasses import replace

from routing.clock import time_routes
from routing.objective import cost_of
from routing.plan import Route
from routing.problem import TimeWindow
from routing.repair.day import ChangedDay
from routing.repair.replan import Replan
from routing.repair.search import Repair
from routing.search import make_ready
from routing.solver import LostTimetable
from routing.units import Points

__all__ = ["Mending"]

STEP_S = 0.05
CHUNK = 500
"""Iterations between two looks at the best plan, where iterations end the repair."""

LOOKS = 40
"""So often at most is the best plan of one search timed and judged."""

CAPPED_SEARCHES = 3
DEARER = 4
LEAST_PRICE: Points = 900
"""With a cap on changed visits so many searches follow each other; a change costs this much, and that many
times as much after a search that changed too many. The rest of the time is for few visits at a time."""


class Mending:
    """The betterment of a first answer until its time or its iterations are over.

    Args:
        day: The changed day.
        run: The repair, with its first answer.
        seed: Of the draws.
        limit_s: Wall-clock seconds, None for no limit.
        iterations: So many attempts, None for no limit.
        cancel: Whether to stop.
        tell: Told of each better plan.

    Attributes:
        routes: The best plan so far.
        points: What it costs, the disturbance included.
        best: The same plan as the search sees it: nobody is free before now.
        done: Attempts so far.
    """

    def __init__(
        self,
        day: ChangedDay,
        run: Repair,
        seed: int,
        limit_s: float | None,
        iterations: int | None,
        *,
        cancel: Callable[[], bool],
        tell: Callable[[], None],
    ) -> None:
        self.day = day
        self.run = run
        self.seed = seed
        self.limit_s = limit_s
        self.iterations = iterations
        self.cancel = cancel
        self.tell = tell
        self.done = 0
        self.best = run.routes
        self.routes, self.points = self._judged(run.routes)
        self.begun = time.perf_counter()

    def used(self) -> float:
        """Return the share of the time or the iterations that is used up."""
        shares = [0.0]
        if self.limit_s is not None:
            shares.append((time.perf_counter() - self.begun) / max(self.limit_s, 1e-6))
        if self.iterations is not None:
            shares.append(self.done / self.iterations if self.iterations else 1.0)
        return max(shares)

    def better(self) -> None:
        """Better the plan."""
        if self.used() >= 1.0 or self.cancel():
            return
        loading = time.perf_counter()
        if not make_ready(self.cancel):
            return
        self.begun += time.perf_counter() - loading
        weights = self.run.published.weights
        if weights.most_visits is None:
            self._search(weights.per_visit, 1.0)
            return
        price = max(LEAST_PRICE, weights.per_visit)
        for number in range(1, CAPPED_SEARCHES + 1):
            if self._search(price, number / (CAPPED_SEARCHES + 1)):
                price *= DEARER
        self.run.go_on_from(self.best)
        while self.used() < 1.0 and not self.cancel():
            self.done += 1
            if self.run.step():
                self._offer(self.run.routes)

    def _search(self, price: Points, until: float) -> bool:
        """Let the compiled search better the plan; tell whether it ends with too many changes."""
        first, begun = self.used(), self.done
        if first >= until or self.cancel():
            return False
        search = Replan(self.day, self.best, self.run.published, self.seed, price)
        total = 0 if self.iterations is None else max(1, round(until * self.iterations) - begun)
        step, look_after, looked = CHUNK if total else 20, begun, time.perf_counter()
        kept = True
        while self.used() < until and not self.cancel() and (not total or self.done < begun + total):
            if total:
                step = min(CHUNK, begun + total - self.done)
            ran = time.perf_counter()
            share = (self.used() - first) / (until - first)
            search.run(step, total=total, share=min(1.0, share))
            self.done += step
            now = time.perf_counter()
            if total:
                due = self.done >= look_after
            else:
                step = max(1, min(10 * step, int(step * STEP_S / max(now - ran, 1e-6))))
                due = now >= looked
            if due and search.has_news:
                kept = self._keep(search)
                look_after = self.done + total // LOOKS
                took = time.perf_counter() - now
                looked = now + 20 * took
        if search.has_news:
            kept = self._keep(search)
        self.seed += 1
        return not kept

    def _keep(self, search: Replan) -> bool:
        """Keep the best plan of a search if it is better; tell whether it keeps the cap on changes."""
        routes = search.routes()
        if routes is None or not self.run.keeps_budget(routes):
            return False
        self._offer(routes)
        return True

    def _offer(self, routes: tuple[Route, ...]) -> None:
        """Keep a plan if it is better than the best so far."""
        real, points = self._judged(routes)
        if points < self.points:
            self.routes, self.points = real, points
            self.best = routes
            self.tell()

    def _judged(self, routes: tuple[Route, ...]) -> tuple[tuple[Route, ...], Points]:
        """Return routes with the durations of the changed day, and what they cost."""
        real = _with_real_ends(self.day, routes)
        return real, cost_of(self.day.problem, real).total + self.run.published.points(real)


def _with_real_ends(day: ChangedDay, routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the routes with the durations of the changed day, all starts as they are."""
    services, drawn_out = day.problem.services, day.search_problem.services
    alone = replace(day.problem, links=(), orders=())
    real = []
    for route in routes:
        if all(services[s.service].duration == drawn_out[s.service].duration for s in route.stops):
            real.append(route)
            continue
        starts = {stop.service: TimeWindow(stop.start, stop.start) for stop in route.stops}
        timed = time_routes(alone, {route.vehicle: [stop.service for stop in route.stops]}, starts)
        if timed is None:
            raise LostTimetable("a repaired route has no timetable; please report this day")
        real += timed
    return tuple(real)
