"""Reading one resource, and the two documents that stand for no row."""

from uuid import uuid4

import orjson
import pytest

from careapp.consultations.models import Slot
from careapp.people.models import Patient
from fhir.capability import statement
from fhir.discovery.definitions import KINDS
from fhir.mapping.registry import RESOURCES, UnknownKind
from fhir.outcome import outcome
from fhir.read import DocumentGone, DocumentNotFound, read
from fhir.validation.structure import model_of
from tests.careapp.worlds import EVERYONE, a_patient, a_world, an_organisation, coordinator_of
from tests.fhir.conftest import BASE


class TestRead:
    def test_returns_the_stored_bytes_with_version_and_time(self, searched):
        slot = searched.served.free_slot
        with searched.sessions() as session:
            found = read(session, kind="Slot", id=str(slot.id), viewer=EVERYONE)

        resource = orjson.loads(found.content)
        assert resource["id"] == str(slot.id)
        assert found.version == int(resource["meta"]["versionId"]) == 1
        assert found.updated_at.isoformat() == "2026-03-02T17:00:00+00:00"

    @pytest.mark.parametrize("key", ["unknown", "", "{upper}", "urn:uuid:{id}", "{missing}", "a'b"])
    def test_finds_no_other_spelling_of_an_id(self, searched, key):
        slot = searched.served.free_slot
        text = key.format(upper=str(slot.id).upper(), id=slot.id, missing=uuid4())
        with searched.sessions() as session, pytest.raises(DocumentNotFound):
            read(session, kind="Slot", id=text, viewer=EVERYONE)

    def test_refuses_a_kind_that_is_not_served(self, searched):
        with searched.sessions() as session, pytest.raises(UnknownKind):
            read(session, kind="Observation", id=str(uuid4()), viewer=EVERYONE)

    def test_hides_another_tenants_resource(self, searched):
        world = searched.served.world
        key = str(world.patients[0].id)
        with searched.sessions() as session:
            assert (
                read(session, kind="Patient", id=key, viewer=coordinator_of(world.organisation)).version == 1
            )
            with pytest.raises(DocumentNotFound):
                read(session, kind="Patient", id=key, viewer=coordinator_of(world.practice))

    def test_tells_those_whose_it_was_that_it_was_deleted(self, sessions):
        with sessions.begin() as session:
            patient, stranger = a_patient(session), coordinator_of(an_organisation(session))
        with sessions.begin() as session:
            session.delete(session.get_one(Patient, patient.id))

        with sessions() as session:
            for viewer in (EVERYONE, coordinator_of(patient.organisation)):
                with pytest.raises(DocumentGone, match="was deleted"):
                    read(session, kind="Patient", id=str(patient.id), viewer=viewer)
            with pytest.raises(DocumentNotFound):
                read(session, kind="Patient", id=str(patient.id), viewer=stranger)

    def test_tells_everybody_of_a_deleted_offer(self, sessions):
        with sessions.begin() as session:
            world = a_world(session)
        with sessions.begin() as session:
            session.delete(session.get_one(Slot, world.slot.id))

        with sessions() as session, pytest.raises(DocumentGone):
            read(session, kind="Slot", id=str(world.slot.id), viewer=coordinator_of(world.organisation))


class TestCapabilityStatement:
    def test_is_valid_and_lists_what_the_registry_holds(self, now):
        found = orjson.loads(statement(BASE + "/", "0.1.0", now))

        model_of("CapabilityStatement").model_validate(found)
        assert found["fhirVersion"] == "4.0.1"
        assert found["date"] == "2026-03-02T17:00:00Z"
        assert found["implementation"]["url"] == BASE
        (rest,) = found["rest"]
        assert [each["type"] for each in rest["resource"]] == [*(each.kind for each in RESOURCES), *KINDS]
        slot = next(each for each in rest["resource"] if each["type"] == "Slot")
        assert {(each["name"], each["type"]) for each in slot["searchParam"]} == {
            ("_id", "token"),
            ("_lastUpdated", "date"),
            ("_security", "token"),
            ("_source", "uri"),
            ("_tag", "token"),
            ("identifier", "token"),
            ("_count", "number"),
            ("appointment-type", "token"),
            ("schedule", "reference"),
            ("service-category", "token"),
            ("service-type", "token"),
            ("specialty", "token"),
            ("start", "date"),
            ("status", "token"),
        }
        assert slot["supportedProfile"] == [
            "https://gematik.de/fhir/isik/StructureDefinition/ISiKTerminblock"
        ]

    def test_takes_a_day_too(self, now):
        assert orjson.loads(statement(BASE, "0.1.0", now.date()))["date"] == "2026-03-02"

    @pytest.mark.parametrize(
        ("kind", "names"),
        [
            ("Schedule", ["active", "service-type", "specialty", "actor"]),
            ("Slot", ["schedule", "status", "start"]),
            ("Appointment", ["status", "service-type", "specialty", "date", "slot", "actor"]),
            ("HealthcareService", ["active", "service-type", "specialty", "name"]),
            ("Patient", ["identifier", "name", "family", "given", "birthdate", "gender"]),
        ],
    )
    def test_lists_what_isik_asks_for(self, now, kind, names):
        resources = orjson.loads(statement(BASE, "0.1.0", now))["rest"][0]["resource"]
        found = next(each for each in resources if each["type"] == kind)

        assert {"_id", "_tag", *names} <= {each["name"] for each in found["searchParam"]}


class TestOutcome:
    @pytest.mark.parametrize("expression", [None, "http.start", ["Slot.start", "Slot.end"]])
    def test_is_valid(self, expression):
        found = orjson.loads(outcome("error", "invalid", "start is no date", expression))

        model_of("OperationOutcome").model_validate(found)
        (issue,) = found["issue"]
        assert issue.get("expression") == ([expression] if isinstance(expression, str) else expression)
