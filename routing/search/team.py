"""Several searches on one problem, each in its own thread.

They start from different seeds. From time to time the one with the worse plan takes over the plan of the best
and goes on from there with its own random choices. Kernels hold no lock of Python, so each has a core.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from types import TracebackType
from typing import Self

from routing.plan import Route
from routing.problem import Problem
from routing.search.engine import Best, Search, never
from routing.units import Points

__all__ = ["Team"]

SHARES_AT = (0.3, 0.45, 0.6, 0.7, 0.8, 0.87, 0.93, 0.97)
"""At these shares of the time the best plan is passed on; before, the searches look for different ones."""


class Team:
    """The searches of one problem; with one member it is that search and starts no thread.

    Args:
        problem: The day.
        seed: Of the first search; the others derive theirs from it.
        threads: How many searches.
    """

    def __init__(self, problem: Problem, seed: int, threads: int = 1) -> None:
        first = Search(problem, seed)
        more = [Search(problem, seed + 7919 * number, like=first) for number in range(1, threads)]
        self._searches = [first, *more]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._passed_on = 0
        self.members = threads

    def __enter__(self) -> Self:
        """Return the team itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    @property
    def _leader(self) -> Search:
        return min(self._searches, key=lambda search: search.best_cost)

    @property
    def iterations(self) -> int:
        """How many iterations all searches did together."""
        return sum(search.iterations for search in self._searches)

    @property
    def best_cost(self) -> Points:
        """Points of the best plan so far."""
        return self._leader.best_cost

    @property
    def assigned(self) -> int:
        """How many services the best plan places."""
        return self._leader.assigned

    def start(
        self, routes: Sequence[Route] = (), *, cooled: float = 0.0, is_over: Callable[[], bool] = never
    ) -> None:
        """Build the first plans; see `Search.start`."""
        start = partial(Search.start, routes=routes, cooled=cooled, is_over=is_over)
        for _ in map(start, self._searches) if self._pool is None else self._pool.map(start, self._searches):
            pass

    def run(self, iterations: int, *, total: int = 0, share: float = 0.0) -> None:
        """Run some iterations of each search; see `Search.run`."""
        if self._pool is None:
            self._searches[0].run(iterations, total=total, share=share)
            return
        if not total:
            self._advance(iterations, 0, share)
            self._pass_on(sum(share >= mark for mark in SHARES_AT))
            return
        marks = [int(mark * total) for mark in SHARES_AT]
        done = self._searches[0].iterations
        end = done + iterations
        while done < end:  # stop at each mark, so that steps of any length give the same plan
            until = min([end, *(mark for mark in marks if mark > done)])
            self._advance(until - done, total, share)
            done = until
            self._pass_on(sum(done >= mark for mark in marks))

    def _advance(self, iterations: int, total: int, share: float) -> None:
        """Run all searches at once and wait for them."""
        if self._pool is not None:
            running = [
                self._pool.submit(each.run, iterations, total=total, share=share) for each in self._searches
            ]
            for one in running:
                one.result()

    def _pass_on(self, due: int) -> None:
        """Give the best plan to the others, if that has not yet been done so often."""
        if due <= self._passed_on:
            return
        self._passed_on = due
        leader = self._leader
        for search in self._searches:
            if search.best_cost > leader.best_cost:
                search.take_over(leader)

    def best(self) -> Best:
        """Return the best plan; see `Search.best`."""
        return self._leader.best()

    def pool(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return the routes all searches met on the way, taking turns, without repeats."""
        turns = zip_longest(*(search.pool() for search in self._searches))
        return list(dict.fromkeys(route for turn in turns for route in turn if route is not None))
