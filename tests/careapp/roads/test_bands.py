"""Comparing two sources of travel times by distance."""

import pytest

from careapp.demo.facts import read_facts
from careapp.roads.bands import compare_by_distance, compare_network, lines_of
from careapp.roads.network import make_network, write_network
from routing.travel import CarEstimate, Coordinates
from tests.careapp.roads.conftest import NOON, ignore

ROW = [Coordinates(51.0 + number * 0.004, 8.0) for number in range(30)]
"""One after the other to the north, 445 m apart: the farthest two lie 12.9 km apart."""


class TestCompareByDistance:
    def test_tells_how_slow_one_is_by_the_other(self):
        bands = compare_by_distance(CarEstimate(safety=1.5), CarEstimate(safety=1.0), [ROW])

        # 30 places: 29 pairs at 0.445 km, both ways
        assert [(band.low_km, band.high_km) for band in bands] == [
            (0.15, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 20.0)
        ]  # fmt: skip
        assert bands[0].pairs == 58
        for band in bands:
            assert band.slowness == pytest.approx(1.5, rel=0.02)
            assert band.detour == band.estimated_detour

    def test_leaves_out_bands_with_few_pairs(self):
        assert compare_by_distance(CarEstimate(), CarEstimate(), [ROW[:5]]) == []

    def test_is_printed_as_a_table(self):
        bands = compare_by_distance(CarEstimate(), CarEstimate(), [ROW])

        lines = list(lines_of(bands))

        assert len(lines) == 1 + len(bands)
        assert "0.15-0.5" in lines[1]
        assert "1.00" in lines[1]


class TestCompareNetwork:
    def test_finds_the_network_slow_enough_to_be_believed(self, tmp_path, osrm_programs):
        path = tmp_path / "roads.osm.pbf"
        write_network(make_network(read_facts(), seed=0), path)

        bands = compare_network(path, osrm_programs, seed=0, now=NOON, tell=ignore)

        for band in bands:
            if band.low_km >= 0.5:
                assert 0.8 < band.slowness < 1.25
                assert 0.9 * band.estimated_detour < band.detour < 1.15 * band.estimated_detour
        assert {band.low_km for band in bands} >= {0.15, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0}
