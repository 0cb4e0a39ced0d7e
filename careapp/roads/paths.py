"""The way of a tour as lines on a map, from the source that planned it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from careapp.errors import Unavailable
from careapp.people.models import VehicleKind
from careapp.roads.choice import RoadsFailed
from careapp.tours.models import Stop, Tour
from routing.errors import TravelError
from routing.travel.source import Coordinates, Leg, TravelSource

__all__ = ["PathUnavailable", "TourLeg", "path_of"]


class PathUnavailable(Unavailable):
    """The roads on which a tour was planned are not at hand."""


@dataclass(frozen=True)
class TourLeg:
    """The way to a stop, or home after the last.

    Attributes:
        stop_id: None for the way home.
        seconds: As planned.
        metres: As planned.
        points: The line; straight where `is_estimated`.
        is_estimated: By a formula, not by roads.
        source: Name of the `routing.travel` source.
        data: Hash of its data.
    """

    stop_id: UUID | None
    seconds: int
    metres: int
    points: tuple[Coordinates, ...]
    is_estimated: bool
    source: str
    data: str


def path_of(tour: Tour, sources: Mapping[VehicleKind, TravelSource]) -> list[TourLeg]:
    """Return the legs of a tour with their lines; asks the source, so hold no transaction.

    Args:
        tour: Loaded with `tours.queries.WITH_STOPS`.
        sources: Of each kind of vehicle, as the settings name them now.

    Raises:
        PathUnavailable: Other roads are in use now than when the tour was planned.
        RoadsFailed: The source does not answer.
    """
    places = [
        tour.shift.start_place,
        *(stop.visit.patient.known_home for stop in tour.stops),
        tour.shift.end_place,
    ]
    points = [Coordinates(place.latitude, place.longitude) for place in places]
    lines: tuple[Leg | None, ...] = (None,) * (len(points) - 1)
    legs: list[Stop | Tour] = [*tour.stops, tour]
    if not all(leg.is_estimated for leg in legs):
        try:
            source = sources[tour.shift.vehicle]
            _refuse_others(legs, source)
            lines = source.path(points).legs
        except TravelError as failed:
            raise RoadsFailed(f"the way of tour {tour.id} cannot be drawn: {failed}") from failed
    return [
        TourLeg(
            stop_id=leg.id if isinstance(leg, Stop) else None,
            seconds=leg.travel_s if isinstance(leg, Stop) else leg.last_leg_s,
            metres=leg.metres if isinstance(leg, Stop) else leg.metres - sum(s.metres for s in tour.stops),
            points=ends if line is None or leg.is_estimated else line.points,
            is_estimated=leg.is_estimated,
            source=leg.travel_source,
            data=leg.travel_data,
        )
        for leg, ends, line in zip(legs, pairwise(points), lines, strict=True)
    ]


def _refuse_others(legs: list[Stop | Tour], source: TravelSource) -> None:
    for leg in legs:
        if not leg.is_estimated and (leg.travel_source, leg.travel_data) != (source.name, source.data):
            raise PathUnavailable(
                f"the tour was planned on roads of {leg.travel_source} (data {leg.travel_data[:12]}), now "
                f"{source.name} (data {source.data[:12]}) is in use: plan the day again to see its ways"
            )
