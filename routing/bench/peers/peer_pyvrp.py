"""PyVRP: one thread; what a nurse may not do is far away for her."""

from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from common import FORBIDDEN, Day, run  # type: ignore[import-not-found]  # beside this script

pyvrp = import_module("pyvrp")


def plan(day: Day, seconds: float, seed: int, _threads: int) -> list[tuple[int, list[int]]]:
    """Plan a day. Services with several windows are taken with the span of all.

    It knows no breaks: who might need one is away for less by its length, and back earlier.
    """
    starts = [(vehicle["start"], vehicle["end"]) for vehicle in day.vehicles]
    places = sorted({place for pair in starts for place in pair})
    order = [*places, *(service["location"] for service in day.services)]
    base = day.seconds[np.ix_(order, order)]
    masks = sorted({tuple(sorted(able)) for able in day.able})
    matrices = []
    for mask in masks:
        matrix = base.copy()
        closed = [len(places) + n for n in sorted(set(range(len(day.services))) - set(mask))]
        matrix[:, closed] = matrix[closed, :] = FORBIDDEN
        np.fill_diagonal(matrix, 0)
        matrices.append(matrix)
    vehicles = [
        pyvrp.VehicleType(
            num_available=1,
            capacity=[] if vehicle["capacity"] is None else [vehicle["capacity"]],
            start_depot=places.index(vehicle["start"]),
            end_depot=places.index(vehicle["end"]),
            tw_early=vehicle["shift"][0],
            tw_late=vehicle["shift"][1] - _pause(vehicle),
            **(
                {}
                if vehicle["max_work"] is None
                else {"shift_duration": vehicle["max_work"] - _pause(vehicle)}
            ),
            profile=masks.index(tuple(sorted(able))),
        )
        for vehicle, able in zip(day.vehicles, day.able, strict=True)
    ]
    amounts = any(vehicle["capacity"] is not None for vehicle in day.vehicles)
    clients = [
        pyvrp.Client(
            location=len(places) + number,
            delivery=[service["demand"]] if amounts else [],
            service_duration=service["duration"],
            tw_early=service["windows"][0][0],
            tw_late=service["windows"][-1][1],
            prize=service["penalty"],
            required=False,
        )
        for number, service in enumerate(day.services)
    ]
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in order],
        clients=clients,
        depots=[pyvrp.Depot(location=number) for number in range(len(places))],
        vehicle_types=vehicles,
        distance_matrices=matrices,
        duration_matrices=matrices,
    )
    result = pyvrp.solve(data, pyvrp.stop.MaxRuntime(seconds), seed=seed, collect_stats=False)
    return [(int(route.vehicle_type()), _clients(route)) for route in result.best.routes()]


def _pause(vehicle: dict[str, Any]) -> int:
    return int(vehicle["break"]["length"]) if vehicle["break"] else 0


def _clients(route: Any) -> list[int]:
    return [int(activity.idx) for activity in route.schedule() if activity.is_client()]


if __name__ == "__main__":
    run(
        plan,
        f"PyVRP {version('pyvrp')}",
        breaks="no breaks, only days that are shorter by them",
        mend=True,
    )
