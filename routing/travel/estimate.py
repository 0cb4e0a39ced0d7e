"""Travel times from a formula, where there is no map."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.distance import chord_kilometres, unit_vectors
from routing.travel.source import Coordinates, Leg, Path, Profile, Snapped, Table

__all__ = ["BicycleEstimate", "CarEstimate", "EBikeEstimate", "FootEstimate", "estimate", "road_kilometres"]

_ROWS = 64

SAFETY = 1.2
"""Hilly roads took 1.15 to 1.3 times the formula at the 80th percentile of four German areas."""

FORMULA = 1
"""Raised with every change of a formula, so that times kept from the old one are no longer used."""


def road_kilometres(air_km: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of the way by road for distances as the crow flies, in kilometres.

    The detour falls from 1.66 next door to 1.35 far away. Fitted to OSRM's car profile over four German
    areas, 0.15-80 km; the mean error of a single pair is about 20 %.
    """
    detour: NDArray[np.float32] = air_km * (1.35 + 0.31 * np.exp(-air_km / 11.5))
    return detour


class _Estimate(ABC):
    """What all formulas share: tables a block of rows at a time, straight lines, no snapping."""

    safety: float
    name: str
    estimated: bool

    def __post_init__(self) -> None:
        if not 0 < self.safety < np.inf:
            raise InvalidTravel(f"travel estimate: safety factor {self.safety} is not positive")

    @abstractmethod
    def _seconds(self, air: NDArray[np.float32], road: NDArray[np.float32]) -> NDArray[Any]:
        """Return seconds for kilometres as the crow flies and by road."""

    @property
    def data(self) -> str:
        """A hash of the formula's version and parameters."""
        parameters = [f"{field.name}={getattr(self, field.name)!r}" for field in fields(self)]  # type: ignore[arg-type]  # every subclass is a dataclass
        return sha256(" ".join([f"formula {FORMULA}", *parameters]).encode()).hexdigest()

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places, rounded up; identical places are 0 s apart."""
        table = self.table(places, places)
        return Travel(table.seconds, table.metres)

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return times and distances, rounded up, shape (origins, destinations).

        A block of rows at a time, so that it stays in the processor's cache. Single precision is enough:
        it moves a time of hours by less than a hundredth of a second.
        """
        shape = len(origins), len(destinations)
        seconds, metres = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
        rows_at, columns_at = _vectors(origins), _vectors(destinations)
        for low in range(0, len(origins), _ROWS):
            rows = slice(low, low + _ROWS)
            air = chord_kilometres(rows_at[rows], columns_at).astype(np.float32)
            road = road_kilometres(air)
            seconds[rows] = np.ceil(np.where(air > 0, self._seconds(air, road), 0))
            metres[rows] = np.ceil(1000 * road)
        return Table(seconds, metres)

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        """Return the places themselves: a formula has no roads."""
        return [Snapped(place, 0) for place in places]

    def path(self, places: Sequence[Coordinates]) -> Path:
        """Return straight lines, flagged as estimated."""
        return Path(tuple(self._leg(*pair) for pair in pairwise(places)))

    def _leg(self, origin: Coordinates, destination: Coordinates) -> Leg:
        table = self.table([origin], [destination])
        return Leg(
            int(table.seconds[0, 0]), int(table.metres[0, 0]), (origin, destination), estimated=self.estimated
        )


@dataclass(frozen=True)
class CarEstimate(_Estimate):
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

    def _seconds(self, air: NDArray[np.float32], road: NDArray[np.float32]) -> NDArray[Any]:  # noqa: ARG002  # others need the road
        return 60 * self.safety * (0.3 + 3.1 * np.power(air, 0.77, dtype=np.float32))


class _SteadyEstimate(_Estimate):
    """The way by road at one mean speed."""

    kilometres_per_hour: float
    overhead_s: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.kilometres_per_hour > 0 or not self.overhead_s >= 0:
            raise InvalidTravel(f"{self.name}: give a positive speed and no negative overhead")

    def _seconds(self, air: NDArray[np.float32], road: NDArray[np.float32]) -> NDArray[Any]:  # noqa: ARG002  # others need the air line
        return self.overhead_s + self.safety / self.kilometres_per_hour * 3600 * road


@dataclass(frozen=True)
class EBikeEstimate(_SteadyEstimate):
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


@dataclass(frozen=True)
class BicycleEstimate(_SteadyEstimate):
    """Times of a bicycle without a motor: like the e-bike's at 13 km/h, for hills; not measured either."""

    kilometres_per_hour: float = 13.0
    overhead_s: float = 60.0
    safety: float = 1.0
    name: str = "estimate-bicycle"
    estimated: bool = True


@dataclass(frozen=True)
class FootEstimate(_SteadyEstimate):
    """Times on foot: the way by road at 4.5 km/h; footpaths are mostly shorter, so this is cautious."""

    kilometres_per_hour: float = 4.5
    overhead_s: float = 0.0
    safety: float = 1.0
    name: str = "estimate-foot"
    estimated: bool = True


def estimate(profile: Profile, *, safety: float = 1.0) -> CarEstimate | BicycleEstimate | FootEstimate:
    """Return the formula for a profile."""
    match profile:
        case Profile.CAR:
            return CarEstimate(safety=safety)
        case Profile.BICYCLE:
            return BicycleEstimate(safety=safety)
        case Profile.FOOT:
            return FootEstimate(safety=safety)


def _vectors(places: Sequence[Coordinates]) -> NDArray[np.float64]:
    return unit_vectors([(place.latitude, place.longitude) for place in places])
