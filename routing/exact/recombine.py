"""The best choice among routes the search has met.

Set partitioning: a route is a column, each service is in one chosen column or left out, each vehicle has one
column at most. Routes of different plans often go together better than any plan that was met; the local
search cannot see that. Only for days without links and without costs of times, where
routes do not depend on each other.
"""

from collections.abc import Mapping, Sequence

from ortools.sat.python import cp_model

from routing.problem import Problem
from routing.units import Points

__all__ = ["recombine", "route_points"]

Column = tuple[int, tuple[int, ...]]

MOST_COLUMNS = 4000


def route_points(problem: Problem, column: Column) -> Points:
    """Return what one route costs, its times left aside."""
    vehicle, services = column
    nurse = problem.vehicles[vehicle]
    places = [nurse.start, *(problem.services[s].location for s in services), nurse.end]
    seconds = sum(problem.seconds(vehicle, places[i], places[i + 1]) for i in range(len(places) - 1))
    strange, single = 0, 0
    for number in services:
        asked = problem.services[number].skills
        single += problem.services[number].known.get(vehicle, 0)
        single += problem.weights.overqualified * sum(
            max(0, nurse.skills.get(skill, grade) - grade) for skill, grade in asked.items()
        )
        preferred = problem.services[number].preferred
        strange += bool(preferred) and vehicle not in preferred
    weights = problem.weights
    return weights.travel * seconds + weights.not_preferred * strange + single + weights.vehicle_use


def recombine(
    problem: Problem,
    columns: Sequence[Column],
    best: Mapping[int, Sequence[int]],
    limit_s: float,
    *,
    seed: int = 0,
    deterministic: bool = False,
) -> dict[int, list[int]] | None:
    """Choose the best routes among `columns` and those of `best`.

    Args:
        problem: A day without links.
        columns: Routes, each a vehicle and its services in order, all with a timetable of their own; the last
            `MOST_COLUMNS` are looked at.
        best: The plan to beat.
        limit_s: Seconds.
        seed: Of the solver.
        deterministic: Let `limit_s` count on the solver's own clock, which is the same on every machine.

    Returns:
        A cheaper plan, vehicle to services in order, or None if none was found.
    """
    own = [(vehicle, tuple(services)) for vehicle, services in best.items() if services]
    cheapest: dict[tuple[int, frozenset[int]], tuple[Points, Column]] = {}
    for column in [*columns[-MOST_COLUMNS:], *own]:
        points = route_points(problem, column)
        key = column[0], frozenset(column[1])
        if key not in cheapest or points < cheapest[key][0]:
            cheapest[key] = points, column
    visits = list(problem.visits().values())
    model = cp_model.CpModel()
    chosen = [model.new_bool_var("") for _ in cheapest]
    absent = [model.new_bool_var("") for _ in visits]
    by_service: list[list[cp_model.IntVar]] = [[] for _ in problem.services]
    by_vehicle: list[list[cp_model.IntVar]] = [[] for _ in problem.vehicles]
    mine = set(own)
    for variable, (_, column) in zip(chosen, cheapest.values(), strict=True):
        by_vehicle[column[0]].append(variable)
        for service in column[1]:
            by_service[service].append(variable)
        model.add_hint(variable, column in mine)
    for routes in by_vehicle:
        model.add_at_most_one(routes)
    for members, variable in zip(visits, absent, strict=True):
        for service in members:
            model.add_exactly_one([*by_service[service], variable])
    penalties = [sum(problem.services[s].penalty for s in members) for members in visits]
    model.minimize(
        sum(points * variable for (points, _), variable in zip(cheapest.values(), chosen, strict=True))
        + sum(points * variable for points, variable in zip(penalties, absent, strict=True))
    )
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 2**31
    if deterministic:
        solver.parameters.max_deterministic_time = limit_s
    else:
        solver.parameters.max_time_in_seconds = limit_s
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    done = {service for services in best.values() for service in services}
    before = sum(route_points(problem, column) for column in own) + sum(
        points for members, points in zip(visits, penalties, strict=True) if members[0] not in done
    )
    if round(solver.objective_value) >= before:
        return None
    return {
        column[0]: list(column[1])
        for (_, column), variable in zip(cheapest.values(), chosen, strict=True)
        if solver.boolean_value(variable)
    }
