"""Which source of travel times an installation uses: as the settings say, never exchanged in silence."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from sqlalchemy.orm import Session, sessionmaker

from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.errors import Unavailable
from careapp.people.models import VehicleKind
from careapp.roads.cache import CachedTravel
from careapp.roads.engine import running
from careapp.roads.manifest import BASE, Manifest, RoadsDamaged, current_manifest, read_manifest
from careapp.roads.speeds import slice_of_day, slices_by_hour
from routing.errors import TravelError, TravelUnavailable
from routing.travel.adjusted import AdjustedTravel
from routing.travel.estimate import CarEstimate, EBikeEstimate
from routing.travel.http import PATIENT, Limits, never
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Profile, TravelSource
from routing.travel.valhalla import ValhallaTravel

__all__ = ["ATTRIBUTION", "IMPATIENT", "RoadsFailed", "Sources", "roads_failed", "travel_sources"]

PROFILES: Mapping[VehicleKind, Profile] = {
    VehicleKind.CAR: Profile.CAR,
    VehicleKind.EBIKE: Profile.BICYCLE,
}

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
"""Of the roads of servers."""

E_BIKE_SPEED_UP = 1.2
"""Engines ride a bicycle at 15 km/h on the flat, our estimate an e-bike at 18; not measured."""

_OWN_TABLE = 1_000
"""For our own OSRM, which takes more; with larger requests it searches the roads less often."""

_OSRM_TABLE, _VALHALLA_TABLE = 100, 50
"""What the servers allow by default: `--max-table-size`, the root of `max_matrix_location_pairs`."""


class RoadsFailed(Unavailable):
    """The source that the settings name gives no travel times; no other is taken instead."""


def roads_failed(error: TravelError, *, what: str) -> RoadsFailed:
    """Return the error for people.

    Args:
        error: Of the source; holds no place.
        what: What has not been done, a clause.
    """
    return RoadsFailed(f"{what}: {error}")


IMPATIENT = Limits(timeout_s=10, attempts=2)
"""For somebody who looks at a map and waits."""


@dataclass(frozen=True)
class Sources(Mapping[VehicleKind, TravelSource]):
    """The source of each kind of vehicle, made when it is asked for.

    Attributes:
        settings: Name the source.
        sessions: Factory of writing sessions, for what is kept of an engine's answers; None keeps nothing.
        today: For the date of last use.
        cancel: True ends the asking.
        time_slice: Hours and season of the roads; None: what holds all of `day`. Only data of our own that
            were built for slices have others than `BASE`.
        day: When is travelled.
        limits: How patiently an engine is asked.
        data: Hash of older data of our own that are wanted, if they are still there.
    """

    settings: Settings
    sessions: sessionmaker[Session] | None
    today: date
    cancel: Callable[[], bool] = never
    time_slice: str | None = None
    day: date | None = None
    limits: Limits = PATIENT
    data: str | None = None
    _made: dict[VehicleKind, TravelSource] = field(default_factory=dict, init=False, repr=False)

    def __iter__(self) -> Iterator[VehicleKind]:
        return iter(VehicleKind)

    def __len__(self) -> int:
        return len(VehicleKind)

    def __getitem__(self, kind: VehicleKind) -> TravelSource:
        """Return the source of a kind of vehicle, always the same: new road data wait for other `Sources`.

        Raises:
            routing.errors.TravelUnavailable: The settings name none for it.
            careapp.errors.Unavailable: OSRM's data or programs are not here, or it does not start.
        """
        if kind not in self._made:
            self._made[kind] = self._source(kind)
        return self._made[kind]

    def _source(self, kind: VehicleKind) -> TravelSource:
        settings = self.settings
        factor = settings.travel_speed_factor
        if settings.roads == "estimate":
            safety = settings.travel_safety
            source: TravelSource = (
                EBikeEstimate(safety=safety) if kind is VehicleKind.EBIKE else CarEstimate(safety=safety)
            )
        else:
            profile = PROFILES[kind]
            source = self._engine(profile)
            if self.sessions is not None:
                source = CachedTravel(
                    source,
                    profile,
                    self.sessions,
                    self.today,
                    time_slice=self.slice(),
                    radius_m=settings.snap_radius_m,
                )
            if kind is VehicleKind.EBIKE:
                factor *= E_BIKE_SPEED_UP
        return AdjustedTravel(source, factor, settings.access_s)

    def slice(self) -> str:
        """Return the time slice that the ways are of; travel by hours asks for one after the other."""
        if self.time_slice is not None or self.day is None or self.settings.roads != "osrm":
            return self.time_slice or BASE
        return slice_of_day(self.settings.data_dir, self.day)

    def by_hour(self, calendar: Calendar) -> list[tuple[datetime, "Sources"]]:
        """Return from which moments of the day on other sources hold, and these, all of the same road data.

        There are some only where data of our own were built with slices for some hours.
        """
        if self.settings.roads != "osrm" or self.day is None or self.time_slice is not None:
            return []
        manifest = self._manifest()
        others: dict[str, Sources] = {}
        found = []
        for clock, name in slices_by_hour(manifest, self.day):
            if name not in others:
                others[name] = replace(self, time_slice=name, data=manifest.data)
            found.append((calendar.at(self.day, clock), others[name]))
        return found

    def attribution(self) -> list[str]:
        """Return whom to name beside a line of these roads; nobody for straight ones."""
        if self.settings.roads == "estimate":
            return []
        if self.settings.roads == "osrm":
            return [self._manifest().attribution]
        return [ATTRIBUTION]

    def _manifest(self) -> Manifest:
        """Return the road data in use, or those of `data` where they are still kept."""
        current = current_manifest(self.settings.data_dir)
        if self.data in (None, current.data):
            return current
        for folder in sorted(current.folder.parent.glob("[!.]*")):
            with suppress(RoadsDamaged):  # just being removed
                older = read_manifest(folder)
                if older.data == self.data:
                    return older
        return current

    def _engine(self, profile: Profile) -> TravelSource:
        settings = self.settings
        if settings.roads == "osrm":
            manifest = self._manifest()
            return OsrmTravel(
                running(manifest, profile, self.slice()),
                profile,
                manifest.data,
                radius_m=settings.snap_radius_m,
                table_size=settings.roads_table_size or _OWN_TABLE,
                limits=self.limits,
                cancel=self.cancel,
                kind="osrm-synthetic" if manifest.synthetic else "osrm",
            )
        address = settings.roads_url or ""
        if settings.roads == "valhalla-http":
            return ValhallaTravel(
                address.replace("{profile}", profile),
                profile,
                _data_of(settings),
                radius_m=settings.snap_radius_m,
                table_size=settings.roads_table_size or _VALHALLA_TABLE,
                limits=self.limits,
                cancel=self.cancel,
            )
        if "{profile}" not in address and profile is not Profile.CAR:
            raise TravelUnavailable(
                f"an OSRM server knows one kind of vehicle, and a {profile} is in use: "
                "write {profile} into CAREAPP_ROADS_URL where its servers differ"
            )
        return OsrmTravel(
            address.replace("{profile}", profile),
            profile,
            _data_of(settings),
            radius_m=settings.snap_radius_m,
            table_size=settings.roads_table_size or _OSRM_TABLE,
            limits=self.limits,
            cancel=self.cancel,
        )


def travel_sources(
    settings: Settings,
    *,
    today: date,
    sessions: sessionmaker[Session] | None = None,
    cancel: Callable[[], bool] = never,
    time_slice: str | None = None,
    day: date | None = None,
    limits: Limits = PATIENT,
    data: str | None = None,
) -> Sources:
    """Return who knows the ways of each kind of vehicle; see `Sources`."""
    return Sources(settings, sessions, today, cancel, time_slice, day, limits, data)


def _data_of(settings: Settings) -> str:
    """Hash what the settings say of a server's data."""
    parts = urlsplit(settings.roads_url or "")
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    named = f"{settings.roads} {place} {settings.roads_data_name}"
    return sha256(named.encode()).hexdigest()
