"""One search, advanced in steps from Python."""

from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from routing.errors import InvalidPlan
from routing.plan import Route
from routing.problem import ALL_DAY, Problem, Service, TimeWindow, Travel, Vehicle
from routing.search.arrays import data_of, state_of
from routing.search.compiling import stored
from routing.search.kernels import layout
from routing.search.kernels.anneal import advance
from routing.search.kernels.layout import Data
from routing.search.promises import Promise
from routing.units import Points

__all__ = ["Search", "compiled", "warm_up"]

HOT_SHARE, HOT_SHARE_OF_LARGE = 0.3, 5.0
LARGE_SERVICES = 300
"""The temperature begins at this share of a stop's mean cost: days of up to `LARGE_SERVICES` start cool,
larger ones hot. Not settled: a few instances with one or two seeds favoured this, later trials neither."""

COLD_SHARE = 0.01


class Search:
    """Ruin and recreate on one problem.

    The plan is built by the first `step`; afterwards each step runs some iterations. The same seed and number
    of iterations give the same plan, however the iterations are cut into steps. `like` is another search on
    the same problem, whose arrays of what is asked can be shared. `promises` cost points where they are
    broken, by number of service; services that are `staying` are not taken out of the routes begun with.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int,
        *,
        like: "Search | None" = None,
        promises: Mapping[int, Promise] | None = None,
        staying: Collection[int] = (),
    ) -> None:
        self._problem = problem
        shared = None if like is None else like._data  # noqa: SLF001 - of this class
        self._data: Data = data_of(problem, promises, staying) if shared is None else shared
        self._state = state_of(self._data, seed)
        self._leg = 1.0
        self._cooled = 0.0

    @property
    def iterations(self) -> int:
        """How many iterations are done."""
        return max(0, int(self._state.number[layout.S_ITERATION]))

    @property
    def best_cost(self) -> Points:
        """Points of the best plan so far."""
        return int(self._state.number[layout.S_BEST])

    @property
    def assigned(self) -> int:
        """How many services the best plan places."""
        return int(self._state.flag[layout.BEST_COUNT].sum())

    def start(self, routes: Iterable[Route] = (), *, cooled: float = 0.0) -> None:
        """Build the first plan.

        Args:
            routes: Begin with these, but for the visits that the rules do not allow there.
            cooled: The share of the cooling that counts as done, so as not to lose a good plan at once.

        Raises:
            InvalidPlan: A service or vehicle is not of this problem, or is there twice.
        """
        self._write(list(routes))
        self._cooled = cooled
        advance(self._data, self._state, 0, 1.0, 1.0, 0)
        stops = max(1, self.assigned)
        travel = int(self._state.route[:, layout.COST].sum())
        self._leg = max(1.0, travel / stops)

    def _write(self, routes: list[Route]) -> None:
        """Write routes where the best plan is kept: that is what the first plan is built from."""
        stops = [(stop.service, stop.start) for route in routes for stop in route.stops]
        vehicles, services = {route.vehicle for route in routes}, {service for service, _ in stops}
        if len(vehicles) < len(routes) or len(services) < len(stops):
            raise InvalidPlan("a plan to begin with names a vehicle or a service twice")
        if not vehicles <= set(range(len(self._data.vehicle))) or not services <= set(
            range(len(self._data.service))
        ):
            raise InvalidPlan("a plan to begin with has vehicles or services that are not of this problem")
        kept = self._state.kept[layout.K_BEST]
        for route in routes:
            row = [stop.service for stop in route.stops][: kept.shape[1]]
            kept[route.vehicle, : len(row)] = row
            self._state.flag[layout.BEST_COUNT, route.vehicle] = len(row)
        for service, start in stops:
            windows = self._data.window[service, : self._data.service[service, layout.WINDOWS]]
            off = np.maximum(windows[:, layout.W_LOW] - start, start - windows[:, layout.W_HIGH])
            # of those that hold the start, the one that begins last waits least
            nearest = np.lexsort((-windows[:, layout.W_LOW], np.maximum(off, 0)))[0]
            self._state.placed[service, layout.BEST_WINDOW] = nearest

    def run(self, iterations: int, *, total: int = 0, share: float = 0.0) -> None:
        """Run some iterations.

        Args:
            iterations: How many.
            total: Of how many the whole search will have; the temperature follows the count.
            share: Without `total`: the share of the time that is used up; the temperature follows it.
        """
        large = len(self._problem.services) > LARGE_SERVICES
        hot, cold = (HOT_SHARE_OF_LARGE if large else HOT_SHARE) * self._leg, COLD_SHARE * self._leg
        hot *= (cold / hot) ** self._cooled
        if not total:
            hot *= (cold / hot) ** min(1.0, share)
        advance(self._data, self._state, iterations, hot, cold, total)

    def take_over(self, other: "Search") -> None:
        """Go on from where another search on the same problem is; only randomness and the pool stay."""
        pooled = int(self._state.number[layout.S_POOLED])
        iteration = int(self._state.number[layout.S_ITERATION])
        theirs = other._state._asdict()  # noqa: SLF001 - another of this class
        for name, mine in self._state._asdict().items():
            if name not in ("pool", "random"):
                np.copyto(mine, theirs[name])
        self._state.number[layout.S_POOLED] = pooled
        self._state.number[layout.S_ITERATION] = iteration

    def best(self) -> tuple[dict[int, list[int]], dict[int, TimeWindow]]:
        """Return the best plan: vehicle to services in order, and service to the window it uses.

        The window of a service whose partner is planned too is the one second in which the search found room
        for both, so that the routes no longer depend on each other.
        """
        counts = self._state.flag[layout.BEST_COUNT]
        sequences = {
            int(vehicle): [int(s) for s in self._state.kept[layout.K_BEST, vehicle, : counts[vehicle]]]
            for vehicle in np.flatnonzero(counts)
        }
        windows = {
            s: TimeWindow(*map(int, self._data.window[s, self._state.placed[s, layout.BEST_WINDOW], :2]))
            for services in sequences.values()
            for s in services
        }
        for link in self._problem.links:
            if link.first in windows and link.second in windows:
                for service in (link.first, link.second):
                    start = int(self._state.placed[service, layout.BEST_START])
                    windows[service] = TimeWindow(start, start)
        return sequences, windows

    def pool(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return the last routes met on the way, each a vehicle and its services, without repeats."""
        count, room = int(self._state.number[layout.S_POOLED]), len(self._state.pool)
        rows = np.roll(self._state.pool, -count, axis=0) if count > room else self._state.pool[:count]
        return list(dict.fromkeys((int(row[0]), tuple(map(int, row[2 : 2 + row[1]]))) for row in rows))


def compiled() -> bool:
    """Tell whether the machine code of the search is in memory or on disk."""
    return stored(advance)


def warm_up(on_progress: Callable[[str], None] | None = None) -> None:
    """Compile the search, or load it from disk, by planning one visit.

    Args:
        on_progress: Told before the compiler starts, if it must; it takes about twenty seconds.
    """
    if on_progress is not None and not compiled():
        on_progress("compiling the search once")
    travel = Travel(np.zeros((1, 1), dtype=np.int32), np.zeros((1, 1), dtype=np.int32))
    search = Search(
        Problem(
            (Service("warm-up", 0, 60),),
            (Vehicle("warm-up", 0, 0, TimeWindow(0, ALL_DAY.latest)),),
            (travel,),
        ),
        0,
    )
    search.start()
    search.run(1)
