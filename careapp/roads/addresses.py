"""Read an OpenStreetMap extract for what people write on letters: houses, streets, villages, postal codes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

from careapp.roads.gazetteer_file import Entry, HouseEntry, Tell
from careapp.roads.osm_file import explaining_damage, require_pyosmium
from careapp.roads.places import Precision
from careapp.roads.spelling import POSTAL_CODE, key_of, numbers_of

VILLAGES = frozenset(
    {"village", "hamlet", "suburb", "quarter", "neighbourhood", "borough", "isolated_dwelling"}
)
TOWNS = frozenset({"city", "town", "municipality"})
STREETS = frozenset(
    {
        *("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential"),
        *("living_street", "pedestrian", "service", "track", "footway", "path", "road", "cycleway", "steps"),
    }
)

OWN_TOWN = 200
"""Added to the weight of a village whose municipality bears its name."""

_CELL_M = 400.0
_VILLAGE_KM = 4.0
_DEGREE_KM = 111.2
_WEIGHTS = {"city": 400, "town": 300, "municipality": 250, "village": 60, "suburb": 40}
_VILLAGE_LEVELS, _MUNICIPALITY_LEVEL = frozenset({"9", "10"}), "8"

Degrees = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """One house or one piece of a road."""

    street: str
    at: Degrees
    number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    district: str | None = None

    def fits(self, other: "Part") -> bool:
        """Whether both may be of one street: what both tell is equal."""
        mine = (self.postal_code, self.city, self.district)
        return all(
            a is None or b is None or a == b
            for a, b in zip(mine, (other.postal_code, other.city, other.district), strict=True)
        )


@dataclass(frozen=True)
class _Named:
    """A village, municipality or postal code."""

    name: str
    kind: str
    at: Degrees


@dataclass
class Extract:
    """What an extract holds, before it is sorted into entries."""

    parts: list[Part] = field(default_factory=list)
    villages: list[_Named] = field(default_factory=list)
    towns: list[_Named] = field(default_factory=list)
    postal_codes: list[_Named] = field(default_factory=list)

    def take(self, tags: dict[str, str], at: Degrees) -> None:
        """Take what has tags and a middle."""
        place, name = tags.get("place"), tags.get("name")
        if "addr:housenumber" in tags:
            street = tags.get("addr:street") or tags.get("addr:place") or tags.get("addr:hamlet")
            if street:
                self.parts.append(
                    Part(
                        street.strip(),
                        at,
                        tags["addr:housenumber"].strip(),
                        _code(tags.get("addr:postcode")),
                        tags.get("addr:city"),
                        tags.get("addr:suburb") or tags.get("addr:hamlet") or tags.get("addr:village"),
                    )
                )
        elif name and tags.get("highway") in STREETS:
            self.parts.append(Part(name, at))
        if tags.get("boundary") == "postal_code":
            code = _code(tags.get("postal_code"))
            if code:
                self.postal_codes.append(_Named(code, "postal_code", at))
        elif name and tags.get("boundary") == "administrative":
            if tags.get("admin_level") == _MUNICIPALITY_LEVEL:
                self.towns.append(_Named(name, "municipality", at))
            elif tags.get("admin_level") in _VILLAGE_LEVELS:
                self.villages.append(_Named(name, "village", at))
        elif name and place in VILLAGES:
            self.villages.append(_Named(name, place, at))
        elif name and place in TOWNS:
            self.towns.append(_Named(name, place, at))


def read_extract(path: Path, *, tell: Tell) -> Extract:
    """Read an extract.

    Args:
        path: `.osm.pbf` or `.osm`.
        tell: Hears what is being done and how far it is.

    Raises:
        DamagedExtract: The file cannot be read.
        NoPbfHere: pyosmium is not installed.
    """
    require_pyosmium()
    with explaining_damage(path):
        return _read(path, tell)


def entries_of(extract: Extract) -> list[Entry]:
    """Sort what was read into streets with their houses, villages, municipalities and postal codes."""
    # of what is alike, the first is found first
    return [*_towns(extract), *_villages(extract), *_postal_codes(extract), *_streets(extract)]


def _read(path: Path, tell: Tell) -> Extract:
    import osmium  # noqa: PLC0415 -- an extra
    from osmium.filter import IdFilter, KeyFilter  # noqa: PLC0415
    from osmium.osm import NODE, RELATION, WAY, Node, Relation, Way  # noqa: PLC0415

    keys = ("addr:housenumber", "place", "boundary")
    extract = Extract()
    tell("reading areas", 0.0)
    areas = [
        (dict(area.tags), [member.ref for member in area.members if member.type == "w"])
        for area in osmium.FileProcessor(str(path), RELATION).with_filter(KeyFilter(*keys))
        if isinstance(area, Relation)
    ]
    tell("reading houses and streets", 0.1)
    tagged = (
        osmium.FileProcessor(str(path), NODE | WAY).with_locations().with_filter(KeyFilter(*keys, "highway"))
    )
    for item in tagged:
        if isinstance(item, Node | Way):
            at = _middle(item.nodes if isinstance(item, Way) else [item])
            if at is not None:
                extract.take(dict(item.tags), at)
    tell("reading areas' edges", 0.4)
    edges: dict[int, list[Degrees]] = {}
    wanted = {way for _, ways in areas for way in ways}
    if wanted:
        ways = osmium.FileProcessor(str(path), NODE | WAY).with_locations()
        for way in ways.with_filter(osmium.filter.EntityFilter(WAY)).with_filter(IdFilter(wanted)):
            if isinstance(way, Way):
                edges[way.id] = list(_degrees(way.nodes))
    for tags, members in areas:
        points = [point for member in members for point in edges.get(member, ())]
        if points:
            extract.take(tags, _mean(points))
    return extract


def _degrees(nodes: Iterable[Any]) -> Iterator[Degrees]:
    for node in nodes:
        if node.location.valid():  # an extract may leave out a way's far end
            yield node.location.lat, node.location.lon


def _middle(nodes: Iterable[Any]) -> Degrees | None:
    points = list(_degrees(nodes))
    if not points:
        return None
    if len(points) > 1 and points[0] != points[-1]:  # a road: its middle must lie on it
        return points[len(points) // 2]
    return _mean(points[1:] or points)


def _mean(points: Sequence[Degrees]) -> Degrees:
    return sum(at[0] for at in points) / len(points), sum(at[1] for at in points) / len(points)


def _code(text: str | None) -> str | None:
    return text if text is not None and POSTAL_CODE.fullmatch(text) else None


class _Nearest:
    """Finds the nearest village of a point."""

    def __init__(self, places: Sequence[_Named], within_km: float) -> None:
        self._within_km = within_km
        self._cells: dict[tuple[int, int], list[_Named]] = {}
        self._degrees = within_km / _DEGREE_KM
        for place in places:
            self._cells.setdefault(self._cell(place.at), []).append(place)

    def of(self, at: Degrees) -> _Named | None:
        row, column = self._cell(at)
        near = [
            (_kilometres(at, place.at), place.name, place)
            for north in (-1, 0, 1)
            for east in (-2, -1, 0, 1, 2)  # a degree of longitude is shorter
            for place in self._cells.get((row + north, column + east), ())
        ]
        best = min(near, key=lambda found: found[:2], default=None)
        return best[2] if best is not None and best[0] <= self._within_km else None

    def _cell(self, at: Degrees) -> tuple[int, int]:
        return int(at[0] // self._degrees), int(at[1] // self._degrees)


def _kilometres(first: Degrees, second: Degrees) -> float:
    east = (second[1] - first[1]) * cos(radians(first[0]))
    return _DEGREE_KM * hypot(second[0] - first[0], east)


def _streets(extract: Extract) -> Iterator[Entry]:
    villages = _Nearest(extract.villages, _VILLAGE_KM)
    towns = _Nearest(extract.towns, 2 * _VILLAGE_KM)
    by_key: dict[str, list[Part]] = {}
    for part in extract.parts:
        by_key.setdefault(key_of(part.street), []).append(part)
    for key in sorted(by_key):
        for parts in _together(by_key[key]) if key else ():
            yield _street(parts, villages, towns)


def _street(parts: Sequence[Part], villages: _Nearest, towns: _Nearest) -> Entry:
    middle = _mean([part.at for part in parts])
    nearest = min(parts, key=lambda part: (_kilometres(middle, part.at), part.at))
    village, town = villages.of(nearest.at), towns.of(nearest.at)
    city = _most(part.city for part in parts) or (town.name if town else None)
    district = _most(part.district for part in parts)
    beside = {name for part in parts for name in (part.city, part.district) if name}
    beside |= {place.name for place in (village, town) if place is not None}
    return Entry(
        Precision.STREET,
        _most(part.street for part in parts) or "",
        *_rounded(nearest.at),
        postal_code=_most(part.postal_code for part in parts),
        city=city,
        district=district or (village.name if village else None),
        also=tuple(sorted(beside)),
        houses=tuple(_houses(parts)),
    )


def _houses(parts: Sequence[Part]) -> Iterator[HouseEntry]:
    doors: dict[str, list[Part]] = {}
    for part in parts:
        if part.number is not None:
            doors.setdefault("".join(part.number.casefold().split()), []).append(part)
    for door in sorted(doors, key=lambda number: (len(numbers_of(number)), number)):  # 12 before 12-14
        same = doors[door]
        middle = _mean([part.at for part in same])
        best = min(same, key=lambda part: (_kilometres(middle, part.at), part.at))
        yield HouseEntry(
            tuple(numbers_of(door)),
            best.number or "",
            *_rounded(best.at),
            best.postal_code,
            best.city,
            best.district,
        )


def _together(parts: Sequence[Part]) -> list[list[Part]]:
    """Sort what has one name into streets: pieces near each other whose postal code and town agree."""
    cells: dict[tuple[int, int], list[int]] = {}
    group = list(range(len(parts)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    for number, part in enumerate(parts):
        row = int(part.at[0] * _DEGREE_KM * 1000 // _CELL_M)
        column = int(part.at[1] * _DEGREE_KM * 1000 * 0.63 // _CELL_M)
        for north in (-1, 0, 1):
            for east in (-1, 0, 1):
                for other in cells.get((row + north, column + east), ()):
                    if part.fits(parts[other]):
                        first, second = sorted((root(number), root(other)))
                        group[second] = first
        cells.setdefault((row, column), []).append(number)
    groups: dict[int, list[Part]] = {}
    for number, part in enumerate(parts):
        groups.setdefault(root(number), []).append(part)
    return list(groups.values())


def _villages(extract: Extract) -> Iterator[Entry]:
    towns = _Nearest(extract.towns, 3 * _VILLAGE_KM)
    for place in _distinct(extract.villages):
        town = towns.of(place.at)
        city = town.name if town else None
        weight = _WEIGHTS.get(place.kind, 20) + (OWN_TOWN if city == place.name else 0)
        yield Entry(Precision.VILLAGE, place.name, *_rounded(place.at), city=city, weight=weight)


def _towns(extract: Extract) -> Iterator[Entry]:
    codes: dict[str, set[str]] = {}
    for part in extract.parts:
        if part.city and part.postal_code:
            codes.setdefault(key_of(part.city), set()).add(part.postal_code)
    for place in _distinct(extract.towns):
        yield Entry(
            Precision.MUNICIPALITY,
            place.name,
            *_rounded(place.at),
            also=tuple(sorted(codes.get(key_of(place.name), ()))),
            weight=_WEIGHTS.get(place.kind, 20),
        )


def _postal_codes(extract: Extract) -> Iterator[Entry]:
    codes: dict[str, list[Degrees]] = {}
    for part in extract.parts:
        if part.postal_code is not None:
            codes.setdefault(part.postal_code, []).append(part.at)
    for area in extract.postal_codes:
        codes.setdefault(area.name, []).append(area.at)
    for code in sorted(codes):
        yield Entry(Precision.POSTAL_CODE, code, *_rounded(_mean(codes[code])), postal_code=code)


def _distinct(places: Sequence[_Named]) -> list[_Named]:
    """Return places without those that a node and an area tell twice; the node comes first and stays."""
    kept: dict[str, list[_Named]] = {}
    for place in places:
        same = kept.setdefault(key_of(place.name), [])
        if all(_kilometres(place.at, other.at) > _VILLAGE_KM for other in same):
            same.append(place)
    return [place for same in kept.values() for place in same]


def _most(names: Iterable[str | None]) -> str | None:
    counts = Counter(name for name in names if name)
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def _rounded(at: Degrees) -> Degrees:
    return round(at[0], 6), round(at[1], 6)
