"""Travel times from a formula, where there is no map."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.distance import chord_kilometres, unit_vectors
from routing.travel.source import Coordinates

__all__ = ["CarEstimate", "EBikeEstimate", "road_kilometres"]

_ROWS = 64

SAFETY = 1.2
"""Hilly roads took 1.15 to 1.3 times the formula at the 80th percentile of four German areas."""


def road_kilometres(air_km: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of the way by road for distances as the crow flies, in kilometres.

    The detour falls from 1.66 next door to 1.35 far away. Fitted to OSRM's car profile over four German
    areas, 0.15-80 km; the mean error of a single pair is about 20 %.
    """
    detour: NDArray[np.float32] = air_km * (1.35 + 0.31 * np.exp(-air_km / 11.5))
    return detour


@dataclass(frozen=True)
class CarEstimate:
    """Car times: minutes = 0.3 + 3.1 * air_km ** 0.77, times `safety`.

    Fitted like `road_kilometres`; driving only, without parking.

    Attributes:
        safety: Factor on all times.

    Raises:
        InvalidTravel: `safety` is not positive.
    """

    safety: float = SAFETY
    name: str = "estimate-car"
    estimated: bool = True

    def __post_init__(self) -> None:
        _check_safety(self.safety)

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places, rounded up; identical places are 0 s apart."""
        safety = self.safety
        return _travel(
            places, lambda air, _: 60 * safety * (0.3 + 3.1 * np.power(air, 0.77, dtype=np.float32))
        )


@dataclass(frozen=True)
class EBikeEstimate:
    """Times of an e-bike whose motor helps up to 25 km/h: the way by road at 18 km/h and a minute to lock it.

    18 km/h is a cautious mean over hills, junctions and winter; no measurement of our own stands behind it.

    Attributes:
        kilometres_per_hour: Mean speed.
        overhead_s: Seconds for each way, whatever its length.
        safety: Factor on the riding time.

    Raises:
        InvalidTravel: A value is not positive.
    """

    kilometres_per_hour: float = 18.0
    overhead_s: float = 60.0
    safety: float = 1.0
    name: str = "estimate-e-bike"
    estimated: bool = True

    def __post_init__(self) -> None:
        _check_safety(self.safety)
        if not self.kilometres_per_hour > 0 or not self.overhead_s >= 0:
            raise InvalidTravel("e-bike estimate: give a positive speed and no negative overhead")

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places, rounded up; identical places are 0 s apart."""
        slowness = self.safety / self.kilometres_per_hour * 3600
        return _travel(places, lambda _, road: self.overhead_s + slowness * road)


def _travel(
    places: Sequence[Coordinates],
    seconds_of: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[Any]],
) -> Travel:
    """Fill both matrices, a block of rows at a time so that it stays in the cache.

    Single precision is enough: it moves a time of hours by less than a hundredth of a second.
    """
    count = len(places)
    seconds, metres = np.zeros((count, count), dtype=np.int32), np.zeros((count, count), dtype=np.int32)
    points = unit_vectors([(place.latitude, place.longitude) for place in places])
    for low in range(0, count, _ROWS):
        rows = slice(low, low + _ROWS)
        air = chord_kilometres(points[rows], points).astype(np.float32)
        road = road_kilometres(air)
        seconds[rows] = np.ceil(np.where(air > 0, seconds_of(air, road), 0))
        metres[rows] = np.ceil(1000 * road)
    return Travel(seconds, metres)


def _check_safety(safety: float) -> None:
    if not safety > 0:
        raise InvalidTravel(f"travel estimate: safety factor {safety} is not positive")
