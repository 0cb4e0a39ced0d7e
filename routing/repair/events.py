"""What happens to a day after its plan was published."""

from dataclasses import dataclass
from typing import TypeAlias

from routing.errors import RoutingError
from routing.problem import Link, Service
from routing.units import Seconds

__all__ = ["Event", "InvalidEvent", "NurseIll", "PatientAway", "PlaceClosed", "UrgentVisit", "VisitLonger"]


class InvalidEvent(RoutingError):
    """An event names what the day does not have, or wants to change the past."""


@dataclass(frozen=True)
class NurseIll:
    """A nurse works no longer.

    Attributes:
        vehicle: Number of the vehicle; name each of her shifts that she cannot work.
        from_time: From then on. Stops that end by then stay with her, and one that runs when the day is
            repaired; all others go to other nurses.
    """

    vehicle: int
    from_time: Seconds


@dataclass(frozen=True)
class VisitLonger:
    """A service takes longer than planned, or less long.

    Attributes:
        service: Number of the service; it is not over yet.
        duration: Its new duration; a part that is done from afar still has to lie inside.
    """

    service: int
    duration: Seconds


@dataclass(frozen=True)
class UrgentVisit:
    """One visit more.

    Attributes:
        services: Its services; they are numbered after those of the day, in the order of the events.
        links: What ties them; `first` and `second` are positions in `services`.
    """

    services: tuple[Service, ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class PatientAway:
    """A visit is not wanted any more, or nobody opens.

    Attributes:
        visit: The visit, as `Service.visit` calls it. Services of it that have begun stay.
    """

    visit: str


@dataclass(frozen=True)
class PlaceClosed:
    """Nobody gets to a place any more: a road is closed, a house quarantined.

    Attributes:
        location: The place. Services there that have begun stay, all others are left out.
    """

    location: int


Event: TypeAlias = NurseIll | VisitLonger | UrgentVisit | PatientAway | PlaceClosed
