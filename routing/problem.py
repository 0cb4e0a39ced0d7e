"""What is asked: the services, vehicles, links and travel times of one day."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.breaks import WORKING_TIME_LAW, BreakRule, Lunch
from routing.errors import InvalidLink, InvalidProblem, InvalidService, InvalidTravel, InvalidVehicle
from routing.link import Link, Nurses
from routing.matrices import Band, Travel
from routing.units import HOUR, LATEST, Points, Seconds
from routing.weights import Weights

__all__ = [
    "ALL_DAY",
    "WORKING_TIME_LAW",
    "Band",
    "BreakRule",
    "Link",
    "Lunch",
    "Nurses",
    "Problem",
    "Service",
    "TimeWindow",
    "Travel",
    "Vehicle",
    "Weights",
]

LARGEST_PENALTY: Points = 10**12
LARGEST_RATE: Points = 10**6
LARGEST_KNOWN: Points = 2**29


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
        demand: What it takes of its vehicle's capacity.
        late: Points per minute of starting after a window's end; None if that is forbidden. A late start
            counts from the latest end among the windows that have begun by then.
        wish: When the patient would like it to start; minutes outside cost `Weights.off_wish`.
        known: Number of a vehicle to the points it costs if that vehicle does it: continuity, fairness of
            unpopular hours, a ledger of the weeks before. Vehicles that are not named cost nothing.
        pinned_vehicle: The only vehicle that may do it, if it is done.
        pinned_start: The only second it may start at, whatever its windows say, if it is done.
        needs: Things that whoever does it has with her from leaving to returning: a key, a lift. One nurse
            at a time has a thing; it changes hands where routes begin and end.
        inside: Number of the service during which it takes place, for a part that somebody does from afar. A
            link has to keep it there; see `routing.remote`.

    Raises:
        InvalidService: The duration, penalty, demand or another number is negative or too large, or there is
            no window.
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
    demand: int = 0
    late: Points | None = None
    wish: TimeWindow | None = None
    known: Mapping[int, Points] = field(default_factory=dict)
    pinned_vehicle: int | None = None
    pinned_start: Seconds | None = None
    needs: frozenset[str] = frozenset()
    inside: int | None = None

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
        if not 0 <= self.demand <= LATEST:
            raise InvalidService(f"service {self.id}: demand {self.demand} is not within 0-{LATEST}")
        if not 0 <= (self.late or 0) <= LARGEST_RATE:
            raise InvalidService(f"service {self.id}: late {self.late} is not within 0-{LARGEST_RATE}")
        if any(not 0 <= points <= LARGEST_KNOWN for points in self.known.values()):
            raise InvalidService(f"service {self.id}: known has points outside 0-{LARGEST_KNOWN}")
        if abs(self.pinned_start or 0) > LATEST:
            raise InvalidService(f"service {self.id}: pinned_start is not within {LATEST} s of midnight")
        object.__setattr__(self, "windows", tuple(sorted(self.windows)))
        object.__setattr__(self, "skills", dict(self.skills))
        object.__setattr__(self, "known", dict(self.known))
        object.__setattr__(self, "visit", self.visit or self.id)

    @property
    def starts(self) -> tuple[TimeWindow, ...]:
        """The intervals in which the rules let it start: windows, drawn out if it may be late, or its pin.

        A late start is drawn out to the beginning of the next window, the last one to the end of time.
        """
        if self.pinned_start is not None:
            return (TimeWindow(self.pinned_start, self.pinned_start),)
        if self.late is None:
            return self.windows
        begins = sorted({window.earliest for window in self.windows})
        return tuple(
            TimeWindow(begin, end - 1) for begin, end in zip(begins, [*begins[1:], LATEST + 1], strict=True)
        )

    def lateness(self, start: Seconds) -> Seconds:
        """Return how many seconds after the end of its window it starts: the latest end among those begun."""
        ends = [window.latest for window in self.windows if window.earliest <= start]
        return max(0, start - max(ends)) if ends else 0


@dataclass(frozen=True)
class Vehicle:
    """One nurse on one shift.

    The shifts of one nurse are worked in the order of their days, on one day in the order in which they
    begin, one after the other.

    Attributes:
        id: The caller's name for it.
        start: Location she leaves from.
        end: Location she returns to; may differ from `start`.
        shift: She leaves at or after its first second and is back at its last.
        skills: What she holds: skill to grade.
        max_work: Longest time from leaving to returning, breaks included; None for no limit but the shift.
        breaks: The break rule she works under; None for none.
        travel: Number of the travel matrices of her kind of vehicle (car, bicycle, ...).
        capacity: The most that the demands of one route may sum to; None for no limit.
        overtime: So many seconds after the end of her shift she may be back; costs `Weights.overtime`.
        lunch: The break she is due in certain hours, if she leaves; None for none.
        leaves_at_once: Whether she leaves when her shift begins, if she leaves at all, and not as late as her
            stops allow; what she then waits for the first of them is waiting too.
        nurse: Who works the shift: vehicles with the same nurse are shifts of one person. Empty stands for a
            person of its own, called by the vehicle's id.
        day: Number of the day the shift belongs to: the parts of a split shift have the same.
        max_day: Most work of the nurse on that day, over all her shifts of it, each from leaving to returning
            without planned breaks; the least of these shifts' limits counts. None for no limit.
        rest: Least time between her duties of other days and this shift: since the last before it, and until
            `next_duty`. By law eleven hours; in care ten, if another rest of the same four weeks has twelve
            (Arbeitszeitgesetz, section 5): whoever knows those weeks says which is due.
        free_since: When her last duty before those of this problem ended; None if it does not matter.
        next_duty: When her next duty after those of this problem begins; None if it does not matter.
        uses: Things that she has with her from leaving to returning, like a car that others drive as well;
            one nurse at a time has a thing.

    Raises:
        InvalidVehicle: `max_work`, a grade, `capacity`, `overtime`, `max_day` or `rest` is negative, or a
            time is beyond all days.
    """

    id: str
    start: int
    end: int
    shift: TimeWindow
    skills: Mapping[str, int] = field(default_factory=dict)
    max_work: Seconds | None = None
    breaks: BreakRule | None = WORKING_TIME_LAW
    travel: int = 0
    capacity: int | None = None
    overtime: Seconds = 0
    lunch: Lunch | None = None
    leaves_at_once: bool = False
    nurse: str = ""
    day: int = 0
    max_day: Seconds | None = None
    rest: Seconds = 11 * HOUR
    free_since: Seconds | None = None
    next_duty: Seconds | None = None
    uses: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if (self.capacity or 0) < 0:
            raise InvalidVehicle(f"vehicle {self.id}: capacity {self.capacity} is negative")
        if not 0 <= self.overtime <= LATEST:
            raise InvalidVehicle(f"vehicle {self.id}: overtime {self.overtime} is not within 0-{LATEST}")
        if self.max_work is not None and self.max_work < 0:
            raise InvalidVehicle(f"vehicle {self.id}: max_work {self.max_work} is negative")
        if any(grade < 0 for grade in self.skills.values()):
            raise InvalidVehicle(f"vehicle {self.id}: a skill's grade is negative")
        for name in ("max_day", "rest"):
            if not 0 <= (getattr(self, name) or 0) <= LATEST:
                raise InvalidVehicle(f"vehicle {self.id}: {name} is not within 0-{LATEST}")
        for name in ("free_since", "next_duty"):
            if abs(getattr(self, name) or 0) > LATEST:
                raise InvalidVehicle(f"vehicle {self.id}: {name} is not within {LATEST} s of midnight")
        object.__setattr__(self, "skills", dict(self.skills))
        object.__setattr__(self, "nurse", self.nurse or self.id)

    @property
    def leaves_from(self) -> Seconds:
        """When she may leave at the earliest: in her shift, and rested from a duty before this problem."""
        if self.free_since is None:
            return self.shift.earliest
        return max(self.shift.earliest, self.free_since + self.rest)

    @property
    def back_by(self) -> Seconds:
        """When she must be back: overtime included, and in time to rest before her next duty."""
        latest = self.shift.latest + self.overtime
        return latest if self.next_duty is None else min(latest, self.next_duty - self.rest)

    @property
    def leaves_by(self) -> Seconds:
        """When she must have left."""
        return self.shift.earliest if self.leaves_at_once else self.back_by


@dataclass(frozen=True, eq=False)
class Problem:
    """One day to plan, or several. Services, vehicles and locations are known by their position.

    Several days lie on one axis of seconds: a vehicle for each nurse and day (`Vehicle.nurse` and `day`), and
    windows on each day that a service may be done. A care order of two visits in a week, at least 20 hours
    apart and by one nurse::

        week = tuple(TimeWindow(n * DAY + 7 * HOUR, n * DAY + 10 * HOUR) for n in range(5))
        services = [Service(f"wound {n}", place, 30 * MINUTE, week) for n in range(2)]
        link = Link(0, 1, min_gap=20 * HOUR, nurses=Nurses.SAME)

    Attributes:
        services: What is to be done.
        vehicles: The nurses on duty.
        travel: One `Travel` per kind of vehicle, all over the same places.
        links: What ties services.
        weights: What counts how much.
        orders: Pairs of services: where both are done, one vehicle does the first directly before the second.
            Each service is the first and the second of one pair at most.

    Raises:
        InvalidProblem: Two things share an id, or a number points nowhere; the message names the id.
    """

    services: tuple[Service, ...]
    vehicles: tuple[Vehicle, ...]
    travel: tuple[Travel, ...]
    links: tuple[Link, ...] = ()
    weights: Weights = field(default_factory=Weights)
    orders: tuple[tuple[int, int], ...] = ()

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
        needed = {thing for service in self.services for thing in service.needs}
        for vehicle in self.vehicles:
            for thing in sorted(needed & vehicle.uses):
                raise InvalidVehicle(f"vehicle {vehicle.id}: uses names {thing}, which services need")
        for link in self.links:
            if not (0 <= link.first < len(self.services) and 0 <= link.second < len(self.services)):
                raise InvalidLink(f"link {link.first}-{link.second}: there are {len(self.services)} services")
        for side in (0, 1):
            _refuse_twins(f"orders, place {side}, service", [str(pair[side]) for pair in self.orders])
        for first, second in self.orders:
            if not (0 <= first < len(self.services) and 0 <= second < len(self.services)) or first == second:
                raise InvalidProblem(f"order {first}-{second}: name two services by their numbers")

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
        """Return the travel time of a vehicle between two locations, the least of the day."""
        return int(self.travel[self.vehicles[vehicle].travel].least[origin, destination])

    def arrival(self, vehicle: int, origin: int, destination: int, leaves: Seconds) -> Seconds:
        """Return when a vehicle is at a location if it leaves another one then."""
        return self.travel[self.vehicles[vehicle].travel].arrival(origin, destination, leaves)

    def departure(self, vehicle: int, origin: int, destination: int, arrives: Seconds) -> Seconds:
        """Return when a vehicle leaves a location at the latest to be at another one by a time."""
        return self.travel[self.vehicles[vehicle].travel].departure(origin, destination, arrives)

    def depends_on_hours(self, vehicle: int) -> bool:
        """Tell whether the travel times of a vehicle depend on the hour."""
        return bool(self.travel[self.vehicles[vehicle].travel].bands)

    def metres(self, vehicle: int, origin: int, destination: int) -> int:
        """Return the length of a vehicle's way between two locations."""
        return int(self.travel[self.vehicles[vehicle].travel].metres[origin, destination])

    def _check_service(self, service: Service) -> None:
        if not 0 <= service.location < self.places:
            raise InvalidService(
                f"service {service.id}: location {service.location} is outside the travel matrix"
            )
        if service.inside is not None and not 0 <= service.inside < len(self.services):
            raise InvalidService(f"service {service.id}: inside names service {service.inside}, not there")
        pinned = frozenset() if service.pinned_vehicle is None else frozenset({service.pinned_vehicle})
        for name, numbers in (
            ("allowed", service.allowed or frozenset()),
            ("forbidden", service.forbidden),
            ("preferred", service.preferred),
            ("known", frozenset(service.known)),
            ("pinned_vehicle", pinned),
        ):
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
