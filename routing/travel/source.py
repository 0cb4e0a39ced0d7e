"""Where travel times come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.distance import air_kilometres
from routing.units import Metres, Seconds

__all__ = ["Coordinates", "Leg", "Path", "Profile", "Snapped", "Table", "TravelSource", "checked"]


@dataclass(frozen=True, order=True)
class Coordinates:
    """A place on earth, WGS 84.

    Attributes:
        latitude: Degrees north, -90 to 90.
        longitude: Degrees east, -180 to 180.

    Raises:
        InvalidTravel: Not finite, out of range, or the point 0, 0, which stands for a missing value.
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        # NaN fails both comparisons, infinity one of them
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise InvalidTravel(
                f"coordinates {self.latitude}, {self.longitude}: latitude must be within "
                "-90 and 90, longitude within -180 and 180; are the two swapped?"
            )
        if self.latitude == 0 and self.longitude == 0:
            raise InvalidTravel("coordinates 0, 0: this is the sea off Ghana; the real ones are missing")


class Profile(StrEnum):
    """Whose roads."""

    CAR = "car"
    BICYCLE = "bicycle"
    FOOT = "foot"


@dataclass(frozen=True, eq=False)
class Table:
    """Travel from some places to others; not square, not symmetric.

    Attributes:
        seconds: Shape (origins, destinations), int32; `UNREACHABLE` where no road leads, or where a place
            lies at no road. Zero between identical places, also where they lie at no road.
        metres: The same for the length of the way.

    Raises:
        InvalidTravel: The two differ in shape, or are no int32 tables.
    """

    seconds: NDArray[np.int32] = field(repr=False)
    metres: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        if self.seconds.ndim != 2 or self.seconds.shape != self.metres.shape:
            raise InvalidTravel(
                f"travel table: seconds are {self.seconds.shape}, metres {self.metres.shape}; "
                "both must be (origins, destinations)"
            )
        if self.seconds.dtype != np.int32 or self.metres.dtype != np.int32:
            raise InvalidTravel(
                f"travel table: seconds are {self.seconds.dtype}, metres {self.metres.dtype}, not int32"
            )


@dataclass(frozen=True)
class Snapped:
    """Where a place meets the roads.

    Attributes:
        place: On the road; None where there is none within the source's radius.
        metres: As the crow flies between the two, rounded up; None likewise.
    """

    place: Coordinates | None
    metres: Metres | None


@dataclass(frozen=True)
class Leg:
    """The way from one place to the next.

    Attributes:
        seconds: Time of travel.
        metres: Length of the way.
        points: The way as a line, at least two points.
        estimated: The line is drawn straight and the figures come from a formula.
    """

    seconds: Seconds
    metres: Metres
    points: tuple[Coordinates, ...]
    estimated: bool


@dataclass(frozen=True)
class Path:
    """The way through several places, one leg fewer than places."""

    legs: tuple[Leg, ...]


class TravelSource(Protocol):
    """Something that knows how long the ways between places take, for one profile."""

    @property
    def name(self) -> str:
        """Stored with a plan, so that people know how far to trust its times."""
        ...

    @property
    def estimated(self) -> bool:
        """Whether times come from a formula and not from roads."""
        ...

    @property
    def data(self) -> str:
        """What the times come from, as a hash (hex): another value means that old answers are void."""
        ...

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places, in their order; identical places are 0 s apart.

        A place that lies at no road is unreachable from all others; that is no error.

        Raises:
            InvalidTravel: A place cannot be used.
            TravelUnavailable: The engine does not answer.
            TravelNonsense: It answers what cannot be meant.
        """
        ...

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return times and distances from each origin to each destination; raises like `travel`."""
        ...

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        """Return where each place meets the roads, in their order; raises like `travel`."""
        ...

    def path(self, places: Sequence[Coordinates]) -> Path:
        """Return the way through the places in their order.

        Raises:
            NoPath: Between two of them there is no way.
            TravelUnavailable: The engine does not answer.
            TravelNonsense: It answers what cannot be meant.
        """
        ...


def checked(
    places: Sequence[tuple[float, float]], *, around: Coordinates, within_km: float
) -> list[Coordinates]:
    """Return the places as coordinates, refusing those that lie implausibly far from a known place.

    Latitude and longitude swapped are often still valid numbers; but they are far away from the region.

    Args:
        places: Pairs of latitude and longitude.
        around: The middle of the region.
        within_km: The largest plausible distance from it.

    Raises:
        InvalidTravel: The number of the place, and what is wrong with it.
    """
    good = []
    for number, (latitude, longitude) in enumerate(places):
        place = Coordinates(latitude, longitude)
        away = float(air_kilometres([(latitude, longitude), (around.latitude, around.longitude)])[0, 1])
        if away > within_km:
            hint = ""
            if -90 <= longitude <= 90:
                swapped = air_kilometres([(longitude, latitude), (around.latitude, around.longitude)])[0, 1]
                hint = "; latitude and longitude are swapped" if swapped <= within_km else ""
            raise InvalidTravel(f"place {number} is {away:.0f} km away from the region{hint}")
        good.append(place)
    return good
