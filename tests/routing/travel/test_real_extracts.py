"""OSRM and Valhalla on real towns where they are at hand, and on the tests' own network."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from careapp.roads.programs import Programs
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile, TravelSource
from routing.travel.valhalla import ValhallaTravel
from routing.units import UNREACHABLE
from tests import road_servers

REAL = sorted((Path(__file__).parents[4] / "shared" / "osm").glob("*.osm.pbf"))
MIDDLES = {"badhersfeld.osm.pbf": (50.868, 9.708), "north-bayreuth.osm.pbf": (49.98, 11.57)}
GRID = (51.022, 8.033)


@pytest.fixture(scope="module", params=["grid", *(path.name for path in REAL)])
def town(
    request: pytest.FixtureRequest,
    extract: Path,
    osrm_programs: Programs,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[TravelSource, TravelSource, list[Coordinates]]]:
    """Two engines on the same roads, and sixty places around the middle."""
    name = str(request.param)
    path = extract if name == "grid" else next(path for path in REAL if path.name == name)
    latitude, longitude = MIDDLES.get(name, GRID)
    offsets = np.random.default_rng(4).uniform(-0.015, 0.015, (60, 2))
    places = [
        Coordinates(round(latitude + north, 6), round(longitude + 1.5 * east, 6)) for north, east in offsets
    ]
    site = road_servers.required_valhalla()
    folder = tmp_path_factory.mktemp("town")
    with ExitStack() as stack:
        osrm = stack.enter_context(road_servers.osrm_server(osrm_programs, path, Profile.CAR, folder))
        valhalla = stack.enter_context(road_servers.valhalla_server(site, path, folder))
        yield (
            OsrmTravel(osrm, Profile.CAR, "a1", radius_m=300, table_size=25),
            ValhallaTravel(valhalla, Profile.CAR, "a1", radius_m=300, table_size=25),
            places,
        )


class TestTwoEnginesOnTheSameRoads:
    def test_agree_about_most_ways(self, town):
        osrm, valhalla, places = town

        first, second = osrm.travel(places), valhalla.travel(places)

        both = (first.seconds != UNREACHABLE) & (second.seconds != UNREACHABLE) & (first.seconds > 0)
        assert both.sum() > 1000
        # They drive the same roads; in time they are 15 % apart, more where places lie at farm tracks.
        lengths = second.metres[both] / first.metres[both]
        assert 0.9 < np.median(lengths) < 1.1
        assert 0.5 < np.median(second.seconds[both] / first.seconds[both]) < 1.6

    def test_keep_a_difference_between_there_and_back(self, town):
        for engine in town[:2]:
            seconds = engine.travel(town[2]).seconds
            assert (seconds != seconds.T).any()

    def test_draw_the_way_that_they_measured(self, town):
        osrm, _, places = town
        good = [
            place for place, each in zip(places, osrm.snap(places), strict=True) if each.place is not None
        ]
        table = osrm.travel(good)
        whole = [n for n in range(len(good)) if (table.seconds[:, n] != UNREACHABLE).mean() > 0.9][:8]

        legs = osrm.path([good[n] for n in whole]).legs

        measured = table.metres[whole[:-1], whole[1:]]
        assert [leg.metres for leg in legs] == pytest.approx(measured.tolist(), rel=0.02, abs=2)
