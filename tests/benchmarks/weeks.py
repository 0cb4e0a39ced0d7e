"""Invented weeks of any size: care orders and nurses of `tests.benchmarks.days` over several days."""

from dataclasses import replace

import numpy as np

from routing.problem import Link, Nurses, Problem, Service, TimeWindow, Vehicle
from tests.benchmarks.days import a_day

HOUR = 3600
DAY = 24 * HOUR


def a_week(patients: int, nurses: int, days: int, seed: int) -> Problem:
    """Return some days in one problem.

    Each visit of `a_day` is a care order: every second one is due each day, the others twice in all on any
    day, 20 hours apart, by one nurse. Each nurse works each day but one, in the same shift.
    """
    rng = np.random.default_rng(seed)
    day = a_day(patients, nurses, seed)
    services: list[Service] = []
    links = []
    for number, service in enumerate(day.services):
        if service.visit != f"visit {service.id}":
            continue  # the second nurse of a double visit
        if number % 2:
            services += [
                replace(service, id=f"{service.id}/{n}", visit="", windows=_on(service, [n]))
                for n in range(days)
            ]
            continue
        first = len(services)
        services += [
            replace(service, id=f"{service.id}/{n}", visit="", windows=_on(service, range(days)))
            for n in range(2)
        ]
        links.append(Link(first, first + 1, 20 * HOUR, None, Nurses.SAME))
    vehicles: list[Vehicle] = []
    for vehicle in day.vehicles:
        off = int(rng.integers(days))
        vehicles += [
            replace(
                vehicle,
                id=f"{vehicle.id}/{n}",
                nurse=vehicle.id,
                day=n,
                shift=TimeWindow(vehicle.shift.earliest + n * DAY, vehicle.shift.latest + n * DAY),
            )
            for n in range(days)
            if n != off
        ]
    return Problem(tuple(services), tuple(vehicles), day.travel, tuple(links))


def _on(service: Service, days: list[int] | range) -> tuple[TimeWindow, ...]:
    return tuple(
        TimeWindow(w.earliest + n * DAY, w.latest + n * DAY) for n in days for w in service.windows[:1]
    )
