"""Builders of small problems: places on a line, one minute apart, everything else at its default."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from routing.problem import (
    WORKING_TIME_LAW,
    Band,
    BreakRule,
    Link,
    Lunch,
    Nurses,
    Problem,
    Service,
    TimeWindow,
    Travel,
    Vehicle,
    Weights,
)

MINUTE = 60
HOUR = 3600

EARLY_BREAKS = BreakRule(((3 * HOUR, 30 * MINUTE), (5 * HOUR, 50 * MINUTE)), 15 * MINUTE, 4 * HOUR)
"""Binds short days as the law binds long ones: some have a timetable with a break in parts only."""


def a_line(places: int, step: int = MINUTE) -> Travel:
    """Travel along a road with `places` places, `step` seconds and 1000 metres from one to the next."""
    gaps = np.abs(np.arange(places)[:, None] - np.arange(places)).astype(np.int32)
    return Travel(gaps * np.int32(step), gaps * np.int32(1000))


def a_service(name: str = "a", location: int = 1, duration: int = 10 * MINUTE, **more: Any) -> Service:
    """Ten minutes of care at place 1, at any time of the day."""
    return Service(name, location, duration, **more)


def a_vehicle(name: str = "n", start: int = 0, end: int | None = None, **more: Any) -> Vehicle:
    """A nurse on duty from 6 to 14 o'clock who starts and ends at place 0 and needs no break."""
    more = {"shift": TimeWindow(6 * HOUR, 14 * HOUR), "breaks": None, **more}
    return Vehicle(name, start, start if end is None else end, **more)


def a_problem(
    services: Sequence[Service] | None = None,
    vehicles: Sequence[Vehicle] | None = None,
    *,
    places: int = 6,
    **more: Any,
) -> Problem:
    """One service and one nurse, unless said otherwise, on a line of six places."""
    return Problem(
        tuple([a_service()] if services is None else services),
        tuple([a_vehicle()] if vehicles is None else vehicles),
        **{"travel": (a_line(places),), **more},
    )


def a_double_visit(first: str = "a", second: str = "b", **more: Any) -> tuple[list[Service], Link]:
    """Two services of one visit that start together with two nurses; they are numbers 0 and 1."""
    services = [a_service(first, visit="double", **more), a_service(second, visit="double", **more)]
    return services, Link(0, 1, 0, 0, Nurses.DIFFERENT)


@st.composite
def small_days(draw: st.DrawFn, most_services: int = 7, most_vehicles: int = 3) -> Problem:
    """Random small days: asymmetric roads, several windows, skills, visits of two, links, breaks, lunch."""
    places = draw(st.integers(2, 6))
    seconds = draw(
        st.lists(st.integers(1, 90), min_size=places * places, max_size=places * places).map(
            lambda minutes: np.array(minutes, dtype=np.int32).reshape(places, places) * MINUTE
        )
    )
    np.fill_diagonal(seconds, 0)
    count = draw(st.integers(1, most_vehicles))
    vehicles = [_vehicle(draw, number, places) for number in range(count)]
    services = [
        _service(draw, number, places, count) for number in range(draw(st.integers(1, most_services)))
    ]
    links = []
    for first in range(0, len(services) - 1, 2):
        kind = draw(st.sampled_from(["none", "none", "double", "gap", "same nurse"]))
        if kind != "none":
            links.append(_link(draw, kind, first))
        if draw(st.booleans()):
            services[first + 1] = replace(services[first + 1], visit=services[first].visit)
    if draw(st.sampled_from([False, False, True])):
        vehicles[0], services = _tight(draw, vehicles[0], services, seconds)
    vehicles = _rota(draw, vehicles)
    if draw(st.sampled_from([False, False, True])):
        keys = st.frozensets(st.sampled_from(["key a", "key b"]), max_size=1)
        services = [replace(service, needs=draw(keys)) for service in services]
    if draw(st.sampled_from([False, False, False, True])):
        vehicles = [
            replace(vehicle, uses=draw(st.sampled_from([frozenset(), {"car"}]))) for vehicle in vehicles
        ]
    weights = Weights(
        not_preferred=draw(st.sampled_from([0, 600])), vehicle_use=draw(st.sampled_from([0, 300]))
    )
    return Problem(tuple(services), tuple(vehicles), (Travel(seconds, seconds * 10),), tuple(links), weights)


@st.composite
def days_of_tight_visits(draw: st.DrawFn) -> Problem:
    """Random days of one nurse under the law whose visits at home have fixed starts and short gaps.

    Her shift is from the first visit to the last.
    """
    begin = time = 6 * HOUR
    services = []
    for number in range(draw(st.integers(2, 6))):
        length = draw(st.integers(6, 44)) * 5 * MINUTE
        window = TimeWindow(time, time)
        services.append(a_service(f"s{number}", 0, length, windows=(window,), penalty=10**6))
        end = time + length
        time = end + draw(st.sampled_from([0, 5, 10, 15, 15, 15, 20, 30, 60])) * MINUTE
    return a_problem(services, [a_vehicle(shift=TimeWindow(begin, end), breaks=WORKING_TIME_LAW)])


@st.composite
def days_with_costs(draw: st.DrawFn, *, timed: bool = True) -> Problem:
    """Random small days with capacities, pins, orders and single nurses' costs.

    With `timed` also with lateness, wishes, overtime, waiting and balance.
    """
    problem = draw(small_days())
    nurses = len(problem.vehicles)
    services, vehicles = [], []
    for service in problem.services:
        more: dict[str, Any] = {
            "demand": draw(st.integers(0, 3)),
            "known": draw(st.dictionaries(st.integers(0, nurses - 1), st.sampled_from([7, 900]), max_size=2)),
            "pinned_vehicle": draw(st.sampled_from([None, None, None, nurses - 1])),
            "pinned_start": draw(st.sampled_from([None, None, None, service.windows[0].latest])),
        }
        if timed:
            more["late"] = draw(st.sampled_from([None, 0, 25, 60]))
            wish = draw(st.integers(24, 80)) * 15 * MINUTE
            more["wish"] = draw(st.sampled_from([None, TimeWindow(wish, wish + 30 * MINUTE)]))
        services.append(replace(service, **more))
    for vehicle in problem.vehicles:
        spare = draw(st.sampled_from([0, HOUR])) if timed else 0
        lunch = vehicle.lunch
        if timed and lunch is not None:
            lunch = replace(lunch, missed=draw(st.sampled_from([None, 0, 900, 5000])))
        capacity = draw(st.sampled_from([None, 2, 6]))
        vehicles.append(replace(vehicle, capacity=capacity, overtime=spare, lunch=lunch))
    weights = replace(problem.weights, overqualified=draw(st.sampled_from([0, 50])))
    if timed:
        rates = {
            name: draw(st.sampled_from([0, 30, 61]))
            for name in ("highest_lateness", "off_wish", "overtime", "waiting", "balance", "longest_idle")
        }
        weights = replace(weights, **rates)
    orders = ((1, 2),) if len(services) > 2 and draw(st.booleans()) else ()
    return replace(
        problem, services=tuple(services), vehicles=tuple(vehicles), weights=weights, orders=orders
    )


@st.composite
def travel_by_hour(draw: st.DrawFn, places: int = 2, *, fewest: int = 0) -> Travel:
    """Random ways of up to 90 minutes, in up to four bands from 6 o'clock on; some share a matrix."""
    ways = st.lists(st.integers(0, 90 * MINUTE), min_size=places * places, max_size=places * places)
    matrices = [
        np.array(each, dtype=np.int32).reshape(places, places)
        for each in draw(st.lists(ways, min_size=1, max_size=3))
    ]
    for matrix in matrices:
        np.fill_diagonal(matrix, 0)
    starts = draw(st.lists(st.integers(24, 80), min_size=fewest, max_size=4, unique=True).map(sorted))
    bands = tuple(Band(start * 15 * MINUTE, draw(st.sampled_from(matrices))) for start in starts)
    return Travel(matrices[0], matrices[0], bands)


@st.composite
def days_by_hour(draw: st.DrawFn, days: st.SearchStrategy[Problem] | None = None) -> Problem:
    """Random small days, with costs unless others are given, by the hour; some nurses' travel is not."""
    problem = draw(days_with_costs() if days is None else days)
    kinds = draw(st.integers(1, 2))
    travel = [draw(travel_by_hour(places=problem.places)) for _ in range(kinds)]
    vehicles = tuple(replace(vehicle, travel=draw(st.integers(0, kinds))) for vehicle in problem.vehicles)
    return replace(problem, travel=(*travel, *problem.travel), vehicles=vehicles)


def _vehicle(draw: st.DrawFn, number: int, places: int) -> Vehicle:
    begins = draw(st.integers(6, 9)) * HOUR
    return Vehicle(
        f"n{number}",
        draw(st.integers(0, places - 1)),
        draw(st.integers(0, places - 1)),
        TimeWindow(begins, begins + draw(st.integers(3, 11)) * HOUR),
        skills={"care": draw(st.integers(1, 3))},
        max_work=draw(st.sampled_from([None, 5 * HOUR, 8 * HOUR])),
        breaks=draw(st.sampled_from([None, WORKING_TIME_LAW, EARLY_BREAKS])),
        lunch=draw(st.sampled_from([None, None, Lunch(11 * HOUR, 13 * HOUR, 20 * MINUTE)])),
        leaves_at_once=draw(st.sampled_from([False, False, False, True])),
    )


def _tight(
    draw: st.DrawFn, vehicle: Vehicle, services: list[Service], seconds: NDArray[np.int32]
) -> tuple[Vehicle, list[Service]]:
    """Narrow the windows so that the vehicle just gets through some services in order, with short gaps."""
    begin = free = vehicle.shift.earliest
    at, close = vehicle.start, list(services)
    for number, service in enumerate(services[: draw(st.integers(2, 7))]):
        start = free + int(seconds[at, service.location]) + draw(st.sampled_from([0, 15, 15, 20])) * MINUTE
        window = TimeWindow(start, start + draw(st.sampled_from([0, 0, 0, 5])) * MINUTE)
        close[number] = replace(service, windows=(window,), forbidden=frozenset(), penalty=10**5)
        at, free = service.location, start + service.duration
    shift = TimeWindow(begin, free + int(seconds[at, vehicle.end]))
    rule = draw(st.sampled_from([WORKING_TIME_LAW, EARLY_BREAKS]))
    return replace(vehicle, shift=shift, skills={"care": 3}, max_work=None, breaks=rule), close


def _rota(draw: st.DrawFn, vehicles: list[Vehicle]) -> list[Vehicle]:
    """Sometimes some vehicles are shifts of one nurse, on one day or two, with duties outside."""
    kind = draw(st.sampled_from(["none", "none", "none", "one day", "two days"]))
    if kind == "none" or len(vehicles) < 2:
        return vehicles
    most = draw(st.sampled_from([None, 4 * HOUR, 7 * HOUR]))
    first, *others = sorted(vehicles[-2:], key=lambda vehicle: vehicle.shift)
    shifts = [replace(first, nurse="both", max_day=most)]
    day = 0 if kind == "one day" else 1
    for vehicle in others:
        rest = draw(st.integers(0, 6)) * 30 * MINUTE
        shifts.append(replace(vehicle, nurse="both", max_day=most, day=day, rest=rest))
    if draw(st.booleans()):
        shifts[0] = replace(shifts[0], free_since=first.shift.earliest - 10 * HOUR)
    if draw(st.booleans()):
        shifts[-1] = replace(shifts[-1], next_duty=shifts[-1].shift.latest + 30 * MINUTE)
    return [*vehicles[:-2], *draw(st.permutations(shifts))]


def _service(draw: st.DrawFn, number: int, places: int, vehicles: int) -> Service:
    windows = []
    for _ in range(draw(st.integers(1, 3))):
        opens = draw(st.integers(24, 80)) * 15 * MINUTE
        windows.append(TimeWindow(opens, opens + draw(st.sampled_from([0, 900, 3600, 14400]))))
    some = st.frozensets(st.integers(0, vehicles - 1), max_size=vehicles)
    return Service(
        f"s{number}",
        draw(st.integers(0, places - 1)),
        draw(st.sampled_from([0, 5, 20, 45, 120])) * MINUTE,
        tuple(windows),
        skills=draw(st.sampled_from([{}, {"care": 1}, {"care": 3}])),
        visit=f"v{number}",
        forbidden=draw(st.one_of(st.just(frozenset()), some)),
        preferred=draw(st.one_of(st.just(frozenset()), some)),
        penalty=draw(st.sampled_from([3000, 20_000, 50_000])),
    )


def _link(draw: st.DrawFn, kind: str, first: int) -> Link:
    if kind == "double":
        return Link(first, first + 1, 0, 0, Nurses.DIFFERENT)
    if kind == "same nurse":
        return Link(first, first + 1, 0, None, Nurses.SAME)
    least = draw(st.integers(-2, 3)) * 30 * MINUTE
    most = draw(st.one_of(st.none(), st.integers(0, 4).map(lambda gap: least + gap * 30 * MINUTE)))
    return Link(first, first + 1, least, most)
