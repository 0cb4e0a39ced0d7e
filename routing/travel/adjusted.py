"""What an installation knows better than its engine: how fast people drive here, how long parking takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.answers import same_places
from routing.travel.source import Coordinates, Leg, Path, Snapped, Table, TravelSource
from routing.units import LATEST, UNREACHABLE, Seconds

__all__ = ["AdjustedTravel"]


@dataclass(frozen=True)
class AdjustedTravel:
    """Another source's times, at other speeds and with a fixed time at each stop; the one place for both.

    Name and data are the other source's: they say where the roads come from.

    Attributes:
        source: Of the times as they come.
        speed_factor: Factor on all speeds: at 0.9 every way takes 1 / 0.9 as long.
        access_s: Seconds added once to each way that ends elsewhere: to park and walk to the door.

    Raises:
        InvalidTravel: The factor is not positive, or the seconds are negative.
    """

    source: TravelSource
    speed_factor: float = 1.0
    access_s: Seconds = 0

    def __post_init__(self) -> None:
        if not 0 < self.speed_factor < np.inf or self.access_s < 0:
            raise InvalidTravel("travel: the speed factor must be positive, the access time not negative")

    @property
    def name(self) -> str:
        """The source's."""
        return self.source.name

    @property
    def estimated(self) -> bool:
        """The source's."""
        return self.source.estimated

    @property
    def data(self) -> str:
        """The source's."""
        return self.source.data

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        """Return times and distances between all places; see `TravelSource.travel`."""
        travel = self.source.travel(places)
        return Travel(self._adjusted(travel.seconds, same_places(places, places)), travel.metres)

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        """Return times and distances; see `TravelSource.table`."""
        table = self.source.table(origins, destinations)
        return Table(self._adjusted(table.seconds, same_places(origins, destinations)), table.metres)

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        """Return where each place meets the roads."""
        return self.source.snap(places)

    def path(self, places: Sequence[Coordinates]) -> Path:
        """Return the way through the places; see `TravelSource.path`."""
        legs = []
        for number, leg in enumerate(self.source.path(places).legs):
            same = np.array([[places[number] == places[number + 1]]])
            seconds = int(self._adjusted(np.array([[leg.seconds]], dtype=np.int32), same)[0, 0])
            legs.append(Leg(seconds, leg.metres, leg.points, leg.estimated))
        return Path(tuple(legs))

    def _adjusted(self, seconds: NDArray[np.int32], same: NDArray[np.bool_]) -> NDArray[np.int32]:
        if self.speed_factor == 1.0 and self.access_s == 0:
            return seconds
        slower = np.ceil(np.round(seconds / self.speed_factor, 6)) + self.access_s
        adjusted: NDArray[np.int32] = np.minimum(slower, LATEST).astype(np.int32)
        adjusted[same] = seconds[same]
        adjusted[seconds == UNREACHABLE] = UNREACHABLE
        return adjusted
