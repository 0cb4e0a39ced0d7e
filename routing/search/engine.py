"""One search, advanced in steps from Python."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from routing.errors import InvalidPlan
from routing.plan import Route
from routing.problem import ALL_DAY, Problem, Service, TimeWindow, Travel, Vehicle
from routing.search.arrays import choices_of, data_of, state_of
from routing.search.compiling import stored
from routing.search.kernels import layout
from routing.search.kernels.anneal import advance
from routing.search.kernels.layout import Data
from routing.search.promises import Promise, promised_choices
from routing.settling import Duty
from routing.soft_times import binds
from routing.units import Points, Seconds

__all__ = ["Best", "Search", "Sketch", "compiled", "never", "planned", "warm_up"]

HOT_SHARE, COLD_SHARE = 6.0, 0.01
"""The temperature falls from and to these shares of a stop's mean cost. Of 0.3 to 24, a beginning at 6 to 12
cost least on days that leave visits out (100, 300 and 1000 visits) and on 1000 customers. On linked days full
of lateness (75 to 200 patients) 5 cost less than 2, 1 and 0.3 (few seeds)."""


@dataclass(frozen=True)
class Sketch:
    """A plan as the search knows it.

    Attributes:
        sequences: Vehicle to its services in order; vehicles without any are left out.
        choices: Service to the number of the interval of starts it uses.
        starts: Service with a link on times to its start.
        duties: Vehicle whose route another one binds to what this leaves it.
    """

    sequences: Mapping[int, Sequence[int]]
    choices: Mapping[int, int]
    starts: Mapping[int, Seconds]
    duties: Mapping[int, Duty] = field(default_factory=dict)


BUILD_VISITS = 50
"""Between two looks at the clock: a third of a second if each is tried in 100 full routes with breaks."""


def never() -> bool:
    """Answer that it is not over."""
    return False


Best: TypeAlias = tuple[dict[int, Sequence[int]], dict[int, TimeWindow], dict[int, Duty]]


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
        self._promises = {} if promises is None else promises
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
    def present_cost(self) -> Points:
        """Points of the plan as it is now."""
        return int(self._state.number[layout.S_COST])

    @property
    def assigned(self) -> int:
        """How many services the best plan places."""
        return int(self._state.flag[layout.BEST_COUNT].sum())

    def start(
        self,
        routes: Iterable[Route] = (),
        *,
        cooled: float = 0.0,
        is_over: Callable[[], bool] = never,
    ) -> None:
        """Build the first plan.

        Args:
            routes: Begin with these, but for the visits that the rules do not allow there.
            cooled: The share of the cooling that counts as done, so as not to lose a good plan at once.
            is_over: Asked every `BUILD_VISITS` visits; once it answers True, those not looked at yet are left
                out.

        Raises:
            InvalidPlan: A service or vehicle is not of this problem, or is there twice.
        """
        self.start_from(self._sketched(list(routes)), cooled=cooled, is_over=is_over)

    def start_from(
        self,
        sketch: Sketch,
        *,
        cooled: float = 0.0,
        done: int = 0,
        is_over: Callable[[], bool] = never,
    ) -> None:
        """Build the first plan from a sketch; `done` iterations count as done."""
        for vehicle, services in sketch.sequences.items():
            row = list(services)[: self._state.kept.shape[2]]
            self._state.kept[layout.K_BEST, vehicle, : len(row)] = row
            self._state.flag[layout.BEST_COUNT, vehicle] = len(row)
        for service, choice in sketch.choices.items():
            self._state.placed[service, layout.BEST_WINDOW] = choice
        self._state.placed[:, layout.BEST_START] = -layout.BIG
        for service, start in sketch.starts.items():
            self._state.placed[service, layout.BEST_START] = start
        self._cooled = cooled
        while self._state.number[layout.S_ITERATION] < 0:
            advance(self._data, self._state, -1 if is_over() else BUILD_VISITS, 1.0, 1.0, 0)
        self._state.number[layout.S_ITERATION] = done
        stops = max(1, self.assigned)
        travel = int(self._state.route[:, layout.COST].sum())
        self._leg = max(1.0, travel / stops)

    def _sketched(self, routes: list[Route]) -> Sketch:
        stops = [(stop.service, stop.start) for route in routes for stop in route.stops]
        vehicles, services = {route.vehicle for route in routes}, {service for service, _ in stops}
        if len(vehicles) < len(routes) or len(services) < len(stops):
            raise InvalidPlan("a plan to begin with names a vehicle or a service twice")
        if not vehicles <= set(range(len(self._data.vehicle))) or not services <= set(
            range(len(self._data.service))
        ):
            raise InvalidPlan("a plan to begin with has vehicles or services that are not of this problem")
        return Sketch(
            {route.vehicle: [stop.service for stop in route.stops] for route in routes},
            {service: self._choice(service, start) for service, start in stops},
            dict(stops),
        )

    def _choice(self, service: int, start: Seconds) -> int:
        """Return the number of the interval nearest to a start; of several the one that begins last."""
        windows = self._data.window[service, : self._data.service[service, layout.WINDOWS]]
        off = np.maximum(windows[:, layout.W_LOW] - start, start - windows[:, layout.W_HIGH])
        return int(np.lexsort((-windows[:, layout.W_LOW], np.maximum(off, 0)))[0])

    def sketch(self, *, best: bool = True) -> Sketch:
        """Return the best plan so far, or the present one."""
        counts = self._state.flag[layout.BEST_COUNT] if best else self._state.route[:, layout.COUNT]
        rows = self._state.kept[layout.K_BEST] if best else self._state.sequence
        choice, start = (layout.BEST_WINDOW, layout.BEST_START) if best else (layout.WINDOW, layout.EARLIEST)
        sequences = {
            int(vehicle): [int(s) for s in rows[vehicle, : counts[vehicle]]]
            for vehicle in np.flatnonzero(counts)
        }
        placed = [s for services in sequences.values() for s in services]
        linked = {*map(int, self._data.linked)} & set(placed)
        limited = self._data.vehicle[:, layout.V_DAY] < layout.BIG
        bounds = self._state.flag[[layout.BEST_LEFT, layout.BEST_HOME, layout.BEST_TOIL]].T.tolist()
        bound = [vehicle for vehicle in sequences if best and self._state.flag[layout.BEST_BOUND, vehicle]]
        return Sketch(
            sequences,
            {s: int(self._state.placed[s, choice]) for s in placed},
            {s: int(self._state.placed[s, start]) for s in linked},
            {v: Duty(bounds[v][0], bounds[v][1], bounds[v][2] if limited[v] else None) for v in bound},
        )

    def run(self, iterations: int, *, total: int = 0, share: float = 0.0) -> None:
        """Run some iterations.

        Args:
            iterations: How many.
            total: Of how many the whole search will have; the temperature follows the count.
            share: Without `total`: the share of the time that is used up; the temperature follows it.
        """
        hot, cold = HOT_SHARE * self._leg, COLD_SHARE * self._leg
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

    def best(self) -> Best:
        """Return the best plan: vehicle to services in order, and service to the window it uses.

        A vehicle whose route another one binds has a duty as well, what this leaves to it.

        The window of a service whose partner is planned too is the one second in which the search found room
        for both, so that the routes no longer depend on each other.
        """
        return planned(self._problem, self.sketch(), self._promises)

    def pool(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return the last routes met on the way, each a vehicle and its services, without repeats."""
        count, room = int(self._state.number[layout.S_POOLED]), len(self._state.pool)
        rows = np.roll(self._state.pool, -count, axis=0) if count > room else self._state.pool[:count]
        return list(dict.fromkeys((int(row[0]), tuple(map(int, row[2 : 2 + row[1]]))) for row in rows))


def planned(problem: Problem, sketch: Sketch, promises: Mapping[int, Promise] | None = None) -> Best:
    """Return a sketch as sequences, windows and duties; see `Search.best`."""
    promised = {} if promises is None else promises
    windows = {
        s: TimeWindow(
            *promised_choices(choices_of(problem, problem.services[s]), promised.get(s))[choice][:2]
        )
        for s, choice in sketch.choices.items()
    }
    for link in problem.links:
        if link.first in windows and link.second in windows and binds(problem, link):
            for service in (link.first, link.second):
                start = sketch.starts[service]
                windows[service] = TimeWindow(start, start)
    return dict(sketch.sequences), windows, dict(sketch.duties)


def compiled() -> bool:
    """Tell whether the machine code of the search is in memory or on disk."""
    return stored(advance)


def warm_up(on_progress: Callable[[str], None] | None = None) -> None:
    """Compile the search, or load it from disk, by planning one visit.

    Args:
        on_progress: Told before the compiler starts, if it must; it takes about thirty seconds.
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
