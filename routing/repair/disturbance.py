"""What it costs people when a published plan changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing.errors import InvalidWeights
from routing.plan import Route, Stop
from routing.units import MINUTE, Points, Seconds, per_minute

__all__ = ["Disturbance", "Published"]


@dataclass(frozen=True)
class Disturbance:
    """How much changes to a published plan count, in points.

    Attributes:
        per_visit: For each visit that gets another nurse or another time, or is left out.
        per_minute: For each minute that a service of it starts earlier or later.
        tolerance: A start may move by so many seconds without being a change; it costs its minutes all the
            same.
        most_visits: No more visits than this may change; those that an event or its direct delay changes are
            not counted. None for no limit.

    Raises:
        InvalidWeights: A number is negative.
    """

    per_visit: Points = 900
    per_minute: Points = 20
    tolerance: Seconds = 5 * MINUTE
    most_visits: int | None = None

    def __post_init__(self) -> None:
        if min(self.per_visit, self.per_minute, self.tolerance, self.most_visits or 0) < 0:
            raise InvalidWeights("disturbance: give no negative numbers")


class Published:
    """The promises of a plan, against which others are held.

    Args:
        stops: Number of each service that was promised to its vehicle and stop.
        visits: Name of the visit of each of them.
        weights: What changes cost.
    """

    def __init__(
        self, stops: Mapping[int, tuple[int, Stop]], visits: Mapping[int, str], weights: Disturbance
    ) -> None:
        self.starts = {service: (vehicle, stop.start) for service, (vehicle, stop) in stops.items()}
        self.visits = visits
        self.weights = weights

    def minutes(self, stops: Iterable[tuple[int, Stop]]) -> Points:
        """Return the points of the minutes by which these stops are off their published start."""
        return sum(
            per_minute(self.weights.per_minute, abs(stop.start - self.starts[stop.service][1]))
            for _, stop in stops
            if stop.service in self.starts
        )

    def changed(self, stops: Iterable[tuple[int, Stop]]) -> set[str]:
        """Return the visits of which one of these stops is another than promised."""
        return {
            self.visits[stop.service]
            for vehicle, stop in stops
            if stop.service in self.starts and not self._kept(vehicle, stop)
        }

    def _kept(self, vehicle: int, stop: Stop) -> bool:
        promised, start = self.starts[stop.service]
        return vehicle == promised and abs(stop.start - start) <= self.weights.tolerance

    def broken(self, routes: Iterable[Route]) -> set[str]:
        """Return the visits that change or are left out."""
        stops = [(route.vehicle, stop) for route in routes for stop in route.stops]
        done = {stop.service for _, stop in stops}
        return self.changed(stops) | {self.visits[s] for s in self.starts if s not in done}

    def points(self, routes: Iterable[Route]) -> Points:
        """Return what all changes cost."""
        routes = tuple(routes)
        stops = ((route.vehicle, stop) for route in routes for stop in route.stops)
        return self.minutes(stops) + self.weights.per_visit * len(self.broken(routes))
