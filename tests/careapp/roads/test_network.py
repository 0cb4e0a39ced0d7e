"""The synthetic road network: what it promises to those who route, draw and search on it."""

from collections import Counter
from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from statistics import median

import osmium
import pytest

from careapp.demo.geography import Area
from careapp.roads import osm_file
from careapp.roads.network import (
    Network,
    TooFewNodes,
    is_synthetic,
    make_network,
    settlement_points,
    write_network,
)
from careapp.roads.osm_file import DamagedExtract, NoPbfHere, UnknownFormat, read_generator
from routing.travel import CarEstimate, Coordinates
from tests.careapp.roads.regions import part_of_the_region

FACTS = part_of_the_region("Olpe", "Drolshagen", "Wenden", "Attendorn")
NODES = 14_000


@pytest.fixture(scope="module")
def network() -> Network:
    return make_network(FACTS, seed=3, nodes=NODES)


def neighbours_of(network: Network) -> dict[int, list[tuple[int, float, float]]]:
    """Return for each point its neighbours with metres and seconds; OSRM's car drives at 0.8 of the limit."""
    neighbours: dict[int, list[tuple[int, float, float]]] = {}
    for way in network.ways:
        for here, there in pairwise(way.nodes):
            metres = abs(network.points[there] - network.points[here])
            seconds = metres / (0.8 * way.kilometres_per_hour / 3.6)
            neighbours.setdefault(here, []).append((there, metres, seconds))
            neighbours.setdefault(there, []).append((here, metres, seconds))
    return neighbours


def quickest(neighbours, start: int) -> dict[int, tuple[float, float]]:
    """Return seconds and metres to each point (Dijkstra)."""
    reached: dict[int, tuple[float, float]] = {}
    queue = [(0.0, 0.0, start)]
    while queue:
        seconds, metres, here = heappop(queue)
        if here not in reached:
            reached[here] = (seconds, metres)
            for there, way_m, way_s in neighbours[here]:
                heappush(queue, (seconds + way_s, metres + way_m, there))
    return reached


class TestMakeNetwork:
    def test_leads_from_everywhere_to_everywhere(self, network):
        reached = quickest(neighbours_of(network), 0)

        assert len(reached) == len(network.points) == pytest.approx(NODES, rel=0.01)

    def test_joins_towns_that_lie_far_apart(self):
        far = part_of_the_region("Hallenberg", "Wickede (Ruhr)")

        apart = make_network(far, seed=0, nodes=3000)

        assert len(quickest(neighbours_of(apart), 0)) == len(apart.points)

    def test_has_roads_of_every_class_with_bends(self, network):
        roads = Counter(way.road.value for way in network.ways)

        assert set(roads) == {"primary", "secondary", "tertiary", "residential", "service"}
        assert all(way.kilometres_per_hour >= 10 for way in network.ways)
        assert median(len(way.nodes) for way in network.ways) > 3

    def test_passes_within_the_snapping_radius_of_each_home(self, network):
        # A home of the demo lies up to 250 m beside a stop, and each stop is within 70 m of a junction.
        area = Area(FACTS, FACTS.municipalities[0].centre)
        random = Random(1)  # noqa: S311 -- a test must repeat
        homes = [network.plane.to_metres(area.a_home(random).point) for _ in range(200)]

        away = [min(abs(point - home) for point in network.points) for home in homes]

        assert max(away) < 500
        assert median(away) < 80

    def test_is_as_slow_and_as_winding_as_the_estimate_says(self, network):
        area = Area(FACTS, FACTS.municipalities[0].centre)
        random = Random(2)  # noqa: S311 -- a test must repeat
        homes = [area.a_home(random).point for _ in range(40)]
        points = [
            min(range(len(network.points)), key=lambda number: abs(network.points[number] - at))
            for at in (network.plane.to_metres(home) for home in homes)
        ]
        estimate = CarEstimate(safety=1.0).travel([Coordinates(h.latitude, h.longitude) for h in homes])
        neighbours = neighbours_of(network)
        bands: dict[int, list[tuple[float, float]]] = {}
        for row, start in enumerate(points):
            reached = quickest(neighbours, start)
            for column, end in enumerate(points):
                air = homes[row].kilometres_to(homes[column])
                if row != column and air >= 1:
                    seconds, metres = reached[end]
                    ratios = seconds / estimate.seconds[row, column], metres / estimate.metres[row, column]
                    bands.setdefault(1 if air < 2 else 2 if air < 5 else 5, []).append(ratios)

        assert sorted(bands) == [1, 2, 5]
        for found in bands.values():  # the edges of four municipalities cost detours that the region has not
            assert len(found) > 100
            assert 0.8 < median(seconds for seconds, _ in found) < 1.5
            assert 0.8 < median(metres for _, metres in found) < 1.35

    def test_names_streets_and_numbers_houses_once(self, network):
        addresses = Counter((house.settlement, house.street, house.number) for house in network.houses)

        named = {(way.settlement, way.name) for way in network.ways if way.name}
        assert len(network.houses) > 1000
        assert {(settlement, street) for settlement, street, _ in addresses} <= named
        assert sum(count > 1 for count in addresses.values()) < len(addresses) / 20  # main roads begin anew

    def test_refuses_fewer_nodes_than_the_region_needs(self):
        with pytest.raises(TooFewNodes, match="ask for at least"):
            make_network(FACTS, seed=0, nodes=100)


class TestWriteNetwork:
    @pytest.mark.parametrize("name", ["roads.osm.pbf", "roads.osm"])
    def test_gives_the_same_bytes_for_the_same_seed(self, network, tmp_path, name):
        again = make_network(FACTS, seed=3, nodes=NODES)
        other = make_network(FACTS, seed=4, nodes=NODES)
        folders = [tmp_path / str(number) / name for number in range(3)]

        for path, made in zip(folders, (network, again, other), strict=True):
            write_network(made, path)

        first, second, third = (path.read_bytes() for path in folders)
        assert first == second
        assert first != third
        assert [path.name for path in folders[0].parent.iterdir()] == [name]

    @pytest.mark.parametrize("name", ["roads.osm.pbf", "roads.osm"])
    def test_marks_each_road_house_and_place_as_synthetic(self, network, tmp_path, name):
        write_network(network, tmp_path / name)

        sources: Counter[tuple[str, str | None]] = Counter()
        plain = 0
        for item in osmium.FileProcessor(str(tmp_path / name)):
            if item.tags:
                sources[type(item).__name__, item.tags.get("source")] += 1
            else:
                plain += 1
        assert plain == len(network.points)
        villages = len(settlement_points(FACTS)) + len(FACTS.municipalities)
        assert sources == {
            ("Way", "synthetic"): len(network.ways),
            ("Node", "synthetic"): len(network.houses) + villages,
        }

    def test_says_in_the_header_what_it_is(self, network, tmp_path):
        for name in ("roads.osm.pbf", "roads.osm"):
            write_network(network, tmp_path / name)

            assert is_synthetic(tmp_path / name)
            assert read_generator(tmp_path / name).endswith("seed 3")

    def test_refuses_a_name_that_tells_no_format(self, network, tmp_path):
        with pytest.raises(UnknownFormat, match=r"\.osm\.pbf"):
            write_network(network, tmp_path / "roads.zip")

    def test_says_what_to_install_for_pbf(self, network, tmp_path, monkeypatch):
        monkeypatch.setattr(osm_file, "find_spec", lambda _name: None)

        with pytest.raises(NoPbfHere, match=r"careapp\[roads\]"):
            write_network(network, tmp_path / "roads.osm.pbf")


class TestReadGenerator:
    def test_refuses_what_is_no_map(self, tmp_path):
        path = tmp_path / "roads.osm.pbf"
        path.write_bytes(b"\x00\x00\x00\x0dnot a map at all")

        with pytest.raises(DamagedExtract, match=r"fetch it again"):
            read_generator(path)
