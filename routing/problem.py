"""What is asked: the services, vehicles, links and travel times of one day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.breaks import WORKING_TIME_LAW, BreakRule
from routing.errors import (
    InvalidLink,
    InvalidProblem,
    InvalidService,
    InvalidTravel,
    InvalidVehicle,
    InvalidWeights,
)
from routing.units import LATEST, UNREACHABLE, Points, Seconds

__all__ = [
    "ALL_DAY",
    "WORKING_TIME_LAW",
    "BreakRule",
    "Link",
    "Nurses",
    "Problem",
    "Service",
    "TimeWindow",
    "Travel",
    "Vehicle",
    "Weights",
]

LARGEST_PENALTY: Points = 10**12


@dataclass(frozen=True, order=True)
class TimeWindow:
    """A closed interval: both ends belong to it.

    For a service it says when the service may **start**; for a shift, when the nurse may leave and must be
    back.

    Attributes:
        earliest: First allowed second.
        latest: Last allowed second.

    Raises:
        InvalidProblem: It ends before it begins, or lies beyond all days.
    """

    earliest: Seconds
    latest: Seconds

    def __post_init__(self) -> None:
        if self.earliest > self.latest:
            raise InvalidProblem(f"time window ends at {self.latest}, before it begins at {self.earliest}")
        if max(abs(self.earliest), abs(self.latest)) > LATEST:
            raise InvalidProblem(
                f"time window {self.earliest}-{self.latest} is not within {LATEST} s of midnight"
            )

    def holds(self, time: Seconds) -> bool:
        """Tell whether `time` lies inside, ends included."""
        return self.earliest <= time <= self.latest


ALL_DAY = TimeWindow(0, 24 * 3600)


@dataclass(frozen=True)
class Service:
    """One nurse's part of a visit.

    Attributes:
        id: The caller's name for it; never a patient's name, since it appears in messages.
        location: Row and column of its place in every travel matrix.
        duration: Seconds from start to end.
        windows: When it may start, any of several; sorted by `__post_init__`.
        skills: What the nurse must hold: skill to least grade.
        visit: Services with the same visit are all done or all left out. Empty stands for a visit of its own.
        allowed: Numbers of the vehicles that may do it; None for all.
        forbidden: Numbers of the vehicles that may not.
        preferred: Numbers of the vehicles that should; others cost `Weights.not_preferred`. Empty for no
            wish.
        penalty: Points of leaving it out: its priority.

    Raises:
        InvalidService: The duration or penalty is negative, or there is no window.
    """

    id: str
    location: int
    duration: Seconds
    windows: tuple[TimeWindow, ...] = (ALL_DAY,)
    skills: Mapping[str, int] = field(default_factory=dict)
    visit: str = ""
    allowed: frozenset[int] | None = None
    forbidden: frozenset[int] = frozenset()
    preferred: frozenset[int] = frozenset()
    penalty: Points = 10**6

    def __post_init__(self) -> None:
        if not 0 <= self.duration <= LATEST:
            raise InvalidService(
                f"service {self.id}: duration {self.duration} is not a number of seconds from 0 up"
            )
        if not self.windows:
            raise InvalidService(f"service {self.id}: give at least one time window")
        if not 0 <= self.penalty <= LARGEST_PENALTY:
            raise InvalidService(
                f"service {self.id}: penalty {self.penalty} is not within 0-{LARGEST_PENALTY}"
            )
        if any(grade < 0 for grade in self.skills.values()):
            raise InvalidService(f"service {self.id}: a skill's grade is negative")
        object.__setattr__(self, "windows", tuple(sorted(self.windows)))
        object.__setattr__(self, "skills", dict(self.skills))
        object.__setattr__(self, "visit", self.visit or self.id)


@dataclass(frozen=True)
class Vehicle:
    """One nurse on one shift.

    Attributes:
        id: The caller's name for it.
        start: Location she leaves from.
        end: Location she returns to; may differ from `start`.
        shift: She leaves at or after its first second and is back at its last.
        skills: What she holds: skill to grade.
        max_work: Longest time from leaving to returning, breaks included; None for no limit but the shift.
        breaks: The break rule she works under; None for none.
        travel: Number of the travel matrices of her kind of vehicle (car, bicycle, ...).

    Raises:
        InvalidVehicle: `max_work` or a grade is negative.
    """

    id: str
    start: int
    end: int
    shift: TimeWindow
    skills: Mapping[str, int] = field(default_factory=dict)
    max_work: Seconds | None = None
    breaks: BreakRule | None = WORKING_TIME_LAW
    travel: int = 0

    def __post_init__(self) -> None:
        if self.max_work is not None and self.max_work < 0:
            raise InvalidVehicle(f"vehicle {self.id}: max_work {self.max_work} is negative")
        if any(grade < 0 for grade in self.skills.values()):
            raise InvalidVehicle(f"vehicle {self.id}: a skill's grade is negative")
        object.__setattr__(self, "skills", dict(self.skills))


class Nurses(Enum):
    """Who does two linked services."""

    ANY = "any"
    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Link:
    """What ties two services; it binds when both are planned.

    A double visit is `Link(a, b, 0, 0, Nurses.DIFFERENT)`.

    Attributes:
        first: Number of a service.
        second: Number of another.
        min_gap: The second starts at least so long after the **start** of the first. May be negative: then
            the second may start first.
        max_gap: And at most so long after it; None for no limit.
        nurses: Whether one nurse, two, or either does both.

    Raises:
        InvalidLink: Both are the same service, or the gaps exclude each other.
    """

    first: int
    second: int
    min_gap: Seconds = 0
    max_gap: Seconds | None = None
    nurses: Nurses = Nurses.ANY

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise InvalidLink(f"link: service {self.first} is tied to itself")
        if self.max_gap is not None and self.min_gap > self.max_gap:
            raise InvalidLink(
                f"link {self.first}-{self.second}: least gap {self.min_gap} exceeds {self.max_gap}"
            )
        if max(abs(self.min_gap), abs(self.max_gap or 0)) > LATEST:
            raise InvalidLink(f"link {self.first}-{self.second}: gaps must be within {LATEST} s")


@dataclass(frozen=True, eq=False)
class Travel:
    """Travel between all places for one kind of vehicle; need not be symmetric.

    Attributes:
        seconds: Shape (places, places), int32; row is origin, column destination, diagonal zero.
            `UNREACHABLE` where no road leads.
        metres: The same for the length of the way; ignored where unreachable.

    Raises:
        InvalidTravel: Not square, not whole numbers, or a hole; the message names the pair.
    """

    seconds: NDArray[np.int32] = field(repr=False)
    metres: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("seconds", "metres"):
            object.__setattr__(self, name, _whole_square(name, getattr(self, name)))
        if self.seconds.shape != self.metres.shape:
            raise InvalidTravel(f"travel: seconds are {self.seconds.shape}, metres {self.metres.shape}")
        beyond = np.argwhere((self.seconds > LATEST) & (self.seconds != UNREACHABLE))
        if len(beyond):
            origin, destination = beyond[0]
            raise InvalidTravel(
                f"travel seconds from place {origin} to {destination}: longer than {LATEST} s; "
                f"write {UNREACHABLE} where no road leads"
            )
        loops = np.flatnonzero(np.diagonal(self.seconds))
        if len(loops):
            raise InvalidTravel(f"travel seconds from place {loops[0]} to itself must be 0")

    @property
    def places(self) -> int:
        """How many places the matrices know."""
        return int(self.seconds.shape[0])


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


@dataclass(frozen=True)
class Weights:
    """How much each term of the objective counts, in points.

    The points of leaving a service out stand with the service (`Service.penalty`).

    Attributes:
        travel: For each second of travel.
        not_preferred: For each service done by a nurse who is not among the preferred.
        vehicle_use: For each vehicle that leaves at all.

    Raises:
        InvalidWeights: A weight is negative or beyond a million.
    """

    travel: Points = 1
    not_preferred: Points = 600
    vehicle_use: Points = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 10**6:
                raise InvalidWeights(f"weight {name}: {value} is not within 0-1000000")


@dataclass(frozen=True, eq=False)
class Problem:
    """One day to plan. Services, vehicles and locations are known by their position.

    Attributes:
        services: What is to be done.
        vehicles: The nurses on duty.
        travel: One `Travel` per kind of vehicle, all over the same places.
        links: What ties services.
        weights: What counts how much.

    Raises:
        InvalidProblem: Two things share an id, or a number points nowhere; the message names the id.
    """

    services: tuple[Service, ...]
    vehicles: tuple[Vehicle, ...]
    travel: tuple[Travel, ...]
    links: tuple[Link, ...] = ()
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        if not self.travel:
            raise InvalidTravel("give at least one travel matrix")
        if len({travel.places for travel in self.travel}) > 1:
            raise InvalidTravel("all kinds of vehicle need matrices over the same places")
        _refuse_twins("service", [service.id for service in self.services])
        _refuse_twins("vehicle", [vehicle.id for vehicle in self.vehicles])
        for service in self.services:
            self._check_service(service)
        for vehicle in self.vehicles:
            self._check_vehicle(vehicle)
        for link in self.links:
            if not (0 <= link.first < len(self.services) and 0 <= link.second < len(self.services)):
                raise InvalidLink(f"link {link.first}-{link.second}: there are {len(self.services)} services")

    @property
    def places(self) -> int:
        """How many places the travel matrices know."""
        return self.travel[0].places

    def visits(self) -> dict[str, list[int]]:
        """Return the numbers of the services of each visit, in order of first appearance."""
        visits: dict[str, list[int]] = {}
        for number, service in enumerate(self.services):
            visits.setdefault(service.visit, []).append(number)
        return visits

    def seconds(self, vehicle: int, origin: int, destination: int) -> Seconds:
        """Return the travel time of a vehicle between two locations."""
        return int(self.travel[self.vehicles[vehicle].travel].seconds[origin, destination])

    def metres(self, vehicle: int, origin: int, destination: int) -> int:
        """Return the length of a vehicle's way between two locations."""
        return int(self.travel[self.vehicles[vehicle].travel].metres[origin, destination])

    def _check_service(self, service: Service) -> None:
        if not 0 <= service.location < self.places:
            raise InvalidService(
                f"service {service.id}: location {service.location} is outside the travel matrix"
            )
        for name in ("allowed", "forbidden", "preferred"):
            numbers = getattr(service, name) or frozenset()
            unknown = sorted(number for number in numbers if not 0 <= number < len(self.vehicles))
            if unknown:
                raise InvalidService(
                    f"service {service.id}: {name} names vehicle {unknown[0]}, which does not exist"
                )

    def _check_vehicle(self, vehicle: Vehicle) -> None:
        for name in ("start", "end"):
            if not 0 <= getattr(vehicle, name) < self.places:
                raise InvalidVehicle(f"vehicle {vehicle.id}: {name} is outside the travel matrix")
        if not 0 <= vehicle.travel < len(self.travel):
            raise InvalidVehicle(f"vehicle {vehicle.id}: there is no travel matrix number {vehicle.travel}")


def _refuse_twins(kind: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InvalidProblem(f"{kind} {name}: two of them have this id")
        seen.add(name)
