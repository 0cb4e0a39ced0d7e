"""What the synthetic network looks like close by: bends, side streets, houses and their names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import pi
from random import Random

from careapp.demo.facts import Settlement
from careapp.demo.names import street_names
from careapp.roads.skeleton import Junction, Link, RoadClass

SOURCE = "synthetic"
"""Value of `source` on every way, house and place."""

BEND = {RoadClass.PRIMARY: 0.06, RoadClass.SECONDARY: 0.1, RoadClass.TERTIARY: 0.2}
"""Standard deviation of a bend outside of villages, as a part of the stretch that it divides."""

BEND_INSIDE = 0.27
"""The same between houses, where it also stands for blocks that a way leads around."""

_CELL_M = 24.0
_BLOCK_M = 34.0
_REACH_M = 480.0
_ROOTS_M = 260.0
_STREET_BLOCKS = (3, 13)
_HOUSE_OFF_M = 13.0
_SERVICE, _LETTER = 0.12, 0.05
_VILLAGE_M = 900.0
_STEMS = (
    *("Ahorn", "Amsel", "Anger", "Bach", "Berg", "Birken", "Brunnen", "Buchen", "Dachs", "Distel", "Drossel"),
    *("Eichen", "Elster", "Erlen", "Eschen", "Falken", "Farn", "Feld", "Fichten", "Finken", "Flieder"),
    *("Garten", "Ginster", "Grün", "Hasel", "Hecken", "Heide", "Hirsch", "Hoch", "Holunder", "Hopfen"),
    *("Kastanien", "Kiefern", "Kirsch", "Klee", "Kreuz", "Lärchen", "Lerchen", "Linden", "Meisen", "Mohn"),
    *(
        "Moor",
        "Mühlen",
        "Nelken",
        "Nord",
        "Nuss",
        "Ost",
        "Pappel",
        "Quell",
        "Reh",
        "Rosen",
        "Sand",
        "Schlehen",
    ),
    *("Schwalben", "Sonnen", "Specht", "Stein", "Süd", "Tal", "Tannen", "Tulpen", "Ulmen", "Veilchen"),
    *("Wacholder", "Wald", "Weiden", "Wein", "West", "Wiesen", "Zaun", "Zeder"),
)
_PREFIXES = (
    ("Am", "berg"),
    ("Im", "feld"),
    ("Zum", "bach"),
    ("Auf dem", "hof"),
    ("Hinterm", "hain"),
    ("Alter", "pfad"),
)
_ENDINGS = ("weg", "straße", "ring", "pfad", "gasse", "stieg", "hang", "grund")


@dataclass(frozen=True)
class Way:
    """A road of the network.

    Attributes:
        nodes: Numbers of its points, from end to end.
        road: Its class.
        kilometres_per_hour: The limit of speed.
        name: None outside of villages and on service roads.
        settlement: Where it begins.
    """

    nodes: tuple[int, ...]
    road: RoadClass
    kilometres_per_hour: int
    name: str | None
    settlement: Settlement


@dataclass(frozen=True)
class House:
    """An invented house."""

    position: complex
    street: str
    number: str
    settlement: Settlement


@dataclass
class Streets:
    """Points, ways and houses while they grow.

    Attributes:
        random: The only source of chance.
        step_m: Between two points of a through road.
        points: On the plane; the junctions come first.
        ways: Through roads first.
        houses: Beside named streets.
    """

    random: Random
    step_m: float
    points: list[complex] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    _taken: dict[tuple[int, int], int] = field(default_factory=dict)
    _names: dict[str, Iterator[str]] = field(default_factory=dict)
    _main: dict[Settlement, str] = field(default_factory=dict)
    _roots: list[list[tuple[int, complex]]] = field(default_factory=list)

    def lay_through_roads(self, junctions: Sequence[Junction], links: Sequence[Link]) -> None:
        """Give each link its bends, its speed and, inside of a village, its name and houses."""
        self.points = [junction.position for junction in junctions]
        self._roots = [[] for _ in junctions]
        for link in links:
            start, end = junctions[link.origin], junctions[link.destination]
            inside = start.settlement == end.settlement and abs(end.position - start.position) < _VILLAGE_M
            bend = BEND_INSIDE if inside and link.road is RoadClass.TERTIARY else BEND[link.road]
            bends = list(self._bends(start.position, end.position, bend))
            nodes = (link.origin, *self._add(bends), link.destination)
            name = self._through_name(link.road, start.settlement) if inside else None
            self._keep(Way(nodes, link.road, speed_limit(link.road, inside=inside), name, start.settlement))
            self._take(nodes)
            self._take_roots(nodes, link)

    def grow(self, junctions: Sequence[Junction], count: int) -> None:
        """Add side streets around the junctions in turn until there are `count` points or no room is left."""
        order = list(range(len(junctions)))
        tries_left = 6
        while len(self.points) < count and tries_left:
            before = len(self.points)
            self.random.shuffle(order)
            for number in order:
                if len(self.points) >= count:
                    break
                self._grow_one(number, junctions[number])
            tries_left = 6 if len(self.points) > before else tries_left - 1

    def _grow_one(self, number: int, junction: Junction) -> None:
        roots = self._roots[number]
        if not roots:
            return
        root, heading = self.random.choice(roots)
        heading *= _turn(self.random.choice((-1, 1)) * self.random.uniform(0.35, 0.6) * pi)
        nodes, here = [root], self.points[root]
        for _ in range(self.random.randint(*_STREET_BLOCKS)):
            heading *= _turn(self.random.gauss(0, 0.16))
            there = here + _BLOCK_M * heading
            if self._is_taken(here, there, root) or abs(there - junction.position) > _REACH_M:
                break
            nodes += self._add([there])
            self._taken[_cell(there)] = nodes[-1]
            roots.append((nodes[-1], heading))
            here = there
        if len(nodes) > 1:
            is_service = len(nodes) < 5 and self.random.random() < 3 * _SERVICE
            road = RoadClass.SERVICE if is_service else RoadClass.RESIDENTIAL
            name = None if is_service else self._next_name(junction.settlement)
            limit = speed_limit(road, inside=True)
            self._keep(Way(tuple(nodes), road, limit, name, junction.settlement))

    def _keep(self, way: Way) -> None:
        self.ways.append(way)
        if way.name is None:
            return
        number = 1
        for origin, destination in pairwise(way.nodes):
            here, there = self.points[origin], self.points[destination]
            aside = 1j * (there - here) / (abs(there - here) or 1)
            position = (here + there) / 2 + (_HOUSE_OFF_M if number % 2 else -_HOUSE_OFF_M) * aside
            letter = self.random.choice("ab") if self.random.random() < _LETTER else ""
            self.houses.append(House(position, way.name, f"{number}{letter}", way.settlement))
            number += self.random.choice((1, 1, 3))

    def _add(self, positions: Sequence[complex]) -> range:
        first = len(self.points)
        self.points += positions
        return range(first, len(self.points))

    def _bends(self, start: complex, end: complex, bend: float) -> Iterator[complex]:
        """Yield points between two, by moving the middle of each stretch aside (midpoint displacement)."""
        if abs(end - start) < 1.5 * self.step_m:
            return
        aside = max(-2.0, min(2.0, self.random.gauss(0, 1))) * bend
        middle = (start + end) / 2 + 1j * aside * (end - start)
        yield from self._bends(start, middle, bend)
        yield middle
        yield from self._bends(middle, end, bend)

    def _take(self, nodes: Sequence[int]) -> None:
        for origin, destination in pairwise(nodes):
            here, there = self.points[origin], self.points[destination]
            pieces = int(abs(there - here) // _CELL_M) + 1
            for piece in range(pieces + 1):
                self._taken.setdefault(_cell(here + (there - here) * piece / pieces), origin)

    def _take_roots(self, nodes: Sequence[int], link: Link) -> None:
        for before, node in pairwise(nodes):
            along = self.points[node] - self.points[before]
            for end, root in ((link.origin, before), (link.destination, node)):
                if along and abs(self.points[root] - self.points[end]) < _ROOTS_M:
                    self._roots[end].append((root, along / abs(along)))

    def _is_taken(self, here: complex, there: complex, root: int) -> bool:
        if self.points[root] == here:  # the first block leaves the cells of the road it begins at
            return _cell(there) in self._taken
        return any(
            cell in self._taken and cell != _cell(here) for cell in (_cell((here + there) / 2), _cell(there))
        )

    def _through_name(self, road: RoadClass, settlement: Settlement) -> str:
        if road is RoadClass.TERTIARY:
            return self._next_name(settlement)
        if settlement not in self._main:
            self._main[settlement] = self._next_name(settlement)
        return self._main[settlement]

    def _next_name(self, settlement: Settlement) -> str:
        """Return a name that no other street of the municipality has."""
        ags = settlement.municipality.ags
        if ags not in self._names:
            self._names[ags] = _all_names(self.random.getrandbits(32))
        return next(self._names[ags])


def speed_limit(road: RoadClass, *, inside: bool) -> int:
    """Return the synthetic limit in km/h; chosen with `BEND` so that times match the estimate's."""
    return _INSIDE[road] if inside else _OUTSIDE[road]


_INSIDE = {
    RoadClass.PRIMARY: 70,
    RoadClass.SECONDARY: 50,
    RoadClass.TERTIARY: 30,
    RoadClass.RESIDENTIAL: 20,
    RoadClass.SERVICE: 10,
}
_OUTSIDE = _INSIDE | {RoadClass.PRIMARY: 120, RoadClass.SECONDARY: 90, RoadClass.TERTIARY: 60}


def _all_names(seed: int) -> Iterator[str]:
    """Yield street names without end: those of the demo's addresses, then compounds, then numbered ones."""
    random = Random(seed)  # noqa: S311 -- a demo must repeat, it guards nothing
    known = street_names()
    simple = {stem + ending for stem in _STEMS for ending in _ENDINGS}
    longer = {f"{first} {stem}{last}" for stem in _STEMS for first, last in _PREFIXES}
    compounds = sorted((simple | longer) - set(known))
    random.shuffle(known)
    random.shuffle(compounds)
    yield from known
    yield from compounds
    number = 1
    while True:
        yield f"Planstraße {number}"
        number += 1


def _cell(position: complex) -> tuple[int, int]:
    return int(position.real // _CELL_M), int(position.imag // _CELL_M)


def _turn(angle: float) -> complex:
    return complex(0, 1) ** (2 * angle / pi)
