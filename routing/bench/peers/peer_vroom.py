"""VROOM through pyvroom, at its highest exploration level."""

from datetime import timedelta
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from common import Day, run  # type: ignore[import-not-found]  # beside this script

vroom = import_module("vroom")

EXPLORATION = 5
LARGEST = 2**31


def plan(day: Day, seconds: float, _seed: int, threads: int) -> list[tuple[int, list[int]]]:
    """Plan a day. VROOM knows no longest absence: a shift that is longer ends earlier.

    It knows no break that depends on the work: each nurse who might need one has one, at hours that suit
    whatever she does.
    """
    amounts = any(vehicle["capacity"] is not None for vehicle in day.vehicles)
    problem = vroom.Input()
    problem.set_durations_matrix("car", np.minimum(day.seconds, LARGEST).astype(np.uint32))
    for number, (vehicle, able) in enumerate(zip(day.vehicles, day.able, strict=True)):
        low, high = vehicle["shift"]
        high = high if vehicle["max_work"] is None else min(high, low + vehicle["max_work"])
        problem.add_vehicle(
            vroom.Vehicle(
                number,
                start=vehicle["start"],
                end=vehicle["end"],
                capacity=[vehicle["capacity"]] if amounts else [],
                skills={_skill(day, service) for service in able},
                time_window=vroom.TimeWindow(low, high),
                breaks=_breaks(number, vehicle),
            )
        )
    most = max((service["penalty"] for service in day.services), default=1) or 1
    for number, service in enumerate(day.services):
        problem.add_job(
            vroom.Job(
                number,
                location=service["location"],
                default_service=service["duration"],
                delivery=vroom.Amount([service["demand"]] if amounts else []),
                skills={_skill(day, number)},
                priority=round(100 * service["penalty"] / most),
                time_windows=[vroom.TimeWindow(*window) for window in service["windows"]],
            )
        )
    solution = problem.solve(EXPLORATION, threads, timedelta(seconds=seconds))
    routes: dict[int, list[int]] = {}
    steps = solution.routes
    for vehicle, kind, job in zip(steps["vehicle_id"], steps["type"], steps["id"], strict=True):
        if kind == "job":
            routes.setdefault(int(vehicle), []).append(int(job))
    return list(routes.items())


def _breaks(number: int, vehicle: dict[str, Any]) -> list[Any]:
    pause = vehicle["break"]
    if pause is None:
        return []
    return [vroom.Break(number, [vroom.TimeWindow(*pause["begins"])], pause["length"])]


def _skill(day: Day, service: int) -> int:
    """Return a number that stands for the vehicles that may do a service."""
    fleets = sorted({tuple(other["vehicles"]) for other in day.services})
    return fleets.index(tuple(day.services[service]["vehicles"]))


if __name__ == "__main__":
    run(plan, f"pyvroom {version('pyvroom')}", breaks="one break at hours that suit any route")
