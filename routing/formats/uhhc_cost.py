"""The published cost of a UHHC plan, recomputed from its routes and times alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.formats.answers import unserved
from routing.plan import Plan, Route
from routing.problem import Problem, TimeWindow
from routing.units import MINUTE, Seconds

__all__ = ["Published", "components", "faults_and_cost"]

ABSENT_IS_HARD = ("caregiver_preferences", "optional_patients", "missed_lunch_break")


@dataclass(frozen=True)
class Published:
    """What the published cost needs and a problem does not hold.

    Attributes:
        weights: Component to its weight; None if it is hard.
        at_end: Whether a service must end, not start, in its window.
        leaves_at_shift_start: Whether caregivers leave when their shift starts, and not as late as they can.
        patients: The patient of each service.
        kinds: The kind of each service.
        mandatory: Services that must be done.
        windows: When each service may start without being late.
        wishes: The preferred vehicles of each service; None for no wish.
        departing: The name of the point each vehicle departs from.
        arriving: The name of the point each vehicle returns to.
        due_lunch: Whether each vehicle is due a lunch break.
        lunch: When lunch may start and how long it lasts; None if there is none.
    """

    weights: Mapping[str, int | None]
    at_end: bool
    leaves_at_shift_start: bool
    patients: tuple[str, ...]
    kinds: tuple[str, ...]
    mandatory: frozenset[int]
    windows: tuple[tuple[TimeWindow, ...], ...]
    wishes: tuple[frozenset[int] | None, ...]
    departing: tuple[str, ...]
    arriving: tuple[str, ...]
    due_lunch: tuple[bool, ...]
    lunch: tuple[TimeWindow, Seconds] | None
    numbers: Mapping[tuple[str, str], int] = field(init=False)

    def __post_init__(self) -> None:
        pairs = zip(self.patients, self.kinds, strict=True)
        object.__setattr__(self, "numbers", {pair: number for number, pair in enumerate(pairs)})

    def is_hard(self, name: str) -> bool:
        """Tell whether a component must come to 0."""
        return self.weights.get(name) is None and (name in self.weights or name in ABSENT_IS_HARD)


def components(problem: Problem, published: Published, plan: Plan) -> dict[str, int]:
    """Return what each component comes to, in minutes or as a count."""
    late = [_lateness(published.windows[stop.service], stop.start) for _, stop in plan.stops()]
    routes = {route.vehicle: route for route in plan.routes}
    idle, extra, work, waiting = [], 0, [], 0
    for number, vehicle in enumerate(problem.vehicles):
        route = routes.get(number)
        if route is None:
            idle.append(vehicle.shift.latest - vehicle.shift.earliest)
            work.append(0)
            continue
        leaves = vehicle.shift.earliest if published.leaves_at_shift_start else route.leaves
        care = sum(stop.end - stop.start for stop in route.stops)
        waited = route.returns - leaves - route.travel - care - route.rest
        idle.append(leaves - vehicle.shift.earliest + waited + max(0, vehicle.shift.latest - route.returns))
        extra += max(0, route.returns - vehicle.shift.latest)
        work.append(route.travel + care)
        waiting += waited - _uncounted(route)
    total, count = sum(work), len(work)
    return {
        "travel_time": sum(route.travel for route in plan.routes) // MINUTE,
        "total_tardiness": sum(late) // MINUTE,
        "highest_tardiness": max(late, default=0) // MINUTE,
        "total_waiting_time": waiting // MINUTE,
        "total_extra_time": extra // MINUTE,
        "max_idle_time": max(idle, default=0) // MINUTE,
        # the ceiling of |work - mean| in minutes, in whole numbers
        "workload_balance": sum(-(-abs(count * own - total) // (count * MINUTE)) for own in work),
        "caregiver_preferences": sum(
            (wish := published.wishes[stop.service]) is not None and vehicle not in wish
            for vehicle, stop in plan.stops()
        ),
        "optional_patients": len({published.patients[left.service] for left in plan.unassigned}),
        "missed_lunch_break": sum(
            due and not (number in routes and routes[number].breaks)
            for number, due in enumerate(published.due_lunch)
        ),
        "qualification": 0,
        "incompatibilities": 0,
    }


def faults_and_cost(problem: Problem, published: Published, plan: Plan) -> tuple[list[str], int]:
    """Return what the published rules forbid, beyond the rules of the problem, and the weighted sum."""
    faults = [
        fault
        for left, fault in zip(plan.unassigned, unserved(problem, plan), strict=True)
        if left.service in published.mandatory
    ]
    for route in plan.routes:
        faults.extend(_lunch_faults(problem, published, route))
    values = components(problem, published, plan)
    cost = 0
    for name, value in values.items():
        if published.is_hard(name) and value and name != "optional_patients":
            faults.append(f"{name} must be 0 and comes to {value}")
        cost += (published.weights.get(name) or 0) * value
    return faults, cost


def _lateness(windows: tuple[TimeWindow, ...], start: Seconds) -> Seconds:
    """Return the lateness against the last window that has begun; ends of windows are those for starts."""
    begun = [window for window in sorted(windows) if window.earliest <= start]
    return max(0, start - begun[-1].latest) if begun else 0


def _uncounted(route: Route) -> Seconds:
    """Return the wait after a lunch before the first stop: the published waiting time leaves it out."""
    if not route.breaks or route.breaks[0].after != 0:
        return 0
    return route.stops[0].start - route.breaks[0].end - route.stops[0].travel


def _lunch_faults(problem: Problem, published: Published, route: Route) -> list[str]:
    name = problem.vehicles[route.vehicle].id
    if not route.breaks:
        return []
    if not published.due_lunch[route.vehicle] or published.lunch is None:
        return [f"caregiver {name} is due no lunch break but takes one"]
    window, length = published.lunch
    faults = [f"caregiver {name} has two lunch breaks"] if len(route.breaks) > 1 else []
    for pause in route.breaks:
        if pause.end - pause.start != length:
            faults.append(f"caregiver {name}: lunch lasts {pause.end - pause.start} s, not {length} s")
        if not window.holds(pause.start):
            faults.append(f"caregiver {name}: lunch starts at {pause.start // MINUTE}, outside its hours")
    return faults
