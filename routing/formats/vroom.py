"""VROOM's JSON: jobs and vehicles in, its documented answer out (API of VROOM 1.14).

Beyond VROOM, services can be tied: `"links": [{"first": job id, "second": job id, "min_gap": s, "max_gap": s,
"nurses": "any" | "same" | "different"}]`; the second starts that long after the start of the first. Jobs with
the same text under `"visit"` are all done or all left out. What else a problem can ask stands under `"care"`
in jobs, vehicles and the file, see `routing.formats.vroom_care`.

A key that would change the plan and is not honoured is refused. VROOM's setup is honoured if no other job or
start shares the place.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from routing.clock import time_routes
from routing.formats.reading import Record, parse_json
from routing.formats.vroom_answer import Job, Nurse, Shape, Spot, VroomTask
from routing.formats.vroom_care import (
    doctors_of,
    job_care,
    lunch_of,
    orders_of,
    refuse_shared_things,
    remote_part,
    vehicle_care,
    weights_of,
)
from routing.formats.vroom_places import LAST, Places, Times
from routing.plan import Route
from routing.problem import Link, Nurses, Problem, Service, TimeWindow, Vehicle, Weights
from routing.remote import Doctor, with_remote_parts
from routing.units import HOUR, LATEST

__all__ = ["from_vroom"]

LARGEST_ID = 2**63
MOST_PENALTY = 10**12

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
JOB_KEYS |= {"time_windows", "visit", "care"}
VEHICLE_KEYS = {"id", "profile", "start", "start_index", "end", "end_index", "capacity", "costs", "skills"}
VEHICLE_KEYS |= {"time_window", "breaks", "speed_factor", "max_tasks", "steps", "care"}


def from_vroom(text: str) -> VroomTask:
    """Read a file.

    Raises:
        InvalidFile: With the key and the reason.
    """
    record = parse_json(text)
    record.only({"jobs", "vehicles", "matrices", "links", "care"})
    jobs, vehicles = record.records("jobs", optional=True), record.records("vehicles")
    for job in jobs:
        job.only(JOB_KEYS, ignored={"description"})
    for vehicle in vehicles:
        vehicle.only(VEHICLE_KEYS, ignored={"description", "type"})
    refuse_shared_things(jobs, vehicles)
    times = Times.of(jobs, vehicles)
    places = Places(record, jobs, vehicles, times)
    amounts = _amounts(jobs, vehicles)
    shape = Shape(times.base, places.distances, amounts, priced=_priced(jobs))
    known = [_job(job, places.spot(job, "location", "location_index"), amounts) for job in jobs]
    _refuse_shared_setups(jobs, known, [places.start(vehicle) for vehicle in vehicles])
    nurses = [_nurse(vehicle, places) for vehicle in vehicles]
    numbers = {job.id: number for number, job in enumerate(known)}
    tasks = not amounts and any("max_tasks" in vehicle for vehicle in vehicles)
    unit = max(1, min(10**7, MOST_PENALTY // (100 * (len(jobs) + 1) + 1)))
    problem = Problem(
        services=tuple(
            replace(
                _service(
                    own,
                    job,
                    times,
                    penalty=unit * (job.priority * (len(jobs) + 1) + 1),
                    demand=1 if tasks else job.amount,
                ),
                **job_care(own, times, {nurse.id: number for number, nurse in enumerate(nurses)}),
            )
            for own, job in zip(jobs, known, strict=True)
        ),
        vehicles=tuple(
            _vehicle(vehicle, nurse, places, times, amounts)
            for vehicle, nurse in zip(vehicles, nurses, strict=True)
        ),
        travel=places.travel(),
        links=tuple(_links(record, numbers)),
        weights=replace(_weights(vehicles), **weights_of(record)),
        orders=tuple(orders_of(record, numbers)),
    )
    begin_with = tuple(_steps(vehicles, problem, numbers))
    problem = _with_doctors(record, jobs, problem, doctors_of(record, times))
    return VroomTask(problem, known, nurses, shape, begin_with)


def _priced(jobs: list[Record]) -> bool:
    """Tell whether jobs say in points what leaving them out costs; all of them have to, or none."""
    priced = [job for job in jobs if "care" in job and "penalty" in job.record("care")]
    if priced and len(priced) < len(jobs):
        raise priced[0].refuse("care.penalty", "other jobs have none: give all a penalty, or all a priority")
    for job in priced:
        if "priority" in job:
            raise job.refuse("priority", "the jobs have penalties: give one of the two")
    return bool(priced)


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
        if used and "max_tasks" in vehicle:
            raise vehicle.refuse("max_tasks", f"is not supported where jobs have a {used}")
    return used


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


def _service(record: Record, job: Job, times: Times, *, penalty: int, demand: int) -> Service:
    return Service(
        id=str(job.id),
        location=job.spot.number,
        duration=job.setup + job.service,
        windows=tuple(times.windows(record, "time_windows")) or (TimeWindow(0, LAST),),
        visit=f"visit {record.text('visit')}" if "visit" in record else "",
        demand=demand,
        penalty=penalty,
    )


def _nurse(record: Record, places: Places) -> Nurse:
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


def _vehicle(record: Record, nurse: Nurse, places: Places, times: Times, amounts: str) -> Vehicle:
    capacity = record.wholes("capacity") if amounts else []
    if "max_tasks" in record:
        capacity = [record.whole("max_tasks", least=0, most=LATEST)]
    vehicle = Vehicle(
        id=str(nurse.id),
        start=nurse.start.number if nurse.start else places.nowhere,
        end=nurse.end.number if nurse.end else places.nowhere,
        shift=times.window(record, "time_window") if "time_window" in record else TimeWindow(0, LAST),
        travel=places.kind(record),
        capacity=capacity[0] if capacity else None,
        **vehicle_care(record, times),
    )
    return replace(vehicle, lunch=lunch_of(record, times, vehicle.shift.earliest, vehicle.back_by))


def _links(record: Record, numbers: Mapping[int, int]) -> list[Link]:
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


def _steps(vehicles: list[Record], problem: Problem, numbers: Mapping[int, int]) -> Iterator[Route]:
    """Yield the routes that the search begins with, as the vehicles' `steps` tell."""
    used: set[int] = set()
    for vehicle, record in enumerate(vehicles):
        services = []
        for step in record.records("steps", optional=True):
            step.only({"type", "id"})
            kind = step.text("type")
            if kind not in ("start", "job", "break", "end"):
                raise step.refuse("type", "expected start, job, break or end")
            if kind == "job":
                number = numbers.get(step.whole("id"))
                if number is None or number in used:
                    reason = f"there is no job {step.whole('id')}" if number is None else "is in two steps"
                    raise step.refuse("id", reason)
                used.add(number)
                services.append(number)
        if services:
            routes = time_routes(problem, {vehicle: services})
            if routes is None:
                raise record.refuse("steps", "the vehicle cannot do these jobs in this order in time")
            yield from routes


def _with_doctors(record: Record, jobs: list[Record], problem: Problem, doctors: list[Doctor]) -> Problem:
    """Return the problem with the parts that doctors do from afar."""
    names = {doctor.id: number for number, doctor in enumerate(doctors)}
    taken = {vehicle.id for vehicle in problem.vehicles} | {vehicle.nurse for vehicle in problem.vehicles}
    for place, doctor in enumerate(doctors):
        if doctor.id in taken:
            raise record.refuse(f"care.doctors[{place}].id", "a vehicle has this id")
    parts = [
        remote_part(job, number, problem.services[number].duration, names) for number, job in enumerate(jobs)
    ]
    asked = [part for part in parts if part is not None]
    return with_remote_parts(problem, doctors, asked) if asked else problem
