"""The through roads of the synthetic network: which stops are joined, and by what class of road."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import heappop, heappush
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from careapp.demo.facts import Facts, Point, Settlement

BETA = 1.9
"""Between 1 (Gabriel graph) and 2 (relative neighbourhood graph). The larger, the fewer small roads and the
longer the detours nearby; chosen so that ways are as long as `routing.travel.estimate.road_kilometres`."""

METRES_PER_DEGREE = 111_200.0

_SAME_STOP_M = 70.0
_NEIGHBOURS = 28
_TOWN = 20_000
_TOWNS_NEXT, _CENTRES_NEXT = 4, 4
_KEEPS_TO = {"primary": 0.55, "secondary": 0.7, "tertiary": 1.0}


class RoadClass(StrEnum):
    """A value of OpenStreetMap's key `highway`."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    RESIDENTIAL = "residential"
    SERVICE = "service"


@dataclass(frozen=True)
class Plane:
    """A flat map around a point, in metres east (real) and north (imaginary); good for a region."""

    origin: Point

    def to_metres(self, point: Point) -> complex:
        """Return where a point lies on the flat map."""
        east = (point.longitude - self.origin.longitude) * cos(radians(self.origin.latitude))
        return METRES_PER_DEGREE * complex(east, point.latitude - self.origin.latitude)

    def to_degrees(self, position: complex) -> tuple[float, float]:
        """Return latitude and longitude, rounded to 1e-6 degrees (a decimetre)."""
        latitude = self.origin.latitude + position.imag / METRES_PER_DEGREE
        east = position.real / METRES_PER_DEGREE / cos(radians(self.origin.latitude))
        return round(latitude, 6), round(self.origin.longitude + east, 6)


@dataclass(frozen=True)
class Junction:
    """A place where roads meet: one or more public-transport stops.

    Attributes:
        position: On the plane.
        settlement: The one it belongs to.
    """

    position: complex
    settlement: Settlement


@dataclass(frozen=True)
class Link:
    """A road between two junctions.

    Attributes:
        origin: Number of a junction.
        destination: Number of another one.
        road: Its class.
    """

    origin: int
    destination: int
    road: RoadClass


def plane_of(facts: Facts) -> Plane:
    """Return a flat map around the middle of the stops."""
    count = len(facts.stops)
    return Plane(
        Point(
            round(sum(stop.point.latitude for stop in facts.stops) / count, 3),
            round(sum(stop.point.longitude for stop in facts.stops) / count, 3),
        )
    )


def find_junctions(facts: Facts, plane: Plane) -> list[Junction]:
    """Return the stops' places; stops that lie within 70 m of an earlier one share its junction."""
    cells: dict[tuple[int, int], list[complex]] = {}
    junctions = []
    for stop in facts.stops:
        position = plane.to_metres(stop.point)
        column, row = int(position.real // _SAME_STOP_M), int(position.imag // _SAME_STOP_M)
        near = (
            other
            for east in (-1, 0, 1)
            for north in (-1, 0, 1)
            for other in cells.get((column + east, row + north), ())
        )
        if all(abs(other - position) > _SAME_STOP_M for other in near):
            cells.setdefault((column, row), []).append(position)
            junctions.append(Junction(position, stop.settlement))
    return junctions


def join(facts: Facts, junctions: Sequence[Junction], plane: Plane) -> list[Link]:
    """Return the roads between junctions: all junctions can be reached from each other.

    A lune-based beta skeleton (D. G. Kirkpatrick and J. D. Radke 1985, in: Computational Geometry, p. 217):
    two junctions are joined if no third one lies in the lune between them. Of the denser Gabriel graph, the
    quickest ways between towns become primary roads, those between the centres of others secondary.
    """
    positions = np.array([junction.position for junction in junctions])
    pairs, small = _skeletons(positions)
    ways = _Ways(positions, sorted(pairs))
    centres = [
        (town.population, int(np.argmin(np.abs(positions - plane.to_metres(town.centre)))))
        for town in sorted(facts.municipalities, key=lambda town: (-town.population, town.ags))
    ]
    towns = [junction for population, junction in centres if population > _TOWN]
    ways.promote(towns, _TOWNS_NEXT, RoadClass.PRIMARY)
    ways.promote([junction for _, junction in centres], _CENTRES_NEXT, RoadClass.SECONDARY)
    return [
        link
        for link in ways.links
        if link.road is not RoadClass.TERTIARY or (link.origin, link.destination) in small
    ]


def _skeletons(positions: NDArray[np.complex128]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Return the pairs of the Gabriel graph and those of the sparser one, both connected."""
    count = len(positions)
    nearest = min(_NEIGHBOURS, count - 1)
    dense: set[tuple[int, int]] = set()
    sparse: set[tuple[int, int]] = set()
    for origin, here in enumerate(positions):
        away = np.abs(positions - here)
        near = np.argpartition(away, nearest)[: nearest + 1]
        near = near[np.lexsort((near, away[near]))]
        there = positions[near[near != origin]]
        for beta, pairs in ((1.0, dense), (BETA, sparse)):
            joined = near[near != origin][~_is_blocked(here, there, beta)]
            pairs |= {(min(origin, int(other)), max(origin, int(other))) for other in joined}
    sparse |= set(_missing(positions, sorted(sparse)))
    return dense | sparse, sparse


def _is_blocked(here: complex, there: NDArray[np.complex128], beta: float) -> NDArray[np.bool_]:
    """Return for each neighbour whether another one lies in the lune between it and `here`."""
    first = here + beta / 2 * (there - here)
    second = there + beta / 2 * (here - there)
    radius = (beta / 2 * np.abs(there - here))[:, None] * (1 - 1e-9)
    inside = (np.abs(there - first[:, None]) < radius) & (np.abs(there - second[:, None]) < radius)
    np.fill_diagonal(inside, val=False)
    return np.asarray(inside.any(axis=1))


def _missing(positions: NDArray[np.complex128], pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the shortest roads that join what is apart, one part after the other."""
    part = np.arange(len(positions))
    for origin, destination in pairs:
        part[part == part[destination]] = part[origin]
    added = []
    while (lonely := np.flatnonzero(part != part[0])).size:
        joined = np.flatnonzero(part == part[0])
        away = np.abs(positions[lonely][:, None] - positions[joined])
        row, column = np.unravel_index(np.argmin(away), away.shape)
        origin, destination = int(lonely[row]), int(joined[column])
        added.append((min(origin, destination), max(origin, destination)))
        part[part == part[origin]] = part[0]
    return added


class _Ways:
    """Roads whose classes rise where the quickest ways run."""

    def __init__(self, positions: NDArray[np.complex128], pairs: Sequence[tuple[int, int]]) -> None:
        self.links = [Link(origin, destination, RoadClass.TERTIARY) for origin, destination in pairs]
        self._metres = [abs(complex(positions[b] - positions[a])) for a, b in pairs]
        self._at: list[list[tuple[int, int]]] = [[] for _ in positions]
        for number, (origin, destination) in enumerate(pairs):
            self._at[origin].append((destination, number))
            self._at[destination].append((origin, number))

    def promote(self, ends: Sequence[int], nearest: int, road: RoadClass) -> None:
        """Raise the quickest ways from each end to its nearest others, where they are of a lower class."""
        ranks = list(RoadClass)
        for origin in ends:
            for number in self._nearest(origin, frozenset(ends), nearest):
                link = self.links[number]
                if ranks.index(road) < ranks.index(link.road):
                    self.links[number] = replace(link, road=road)

    def _nearest(self, origin: int, ends: frozenset[int], count: int) -> set[int]:
        """Return the links of the ways from `origin` to so many others (Dijkstra 1959)."""
        reached: dict[int, tuple[int, int]] = {}
        queue = [(0.0, origin, origin, -1)]
        found: set[int] = set()
        while queue and count:
            cost, here, before, number = heappop(queue)
            if here in reached:
                continue
            reached[here] = (before, number)
            if here in ends and here != origin:
                count -= 1
                while here != origin:
                    here, number = reached[here]
                    found.add(number)
                continue
            for there, way in self._at[here]:
                if there not in reached:
                    keeps = _KEEPS_TO[self.links[way].road]
                    heappush(queue, (cost + keeps * self._metres[way], there, here, way))
        return found
