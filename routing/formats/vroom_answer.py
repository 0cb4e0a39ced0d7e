"""A plan in VROOM's documented form, and back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from routing.formats.answers import plan_of, route_of
from routing.formats.reading import Record, parse_json
from routing.formats.task import InvalidAnswer
from routing.objective import TERMS
from routing.plan import Break, Plan, Route, Stop
from routing.problem import Problem
from routing.units import Seconds

__all__ = ["Job", "Nurse", "Shape", "Spot", "VroomTask"]

OURS = [name for name in TERMS if name not in ("travel", "vehicle_use", "unassigned")]
"""Terms of the cost that VROOM does not know."""


@dataclass(frozen=True)
class Spot:
    """How the file names a place: by coordinates, by its row in the matrices, or both.

    Attributes:
        keys: `location` and `location_index`, as far as given.
        number: The place inside `routing`.
    """

    number: int
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """What the answer repeats of a job."""

    id: int
    spot: Spot
    setup: Seconds
    service: Seconds
    priority: int
    amount: int
    repeats: Mapping[str, Any]


@dataclass(frozen=True)
class Nurse:
    """What the answer repeats of a vehicle; no spot where the route is open."""

    id: int
    start: Spot | None
    end: Spot | None
    pause: int | None
    repeats: Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """What the answers to a file hold.

    Attributes:
        base: What the times of the file count from, more than those of the problem.
        distances: Whether lengths of ways are known.
        amounts: `delivery` or `pickup`, whatever the jobs have; empty for neither.
        priced: Whether leaving a job out has a price in points, and not only a priority.
    """

    base: Seconds
    distances: bool
    amounts: str
    priced: bool = False


class VroomTask:
    """A file that was read.

    Args:
        problem: The same as a problem. Parts that doctors do follow the jobs' services, doctors the nurses.
        jobs: By number of service.
        nurses: By number of vehicle.
        shape: What its answers hold.
        begin_with: Routes to begin with.
    """

    notes: tuple[str, ...] = ()
    finish_share = 0.0

    def __init__(
        self,
        problem: Problem,
        jobs: Sequence[Job],
        nurses: Sequence[Nurse],
        shape: Shape,
        begin_with: tuple[Route, ...] = (),
    ) -> None:
        self.problem = problem
        self.begin_with = begin_with
        self._jobs = tuple(jobs)
        self._nurses = tuple(nurses)
        self._shape = shape

    def finish(self, plan: Plan, limit_s: float | None) -> Plan:
        """Return the plan as it is."""
        del limit_s
        return plan

    def answer(self, plan: Plan) -> dict[str, Any]:
        """Write summary, unassigned jobs and routes; under `care` what VROOM has no key for."""
        routes = [self._route(route) for route in plan.routes if route.vehicle < len(self._nurses)]
        sums = ["cost", "setup", "service", "duration", "waiting_time", "priority"]
        sums += ["distance"] if self._shape.distances else []
        summary: dict[str, Any] = {key: sum(route[key] for route in routes) for key in sums}
        if self._shape.amounts:
            summary[self._shape.amounts] = [sum(route[self._shape.amounts][0] for route in routes)]
        left_out = [left for left in plan.unassigned if left.service < len(self._jobs)]
        late = [violation for route in routes for violation in route["violations"]]
        summary |= {"routes": len(routes), "unassigned": len(left_out), "violations": late}
        summary["computing_times"] = {"loading": 0, "solving": round(1000 * plan.seconds), "routing": 0}
        unassigned = []
        for left in left_out:
            job = self._jobs[left.service]
            unassigned.append(
                {"id": job.id, "type": "job", **job.spot.keys, **job.repeats, "reason": left.sentence}
            )
        answer = {"code": 0, "summary": summary, "unassigned": unassigned, "routes": routes}
        care: dict[str, Any] = {
            "terms": {name: points for name, points in plan.cost.terms.items() if points and name in OURS}
        }
        care |= {"remote": list(self._remote(plan))}
        return answer | ({"care": care} if any(care.values()) else {})

    def plan(self, text: str) -> Plan:
        """Read the routes with their times; only start, job, break and end steps and `care.remote` count."""
        record = parse_json(text)
        if record.whole("code", default=0) != 0:
            raise InvalidAnswer("code: the answer reports an error, there is no plan in it")
        vehicles = {nurse.id: number for number, nurse in enumerate(self._nurses)}
        routes: dict[int, Route] = {}
        for route in record.records("routes"):
            vehicle = vehicles.get(route.whole("vehicle"))
            if vehicle is None or vehicle in routes:
                reason = "there is no such vehicle" if vehicle is None else "this vehicle has two routes"
                raise InvalidAnswer(f"{route.place('vehicle')}: {reason}")
            read = self._read(vehicle, route.records("steps"))
            if read.stops:
                routes[vehicle] = read
        return plan_of(self.problem, [*routes.values(), *self._read_remote(record)])

    def cost(self, plan: Plan) -> float:
        """Return VROOM's cost, travel and fixed costs, and the terms that `care` asks for.

        What is left out costs nothing, as in VROOM, unless `care` gives it a price.
        """
        left_out = 0 if self._shape.priced else plan.cost.terms.get("unassigned", 0)
        return plan.cost.total - left_out

    def faults(self, plan: Plan) -> list[str]:
        """Return nothing: VROOM's rules are those of the problem."""
        del plan
        return []

    def _cost(self, route: Route) -> int:
        weights = self.problem.weights
        return weights.travel * route.travel + weights.vehicle_use

    def _route(self, route: Route) -> dict[str, Any]:
        nurse = self._nurses[route.vehicle]
        jobs = [self._jobs[stop.service] for stop in route.stops]
        made: dict[str, Any] = {
            "vehicle": nurse.id,
            "cost": self._cost(route),
            "setup": sum(job.setup for job in jobs),
            "service": sum(job.service for job in jobs) + route.rest,
            "duration": route.travel,
            "waiting_time": route.waiting,
            "priority": sum(job.priority for job in jobs),
            "violations": [],
            **nurse.repeats,
        }
        if self._shape.distances:
            made["distance"] = route.metres
        if self._shape.amounts:
            made[self._shape.amounts] = [sum(job.amount for job in jobs)]
        steps = self._steps(route, nurse)
        made["violations"] = [violation for step in steps for violation in step["violations"]]
        return made | {"steps": steps}

    def _steps(self, route: Route, nurse: Nurse) -> list[dict[str, Any]]:
        log = _Log(self._shape, sum(self._jobs[stop.service].amount for stop in route.stops))
        if nurse.start is not None:
            log.add("start", nurse.start, route.leaves)
        for position, stop in enumerate(route.stops):
            job = self._jobs[stop.service]
            self._pauses(log, route, position, nurse)
            log.move(stop.travel, stop.metres)
            log.carry(job.amount)
            arrival = stop.arrival if not log.rested else min(stop.start, log.free + stop.travel)
            log.add(
                "job",
                job.spot,
                arrival,
                id=job.id,
                job=job.id,
                setup=job.setup,
                service=job.service,
                waiting_time=stop.start - arrival,
                violations=_delay(self._lateness(stop)),
                **job.repeats,
            )
            log.free, log.rested = stop.end, False
        self._pauses(log, route, len(route.stops), nurse)
        if nurse.end is not None:
            log.move(route.travel_home, route.metres_home)
            late = route.returns - self.problem.vehicles[route.vehicle].shift.latest
            log.add("end", nurse.end, route.returns, violations=_delay(late))
        return log.steps

    def _lateness(self, stop: Stop) -> Seconds:
        service = self.problem.services[stop.service]
        return 0 if service.late is None else service.lateness(stop.start)

    def _pauses(self, log: "_Log", route: Route, position: int, nurse: Nurse) -> None:
        for pause in route.breaks:
            if pause.after == position:
                free = log.free if position else pause.start
                log.add(
                    "break",
                    None,
                    free,
                    **({} if nurse.pause is None else {"id": nurse.pause}),
                    service=pause.end - pause.start,
                    waiting_time=pause.start - free,
                )
                log.free, log.rested = pause.end, True

    def _read(self, vehicle: int, steps: list[Record]) -> Route:
        numbers = {job.id: number for number, job in enumerate(self._jobs)}
        stops: list[tuple[int, Seconds, Seconds]] = []
        breaks: list[Break] = []
        leaves: Seconds | None = None
        for step in steps:
            kind = step.text("type")
            if kind == "end":
                continue
            start = step.whole("arrival") - self._shape.base + step.whole("waiting_time", default=0)
            if kind == "start":
                leaves = start
            elif kind == "break":
                breaks.append(Break(start, start + step.whole("service"), len(stops)))
            elif kind == "job":
                number = numbers.get(step.whole("id" if "id" in step else "job"))
                if number is None:
                    raise InvalidAnswer(f"{step.place('id')}: there is no such job")
                length = step.whole("setup", default=0) + step.whole("service", default=0)
                stops.append((number, start, start + length))
            else:
                raise InvalidAnswer(f"{step.place('type')}: {kind[:20]} steps are not supported")
        if not stops:
            return Route(vehicle, (), (), 0, 0, 0, 0)
        return route_of(self.problem, vehicle, stops, tuple(breaks), leaves)

    def _remote(self, plan: Plan) -> Iterator[dict[str, Any]]:
        """Yield which doctor takes part in which job, and when."""
        for vehicle, stop in plan.stops():
            inside = self.problem.services[stop.service].inside
            if inside is not None:
                times = {"start": stop.start + self._shape.base, "end": stop.end + self._shape.base}
                doctor = self.problem.vehicles[vehicle].nurse
                yield {"job": self._jobs[inside].id, "doctor": doctor, **times}

    def _read_remote(self, record: Record) -> Iterator[Route]:
        parts = {
            self._jobs[service.inside].id: number
            for number, service in enumerate(self.problem.services)
            if service.inside is not None
        }
        stops: dict[int, list[tuple[int, Seconds, Seconds]]] = {}
        rows = record.record("care").records("remote", optional=True) if "care" in record else []
        for row in rows:
            start, end = (row.whole(key) - self._shape.base for key in ("start", "end"))
            part, doctor = parts.get(row.whole("job")), row.text("doctor")
            shifts = [
                number
                for number, vehicle in enumerate(self.problem.vehicles)
                if number >= len(self._nurses) and vehicle.nurse == doctor and vehicle.shift.holds(start)
            ]
            if part is None or not shifts:
                what = (
                    f"doctor {doctor[:40]} is not free then" if part is not None else "this job has no part"
                )
                raise InvalidAnswer(f"{row.place('job' if part is None else 'doctor')}: {what}")
            stops.setdefault(shifts[0], []).append((part, start, end))
        for vehicle, of_doctor in stops.items():
            yield route_of(self.problem, vehicle, sorted(of_doctor, key=lambda stop: stop[1]))


def _delay(seconds: Seconds) -> list[dict[str, Any]]:
    """Return how VROOM says that somebody is late."""
    return [{"cause": "delay", "duration": seconds}] if seconds > 0 else []


class _Log:
    """The steps of one route while they are written."""

    def __init__(self, shape: Shape, load: int) -> None:
        self.steps: list[dict[str, Any]] = []
        self.free: Seconds = 0
        self.rested = False
        self._shape = shape
        self._load = load if shape.amounts == "delivery" else 0
        self._travel = self._metres = 0

    def move(self, travel: Seconds, metres: int) -> None:
        """Count a way."""
        self._travel += travel
        self._metres += metres

    def carry(self, amount: int) -> None:
        """Count what a job takes or gives."""
        self._load += -amount if self._shape.amounts == "delivery" else amount

    def add(self, kind: str, spot: Spot | None, arrival: Seconds, **keys: Any) -> None:
        """Write a step."""
        step = {"type": kind, **(spot.keys if spot else {}), "setup": 0, "service": 0, "waiting_time": 0}
        step |= {"arrival": arrival + self._shape.base, "duration": self._travel, "violations": [], **keys}
        if self._shape.distances:
            step["distance"] = self._metres
        if self._shape.amounts:
            step["load"] = [self._load]
        self.steps.append(step)
