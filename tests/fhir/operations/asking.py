"""Askings for tests of operations."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from careapp.access import Viewer, ViewerRole
from careapp.calendar import Calendar
from careapp.organisations.models import Organisation
from careapp.roads.places import FoundPlace
from fhir.asking import Asking
from tests.careapp.worlds import EVERYONE
from tests.fhir.conftest import BASE, PAGE_KEY


class NoMap:
    """A geocoder that finds nothing."""

    attribution = ""

    def search(self, text: str, *, limit: int) -> list[FoundPlace]:
        del text, limit
        return []


ASKING = Asking(
    viewer=EVERYONE,
    now=datetime(2026, 3, 2, 17, tzinfo=UTC),
    base_url=BASE,
    calendar=Calendar(ZoneInfo("Europe/Berlin"), "DE-NW"),
    geocoder=NoMap(),
    page_key=PAGE_KEY,
)


def member_of(organisation: Organisation) -> Asking:
    """Ask as somebody who sees one organisation only."""
    return replace(ASKING, viewer=Viewer("member", ViewerRole.COORDINATOR, organisation.id))
