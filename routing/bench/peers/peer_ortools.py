"""OR-Tools' routing library: parallel cheapest insertion, then guided local search; one thread."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from common import Day, run  # type: ignore[import-not-found]  # beside this script

pywrapcp = import_module("ortools.constraint_solver.pywrapcp")
enums = import_module("ortools.constraint_solver.routing_enums_pb2")


def plan(day: Day, seconds: float, _seed: int, _threads: int) -> list[tuple[int, list[int]]]:
    """Plan a day."""
    count, fleet = len(day.services), len(day.vehicles)
    places = [service["location"] for service in day.services]
    places += [vehicle["start"] for vehicle in day.vehicles] + [vehicle["end"] for vehicle in day.vehicles]
    manager = pywrapcp.RoutingIndexManager(
        len(places), fleet, list(range(count, count + fleet)), list(range(count + fleet, count + 2 * fleet))
    )
    model = pywrapcp.RoutingModel(manager)
    rows = day.seconds[places][:, places].tolist()
    stays = [service["duration"] for service in day.services] + [0] * (2 * fleet)
    node = manager.IndexToNode
    travel = model.RegisterTransitMatrix(rows)
    moves = model.RegisterTransitMatrix(
        [[seconds + stay for seconds in row] for row, stay in zip(rows, stays, strict=True)]
    )
    model.SetArcCostEvaluatorOfAllVehicles(travel)
    latest = max(vehicle["shift"][1] for vehicle in day.vehicles)
    model.AddDimension(moves, latest, latest, False, "time")  # noqa: FBT003 - its own signature
    clock = model.GetDimensionOrDie("time")
    for number, vehicle in enumerate(day.vehicles):
        clock.CumulVar(model.Start(number)).SetRange(*vehicle["shift"])
        clock.CumulVar(model.End(number)).SetRange(*vehicle["shift"])
        if vehicle["max_work"] is not None:
            clock.SetSpanUpperBoundForVehicle(min(vehicle["max_work"], latest), number)
    _breaks(day, model, clock, node)
    for number, service in enumerate(day.services):
        index = manager.NodeToIndex(number)
        model.AddDisjunction([index], service["penalty"])
        start = clock.CumulVar(index)
        windows = service["windows"]
        start.SetRange(windows[0][0], windows[-1][1])
        for (_, closes), (opens, _) in pairwise(windows):
            start.RemoveInterval(closes + 1, opens - 1)
        model.VehicleVar(index).SetValues([-1, *service["vehicles"]])
    if any(vehicle["capacity"] is not None for vehicle in day.vehicles):
        demands = [service["demand"] for service in day.services] + [0] * (2 * fleet)
        load = model.RegisterUnaryTransitVector(demands)
        most = sum(demands)
        capacities = [most if v["capacity"] is None else v["capacity"] for v in day.vehicles]
        model.AddDimensionWithVehicleCapacity(load, 0, capacities, True, "load")  # noqa: FBT003 - see above
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = enums.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = enums.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(round(1000 * seconds))
    solution = model.SolveWithParameters(parameters)
    routes = []
    for vehicle in range(fleet if solution else 0):
        index, visited = solution.Value(model.NextVar(model.Start(vehicle))), []
        while not model.IsEnd(index):
            visited.append(node(index))
            index = solution.Value(model.NextVar(index))
        routes.append((vehicle, visited))
    return routes


def _breaks(day: Day, model: Any, clock: Any, node: Callable[[int], int]) -> None:
    """Let each nurse who might need a break have one, wherever no stretch becomes too long."""
    solver = model.solver()
    count = len(day.services)
    stays = [day.services[n]["duration"] if n < count else 0 for n in map(node, range(model.Size()))]
    for number, vehicle in enumerate(day.vehicles):
        pause = vehicle["break"]
        if pause is not None:
            low, high = vehicle["shift"]
            interval = solver.FixedDurationIntervalVar(
                low,
                high,
                pause["length"],
                True,  # noqa: FBT003 - its own signature
                f"break {number}",
            )
            clock.SetBreakIntervalsOfVehicle([interval], number, stays)
            clock.SetBreakDistanceDurationOfVehicle(pause["unbroken"], pause["length"], number)


if __name__ == "__main__":
    run(plan, f"OR-Tools {version('ortools')}", breaks="the break rule itself, at most one break")
