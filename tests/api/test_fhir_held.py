"""Held resources through every interaction, beside the rows that they refer to."""

import orjson
import pytest
from sqlalchemy import Engine

from api.database import open_sessions
from tests.careapp.worlds import World, a_world

FHIR = "application/fhir+json"
HEADERS = {"content-type": FHIR}
TASKS = "http://example.org/tasks"


@pytest.fixture
def world(engine: Engine) -> World:
    """A world with its documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def task(world):
    return {
        "resourceType": "Task",
        "identifier": [{"system": TASKS, "value": "T-1"}],
        "status": "requested",
        "intent": "order",
        "for": {"reference": f"Patient/{world.patients[0].id}"},
        "description": "Zurückrufen",
    }


def entries(response):
    return [entry["resource"] for entry in response.json().get("entry", [])]


class TestHeldResource:
    def test_is_created_changed_patched_and_deleted(self, client, task):
        made = client.post("/fhir/Task", json=task, headers=HEADERS)
        assert made.status_code == 201
        key = made.json()["id"]

        changed = client.put(
            f"/fhir/Task/{key}",
            json=task | {"id": key, "status": "completed"},
            headers=HEADERS | {"if-match": made.headers["etag"]},
        )
        stale = client.put(
            f"/fhir/Task/{key}",
            json=task | {"id": key},
            headers=HEADERS | {"if-match": made.headers["etag"]},
        )
        patched = client.patch(
            f"/fhir/Task/{key}",
            json=[{"op": "replace", "path": "/description", "value": "Erledigt"}],
            headers={"content-type": "application/json-patch+json"},
        )
        gone = client.delete(f"/fhir/Task/{key}")

        assert [each.status_code for each in (changed, stale, patched)] == [200, 412, 200]
        assert (patched.json()["status"], patched.json()["description"]) == ("completed", "Erledigt")
        assert gone.status_code in {200, 204}
        assert client.get(f"/fhir/Task/{key}").status_code == 410
        assert client.get(f"/fhir/Task/{key}/_history/1").json()["status"] == "requested"
        assert entries(client.get("/fhir/Task?status=completed")) == []

    def test_is_created_once_under_a_condition(self, client, task):
        condition = HEADERS | {"if-none-exist": f"identifier={TASKS}|T-1"}

        first, second = (client.post("/fhir/Task", json=task, headers=condition) for _ in range(2))

        assert (first.status_code, second.status_code) == (201, 200)
        assert len(entries(client.get("/fhir/Task"))) == 1

    def test_is_included_with_what_it_refers_to(self, client, task, world):
        key = client.post("/fhir/Task", json=task, headers=HEADERS).json()["id"]
        patient = str(world.patients[0].id)

        forth = client.get("/fhir/Task?_include=Task:patient")
        back = client.get(f"/fhir/Patient?_id={patient}&_revinclude=Task:patient")

        assert [each["id"] for each in entries(forth)] == [key, patient]
        assert [each["id"] for each in entries(back)] == [patient, key]

    def test_is_made_with_others_in_one_transaction(self, client, task, world):
        relative = {
            "resourceType": "RelatedPerson",
            "patient": {"reference": f"Patient/{world.patients[0].id}"},
            "name": [{"family": "Probst", "given": ["Karl"]}],
        }
        name = "urn:uuid:5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c77"
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "resource": task | {"owner": {"reference": name}},
                    "request": {"method": "POST", "url": "Task"},
                },
                {
                    "fullUrl": name,
                    "resource": relative,
                    "request": {"method": "POST", "url": "RelatedPerson"},
                },
            ],
        }

        response = client.post("/fhir", json=bundle, headers=HEADERS)

        assert response.status_code == 200, response.text
        (person,) = entries(client.get("/fhir/RelatedPerson?name=probst"))
        (found,) = entries(client.get("/fhir/Task?owner:RelatedPerson.name=Karl"))
        assert found["owner"] == {"reference": f"RelatedPerson/{person['id']}"}

    def test_is_written_as_xml_too(self, client, task):
        key = client.post("/fhir/Task", json=task, headers=HEADERS).json()["id"]

        response = client.get(f"/fhir/Task/{key}", headers={"accept": "application/fhir+xml"})

        assert '<description value="Zurückrufen"/>' in response.text

    def test_keeps_its_patient_from_being_deleted(self, client, world):
        patient = {
            "resourceType": "Patient",
            "name": [{"use": "official", "family": "Neu", "given": ["Nora"]}],
            "gender": "female",
            "birthDate": "1950-01-01",
            "managingOrganization": {"reference": f"Organization/{world.organisation_id}"},
        }
        key = client.post("/fhir/Patient", json=patient, headers=HEADERS).json()["id"]
        consent = {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"text": "Video"},
            "category": [{"text": "Video"}],
            "patient": {"reference": f"Patient/{key}"},
            "policyRule": {"text": "Anlage 31b"},
        }
        held = client.post("/fhir/Consent", json=consent, headers=HEADERS)
        assert held.status_code == 201, held.text

        assert client.delete(f"/fhir/Patient/{key}").status_code == 409
        client.delete(f"/fhir/Consent/{held.json()['id']}")
        assert client.delete(f"/fhir/Patient/{key}").status_code in {200, 204}

    def test_keeps_the_digits_of_its_decimals(self, client, task):
        weight = '"input":[{"type":{"text":"kg"},"valueDecimal":1.10}]'
        body = orjson.dumps(task)[:-1] + b"," + weight.encode() + b"}"

        made = client.post("/fhir/Task", content=body, headers=HEADERS)

        assert made.status_code == 201
        assert weight in client.get(f"/fhir/Task/{made.json()['id']}").text

    def test_that_breaks_rules_is_refused_with_their_places(self, client, task):
        response = client.post("/fhir/Task", json=task | {"status": "nonsense"}, headers=HEADERS)

        assert response.status_code == 422
        assert response.json()["issue"][0]["expression"] == ["Task.status"]


class TestAuditEvent:
    def test_is_read_only(self, client, task):
        client.post("/fhir/Task", json=task, headers=HEADERS)

        (event,) = entries(client.get("/fhir/AuditEvent?subtype=hold_resource"))

        assert event["entity"][0]["what"]["reference"].startswith("Task/")
        for response in (
            client.post("/fhir/AuditEvent", json=event, headers=HEADERS),
            client.put(f"/fhir/AuditEvent/{event['id']}", json=event, headers=HEADERS),
            client.delete(f"/fhir/AuditEvent/{event['id']}"),
        ):
            assert response.status_code == 405
