"""What our planner knows beyond VROOM: the key `care` of jobs and vehicles, and of the file.

Each reader returns fields of `routing.problem.Service` or `Vehicle` by their names, which say what they mean.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from routing.breaks import WORKING_TIME_LAW, BreakRule, Lunch
from routing.formats.reading import Record
from routing.formats.vroom_places import LAST, Times
from routing.problem import LARGEST_KNOWN, LARGEST_PENALTY, LARGEST_RATE, TimeWindow
from routing.remote import Doctor, RemotePart
from routing.units import Seconds
from routing.weights import Weights

__all__ = [
    "care_of",
    "doctors_of",
    "job_care",
    "lunch_of",
    "orders_of",
    "refuse_shared_things",
    "remote_part",
    "vehicle_care",
    "weights_of",
]

JOB_KEYS = {"skills", "allowed", "forbidden", "preferred", "penalty", "late", "wish", "known"}
JOB_KEYS |= {"pinned_vehicle", "pinned_start", "needs", "remote"}
VEHICLE_KEYS = {"nurse", "day", "max_day", "max_work", "rest", "free_since", "next_duty", "uses", "skills"}
VEHICLE_KEYS |= {"breaks", "lunch", "overtime", "leaves_at_once"}
FILE_KEYS = {"doctors", "orders", "weights"}
WEIGHTS = [name for name in vars(Weights()) if name not in ("travel", "vehicle_use")]
"""Terms of the cost that VROOM does not know; `costs` says the other two."""
MOST_DAYS = 10**6


def care_of(record: Record, keys: set[str]) -> Record:
    """Return what stands under `care`, with these keys at most; an empty object if nothing does."""
    care = record.record("care") if "care" in record else Record({}, record.place("care"))
    care.only(keys)
    return care


def job_care(job: Record, times: Times, vehicles: Mapping[int, int]) -> dict[str, Any]:
    """Return what `care` says of a job, as fields of a service.

    Args:
        job: The job.
        times: Of the file.
        vehicles: Id of each vehicle to its number.
    """
    care = care_of(job, JOB_KEYS)
    fields: dict[str, Any] = {"skills": _skills(job, care)}
    for key in ("allowed", "forbidden", "preferred"):
        if key in care:
            fields[key] = frozenset(_numbers(care, key, vehicles))
    for key, most in (("penalty", LARGEST_PENALTY), ("late", LARGEST_RATE)):
        if key in care:
            fields[key] = care.whole(key, least=0, most=most)
    if "wish" in care:
        fields["wish"] = times.window(care, "wish")
    known: dict[int, int] = {}
    for entry in care.records("known", optional=True):
        entry.only({"vehicle", "points"})
        number = _number(entry, "vehicle", vehicles)
        if number in known:
            raise entry.refuse("vehicle", "this vehicle is named twice")
        known[number] = entry.whole("points", least=0, most=LARGEST_KNOWN)
    if "pinned_vehicle" in care:
        fields["pinned_vehicle"] = _number(care, "pinned_vehicle", vehicles)
    if "pinned_start" in care:
        fields["pinned_start"] = times.moment(care, "pinned_start")
    return fields | {"known": known, "needs": frozenset(care.texts("needs"))}


def remote_part(job: Record, number: int, length: Seconds, doctors: Mapping[str, int]) -> RemotePart | None:
    """Return the part of a job that a doctor does from afar, None if there is none.

    Args:
        job: The job.
        number: Of its service.
        length: Of its service.
        doctors: Id of each doctor to her number.
    """
    care = care_of(job, JOB_KEYS)
    if "remote" not in care:
        return None
    remote = care.record("remote")
    remote.only({"duration", "earliest", "latest", "doctors", "skills"})
    duration = remote.whole("duration", least=0, most=length)
    earliest = remote.whole("earliest", default=0, least=0, most=length - duration)
    latest = remote.whole("latest", default=length - duration, least=earliest, most=length - duration)
    chosen = []
    for place, name in enumerate(remote.texts("doctors")):
        if name not in doctors:
            raise remote.refuse(f"doctors[{place}]", f"there is no doctor {name[:40]}")
        chosen.append(doctors[name])
    if not doctors:
        raise remote.refuse("doctors", "there are no doctors: name them in care.doctors of the file")
    return RemotePart(
        service=number,
        duration=duration,
        offset=TimeWindow(earliest, latest),
        doctors=frozenset(chosen) if "doctors" in remote else None,
        skills=tuple(sorted(_grades(remote).items())),
    )


def vehicle_care(vehicle: Record, times: Times) -> dict[str, Any]:
    """Return what `care` says of a vehicle, as fields of it; its lunch aside."""
    care = care_of(vehicle, VEHICLE_KEYS)
    fields: dict[str, Any] = {
        "skills": _skills(vehicle, care),
        "breaks": _break_rule(care),
        "day": care.whole("day", default=0, least=-MOST_DAYS, most=MOST_DAYS),
        "overtime": care.whole("overtime", default=0, least=0, most=LAST),
        "leaves_at_once": care.flag("leaves_at_once"),
        "uses": frozenset(care.texts("uses")),
    }
    for key in ("max_day", "max_work", "rest"):
        if key in care:
            fields[key] = care.whole(key, least=0, most=LAST)
    for key in ("free_since", "next_duty"):
        if key in care:
            fields[key] = times.moment(care, key)
    if "nurse" in care:
        fields["nurse"] = f"nurse {care.text('nurse')}"
    return fields


def refuse_shared_things(jobs: list[Record], vehicles: list[Record]) -> None:
    """Refuse a vehicle that always has with it what a job asks its nurse to fetch."""
    needed = {thing for job in jobs for thing in care_of(job, JOB_KEYS).texts("needs")}
    for vehicle in vehicles:
        care = care_of(vehicle, VEHICLE_KEYS)
        for place, thing in enumerate(care.texts("uses")):
            if thing in needed:
                raise care.refuse(f"uses[{place}]", "jobs need this too: things are needed or used, not both")


def lunch_of(vehicle: Record, times: Times, leaves: Seconds, back: Seconds) -> Lunch | None:
    """Return the break at set hours: VROOM's own, or the lunch of `care`.

    VROOM's break is what lunch is here: whoever leaves takes it between leaving and returning, and waits for
    it if need be. Its windows may hold several intervals if only one of them matters.

    Args:
        vehicle: The vehicle.
        times: Of the file.
        leaves: When it may leave at the earliest.
        back: When it must be back at the latest.
    """
    care = care_of(vehicle, VEHICLE_KEYS)
    breaks = vehicle.records("breaks", optional=True)
    if len(breaks) > 1:
        raise vehicle.refuse("breaks", "only one break per vehicle is supported; care.breaks knows the law")
    if "lunch" in care:
        if breaks:
            raise care.refuse("lunch", "the vehicle has a break of its own already: give one of the two")
        lunch = care.record("lunch")
        lunch.only({"earliest", "latest", "length", "missed"})
        hours = times.moment(lunch, "earliest"), times.moment(lunch, "latest")
        if hours[0] > hours[1]:
            raise lunch.refuse("latest", "is before `earliest`")
        length = lunch.whole("length", least=1, most=LAST)
        missed = lunch.whole("missed", least=0, most=10**6) if "missed" in lunch else None
        return Lunch(*hours, length, missed)
    if not breaks:
        return None
    (pause,) = breaks
    pause.only({"id", "time_windows", "service"}, ignored={"description"})
    length = pause.whole("service", default=0, least=0, most=LAST)
    windows = times.windows(pause, "time_windows") or [TimeWindow(leaves, back)]
    begins = _merged(windows, leaves, back - length)
    if not begins:
        raise pause.refuse("time_windows", "none of them lets the break lie inside the vehicle's time_window")
    if len(begins) > 1:
        raise pause.refuse("time_windows", "several hours that do not meet are not supported: give one")
    if not length:
        if begins == [TimeWindow(leaves, back)]:
            return None
        raise pause.refuse("service", "a break of no length at set hours is not supported")
    return Lunch(begins[0].earliest, begins[0].latest, length)


def doctors_of(file: Record, times: Times) -> list[Doctor]:
    """Return who takes part from afar."""
    doctors: list[Doctor] = []
    for record in care_of(file, FILE_KEYS).records("doctors", optional=True):
        record.only({"id", "free", "skills"})
        name = record.text("id")
        if name in {doctor.id for doctor in doctors}:
            raise record.refuse("id", "two doctors have this id")
        free = times.windows(record, "free")
        if not free:
            raise record.refuse("free", "name at least one time when she is free")
        doctors.append(Doctor(name, tuple(free), tuple(sorted(_grades(record).items()))))
    return doctors


def orders_of(file: Record, jobs: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Yield pairs of services of which the second comes directly after the first."""
    seen: set[tuple[str, int]] = set()
    for order in care_of(file, FILE_KEYS).records("orders", optional=True):
        order.only({"first", "second"})
        pair = []
        for key in ("first", "second"):
            name = order.whole(key)
            if name not in jobs:
                raise order.refuse(key, f"there is no job {name}")
            if (key, name) in seen:
                raise order.refuse(key, f"job {name} is the {key} of two orders")
            seen.add((key, name))
            pair.append(jobs[name])
        if pair[0] == pair[1]:
            raise order.refuse("second", "is the same job as `first`")
        yield pair[0], pair[1]


def weights_of(file: Record) -> dict[str, int]:
    """Return the weights of what VROOM's cost does not count."""
    care = care_of(file, FILE_KEYS)
    found = dict.fromkeys(WEIGHTS, 0)
    if "weights" in care:
        weights = care.record("weights")
        for key in ("travel", "vehicle_use"):
            if key in weights:
                raise weights.refuse(key, "say it by `costs` of the vehicles: per_hour and fixed")
        weights.only(WEIGHTS)
        found |= {name: weights.whole(name, default=0, least=0, most=10**6) for name in WEIGHTS}
    return found


def _numbers(record: Record, key: str, known: Mapping[int, int]) -> Iterator[int]:
    for place, name in enumerate(record.wholes(key)):
        if name not in known:
            raise record.refuse(f"{key}[{place}]", f"there is no vehicle {name}")
        yield known[name]


def _number(record: Record, key: str, known: Mapping[int, int]) -> int:
    name = record.whole(key)
    if name not in known:
        raise record.refuse(key, f"there is no vehicle {name}")
    return known[name]


def _skills(record: Record, care: Record) -> dict[str, int]:
    """Return skills with their grades; VROOM's own have the grade 1 unless `care` says another."""
    return {str(skill): 1 for skill in record.wholes("skills", least=0)} | _grades(care)


def _grades(record: Record) -> dict[str, int]:
    if "skills" not in record:
        return {}
    grades = record.record("skills")
    return {name: grades.whole(name, least=0, most=1000) for name in grades.content}


def _break_rule(care: Record) -> BreakRule | None:
    if "breaks" not in care:
        return None
    if isinstance(care.get("breaks"), str):
        if care.text("breaks") != "law":
            raise care.refuse("breaks", "expected `law` or an object")
        return WORKING_TIME_LAW
    rule = care.record("breaks")
    rule.only({"steps", "shortest_part", "longest_stretch"})
    steps: list[tuple[Seconds, Seconds]] = []
    for number, step in enumerate(rule.records("steps")):
        step.only({"after", "rest"})
        after, rest = (step.whole(key, least=1, most=LAST) for key in ("after", "rest"))
        if steps and (after <= steps[-1][0] or rest <= steps[-1][1]):
            raise rule.refuse(f"steps[{number}]", "after and rest must both rise from step to step")
        steps.append((after, rest))
    lengths = [
        rule.whole(key, default=getattr(WORKING_TIME_LAW, key), least=1, most=LAST)
        for key in ("shortest_part", "longest_stretch")
    ]
    return BreakRule(tuple(steps), *lengths)


def _merged(windows: list[TimeWindow], first: Seconds, last: Seconds) -> list[TimeWindow]:
    """Return what these windows hold between two times, those that meet as one."""
    merged: list[TimeWindow] = []
    for window in sorted(windows):
        begin, end = max(window.earliest, first), min(window.latest, last)
        if begin > end:
            continue
        if merged and begin <= merged[-1].latest + 1:
            merged[-1] = TimeWindow(merged[-1].earliest, max(merged[-1].latest, end))
        else:
            merged.append(TimeWindow(begin, end))
    return merged
