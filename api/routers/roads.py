"""The road data in use, and closed roads."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.auth.policy import EVERYBODY, may
from api.dependencies import DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.shapes import Example, In, Line, Moment, Out, shown_as
from careapp.access import ViewerRole
from careapp.roads import closures
from careapp.roads.areas import Area
from careapp.roads.manifest import Manifest, Profile, find_manifest
from careapp.roads.models import Closure

router = APIRouter(prefix="/api/roads", tags=["roads"])

ESTIMATE = "Travel times are estimated by a formula from the distance as the crow flies: no road is known."
FOREIGN = "Travel times come from a server that is not ours: it cannot be told of closed roads."
NOT_BUILT = "There are no road data yet: run `careapp roads build FILE.osm.pbf`."
CLOSED: Example = {
    "id": "7d2f6a52-10a4-44a0-9a3e-3f7f5e6b9c21",
    "starts_at": "2026-03-03T05:00:00Z",
    "ends_at": "2026-03-03T16:00:00Z",
    "reason": "bridge closed for repair",
    "latitude": 51.2105,
    "longitude": 8.0512,
    "radius_m": 60,
    "polygon": None,
    "profiles": ["car"],
    "is_applied": True,
}


class PointIn(In):
    """A point on the map."""

    model_config = shown_as({"latitude": 51.2105, "longitude": 8.0512})

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class NewClosure(In):
    """Roads to close: around a place, or in a drawn area; `reason` is for people and names nobody."""

    model_config = shown_as(
        {
            "place": {"latitude": 51.2105, "longitude": 8.0512},
            "radius_m": 60,
            "polygon": None,
            "starts_at": "2026-03-03T06:00:00+01:00",
            "ends_at": "2026-03-03T17:00:00+01:00",
            "reason": "bridge closed for repair",
            "profiles": ["car"],
        }
    )

    place: PointIn | None = None
    radius_m: int | None = Field(default=None, ge=5, le=20_000)
    polygon: list[PointIn] | None = Field(default=None, min_length=3, max_length=200)
    starts_at: Moment
    ends_at: Moment | None = None
    reason: Line
    profiles: list[Profile] = Field(default_factory=lambda: list(Profile), min_length=1, max_length=3)

    def area(self) -> Area:
        """Return where it is, not judged yet."""
        return Area(
            middle=None if self.place is None else (self.place.longitude, self.place.latitude),
            radius_m=self.radius_m,
            polygon=tuple((corner.longitude, corner.latitude) for corner in self.polygon or ()),
        )


class ClosureOut(Out):
    """Closed roads; `is_applied` once travel times honour them. Corners are longitude, latitude."""

    model_config = shown_as(CLOSED)

    id: UUID
    starts_at: datetime
    ends_at: datetime | None
    reason: str
    latitude: float | None
    longitude: float | None
    radius_m: int | None
    polygon: list[list[float]] | None
    profiles: list[str]
    is_applied: bool

    @classmethod
    def of(cls, closure: Closure, manifest: Manifest | None) -> "ClosureOut":
        """Show a closure."""
        applied = manifest is not None and str(closure.id) in manifest.closures
        names = (
            "id",
            "starts_at",
            "ends_at",
            "reason",
            "latitude",
            "longitude",
            "radius_m",
            "polygon",
            "profiles",
        )
        return cls(**{name: getattr(closure, name) for name in names}, is_applied=applied)


class RoadsOut(Out):
    """Where travel times come from; what depends on road data of our own is null without them."""

    model_config = shown_as(
        {
            "source": "osrm",
            "is_estimated": False,
            "is_synthetic": False,
            "data": "9f2c1d7a30b4",
            "built_at": "2026-03-01T20:15:00Z",
            "extract": "region.osm.pbf",
            "bounds": [7.3, 50.7, 8.9, 51.7],
            "profiles": ["car", "bicycle", "foot"],
            "slices": ["base", "peak", "winter"],
            "algorithm": "mld",
            "snap_radius_m": 500,
            "attribution": "© OpenStreetMap contributors, ODbL 1.0",
            "note": None,
            "closures": [CLOSED],
        }
    )

    source: str
    is_estimated: bool
    is_synthetic: bool
    data: str | None
    built_at: datetime | None
    extract: str | None
    bounds: list[float] | None
    """West, south, east, north."""
    profiles: list[str]
    slices: list[str]
    algorithm: str | None
    snap_radius_m: int
    attribution: str | None
    note: str | None
    """What to know about it, for people."""
    closures: list[ClosureOut]


@router.get("", responses=problems(503), dependencies=[may(*EVERYBODY)])
def get_roads(session: ReadSession, settings: SettingsDep, viewer: SignedIn, now: Now) -> RoadsOut:
    """Tell where travel times come from, what the road data are made of, and which roads are closed."""
    manifest = find_manifest(settings.data_dir) if settings.roads == "osrm" else None
    found = closures.list_closures(session, viewer=viewer, now=now)
    notes = {"estimate": ESTIMATE, "osrm": NOT_BUILT if manifest is None else None}
    box = None if manifest is None else manifest.extract.bounds
    return RoadsOut(
        source=settings.roads,
        is_estimated=settings.roads == "estimate",
        is_synthetic=manifest is not None and manifest.synthetic,
        data=None if manifest is None else manifest.data,
        built_at=None if manifest is None else manifest.built_at,
        extract=None if manifest is None else manifest.extract.file,
        bounds=None if box is None else [box.west, box.south, box.east, box.north],
        profiles=[] if manifest is None else list(manifest.profiles),
        slices=[] if manifest is None else list(manifest.slices),
        algorithm=None if manifest is None else manifest.algorithm,
        snap_radius_m=settings.snap_radius_m,
        attribution=None if manifest is None else manifest.attribution,
        note=notes.get(settings.roads, FOREIGN),
        closures=[ClosureOut.of(closure, manifest) for closure in found],
    )


@router.post(
    "/closures",
    status_code=201,
    responses=problems(400, 403, 409, 503),
    dependencies=[may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)],
)
def close_roads(
    body: NewClosure, session: DbSession, settings: SettingsDep, viewer: SignedIn, now: Now
) -> ClosureOut:
    """Close roads for a time; within a minute travel times go round them, and `is_applied` says so.

    409 where travel times do not come from road data of our own: nobody else's server can be told.
    """
    closure = closures.add_closure(
        session,
        area=body.area(),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        reason=body.reason,
        profiles=list(dict.fromkeys(body.profiles)),
        settings=settings,
        viewer=viewer,
        now=now,
    )
    return ClosureOut.of(closure, find_manifest(settings.data_dir))


@router.delete(
    "/closures/{closure_id}",
    status_code=204,
    responses=problems(403, 404),
    dependencies=[may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)],
)
def open_roads(closure_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Open closed roads again, before their time or because it had no end."""
    closures.lift_closure(session, closure_id=closure_id, viewer=viewer, now=now)
