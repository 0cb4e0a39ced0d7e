"""Repair by the compiled search: the whole rest of the day at once, what it disturbs priced in."""

from dataclasses import replace

from routing.clock import time_routes
from routing.plan import Route
from routing.problem import Problem, TimeWindow
from routing.repair.day import ChangedDay
from routing.repair.disturbance import Published
from routing.search import Promise, Search
from routing.units import Points

__all__ = ["Replan"]

COOLED = 0.5
"""The share of the cooling that counts as done: the plan to begin with is good but for some places."""


class Replan:
    """The compiled search on a changed day.

    It counts a promise for each service, where `Published` counts one for each visit: judge its plans anew.

    Args:
        day: The changed day.
        routes: The plan so far.
        published: The promises.
        seed: Of the draws.
        price: Points of a changed visit.
    """

    def __init__(
        self, day: ChangedDay, routes: tuple[Route, ...], published: Published, seed: int, price: Points
    ) -> None:
        self._day = day
        weights = published.weights
        promises = {
            service: Promise(vehicle, start, weights.tolerance, price, weights.per_minute)
            for service, (vehicle, start) in published.starts.items()
            if price or weights.per_minute
        }
        self._search = Search(day.search_problem, seed, promises=promises, staying=day.begun)
        self._search.start(routes, cooled=COOLED)
        self._timing = _wished(day.search_problem, published)
        self._looked_at: Points | None = None

    def run(self, iterations: int, *, total: int = 0, share: float = 0.0) -> None:
        """Run some iterations; see `Search.run`."""
        self._search.run(iterations, total=total, share=share)

    @property
    def has_news(self) -> bool:
        """Whether the best plan is another than when `routes` was last asked."""
        return self._search.best_cost != self._looked_at

    def routes(self) -> tuple[Route, ...] | None:
        """Return the best plan so far, or None if something that has begun has no place in it."""
        self._looked_at = self._search.best_cost
        sequences, windows, shifts = self._search.best()
        at = {service: vehicle for vehicle, row in sequences.items() for service in row}
        if any(at.get(service) != vehicle for service, (vehicle, _) in self._day.begun.items()):
            return None
        return time_routes(self._timing, sequences, windows, shifts)


def _wished(problem: Problem, published: Published) -> Problem:
    """Return the day with promised starts as wishes, where there are no others.

    So the breaks that are written down are those the search chose, where minutes off a promise cost.
    """
    rate = published.weights.per_minute
    if not rate or problem.weights.off_wish:
        return problem
    starts = published.starts
    services = tuple(
        replace(service, wish=TimeWindow(starts[n][1], starts[n][1]) if n in starts else None)
        for n, service in enumerate(problem.services)
    )
    return replace(problem, services=services, weights=replace(problem.weights, off_wish=rate))
