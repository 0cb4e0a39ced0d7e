"""What the sources of travel times say about the places of a day, before it is planned and after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from careapp.people.models import VehicleKind
from careapp.tours.day import Day
from careapp.tours.models import Shift
from careapp.visits.models import Visit
from routing.travel.source import Coordinates, TravelSource

OFF_ROAD = "off-road"
"""Stands for a rule where a visit was left out because no road is near."""


@dataclass(frozen=True)
class WayOrigin:
    """Where the travel times of one kind of vehicle come from.

    Attributes:
        source: Name of the `routing.travel` source.
        data: Hash of its data.
        is_estimated: By a formula, not by roads.
    """

    source: str
    data: str
    is_estimated: bool


@dataclass(frozen=True)
class Survey:
    """The places of a day on the roads of each kind of vehicle in use.

    Attributes:
        radius_m: How far from a road a place may lie.
        origins: Where each kind's travel times come from.
        snap_m: Metres from each place to its road; a place at no road is missing.
        unusable: Places whose coordinates cannot be meant, and what is wrong.
    """

    radius_m: int
    origins: Mapping[VehicleKind, WayOrigin]
    snap_m: Mapping[VehicleKind, Mapping[UUID, int]]
    unusable: Mapping[UUID, str]

    @classmethod
    def of(cls, day: Day, sources: Mapping[VehicleKind, TravelSource], *, radius_m: int) -> Self:
        """Ask the sources of the kinds in use where the day's places meet their roads.

        Raises:
            routing.errors.TravelError: A source gives no sensible answer.
        """
        unusable = day.unusable_places()
        places = {
            place_id: Coordinates(*place)
            for place_id, place in day.places().items()
            if place_id not in unusable
        }
        kinds = sorted({work_time.shift.vehicle for work_time in day.work_times})
        snap_m = {}
        for kind in kinds:
            snapped = sources[kind].snap(list(places.values()))
            snap_m[kind] = {
                place_id: each.metres
                for place_id, each in zip(places, snapped, strict=True)
                if each.metres is not None
            }
        origins = {
            kind: WayOrigin(sources[kind].name, sources[kind].data, sources[kind].estimated) for kind in kinds
        }
        return cls(radius_m, origins, snap_m, unusable)

    def names(self) -> str:
        """Name the sources for people."""
        return ", ".join(sorted({origin.source for origin in self.origins.values()}))

    def reason(self, day: Day, visit: Visit) -> str | None:
        """Say why a visit that was left out could not be reached at all; None if a nurse can drive there."""
        home_id = visit.patient.known_home.id
        if home_id in self.unusable:
            return f"the home {self.unusable[home_id]}: correct its place"
        shifts = [
            each.shift for each in day.work_times if each.shift.organisation_id == visit.organisation_id
        ]
        if not shifts:
            return None
        if not any(home_id in self.snap_m[shift.vehicle] for shift in shifts):
            return f"no road within {self.radius_m} m of the home: move its place to its road"
        if not any(self.reaches_road(shift) for shift in shifts):
            return (
                f"no road within {self.radius_m} m of where any nurse of shift {shifts[0].id} "
                "and the others starts or ends: move these places to their roads"
            )
        return None

    def reaches_road(self, shift: Shift) -> bool:
        """Tell whether a shift's start and end both lie at a road for its vehicle."""
        return {shift.start_place_id, shift.end_place_id} <= self.snap_m[shift.vehicle].keys()
