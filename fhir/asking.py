"""Who asks this server for something, when, and under which address: the surroundings of an interaction."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.roads.places import Geocoder


@dataclass(frozen=True)
class Asking:
    """What an interaction depends on beside the resource itself.

    Attributes:
        viewer: Who asks.
        now: This moment.
        base_url: Address of this server's FHIR part, without a slash at its end.
        calendar: The region's days and holidays; its zone is whose wall clock a time without offset is read
            from.
        geocoder: Finds addresses' points.
        page_key: At least 32 random bytes that seal the links to pages.
        settings: Name the roads, for what is tried in nurses' tours; None: nothing is.
        is_strict: Refuse what is not supported (`Prefer: handling=strict`).
    """

    viewer: Viewer
    now: datetime
    base_url: str
    calendar: Calendar
    geocoder: Geocoder
    page_key: bytes
    is_strict: bool = False
    settings: Settings | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Whose wall clock a time without an offset is read from."""
        return self.calendar.zone
