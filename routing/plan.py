"""What is answered: routes with their times, and what could not be placed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from routing.units import Metres, Points, Seconds


@dataclass(frozen=True)
class Stop:
    """One service in a route.

    Attributes:
        service: Number of the service.
        arrival: When the nurse is at the place.
        start: When the service starts, at or after `arrival`.
        end: When it ends.
        travel: Seconds of travel from the place before.
        metres: Length of that way.
    """

    service: int
    arrival: Seconds
    start: Seconds
    end: Seconds
    travel: Seconds
    metres: Metres


@dataclass(frozen=True)
class Break:
    """A planned break.

    Attributes:
        start: First second of rest.
        end: Back at work.
        after: How many stops of the route are done before it; 0 for a break before the first.
    """

    start: Seconds
    end: Seconds
    after: int


@dataclass(frozen=True)
class Route:
    """The day of one vehicle that leaves at all.

    Attributes:
        vehicle: Number of the vehicle.
        stops: At least one, in order of time.
        breaks: In order of time.
        leaves: When the nurse leaves her start.
        returns: When she is at her end.
        travel_home: Seconds of travel from the last stop to her end.
        metres_home: Length of that way.
    """

    vehicle: int
    stops: tuple[Stop, ...]
    breaks: tuple[Break, ...]
    leaves: Seconds
    returns: Seconds
    travel_home: Seconds
    metres_home: Metres

    @property
    def travel(self) -> Seconds:
        """Seconds of travel, the way home included."""
        return sum(stop.travel for stop in self.stops) + self.travel_home

    @property
    def metres(self) -> Metres:
        """Length of the whole route."""
        return sum(stop.metres for stop in self.stops) + self.metres_home

    @property
    def rest(self) -> Seconds:
        """Seconds of planned breaks."""
        return sum(pause.end - pause.start for pause in self.breaks)

    @property
    def waiting(self) -> Seconds:
        """Seconds between leaving and returning that are neither travel, service nor break."""
        care = sum(stop.end - stop.start for stop in self.stops)
        return self.returns - self.leaves - self.travel - care - self.rest


@dataclass(frozen=True)
class Unassigned:
    """A service that is in no route, and why.

    Attributes:
        service: Number of the service.
        rules: Names of the rules that exclude it together; leaving one out would open a place.
        sentence: The reason for people.
        proven: True if no plan at all could hold it; False if this plan cannot take it in as it stands.
    """

    service: int
    rules: tuple[str, ...]
    sentence: str
    proven: bool


@dataclass(frozen=True)
class Violation:
    """One breach of one rule.

    Attributes:
        rule: Name of the constraint.
        sentence: What is wrong, for people; ids only.
        service: Number of the service concerned, if one is.
        vehicle: Number of the vehicle concerned, if one is.
    """

    rule: str
    sentence: str
    service: int | None = None
    vehicle: int | None = None


@dataclass(frozen=True)
class Cost:
    """What a plan costs, term by term.

    Attributes:
        terms: Name of the term to its points; the names are those in `routing.objective`.
    """

    terms: Mapping[str, Points] = field(default_factory=dict)

    @property
    def total(self) -> Points:
        """The points of all terms together."""
        return sum(self.terms.values())


@dataclass(frozen=True)
class Plan:
    """The answer for one problem.

    Attributes:
        routes: One for each vehicle that leaves, by number of vehicle.
        unassigned: Every service that is in no route, by number.
        cost: What it costs.
        proven: True if no better plan exists.
        seed: The seed the search was given.
        iterations: How many times the search tore down and rebuilt.
        seconds: Wall-clock time of the search.
        version: Of the search; with `seed` and `iterations` it makes the plan again.
    """

    routes: tuple[Route, ...]
    unassigned: tuple[Unassigned, ...] = ()
    cost: Cost = field(default_factory=Cost)
    proven: bool = False
    seed: int = 0
    iterations: int = 0
    seconds: float = field(default=0.0, compare=False)
    version: str = ""

    def stops(self) -> Iterator[tuple[int, Stop]]:
        """Yield every stop with the number of its vehicle."""
        for route in self.routes:
            for stop in route.stops:
                yield route.vehicle, stop

    def placed(self) -> dict[int, tuple[int, Stop]]:
        """Return vehicle and stop of each service that is in a route."""
        return {stop.service: (vehicle, stop) for vehicle, stop in self.stops()}
