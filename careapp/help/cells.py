"""Where help is wanted, without saying at whose door: cells of about five and a half kilometres.

A cell is 0.05 degrees high and 0.08 degrees wide, which is 5.6 km each way at 51° north: a nurse can judge
the way, and no cell is a farm.
"""

import re
from math import floor

from careapp.errors import Invalid

_ROWS_A_DEGREE, _COLUMNS_A_DEGREE = 20, 12.5
_NAME = re.compile(r"(-?\d{1,2}\.\d\d),(-?\d{1,3}\.\d\d)", re.ASCII)


class NoSuchCell(Invalid):
    """A cell's name is not of the form that `cell_of` writes."""


def cell_of(*, latitude: float, longitude: float) -> str:
    """Return the name of the cell in which a point lies: its south-western corner, `latitude,longitude`."""
    row, column = floor(latitude * _ROWS_A_DEGREE), floor(longitude * _COLUMNS_A_DEGREE)
    return f"{row / _ROWS_A_DEGREE:.2f},{column / _COLUMNS_A_DEGREE:.2f}"


def middle_of(cell: str) -> tuple[float, float]:
    """Return latitude and longitude of a cell's middle, in degrees.

    Raises:
        NoSuchCell: It is none.
    """
    found = _NAME.fullmatch(cell)
    if found is None:
        raise NoSuchCell("a cell is named by its south-western corner, like 51.35,8.00")
    south, west = float(found[1]), float(found[2])
    return round(south + 0.5 / _ROWS_A_DEGREE, 4), round(west + 0.5 / _COLUMNS_A_DEGREE, 4)
