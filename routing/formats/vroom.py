"""VROOM's JSON: jobs and vehicles in, its documented answer out (API of VROOM 1.14).

Beyond VROOM, services can be tied: `"links": [{"first": job id, "second": job id, "min_gap": s, "max_gap": s,
"nurses": "any" | "same" | "different"}]`; the second starts that long after the start of the first. Jobs with
the same text under `"visit"` are all done or all left out.

A key that would change the plan and is not honoured is refused. A break is honoured if it may lie anywhere in
the shift; VROOM's setup if no other job or start shares the place.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.breaks import BreakRule
from routing.formats.reading import InvalidFile, Record, parse_json
from routing.formats.vroom_answer import Job, Nurse, Shape, Spot, VroomTask
from routing.problem import Band, Link, Nurses, Problem, Service, TimeWindow, Travel, Vehicle, Weights
from routing.travel import CarEstimate, Coordinates, EBikeEstimate, TravelSource
from routing.units import HOUR, LATEST, UNREACHABLE, Seconds

__all__ = ["from_vroom"]

LAST: Seconds = LATEST // 4
LARGEST_ID = 2**63
MOST_PENALTY = 10**12
ESTIMATES: dict[str, TravelSource] = {"car": CarEstimate(), "bike": EBikeEstimate()}

JOB_KEYS = {
    "id",
    "location",
    "location_index",
    "setup",
    "service",
    "delivery",
    "pickup",
    "skills",
    "priority",
}
JOB_KEYS |= {"time_windows", "visit"}
VEHICLE_KEYS = {"id", "profile", "start", "start_index", "end", "end_index", "capacity", "costs", "skills"}
VEHICLE_KEYS |= {"time_window", "breaks"}


def from_vroom(text: str) -> VroomTask:
    """Read a file.

    Raises:
        InvalidFile: With the key and the reason.
    """
    record = parse_json(text)
    record.only({"jobs", "vehicles", "matrices", "links"})
    jobs, vehicles = record.records("jobs", optional=True), record.records("vehicles")
    for job in jobs:
        job.only(JOB_KEYS, ignored={"description"})
    for vehicle in vehicles:
        vehicle.only(VEHICLE_KEYS, ignored={"description", "type"})
    places = _Places(record, jobs, vehicles)
    amounts = _amounts(jobs, vehicles)
    shape = Shape(_base(jobs, vehicles), places.distances, amounts)
    known = [_job(job, places.spot(job, "location", "location_index"), amounts) for job in jobs]
    _refuse_shared_setups(jobs, known, [places.start(vehicle) for vehicle in vehicles])
    nurses = [_nurse(vehicle, places) for vehicle in vehicles]
    unit = max(1, min(10**7, MOST_PENALTY // (100 * (len(jobs) + 1) + 1)))
    problem = Problem(
        services=tuple(
            _service(record, job, shape.base, unit * (job.priority * (len(jobs) + 1) + 1))
            for record, job in zip(jobs, known, strict=True)
        ),
        vehicles=tuple(
            _vehicle(vehicle, nurse, places, shape) for vehicle, nurse in zip(vehicles, nurses, strict=True)
        ),
        travel=places.travel(),
        links=tuple(_links(record, known)),
        weights=_weights(vehicles),
    )
    return VroomTask(problem, known, nurses, shape)


class _Places:
    """The places a file names, and the ways between them.

    With matrices, places are their rows; without, they are coordinates, each once. One place more is nowhere:
    open routes begin and end there, at no cost.
    """

    def __init__(self, record: Record, jobs: list[Record], vehicles: list[Record]) -> None:
        self.own = "matrices" in record
        self._profiles: dict[str, int] = {}
        for vehicle in vehicles:
            name = vehicle.text("profile") if "profile" in vehicle else "car"
            self._profiles.setdefault(name, len(self._profiles))
        self._travel = [_matrices(record, name) for name in self._profiles] if self.own else []
        self.size = self._travel[0].places if self._travel else 0
        for name, travel in zip(self._profiles, self._travel, strict=False):
            if travel.places != self.size:
                raise InvalidFile(f"matrices.{name}: has {travel.places} rows, others have {self.size}")
        self.distances = not self.own or any(travel.metres.any() for travel in self._travel)
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

    def profile(self, vehicle: Record) -> int:
        """Return the number of a vehicle's travel matrices."""
        return self._profiles[vehicle.text("profile") if "profile" in vehicle else "car"]

    def travel(self) -> tuple[Travel, ...]:
        """Return the matrices of each profile, with nowhere as the last place."""
        if self.own and self._travel:
            return tuple(_with_nowhere(travel) for travel in self._travel)
        made = []
        for name in self._profiles or {"car": 0}:
            if name not in ESTIMATES:
                raise InvalidFile(
                    f"vehicles: no estimate for profile {name[:40]}, only for {', '.join(ESTIMATES)}; "
                    "give matrices"
                )
            made.append(_with_nowhere(ESTIMATES[name].travel(list(self._coordinates))))
        return tuple(made)

    def _optional(self, vehicle: Record, key: str, index_key: str) -> Spot | None:
        return self.spot(vehicle, key, index_key) if key in vehicle or index_key in vehicle else None


def _matrices(record: Record, profile: str) -> Travel:
    own = record.record("matrices").record(profile)
    own.only({"durations", "distances"})
    own.get("durations")
    seconds = _whole_matrix(own, "durations", None)
    if "distances" not in own:
        return Travel(seconds, np.zeros_like(seconds))
    return Travel(seconds, _whole_matrix(own, "distances", len(seconds)))


def _whole_matrix(record: Record, key: str, places: int | None) -> NDArray[np.int32]:
    matrix = np.array(record.square(key, places=places), dtype=np.float64)
    if (matrix != np.floor(matrix)).any():
        raise record.refuse(key, "expected whole numbers only")
    if not matrix.size:
        raise record.refuse(key, "has no rows")
    matrix[matrix > UNREACHABLE] = UNREACHABLE
    return matrix.astype(np.int32)


def _with_nowhere(travel: Travel) -> Travel:
    own = {id(matrix): np.pad(matrix, (0, 1)) for matrix in travel.matrices}
    bands = tuple(Band(band.start, own[id(band.seconds)]) for band in travel.bands)
    return Travel(own[id(travel.seconds)], np.pad(travel.metres, (0, 1)), bands)


def _amounts(jobs: list[Record], vehicles: list[Record]) -> str:
    """Return whether jobs have deliveries, pickups or neither; both at once are refused."""
    used = ""
    for job in jobs:
        for key in ("delivery", "pickup"):
            amount = job.wholes(key, least=0, most=LATEST)
            if len(amount) > 1:
                raise job.refuse(key, "only one dimension is supported")
            if amount and used not in ("", key):
                raise job.refuse(key, f"other jobs have a {used}; both in one file are not supported")
            used = key if amount else used
    for vehicle in vehicles:
        capacity = vehicle.wholes("capacity", least=0, most=LATEST)
        if len(capacity) != (1 if used else len(capacity[:1])):
            raise vehicle.refuse("capacity", "expected one number, as the jobs have one amount")
    return used


def _base(jobs: list[Record], vehicles: list[Record]) -> Seconds:
    """Return what to count times from: 0, or the earliest time if the file's are timestamps."""
    times = [time for job in jobs for pair in job.pairs("time_windows") for time in pair]
    times += [time for vehicle in vehicles for time in vehicle.wholes("time_window")]
    return min(times) if times and max(times) > LAST else 0


def _job(record: Record, spot: Spot, amounts: str) -> Job:
    amount = record.wholes(amounts) if amounts else []
    return Job(
        id=record.whole("id", least=0, most=LARGEST_ID),
        spot=spot,
        setup=record.whole("setup", default=0, least=0, most=LAST),
        service=record.whole("service", default=0, least=0, most=LAST),
        priority=record.whole("priority", default=0, least=0, most=100),
        amount=amount[0] if amount else 0,
        repeats={"description": record.text("description")} if "description" in record else {},
    )


def _refuse_shared_setups(records: list[Record], jobs: list[Job], starts: list[Spot | None]) -> None:
    """Refuse setups that VROOM would count only when the nurse comes from another place."""
    shared = Counter(job.spot.number for job in jobs) + Counter(
        spot.number for spot in starts if spot is not None
    )
    for record, job in zip(records, jobs, strict=True):
        if job.setup and shared[job.spot.number] > 1:
            raise record.refuse("setup", "another job or a vehicle's start has this place: not supported")


def _service(record: Record, job: Job, base: Seconds, penalty: int) -> Service:
    windows = [_window(record, "time_windows", *pair, base) for pair in record.pairs("time_windows")]
    return Service(
        id=str(job.id),
        location=job.spot.number,
        duration=job.setup + job.service,
        windows=tuple(windows) or (TimeWindow(0, LAST),),
        skills={str(skill): 1 for skill in record.wholes("skills", least=0)},
        visit=f"visit {record.text('visit')}" if "visit" in record else "",
        demand=job.amount,
        penalty=penalty,
    )


def _nurse(record: Record, places: _Places) -> Nurse:
    start, end = places.start(record), places.end(record)
    if start is None and end is None:
        raise record.refuse("start", "give a start, an end or both")
    breaks = record.records("breaks", optional=True)
    return Nurse(
        id=record.whole("id", least=0, most=LARGEST_ID),
        start=start,
        end=end,
        pause=breaks[0].whole("id", least=0, most=LARGEST_ID) if breaks else None,
        repeats={"description": record.text("description")} if "description" in record else {},
    )


def _vehicle(record: Record, nurse: Nurse, places: _Places, shape: Shape) -> Vehicle:
    shift = TimeWindow(0, LAST)
    if "time_window" in record:
        bounds = record.wholes("time_window")
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            raise record.refuse("time_window", "expected two rising whole numbers")
        shift = _window(record, "time_window", bounds[0], bounds[1], shape.base)
    capacity = record.wholes("capacity")
    return Vehicle(
        id=str(nurse.id),
        start=nurse.start.number if nurse.start else places.nowhere,
        end=nurse.end.number if nurse.end else places.nowhere,
        shift=shift,
        skills={str(skill): 1 for skill in record.wholes("skills", least=0)},
        breaks=_break_rule(record, shift, shape.base),
        travel=places.profile(record),
        capacity=capacity[0] if capacity and shape.amounts else None,
    )


def _break_rule(vehicle: Record, shift: TimeWindow, base: Seconds) -> BreakRule | None:
    """Return the rule that asks for the vehicle's one break, wherever it lies."""
    breaks = vehicle.records("breaks", optional=True)
    if not breaks:
        return None
    if len(breaks) > 1:
        raise vehicle.refuse("breaks", "only one break per vehicle is supported")
    pause = breaks[0]
    pause.only({"id", "time_windows", "service"}, ignored={"description"})
    length = pause.whole("service", default=0, least=0, most=LAST)
    for low, high in pause.pairs("time_windows"):
        if low - base > shift.earliest or high - base < shift.latest - length:
            raise pause.refuse(
                "time_windows", "a break that may not lie anywhere in the shift is not supported"
            )
    return BreakRule(((1, length),), length, LATEST) if length else None


def _window(record: Record, key: str, low: int, high: int, base: Seconds) -> TimeWindow:
    if low < base - LAST or high - base > LAST:
        raise record.refuse(key, f"times of one file must lie within {LAST} s")
    return TimeWindow(low - base, high - base)


def _links(record: Record, jobs: list[Job]) -> list[Link]:
    numbers = {job.id: number for number, job in enumerate(jobs)}
    links = []
    for link in record.records("links", optional=True):
        link.only({"first", "second", "min_gap", "max_gap", "nurses"})
        for key in ("first", "second"):
            if link.whole(key) not in numbers:
                raise link.refuse(key, f"there is no job {link.whole(key)}")
        nurses = link.text("nurses") if "nurses" in link else "any"
        if nurses not in {kind.value for kind in Nurses}:
            raise link.refuse("nurses", "expected any, same or different")
        links.append(
            Link(
                numbers[link.whole("first")],
                numbers[link.whole("second")],
                link.whole("min_gap", default=0, least=-LAST, most=LAST),
                link.whole("max_gap", least=-LAST, most=LAST) if "max_gap" in link else None,
                Nurses(nurses),
            )
        )
    return links


def _weights(vehicles: list[Record]) -> Weights:
    """Return what travel and a vehicle cost; VROOM lets it differ between vehicles, we do not."""
    found: dict[tuple[int, int], None] = {}
    for vehicle in vehicles:
        costs = vehicle.record("costs") if "costs" in vehicle else Record({})
        costs.only({"fixed", "per_hour"})
        fixed = costs.whole("fixed", default=0, least=0, most=10**6)
        per_hour = costs.whole("per_hour", default=HOUR, least=0, most=HOUR * 10**6)
        if per_hour % HOUR:
            raise costs.refuse("per_hour", f"only multiples of {HOUR} are supported: whole points per second")
        found[fixed, per_hour // HOUR] = None
        if len(found) > 1:
            raise vehicle.refuse("costs", "costs that differ between vehicles are not supported")
    fixed, travel = next(iter(found), (0, 1))
    return Weights(travel=travel, vehicle_use=fixed, not_preferred=0)
