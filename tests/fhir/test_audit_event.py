"""A row of the record as an AuditEvent, after IHE's Basic Audit Log Patterns."""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select

from careapp.records.models import AuditEvent
from fhir.mapping.audit_event import DOCUMENTS, written
from fhir.mapping.audit_shape import BALP, COLUMNS, Recorded, show
from fhir.mapping.elements import Json
from fhir.validation.check import errors

PATIENT, VISIT = UUID(int=1), UUID(int=2)
MOMENT = datetime(2026, 3, 3, 6, 0, 0, 250, tzinfo=UTC)


def shown(**more: Any) -> Json:
    values: dict[str, Any] = {
        "id": UUID(int=9), "at": MOMENT, "viewer": "anna", "role": "nurse", "action": "read_resource",
        "interaction": "read", "outcome": "0", "subject_kind": "Appointment", "subject_id": VISIT,
        "patient_id": PATIENT, "request_id": "ab" * 16, "detail": {"status": 200, "from": "10.0.0.7"},
        "is_synthetic": False,
    }  # fmt: skip
    document = show(Recorded(**values | more))
    assert errors({**document, "meta": {"versionId": "1", **document["meta"]}}) == []
    return document


def agent_of(document: Json, code: str) -> Json:
    (found,) = [each for each in document["agent"] if each["type"]["coding"][0]["code"] == code]
    return dict(found)


def entity_of(document: Json, role: str) -> Json:
    (found,) = [each for each in document["entity"] if each.get("role", {}).get("code") == role]
    return dict(found)


class TestProfiles:
    @pytest.mark.parametrize(
        ("given", "profile"),
        [
            ({}, "PatientRead"),
            ({"patient_id": None}, "Read"),
            ({"interaction": "vread"}, "PatientRead"),
            ({"interaction": "search-type"}, "PatientQuery"),
            ({"interaction": "search-type", "patient_id": None}, "Query"),
            ({"interaction": "create"}, "PatientCreate"),
            ({"interaction": "patch"}, "PatientUpdate"),
            ({"interaction": "delete"}, "PatientDelete"),
        ],
    )
    def test_are_claimed_where_they_fit(self, given, profile):
        claimed = shown(**given)["meta"]["profile"]

        assert claimed == [f"{BALP}StructureDefinition/IHE.BasicAudit.{profile}"]

    @pytest.mark.parametrize(
        "given",
        [
            {"outcome": "4"},
            {"interaction": "operation"},
            {"interaction": "history-instance"},
            {"interaction": None, "request_id": None},
            {"subject_id": None},
            {"detail": {}},
        ],
    )
    def test_are_not_claimed_of_anything_else(self, given):
        assert "profile" not in shown(**given)["meta"]


class TestRead:
    def test_has_the_data_flow_to_whoever_asked(self):
        document = shown()

        assert document["action"] == "R"
        assert agent_of(document, "110153")["who"] == {"display": "careapp"}
        assert agent_of(document, "110152")["network"] == {"address": "10.0.0.7", "type": "2"}

    def test_names_the_person_role_and_purpose(self):
        person = agent_of(shown(), "IRCP")

        assert (person["name"], person["requestor"]) == ("anna", True)
        assert person["role"][0]["coding"][0]["code"] == "nurse"
        assert person["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"

    def test_says_that_the_glass_was_broken(self):
        person = agent_of(shown(detail={"from": "::1", "purpose": "BTG"}), "IRCP")

        assert person["purposeOfUse"][0]["coding"][0]["code"] == "BTG"

    def test_names_what_was_read_and_of_whom(self):
        document = shown()

        assert entity_of(document, "4")["what"] == {"reference": f"Appointment/{VISIT}"}
        assert entity_of(document, "1")["what"] == {"reference": f"Patient/{PATIENT}"}
        assert document["entity"][-1]["what"] == {"identifier": {"value": "ab" * 16}}

    def test_by_another_system_has_no_person(self):
        document = shown(role="client", viewer="hospital")

        assert len(document["agent"]) == 2
        assert agent_of(document, "110152")["who"]["identifier"]["value"] == "hospital"
        assert agent_of(document, "110152")["requestor"] is True


class TestSearch:
    def test_holds_its_query_in_base64_and_no_name(self):
        document = shown(
            interaction="search-type", subject_id=None, detail={"query": "name=#ab12", "from": "10.0.0.7"}
        )

        query = entity_of(document, "24")
        assert b64decode(query["query"]) == b"Appointment?name=#ab12"
        assert not {"what", "name", "detail"} & set(query)
        assert document["action"] == "E"
        assert agent_of(document, "110153")["network"]["address"] == "10.0.0.7"  # the query flows to us


class TestCommand:
    def test_of_a_request_is_the_interaction_that_its_verb_means(self):
        document = shown(action="cancel_visit", interaction=None, subject_kind="visit")

        assert [each["code"] for each in document["subtype"]] == ["update", "cancel_visit"]
        assert entity_of(document, "4")["what"] == {"reference": f"Appointment/{VISIT}"}

    def test_of_a_job_is_an_activity_of_ours(self):
        document = shown(action="propose_tours", interaction=None, request_id=None, subject_kind="plan")

        assert document["type"]["code"] == "110100"
        assert [each["code"] for each in document["subtype"]] == ["propose_tours"]


class TestRefusal:
    def test_says_so(self):
        document = shown(outcome="4")

        assert (document["outcome"], document["outcomeDesc"]) == ("4", "refused, or not there")


class TestStored:
    def test_row_is_shown_as_it_is_read(self, session, viewer, now):
        row = AuditEvent(
            id=UUID(int=5), at=MOMENT, viewer="anna", role="nurse", action="read_resource",
            interaction="read", subject_kind="Appointment", subject_id=VISIT, patient_id=PATIENT,
            request_id="ab" * 16, detail={"status": 200, "from": "10.0.0.7"},
        )  # fmt: skip
        session.add(row)
        session.flush()

        content = session.scalars(select(DOCUMENTS.content).where(DOCUMENTS.id == row.id)).one()

        document = orjson.loads(content)
        assert document["meta"]["versionId"] == "1"
        assert document["meta"]["lastUpdated"] == document["recorded"] == "2026-03-03T06:00:00.000250Z"
        assert errors(document) == []
        expected = shown(id=row.id)
        assert {**document, "meta": {}} == {**expected, "meta": {}}

    def test_array_is_read_whatever_the_database(self):
        facts = {
            "id": "0" * 31 + "5", "at": "2026-03-03 06:00:00.000000", "viewer": "a", "role": None,
            "action": "look", "interaction": None, "outcome": "0", "subject_kind": "visit",
            "subject_id": None, "patient_id": None, "request_id": None, "detail": "{}",
        }  # fmt: skip

        document = orjson.loads(written([*(facts[name] for name in COLUMNS), None]))

        assert document["recorded"] == "2026-03-03T06:00:00Z"
