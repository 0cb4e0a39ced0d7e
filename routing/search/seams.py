"""Where to cut a large day: routes by their place on the map, and what goes with them."""

import random
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from routing.problem import Problem
from routing.soft_times import binds
from routing.units import LATEST

__all__ = ["Seams", "cut"]

Group = tuple[tuple[int, ...], tuple[int, ...]]


class Seams:
    """What cutting needs to know of a problem again and again."""

    def __init__(self, problem: Problem) -> None:
        self.seconds = problem.travel[0].seconds
        self.location = np.array([service.location for service in problem.services], dtype=np.int64)
        self.start = np.array([vehicle.start for vehicle in problem.vehicles], dtype=np.int64)
        self.visits = list(problem.visits().values())
        self._members = {s: members for members in self.visits for s in members}
        self.tied: dict[int, set[int]] = {}
        links = [(link.first, link.second) for link in problem.links if binds(problem, link)]
        for first, second in (*links, *problem.orders):
            self.tied.setdefault(first, set()).add(second)
            self.tied.setdefault(second, set()).add(first)

    def visit_of(self, service: int) -> Sequence[int]:
        """Return the services of a service's visit."""
        return self._members[service]

    def is_tied_outside(self, service: int, inside: Collection[int], placed: Collection[int]) -> bool:
        """Tell whether a placed service is linked to another one that is placed elsewhere."""
        return service in placed and any(
            other in placed and other not in inside for other in self.tied.get(service, ())
        )

    def away(self, origins: NDArray[np.int64], destinations: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the seconds there and back, shape (origins, destinations)."""
        there = self.seconds[np.ix_(origins, destinations)].astype(np.int64)
        back = self.seconds[np.ix_(destinations, origins)].astype(np.int64).T
        both: NDArray[np.int64] = np.minimum(there + back, LATEST)
        return both

    def middle(self, services: Sequence[int]) -> int:
        """Return the place of the stop that is nearest to all others of its route."""
        places = self.location[list(services)]
        return int(places[np.argmin(self.away(places, places).sum(axis=1))])


def cut(seams: Seams, sequences: Mapping[int, Sequence[int]], count: int, seed: int) -> list[Group]:
    """Cut a plan into about `count` pieces of the map with as many stops each.

    Absent visits go with the nearest route, or with what they are linked to; those that are linked to two
    pieces are in none. Idle vehicles go where they are nearest, equal ones in turn. Another seed draws other
    lines.

    Returns:
        Services and vehicles of each piece, rising.
    """
    used = sorted(vehicle for vehicle, row in sequences.items() if row)
    count = max(1, min(count, len(used)))
    middle = np.array([seams.middle(sequences[vehicle]) for vehicle in used], dtype=np.int64)
    weight = np.array([len(sequences[vehicle]) for vehicle in used], dtype=np.int64)
    piece = np.zeros(len(used), dtype=np.int64)
    draw = random.Random(seed)  # noqa: S311 - draws lines on a map, keeps no secret
    _bisect(seams, middle, weight, np.arange(len(used)), count, piece, 0, draw)
    services: list[list[int]] = [[] for _ in range(count)]
    vehicles: list[list[int]] = [[] for _ in range(count)]
    home: dict[int, int] = {}
    for number, vehicle in enumerate(used):
        vehicles[piece[number]].append(vehicle)
        services[piece[number]] += sequences[vehicle]
        home |= dict.fromkeys(sequences[vehicle], int(piece[number]))
    for members, near in _absent(seams, home, middle, piece):
        bound = {home[other] for s in members for other in seams.tied.get(s, ()) if other in home}
        if len(bound) > 1:
            continue
        there = bound.pop() if bound else near
        services[there] += members
        home |= dict.fromkeys(members, there)
    _spare(seams, [v for v in range(len(seams.start)) if v not in sequences], middle, piece, vehicles)
    return [(tuple(sorted(s)), tuple(sorted(v))) for s, v in zip(services, vehicles, strict=True)]


def _bisect(
    seams: Seams,
    middle: NDArray[np.int64],
    weight: NDArray[np.int64],
    routes: NDArray[np.int64],
    count: int,
    piece: NDArray[np.int64],
    first: int,
    draw: random.Random,
) -> None:
    """Number the pieces of some routes from `first`: halves between two far poles, drawn anew each time."""
    if count == 1:
        piece[routes] = first
        return
    origin = routes[draw.randrange(len(routes))]
    away = seams.away(middle[[origin]], middle[routes])[0]
    pole = routes[int(np.argmax(away))]
    between = seams.away(middle[[origin, pole]], middle[routes])
    order = np.argsort(between[0] - between[1], kind="stable")
    left = count // 2
    filled = np.cumsum(weight[routes[order]])
    split = int(np.searchsorted(filled, filled[-1] * left / count)) + 1
    split = max(left, min(split, len(routes) - (count - left)))
    _bisect(seams, middle, weight, routes[order[:split]], left, piece, first, draw)
    _bisect(seams, middle, weight, routes[order[split:]], count - left, piece, first + left, draw)


def _absent(
    seams: Seams, home: Mapping[int, int], middle: NDArray[np.int64], piece: NDArray[np.int64]
) -> list[tuple[Sequence[int], int]]:
    """Return each absent visit with the piece of the route nearest to it."""
    absent = [members for members in seams.visits if members[0] not in home]
    if not len(middle):
        return [(members, 0) for members in absent]
    places = seams.location[[members[0] for members in absent]]
    near = piece[np.argmin(seams.away(places, middle), axis=1)] if absent else piece[:0]
    return list(zip(absent, map(int, near), strict=True))


def _spare(
    seams: Seams,
    idle: Sequence[int],
    middle: NDArray[np.int64],
    piece: NDArray[np.int64],
    vehicles: list[list[int]],
) -> None:
    """Give each idle vehicle to the nearest piece, to the one with the fewest of them where that is equal."""
    if not len(middle):
        vehicles[0] += idle
        return
    spares = np.zeros(len(vehicles), dtype=np.int64)
    away = seams.away(seams.start[list(idle)], middle)
    for number, vehicle in enumerate(idle):
        nearest = np.full(len(vehicles), LATEST, dtype=np.int64)
        np.minimum.at(nearest, piece, away[number])
        there = int(np.lexsort((spares, nearest))[0])
        vehicles[there].append(vehicle)
        spares[there] += 1
