"""A world, and ways to write, read and search held resources in it."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.roads.geocoders import choose_geocoder
from fhir.asking import Asking
from fhir.read import read
from fhir.search.query import search
from fhir.writers.registry import get_writer
from tests.careapp.worlds import EVERYONE
from tests.fhir.conftest import BASE, PAGE_KEY, ZONE
from tests.fhir.rows import Served, a_served_world

Json = dict[str, Any]


@pytest.fixture
def served(sessions: sessionmaker[Session]) -> Served:
    """The usual world, with nothing held yet."""
    with sessions.begin() as session:
        return a_served_world(session, holds=False)


@pytest.fixture
def asking(calendar: Calendar, now: datetime) -> Asking:
    return Asking(
        viewer=EVERYONE,
        now=now,
        base_url=BASE,
        calendar=calendar,
        geocoder=choose_geocoder(Settings.read()),
        page_key=PAGE_KEY,
    )


class Server:
    """What the routes do, without HTTP: one transaction each."""

    def __init__(self, sessions: sessionmaker[Session], asking: Asking) -> None:
        self.sessions, self.asking = sessions, asking

    def seen_by(self, viewer: Viewer) -> "Server":
        return Server(self.sessions, replace(self.asking, viewer=viewer))

    def create(self, document: Json) -> UUID:
        with self.sessions.begin() as session:
            return get_writer(document["resourceType"], "create").create(session, document, self.asking)

    def update(self, key: UUID, document: Json) -> None:
        with self.sessions.begin() as session:
            get_writer(document["resourceType"], "update").update(session, key, document, self.asking)

    def delete(self, kind: str, key: UUID) -> None:
        with self.sessions.begin() as session:
            get_writer(kind, "delete").delete(session, key, self.asking)

    def read(self, kind: str, key: UUID) -> Json:
        with self.sessions() as session:
            found: Json = orjson.loads(
                read(session, kind=kind, id=str(key), viewer=self.asking.viewer).content
            )
        return found

    def find(self, kind: str, query: str = "") -> list[str]:
        """Search; ids of what is found."""
        with self.sessions() as session:
            content = search(
                session,
                kind=kind,
                query_string=query,
                base_url=BASE,
                viewer=self.asking.viewer,
                zone=ZONE,
                page_key=PAGE_KEY,
                strict=True,
            )
        bundle = orjson.loads(content)
        assert bundle["total"] == len(bundle.get("entry", []))
        return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


@pytest.fixture
def server(sessions: sessionmaker[Session], asking: Asking) -> Server:
    return Server(sessions, asking)
