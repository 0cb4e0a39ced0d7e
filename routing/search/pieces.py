"""A large day in pieces: neighbouring routes are planned on without the rest, then everything is cut anew.

An iteration on a large day costs more than on a small one, and several searches of the whole day mostly find
the same. So the routes are cut into pieces of the map, each has a search of its own, on all cores, and after
some time the plan is put together and cut along other lines, which mends the seams. What is linked across a
seam keeps its start meanwhile.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from routing.excerpt import Part, excerpt
from routing.objective import compares_routes
from routing.plan import Route
from routing.problem import LARGEST_PENALTY, Nurses, Problem, Service
from routing.rota import Rota
from routing.search.engine import Best, Search, Sketch, never, planned
from routing.search.seams import Seams, cut
from routing.units import Points

__all__ = ["Pieces", "can_be_cut"]

ROUNDS = 24
CUT_SHARE = 0.1
"""Without a count of iterations a round lasts so long that cutting takes no more than this share of it."""


def _at_once() -> bool:
    """Answer that it is over: what a piece leaves out the search will try, not its first plan."""
    return True


def can_be_cut(problem: Problem) -> bool:
    """Tell whether routes may be planned apart: no cost, nurse or thing holds them together."""
    if compares_routes(problem) or Rota(problem).binds:
        return False
    nurses = {vehicle.nurse for vehicle in problem.vehicles}
    return len(nurses) == len(problem.vehicles) or all(link.nurses is Nurses.ANY for link in problem.links)


@dataclass(frozen=True)
class _Piece:
    """A part of the day with its search.

    Attributes:
        part: What it holds.
        search: The search on it.
        held: Services that keep their start, numbered as in the whole day.
    """

    part: Part
    search: Search
    held: frozenset[int]


class Pieces:
    """Searches on pieces of one problem, with the methods of `Team`.

    The plan depends on the number of pieces but not on the number of threads.

    Args:
        problem: The day; it `can_be_cut`.
        seed: Of all random choices.
        threads: How many pieces are planned at a time.
        pieces: How many there are.
    """

    def __init__(self, problem: Problem, seed: int, threads: int, pieces: int) -> None:
        self.members = pieces
        self._problem = problem
        self._seams = Seams(problem)
        self._seed = seed
        self._pool = ThreadPoolExecutor(threads)
        self._penalties = [service.penalty for service in problem.services]
        self._pieces: list[_Piece] = []
        self._still: list[Part] = []
        self._still_cost = self._now_cost = 0
        self._now = self._best = Sketch({}, {}, {})
        self._best_cost: Points = sum(self._penalties)
        self._left_out: Points = 0
        self._cooled = 0.0
        self._done = self._cuts = self._iterations = 0
        self._cut_s = self._cut_at_s = 0.0
        self._cut_share = 0.0

    def __enter__(self) -> Self:
        """Return the pieces themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads."""
        self._pool.shutdown()

    @property
    def iterations(self) -> int:
        """How many iterations all searches did together."""
        return self._iterations

    @property
    def best_cost(self) -> Points:
        """Points of the best plan so far."""
        return min(self._best_cost, self._cost())

    @property
    def assigned(self) -> int:
        """How many services the best plan places."""
        return len(self._best_sketch().choices)

    def start(
        self, routes: Sequence[Route] = (), *, cooled: float = 0.0, is_over: Callable[[], bool] = never
    ) -> None:
        """Build the first plan, of the whole day at once; see `Search.start`."""
        first = Search(self._problem, self._seed)
        first.start(routes, is_over=is_over)
        self._now = self._best = first.sketch()
        self._best_cost = self._now_cost = first.best_cost
        self._cooled = cooled

    def run(self, iterations: int, *, total: int = 0, share: float = 0.0) -> None:
        """Run some iterations of each search; see `Search.run`."""
        if not total:
            since_s = time.perf_counter() - self._cut_at_s
            due = share - self._cut_share >= 1 / ROUNDS and since_s >= self._cut_s / CUT_SHARE
            if due or not self._pieces:
                self._cut_anew(share)
            self._advance(iterations, 0, share)
            return
        end = self._done + iterations
        while self._done < end:  # cut at each mark, so that steps of any length give the same plan
            mark = (self._done * ROUNDS // total + 1) * total // ROUNDS
            if self._done * ROUNDS // total >= self._cuts or not self._pieces:
                self._cut_anew(self._done / total)
            until = min(end, max(mark, self._done + 1))
            self._advance(until - self._done, total, share)

    def _advance(self, iterations: int, total: int, share: float) -> None:
        """Run all searches, some at a time, and wait for them."""
        running = [
            self._pool.submit(piece.search.run, iterations, total=total, share=share)
            for piece in self._pieces
        ]
        for one in running:
            one.result()
        self._done += iterations
        self._iterations += iterations * len(self._pieces)

    def _cut_anew(self, share: float) -> None:
        """Put the plan together and cut it along other lines."""
        begun = time.perf_counter()
        if self._pieces:
            if self._cost() < self._best_cost:
                self._best_cost, self._best = self._cost(), self._together(best=True)
            self._now_cost = self._cost(best=False)
            self._now = self._together(best=False)
        pieces = self._cut_into(self.members, self._seed + self._cuts)
        # Breaks that take other gaps may leave a piece without a timetable for all it had: it stays as it is.
        self._pieces = [piece for piece in pieces if piece.search.assigned == self._had(piece.part)]
        self._still = [piece.part for piece in pieces if piece.search.assigned < self._had(piece.part)]
        placed = {service for piece in pieces for service in piece.part.services}
        self._left_out = sum(points for s, points in enumerate(self._penalties) if s not in placed)
        cost = sum(piece.search.present_cost for piece in self._pieces)
        self._still_cost = self._now_cost - self._left_out - cost
        self._cuts += 1
        self._cut_share = share
        self._cut_at_s = time.perf_counter()
        self._cut_s = self._cut_at_s - begun

    def _cut_into(self, count: int, seed: int) -> list[_Piece]:
        groups = cut(self._seams, self._now.sequences, count, seed)
        return list(self._pool.map(self._piece, range(len(groups)), groups))

    def _piece(self, number: int, group: tuple[tuple[int, ...], tuple[int, ...]]) -> _Piece:
        services, vehicles = group
        part = excerpt(self._problem, services, vehicles)
        inside = set(services)
        held = frozenset(s for s in services if self._seams.is_tied_outside(s, inside, self._now.choices))
        halves = {s for s in services if not inside.issuperset(self._seams.visit_of(s))}
        own = list(part.problem.services)
        for new, old in enumerate(services):
            if old in held or old in halves:
                own[new] = self._kept(own[new], old, held, halves)
        part = replace(part, problem=replace(part.problem, services=tuple(own)))
        search = Search(part.problem, self._seed + 7919 * (self._cuts * self.members + number + 1))
        new_service = {old: new for new, old in enumerate(services)}
        search.start_from(
            Sketch(
                {
                    new: [new_service[s] for s in self._now.sequences[old]]
                    for new, old in enumerate(vehicles)
                    if old in self._now.sequences
                },
                {
                    new: 0 if old in held else self._now.choices[old]
                    for new, old in enumerate(services)
                    if old in self._now.choices
                },
                {new: self._now.starts[old] for new, old in enumerate(services) if old in self._now.starts},
            ),
            cooled=self._cooled,
            done=self._done,
            is_over=_at_once,
        )
        return _Piece(part, search, held)

    def _kept(self, service: Service, number: int, held: frozenset[int], halves: set[int]) -> Service:
        """Return a service that others outside of the piece rely on."""
        if number in held:
            service = replace(service, pinned_start=self._now.starts[number])
        return replace(service, penalty=LARGEST_PENALTY) if number in halves else service

    def _had(self, part: Part) -> int:
        """Return how many services of a part are in the present plan."""
        return sum(len(self._now.sequences.get(vehicle, ())) for vehicle in part.vehicles)

    def _cost(self, *, best: bool = True) -> Points:
        """Return what the best plans of all pieces cost together, or the present ones."""
        if not self._pieces:
            return self._best_cost
        costs = (piece.search.best_cost if best else piece.search.present_cost for piece in self._pieces)
        return self._left_out + self._still_cost + sum(costs)

    def _together(self, *, best: bool) -> Sketch:
        """Return the plans of all pieces as one."""
        sequences: dict[int, Sequence[int]] = {}
        choices: dict[int, int] = {}
        starts: dict[int, int] = {}
        for part in self._still:
            rows = {v: self._now.sequences[v] for v in part.vehicles if v in self._now.sequences}
            sequences |= rows
            for service in (s for row in rows.values() for s in row):
                choices[service] = self._now.choices[service]
                if service in self._now.starts:
                    starts[service] = self._now.starts[service]
        for piece in self._pieces:
            sketch = piece.search.sketch(best=best)
            number = piece.part.services
            for vehicle, row in sketch.sequences.items():
                sequences[piece.part.vehicles[vehicle]] = [number[s] for s in row]
            choices |= {number[s]: choice for s, choice in sketch.choices.items()}
            starts |= {number[s]: start for s, start in sketch.starts.items()}
            for service in piece.held & choices.keys():
                choices[service] = self._now.choices[service]
                starts[service] = self._now.starts[service]
        return Sketch(sequences, choices, starts)

    def _best_sketch(self) -> Sketch:
        if self._pieces and self._cost() < self._best_cost:
            return self._together(best=True)
        return self._best

    def best(self) -> Best:
        """Return the best plan; see `Search.best`."""
        return planned(self._problem, self._best_sketch())

    def pool(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return nothing: recombining the routes of a large day takes longer than it gains."""
        return []
