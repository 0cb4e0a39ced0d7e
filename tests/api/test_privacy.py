"""What an administrator does for a patient; and that nothing says who a patient is where it should not."""

import logging
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.auth.viewers import signed_in
from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.people.models import Patient
from fhir import projector
from tests.api.conftest import LOOPBACK
from tests.careapp.worlds import World

NAMES = ("Geheimrat", "Zuzanna", "02931-774411", "K123456789", "Krähenwinkel", "Kr\\u00e4henwinkel")


@pytest.fixture
def patient(session: Session, world: World, now: datetime) -> Patient:
    patient = session.merge(world.patients[0], load=False)
    patient.family_name, patient.given_name, patient.phone = "Geheimrat", "Zuzanna", "02931-774411"
    patient.insurance_number = "K123456789"
    session.execute(
        update(Appointment)
        .where(Appointment.patient_id == patient.id)
        .values(status=AppointmentStatus.CANCELLED)
    )
    projector.rebuild(session, now=now)
    session.commit()
    return patient


@pytest.fixture
def administrator(app: FastAPI, world: World) -> Iterator[TestClient]:
    viewer = Viewer("administrator", ViewerRole.ADMINISTRATOR, world.organisation_id)
    app.dependency_overrides[signed_in] = lambda: viewer
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client


class TestErasure:
    def test_answers_with_a_receipt_that_is_listed(
        self, administrator: TestClient, patient: Patient, session: Session
    ) -> None:
        answer = administrator.post(f"/api/patients/{patient.id}/erasure")

        assert answer.status_code == 202
        assert answer.json()["patient_id"] == str(patient.id)
        assert administrator.get("/api/erasures").json()["items"] == [answer.json()]
        session.expire_all()
        assert (
            session.scalars(select(Patient).where(Patient.id == patient.id)).one().family_name == "gelöscht"
        )

    def test_is_not_a_coordinators(
        self, administrator: TestClient, app: FastAPI, patient: Patient, world: World
    ) -> None:
        viewer = Viewer("coordinator", ViewerRole.COORDINATOR, world.organisation_id)
        app.dependency_overrides[signed_in] = lambda: viewer

        assert administrator.post(f"/api/patients/{patient.id}/erasure").status_code == 403


class TestRestriction:
    def test_hides_the_patient_and_shows_again(
        self, administrator: TestClient, app: FastAPI, patient: Patient, world: World
    ) -> None:
        address = f"/api/patients/{patient.id}"
        assert administrator.put(f"{address}/restriction").status_code == 204
        assert administrator.get(address).status_code == 200

        viewer = Viewer("coordinator", ViewerRole.COORDINATOR, world.organisation_id)
        app.dependency_overrides[signed_in] = lambda: viewer
        assert administrator.get(address).status_code == 404

        admin = Viewer("administrator", ViewerRole.ADMINISTRATOR, world.organisation_id)
        app.dependency_overrides[signed_in] = lambda: admin
        assert administrator.delete(f"{address}/restriction").status_code == 204


class TestCopy:
    def test_holds_the_record_and_who_looked(self, administrator: TestClient, patient: Patient) -> None:
        answer = administrator.get(f"/api/patients/{patient.id}/data")

        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        found = answer.json()
        assert found["patient_id"] == str(patient.id)
        assert {
            entry["resource"]["resourceType"] for page in found["record"] for entry in page.get("entry", ())
        }
        assert isinstance(found["accesses"], list)


class TestCanary:
    """Names that are asked for, sent wrongly or hit by errors come back only in the record."""

    def test_is_in_no_log_no_error_and_no_link(
        self,
        administrator: TestClient,
        patient: Patient,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong = {
            "resourceType": "Patient",
            "name": [{"family": 7, "given": "Geheimrat"}],
            "birthDate": "Zuzanna",
        }
        answers = [
            administrator.get("/fhir/Patient", params={"name": "Geheimrat", "_count": "1"}),
            administrator.get("/fhir/Patient", params={"name:contains": "eheimr", "_sort": "family"}),
            administrator.get(f"/api/patients/{patient.id}/nothing"),
            administrator.post(
                "/fhir/Patient", json=wrong, headers={"content-type": "application/fhir+json"}
            ),
            administrator.post("/api/patients", json={"family_name": "Geheimrat", "phone": ["02931-774411"]}),
            administrator.put(f"/api/patients/{patient.id}/home/point", json={"latitude": "Krähenwinkel"}),
            administrator.get("/fhir/Patient", params={"identifier": "K123456789"}),
        ]

        assert [each.status_code for each in answers[:2]] == [200, 200]
        assert answers[0].json()["total"] == 1
        refused = "\n".join(each.text for each in answers if each.status_code >= 400)
        links = "\n".join(
            link["url"] for each in answers[:1] for link in each.json()["link"] if link["relation"] != "self"
        )
        printed = "".join(capfd.readouterr())
        logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx2")
        stored = "".join(repr(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())
        for where in (refused, links, printed, re.sub(r"HTTP Request.*", "", logged), stored):
            assert [name for name in NAMES if name in where] == []
