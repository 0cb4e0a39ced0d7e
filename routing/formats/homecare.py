"""Home-care days for comparing planners, as JSON.

A day: nurses with home, skill, shift, longest absence and break rule; visits with one window, duration, skill
and penalty. An answer: `{"routes": [[nurse id, [visit ids in order]], ...]}`. Travel is proportional to the
great circle.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from routing.breaks import BreakRule
from routing.formats.answers import plan_of_sequences
from routing.formats.reading import InvalidFile, Record, parse_json
from routing.formats.task import InvalidAnswer
from routing.plan import Plan, Route
from routing.problem import Problem, Service, TimeWindow, Travel, Vehicle, Weights
from routing.travel.distance import air_kilometres

__all__ = ["HomecareTask", "from_homecare", "read_homecare", "sequences_from_homecare", "to_homecare"]

_SKILL = "skill"
_LONGEST = 7 * 24 * 3600
_LARGEST_PENALTY = 10**9


class HomecareTask:
    """A day that was read.

    Args:
        day: The parsed JSON.
        breaks: Whether nurses need the break the day describes ("break mode").
    """

    notes: tuple[str, ...] = ()
    finish_share = 0.0
    begin_with: tuple[Route, ...] = ()

    def __init__(self, day: Mapping[str, Any], *, breaks: bool) -> None:
        self.problem = from_homecare(day, breaks=breaks)
        self._day = day

    def finish(self, plan: Plan, limit_s: float | None) -> Plan:
        """Return the plan as it is."""
        del limit_s
        return plan

    def answer(self, plan: Plan) -> dict[str, Any]:
        """Write the order of visits of each nurse who leaves."""
        return to_homecare(self._day, plan)

    def plan(self, text: str) -> Plan:
        """Read the orders of visits and give them the best times."""
        record = parse_json(text)
        routes = record.get("routes")
        if not isinstance(routes, list):
            raise record.refuse("routes", "expected a list of pairs of nurse and visits")
        for number, route in enumerate(routes):
            if not isinstance(route, list) or len(route) != 2 or not isinstance(route[1], list):
                raise InvalidFile(f"routes[{number}]: expected a nurse and a list of visits")
            if not all(isinstance(name, int | str) for name in (route[0], *route[1])):
                raise InvalidFile(f"routes[{number}]: ids are numbers or texts")
        return plan_of_sequences(self.problem, sequences_from_homecare(self._day, {"routes": routes}))

    def cost(self, plan: Plan) -> float:
        """Return seconds of travel and penalties."""
        return plan.cost.total

    def faults(self, plan: Plan) -> list[str]:
        """Return nothing: the rules are those of the problem."""
        del plan
        return []


def read_homecare(text: str, *, breaks: bool = False) -> HomecareTask:
    """Read a day from its text.

    Raises:
        InvalidFile: With the key and the reason.
    """
    return HomecareTask(parse_json(text).content, breaks=breaks)


def from_homecare(day: Mapping[str, Any], *, breaks: bool = False) -> Problem:
    """Read a day.

    Args:
        day: The parsed JSON.
        breaks: Whether nurses need the break the day describes ("break mode").

    Raises:
        InvalidFile: A key is missing, or a value makes no sense.
    """
    record = Record(dict(day))
    visits, nurses = record.records("visits"), record.records("nurses")
    places = [_place(place) for place in [*visits, *nurses]]
    kilometres = air_kilometres(places) * record.number("road_factor", least=0.1, most=10)
    hours = kilometres / record.number("speed_kmh", least=1, most=1000)
    seconds = np.rint(hours * 3600).astype(np.int32)
    services = tuple(_service(number, visit) for number, visit in enumerate(visits))
    vehicles = tuple(_vehicle(len(visits) + n, nurse, breaks=breaks) for n, nurse in enumerate(nurses))
    metres = np.ceil(kilometres * 1000).astype(np.int32)
    return Problem(services, vehicles, (Travel(seconds, metres),), weights=Weights(not_preferred=0))


def _place(record: Record) -> tuple[float, float]:
    return record.number("lat", least=-90, most=90), record.number("lon", least=-180, most=180)


def _service(number: int, visit: Record) -> Service:
    return Service(
        id=_id(visit),
        location=number,
        duration=visit.whole("service", least=0, most=_LONGEST),
        windows=(_window(visit, "tw"),),
        skills={_SKILL: visit.whole("skill", least=0, most=1000)},
        penalty=visit.whole("penalty", least=0, most=_LARGEST_PENALTY),
    )


def _vehicle(location: int, nurse: Record, *, breaks: bool) -> Vehicle:
    rule = None
    if breaks:
        after, length = (nurse.whole(key, least=1, most=_LONGEST) for key in ("break_after", "break_len"))
        rule = BreakRule(steps=((after, length),), shortest_part=length, longest_stretch=after)
    return Vehicle(
        id=_id(nurse),
        start=location,
        end=location,
        shift=_window(nurse, "shift"),
        skills={_SKILL: nurse.whole("skill", least=0, most=1000)},
        max_work=nurse.whole("max_shift", least=0, most=_LONGEST),
        breaks=rule,
    )


def _id(record: Record) -> str:
    name = record.get("id")
    if isinstance(name, bool) or not isinstance(name, int | str):
        raise record.refuse("id", "expected a number or a text")
    return str(name)


def _window(record: Record, key: str) -> TimeWindow:
    bounds = record.wholes(key, least=-_LONGEST, most=_LONGEST)
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise record.refuse(key, "expected two rising whole numbers of seconds")
    return TimeWindow(*bounds)


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
        InvalidAnswer: It names a nurse or visit the day does not know, or a nurse twice.
    """
    visits = {visit["id"]: number for number, visit in enumerate(day["visits"])}
    nurses = {nurse["id"]: number for number, nurse in enumerate(day["nurses"])}
    sequences: dict[int, list[int]] = {}
    for nurse, services in answer["routes"]:
        unknown = [f"visit {visit}" for visit in services if visit not in visits]
        if nurse not in nurses or unknown:
            raise InvalidAnswer(f"homecare answer: the day has no {(unknown or [f'nurse {nurse}'])[0]}")
        if nurses[nurse] in sequences:
            raise InvalidAnswer(f"homecare answer: nurse {nurse} has two routes")
        sequences[nurses[nurse]] = [visits[visit] for visit in services]
    return sequences
