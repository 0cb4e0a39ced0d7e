"""Read a data set of coverage: CSV with a head line, or GeoJSON (RFC 7946).

    operator;latitude;longitude;down_mbit;up_mbit;as_of
    Netz A;51.3967;8.0644;48,2;11,0;2026-01-31

A figure is of a point or of a cell (a column `cell`, like 51.39,8.064, in place of latitude and longitude);
in GeoJSON of a Point, a Polygon or a MultiPolygon, with the other columns as properties. `up_mbit` may be
missing, then a quarter of `down_mbit` stands for it; so may `as_of`, then the day of the import does.
Files that separate by semicolons may write decimals with a comma.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from careapp.coverage.cells import Bounds, Cell, NoArea, NoSuchCell
from careapp.errors import Invalid

_UP_SHARE = 0.25
_MOST_MBIT = 100_000.0
_MOST_CELLS = 200_000
"""Of one area: some 500 kilometres each way."""
_LONGEST = 40  # as `CoverageFigure.operator` holds

Ring = list[tuple[float, float]]


class CoverageFileUnusable(Invalid):
    """A file of coverage cannot be read; the message says what is wrong, and in which line or feature."""


@dataclass(frozen=True)
class Figure:
    """What a data set says of one network at a place.

    Attributes:
        operator: Whose network.
        cell: Where.
        down_mbit: Towards the phone, in Mbit/s.
        up_mbit: From it.
        as_of: Of which day.
    """

    operator: str
    cell: Cell
    down_mbit: float
    up_mbit: float
    as_of: date


def read_figures(path: Path, *, today: date) -> Iterator[Figure]:
    """Yield the figures of a file, as its name ends: `.csv`, or `.json` and `.geojson`.

    Args:
        path: The file.
        today: Stands for `as_of` where it is missing.

    Raises:
        CoverageFileUnusable: It cannot be read.
    """
    try:
        if path.suffix.lower() == ".csv":
            yield from _from_csv(path, today)
        elif path.suffix.lower() in {".json", ".geojson"}:
            yield from _from_geojson(path, today)
        else:
            raise CoverageFileUnusable("name a file that ends in .csv, .json or .geojson")
    except OSError as refused:
        raise CoverageFileUnusable(f"{path.name} cannot be read: {refused.strerror}") from refused
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, csv.Error) as malformed:
        raise CoverageFileUnusable(
            f"{path.name} is malformed: write it in UTF-8, as the README shows"
        ) from malformed


def _from_csv(path: Path, today: date) -> Iterator[Figure]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        separator = ";" if ";" in head else ","
        names = [name.strip().strip('"').lower() for name in head.strip().split(separator)]
        missing = {"operator", "down_mbit"} - set(names)
        if missing or not ("cell" in names or {"latitude", "longitude"} <= set(names)):
            raise CoverageFileUnusable(
                f"{path.name}: the first line names the columns: operator, down_mbit, and latitude and "
                "longitude or cell"
            )
        for number, values in enumerate(csv.reader(file, delimiter=separator), start=2):
            if not any(value.strip() for value in values):
                continue
            row = dict(zip(names, (value.strip() for value in values), strict=False))
            with _telling(path, f"line {number}"):
                cell = (
                    Cell.named(row["cell"])
                    if row.get("cell")
                    else _cell_at(
                        _number(row.get("longitude"), separator), _number(row.get("latitude"), separator)
                    )
                )
                yield _figure(row, cell, today, separator)


def _from_geojson(path: Path, today: date) -> Iterator[Figure]:
    content = json.loads(path.read_text(encoding="utf-8"))
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        raise CoverageFileUnusable(f"{path.name} is no GeoJSON FeatureCollection")
    for number, feature in enumerate(features, start=1):
        with _telling(path, f"feature {number}"):
            properties, geometry = feature["properties"], feature["geometry"]
            cells = list(_cells_of(geometry["type"], geometry["coordinates"]))
            for cell in cells:
                yield _figure(properties, cell, today, ",")


class _telling:  # noqa: N801 -- reads as the words of a with statement
    """Turns what goes wrong in a block into a sentence that names the place in the file, not its content."""

    def __init__(self, path: Path, where: str) -> None:
        self._where = f"{path.name}, {where}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, CoverageFileUnusable):
            raise CoverageFileUnusable(f"{self._where}: {error}") from error
        if isinstance(error, (NoSuchCell, NoArea)):
            raise CoverageFileUnusable(f"{self._where}: {error}") from error
        if isinstance(error, (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)):
            raise CoverageFileUnusable(f"{self._where}: a value is missing or not of its kind") from error


def _figure(row: Mapping[str, Any], cell: Cell, today: date, separator: str) -> Figure:
    operator = row.get("operator")
    if not isinstance(operator, str) or not 1 <= len(operator.strip()) <= _LONGEST:
        raise CoverageFileUnusable(f"name the operator in 1 to {_LONGEST} characters")
    down = _speed(row.get("down_mbit"), separator)
    given = row.get("up_mbit")
    as_of = row.get("as_of")
    return Figure(
        operator=operator.strip(),
        cell=cell,
        down_mbit=down,
        up_mbit=down * _UP_SHARE if given in (None, "") else _speed(given, separator),
        as_of=today if as_of in (None, "") else date.fromisoformat(str(as_of)),
    )


def _speed(value: Any, separator: str) -> float:
    number = _number(value, separator)
    if not 0 <= number <= _MOST_MBIT:
        raise CoverageFileUnusable(f"write speeds in Mbit/s, from 0 to {_MOST_MBIT:.0f}")
    return number


def _number(value: Any, separator: str) -> float:
    if isinstance(value, bool) or value is None:
        raise TypeError
    number = float(value.replace(",", ".") if isinstance(value, str) and separator == ";" else value)
    if not isfinite(number):
        raise ValueError
    return number


def _cell_at(longitude: float, latitude: float) -> Cell:
    return Cell.of(latitude=latitude, longitude=longitude)


def _cells_of(kind: str, coordinates: Any) -> Iterator[Cell]:
    match kind:
        case "Point":
            yield _cell_at(_number(coordinates[0], ","), _number(coordinates[1], ","))
        case "Polygon":
            yield from _cells_within([_ring(each) for each in coordinates])
        case "MultiPolygon":
            for polygon in coordinates:
                yield from _cells_within([_ring(each) for each in polygon])
        case _:
            raise CoverageFileUnusable("a geometry is a Point, a Polygon or a MultiPolygon")


def _ring(corners: Any) -> Ring:
    ring = [(_number(corner[0], ","), _number(corner[1], ",")) for corner in corners]
    if len(ring) < 4:
        raise CoverageFileUnusable(
            "a polygon's ring has at least four corners, of which the last is the first"
        )
    return ring


def _cells_within(rings: list[Ring]) -> Iterator[Cell]:
    """Yield the cells whose middle an area holds; of an area too small to hold one, the cell it lies in."""
    longitudes, latitudes = zip(*rings[0], strict=True)
    west, south, east, north = min(longitudes), min(latitudes), max(longitudes), max(latitudes)
    found = False
    for cell in Bounds.of(west, south, east, north, most=_MOST_CELLS):
        latitude, longitude = cell.middle
        # Holes leave out: a middle lies within an odd number of rings.
        if sum(_holds(ring, longitude, latitude) for ring in rings) % 2:
            found = True
            yield cell
    if not found:
        yield _cell_at((west + east) / 2, (south + north) / 2)


def _holds(ring: Ring, x: float, y: float) -> bool:
    """Whether a ring holds a point: a ray to the east leaves it an odd number of times."""
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside
