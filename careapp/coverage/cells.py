"""Cells of about 1.1 kilometres, by which coverage is known: small as a valley, too large to be a door.

A cell is 0.01 degrees high and 0.016 degrees wide, which is 1.1 km each way at 51° north. A phone counts in
cells itself: `floor(latitude * 100)` and `floor(longitude * 62.5)`, so that no place of a nurse leaves it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, isfinite

from careapp.errors import Invalid

_ROWS_A_DEGREE, _COLUMNS_A_DEGREE = 100, 62.5
_NAME = re.compile(r"(-?\d{1,2}\.\d\d),(-?\d{1,3}\.\d\d\d)", re.ASCII)
_ROUNDING = 1e-9
"""A corner that is written in decimals may lie a hair below the number it stands for."""


class NoSuchCell(Invalid):
    """A cell's name is not of the form that `Cell.name` has, or it lies off the Earth."""


class NoArea(Invalid):
    """The bounds of an area are no bounds, or it is too large."""


@dataclass(frozen=True, order=True)
class Cell:
    """A cell by its place in the grid.

    Attributes:
        row: Counted northwards from the equator.
        column: Counted eastwards from Greenwich.
    """

    row: int
    column: int

    @classmethod
    def of(cls, *, latitude: float, longitude: float) -> "Cell":
        """Return the cell in which a point lies.

        Raises:
            NoSuchCell: The point is off the Earth.
        """
        if not (isfinite(latitude) and isfinite(longitude)) or abs(latitude) > 90 or abs(longitude) > 180:
            raise NoSuchCell("write the latitude from -90 to 90 and the longitude from -180 to 180 degrees")
        return cls(
            floor(latitude * _ROWS_A_DEGREE + _ROUNDING), floor(longitude * _COLUMNS_A_DEGREE + _ROUNDING)
        )

    @classmethod
    def named(cls, name: str) -> "Cell":
        """Return the cell of a name.

        Raises:
            NoSuchCell: It is none.
        """
        found = _NAME.fullmatch(name)
        if found is not None:
            cell = cls(round(float(found[1]) * _ROWS_A_DEGREE), round(float(found[2]) * _COLUMNS_A_DEGREE))
            if cell.name == name and abs(cell.south) < 90 and abs(cell.west) < 180:
                return cell
        raise NoSuchCell("a cell is named by its south-western corner, like 51.39,8.064")

    @property
    def south(self) -> float:
        """Latitude of its southern side, in degrees."""
        return round(self.row / _ROWS_A_DEGREE, 2)

    @property
    def west(self) -> float:
        """Longitude of its western side, in degrees."""
        return round(self.column / _COLUMNS_A_DEGREE, 3)

    @property
    def name(self) -> str:
        """Its south-western corner, `latitude,longitude`."""
        return f"{self.south:.2f},{self.west:.3f}"

    @property
    def middle(self) -> tuple[float, float]:
        """Latitude and longitude of its middle, in degrees."""
        return (self.row + 0.5) / _ROWS_A_DEGREE, (self.column + 0.5) / _COLUMNS_A_DEGREE


@dataclass(frozen=True)
class Bounds:
    """The cells between two corners, both included."""

    first: Cell
    last: Cell

    @classmethod
    def of(cls, west: float, south: float, east: float, north: float, *, most: int) -> "Bounds":
        """Return the cells that an area touches.

        Raises:
            NoArea: It is none, or has more than `most` cells.
            NoSuchCell: A corner is off the Earth.
        """
        if not (west < east and south < north):
            raise NoArea("name an area by its west, south, east and north in degrees, like 7.9,51.2,8.2,51.4")
        bounds = cls(Cell.of(latitude=south, longitude=west), Cell.of(latitude=north, longitude=east))
        if len(bounds) > most:
            raise NoArea(f"the area has {len(bounds)} cells, at most {most} are shown: name a smaller one")
        return bounds

    def __len__(self) -> int:
        """How many cells there are."""
        return (self.last.row - self.first.row + 1) * (self.last.column - self.first.column + 1)

    def __iter__(self) -> Iterator[Cell]:
        """Yield them row by row, each from west to east."""
        for row in range(self.first.row, self.last.row + 1):
            for column in range(self.first.column, self.last.column + 1):
                yield Cell(row, column)
