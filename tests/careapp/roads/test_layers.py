"""What of an extract is drawn."""

import io
import json
from typing import Any

import osmium
import pytest

from careapp.roads.layers import ExtractUnreadable, header_of, write_layers
from tests.careapp.roads.village import a_village


def features_of(path) -> dict[str, list[dict[str, Any]]]:
    file = io.StringIO()
    write_layers(path, file, lambda objects: None)
    layers: dict[str, list[dict[str, Any]]] = {}
    for line in file.getvalue().splitlines():
        feature = json.loads(line)
        layers.setdefault(feature["tippecanoe"]["layer"], []).append(feature)
    return layers


@pytest.fixture(scope="module")
def village(tmp_path_factory):
    return a_village(tmp_path_factory.mktemp("osm") / "village.osm.pbf", generator="careapp synthetic 1")


@pytest.fixture(scope="module")
def layers(village):
    return features_of(village)


class TestWriteLayers:
    def test_gives_a_road_its_class_name_and_number(self, layers):
        road = next(each for each in layers["roads"] if "name" in each["properties"])

        assert road["properties"] == {"class": "secondary", "name": "Dorfstraße", "ref": "L 776"}
        assert road["tippecanoe"]["minzoom"] == 9
        assert len(road["geometry"]["coordinates"]) == 4

    def test_leaves_out_roads_that_are_cut_off_or_not_built(self, layers):
        assert sorted(each["properties"]["class"] for each in layers["roads"]) == ["secondary", "service"]

    def test_draws_water_and_wood_as_areas(self, layers):
        assert [each["properties"] for each in layers["water"]] == [{"class": "water"}]
        assert [each["properties"] for each in layers["land"]] == [{"class": "forest"}]
        assert layers["land"][0]["geometry"]["type"] == "MultiPolygon"

    def test_names_places_with_their_people(self, layers):
        (place,) = layers["places"]

        assert place["properties"] == {"class": "village", "name": "Weiler an der Röhr", "people": 1204}

    def test_puts_house_numbers_on_doors_and_into_the_middle_of_houses(self, layers):
        found = {
            each["properties"]["number"]: each["geometry"]["coordinates"] for each in layers["addresses"]
        }

        # Columns 0 and 1, rows 1 and 2 of the grid: half a step from each side.
        assert found["12a"] == pytest.approx([8.401, 51.203])
        assert found["7"] == pytest.approx([8.4, 51.208])
        assert len(layers["buildings"]) == 1

    def test_draws_what_the_extract_holds_of_a_boundary(self, layers):
        assert [each["properties"] for each in layers["boundaries"]] == [{"level": 8}]

    def test_tells_how_far_it_is_and_lets_itself_be_stopped(self, village, monkeypatch):
        monkeypatch.setattr("careapp.roads.layers.TELL_EVERY", 1)

        def stop(objects: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_layers(village, io.StringIO(), stop)


class TestBadExtracts:
    @pytest.mark.parametrize("keep", [0, 10, 300])
    def test_that_end_too_early_are_refused(self, village, tmp_path, keep):
        path = tmp_path / "cut.osm.pbf"
        path.write_bytes(village.read_bytes()[:keep])

        with pytest.raises(ExtractUnreadable, match="fetch the file anew"):
            features_of(path)

    def test_with_garbled_bytes_are_refused(self, village, tmp_path):
        path = tmp_path / "garbled.osm.pbf"
        content = bytearray(village.read_bytes())
        content[-200:-100] = bytes(100)
        path.write_bytes(content)

        with pytest.raises(ExtractUnreadable, match="fetch the file anew"):
            features_of(path)

    def test_that_are_something_else_are_refused(self, tmp_path):
        path = tmp_path / "letter.osm.pbf"
        path.write_text("Dear Sir or Madam, " * 100)

        with pytest.raises(ExtractUnreadable, match="fetch the file anew"):
            features_of(path)

    def test_that_hold_nothing_are_refused(self, tmp_path):
        path = tmp_path / "empty.osm.pbf"
        osmium.SimpleWriter(str(path)).close()

        with pytest.raises(ExtractUnreadable, match="name another extract"):
            features_of(path)

    def test_that_are_not_there_are_refused(self, tmp_path):
        with pytest.raises(ExtractUnreadable, match="there is no file"):
            features_of(tmp_path / "nowhere.osm.pbf")


class TestHeader:
    def test_tells_the_program_that_wrote_the_extract(self, village):
        assert header_of(village) == "careapp synthetic 1"

    def test_of_a_damaged_file_is_refused(self, tmp_path):
        path = tmp_path / "letter.osm.pbf"
        path.write_text("Dear Sir or Madam, " * 100)

        with pytest.raises(ExtractUnreadable, match="fetch the file anew"):
            header_of(path)
