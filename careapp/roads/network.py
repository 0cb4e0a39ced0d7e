"""A synthetic road network over the demo region's stops and villages, made from a seed by our own code.

So the whole chain (build, matrix, geometry, addresses, map) runs without any download. Every way, house and
place carries `source=synthetic`; the network is called `LABEL` wherever it is seen. It knows no real
road, only the positions of public-transport stops, which lie on real roads, and the names of villages.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from careapp.demo.facts import Facts, MunicipalityFact, Point, Settlement
from careapp.errors import Invalid
from careapp.roads.osm_file import OsmNode, OsmWay, read_generator, write_osm
from careapp.roads.skeleton import Plane, find_junctions, join, plane_of
from careapp.roads.streets import SOURCE, House, Streets, Way

LABEL = "synthetisches Demo-Straßennetz"
GENERATOR = "careapp-synthetic-roads"
VERSION = 1
"""Raise it when the same seed gives other roads."""

NODES = 130_000
"""Points of roads in the demo region: a region of this size with villages of a few streets."""

_THROUGH_SHARE = 0.45
_SHORTEST_STEP_M, _LONGEST_STEP_M = 25.0, 250.0
_WINDING = 1.12
_TOWN, _VILLAGE_STOPS = 20_000, 4

Progress = Callable[[float, str], None]


class TooFewNodes(Invalid):
    """The network would have fewer points than the region has stops."""


@dataclass(frozen=True)
class Network:
    """Roads, houses and places.

    Attributes:
        seed: Of all chance.
        plane: Turns positions into degrees.
        points: Of roads, on the plane; a way names them by number.
        ways: All can be reached from each other.
        houses: Invented addresses.
        facts: What it was made over.
    """

    seed: int
    plane: Plane
    points: list[complex]
    ways: list[Way]
    houses: list[House]
    facts: Facts


def make_network(
    facts: Facts, *, seed: int, nodes: int = NODES, on_progress: Progress | None = None
) -> Network:
    """Make a road network.

    Args:
        facts: Stops with their settlements.
        seed: Same seed, same network.
        nodes: About how many points the roads have, houses not counted; fewer if no room is left.
        on_progress: Told the part done and what is being done.

    Raises:
        TooFewNodes: `nodes` is less than twice the number of junctions.
    """
    tell = on_progress or (lambda _done, _what: None)
    plane = plane_of(facts)
    junctions = find_junctions(facts, plane)
    if nodes < 2 * len(junctions):
        raise TooFewNodes(
            f"the region has {len(junctions)} junctions: ask for at least {2 * len(junctions)} nodes"
        )
    tell(0.05, "through roads")
    links = join(facts, junctions, plane)
    metres = sum(
        abs(junctions[link.destination].position - junctions[link.origin].position) for link in links
    )
    step = _WINDING * metres / max(1.0, _THROUGH_SHARE * nodes - len(junctions))
    random = Random(f"{GENERATOR}/{VERSION}/{seed}")  # noqa: S311 -- a demo must repeat, it guards nothing
    streets = Streets(random, step_m=min(max(step, _SHORTEST_STEP_M), _LONGEST_STEP_M))
    streets.lay_through_roads(junctions, links)
    tell(0.3, "side streets")
    streets.grow(junctions, nodes)
    return Network(seed, plane, streets.points, streets.ways, streets.houses, facts)


def write_network(network: Network, path: Path) -> None:
    """Write a network as `.osm.pbf` or `.osm`; the same network gives the same bytes.

    Raises:
        NoPbfHere: The name asks for PBF and pyosmium is not installed.
    """
    write_osm(
        path,
        generator=f"{GENERATOR} {VERSION} seed {network.seed}",
        nodes=_nodes(network),
        ways=_ways(network),
    )


def is_synthetic(path: Path) -> bool:
    """Return whether a file's header says that `write_network` made it.

    Raises:
        DamagedExtract: The file is none of OpenStreetMap's.
        NoPbfHere: It is PBF and pyosmium is not installed.
    """
    return read_generator(path).startswith(GENERATOR)


def settlement_points(facts: Facts) -> dict[Settlement, Point]:
    """Return the middle of each settlement: the median of its stops. A settlement without stops has none."""
    stops: dict[Settlement, list[Point]] = {}
    for stop in facts.stops:
        stops.setdefault(stop.settlement, []).append(stop.point)
    return {
        settlement: Point(
            round(median(point.latitude for point in points), 5),
            round(median(point.longitude for point in points), 5),
        )
        for settlement, points in stops.items()
    }


def _nodes(network: Network) -> list[OsmNode]:
    plain = [OsmNode(*network.plane.to_degrees(position), {}) for position in network.points]
    houses = [
        OsmNode(*network.plane.to_degrees(house.position), _house_tags(house)) for house in network.houses
    ]
    stops = Counter(stop.settlement for stop in network.facts.stops)
    villages = [
        OsmNode(point.latitude, point.longitude, _village_tags(settlement, stops[settlement]))
        for settlement, point in settlement_points(network.facts).items()
    ]
    towns = [
        OsmNode(town.centre.latitude, town.centre.longitude, _town_tags(town))
        for town in network.facts.municipalities
    ]
    return plain + houses + villages + towns


def _ways(network: Network) -> list[OsmWay]:
    return [
        OsmWay(
            way.nodes,
            {
                "highway": way.road.value,
                "maxspeed": str(way.kilometres_per_hour),
                **({"name": way.name} if way.name else {}),
                "source": SOURCE,
            },
        )
        for way in network.ways
    ]


def _house_tags(house: House) -> dict[str, str]:
    return {
        "addr:housenumber": house.number,
        "addr:street": house.street,
        "addr:suburb": house.settlement.name,
        "addr:city": house.settlement.municipality.name,
        "source": SOURCE,
    }


def _village_tags(settlement: Settlement, stops: int) -> dict[str, str]:
    return {
        "place": "village" if stops >= _VILLAGE_STOPS else "hamlet",
        "name": settlement.name,
        "is_in:municipality": settlement.municipality.name,
        "source": SOURCE,
    }


def _town_tags(town: MunicipalityFact) -> dict[str, str]:
    return {
        "place": "town" if town.population > _TOWN else "municipality",
        "name": town.name,
        "is_in:county": town.district,
        "source": SOURCE,
    }
