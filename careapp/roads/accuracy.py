"""How far the estimate is from the roads of an extract, over whole rounds as nurses drive them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from careapp.errors import Invalid
from careapp.roads.build import Order, build
from careapp.roads.engine import Engine
from careapp.roads.manifest import BASE
from careapp.roads.programs import Programs
from careapp.roads.segments import ROAD_CLASSES, Segments, read_segments
from careapp.roads.steps import Tell
from routing.errors import InvalidTravel
from routing.problem import Travel
from routing.travel.estimate import CarEstimate
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile, TravelSource
from routing.units import UNREACHABLE

__all__ = ["Accuracy", "TooFewPlaces", "draw_places", "measure_accuracy", "measure_extract"]

PLACES = 500
"""Drawn from an extract."""
RADIUS_M = 100
"""They lie at a street; one without a road so near is left out."""

HOMES_LIE_AT = ("residential", "living_street", "unclassified", "tertiary")


class TooFewPlaces(Invalid):
    """An extract has too few places that can be reached from each other."""


@dataclass(frozen=True)
class Accuracy:
    """The estimate against roads.

    Attributes:
        places: Between which the ways were measured.
        rounds: How many were driven.
        stops: Of each, the start not counted.
        road_minutes: Mean time of a round on roads.
        error: Mean absolute error of a round's time, as a part of the time on roads.
        bias: Mean error of a round's time, likewise; below 0 the estimate is too fast.
        length_error: Mean absolute error of a round's length.
        best_factor: On the estimate's times, that would have left no bias.
    """

    places: int
    rounds: int
    stops: int
    road_minutes: float
    error: float
    bias: float
    length_error: float
    best_factor: float


def draw_places(segments: Segments, *, count: int, seed: int) -> list[Coordinates]:
    """Draw places beside streets where people live: the middle of pieces, long ones more often.

    Raises:
        TooFewPlaces: There is no such street.
    """
    numbers = [ROAD_CLASSES.index(name) for name in HOMES_LIE_AT]
    places = segments.places[np.isin(segments.kind, numbers)]
    if not len(places):
        raise TooFewPlaces(f"the extract has no street of {', '.join(HOMES_LIE_AT)}: take another")
    east = np.cos(np.radians(places[:, 0, 1]))
    lengths = np.hypot((places[:, 1, 0] - places[:, 0, 0]) * east, places[:, 1, 1] - places[:, 0, 1])
    drawn = np.random.default_rng(seed).choice(len(places), size=count, p=lengths / lengths.sum())
    middles = places[drawn].mean(axis=1).round(5)
    return sorted({Coordinates(float(latitude), float(longitude)) for longitude, latitude in middles})


def measure_accuracy(
    roads: TravelSource,
    formula: TravelSource,
    places: list[Coordinates],
    *,
    rounds: int,
    stops: int,
    seed: int,
) -> Accuracy:
    """Drive rounds and compare: from a drawn place to the nearest of those left, and back at the end.

    The nearest is that of the estimate, as a planner without roads would have it.

    Args:
        roads: What is taken for true.
        formula: What is judged.
        places: To draw from.
        rounds: How many.
        stops: Of each.
        seed: Of the draws.

    Raises:
        TooFewPlaces: Fewer than a round needs can be reached from each other.
        routing.errors.TravelError: The roads are not at hand.
    """
    true = roads.travel(places)
    joined = _joined(true.seconds)
    if len(joined) <= stops:
        raise TooFewPlaces(
            f"only {len(joined)} of {len(places)} places can be reached from each other: take another extract"
        )
    square = np.ix_(joined, joined)
    true = Travel(true.seconds[square], true.metres[square])
    guess = formula.travel([places[number] for number in joined])
    if rounds < 1 or stops < 1:
        raise InvalidTravel("accuracy: at least one round of one stop")
    random = np.random.default_rng(seed)
    driven = np.zeros((rounds, 4))
    for number in range(rounds):
        legs = _round(guess.seconds, random.choice(len(joined), size=stops + 1, replace=False))
        driven[number] = [
            matrix[legs].sum() for matrix in (true.seconds, guess.seconds, true.metres, guess.metres)
        ]
    seconds, guessed, metres, guessed_metres = driven.T
    return Accuracy(
        places=len(joined),
        rounds=rounds,
        stops=stops,
        road_minutes=float(seconds.mean() / 60),
        error=float(np.abs(guessed / seconds - 1).mean()),
        bias=float((guessed / seconds - 1).mean()),
        length_error=float(np.abs(guessed_metres / metres - 1).mean()),
        best_factor=float(seconds.sum() / guessed.sum()),
    )


def measure_extract(
    extract: Path,
    programs: Programs,
    *,
    factors: Sequence[float],
    rounds: int,
    stops: int,
    seed: int,
    now: datetime,
    tell: Tell,
) -> list[Accuracy]:
    """Judge the car estimate with each safety factor by OSRM's roads of an extract.

    The roads are built in a temporary folder: the data in use stay.

    Raises:
        TooFewPlaces: The extract is too small.
        BadExtract: It is none.
        EngineFailed: OSRM does not start.
    """
    with tempfile.TemporaryDirectory(prefix="careapp-accuracy-") as folder:
        order = Order(extract, (Profile.CAR,), contract=False)
        built = build(order, data_dir=Path(folder), programs=programs, homes=(), now=now, tell=tell)
        manifest = built.manifest
        places = draw_places(read_segments(manifest.folder / "roads.npz"), count=PLACES, seed=seed)
        with Engine(manifest, Profile.CAR, BASE, programs) as engine:
            roads = OsrmTravel(
                engine.start(), Profile.CAR, manifest.data, radius_m=RADIUS_M, table_size=PLACES
            )
            return [
                measure_accuracy(
                    roads, CarEstimate(safety=factor), places, rounds=rounds, stops=stops, seed=seed
                )
                for factor in factors
            ]


def _joined(seconds: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the largest set of places, greedily, that can all be reached from each other."""
    good = np.arange(len(seconds))
    while True:
        cut_off = (seconds[np.ix_(good, good)] == UNREACHABLE).sum(axis=0) + (
            seconds[np.ix_(good, good)] == UNREACHABLE
        ).sum(axis=1)
        if not cut_off.any():
            return good
        good = np.delete(good, cut_off.argmax())


def _round(
    seconds: NDArray[np.int32], drawn: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the origins and destinations of a round that starts and ends at the first place drawn."""
    way, left = [int(drawn[0])], [int(place) for place in drawn[1:]]
    while left:
        way.append(left.pop(int(np.argmin(seconds[way[-1], left]))))
    order = np.array([*way, way[0]])
    return order[:-1], order[1:]
