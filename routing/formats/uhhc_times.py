"""The times and lunch breaks that cost least for given routes, by CP-SAT."""

from collections.abc import Sequence

from ortools.sat.python import cp_model

from routing.formats.answers import route_of
from routing.formats.uhhc_cost import Published
from routing.plan import Break, Route
from routing.problem import Problem, TimeWindow
from routing.units import MINUTE, Seconds

__all__ = ["best_times"]

WORK = 10.0
"""Units of CP-SAT's own clock, about seconds, where nothing limits the time."""


def best_times(
    problem: Problem, published: Published, routes: Sequence[Route], limit_s: float | None, *, seed: int
) -> tuple[Route, ...] | None:
    """Return the same routes with the best times and lunch breaks found, or None if none were found.

    Exact if CP-SAT ends before the limit. It runs one worker, without a limit on its own clock, so that the
    same seed gives the same times.
    """
    if not routes or (limit_s is not None and limit_s <= 0):
        return None
    day = _Day(problem, published, routes)
    solver = cp_model.CpSolver()
    if limit_s is None:
        solver.parameters.max_deterministic_time = WORK
    else:
        solver.parameters.max_time_in_seconds = limit_s
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    status = solver.solve(day.model)
    return day.routes(solver) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None


class _Day:
    """The model, in minutes; the objective is the published one, constants left out."""

    def __init__(self, problem: Problem, published: Published, routes: Sequence[Route]) -> None:
        self.problem = problem
        self.published = published
        self.given = routes
        self.model = cp_model.CpModel()
        ends = [nurse.back_by for nurse in problem.vehicles]
        ends += [window.latest for windows in published.windows for window in windows]
        busy = max(sum(s.travel + s.end - s.start for s in route.stops) for route in routes)
        latest = max(route.returns for route in routes)
        if published.lunch is not None:
            latest = max(latest, published.lunch[0].latest + published.lunch[1])
        self.horizon = min(latest + busy, max(ends)) // MINUTE + 1
        self.starts: dict[int, cp_model.IntVar] = {}
        self.lunches: dict[int, tuple[cp_model.IntVar, list[cp_model.IntVar]]] = {}
        self.cost: list[cp_model.LinearExprT] = []
        self.idle: list[cp_model.LinearExprT] = []
        self.late: list[cp_model.IntVar] = []
        for route in routes:
            self._services(route)
        for route in routes:
            self._route(route)
        self._links()
        self._largest()
        self.model.minimize(sum(self.cost))

    def routes(self, solver: cp_model.CpSolver) -> tuple[Route, ...]:
        """Read the routes of a solution."""
        made = []
        for route in self.given:
            stops = []
            for service in (stop.service for stop in route.stops):
                begun = MINUTE * solver.value(self.starts[service])
                stops.append((service, begun, begun + self.problem.services[service].duration))
            breaks: tuple[Break, ...] = ()
            if route.vehicle in self.lunches and self.published.lunch is not None:
                start, gaps = self.lunches[route.vehicle]
                begins, hours = MINUTE * solver.value(start), self.published.lunch
                breaks = tuple(
                    self._lunch_in(gap, begins, hours, stops, route)
                    for gap, chosen in enumerate(gaps)
                    if solver.value(chosen)
                )
            leaves = breaks[0].start if breaks and breaks[0].after == 0 else None
            if self.published.leaves_at_shift_start:
                leaves = self.problem.vehicles[route.vehicle].shift.earliest
            made.append(route_of(self.problem, route.vehicle, stops, breaks, leaves))
        return tuple(made)

    def _lunch_in(
        self,
        gap: int,
        start: Seconds,
        hours: tuple[TimeWindow, Seconds],
        stops: Sequence[tuple[int, Seconds, Seconds]],
        route: Route,
    ) -> Break:
        """Return the lunch in a gap, before the way there or after it, but not on it."""
        window, length = hours
        if 0 < gap < len(stops):
            free, way, until = stops[gap - 1][2], route.stops[gap].travel, stops[gap][1]
            start = max(free, window.earliest)
            if start + length + way > until:
                start = max(start, free + way)
        return Break(start, start + length, gap)

    def _weight(self, name: str) -> int:
        return self.published.weights.get(name) or 0

    def _services(self, route: Route) -> None:
        for stop in route.stops:
            windows = [_minutes(window) for window in self.published.windows[stop.service]]
            start = self.model.new_int_var(windows[0][0], self.horizon, f"start {stop.service}")
            self.starts[stop.service] = start
            self.model.add_hint(start, stop.start // MINUTE)
            late = self.model.new_int_var(0, self.horizon, f"late {stop.service}")
            chosen = [self.model.new_bool_var(f"window {stop.service} {n}") for n in range(len(windows))]
            self.model.add_exactly_one(chosen)
            nexts = [low for low, _ in windows[1:]] + [self.horizon + 1]
            for flag, (low, high), following in zip(chosen, windows, nexts, strict=True):
                self.model.add(start >= low).only_enforce_if(flag)
                self.model.add(start < following).only_enforce_if(flag)
                self.model.add(late >= start - high).only_enforce_if(flag)
            if self.published.is_hard("total_tardiness"):
                self.model.add(late == 0)
            self.late.append(late)
            self.cost.append(self._weight("total_tardiness") * late)

    def _route(self, route: Route) -> None:
        nurse = self.problem.vehicles[route.vehicle]
        begins, ends = nurse.shift.earliest // MINUTE, nurse.shift.latest // MINUTE
        starts = [self.starts[stop.service] for stop in route.stops]
        lengths = [self.problem.services[stop.service].duration // MINUTE for stop in route.stops]
        legs = [stop.travel // MINUTE for stop in route.stops] + [route.travel_home // MINUTE]
        gaps, lunch, rest = self._lunch(route)
        leaves = self.model.new_int_var(begins, self.horizon, f"leaves {route.vehicle}")
        returns = self.model.new_int_var(begins, self.horizon + max(legs) + rest, f"returns {route.vehicle}")
        frees = [leaves, *(start + length for start, length in zip(starts, lengths, strict=True))]
        for gap, (free, leg, reached) in enumerate(zip(frees, legs, [*starts, returns], strict=True)):
            if not gaps:
                self.model.add(reached >= free + leg)
                continue
            self.model.add(reached >= free + leg + rest * gaps[gap])
            self.model.add(lunch >= free).only_enforce_if(gaps[gap])
            self.model.add(reached >= lunch + rest).only_enforce_if(gaps[gap])
        home = frees[-1] + legs[-1]
        if gaps:
            self.model.add(returns == home).only_enforce_if(~gaps[-1])
            self.model.add(returns == lunch + rest + legs[-1]).only_enforce_if(gaps[-1])
        else:
            self.model.add(returns == home)
        work = sum(legs) + sum(lengths)
        rested = rest * sum(gaps) if gaps else 0
        if self.published.leaves_at_shift_start:
            self.model.add(leaves == begins)
        elif gaps:
            self.model.add(leaves == starts[0] - legs[0]).only_enforce_if(~gaps[0])
            self.model.add(leaves == lunch).only_enforce_if(gaps[0])
        else:
            self.model.add(leaves == starts[0] - legs[0])
        waiting = returns - leaves - work - rested
        extra, early = (
            self.model.new_int_var(0, self.horizon + work + rest, f"{name} {route.vehicle}")
            for name in ("extra", "early")
        )
        self.model.add(extra >= returns - ends)
        self.model.add(early >= ends - returns)
        if self.published.is_hard("total_extra_time"):
            self.model.add(returns <= ends)
        self.idle.append(leaves - begins + waiting + early)
        self.cost += [self._weight("total_waiting_time") * waiting, self._weight("total_extra_time") * extra]

    def _lunch(self, route: Route) -> tuple[list[cp_model.IntVar], cp_model.LinearExprT, int]:
        """Return for each gap whether lunch lies in it, when it starts, and how long it is."""
        if self.published.lunch is None or not self.published.due_lunch[route.vehicle]:
            return [], 0, 0
        window, length = self.published.lunch
        start = self.model.new_int_var(*_minutes(window), f"lunch {route.vehicle}")
        gaps = [
            self.model.new_bool_var(f"lunch {route.vehicle} {gap}") for gap in range(len(route.stops) + 1)
        ]
        self.model.add_at_most_one(gaps)
        if self.published.is_hard("missed_lunch_break"):
            self.model.add_exactly_one(gaps)
        self.cost.append(-self._weight("missed_lunch_break") * sum(gaps))
        self.lunches[route.vehicle] = start, gaps
        taken = {pause.after: pause.start for pause in route.breaks}
        for gap, chosen in enumerate(gaps):
            self.model.add_hint(chosen, gap in taken)
        for begun in taken.values():
            self.model.add_hint(start, begun // MINUTE)
        return gaps, start, length // MINUTE

    def _links(self) -> None:
        for link in self.problem.links:
            if link.first in self.starts and link.second in self.starts:
                gap = self.starts[link.second] - self.starts[link.first]
                self.model.add(gap >= link.min_gap // MINUTE)
                if link.max_gap is not None:
                    self.model.add(gap <= link.max_gap // MINUTE)

    def _largest(self) -> None:
        """Weigh the largest lateness and the longest idle time."""
        late: list[cp_model.LinearExprT] = [*self.late]
        for name, values in (("highest_tardiness", late), ("max_idle_time", self.idle)):
            if self._weight(name) or self.published.is_hard(name):
                most = self.model.new_int_var(0, 2 * self.horizon, name)
                for value in values:
                    self.model.add(most >= value)
                if self.published.is_hard(name):
                    self.model.add(most == 0)
                self.cost.append(self._weight(name) * most)


def _minutes(window: TimeWindow) -> tuple[int, int]:
    return window.earliest // MINUTE, window.latest // MINUTE
