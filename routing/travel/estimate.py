"""Travel times from a formula, where there is no map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.distance import air_kilometres
from routing.travel.source import Coordinates

__all__ = ["CarEstimate", "EBikeEstimate", "road_kilometres"]

SAFETY = 1.2
"""Hilly roads took 1.15 to 1.3 times the formula at the 80th percentile of four German areas."""


def road_kilometres(air_km: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of the way by road for distances as the crow flies, in kilometres.

    The detour falls from 1.66 next door to 1.35 far away. Fitted to OSRM's car profile over four German areas,
    0.15-80 km; the mean error of a single pair is about 20 %.
    """
    detour: NDArray[np.float64] = air_km * (1.35 + 0.31 * np.exp(-air_km / 11.5))
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
        air = air_kilometres([(place.latitude, place.longitude) for place in places])
        seconds = 60 * self.safety * (0.3 + 3.1 * air**0.77)
        return _travel(air, seconds)


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
        air = air_kilometres([(place.latitude, place.longitude) for place in places])
        riding = road_kilometres(air) / self.kilometres_per_hour * 3600
        return _travel(air, self.overhead_s + self.safety * riding)


def _travel(air: NDArray[np.float64], seconds: NDArray[np.float64]) -> Travel:
    same = air == 0
    seconds[same] = 0
    metres = 1000 * road_kilometres(air)
    return Travel(np.ceil(seconds).astype(np.int32), np.ceil(metres).astype(np.int32))


def _check_safety(safety: float) -> None:
    if not safety > 0:
        raise InvalidTravel(f"travel estimate: safety factor {safety} is not positive")
