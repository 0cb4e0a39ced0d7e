"""What would have to change so that a visit fits: tried, re-solved and re-checked."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from routing.check import violations
from routing.insertion import Place, best
from routing.objective import cost_of
from routing.plan import Plan, Unassigned
from routing.problem import Problem, Service, TimeWindow, Vehicle
from routing.units import MINUTE, Metres, Points, Seconds, as_clock, as_duration, as_list

__all__ = ["Counterfactual", "counterfactuals", "said_metres"]

STEPS: tuple[Seconds, ...] = (15 * MINUTE, 30 * MINUTE, 60 * MINUTE)


@dataclass(frozen=True)
class Counterfactual:
    """A change of the day with which a visit fits.

    Attributes:
        change: "end later", "start earlier", "work longer", "window later", "window earlier", "allow" or
            "skills".
        seconds: By how much, of the steps tried the smallest that does; 0 where it is no matter of time.
        vehicles: Who would come then, in the order of the visit's services.
        start: When the visit would start.
        points: What the plan would cost more, the penalty of leaving the visit out not counted.
        metres: How much longer the routes would be.
        problem: The changed day.
        plan: The plan with the visit; the check accepts it for the changed day.
        sentence: The same for people; ids only.
    """

    change: str
    seconds: Seconds
    vehicles: tuple[int, ...]
    start: Seconds
    points: Points
    metres: Metres
    problem: Problem = field(repr=False, compare=False)
    plan: Plan = field(repr=False, compare=False)
    sentence: str


Wider = Callable[[Problem, list[int], Iterable[int], Seconds], Problem]


def counterfactuals(
    problem: Problem, plan: Plan, service: int, until: float = math.inf
) -> Iterator[Counterfactual]:
    """Yield for each kind of change the smallest with which the plan can take a visit in.

    Args:
        problem: The day.
        plan: A plan that keeps all rules and leaves the visit out.
        service: Number of any service of the visit.
        until: No change is tried after this second of the stopwatch.
    """
    members = [n for n, s in enumerate(problem.services) if s.visit == problem.services[service].visit]
    everybody = range(len(problem.vehicles))
    for change, wider in CHANGES.items():
        for seconds in STEPS if change not in TIMELESS else (0,):
            if time.perf_counter() > until:
                return
            wide = wider(problem, members, everybody, seconds)
            if wide is problem:
                break
            place = next(iter(best(wide, plan, service, top=1)), None)
            if place is None:
                continue
            changed = wider(problem, members, place.vehicles, seconds)
            found = _checked(changed, plan, members, place)
            if found is not None:
                yield _told(problem, plan, service, change, seconds, place, changed, found)
                break


def _checked(problem: Problem, plan: Plan, members: list[int], place: Place) -> Plan | None:
    """Return the plan with the visit if the check accepts it for the changed day."""
    routes = place.applied(plan.routes)
    left = tuple(left for left in _left(problem, plan) if left.service not in members)
    found = Plan(routes, left, cost_of(problem, routes))
    return None if violations(problem, found) else found


def _left(problem: Problem, plan: Plan) -> list[Unassigned]:
    placed = plan.placed()
    return [Unassigned(n, (), "", proven=False) for n in range(len(problem.services)) if n not in placed]


def _told(
    problem: Problem,
    plan: Plan,
    service: int,
    change: str,
    seconds: Seconds,
    place: Place,
    changed: Problem,
    found: Plan,
) -> Counterfactual:
    own = place.stops[service]
    metres = sum(route.metres for route in found.routes) - sum(route.metres for route in plan.routes)
    nurses = [problem.vehicles[vehicle].id for vehicle in dict.fromkeys(place.vehicles)]
    word = "nurse" if len(nurses) == 1 else "nurses"
    who = f"{word} {as_list(nurses)}"
    much = as_duration(seconds)
    plural = "" if len(nurses) > 1 else "s"
    asked = problem.services[service].skills
    skills = as_list([f"{skill} at grade {asked[skill]}" for skill in sorted(asked)])
    condition = {
        "end later": f"if {who} may end {much} later",
        "start earlier": f"if {who} start{plural} {much} earlier",
        "work longer": f"if {who} may work {much} longer",
        "window later": f"if it may start {much} later",
        "window earlier": f"if it may start {much} earlier",
        "allow": f"if {who} were allowed at this patient",
        "skills": f"if {who} held {skills}",
    }[change]
    sentence = f"{condition}: {who} at {as_clock(own[1].start)}, {said_metres(metres)}"
    return Counterfactual(
        change, seconds, place.vehicles, own[1].start, place.points, metres, changed, found, sentence
    )


def said_metres(metres: Metres) -> str:
    """Return a difference of ways for people: "+9 km", "-0.4 km"."""
    return f"{metres / 1000:+.1f} km".replace(".0 km", " km")


def _vehicles(problem: Problem, numbers: Iterable[int], change: Callable[[Vehicle], Vehicle]) -> Problem:
    chosen = set(numbers)
    vehicles = tuple(change(v) if n in chosen else v for n, v in enumerate(problem.vehicles))
    return problem if vehicles == problem.vehicles else replace(problem, vehicles=vehicles)


def _services(problem: Problem, members: list[int], change: Callable[[Service], Service]) -> Problem:
    services = tuple(change(s) if n in members else s for n, s in enumerate(problem.services))
    return problem if services == problem.services else replace(problem, services=services)


def _end_later(problem: Problem, _members: list[int], vehicles: Iterable[int], by: Seconds) -> Problem:
    def later(vehicle: Vehicle) -> Vehicle:
        return replace(vehicle, shift=TimeWindow(vehicle.shift.earliest, vehicle.shift.latest + by))

    return _vehicles(problem, vehicles, later)


def _start_earlier(problem: Problem, _members: list[int], vehicles: Iterable[int], by: Seconds) -> Problem:
    def earlier(vehicle: Vehicle) -> Vehicle:
        return replace(vehicle, shift=TimeWindow(vehicle.shift.earliest - by, vehicle.shift.latest))

    return _vehicles(problem, vehicles, earlier)


def _work_longer(problem: Problem, _members: list[int], vehicles: Iterable[int], by: Seconds) -> Problem:
    def longer(vehicle: Vehicle) -> Vehicle:
        return vehicle if vehicle.max_work is None else replace(vehicle, max_work=vehicle.max_work + by)

    return _vehicles(problem, vehicles, longer)


def _window_later(problem: Problem, members: list[int], _vehicles: Iterable[int], by: Seconds) -> Problem:
    def wider(service: Service) -> Service:
        if service.pinned_start is not None or service.late is not None:
            return service
        return replace(service, windows=tuple(TimeWindow(w.earliest, w.latest + by) for w in service.windows))

    return _services(problem, members, wider)


def _window_earlier(problem: Problem, members: list[int], _vehicles: Iterable[int], by: Seconds) -> Problem:
    def wider(service: Service) -> Service:
        if service.pinned_start is not None:
            return service
        return replace(service, windows=tuple(TimeWindow(w.earliest - by, w.latest) for w in service.windows))

    return _services(problem, members, wider)


def _allow(problem: Problem, members: list[int], vehicles: Iterable[int], _by: Seconds) -> Problem:
    welcome = frozenset(vehicles)

    def open_to(service: Service) -> Service:
        if service.allowed is None and not service.forbidden:
            return service
        allowed = None if service.allowed is None else service.allowed | welcome
        return replace(service, allowed=allowed, forbidden=service.forbidden - welcome)

    return _services(problem, members, open_to)


def _skills(problem: Problem, members: list[int], vehicles: Iterable[int], _by: Seconds) -> Problem:
    asked: dict[str, int] = {}
    for member in members:
        for skill, grade in problem.services[member].skills.items():
            asked[skill] = max(grade, asked.get(skill, grade))

    def able(vehicle: Vehicle) -> Vehicle:
        more = {skill: max(grade, vehicle.skills.get(skill, grade)) for skill, grade in asked.items()}
        return replace(vehicle, skills={**vehicle.skills, **more})

    return _vehicles(problem, vehicles, able)


CHANGES: dict[str, Wider] = {
    "end later": _end_later,
    "start earlier": _start_earlier,
    "work longer": _work_longer,
    "window later": _window_later,
    "window earlier": _window_earlier,
    "allow": _allow,
    "skills": _skills,
}
TIMELESS = ("allow", "skills")
