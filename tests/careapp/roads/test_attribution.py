"""Whose data are named beside a map, and in `/api/about`."""

from datetime import UTC, datetime

from careapp.roads.attribution import credit_lines, map_credits
from careapp.roads.manifest import Bounds as RoadBounds
from careapp.roads.manifest import Extract, Manifest
from careapp.roads.tiles import Bounds, Tiles

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def some_tiles(folder, *, synthetic: bool) -> Tiles:
    return Tiles(
        path=folder / "tiles-0.pmtiles",
        sha256="0" * 64,
        size=1,
        built_at=NOW,
        extract="village.osm.pbf",
        extract_sha256="1" * 64,
        synthetic=synthetic,
        bounds=Bounds(8.0, 51.0, 8.1, 51.1),
        first_zoom=6,
        last_zoom=14,
        features={},
    )


def some_roads(data_dir, *, synthetic: bool) -> None:
    folder = data_dir / "roads" / "sets" / "one"
    folder.mkdir(parents=True)
    Manifest(
        data="2" * 64,
        built_at=NOW,
        extract=Extract(
            file="net.osm.pbf", sha256="3" * 64, bounds=RoadBounds(west=8, south=51, east=9, north=52)
        ),
        profiles=(),
        slices=("base",),
        algorithm="mld",
        synthetic=synthetic,
        attribution="© Somebody",
        programs="26.10",
    ).write(folder)
    (data_dir / "roads" / "current").symlink_to("sets/one")


class TestMapCredits:
    def test_name_openstreetmap_geonames_and_the_railway(self, tmp_path):
        texts = [credit.text for credit in map_credits(some_tiles(tmp_path, synthetic=False), tmp_path)]

        assert texts == [
            "© OpenStreetMap contributors (ODbL)",
            "GeoNames (CC BY 4.0)",
            "DB InfraGO AG (CC BY 4.0)",
        ]

    def test_are_the_same_on_the_plain_map(self, tmp_path):
        assert len(map_credits(None, tmp_path)) == 3

    def test_say_that_a_synthetic_map_is_synthetic(self, tmp_path):
        first = map_credits(some_tiles(tmp_path, synthetic=True), tmp_path)[0]

        assert first.text == "synthetisches Demo-Straßennetz"

    def test_say_that_the_roads_of_tours_are_synthetic(self, tmp_path):
        some_roads(tmp_path, synthetic=True)

        assert map_credits(None, tmp_path)[0].text == "synthetisches Demo-Straßennetz"


class TestCreditLines:
    def test_are_none_where_there_is_nothing(self, tmp_path):
        assert credit_lines(None, tmp_path) == []

    def test_name_the_map_and_the_roads(self, tmp_path):
        some_roads(tmp_path, synthetic=False)

        lines = credit_lines(some_tiles(tmp_path, synthetic=False), tmp_path)

        assert lines == [
            "Map: © OpenStreetMap contributors (https://openstreetmap.org/copyright), ODbL 1.0",
            "Roads: © Somebody",
        ]

    def test_call_synthetic_roads_synthetic_in_both_languages(self, tmp_path):
        some_roads(tmp_path, synthetic=True)

        assert credit_lines(None, tmp_path)[0] == (
            "Roads: synthetisches Demo-Straßennetz (synthetic roads, no real ones)"
        )

    def test_name_openstreetmap_where_the_manifest_is_damaged(self, tmp_path):
        some_roads(tmp_path, synthetic=True)
        (tmp_path / "roads" / "sets" / "one" / "manifest.json").write_text("{")

        assert "OpenStreetMap" in credit_lines(None, tmp_path)[0]
