"""How far the estimate is from roads: its arithmetic, its command, and what was promised of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import main
from careapp.roads.accuracy import TooFewPlaces, draw_places, measure_accuracy
from careapp.roads.segments import read_segments
from routing.travel.estimate import CarEstimate
from routing.travel.source import Coordinates
from tests.careapp.roads.conftest import share_programs
from tests.careapp.roads.extracts import SOUTH, STEP, WEST, write_grid

REAL = sorted((Path(__file__).parents[4] / "shared" / "osm").glob("*.osm.pbf"))
PLACES = [Coordinates(51 + 0.01 * (number % 7), 8 + 0.013 * (number // 7)) for number in range(40)]


class TestMeasureAccuracy:
    def test_finds_no_error_in_the_truth(self):
        found = measure_accuracy(CarEstimate(), CarEstimate(), PLACES, rounds=20, stops=5, seed=1)

        assert (found.error, found.bias, found.length_error, found.best_factor) == (0, 0, 0, 1)
        assert (found.places, found.rounds, found.stops) == (40, 20, 5)

    def test_finds_how_much_too_slow_a_formula_is(self):
        # Each way takes 1.25 times as long; rounding up to seconds adds less than a thousandth.
        found = measure_accuracy(
            CarEstimate(safety=1), CarEstimate(safety=1.25), PLACES, rounds=20, stops=5, seed=1
        )

        assert found.error == pytest.approx(0.25, abs=0.002)
        assert found.bias == pytest.approx(0.25, abs=0.002)
        assert found.best_factor == pytest.approx(0.8, abs=0.002)

    def test_is_the_same_with_the_same_seed(self):
        first, again, other = (
            measure_accuracy(CarEstimate(), CarEstimate(), PLACES, rounds=5, stops=5, seed=seed)
            for seed in (1, 1, 2)
        )

        assert first == again
        assert first.road_minutes != other.road_minutes

    def test_needs_places_for_a_round(self):
        with pytest.raises(TooFewPlaces, match="only 40 of 40"):
            measure_accuracy(CarEstimate(), CarEstimate(), PLACES, rounds=1, stops=40, seed=1)


class TestDrawPlaces:
    def test_draws_beside_streets_where_people_live(self, grid_manifest):
        segments = read_segments(grid_manifest.folder / "roads.npz")

        places = draw_places(segments, count=50, seed=3)

        assert places == draw_places(segments, count=50, seed=3)
        assert len(places) > 30
        for place in places:
            assert SOUTH <= place.latitude <= SOUTH + 11 * STEP
            assert WEST <= place.longitude <= WEST + 11 * STEP

    def test_needs_such_a_street(self, builder, tmp_path):
        manifest = builder(write_grid(tmp_path / "fast.osm.pbf", highway="primary")).manifest

        with pytest.raises(TooFewPlaces, match="no street"):
            draw_places(read_segments(manifest.folder / "roads.npz"), count=5, seed=3)


@pytest.fixture
def run(osrm_programs, tmp_path):
    share_programs(osrm_programs, tmp_path)

    def command(*arguments):
        words = ["roads", "accuracy", *map(str, arguments), "--data-dir", str(tmp_path)]
        return CliRunner().invoke(main, words)

    return command


class TestTheCommand:
    def test_prints_both_errors(self, run, grid):
        answer = run(grid, "--rounds", 10, "--stops", 4, "--safety", 1.3)

        assert answer.exit_code == 0
        assert "grid.osm.pbf: 10 rounds of 4 stops" in answer.stdout
        assert "formula alone" in answer.stdout
        assert "with safety factor 1.3" in answer.stdout

    def test_keeps_what_was_promised(self, run, grid):
        answer = run(grid, *REAL, "--json")

        assert answer.exit_code == 0
        found = [json.loads(line) for line in answer.stdout.splitlines()]
        assert [each["extract"] for each in found] == [path.name for path in (grid, *REAL)]
        for each in found[1:]:
            assert (each["rounds"], each["stops"]) == (300, 12)
            assert each["without_safety"]["error"] <= 0.20
            assert each["error"] <= 0.20
