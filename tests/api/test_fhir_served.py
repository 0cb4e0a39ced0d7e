"""Everything that the FHIR part serves is valid, although nothing is checked when it is read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from api.database import open_sessions
from api.dependencies import read_now
from careapp.access import SCHEDULER
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.demo.region import build_region
from careapp.migrate import upgrade
from careapp.visits.commands import make_visits
from fhir.discovery.definitions import KINDS
from fhir.mapping.registry import RESOURCES
from fhir.validation.check import errors
from fhir.validation.structure import model_of
from tests.api.conftest import LOOPBACK
from tests.api.operators import app_of_operator
from tests.fhir.rows import a_served_world
from tests.keys import open_engine

Json = dict[str, Any]
NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
LOOKED_AT = 25
"""Of each kind and batch by the library's own models, which are slow."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A demo region, a day's visits, and a small world in which every kind of resource occurs."""
    folder: Path = tmp_path_factory.mktemp("served")
    settings = Settings.read(data_dir=folder)
    engine = open_engine(f"sqlite:///{folder / 'careapp.sqlite'}")
    upgrade(engine)
    calendar = Calendar.of(settings)
    with open_sessions(engine).begin() as session:
        _fill(session, calendar)
    app = app_of_operator(settings, engine=engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: NOW
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client
    engine.dispose()


def _fill(session: Session, calendar: Calendar) -> None:
    day = date(2026, 3, 3)
    build_region(
        session, seed=3, visits=40, nurses=4, first_date=day, calendar=calendar, viewer=SCHEDULER, now=NOW
    )
    make_visits(session, date=day, calendar=calendar, viewer=SCHEDULER, now=NOW)
    a_served_world(session)


def pages(client: TestClient, address: str) -> Iterator[Json]:
    """Follow `next` to the end."""
    following: str | None = address
    while following:
        bundle = client.get(following).json()
        yield bundle
        following = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


class TestEverythingServed:
    @pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
    def test_of_a_kind_is_valid_and_each_page_too(self, client, kind):
        seen = 0
        for bundle in pages(client, f"/fhir/{kind}?_count=200"):
            assert errors(bundle) == []
            for number, entry in enumerate(bundle.get("entry", [])):
                if number < LOOKED_AT:
                    model_of(kind).model_validate(entry["resource"])
                seen += 1
        total = client.get(f"/fhir/{kind}?_summary=count").json()["total"]
        assert seen <= total if kind == "AuditEvent" else seen == total  # to look at looks is a look

    @pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
    def test_is_valid_in_histories(self, client, kind):
        bundle = client.get(f"/fhir/{kind}/_history?_count=50").json()

        assert bundle["type"] == "history"
        assert errors(bundle) == []

    @pytest.mark.parametrize(
        "address",
        ["/fhir/metadata", *(f"/fhir/{kind}" for kind in KINDS), "/fhir/Patient/nobody", "/fhir/Nothing"],
    )
    def test_about_the_server_is_valid(self, client, address):
        document = client.get(address).json()

        assert errors(document) == []
        model_of(document["resourceType"]).model_validate(document)

    @pytest.mark.parametrize(
        "query",
        [
            "Slot?_include=Slot:schedule&_include:iterate=Schedule:actor&_count=20",
            "Appointment?_include=*&_revinclude=*&_count=20",
            "Patient?_revinclude=Appointment:patient&_count=5",
            "Appointment?_elements=status,start&_count=5",
            "Patient?_summary=true&_count=5",
            "Patient?_summary=data&_count=5",
        ],
    )
    def test_is_valid_however_it_is_asked_for(self, client, query):
        bundle = client.get(f"/fhir/{query}").json()

        assert [each for each in errors(bundle) if not _is_cut(bundle, each.expression)] == []

    def test_is_found_where_it_says(self, client):
        for resource in RESOURCES:
            for entry in client.get(f"/fhir/{resource.kind}?_count=2").json().get("entry", []):
                assert client.get(entry["fullUrl"]).json() == entry["resource"]


def _is_cut(bundle: Json, place: str | None) -> bool:
    """Whether the place lies in a resource that was asked for in parts, which says so by its tag."""
    number = int(str(place).partition("[")[2].partition("]")[0])
    tags = bundle["entry"][number]["resource"]["meta"].get("tag", [])
    return any(tag.get("code") == "SUBSETTED" for tag in tags)
