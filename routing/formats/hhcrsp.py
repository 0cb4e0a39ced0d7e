"""Home care with linked services and soft windows, as JSON.

The instances of Mankowska et al. 2014 (doi 10.1007/s10729-013-9243-1) and those made like them. Cost is a
third of the sum of all travel, all lateness and the largest lateness, taken at the start of services. Times
in the file are minutes with three decimals; inside, one second of `routing` is a thousandth of a minute, so
that every sum is exact. Bounds of windows are cut to whole minutes, as in the published values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from routing.formats.answers import plan_of, route_of, unserved
from routing.formats.published import PublishedStop, read_routes
from routing.formats.reading import InvalidFile, Record, parse_json
from routing.formats.task import InvalidAnswer
from routing.plan import Plan, Route
from routing.problem import Link, Nurses, Problem, Service, TimeWindow, Travel, Vehicle, Weights
from routing.units import MINUTE, Seconds

__all__ = ["HhcrspTask", "from_hhcrsp"]

THOUSAND = 1000
LARGEST_MINUTES = 10**5
NO_END = TimeWindow(0, LARGEST_MINUTES * THOUSAND)
LEFT_OUT = 10**9
"""Every patient is to be served."""


class HhcrspTask:
    """An instance that was read.

    Args:
        problem: The same as a problem.
        patients: Patient and kind of service of each service of the problem.
    """

    notes: tuple[str, ...] = ()
    finish_share = 0.0
    begin_with: tuple[Route, ...] = ()

    def __init__(self, problem: Problem, patients: Sequence[tuple[str, str]]) -> None:
        self.problem = problem
        self._patients = tuple(patients)

    def finish(self, plan: Plan, limit_s: float | None) -> Plan:
        """Return the plan as it is."""
        del limit_s
        return plan

    def answer(self, plan: Plan) -> dict[str, Any]:
        """Write every caregiver's route in the published form."""
        stops = {route.vehicle: route.stops for route in plan.routes}
        routes = []
        for number, vehicle in enumerate(self.problem.vehicles):
            locations = [
                {
                    "patient": self._patients[stop.service][0],
                    "service": self._patients[stop.service][1],
                    "arrival_time": stop.start / THOUSAND,
                    "departure_time": stop.end / THOUSAND,
                }
                for stop in stops.get(number, ())
            ]
            routes.append({"caregiver_id": vehicle.id, "locations": locations})
        return {"cost": self.cost(plan), "routes": routes}

    def plan(self, text: str) -> Plan:
        """Read an answer with its times, to a thousandth of a minute."""
        caregivers = {vehicle.id: number for number, vehicle in enumerate(self.problem.vehicles)}
        numbers = {pair: number for number, pair in enumerate(self._patients)}
        routes = []
        for caregiver, stops in read_routes(text, caregivers).items():
            made = [(self._service(numbers, stop), _milli(stop.start), _milli(stop.end)) for stop in stops]
            if made:
                routes.append(route_of(self.problem, caregiver, made))
        return plan_of(self.problem, routes)

    def cost(self, plan: Plan) -> float:
        """Return a third of travel, lateness and largest lateness, in minutes."""
        travel = sum(route.travel for route in plan.routes)
        late = [
            max(0, stop.start - self.problem.services[stop.service].windows[-1].latest)
            for _, stop in plan.stops()
        ]
        return (travel + sum(late) + max(late, default=0)) / 3 / THOUSAND

    def faults(self, plan: Plan) -> list[str]:
        """Name the services that are left out: none may be."""
        return unserved(self.problem, plan)

    def _service(self, numbers: dict[tuple[str, str], int], stop: PublishedStop) -> int:
        number = numbers.get((stop.patient, stop.service))
        if number is None:
            raise InvalidAnswer(f"patient {stop.patient[:40]} does not need service {stop.service[:40]}")
        return number


def from_hhcrsp(text: str) -> HhcrspTask:
    """Read an instance.

    Raises:
        InvalidFile: With the key and the reason.
    """
    record = parse_json(text)
    record.only({"patients", "services", "caregivers", "distances"}, ignored={"central_offices", "metadata"})
    default = {service.text("id"): service for service in record.records("services")}
    services: list[Service] = []
    names: list[tuple[str, str]] = []
    links: list[Link] = []
    patients = record.records("patients")
    for location, patient in enumerate(patients, start=1):
        first = len(services)
        for service, kind in _services(patient, location, default):
            services.append(service)
            names.append((patient.text("id"), kind))
        if len(services) - first > 1:
            low, high = _gap(patient)
            links.append(Link(first, first + 1, low, high, Nurses.DIFFERENT))
    rows = record.square("distances", places=len(patients) + 1)
    minutes = np.array([[_milli(value) for value in row] for row in rows], dtype=np.int64)
    if minutes.max(initial=0) > NO_END.latest or np.diagonal(minutes).any():
        raise record.refuse("distances", f"must be at most {LARGEST_MINUTES}, and 0 from a place to itself")
    travel = Travel(minutes.astype(np.int32), minutes.astype(np.int32))
    vehicles = tuple(
        Vehicle(
            id=caregiver.text("id"),
            start=0,
            end=0,
            shift=NO_END,
            skills=dict.fromkeys(caregiver.texts("abilities"), 1),
            breaks=None,
        )
        for caregiver in record.records("caregivers")
    )
    weights = Weights(travel=1, not_preferred=0, highest_lateness=MINUTE)
    return HhcrspTask(Problem(tuple(services), vehicles, (travel,), tuple(links), weights), names)


def _services(patient: Record, location: int, default: dict[str, Record]) -> list[tuple[Service, str]]:
    patient.only({"id", "time_window", "required_caregivers", "synchronization"}, ignored={"location"})
    needs = patient.records("required_caregivers")
    if not 1 <= len(needs) <= 2:
        raise patient.refuse("required_caregivers", "one or two services are supported")
    name, window = patient.text("id"), _window(patient)
    services = []
    for need in needs:
        kind = need.text("service")
        source = need if "duration" in need else default.get(kind)
        if source is None:
            raise need.refuse("service", f"there is no service {kind[:40]}")
        key = "duration" if "duration" in need else "default_duration"
        service = Service(
            id=f"{name}/{kind}",
            location=location,
            duration=_milli(source.number(key, least=0, most=LARGEST_MINUTES)),
            windows=(window,),
            skills={kind: 1},
            visit=name,
            late=MINUTE,
            penalty=LEFT_OUT,
        )
        services.append((service, kind))
    return services


def _window(patient: Record) -> TimeWindow:
    bounds = patient.numbers("time_window")
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= LARGEST_MINUTES:
        raise patient.refuse("time_window", f"expected two rising numbers from 0 to {LARGEST_MINUTES}")
    return TimeWindow(THOUSAND * int(bounds[0]), THOUSAND * int(bounds[1]))


def _gap(patient: Record) -> tuple[Seconds, Seconds]:
    """Return the least and largest gap between the starts of the two services, in the order of the list."""
    together = patient.record("synchronization")
    kind = together.text("type")
    if kind == "simultaneous":
        return 0, 0
    if kind != "sequential":
        raise together.refuse("type", f"{kind[:40]} is not supported, only simultaneous and sequential")
    gaps = together.numbers("distance")
    if len(gaps) != 2 or not -LARGEST_MINUTES <= gaps[0] <= gaps[1] <= LARGEST_MINUTES:
        raise together.refuse("distance", "expected the least and the largest gap")
    return _milli(gaps[0]), _milli(gaps[1])


def _milli(minutes: float) -> Seconds:
    thousandths = round(minutes * THOUSAND)
    if abs(thousandths - minutes * THOUSAND) > 1e-3:
        raise InvalidFile(f"{minutes} has more than three decimals")
    return thousandths
