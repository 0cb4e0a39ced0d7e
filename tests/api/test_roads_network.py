"""`careapp roads synthetic`, `gazetteer` and `calibrate`."""

import pytest
from click.testing import CliRunner

from api.cli import main


@pytest.fixture
def careapp(monkeypatch, tmp_path):
    """Run `careapp` in this process on a folder of its own."""
    monkeypatch.setenv("CAREAPP_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: object):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


class TestSyntheticAndGazetteer:
    def test_make_roads_and_find_addresses_on_them(self, careapp, tmp_path):
        roads = tmp_path / "roads.osm.pbf"

        made = careapp("roads", "synthetic", "--seed", 1, "--nodes", 20000, "--out", roads)
        found = careapp("roads", "gazetteer", roads, "--try", 40, "--seed", 2)

        assert made.exit_code == 0
        assert "synthetisches Demo-Straßennetz, 200" in made.stdout
        assert found.exit_code == 0
        assert "one letter dropped" in found.stdout
        assert (tmp_path / "data" / "roads" / "gazetteer.sqlite").exists()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("synthetic", "--nodes", "100", "--out", "roads.osm"), "ask for at least"),
            (("synthetic", "--out", "roads.png", "--nodes", "20000"), "ends in .osm.pbf or .osm"),
            (("gazetteer", "nowhere.osm.pbf"), "fetch it again"),
            (("calibrate", "nowhere.csv"), "cannot be read as CSV"),
        ],
    )
    def test_say_what_is_wrong(self, careapp, arguments, words):
        result = careapp("roads", *arguments)

        assert result.exit_code == 2
        assert words in result.stderr
        assert "Traceback" not in result.stderr


class TestCalibrate:
    def test_prints_settings(self, careapp, tmp_path, monkeypatch):
        monkeypatch.setenv("CAREAPP_ACCESS_S", "60")
        legs = tmp_path / "legs.csv"
        lines = [f"{planned},{1.25 * planned + 30},8" for planned in range(100, 1500, 10)]
        legs.write_text("\n".join(["planned_s,driven_s,hour", *lines, "?,1,2"]))

        result = careapp("roads", "calibrate", legs)

        # The plan was base + 60; driven = 1.25 * planned + 30 = 1.25 * base + 105.
        assert result.exit_code == 0
        assert "CAREAPP_TRAVEL_SPEED_FACTOR=0.8\nCAREAPP_ACCESS_S=105\n" in result.stdout
        assert "left out: 1 a line without two numbers" in result.stdout
