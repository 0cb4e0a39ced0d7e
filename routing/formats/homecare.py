"""Home-care days for comparing planners, as JSON.

A day: nurses with home, skill, shift, longest absence and break rule; visits with one window, duration, skill
and penalty. An answer: `{"routes": [[nurse id, [visit ids in order]], ...]}`. Travel is proportional to the
great circle.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from routing.breaks import BreakRule
from routing.errors import InvalidProblem
from routing.plan import Plan
from routing.problem import Problem, Service, TimeWindow, Travel, Vehicle, Weights
from routing.travel.distance import air_kilometres

__all__ = ["from_homecare", "sequences_from_homecare", "to_homecare"]

_SKILL = "skill"


def from_homecare(day: Mapping[str, Any], *, breaks: bool = False) -> Problem:
    """Read a day.

    Args:
        day: The parsed JSON.
        breaks: Whether nurses need the break the day describes ("break mode").

    Raises:
        InvalidProblem: A key is missing, or a value makes no sense.
    """
    try:
        visits, nurses = day["visits"], day["nurses"]
        places = [(place["lat"], place["lon"]) for place in [*visits, *nurses]]
        kilometres = air_kilometres(places) * float(day["road_factor"])
        seconds = np.rint(kilometres / float(day["speed_kmh"]) * 3600).astype(np.int32)
        services = tuple(_service(number, visit) for number, visit in enumerate(visits))
        vehicles = tuple(_vehicle(len(visits) + n, nurse, breaks=breaks) for n, nurse in enumerate(nurses))
    except KeyError as missing:
        raise InvalidProblem(f"homecare day: the key {missing} is missing") from missing
    metres = np.ceil(kilometres * 1000).astype(np.int32)
    return Problem(services, vehicles, (Travel(seconds, metres),), weights=Weights(not_preferred=0))


def _service(number: int, visit: Mapping[str, Any]) -> Service:
    return Service(
        id=str(visit["id"]),
        location=number,
        duration=visit["service"],
        windows=(TimeWindow(*visit["tw"]),),
        skills={_SKILL: visit["skill"]},
        penalty=visit["penalty"],
    )


def _vehicle(location: int, nurse: Mapping[str, Any], *, breaks: bool) -> Vehicle:
    rule = None
    if breaks:
        rule = BreakRule(
            steps=((nurse["break_after"], nurse["break_len"]),),
            shortest_part=nurse["break_len"],
            longest_stretch=nurse["break_after"],
        )
    return Vehicle(
        id=str(nurse["id"]),
        start=location,
        end=location,
        shift=TimeWindow(*nurse["shift"]),
        skills={_SKILL: nurse["skill"]},
        max_work=nurse["max_shift"],
        breaks=rule,
    )


def to_homecare(day: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Write a plan as an answer to the day it was made for."""
    visits, nurses = day["visits"], day["nurses"]
    return {
        "routes": [
            [nurses[route.vehicle]["id"], [visits[stop.service]["id"] for stop in route.stops]]
            for route in plan.routes
        ]
    }


def sequences_from_homecare(day: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[int, list[int]]:
    """Read an answer as vehicle to services in order.

    Raises:
        InvalidProblem: It names a nurse or visit the day does not know, or a nurse twice.
    """
    visits = {visit["id"]: number for number, visit in enumerate(day["visits"])}
    nurses = {nurse["id"]: number for number, nurse in enumerate(day["nurses"])}
    sequences: dict[int, list[int]] = {}
    for nurse, services in answer["routes"]:
        unknown = [f"visit {visit}" for visit in services if visit not in visits]
        if nurse not in nurses or unknown:
            raise InvalidProblem(f"homecare answer: the day has no {(unknown or [f'nurse {nurse}'])[0]}")
        if nurses[nurse] in sequences:
            raise InvalidProblem(f"homecare answer: nurse {nurse} has two routes")
        sequences[nurses[nurse]] = [visits[visit] for visit in services]
    return sequences
