"""Where travel times come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.distance import air_kilometres

__all__ = ["Coordinates", "TravelSource", "checked"]


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


class TravelSource(Protocol):
    """Something that knows how long the ways between places take."""

    @property
    def name(self) -> str:
        """Stored with a plan, so that people know how far to trust its times."""
        ...

    @property
    def estimated(self) -> bool:
        """Whether times come from a formula and not from roads."""
        ...

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places, in their order; identical places are 0 s apart.

        Raises:
            InvalidTravel: A place cannot be used.
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
