"""Resources sent by another system, through the interactions that every route uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.roads.places import FoundPlace, PlacedBy, Precision
from fhir import projector
from fhir.asking import Asking
from fhir.interactions import writing
from fhir.issues import Rejected
from fhir.read import read
from routing.travel import Coordinates
from tests.careapp.worlds import EVERYONE
from tests.fhir.conftest import BASE, PAGE_KEY

Resource = dict[str, Any]


@dataclass
class Streets:
    """A geocoder that knows some addresses, and remembers what it was asked."""

    known: dict[str, FoundPlace] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    attribution: str = ""

    def search(self, query: str, *, limit: int) -> list[FoundPlace]:
        """Answer with the one address that is known, whatever was asked."""
        self.asked.append(query)
        return list(self.known.values())[:limit]


def a_street(latitude: float = 51.1, longitude: float = 7.9, **parts: str) -> FoundPlace:
    address = {"street": "Am Bach", "house_number": "3", "postal_code": "57462", "city": "Olpe", **parts}
    return FoundPlace(
        label="Am Bach 3, 57462 Olpe",
        place=Coordinates(latitude, longitude),
        precision=Precision.HOUSE,
        score=1.0,
        attribution="",
        source=PlacedBy.GAZETTEER,
        **address,
    )


@dataclass
class Sender:
    """Another system that writes resources.

    Attributes:
        sessions: Writing sessions that the projector follows.
        asking: Who writes, and when.
        streets: What its geocoder knows.
    """

    sessions: sessionmaker[Session]
    asking: Asking
    streets: Streets

    def seen_as(self, viewer: Viewer) -> "Sender":
        return Sender(self.sessions, replace(self.asking, viewer=viewer), self.streets)

    def create(self, document: Mapping[str, Any]) -> Resource:
        """Create a resource, and return it as it is stored."""
        with self.sessions.begin() as session:
            written = writing.create(
                session, kind=document["resourceType"], document=dict(document), asking=self.asking
            )
        return self._stored(document["resourceType"], str(written.id))

    def update(self, document: Mapping[str, Any], **changed: Any) -> Resource:
        """Replace a resource; `changed` elements are set, or left out if None."""
        whole = {name: value for name, value in {**document, **changed}.items() if value is not None}
        with self.sessions.begin() as session:
            writing.update(
                session, kind=whole["resourceType"], id=whole["id"], document=whole, asking=self.asking
            )
        return self._stored(whole["resourceType"], whole["id"])

    def delete(self, document: Mapping[str, Any]) -> None:
        with self.sessions.begin() as session:
            writing.delete(session, kind=document["resourceType"], id=document["id"], asking=self.asking)

    def read(self, kind: str, key: UUID | str) -> Resource:
        with self.sessions() as session:
            found: Resource = orjson.loads(
                read(session, kind=kind, id=str(key), viewer=self.asking.viewer).content
            )
            return found

    def refused(self, document: Mapping[str, Any]) -> Sequence[str | None]:
        """Create or update a resource that is refused; return the places that are named."""
        with pytest.raises(Rejected) as refused:
            (self.update if "id" in document else self.create)(document)
        return [issue.expression for issue in refused.value.issues]

    def _stored(self, kind: str, key: str) -> Resource:
        with self.sessions.begin() as session:
            assert projector.rebuild(session, now=self.asking.now) == 0
        return self.read(kind, key)


@pytest.fixture
def streets() -> Streets:
    return Streets()


@pytest.fixture
def sender(sessions: sessionmaker[Session], calendar: Calendar, now: datetime, streets: Streets) -> Sender:
    asking = Asking(
        viewer=EVERYONE, now=now, base_url=BASE, calendar=calendar, geocoder=streets, page_key=PAGE_KEY
    )
    return Sender(sessions, asking, streets)
