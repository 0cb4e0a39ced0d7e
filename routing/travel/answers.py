"""Judging what a road server answers, before anything of it is believed."""

import math
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import TravelNonsense
from routing.travel.distance import EARTH_RADIUS_KM, chord_kilometres, unit_vectors
from routing.travel.source import Coordinates, Snapped, Table
from routing.units import LATEST, UNREACHABLE

__all__ = [
    "air_metres",
    "blocks",
    "judged_snap",
    "judged_table",
    "least_metres",
    "number",
    "refuse_impossible",
    "refuse_none_snapped",
    "same_places",
    "table_at_roads",
]

_FASTEST_M_S = 90
"""324 km/h as the crow flies."""

_SLACK_M = 5.0
"""Servers round coordinates and measure the earth in other ways; at most so many metres of it are ours."""


def blocks(origins: int, destinations: int, rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Cut a table into blocks of at most so many rows and columns."""
    for top in range(0, origins, rows):
        for left in range(0, destinations, columns):
            yield slice(top, min(top + rows, origins)), slice(left, min(left + columns, destinations))


def judged_table(
    label: str, answer: Any, shape: tuple[int, int], *, scale: float = 1.0, may_be_negative: bool = False
) -> NDArray[np.int32]:
    """Turn a server's list of rows into whole numbers, rounded up; null becomes `UNREACHABLE`.

    Args:
        label: What the sentence of an error calls the server.
        answer: As parsed from JSON.
        shape: Rows and columns that were asked for.
        scale: Factor on each value, to seconds or metres.
        may_be_negative: Negative values become -1 instead of an error.

    Raises:
        TravelNonsense: Another shape, no numbers, negative or too large.
    """
    try:
        values = np.array(answer, dtype=np.float64)
    except (TypeError, ValueError) as malformed:
        raise TravelNonsense(f"{label} answers a table that is not of numbers") from malformed
    if values.shape != shape:
        raise TravelNonsense(f"{label} answers a table of shape {values.shape} where {shape} was asked for")
    missing = np.isnan(values)
    # floats such as 1633.0000000000002 are meant whole
    values = np.ceil(np.round(values * scale, 6))
    if may_be_negative:
        values = np.maximum(values, -1)
    elif (values[~missing] < 0).any():
        raise TravelNonsense(f"{label} answers negative travel times or distances")
    if (values[~missing] > LATEST).any():
        raise TravelNonsense(f"{label} answers travel times of years")
    values[missing] = UNREACHABLE
    return values.astype(np.int32)


def judged_snap(label: str, asked: Coordinates, latitude: Any, longitude: Any, radius_m: int) -> Snapped:
    """Believe where a server moved a place to if that lies within the radius.

    Raises:
        TravelNonsense: It is no place, or too far away.
    """
    if not (number(latitude) and number(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise TravelNonsense(f"{label} answers a place on the road without proper coordinates")
    away = air_metres(asked.latitude, asked.longitude, float(latitude), float(longitude))
    if away > radius_m + _SLACK_M:
        raise TravelNonsense(
            f"{label} moved a place {away / 1000:.1f} km to a road where at most {radius_m} m were allowed: "
            "it does not heed the radius, or its data are of another region"
        )
    return Snapped(Coordinates(float(latitude), float(longitude)), math.ceil(away))


def table_at_roads(
    origins: Sequence[Coordinates],
    destinations: Sequence[Coordinates],
    at_road: Container[Coordinates],
    ask: Callable[[list[Coordinates], list[Coordinates]], tuple[NDArray[np.int32], NDArray[np.int32]]],
) -> Table:
    """Return a table of which only the places at a road are asked for; the others are unreachable.

    Args:
        origins: Rows.
        destinations: Columns.
        at_road: The places that lie at a road.
        ask: Gives seconds and metres, shape (origins, destinations), of places at roads.
    """
    rows = [number for number, place in enumerate(origins) if place in at_road]
    columns = [number for number, place in enumerate(destinations) if place in at_road]
    shape = len(origins), len(destinations)
    seconds, metres = (np.full(shape, UNREACHABLE, dtype=np.int32) for _ in range(2))
    if rows and columns:
        found = ask([origins[row] for row in rows], [destinations[column] for column in columns])
        seconds[np.ix_(rows, columns)], metres[np.ix_(rows, columns)] = found
    same = same_places(origins, destinations)
    seconds[same] = metres[same] = 0
    return Table(seconds, metres)


def refuse_none_snapped(
    label: str, places: Sequence[Coordinates], snapped: Sequence[Snapped], radius_m: int
) -> None:
    """Refuse a server on whose roads none of several places lies.

    Raises:
        TravelNonsense: Two different places or more, and none at a road.
    """
    if len(set(places)) > 1 and all(each.place is None for each in snapped):
        raise TravelNonsense(
            f"none of {len(set(places))} places lies within {radius_m} m of a road that {label} knows: "
            "its data are of another region"
        )


def refuse_impossible(
    label: str,
    origins: Sequence[Coordinates],
    destinations: Sequence[Coordinates],
    table: Table,
    radius_m: int,
) -> None:
    """Refuse ways that are shorter than the straight line, or faster than any car.

    Both ends of a way may lie off the road, so twice the radius is granted.

    Raises:
        TravelNonsense: A way cannot be.
    """
    least_m = least_metres(origins, destinations, radius_m)
    reached = table.seconds != UNREACHABLE
    if (reached & (table.metres < least_m)).any():
        raise TravelNonsense(f"{label} answers ways that are shorter than the straight line")
    if (reached & (least_m > _FASTEST_M_S * (table.seconds + 1.0))).any():
        raise TravelNonsense(f"{label} answers travel times that no car can drive")


def least_metres(
    origins: Sequence[Coordinates], destinations: Sequence[Coordinates], radius_m: int
) -> NDArray[np.float64]:
    """Return what a way is long at least, shape (origins, destinations); both ends may be moved to roads."""
    vectors = [
        unit_vectors([(place.latitude, place.longitude) for place in places])
        for places in (origins, destinations)
    ]
    return 990 * chord_kilometres(*vectors) - 2 * (radius_m + _SLACK_M)  # the earth is no sphere


def same_places(origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> NDArray[np.bool_]:
    """Tell which pairs are the same place, shape (origins, destinations)."""
    numbers: dict[Coordinates, int] = {}
    rows = np.array([numbers.setdefault(place, len(numbers)) for place in origins], dtype=np.int64)
    columns = np.array([numbers.setdefault(place, len(numbers)) for place in destinations], dtype=np.int64)
    same: NDArray[np.bool_] = rows[:, None] == columns
    return same


def air_metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return metres as the crow flies (haversine, as in `routing.travel.distance`, for one pair)."""
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    chord = math.sin((north - other_north) / 2) ** 2
    east = math.radians(longitude - other_longitude)
    chord += math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    return 2000 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def number(value: Any) -> bool:
    """Tell whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
