"""What the readers of answers share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from routing.check import violations
from routing.clock import time_routes
from routing.explain import explain_unassigned
from routing.formats.task import InvalidAnswer
from routing.objective import cost_of
from routing.plan import Break, Plan, Route, Stop, Unassigned
from routing.problem import Problem
from routing.units import Seconds

UNTOLD = "the routes break rules, so there is no telling why"

__all__ = ["plan_of", "plan_of_sequences", "route_of", "unserved"]


def plan_of(problem: Problem, routes: Iterable[Route], like: Plan | None = None) -> Plan:
    """Return the plan of these routes, with its cost and the reasons of what is left out.

    Why something is left out is only asked of routes that keep all rules. With `like`, how the plan was found
    is taken from that one, and so are its reasons.
    """
    ordered = tuple(sorted(routes, key=lambda route: route.vehicle))
    cost = cost_of(problem, ordered)
    if like is not None:
        return replace(like, routes=ordered, cost=cost, proven=False)
    done = {stop.service for route in ordered for stop in route.stops}
    missing = [number for number in range(len(problem.services)) if number not in done]
    untold = tuple(Unassigned(number, (), UNTOLD, proven=False) for number in missing)
    plan = Plan(ordered, untold, cost)
    if not missing or violations(problem, plan):
        return plan
    return replace(plan, unassigned=explain_unassigned(problem, ordered))


def plan_of_sequences(problem: Problem, sequences: Mapping[int, Sequence[int]]) -> Plan:
    """Return the plan in which each vehicle does its services in this order, at the best times.

    Raises:
        InvalidAnswer: There is no timetable for them; the message names the vehicles.
    """
    used = {vehicle: services for vehicle, services in sequences.items() if services}
    routes = time_routes(problem, used)
    if routes is None:
        late = [
            problem.vehicles[vehicle].id
            for vehicle, services in used.items()
            if time_routes(problem, {vehicle: services}) is None
        ]
        who = f"nurse {', '.join(late)} cannot keep the times" if late else "linked services wait in a circle"
        raise InvalidAnswer(who)
    return plan_of(problem, routes)


def route_of(
    problem: Problem,
    vehicle: int,
    stops: Sequence[tuple[int, Seconds, Seconds]],
    breaks: tuple[Break, ...] = (),
    leaves: Seconds | None = None,
) -> Route:
    """Return a route with stated times, each as service, start and end; travel comes from the matrices.

    She leaves as late as the first stop allows, unless a time is given. A break is taken before the way.
    """
    nurse = problem.vehicles[vehicle]
    if leaves is None:
        first, start, _ = stops[0]
        leaves = problem.departure(vehicle, nurse.start, problem.services[first].location, start)
    rested = {pause.after: pause.end for pause in breaks}
    place, free = nurse.start, leaves
    made: list[Stop] = []
    for service, start, end in stops:
        there = problem.services[service].location
        free = max(free, rested.get(len(made), free))
        seconds = problem.arrival(vehicle, place, there, free) - free
        metres = problem.metres(vehicle, place, there)
        made.append(Stop(service, min(free + seconds, start), start, end, seconds, metres))
        place, free = there, end
    free = max(free, rested.get(len(made), free))
    home = problem.arrival(vehicle, place, nurse.end, free) - free
    metres_home = problem.metres(vehicle, place, nurse.end)
    return Route(vehicle, tuple(made), breaks, leaves, free + home, home, metres_home)


def unserved(problem: Problem, plan: Plan) -> list[str]:
    """Return a fault for each service that is in no route, for formats that allow none to be left out."""
    return [f"{problem.services[left.service].id} is left out: {left.sentence}" for left in plan.unassigned]
