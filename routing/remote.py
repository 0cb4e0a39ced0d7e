"""A visit with a part that somebody does from afar: the doctor's minutes by video at the patient's home.

The doctor is a vehicle that needs no time on the road, one for each time she is free, all with her name as
their nurse. The remote part is a service of the same visit; a link keeps it inside the nurse's service, and a
constraint of its own judges that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from routing.errors import InvalidProblem, InvalidService
from routing.link import Link, Nurses
from routing.problem import Problem, Service, TimeWindow, Travel, Vehicle
from routing.units import LATEST, Seconds

__all__ = ["Doctor", "RemotePart", "with_remote_parts"]


@dataclass(frozen=True)
class Doctor:
    """Somebody who takes part from afar.

    Attributes:
        id: The caller's name for her.
        free: When she has time: a part begins and ends inside one of these. What is blocked is left out.
        skills: What she holds: skill to grade, as a nurse does.
    """

    id: str
    free: tuple[TimeWindow, ...]
    skills: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class RemotePart:
    """A part of a service that a doctor does from afar.

    Attributes:
        service: Number of the service.
        duration: Of the part.
        offset: How long after the start of the service the part may start, both ends included.
        doctors: Numbers of the doctors who may do it; None for all.
        skills: What the doctor must hold: skill to least grade.
    """

    service: int
    duration: Seconds
    offset: TimeWindow
    doctors: frozenset[int] | None = None
    skills: tuple[tuple[str, int], ...] = ()


def with_remote_parts(problem: Problem, doctors: Sequence[Doctor], parts: Sequence[RemotePart]) -> Problem:
    """Return the day with doctors and remote parts.

    Vehicles and services keep their numbers; the doctors' vehicles follow those there are, and are closed to
    all services but the parts. The parts follow the services there are, in their order, called like their
    service with " (remote)" behind; leaving out a part costs nothing beyond its visit, with which it is done
    or left out. A visit of 40 minutes with a video call of 12 that begins 5 to 15 minutes after its start::

        part = RemotePart(service=3, duration=12 * MINUTE, offset=TimeWindow(5 * MINUTE, 15 * MINUTE))
        day = with_remote_parts(day, [Doctor("d", (TimeWindow(9 * HOUR, 12 * HOUR),))], [part])

    Doctors count in terms of the cost that count vehicles (`Weights.vehicle_use`, `waiting`, `balance`).

    Args:
        problem: The day without them.
        doctors: Who may take part.
        parts: What is to be done from afar.

    Raises:
        InvalidService: A part does not lie inside its service wherever it starts.
        InvalidProblem: A part names a service or a doctor that does not exist, or a doctor is never free.
    """
    vehicles, kind = list(problem.vehicles), len(problem.travel)
    shifts: list[frozenset[int]] = []
    for doctor in doctors:
        if not doctor.free:
            raise InvalidProblem(f"doctor {doctor.id}: name at least one time when she is free")
        first = len(vehicles)
        vehicles += [_shift(doctor, number, free, kind) for number, free in enumerate(doctor.free, 1)]
        shifts.append(frozenset(range(first, len(vehicles))))
    everybody = frozenset(range(len(problem.vehicles), len(vehicles)))
    services = [replace(service, forbidden=service.forbidden | everybody) for service in problem.services]
    links = list(problem.links)
    for part in parts:
        if not 0 <= part.service < len(problem.services):
            raise InvalidProblem(f"remote part: there is no service number {part.service}")
        chosen = range(len(doctors)) if part.doctors is None else sorted(part.doctors)
        if not all(0 <= number < len(doctors) for number in chosen):
            raise InvalidProblem(f"remote part of service {services[part.service].id}: no such doctor")
        allowed = frozenset[int]().union(*(shifts[number] for number in chosen))
        links.append(
            Link(part.service, len(services), part.offset.earliest, part.offset.latest, Nurses.DIFFERENT)
        )
        services.append(_part(problem.services[part.service], part, allowed))
    zeros = np.zeros((problem.places, problem.places), dtype=np.int32)
    return replace(
        problem,
        services=tuple(services),
        vehicles=tuple(vehicles),
        travel=(*problem.travel, Travel(zeros, zeros)),
        links=tuple(links),
    )


def _shift(doctor: Doctor, number: int, free: TimeWindow, kind: int) -> Vehicle:
    return Vehicle(
        id=doctor.id if len(doctor.free) == 1 else f"{doctor.id} {number}",
        start=0,
        end=0,
        shift=free,
        skills=dict(doctor.skills),
        breaks=None,
        travel=kind,
        nurse=doctor.id,
        rest=0,
    )


def _part(service: Service, part: RemotePart, allowed: frozenset[int]) -> Service:
    if part.offset.earliest < 0 or part.offset.latest + part.duration > service.duration:
        raise InvalidService(
            f"service {service.id}: a remote part of {part.duration} s that starts {part.offset.earliest} to "
            f"{part.offset.latest} s after it does not lie inside its {service.duration} s"
        )
    return Service(
        id=f"{service.id} (remote)",
        location=service.location,
        duration=part.duration,
        windows=tuple(
            TimeWindow(start.earliest + part.offset.earliest, min(LATEST, start.latest + part.offset.latest))
            for start in service.starts
        ),
        skills=dict(part.skills),
        visit=service.visit,
        allowed=allowed,
        penalty=0,
        inside=part.service,
    )
