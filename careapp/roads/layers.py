"""From an OpenStreetMap extract to a map's features: what is drawn, in which layer, from which zoom on."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

from careapp.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from osmium.osm import Area, Node, Way

ROADS = {
    "motorway": ("motorway", 6),
    "trunk": ("trunk", 7),
    "primary": ("primary", 8),
    "secondary": ("secondary", 9),
    "tertiary": ("tertiary", 10),
    "unclassified": ("minor", 11),
    "residential": ("minor", 12),
    "living_street": ("minor", 12),
    "road": ("minor", 12),
    "pedestrian": ("minor", 13),
    "service": ("service", 13),
    "track": ("track", 13),
    "cycleway": ("path", 13),
    "footway": ("path", 14),
    "bridleway": ("path", 14),
    "path": ("path", 14),
    "steps": ("path", 14),
}
"""By a value of the key `highway` (a link counts as what it links to): our class, and the first zoom."""

RAILS = {"rail": 9, "light_rail": 10, "tram": 12}
WATERWAYS = {"river": ("river", 8), "canal": ("canal", 9), "stream": ("stream", 12), "ditch": ("ditch", 14)}
PLACES = {
    "city": 6,
    "town": 7,
    "village": 9,
    "suburb": 11,
    "hamlet": 12,
    "neighbourhood": 13,
    "isolated_dwelling": 13,
}
AREAS = {
    ("natural", "water"): ("water", "water", 6),
    ("waterway", "riverbank"): ("water", "water", 8),
    ("landuse", "reservoir"): ("water", "water", 6),
    ("landuse", "basin"): ("water", "water", 12),
    ("landuse", "forest"): ("land", "forest", 6),
    ("natural", "wood"): ("land", "forest", 6),
    ("landuse", "residential"): ("land", "built", 8),
    ("landuse", "commercial"): ("land", "works", 9),
    ("landuse", "industrial"): ("land", "works", 9),
    ("landuse", "retail"): ("land", "works", 9),
    ("landuse", "meadow"): ("land", "grass", 11),
    ("landuse", "grass"): ("land", "grass", 12),
    ("landuse", "farmland"): ("land", "field", 11),
    ("landuse", "cemetery"): ("land", "park", 12),
    ("landuse", "allotments"): ("land", "park", 12),
    ("leisure", "park"): ("land", "park", 11),
    ("leisure", "pitch"): ("land", "park", 13),
}
"""By tag: layer, class, first zoom."""

BUILDINGS_FROM, ADDRESSES_FROM = 13, 14
BOUNDARIES = {"2": 6, "4": 6, "6": 7, "8": 9}
"""First zoom by `admin_level`: country, state, district, municipality."""

TELL_EVERY = 50_000

Heard = Callable[[int], None]
"""Told how many objects have been read; may raise to stop."""

Feature = tuple[str, int, dict[str, str | int], str]
"""Layer, first zoom, properties, geometry as GeoJSON text."""


class ExtractUnreadable(Invalid):
    """A file is no OpenStreetMap extract, is damaged, or holds nothing that a map could show."""


class ReaderMissing(Unavailable):
    """The library that reads extracts is not installed."""


def write_layers(extract: Path, to: TextIO, heard: Heard) -> Counter[str]:
    """Write an extract's features, one GeoJSON object a line, as tippecanoe reads them.

    Streams: what is held in memory is the nodes' places (16 bytes each) and the rings of unfinished areas.

    Args:
        extract: A file `.osm.pbf` (or another format that osmium knows by its ending).
        to: A text file in UTF-8.
        heard: Called every 50,000 objects.

    Returns:
        How many features each layer got.

    Raises:
        ExtractUnreadable: The file is missing, damaged, or holds nothing to draw.
        ReaderMissing: pyosmium is not installed.
    """
    osmium = _osmium()
    if not extract.is_file():
        raise ExtractUnreadable(f"there is no file {extract}: name an OpenStreetMap extract (.osm.pbf)")
    counts: Counter[str] = Counter()
    try:
        levels = _boundary_levels(extract)
        # Ways without tags stay: a boundary's level stands in its relation.
        tagged = osmium.filter.EmptyTagFilter().enable_for(osmium.osm.NODE | osmium.osm.AREA)
        things = (
            osmium.FileProcessor(str(extract))
            .with_locations()
            .with_areas(osmium.filter.KeyFilter("building", "landuse", "natural", "leisure", "waterway"))
            .with_filter(tagged)
        )
        features = _Features(levels)
        for number, thing in enumerate(things, 1):
            if number % TELL_EVERY == 0:
                heard(number)
            for layer, first, properties, geometry in features.of(thing):
                extension = json.dumps({"layer": layer, "minzoom": first})
                named = json.dumps(properties, ensure_ascii=False)
                to.write(
                    f'{{"type":"Feature","tippecanoe":{extension},"properties":{named},"geometry":{geometry}}}\n'
                )
                counts[layer] += 1
    except (RuntimeError, ValueError) as damage:  # all that osmium raises
        raise ExtractUnreadable(
            f"{extract.name} cannot be read as an OpenStreetMap extract ({damage}): fetch the file anew"
        ) from damage
    if not counts:
        raise ExtractUnreadable(
            f"{extract.name} holds no road, place, water or building: name another extract"
        )
    return counts


def header_of(extract: Path) -> str:
    """Return the program that wrote an extract, as its header tells; empty where it does not.

    Raises:
        ExtractUnreadable: The file is missing or damaged.
        ReaderMissing: pyosmium is not installed.
    """
    osmium = _osmium()
    try:
        with osmium.io.Reader(str(extract), osmium.osm.NOTHING) as reader:
            return str(reader.header().get("generator") or "")
    except (RuntimeError, ValueError, OSError) as damage:
        raise ExtractUnreadable(
            f"{extract.name} cannot be read as an OpenStreetMap extract ({damage}): fetch the file anew"
        ) from damage


def _osmium() -> ModuleType:
    try:
        return import_module("osmium")
    except ImportError as missing:
        raise ReaderMissing("reading extracts needs pyosmium: pip install 'careapp[roads]'") from missing


def _boundary_levels(extract: Path) -> dict[int, str]:
    """Return the highest administrative level of each way that is part of a boundary relation.

    Extracts cut boundaries, so their areas cannot be closed; their ways can be drawn all the same.
    """
    osmium = _osmium()
    levels: dict[int, str] = {}
    relations = osmium.FileProcessor(str(extract), osmium.osm.RELATION).with_filter(
        osmium.filter.TagFilter(("boundary", "administrative"))
    )
    for relation in relations:
        level = relation.tags.get("admin_level", "")
        if level in BOUNDARIES:
            for member in relation.members:
                if member.type == "w":
                    levels[member.ref] = min(level, levels.get(member.ref, level), key=int)
    return levels


class _Features:
    """What of one OSM object is drawn."""

    def __init__(self, levels: dict[int, str]) -> None:
        self._levels = levels
        self._shapes = _osmium().geom.GeoJSONFactory()

    def of(self, thing: Any) -> Iterator[Feature]:
        """Yield an object's features; none of what lies half outside the extract."""
        try:
            if thing.is_node():
                yield from self._of_node(thing)
            elif thing.is_way():
                yield from self._of_way(thing)
            elif thing.is_area():
                yield from self._of_area(thing)
        except (RuntimeError, _osmium().InvalidLocationError):
            return  # of a geometry only: reading has been done

    def _of_node(self, node: "Node") -> Iterator[Feature]:
        tags = node.tags
        place, name, number = tags.get("place"), tags.get("name"), tags.get("addr:housenumber")
        if place in PLACES and name:
            yield (
                "places",
                PLACES[place],
                {"class": place, "name": name, "people": _number(tags.get("population"))},
                self._shapes.create_point(node),
            )
        if number:
            yield "addresses", ADDRESSES_FROM, {"number": number}, self._shapes.create_point(node)

    def _of_way(self, way: "Way") -> Iterator[Feature]:
        tags = way.tags
        if way.id in self._levels:
            level = self._levels[way.id]
            yield "boundaries", BOUNDARIES[level], {"level": int(level)}, self._line(way)
        highway = (tags.get("highway") or "").removesuffix("_link")
        if highway in ROADS and tags.get("area") != "yes":
            kind, first = ROADS[highway]
            about: dict[str, str | int] = {"class": kind}
            about |= {key: value for key in ("name", "ref") if (value := tags.get(key))}
            about |= {key: 1 for key in ("bridge", "tunnel") if tags.get(key, "no") != "no"}
            yield "roads", first, about, self._line(way)
        elif (railway := tags.get("railway")) in RAILS:
            yield "rails", RAILS[railway], {"class": railway}, self._line(way)
        elif (waterway := tags.get("waterway")) in WATERWAYS and tags.get("tunnel", "no") == "no":
            kind, first = WATERWAYS[waterway]
            yield "waterways", first, {"class": kind, "name": tags.get("name") or ""}, self._line(way)

    def _of_area(self, area: "Area") -> Iterator[Feature]:
        tags = area.tags
        if "building" in tags:
            yield "buildings", BUILDINGS_FROM, {}, self._shapes.create_multipolygon(area)
            if number := tags.get("addr:housenumber"):
                yield "addresses", ADDRESSES_FROM, {"number": number}, _middle(area)
            return
        for key in ("natural", "landuse", "leisure", "waterway"):
            found = AREAS.get((key, tags.get(key) or ""))
            if found:
                layer, kind, first = found
                yield layer, first, {"class": kind}, self._shapes.create_multipolygon(area)
                return

    def _line(self, way: "Way") -> str:
        return str(self._shapes.create_linestring(way))


def _middle(area: "Area") -> str:
    ring = next(iter(area.outer_rings()))
    places = [(node.lon, node.lat) for node in ring][1:]  # the first is the last again
    longitude = sum(place[0] for place in places) / len(places)
    latitude = sum(place[1] for place in places) / len(places)
    return f'{{"type":"Point","coordinates":[{longitude:.7f},{latitude:.7f}]}}'


def _number(text: str | None) -> int:
    digits = (text or "").replace(".", "").replace(" ", "")
    return int(digits) if digits.isascii() and digits.isdigit() else 0
