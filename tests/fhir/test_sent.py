"""What other systems sent comes back with every later version of a row's document."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from careapp.people.models import Gender, Patient
from careapp.records.models import SentDocument
from fhir import sent
from fhir.asking import Asking
from fhir.mapping import codes
from tests.careapp.worlds import EVERYONE, a_patient
from tests.keys import content_of


@pytest.fixture
def asking(calendar, now) -> Asking:
    return Asking(
        viewer=EVERYONE,
        now=now,
        base_url="https://care.example/fhir",
        calendar=calendar,
        geocoder=None,  # type: ignore[arg-type]  # nobody looks for an address here
        page_key=bytes(32),
    )


@pytest.fixture
def patient(sessions: sessionmaker[Session]) -> Patient:
    with sessions.begin() as session:
        return a_patient(session)


def document(session: Session, key: UUID) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(content_of(session, "Patient", key))
    return found


SENT = {
    "resourceType": "Patient",
    "id": "theirs",
    "maritalStatus": {"text": "ledig"},
    "name": [{"family": "Probst", "given": ["Paula"], "prefix": ["Prof."]}],
    "generalPractitioner": [{"reference": "https://care.example/fhir/Practitioner/1"}],
}


class TestKeep:
    def test_lays_what_was_sent_over_the_row(self, sessions, patient, asking):
        with sessions.begin() as session:
            sent.keep(session, "Patient", patient.id, SENT, asking)

        with sessions() as session:
            found = document(session, patient.id)
        assert found["id"] == str(patient.id)
        assert found["meta"]["versionId"] == "2"
        assert found["maritalStatus"] == {"text": "ledig"}
        assert found["name"] == [
            {"family": "Probst", "given": ["Paula"], "prefix": ["Prof."], "use": "official"}
        ]
        assert found["generalPractitioner"] == [{"reference": "Practitioner/1"}]
        assert found["gender"] == "female"

    def test_stays_when_the_row_changes(self, sessions, patient, asking):
        with sessions.begin() as session:
            sent.keep(session, "Patient", patient.id, SENT, asking)
        with sessions.begin() as session:
            row = session.get(Patient, patient.id)
            row.family_name, row.gender = "Neu", Gender.MALE

        with sessions() as session:
            found = document(session, patient.id)
        assert found["meta"]["versionId"] == "3"
        assert found["name"][0]["family"] == "Neu"
        assert found["name"][0]["prefix"] == ["Prof."]
        assert found["maritalStatus"] == {"text": "ledig"}

    def test_replaces_what_was_sent_before(self, sessions, patient, asking):
        for text in ("ledig", "verwitwet"):
            with sessions.begin() as session:
                sent.keep(session, "Patient", patient.id, {**SENT, "maritalStatus": {"text": text}}, asking)

        with sessions() as session:
            assert document(session, patient.id)["maritalStatus"] == {"text": "verwitwet"}

    def test_gives_way_to_the_row_where_both_together_break_a_rule(self, sessions, patient, asking):
        with sessions.begin() as session:
            sent.keep(session, "Patient", patient.id, {**SENT, "maritalStatus": "no concept"}, asking)

        with sessions() as session:
            found = document(session, patient.id)
        assert "maritalStatus" not in found
        assert found["meta"]["versionId"] == "1"

    def test_claims_a_profile_only_while_it_holds(self, sessions, patient, asking):
        number = {
            "type": {"coding": [{"system": f"{codes.TERMINOLOGY}v2-0203", "code": "MR"}]},
            "system": "https://klinik.example/pid",
            "value": "4711",
        }
        name = {"use": "official", "family": "Probst", "given": ["Paula"]}
        profiles = ["https://other.example/P", f"{codes.GEMATIK}v3/StructureDefinition/ISiKPatient"]
        claims = {
            **SENT,
            "meta": {"profile": profiles},
            "identifier": [number],
            "name": [name],
        }
        with sessions.begin() as session:
            sent.keep(session, "Patient", patient.id, claims, asking)
        with sessions.begin() as session:
            assert document(session, patient.id)["meta"]["profile"] == profiles
            session.get(Patient, patient.id).birth_date = None  # ISiKPatient demands one

        with sessions() as session:
            found = document(session, patient.id)
        assert found["meta"]["profile"] == ["https://other.example/P"]
        assert found["maritalStatus"] == {"text": "ledig"}

    def test_is_forgotten_with_the_row(self, sessions, patient, asking):
        with sessions.begin() as session:
            sent.keep(session, "Patient", patient.id, SENT, asking)
        with sessions.begin() as session:
            session.delete(session.get(Patient, patient.id))

        with sessions() as session:
            assert session.scalars(select(SentDocument)).all() == []
