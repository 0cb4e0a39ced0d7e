"""Cells of about a kilometre."""

from math import cos, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careapp.coverage.cells import Bounds, Cell, NoArea, NoSuchCell

LATITUDES = st.floats(-89.9, 89.9)
LONGITUDES = st.floats(-179.9, 179.9)


class TestCell:
    def test_is_named_by_its_south_western_corner(self):
        # 8.0644 * 62.5 = 504.025: column 504 begins at 504 / 62.5 = 8.064
        assert Cell.of(latitude=51.3967, longitude=8.0644).name == "51.39,8.064"

    @given(LATITUDES, LONGITUDES)
    def test_holds_the_points_that_lead_to_it(self, latitude, longitude):
        cell = Cell.of(latitude=latitude, longitude=longitude)

        assert cell.south - 1e-6 <= latitude <= cell.south + 0.01 + 1e-6
        assert cell.west - 1e-6 <= longitude <= cell.west + 0.016 + 1e-6

    @given(LATITUDES, LONGITUDES)
    def test_is_found_by_its_name_its_corner_and_its_middle(self, latitude, longitude):
        cell = Cell.of(latitude=latitude, longitude=longitude)

        assert Cell.named(cell.name) == cell
        assert Cell.of(latitude=cell.south, longitude=cell.west) == cell
        assert Cell.of(latitude=cell.middle[0], longitude=cell.middle[1]) == cell

    def test_is_about_as_wide_as_high_where_we_are(self):
        high, wide = 0.01 * 111.2, 0.016 * 111.2 * cos(radians(51.2))

        assert high == pytest.approx(wide, rel=0.01)

    @pytest.mark.parametrize(
        "name", ["", "51.39", "51.395,8.064", "51.39,8.065", "95.00,8.064", "51.39,190.000", "5١.39,8.064"]
    )
    def test_is_not_found_by_other_words(self, name):
        with pytest.raises(NoSuchCell):
            Cell.named(name)

    @pytest.mark.parametrize("point", [(91, 0), (0, 181), (float("nan"), 0), (0, float("inf"))])
    def test_lies_on_the_earth(self, point):
        with pytest.raises(NoSuchCell):
            Cell.of(latitude=point[0], longitude=point[1])


class TestBounds:
    def test_hold_every_cell_that_an_area_touches(self):
        bounds = Bounds.of(8.07, 51.395, 8.09, 51.405, most=100)

        # rows 5139 and 5140; columns 8.07 * 62.5 = 504.4 to 8.09 * 62.5 = 505.6
        assert [cell.name for cell in bounds] == ["51.39,8.064", "51.39,8.080", "51.40,8.064", "51.40,8.080"]
        assert len(bounds) == 4

    def test_are_not_larger_than_allowed(self):
        with pytest.raises(NoArea, match="at most 100 are shown"):
            Bounds.of(7.0, 51.0, 8.0, 52.0, most=100)

    @pytest.mark.parametrize(
        "sides", [(8.1, 51.0, 8.0, 52.0), (8.0, 51.0, 8.1, 51.0), (8, 51, float("nan"), 52)]
    )
    def test_are_an_area(self, sides):
        with pytest.raises(NoArea):
            Bounds.of(*sides, most=100)
