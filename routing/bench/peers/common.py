"""What the scripts share; only numpy is needed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FORBIDDEN", "Day", "run"]

FORBIDDEN = 10**7
"""Seconds of a way that a vehicle must not take, where a planner knows no other way to forbid it."""

Routes = list[tuple[int, list[int]]]


class Day:
    """What is asked, by number.

    Attributes:
        services: `location`, `duration`, `windows`, `demand`, `penalty` and `vehicles` that may do it.
        vehicles: `start`, `end`, `shift`, `max_work`, `capacity` and `break`: None, or one that keeps her
            rule whatever she does: its `length`, when it `begins`, the longest absence `unbroken` without it.
        seconds: Travel between all places.
        fleets: Vehicles that may do the same services, with those services.
    """

    def __init__(self, folder: Path) -> None:
        day = json.loads((folder / "day.json").read_text(encoding="utf-8"))
        self.services: list[dict[str, Any]] = day["services"]
        self.vehicles: list[dict[str, Any]] = day["vehicles"]
        self.seconds = np.load(folder / "seconds.npy").astype(np.int64)
        able: list[set[int]] = [set() for _ in self.vehicles]
        for number, service in enumerate(self.services):
            for vehicle in service["vehicles"]:
                able[vehicle].add(number)
        self.able = able


def run(
    planner: Callable[[Day, float, int, int], Routes], version: str, *, breaks: str, mend: bool = False
) -> None:
    """Read the day, plan it and write the answer.

    Args:
        planner: Plans a day in so many seconds, with a seed and threads.
        version: Of the planner.
        breaks: What it was given where nurses need a break.
        mend: Whether that allows routes in which the breaks have no place.
    """
    folder, seconds, seed, threads = sys.argv[1:]
    day = Day(Path(folder))
    routes = planner(day, float(seconds), int(seed), int(threads))
    answer: dict[str, Any] = {"version": version, "routes": [route for route in routes if route[1]]}
    if any(vehicle["break"] for vehicle in day.vehicles):
        answer |= {"breaks": f"given {breaks}", "mend": mend}
    Path(folder, "answer.json").write_text(json.dumps(answer), encoding="utf-8")
