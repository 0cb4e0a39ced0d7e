"""The command `careapp roads tiles`."""

import pytest
from click.testing import CliRunner

from api.cli import main
from careapp.roads.tiles import find_tiles
from tests.careapp.roads.village import a_village


@pytest.fixture
def careapp(tmp_path):
    """Run `careapp roads tiles` in this process on a folder of its own."""

    def run(extract):
        return CliRunner().invoke(
            main, ["roads", "tiles", str(extract), "--data-dir", str(tmp_path / "data")]
        )

    return run


class TestRoadsTiles:
    def test_builds_the_map_and_says_what_must_stand_beside_it(self, careapp, tmp_path):
        result = careapp(a_village(tmp_path / "village.osm.pbf"))

        assert result.exit_code == 0, result.output
        assert "zoom 6 to 14" in result.stderr
        assert "© OpenStreetMap contributors" in result.stderr
        assert find_tiles(tmp_path / "data" / "roads") is not None

    def test_refuses_a_damaged_extract_and_keeps_the_old_map(self, careapp, tmp_path):
        village = a_village(tmp_path / "village.osm.pbf")
        careapp(village)
        before = find_tiles(tmp_path / "data" / "roads")
        village.write_bytes(village.read_bytes()[:-20])

        result = careapp(village)

        assert result.exit_code == 2
        assert "village.osm.pbf cannot be read as an OpenStreetMap extract" in result.stderr
        assert find_tiles(tmp_path / "data" / "roads") == before
