"""A small world whose documents are kept in step, and what an operation depends on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.config import Settings
from careapp.roads.geocoders import choose_geocoder
from fhir.asking import Asking
from fhir.operations.book import book
from tests.careapp.worlds import EVERYONE, World, a_slot, a_world, moment
from tests.fhir.conftest import BASE, PAGE_KEY

Book = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def world(sessions: sessionmaker[Session]) -> World:
    with sessions.begin() as session:
        return a_world(session)


@pytest.fixture
def asking(now, calendar, tmp_path) -> Asking:
    return Asking(
        viewer=EVERYONE,
        now=now,
        base_url=BASE,
        calendar=calendar,
        geocoder=choose_geocoder(Settings.read(data_dir=tmp_path)),
        page_key=PAGE_KEY,
    )


@pytest.fixture
def slots(sessions, world):
    """Three free slots of 15 minutes that follow each other, from 08:00 UTC."""
    with sessions.begin() as session:
        return [a_slot(session, world.schedule, starts_at=moment(8, 15 * number)) for number in range(3)]


@pytest.fixture
def send(sessions, asking) -> Book:
    """Send something to `$book`; return status and resource."""

    def send(document: dict[str, Any], viewer: Viewer | None = None) -> tuple[int, dict[str, Any]]:
        whose = asking if viewer is None else replace(asking, viewer=viewer)
        with sessions.begin() as session:
            answer = book(session, document, whose)
        return answer.status, orjson.loads(answer.content)

    return send


def an_appointment(patient, *slots, **more: Any) -> dict[str, Any]:
    """Make what a client sends to `$book`, in the shape of gematik's example."""
    return {
        "resourceType": "Appointment",
        "id": "client-own-id",
        "meta": {"tag": [{"code": "external", "system": "http://fhir.de/CodeSystem/common-meta-tag-de"}]},
        "status": "proposed",
        "start": f"{slots[0].starts_at:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{slots[-1].ends_at:%Y-%m-%dT%H:%M:%SZ}",
        "slot": [{"reference": f"Slot/{slot.id}"} for slot in slots],
        "comment": "internal",
        "participant": [
            {
                "actor": {"reference": f"Patient/{patient.id}", "display": "Test Patient"},
                "status": "accepted",
            }
        ],
        "_priority": {
            "extension": [
                {
                    "url": "https://gematik.de/fhir/isik/StructureDefinition/ISiKTerminPriorityExtension",
                    "valueCodeableConcept": {
                        "coding": [{"code": "25876001", "system": "http://snomed.info/sct"}]
                    },
                }
            ]
        },
        **more,
    }


def parameters(**given: Any) -> dict[str, Any]:
    """Make a Parameters resource; an underscore in a name stands for a hyphen."""
    listed = []
    for name, value in given.items():
        key = "resource" if isinstance(value, dict) and "resourceType" in value else "valueReference"
        key = "valueUri" if isinstance(value, str) else key
        listed.append({"name": name.replace("_", "-"), key: value})
    return {"resourceType": "Parameters", "parameter": listed}
