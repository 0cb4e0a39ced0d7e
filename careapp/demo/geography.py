"""Where the demo region's services and patients are."""

from bisect import bisect
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from math import cos, exp, pi, radians, sin
from random import Random

from careapp.demo.facts import Facts, MunicipalityFact, Point, Stop

LEAST_POPULATION = 20_000
"""Services sit in towns with more inhabitants."""

FARTHEST_KM = 15.0
"""No home lies farther from its service's base than this, and the jitter."""

TYPICAL_KM = 3.5
"""Over this distance from the base the density of patients falls to a third."""

_METRES_PER_DEGREE = 111_200


@dataclass(frozen=True)
class Spot:
    """A place that can be lived at: a little beside a stop.

    Attributes:
        stop: Names village and municipality.
        point: Rounded to 1e-5 degrees.
    """

    stop: Stop
    point: Point


def choose_towns(facts: Facts, count: int) -> list[MunicipalityFact]:
    """Return the towns of so many services, in order of founding; a large town may have several.

    First the largest town of each district, then by highest averages (D'Hondt) over the population.
    """
    towns = sorted(
        (town for town in facts.municipalities if town.population > LEAST_POPULATION),
        key=lambda town: (-town.population, town.ags),
    )
    districts = {town.district: town for town in reversed(towns)}
    chosen = [town for town in towns if districts[town.district] is town][:count]
    seats = Counter(town.ags for town in chosen)
    while len(chosen) < count:
        best = max(towns, key=lambda town: (town.population / (seats[town.ags] + 1), town.ags))
        seats[best.ags] += 1
        chosen.append(best)
    return chosen


def a_base(facts: Facts, town: MunicipalityFact, random: Random) -> Spot:
    """Draw a service's base near the centre of its town: at one of the ten nearest stops."""
    near = sorted(
        (stop for stop in facts.stops if stop.settlement.municipality is town),
        key=lambda stop: (stop.point.kilometres_to(town.centre), stop.point.latitude, stop.point.longitude),
    )
    return _beside(random.choice(near[:10]), random)


class Area:
    """The surroundings of a base, to draw homes from.

    A home is the likelier the more people live in its municipality, and the nearer it is to the base.
    """

    def __init__(self, facts: Facts, base: Point) -> None:
        """Weigh all stops around a base."""
        stops_of = Counter(stop.settlement.municipality.ags for stop in facts.stops)
        self._stops: list[Stop] = []
        weights: list[float] = []
        for stop in facts.stops:
            distance = base.kilometres_to(stop.point)
            if distance <= FARTHEST_KM:
                town = stop.settlement.municipality
                self._stops.append(stop)
                weights.append(town.population / stops_of[town.ags] * exp(-distance / TYPICAL_KM))
        self._sums = list(accumulate(weights))

    def a_home(self, random: Random) -> Spot:
        """Draw a home."""
        drawn = bisect(self._sums, random.random() * self._sums[-1])
        return _beside(self._stops[min(drawn, len(self._stops) - 1)], random)


def _beside(stop: Stop, random: Random) -> Spot:
    metres = 30 + 220 * random.random()
    angle = 2 * pi * random.random()
    latitude = stop.point.latitude + metres * cos(angle) / _METRES_PER_DEGREE
    longitude = stop.point.longitude + metres * sin(angle) / (
        _METRES_PER_DEGREE * cos(radians(stop.point.latitude))
    )
    return Spot(stop, Point(round(latitude, 5), round(longitude, 5)))
