"""Sessions whose documents are kept in step, and searches in short."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.consultations.models import Slot, SlotStatus
from careapp.db import make_reading_sessions, make_sessions
from careapp.people.models import Gender, Patient
from fhir import projector
from fhir.search.query import search
from tests import databases
from tests.careapp.worlds import EVERYONE, a_patient, a_schedule, a_slot, an_organisation
from tests.fhir.rows import Served, a_served_world
from tests.keys import open_engine

BASE = "https://care.example/fhir"
ZONE = ZoneInfo("Europe/Berlin")
PAGE_KEY = bytes(range(32))


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def sessions(engine: Engine, clock: Clock) -> sessionmaker[Session]:
    """Sessions that the projector follows."""
    sessions = make_sessions(engine)
    projector.attach(sessions, clock)
    return sessions


def ids_of(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def link_of(bundle: dict[str, Any], relation: str) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == relation), None)


@dataclass(frozen=True)
class Searched:
    """A world that all tests of search read and none changes.

    Attributes:
        sessions: Reading sessions.
        served: What `a_served_world` builds.
        people: Patients by family name, of another organisation.
        slots: Of a schedule of its own, by name.
        engine: The database.
    """

    sessions: sessionmaker[Session]
    served: Served
    people: dict[str, Patient]
    slots: dict[str, Slot]
    engine: Engine

    def find(
        self,
        kind: str,
        query: str = "",
        *,
        viewer: Viewer = EVERYONE,
        strict: bool = False,
        page_key: bytes = PAGE_KEY,
    ) -> dict[str, Any]:
        """Search, and parse the bundle."""
        with self.sessions() as session:
            content = search(
                session,
                kind=kind,
                query_string=query,
                base_url=BASE,
                viewer=viewer,
                zone=ZONE,
                page_key=page_key,
                strict=strict,
            )
        bundle: dict[str, Any] = orjson.loads(content)
        return bundle

    def names(self, kind: str, query: str, known: Mapping[str, Any]) -> list[str]:
        """Names of those known rows that are found, in their order."""
        name_of = {str(row.id): name for name, row in known.items()}
        return [name_of[key] for key in ids_of(self.find(kind, query)) if key in name_of]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    """The world of search, once for each database."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("search") / "careapp.sqlite"
            shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
            address = f"sqlite:///{path}"
        else:
            server = request.getfixturevalue("postgresql_server")
            address = stack.enter_context(databases.migrated_database(server)).address
        engine = open_engine(address)
        stack.callback(engine.dispose)
        sessions = make_sessions(engine)
        projector.attach(sessions, lambda: datetime(2026, 3, 2, 17, tzinfo=UTC))
        with sessions.begin() as session:
            served = a_served_world(session)
            people = _people(session)
            slots = _slots(session)
        yield Searched(make_reading_sessions(engine), served, people, slots, engine)


def _people(session: Session) -> dict[str, Patient]:
    organisation = an_organisation(session, name="Diakonie Äußere Höhe")
    organisation.is_synthetic = False
    found = {}
    for family, given, born in (
        ("Müller", "Anna Maria", date(1950, 1, 31)),
        ("Mueller", "Änne", date(1950, 2, 1)),
        ("Groß", "Zoë", date(1951, 12, 31)),
        ("Gross-Lindner", "Karl", date(1952, 1, 1)),
        ("O'Hara (geb. [Lee])", "Jo", None),
    ):
        patient = a_patient(session, organisation, family_name=family, given_name=given)
        patient.birth_date, patient.is_synthetic = born, False
        found[family] = patient
    found["Groß"].gender = Gender.MALE
    found["Groß"].insurance_number = "A123456789"
    found["Groß"].phone = "+492931123"
    found["Gross-Lindner"].insurance_number = None
    session.flush()
    return found


def _slots(session: Session) -> dict[str, Slot]:
    schedule = a_schedule(session)
    times = {
        # In Berlin the clock goes from 02:00 to 03:00 on 29 March: that day has 23 hours.
        "before midnight": datetime(2026, 3, 28, 22, 45, tzinfo=UTC),
        "midnight": datetime(2026, 3, 28, 23, tzinfo=UTC),
        "noon": datetime(2026, 3, 29, 10, tzinfo=UTC),
        "last": datetime(2026, 3, 29, 21, 45, tzinfo=UTC),
        "next day": datetime(2026, 3, 29, 22, tzinfo=UTC),
        "april": datetime(2026, 4, 15, 8, tzinfo=UTC),
    }
    found = {name: a_slot(session, schedule, starts_at=starts_at) for name, starts_at in times.items()}
    found["noon"].status = SlotStatus.BUSY
    found["april"].status = SlotStatus.BLOCKED
    session.flush()
    return found
