"""The map's ground over HTTP: which there is, its style, its tiles by range."""

from datetime import UTC, datetime

import pytest

from careapp.demo.facts import read_facts
from careapp.roads.tiles import build_tiles
from tests.careapp.roads.village import a_village

TILES = "/api/map/tiles.pmtiles"


@pytest.fixture(scope="module")
def built_tiles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiles")
    extract = a_village(folder / "village.osm.pbf")
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    return build_tiles(extract, folder, now=now, tell=lambda step, share, detail: None)


@pytest.fixture
def tiles(built_tiles, settings):
    """The tiles of a village, in the data folder that the client's server reads."""
    settings.roads_dir.mkdir(parents=True)
    for name in (built_tiles.path.name, "tiles.json"):
        (settings.roads_dir / name).write_bytes((built_tiles.path.parent / name).read_bytes())
    return built_tiles


@pytest.fixture
def content(tiles) -> bytes:
    found: bytes = tiles.path.read_bytes()
    return found


class TestMap:
    def test_is_plain_where_no_tiles_were_built(self, sqlite_client):
        found = sqlite_client.get("/api/map").json()

        assert (found["kind"], found["tiles"]) == ("plain", None)
        west, south, east, north = found["bounds"]
        assert west < 8.06 < east  # Arnsberg
        assert south < 51.4 < north
        assert "© OpenStreetMap contributors (ODbL)" in {each["text"] for each in found["credits"]}

    def test_has_tiles_as_soon_as_they_are_built(self, sqlite_client, tiles):
        found = sqlite_client.get("/api/map").json()

        assert found["kind"] == "tiles"
        assert found["bounds"] == pytest.approx([8.4, 51.2, 8.408, 51.208], abs=1e-4)
        assert sqlite_client.get(found["tiles"]).content == tiles.path.read_bytes()


class TestStyle:
    @pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
    def test_asks_for_nothing_from_elsewhere(self, sqlite_client, theme):
        style = sqlite_client.get(f"/api/map/style.json?theme={theme}")

        assert "://" not in style.text
        assert not {"glyphs", "sprite"} & style.json().keys()
        assert style.json()["sources"]["plain"]["data"] == "/api/map/plain.geojson"

    def test_draws_only_layers_that_the_tiles_have(self, sqlite_client, tiles):
        style = sqlite_client.get("/api/map/style.json").json()

        drawn = {layer["source-layer"] for layer in style["layers"] if "source-layer" in layer}
        assert drawn - {"rails"} == tiles.features.keys()  # the village has no railway
        assert style["sources"]["tiles"]["url"].startswith("pmtiles:///api/map/tiles.pmtiles?v=")

    def test_is_not_sent_twice(self, sqlite_client):
        tag = sqlite_client.get("/api/map/style.json").headers["etag"]

        again = sqlite_client.get("/api/map/style.json", headers={"If-None-Match": tag})

        assert (again.status_code, again.content) == (304, b"")

    def test_of_a_theme_that_is_not_known_is_refused(self, sqlite_client):
        assert sqlite_client.get("/api/map/style.json?theme=pink").status_code == 400


class TestPlainMap:
    def test_shows_towns_villages_and_stops(self, sqlite_client):
        answer = sqlite_client.get("/api/map/plain.geojson")

        features = answer.json()["features"]
        layers = [each["properties"]["layer"] for each in features]
        stops = [
            each["geometry"]["coordinates"] for each in features if each["properties"]["layer"] == "stops"
        ]
        assert answer.headers["content-type"] == "application/geo+json"
        assert layers.count("municipality") == 59
        assert layers.count("village") > 700
        assert sum(map(len, stops)) == len(read_facts().stops)
        assert len(answer.content) < 350_000

    def test_tells_nothing_but_public_facts(self, sqlite_client):
        features = sqlite_client.get("/api/map/plain.geojson").json()["features"]

        assert {key for each in features for key in each["properties"]} == {
            "layer",
            "name",
            "district",
            "rank",
        }


class TestTiles:
    def test_that_are_not_there_are_not_found(self, sqlite_client):
        answer = sqlite_client.get(TILES)

        assert answer.status_code == 404
        assert "careapp roads tiles FILE.osm.pbf" in answer.json()["detail"]

    def test_that_are_damaged_are_not_found(self, sqlite_client, tiles, settings):
        (settings.roads_dir / tiles.path.name).write_bytes(b"PMTiles?")

        assert sqlite_client.get(TILES).status_code == 404
        assert sqlite_client.get("/api/map").json()["kind"] == "plain"

    def test_are_sent_whole(self, sqlite_client, content):
        answer = sqlite_client.get(TILES)

        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-type"] == "application/vnd.pmtiles"

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-126", 0, 126),
            ("bytes=7-7", 7, 7),
            ("bytes=100-", 100, None),
            ("bytes=-20", -20, None),
            ("bytes=0-99999999", 0, None),
            ("bytes=-99999999", 0, None),
        ],
    )
    def test_are_sent_in_part(self, sqlite_client, content, asked, first, last):
        answer = sqlite_client.get(TILES, headers={"Range": asked})

        first, last = first % len(content), len(content) - 1 if last is None else last
        assert answer.status_code == 206
        assert answer.content == content[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"

    def test_are_sent_in_several_parts(self, sqlite_client, content):
        answer = sqlite_client.get(TILES, headers={"Range": "bytes=0-6, 20-29"})

        assert answer.status_code == 206
        assert answer.headers["content-type"].startswith("multipart/byteranges")
        assert content[20:30] in answer.content

    @pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=0-1,99999999-"])
    def test_of_which_nothing_lies_in_the_range_are_416(self, sqlite_client, content, asked):
        answer = sqlite_client.get(TILES, headers={"Range": asked})

        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "asked", ["bytes=5-2", "bytes", "bytes=", "lines=1-2", "bytes=a-b", "bytes=1-2-3"]
    )
    def test_are_sent_whole_if_the_range_cannot_be_read(self, sqlite_client, content, asked):
        answer = sqlite_client.get(TILES, headers={"Range": asked})

        assert (answer.status_code, answer.content) == (200, content)

    def test_are_sent_in_part_only_while_they_are_the_same(self, sqlite_client, content):
        tag = sqlite_client.get(TILES).headers["etag"]

        same = sqlite_client.get(TILES, headers={"Range": "bytes=0-9", "If-Range": tag})
        other = sqlite_client.get(TILES, headers={"Range": "bytes=0-9", "If-Range": '"from-before"'})
        beyond = sqlite_client.get(TILES, headers={"Range": "bytes=99999999-", "If-Range": '"from-before"'})

        assert (same.status_code, len(same.content)) == (206, 10)
        assert (other.status_code, other.content) == (200, content)
        assert (beyond.status_code, beyond.content) == (200, content)

    def test_are_not_sent_twice(self, sqlite_client, tiles):
        tag = sqlite_client.get(TILES).headers["etag"]

        assert sqlite_client.get(TILES, headers={"If-None-Match": tag}).status_code == 304


class TestAbout:
    def test_names_whose_tiles_are_shown(self, sqlite_client, tiles):
        lines = sqlite_client.get("/api/about").json()["attribution"]

        assert "Map: © OpenStreetMap contributors (https://openstreetmap.org/copyright), ODbL 1.0" in lines
        assert any("GeoNames" in line and "CC BY 4.0" in line for line in lines)
        assert any("DB InfraGO" in line and "CC BY 4.0" in line for line in lines)

    def test_names_no_tiles_where_there_are_none(self, sqlite_client):
        lines = sqlite_client.get("/api/about").json()["attribution"]

        assert not any(line.startswith("Map:") for line in lines)
