"""A local day as rows, and the same day as numbers for the planner."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from careapp.errors import Conflict
from careapp.people.models import Preference, PreferenceKind, VehicleKind
from careapp.tours import continuity
from careapp.tours.duties import Bound, Duty, WorkTime, bounds
from careapp.visits.models import Service, Visit, VisitLink
from routing.errors import InvalidTravel
from routing.matrices import Band
from routing.problem import Link, Nurses, Problem, TimeWindow, Travel, Vehicle
from routing.problem import Service as RoutedService
from routing.travel.source import Coordinates, TravelSource, checked
from routing.units import UNREACHABLE

PENALTY_BY_PRIORITY = {1: 2 * 3600, 2: 6 * 3600, 3: 24 * 3600, 4: 240 * 3600}
"""Points of leaving a visit's nurse out: seconds of driving that it is worth to place it."""

MUST_BE = 4
"""Priority of a visit for which a doctor waits, whatever its own is."""

REGION_KM = 500
"""A place farther from the middle of the others is a mistake, mostly latitude and longitude swapped."""


class NothingToPlan(Conflict):
    """The day has no open visit."""


@dataclass(frozen=True)
class Day:
    """What is to be planned on one local day, read in one transaction.

    Attributes:
        date: The local day.
        origin: Where the planner begins to count seconds: twelve hours before local noon. So `7 * 3600` is
            07:00 by the clock also on the days on which it changes, from the change on.
        visits: Open visits with windows, services, skills, patient and home loaded.
        work_times: Shifts without a published tour.
        links: Gaps between visits that are both among `visits`.
        preferences: What is agreed between patients and nurses.
        duties: Of the nurses on the days around it, and published ones of the day itself.
        visits_before: Patient to practitioner to visits in the four weeks before.
        fixed: Visits that carry a booked consultation: first and last start that it leaves them.
    """

    date: date
    origin: datetime
    visits: list[Visit]
    work_times: list[WorkTime]
    links: list[VisitLink]
    preferences: list[Preference]
    duties: list[Duty] = field(default_factory=list)
    visits_before: Mapping[UUID, Mapping[UUID, int]] = field(default_factory=dict)
    fixed: Mapping[UUID, tuple[datetime, datetime]] = field(default_factory=dict)

    @property
    def services(self) -> list[Service]:
        """All services, in the order in which the planner numbers them."""
        return [service for visit in self.visits for service in visit.services]

    def moment(self, seconds: int) -> datetime:
        """Return the moment that the planner calls `seconds`."""
        return self.origin + timedelta(seconds=seconds)

    def to_problem(
        self,
        sources: Mapping[VehicleKind, TravelSource],
        by_hour: Sequence[tuple[datetime, Mapping[VehicleKind, TravelSource]]] = (),
    ) -> Problem:
        """State the day in numbers; services and vehicles are numbered as in `services` and `work_times`.

        A nurse visits patients of her own organisation only. Her shifts are those of one person, with rest
        between them and the duties around the day. Who has not been at a patient lately costs points.

        Args:
            sources: Who knows the ways of each kind of vehicle; asked only for the kinds in use.
            by_hour: Others, each from a moment on until the next; in rising order.

        Raises:
            routing.errors.InvalidProblem: The rows contradict each other.
            routing.errors.TravelError: Travel times cannot be had.
            ShiftsOverlap: Two shifts of one nurse overlap.
        """
        places = _Places(self.unusable_places())
        bound = bounds(self.date, self.work_times, self.duties)
        vehicles = tuple(
            self._vehicle(work_time, places, bound[work_time.shift.role.practitioner_id])
            for work_time in self.work_times
        )
        services = tuple(
            self._service(visit, service, places) for visit in self.visits for service in visit.services
        )
        in_use = {vehicle.travel for vehicle in vehicles}
        nothing = np.zeros((len(places.all), len(places.all)), np.int32)
        unused = Travel(nothing, nothing)
        return Problem(
            services=services,
            vehicles=vehicles,
            travel=tuple(
                self._travel(kind, sources, by_hour, places.all) if number in in_use else unused
                for number, kind in enumerate(VehicleKind)
            ),
            links=tuple(self._links()),
        )

    def _travel(
        self,
        kind: VehicleKind,
        sources: Mapping[VehicleKind, TravelSource],
        by_hour: Sequence[tuple[datetime, Mapping[VehicleKind, TravelSource]]],
        places: Sequence[Coordinates | None],
    ) -> Travel:
        usual = _travel(sources[kind], places)
        if not by_hour:
            return usual
        matrices = {id(others): _travel(others[kind], places).seconds for _, others in by_hour}
        # A way that is lost at some hours is lost all day: a band may be slower, but not without a road.
        lost = np.logical_or.reduce([each == UNREACHABLE for each in (usual.seconds, *matrices.values())])
        matrices = {key: np.where(lost, UNREACHABLE, each) for key, each in matrices.items()}
        bands = [Band(self._seconds(moment), matrices[id(others)]) for moment, others in by_hour]
        return Travel(np.where(lost, UNREACHABLE, usual.seconds), usual.metres, tuple(bands))

    def places(self) -> dict[UUID, tuple[float, float]]:
        """Return all start and end places and homes, as latitude and longitude in degrees."""
        rows = [
            *(place for each in self.work_times for place in (each.shift.start_place, each.shift.end_place)),
            *(visit.patient.known_home for visit in self.visits),
        ]
        return {row.id: (row.latitude, row.longitude) for row in rows}

    def unusable_places(self) -> dict[UUID, str]:
        """Return places whose coordinates cannot be meant, each with what is wrong with them.

        Nobody asks for ways to them; the day goes on without their visits.
        """
        places = self.places()
        known = [place for place in places.values() if any(place)]
        if not known:
            return dict.fromkeys(places, "has no coordinates")
        middle = Coordinates(*np.median(np.array(known), axis=0).tolist())
        wrong = {}
        for place_id, place in places.items():
            if not any(place):
                wrong[place_id] = "has the coordinates 0, 0, which stand for missing ones"
                continue
            try:
                checked([place], around=middle, within_km=REGION_KM)
            except InvalidTravel as away:
                wrong[place_id] = str(away).removeprefix("place 0 ").replace("the region", "all others")
        return wrong

    def _vehicle(self, work_time: WorkTime, places: "_Places", bound: Bound) -> Vehicle:
        shift = work_time.shift
        return Vehicle(
            id=str(shift.id),
            start=places.number(
                shift.start_place_id, shift.start_place.latitude, shift.start_place.longitude
            ),
            end=places.number(shift.end_place_id, shift.end_place.latitude, shift.end_place.longitude),
            shift=self._window(work_time.starts_at, work_time.ends_at),
            skills={skill.skill_code: skill.grade for skill in shift.role.skills},
            max_work=shift.max_work_s,
            travel=list(VehicleKind).index(shift.vehicle),
            nurse=str(shift.role.practitioner_id),
            rest=round(bound.rest.total_seconds()),
            free_since=None if bound.free_since is None else self._seconds(bound.free_since),
            next_duty=None if bound.next_duty is None else self._seconds(bound.next_duty),
            max_day=None if bound.max_day is None else round(bound.max_day.total_seconds()),
        )

    def _service(self, visit: Visit, service: Service, places: "_Places") -> RoutedService:
        agreed = [wish for wish in self.preferences if wish.patient_id == visit.patient_id]
        home = visit.patient.known_home
        return RoutedService(
            id=str(service.id),
            location=places.number(home.id, home.latitude, home.longitude),
            duration=visit.duration_s,
            windows=self._starts(visit),
            skills={skill.skill_code: skill.grade for skill in service.skills},
            visit=str(visit.id),
            allowed=frozenset(
                number
                for number, work_time in enumerate(self.work_times)
                if work_time.shift.organisation_id == visit.organisation_id
            ),
            forbidden=self._vehicles_of(agreed, PreferenceKind.FORBIDDEN),
            preferred=self._vehicles_of(agreed, PreferenceKind.PREFERRED),
            penalty=PENALTY_BY_PRIORITY[MUST_BE if visit.id in self.fixed else visit.priority],
            known=self._known(visit),
        )

    def _starts(self, visit: Visit) -> tuple[TimeWindow, ...]:
        """Return when a visit may start: in its windows, as far as its consultation lets it."""
        windows = [(window.earliest, window.latest) for window in visit.windows]
        if visit.id in self.fixed:
            first, last = self.fixed[visit.id]
            cut = [(max(first, earliest), min(last, latest)) for earliest, latest in windows]
            # What is promised holds, also where the windows were changed afterwards.
            windows = [window for window in cut if window[0] <= window[1]] or [(first, last)]
        return tuple(self._window(*window) for window in windows)

    def _known(self, visit: Visit) -> dict[int, int]:
        """Return what vehicles cost at a patient for continuity, without those that cost nothing."""
        before = self.visits_before.get(visit.patient_id, {})
        costs = {
            number: continuity.points(before, work_time.shift.role.practitioner_id)
            for number, work_time in enumerate(self.work_times)
            if before and work_time.shift.organisation_id == visit.organisation_id
        }
        return {number: points for number, points in costs.items() if points}

    def _vehicles_of(self, agreed: list[Preference], kind: PreferenceKind) -> frozenset[int]:
        roles = {wish.role_id for wish in agreed if wish.kind == kind}
        return frozenset(
            number for number, work_time in enumerate(self.work_times) if work_time.shift.role_id in roles
        )

    def _links(self) -> list[Link]:
        first_service: dict[UUID, int] = {}
        links = []
        number = 0
        for visit in self.visits:
            first_service[visit.id] = number
            links += [
                Link(number, number + other, 0, 0, Nurses.DIFFERENT)
                for other in range(1, len(visit.services))
            ]
            # Each pair of a visit with three or four nurses differs, not only each from the first.
            links += [
                Link(number + one, number + other, 0, 0, Nurses.DIFFERENT)
                for one in range(1, len(visit.services))
                for other in range(one + 1, len(visit.services))
            ]
            number += len(visit.services)
        links += [
            Link(first_service[link.first_id], first_service[link.second_id], link.min_gap_s, link.max_gap_s)
            for link in self.links
        ]
        return links

    def _window(self, earliest: datetime, latest: datetime) -> TimeWindow:
        return TimeWindow(self._seconds(earliest), self._seconds(latest))

    def _seconds(self, moment: datetime) -> int:
        return round((moment - self.origin).total_seconds())


class _Places:
    """Numbers places as they are met, each id once; an unusable one is None."""

    def __init__(self, unusable: Container[UUID]) -> None:
        self.all: list[Coordinates | None] = []
        self._numbers: dict[UUID, int] = {}
        self._unusable = unusable

    def number(self, place_id: UUID, latitude: float, longitude: float) -> int:
        if place_id not in self._numbers:
            self._numbers[place_id] = len(self.all)
            self.all.append(None if place_id in self._unusable else Coordinates(latitude, longitude))
        return self._numbers[place_id]


def _travel(source: TravelSource, places: Sequence[Coordinates | None]) -> Travel:
    """Return the source's travel; no way leads to a place that is None."""
    good = [number for number, place in enumerate(places) if place is not None]
    found = source.travel([place for place in places if place is not None])
    if len(good) == len(places):
        return found
    square = np.ix_(good, good)

    def spread(matrix: NDArray[np.int32]) -> NDArray[np.int32]:
        larger = np.full((len(places), len(places)), UNREACHABLE, dtype=np.int32)
        np.fill_diagonal(larger, 0)
        larger[square] = matrix
        return larger

    return Travel(spread(found.seconds), spread(found.metres))
