"""The map where there are no tiles: the demo region's towns, villages and stops. No patient is on it."""

from collections import defaultdict
from functools import cache
from typing import Any

import orjson

from careapp.demo.facts import Facts, Point, read_facts

_TOWN, _SMALL_TOWN = 50_000, 20_000

Json = dict[str, Any]


@cache
def plain_map() -> bytes:
    """Return the map as a GeoJSON FeatureCollection (RFC 7946), UTF-8.

    Municipalities and villages are points with `name`; the stops of a municipality are one MultiPoint, about
    where people live. `layer` tells which is which; `rank` of a place is 1 for the largest towns.
    """
    facts = read_facts()
    features = [*_stops(facts), *_villages(facts), *_municipalities(facts)]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


@cache
def plain_bounds() -> tuple[float, float, float, float]:
    """Return what the map covers: degrees west, south, east, north."""
    points = [stop.point for stop in read_facts().stops]
    longitudes, latitudes = [point.longitude for point in points], [point.latitude for point in points]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _municipalities(facts: Facts) -> list[Json]:
    return [
        _feature(
            {
                "layer": "municipality",
                "name": each.name,
                "district": each.district,
                "rank": _rank(each.population),
            },
            {"type": "Point", "coordinates": _lon_lat(each.centre)},
        )
        for each in sorted(facts.municipalities, key=lambda each: (-each.population, each.ags))
    ]


def _villages(facts: Facts) -> list[Json]:
    stops_of: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for stop in facts.stops:
        stops_of[stop.settlement.municipality.ags, stop.settlement.name].append(stop.point)
    return [
        _feature(
            {"layer": "village", "name": name, "rank": 4 if len(points) > 5 else 5},
            {"type": "Point", "coordinates": _lon_lat(_middle(points))},
        )
        for (_ags, name), points in sorted(stops_of.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _stops(facts: Facts) -> list[Json]:
    stops_of: dict[str, list[list[float]]] = defaultdict(list)
    for stop in facts.stops:
        stops_of[stop.settlement.municipality.ags].append(_lon_lat(stop.point))
    return [
        _feature({"layer": "stops"}, {"type": "MultiPoint", "coordinates": stops_of[ags]})
        for ags in sorted(stops_of)
    ]


def _rank(population: int) -> int:
    return 1 if population > _TOWN else 2 if population > _SMALL_TOWN else 3


def _middle(points: list[Point]) -> Point:
    return Point(
        sum(point.latitude for point in points) / len(points),
        sum(point.longitude for point in points) / len(points),
    )


def _lon_lat(point: Point) -> list[float]:
    return [round(point.longitude, 5), round(point.latitude, 5)]


def _feature(properties: Json, geometry: Json) -> Json:
    return {"type": "Feature", "properties": properties, "geometry": geometry}
