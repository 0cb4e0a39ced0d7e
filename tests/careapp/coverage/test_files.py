"""Data sets of coverage."""

import json
from datetime import date

import pytest

from careapp.coverage.cells import Cell
from careapp.coverage.files import CoverageFileUnusable, Figure, read_figures

TODAY = date(2026, 3, 2)
CELL = Cell.named("51.39,8.064")


def a_file(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def a_feature(kind, coordinates, **properties):
    geometry = {"type": kind, "coordinates": coordinates}
    return {
        "type": "Feature",
        "properties": {"operator": "Netz A", "down_mbit": 20, **properties},
        "geometry": geometry,
    }


def a_collection(folder, *features):
    return a_file(folder, "c.geojson", json.dumps({"type": "FeatureCollection", "features": features}))


def cells_of(folder, *features):
    return {figure.cell.name for figure in read_figures(a_collection(folder, *features), today=TODAY)}


class TestCsv:
    def test_tells_of_points(self, tmp_path):
        path = a_file(
            tmp_path,
            "c.csv",
            "operator,latitude,longitude,down_mbit,up_mbit,as_of\nNetz A,51.3967,8.0644,48.2,11,2026-01-31\n",
        )

        assert list(read_figures(path, today=TODAY)) == [
            Figure("Netz A", CELL, 48.2, 11.0, date(2026, 1, 31))
        ]

    def test_tells_of_cells_as_a_german_program_writes_them(self, tmp_path):
        path = a_file(
            tmp_path, "c.CSV", 'Operator;cell;down_mbit\n"Netz; A";51.39,8.064;8,4\n\n', "utf-8-sig"
        )

        (figure,) = read_figures(path, today=TODAY)

        # without up_mbit a quarter: 8.4 / 4 = 2.1
        assert (figure.operator, figure.cell, figure.as_of) == ("Netz; A", CELL, TODAY)
        assert (figure.down_mbit, figure.up_mbit) == pytest.approx((8.4, 2.1))

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("Netz A,95,8.0644,1", "line 2: write the latitude"),
            ("Netz A,51.3967,,1", "line 2: a value is missing"),
            ("Netz A,51.3967,8.0644,schnell", "line 2: a value is missing or not of its kind"),
            ("Netz A,51.3967,8.0644,-1", "line 2: write speeds"),
            ("Netz A,51.3967,8.0644,nan", "line 2: a value is missing"),
            (",51.3967,8.0644,1", "line 2: name the operator"),
            ("Netz A", "line 2"),
        ],
    )
    def test_is_refused_with_the_line_and_not_its_content(self, tmp_path, line, words):
        path = a_file(tmp_path, "c.csv", f"operator,latitude,longitude,down_mbit\n{line}\n")

        with pytest.raises(CoverageFileUnusable, match=words) as refused:
            list(read_figures(path, today=TODAY))

        assert "schnell" not in str(refused.value)

    def test_names_its_columns(self, tmp_path):
        path = a_file(tmp_path, "c.csv", "operator,down_mbit\nNetz A,3\n")

        with pytest.raises(CoverageFileUnusable, match="the first line names the columns"):
            list(read_figures(path, today=TODAY))


class TestGeoJson:
    def test_tells_of_points(self, tmp_path):
        path = a_collection(tmp_path, a_feature("Point", [8.0644, 51.3967], up_mbit=3, as_of="2026-02-01"))

        assert list(read_figures(path, today=TODAY)) == [Figure("Netz A", CELL, 20.0, 3.0, date(2026, 2, 1))]

    def test_tells_of_cells_whose_middle_an_area_holds(self, tmp_path):
        square = [[8.06, 51.392], [8.10, 51.392], [8.10, 51.412], [8.06, 51.412], [8.06, 51.392]]

        # middles at latitude 51.395 and 51.405, longitude 8.072 and 8.088; not 8.104 or 51.415
        assert cells_of(tmp_path, a_feature("Polygon", [square])) == {
            "51.39,8.064",
            "51.39,8.080",
            "51.40,8.064",
            "51.40,8.080",
        }

    def test_leaves_holes_out(self, tmp_path):
        square = [[8.06, 51.392], [8.10, 51.392], [8.10, 51.412], [8.06, 51.412], [8.06, 51.392]]
        hole = [[8.07, 51.394], [8.075, 51.394], [8.075, 51.396], [8.07, 51.396], [8.07, 51.394]]

        assert "51.39,8.064" not in cells_of(tmp_path, a_feature("Polygon", [square, hole]))

    def test_takes_a_small_area_for_the_cell_in_which_it_lies(self, tmp_path):
        tiny = [[8.065, 51.391], [8.066, 51.391], [8.066, 51.392], [8.065, 51.391]]
        other = [[8.085, 51.391], [8.086, 51.391], [8.086, 51.392], [8.085, 51.391]]

        assert cells_of(tmp_path, a_feature("MultiPolygon", [[tiny], [other]])) == {
            "51.39,8.064",
            "51.39,8.080",
        }

    @pytest.mark.parametrize(
        "feature",
        [
            {},
            a_feature("LineString", [[8, 51], [9, 51]]),
            a_feature("Polygon", [[[8, 51], [9, 51]]]),
            a_feature("Polygon", [[[-180, -90], [180, -90], [180, 90], [-180, -90]]]),
            a_feature("Point", ["x", 51]),
            a_feature("Point", [8, 51], down_mbit=True),
            a_feature("Point", [8, 51], as_of="gestern"),
            a_feature("Point", None),
        ],
    )
    def test_is_refused_with_the_number_of_the_feature(self, tmp_path, feature):
        with pytest.raises(CoverageFileUnusable, match="feature 1"):
            list(read_figures(a_collection(tmp_path, feature), today=TODAY))

    @pytest.mark.parametrize("text", ["{", "[]", '{"features": 1}', "[" * 100_000])
    def test_is_refused_if_it_is_none(self, tmp_path, text):
        with pytest.raises(CoverageFileUnusable):
            list(read_figures(a_file(tmp_path, "c.json", text), today=TODAY))


class TestAnyOtherFile:
    def test_is_refused_by_its_name(self, tmp_path):
        with pytest.raises(CoverageFileUnusable, match=r"ends in \.csv"):
            list(read_figures(a_file(tmp_path, "c.xlsx", ""), today=TODAY))

    def test_is_refused_if_it_is_not_there(self, tmp_path):
        with pytest.raises(CoverageFileUnusable, match="cannot be read"):
            list(read_figures(tmp_path / "c.csv", today=TODAY))

    def test_is_refused_if_it_is_not_text(self, tmp_path):
        with pytest.raises(CoverageFileUnusable, match="UTF-8"):
            list(read_figures(a_file(tmp_path, "c.csv", "Ä\n", "latin-1"), today=TODAY))
