"""Roads for the demo region: made only where they are asked for, and marked as synthetic."""

from random import Random
from statistics import median

from careapp.config import Settings
from careapp.demo.facts import read_facts
from careapp.demo.geography import Area
from careapp.roads.demo_roads import lay_roads
from careapp.roads.engine import Engine
from careapp.roads.gazetteer import Gazetteer
from careapp.roads.manifest import BASE, current_manifest
from careapp.roads.network import LABEL
from routing.travel import CarEstimate, Coordinates
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Profile
from routing.units import UNREACHABLE
from tests.careapp.roads.conftest import NOON, ignore


class TestLayRoads:
    def test_does_nothing_where_estimates_do(self, tmp_path):
        made = lay_roads(Settings.read(data_dir=tmp_path), seed=0, now=NOON, tell=ignore)

        assert not made
        assert list(tmp_path.iterdir()) == []

    def test_lets_the_whole_chain_run_without_a_map(self, tmp_path, osrm_programs):
        settings = Settings.read(data_dir=tmp_path, roads="osrm")
        facts, random = read_facts(), Random(3)  # noqa: S311 -- a test must repeat
        area = Area(facts, facts.municipalities[0].centre)
        homes = [area.a_home(random).point for _ in range(40)]
        places = [Coordinates(home.latitude, home.longitude) for home in homes]

        made = lay_roads(
            settings, seed=0, now=NOON, tell=ignore, nodes=40_000, programs=lambda: osrm_programs
        )
        again = lay_roads(settings, seed=0, now=NOON, tell=ignore, programs=lambda: osrm_programs)

        manifest = current_manifest(tmp_path)
        assert (made, again) == (True, False)
        assert manifest.synthetic
        assert manifest.profiles == (Profile.CAR, Profile.BICYCLE)
        assert Gazetteer(settings.gazetteer_path).search("Neheim", limit=1)[0].attribution == LABEL
        with Engine(manifest, Profile.CAR, BASE, osrm_programs) as engine:
            travel = OsrmTravel(engine.start(), Profile.CAR, manifest.data).travel(places)
        estimate = CarEstimate(safety=1.0).travel(places)
        pairs = [
            (row, column)
            for row in range(40)
            for column in range(40)
            if 1 <= homes[row].kilometres_to(homes[column]) < 15
        ]
        assert len(pairs) > 500
        assert not (travel.seconds == UNREACHABLE).any()
        # with few side streets ways are shorter than in the network that the demo makes
        assert 0.75 < median(travel.seconds[pair] / estimate.seconds[pair] for pair in pairs) < 1.4
        assert 0.8 < median(travel.metres[pair] / estimate.metres[pair] for pair in pairs) < 1.3
