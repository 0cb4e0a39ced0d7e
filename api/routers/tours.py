"""Tours: what each nurse drives on a day, as the coordinator sees it."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth.policy import CARING, may
from api.dependencies import Cal, Now, ReadingSessions, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.shapes import (
    Example,
    IntervalOut,
    LocalDate,
    NamedOut,
    Out,
    PlaceOut,
    nurse_or_doctor,
    patient_of,
    shown_as,
)
from careapp.roads.choice import ATTRIBUTION, IMPATIENT, travel_sources
from careapp.roads.paths import TourLeg, path_of
from careapp.tours import queries
from careapp.tours.models import Stop, Tour, TourStatus, Way

router = APIRouter(prefix="/api/tours", tags=["tours"])

WAY_EXAMPLE: Example = {"source": "osrm-car", "data": "5d41402abc4b2a76", "estimated": False, "snap_m": 12}
STOP_EXAMPLE: Example = {
    "position": 0,
    "visit_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
    "service_number": 0,
    "title": "Insulin",
    "patient": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02", "name": "Erna Beispiel"},
    "place": {
        "street": "Hauptstraße",
        "house_number": "1",
        "postal_code": "57319",
        "city": "Bad Berleburg",
        "district": "Arfeld",
        "latitude": 51.03,
        "longitude": 8.47,
    },
    "arrives_at": "2026-03-03T06:52:10Z",
    "starts_at": "2026-03-03T07:00:00Z",
    "ends_at": "2026-03-03T07:15:00Z",
    "travel_s": 730,
    "metres": 9400,
    "way": WAY_EXAMPLE,
}
TOUR_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c03",
    "date": "2026-03-03",
    "status": "published",
    "published_at": "2026-03-02T17:30:00Z",
    "nurse": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c04", "name": "Anna Muster"},
    "organisation": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c05", "name": "Pflegedienst Beispiel"},
    "shift": {"starts_at": "2026-03-03T05:00:00Z", "ends_at": "2026-03-03T13:00:00Z"},
    "leaves_at": "2026-03-03T06:40:00Z",
    "returns_at": "2026-03-03T07:27:10Z",
    "travel_s": 1460,
    "metres": 18800,
    "waiting_s": 470,
    "last_leg_s": 730,
    "last_way": WAY_EXAMPLE,
    "breaks": [],
    "stops": [STOP_EXAMPLE],
}


class WayOut(Out):
    """Where the seconds and metres of a way come from; `snap_m` lie between its end and the road.

    `source` names who said so, `data` is a hash of his data, `estimated` tells a formula from roads.
    """

    model_config = shown_as(WAY_EXAMPLE)

    source: str
    data: str
    estimated: bool
    snap_m: int | None

    @classmethod
    def of(cls, row: Way, snap_m: int | None) -> Self:
        """Show the origin of a stop's or a tour's leg."""
        return cls(source=row.travel_source, data=row.travel_data, estimated=row.is_estimated, snap_m=snap_m)


class StopOut(Out):
    """One service in a tour; `travel_s` and `metres` are the way from the stop before, `way` its origin."""

    model_config = shown_as(STOP_EXAMPLE)

    position: int
    visit_id: UUID
    service_number: int
    title: str
    patient: NamedOut
    place: PlaceOut
    arrives_at: datetime
    starts_at: datetime
    ends_at: datetime
    travel_s: int
    metres: int
    way: WayOut

    @classmethod
    def of(cls, row: Stop) -> Self:
        """Show a stop loaded with its service, visit, patient and home."""
        return cls(
            position=row.position,
            visit_id=row.visit_id,
            service_number=row.service.number,
            title=row.visit.title,
            patient=patient_of(row.visit.patient),
            place=PlaceOut.model_validate(row.visit.patient.known_home),
            arrives_at=row.arrives_at,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            travel_s=row.travel_s,
            metres=row.metres,
            way=WayOut.of(row, row.snap_m),
        )


class TourOut(Out):
    """A nurse's stops on one shift; `travel_s` and `metres` include the way home, `last_leg_s`."""

    model_config = shown_as(TOUR_EXAMPLE)

    id: UUID
    date: date
    status: TourStatus
    published_at: datetime | None
    nurse: NamedOut
    organisation: NamedOut
    shift: IntervalOut
    leaves_at: datetime
    returns_at: datetime
    travel_s: int
    metres: int
    waiting_s: int
    last_leg_s: int
    last_way: WayOut
    breaks: list[IntervalOut]
    stops: list[StopOut]

    @classmethod
    def of(cls, row: Tour) -> Self:
        """Show a tour loaded with `tours.queries.WITH_STOPS`."""
        return cls(
            id=row.id,
            date=row.date,
            status=row.status,
            published_at=row.published_at,
            nurse=nurse_or_doctor(row.role),
            organisation=NamedOut.model_validate(row.organisation),
            shift=IntervalOut.model_validate(row.shift),
            leaves_at=row.leaves_at,
            returns_at=row.returns_at,
            travel_s=row.travel_s,
            metres=row.metres,
            waiting_s=row.waiting_s,
            last_leg_s=row.last_leg_s,
            last_way=WayOut.of(row, row.end_snap_m),
            breaks=[IntervalOut.model_validate(pause) for pause in row.breaks],
            stops=[StopOut.of(stop) for stop in row.stops],
        )


class ToursOut(Out):
    """All tours that were asked for, in order of leaving; a day's tours need no pages."""

    model_config = shown_as({"items": [TOUR_EXAMPLE]})

    items: list[TourOut]

    @classmethod
    def of(cls, rows: list[Tour]) -> Self:
        """Show tours loaded with `tours.queries.WITH_STOPS`."""
        return cls(items=[TourOut.of(row) for row in rows])


class LineOut(Out):
    """A line of GeoJSON (RFC 7946): pairs of longitude and latitude."""

    type: Literal["LineString"]
    coordinates: list[tuple[float, float]]


class LegPropertiesOut(Out):
    """A leg as it was planned; `stop_id` is null for the way home."""

    stop_id: UUID | None
    seconds: int
    metres: int
    estimated: bool
    source: str
    data: str


class LegOut(Out):
    """One way of a tour, a feature of GeoJSON."""

    type: Literal["Feature"]
    geometry: LineOut
    properties: LegPropertiesOut

    @classmethod
    def of(cls, leg: TourLeg) -> Self:
        """Show a leg."""
        line = [(point.longitude, point.latitude) for point in leg.points]
        return cls(
            type="Feature",
            geometry=LineOut(type="LineString", coordinates=line),
            properties=LegPropertiesOut(
                stop_id=leg.stop_id,
                seconds=leg.seconds,
                metres=leg.metres,
                estimated=leg.is_estimated,
                source=leg.source,
                data=leg.data,
            ),
        )


class TourPathOut(Out):
    """The ways of a tour in their order; `attribution` must stand beside them on a map."""

    model_config = shown_as(
        {
            "type": "FeatureCollection",
            "attribution": [ATTRIBUTION],
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "LineString", "coordinates": [[8.47, 51.03], [8.48, 51.04]]},
                    "properties": {
                        "stop_id": None,
                        "seconds": 730,
                        "metres": 9400,
                        "estimated": False,
                        "source": "osrm-car",
                        "data": "5d41402abc4b2a76",
                    },
                }
            ],
        }
    )

    type: Literal["FeatureCollection"]
    attribution: list[str]
    features: list[LegOut]

    @classmethod
    def of(cls, legs: list[TourLeg], attribution: list[str]) -> Self:
        """Show the legs of a tour; nobody is named for straight lines only."""
        return cls(
            type="FeatureCollection",
            attribution=[] if all(leg.is_estimated for leg in legs) else attribution,
            features=[LegOut.of(leg) for leg in legs],
        )


@router.get("", dependencies=[may(*CARING)])
def list_tours(
    session: ReadSession,
    viewer: SignedIn,
    date: Annotated[LocalDate, Query(description="The local day.")],
    nurse: Annotated[UUID | None, Query(description="Only this nurse's tours.")] = None,
) -> ToursOut:
    """List a day's tours with their stops, proposed and published."""
    return ToursOut.of(queries.list_tours(session, date=date, viewer=viewer, nurse_id=nurse))


@router.get("/{tour_id}", responses=problems(404), dependencies=[may(*CARING)])
def get_tour(tour_id: UUID, session: ReadSession, viewer: SignedIn) -> TourOut:
    """Show one tour with its stops and breaks."""
    return TourOut.of(queries.get_tour(session, tour_id=tour_id, viewer=viewer))


@router.get("/{tour_id}/path", responses=problems(404, 503), dependencies=[may(*CARING)])
def get_tour_path(
    tour_id: UUID,
    sessions: ReadingSessions,
    settings: SettingsDep,
    calendar: Cal,
    viewer: SignedIn,
    now: Now,
) -> TourPathOut:
    """Draw a tour's ways as GeoJSON, on the roads it was planned on; straight where they were estimated."""
    with sessions.begin() as session:  # ends before the road engine is asked
        tour = queries.get_tour(session, tour_id=tour_id, viewer=viewer)
    sources = travel_sources(
        settings, today=calendar.local_date(now), day=tour.date, limits=IMPATIENT, data=tour.travel_data
    )
    legs = path_of(tour, sources)
    return TourPathOut.of(legs, sources.attribution())
