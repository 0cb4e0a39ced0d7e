"""Travel times and distances between all places of a day."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.units import LATEST, UNREACHABLE, Seconds

__all__ = ["WHOLE_WAY", "Band", "Travel"]

WHOLE_WAY = 2**32
"""So many shares make a way: what is left of one at the start of a band is a whole number of them."""


@dataclass(frozen=True, eq=False)
class Band:
    """The travel times of some hours: from `start` on, until the next band of the same `Travel` starts.

    Attributes:
        start: First second at which they hold.
        seconds: As those of `Travel`. Bands with the same array share its memory.

    Raises:
        InvalidTravel: The start lies beyond all days, or the matrix is not one of travel times.
    """

    start: Seconds
    seconds: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        if abs(self.start) > LATEST:
            raise InvalidTravel(f"travel band: its start {self.start} is not within {LATEST} s of midnight")
        object.__setattr__(self, "seconds", _seconds(f"in the band from {self.start} s on", self.seconds))


@dataclass(frozen=True, eq=False)
class Travel:
    """Travel between all places for one kind of vehicle; need not be symmetric.

    With `bands` it depends on the hour. The pace on a way is that of the band it is at the time: in a band
    that says T seconds for a pair of places, one second is 1/T of the way, and when another band starts, what
    is left of the way goes on at its pace. So who sets out later is never there sooner (S. Ichoua, M.
    Gendreau, J.-Y. Potvin: Vehicle dispatching with time-dependent travel times, European Journal of
    Operational Research 144 (2003), doi:10.1016/S0377-2217(02)00147-9). The length of a way does not change.

    In whole numbers: a way has 2^32 shares (`WHOLE_WAY`). In a band of T seconds, n shares take
    n * T / 2^32 seconds, rounded up; if that is more than the a seconds left of the band, then
    a * 2^32 / T shares, rounded up, are done when it ends. Each step is monotone, so nobody overtakes, and
    where all bands say T it is T.

    Attributes:
        seconds: Shape (places, places), int32; row is origin, column destination, diagonal zero.
            `UNREACHABLE` where no road leads. With bands, those before the first.
        metres: The same for the length of the way; ignored where unreachable.
        bands: In rising order of their starts. A pair of places is unreachable in all of them or in none.

    Raises:
        InvalidTravel: Not square, not whole numbers, or a hole; the message names the pair. Bands that do not
            rise, or do not fit the matrix.
    """

    seconds: NDArray[np.int32] = field(repr=False)
    metres: NDArray[np.int32] = field(repr=False)
    bands: tuple[Band, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", _seconds("", self.seconds))
        object.__setattr__(self, "metres", _whole_square("metres", self.metres))
        if self.seconds.shape != self.metres.shape:
            raise InvalidTravel(f"travel: seconds are {self.seconds.shape}, metres {self.metres.shape}")
        object.__setattr__(self, "bands", tuple(self.bands))
        for before, after in pairwise(self.bands):
            if before.start >= after.start:
                raise InvalidTravel(
                    f"travel bands: one starts at {after.start} after one that starts at {before.start}; "
                    "list them in rising order"
                )
        for band in self.bands:
            if band.seconds.shape != self.seconds.shape:
                raise InvalidTravel(
                    f"travel band from {band.start} s on: its matrix is {band.seconds.shape}, "
                    f"that of the day {self.seconds.shape}"
                )
            torn = np.argwhere((band.seconds == UNREACHABLE) != (self.seconds == UNREACHABLE))
            if len(torn):
                origin, destination = torn[0]
                raise InvalidTravel(
                    f"travel band from {band.start} s on: place {destination} has to be reachable from "
                    f"{origin} at all hours or at none"
                )

    @property
    def places(self) -> int:
        """How many places the matrices know."""
        return int(self.seconds.shape[0])

    @cached_property
    def least(self) -> NDArray[np.int32]:
        """The least seconds of each way, whenever one sets out; shape (places, places)."""
        if not self.bands:
            return self.seconds
        return np.asarray(np.minimum.reduce([self.seconds, *(band.seconds for band in self.bands)]))

    @cached_property
    def _starts(self) -> list[Seconds]:
        return [band.start for band in self.bands]

    def arrival(self, origin: int, destination: int, leaves: Seconds) -> Seconds:
        """Return when one is there who sets out at a time; how, the class says."""
        if not self.bands:
            return leaves + int(self.seconds[origin, destination])
        here = bisect_right(self._starts, leaves)
        left, time = WHOLE_WAY, leaves
        while True:
            way = int((self.bands[here - 1] if here else self).seconds[origin, destination])
            needed = -(-left * way // WHOLE_WAY)
            if here == len(self.bands) or time + needed <= self.bands[here].start:
                return time + needed
            left -= -(-(self.bands[here].start - time) * WHOLE_WAY // way)
            time = self.bands[here].start
            here += 1

    def departure(self, origin: int, destination: int, arrives: Seconds) -> Seconds:
        """Return the last second at which to set out so as to be there by a time."""
        if not self.bands:
            return arrives - int(self.seconds[origin, destination])
        ways = [int(matrix[origin, destination]) for matrix in self.matrices]
        low, high = arrives - max(ways), arrives - min(ways)
        while low < high:
            middle = (low + high + 1) // 2
            if self.arrival(origin, destination, middle) <= arrives:
                low = middle
            else:
                high = middle - 1
        return low

    @property
    def matrices(self) -> list[NDArray[np.int32]]:
        """The seconds of the day and of each band, in order."""
        return [self.seconds, *(band.seconds for band in self.bands)]

    def between(self, places: Sequence[int]) -> "Travel":
        """Return travel between some of the places, in this order; what shares memory still does."""
        chosen = np.ix_(places, places)
        own = {id(matrix): matrix[chosen] for matrix in self.matrices}
        bands = tuple(Band(band.start, own[id(band.seconds)]) for band in self.bands)
        return Travel(own[id(self.seconds)], self.metres[chosen], bands)


def _seconds(where: str, matrix: NDArray[Any]) -> NDArray[np.int32]:
    """Return a matrix of travel times as it is stored."""
    where = f" {where}" if where else ""
    seconds = _whole_square(f"seconds{where}", matrix)
    beyond = np.argwhere((seconds > LATEST) & (seconds != UNREACHABLE))
    if len(beyond):
        origin, destination = beyond[0]
        raise InvalidTravel(
            f"travel seconds{where} from place {origin} to {destination}: longer than {LATEST} s; "
            f"write {UNREACHABLE} where no road leads"
        )
    loops = np.flatnonzero(np.diagonal(seconds))
    if len(loops):
        raise InvalidTravel(f"travel seconds{where} from place {loops[0]} to itself must be 0")
    return seconds


def _whole_square(name: str, matrix: NDArray[Any]) -> NDArray[np.int32]:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InvalidTravel(f"travel {name}: shape {matrix.shape} is not square")
    if np.issubdtype(matrix.dtype, np.floating):
        holes = np.argwhere(~np.isfinite(matrix))
        if not len(holes):
            raise InvalidTravel(f"travel {name}: round up to whole numbers first")
    else:
        holes = np.argwhere((matrix < 0) | (matrix > UNREACHABLE))
    if len(holes):
        origin, destination = holes[0]
        raise InvalidTravel(
            f"travel {name} from place {origin} to {destination}: {matrix[origin, destination]} is no number "
            f"from 0 up; write {UNREACHABLE} where no road leads"
        )
    return np.ascontiguousarray(matrix, dtype=np.int32)
