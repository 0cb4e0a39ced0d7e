"""The synthetic network against the estimate, by distance: is it as slow and as winding as real roads?"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from careapp.demo.facts import read_facts
from careapp.demo.geography import Area
from careapp.roads.build import Order, build
from careapp.roads.engine import Engine
from careapp.roads.manifest import BASE
from careapp.roads.programs import Programs
from careapp.roads.steps import Tell
from routing.travel.distance import air_kilometres
from routing.travel.estimate import CarEstimate
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile, TravelSource
from routing.units import UNREACHABLE

EDGES_KM = (0.15, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
FEWEST = 30
"""Pairs; a band with fewer is not told."""

_AREAS, _HOMES = 12, 60

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DistanceBand:
    """Pairs of homes that lie so far apart as the crow flies.

    Attributes:
        low_km: From here on.
        high_km: Up to here.
        pairs: How many.
        slowness: Median of time on roads / time of the estimate.
        low_slowness: Its lowest tenth.
        high_slowness: Its highest tenth.
        detour: Median of length on roads / air line.
        estimated_detour: Likewise by the estimate.
    """

    low_km: float
    high_km: float
    pairs: int
    slowness: float
    low_slowness: float
    high_slowness: float
    detour: float
    estimated_detour: float


def compare_network(
    extract: Path, programs: Programs, *, seed: int, now: datetime, tell: Tell
) -> list[DistanceBand]:
    """Build the network for cars in a folder of its own and compare it with the estimate.

    Args:
        extract: Of the whole demo region.
        programs: OSRM's.
        seed: Of the homes, which are drawn as the demo draws them: around twelve towns and between these.
        now: This moment.
        tell: Hears what is being done.

    Raises:
        BadExtract: The file is damaged, or has no roads.
        BuildFailed: A program failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        order = Order(extract, (Profile.CAR,), contract=False)
        built = build(order, data_dir=Path(folder), programs=programs, homes=(), now=now, tell=tell)
        with Engine(built.manifest, Profile.CAR, BASE, programs) as engine:
            roads = OsrmTravel(engine.start(), Profile.CAR, built.manifest.data)
            tell("asking for ways", 1.0, "")
            return compare_by_distance(roads, CarEstimate(safety=1.0), list(_groups(seed)))


def compare_by_distance(
    roads: TravelSource, estimate: TravelSource, groups: Sequence[Sequence[Coordinates]]
) -> list[DistanceBand]:
    """Compare two sources over all pairs within each group of places; pairs without a way do not count."""
    told = np.concatenate([_pairs(roads, estimate, group) for group in groups])
    air, slowness, detour, estimated = told.T
    bands = []
    for low, high in pairwise(EDGES_KM):
        within = (air >= low) & (air < high)
        if within.sum() >= FEWEST:
            middle, lowest, highest = np.quantile(slowness[within], [0.5, 0.1, 0.9])
            bands.append(
                DistanceBand(
                    low,
                    high,
                    int(within.sum()),
                    float(middle),
                    float(lowest),
                    float(highest),
                    float(np.median(detour[within])),
                    float(np.median(estimated[within])),
                )
            )
    return bands


def lines_of(bands: Sequence[DistanceBand]) -> Iterator[str]:
    """Yield a table to be printed."""
    yield (
        f"{'air line km':>11} {'pairs':>7} {'time / estimate':>16} {'10 % to 90 %':>13} "
        f"{'detour':>7} {'estimated':>10}"
    )
    for band in bands:
        between = f"{band.low_slowness:.2f}-{band.high_slowness:.2f}"
        yield (
            f"{f'{band.low_km:g}-{band.high_km:g}':>11} {band.pairs:>7} {band.slowness:>16.2f} {between:>13} "
            f"{band.detour:>7.2f} {band.estimated_detour:>10.2f}"
        )


def _groups(seed: int) -> Iterator[list[Coordinates]]:
    facts, random = read_facts(), Random(seed)  # noqa: S311 -- a comparison must repeat
    towns = random.sample(facts.municipalities, _AREAS)
    groups = []
    for town in towns:
        area = Area(facts, town.centre)
        homes = {area.a_home(random).point for _ in range(_HOMES)}
        groups.append(sorted(Coordinates(home.latitude, home.longitude) for home in homes))
    yield from groups
    yield [home for group in groups for home in group[::6]]


def _pairs(roads: TravelSource, estimate: TravelSource, places: Sequence[Coordinates]) -> Floats:
    """Return air kilometres, slowness, detour and estimated detour, shape (pairs, 4)."""
    air = air_kilometres([(place.latitude, place.longitude) for place in places])
    true, guess = roads.travel(places), estimate.travel(places)
    good = (air >= EDGES_KM[0]) & (true.seconds != UNREACHABLE) & (true.metres != UNREACHABLE)
    columns = (
        air[good],
        true.seconds[good] / guess.seconds[good],
        true.metres[good] / (1000 * air[good]),
        guess.metres[good] / (1000 * air[good]),
    )
    return np.stack(columns, axis=1)
