"""The places of a VROOM file, and the ways between them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.formats.reading import InvalidFile, Record
from routing.formats.vroom_answer import Spot
from routing.problem import Band, TimeWindow, Travel
from routing.travel import CarEstimate, Coordinates, EBikeEstimate, TravelSource
from routing.units import LATEST, UNREACHABLE, Seconds

__all__ = ["LAST", "Places", "Times"]

LAST: Seconds = LATEST // 4
ESTIMATES: dict[str, TravelSource] = {"car": CarEstimate(), "bike": EBikeEstimate()}
FULL_SPEED = 100
"""VROOM keeps the time that a way takes at another speed in whole percents of that in the matrix."""


@dataclass(frozen=True)
class Times:
    """The times of a file, as those of a problem.

    Attributes:
        base: What to count from: 0, or the earliest time if the file's are timestamps.
    """

    base: Seconds

    @classmethod
    def of(cls, jobs: list[Record], vehicles: list[Record]) -> "Times":
        """Return them as the windows of jobs and vehicles tell."""
        times = [time for job in jobs for pair in job.pairs("time_windows") for time in pair]
        times += [time for vehicle in vehicles for time in vehicle.wholes("time_window")]
        return cls(min(times) if times and max(times) > LAST else 0)

    def moment(self, record: Record, key: str) -> Seconds:
        """Return the time at a key."""
        return self._within(record, key, record.whole(key))

    def window(self, record: Record, key: str) -> TimeWindow:
        """Return the two rising times at a key."""
        bounds = record.wholes(key)
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            raise record.refuse(key, "expected two rising whole numbers")
        return TimeWindow(*(self._within(record, key, bound) for bound in bounds))

    def windows(self, record: Record, key: str) -> list[TimeWindow]:
        """Return the pairs of times at a key; none if it is missing."""
        return [
            TimeWindow(*(self._within(record, key, bound) for bound in pair)) for pair in record.pairs(key)
        ]

    def _within(self, record: Record, key: str, time: Seconds) -> Seconds:
        if not -LAST <= time - self.base <= LAST:
            raise record.refuse(key, f"times of one file must lie within {LAST} s")
        return time - self.base


class Places:
    """The places a file names, and the ways between them.

    With matrices, places are their rows; without, they are coordinates, each once. One place more is nowhere:
    open routes begin and end there, at no cost. Each profile at each speed has ways of its own.
    """

    def __init__(self, record: Record, jobs: list[Record], vehicles: list[Record], times: Times) -> None:
        self.own = "matrices" in record
        self._kinds: dict[tuple[str, int], int] = {}
        for vehicle in vehicles:
            self._kinds.setdefault(_kind(vehicle), len(self._kinds))
        profiles = dict.fromkeys(name for name, _ in self._kinds)
        self._travel = {name: _matrices(record, name, times) for name in profiles} if self.own else {}
        self.size = next((travel.places for travel in self._travel.values()), 0)
        for name, travel in self._travel.items():
            if travel.places != self.size:
                raise InvalidFile(f"matrices.{name}: has {travel.places} rows, others have {self.size}")
        self.distances = not self.own or any(travel.metres.any() for travel in self._travel.values())
        self._coordinates: dict[Coordinates, int] = {}
        if not self.own:
            for job in jobs:
                self.spot(job, "location", "location_index")
            for vehicle in vehicles:
                self.start(vehicle)
                self.end(vehicle)

    @property
    def nowhere(self) -> int:
        """The number of the place where open routes begin and end."""
        return self.size if self.own else len(self._coordinates)

    def start(self, vehicle: Record) -> Spot | None:
        """Return where a vehicle starts, None for an open route."""
        return self._optional(vehicle, "start", "start_index")

    def end(self, vehicle: Record) -> Spot | None:
        """Return where a vehicle ends, None for an open route."""
        return self._optional(vehicle, "end", "end_index")

    def spot(self, record: Record, key: str, index_key: str) -> Spot:
        """Return the place of a job or vehicle."""
        keys: dict[str, Any] = {}
        if key in record:
            keys["location"] = [float(number) for number in record.numbers(key)]
            if len(keys["location"]) != 2:
                raise record.refuse(key, "expected longitude and latitude")
        if not self.own:
            if index_key in record:
                raise record.refuse(index_key, "there are no matrices it could point into")
            record.get(key)
            longitude, latitude = keys["location"]
            place = Coordinates(latitude, longitude)
            return Spot(self._coordinates.setdefault(place, len(self._coordinates)), keys)
        keys["location_index"] = record.whole(index_key, least=0, most=max(self.size - 1, 0))
        return Spot(keys["location_index"], keys)

    def kind(self, vehicle: Record) -> int:
        """Return the number of a vehicle's travel matrices."""
        return self._kinds[_kind(vehicle)]

    def travel(self) -> tuple[Travel, ...]:
        """Return the matrices of each profile and speed, with nowhere as the last place."""
        made = []
        for name, percent in self._kinds or {("car", FULL_SPEED): 0}:
            if self._travel:
                travel = self._travel[name]
            elif name in ESTIMATES:
                travel = ESTIMATES[name].travel(list(self._coordinates))
            else:
                raise InvalidFile(
                    f"vehicles: no estimate for profile {name[:40]}, only for {', '.join(ESTIMATES)}; "
                    "give matrices"
                )
            own = {id(matrix): np.pad(_slowed(matrix, percent), (0, 1)) for matrix in travel.matrices}
            bands = tuple(Band(band.start, own[id(band.seconds)]) for band in travel.bands)
            made.append(Travel(own[id(travel.seconds)], np.pad(travel.metres, (0, 1)), bands))
        return tuple(made)

    def _optional(self, vehicle: Record, key: str, index_key: str) -> Spot | None:
        return self.spot(vehicle, key, index_key) if key in vehicle or index_key in vehicle else None


def _kind(vehicle: Record) -> tuple[str, int]:
    """Return the profile of a vehicle, and the percents of the matrix's time that its ways take."""
    factor = vehicle.number("speed_factor", least=0.01, most=5) if "speed_factor" in vehicle else 1.0
    name = vehicle.text("profile") if "profile" in vehicle else "car"
    return name, round(FULL_SPEED / factor)


def _slowed(seconds: NDArray[np.int32], percent: int) -> NDArray[np.int32]:
    """Return how long ways take at another speed, rounded up."""
    slowed = -(-seconds.astype(np.int64) * percent // FULL_SPEED)
    slowed[(seconds == UNREACHABLE) | (slowed > UNREACHABLE)] = UNREACHABLE
    return slowed.astype(np.int32)


def _matrices(record: Record, profile: str, times: Times) -> Travel:
    own = record.record("matrices").record(profile)
    own.only({"durations", "distances", "bands"})
    own.get("durations")
    seconds = _whole_matrix(own, "durations", None)
    metres = np.zeros_like(seconds)
    if "distances" in own:
        metres = _whole_matrix(own, "distances", len(seconds))
    travel = Travel(seconds, metres)
    bands = own.records("bands", optional=True)
    try:
        return replace(travel, bands=tuple(_band(band, times, len(seconds)) for band in bands))
    except InvalidTravel as error:
        raise own.refuse("bands", str(error)) from error


def _band(record: Record, times: Times, places: int) -> Band:
    """Return durations that hold from a second of the file's time on; ours, VROOM knows no hours."""
    record.only({"start", "durations"})
    return Band(times.moment(record, "start"), _whole_matrix(record, "durations", places))


def _whole_matrix(record: Record, key: str, places: int | None) -> NDArray[np.int32]:
    matrix = np.array(record.square(key, places=places), dtype=np.float64)
    if (matrix != np.floor(matrix)).any():
        raise record.refuse(key, "expected whole numbers only")
    if not matrix.size:
        raise record.refuse(key, "has no rows")
    matrix[matrix > UNREACHABLE] = UNREACHABLE
    return matrix.astype(np.int32)
