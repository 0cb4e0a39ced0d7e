"""fhirclient, SMART's client for Python, which brings its own classes for R4."""

import pytest
import requests
from fhirclient.models.appointment import Appointment
from fhirclient.models.patient import Patient
from fhirclient.models.slot import Slot
from fhirclient.server import FHIRNotFoundException, FHIRServer

from tests.clients.conftest import free_slots, get, proposed


@pytest.fixture
def server(fhir):
    found = FHIRServer(None, base_uri=f"{fhir}/")
    found.session.headers["Authorization"] = fhir.bearer
    yield found
    found.session.close()


class TestFhirclient:
    def test_reads_what_the_server_can_do(self, server):
        statement = server.capabilityStatement

        assert statement.fhirVersion == "4.0.1"
        assert {"Appointment", "Slot", "Patient"} <= {each.type for each in statement.rest[0].resource}

    def test_finds_all_slots_page_by_page(self, fhir, server):
        found = list(Slot.where({"status": "free", "_count": "7"}).perform_resources_iter(server))

        total = get(fhir, "Slot?status=free&_summary=count")["total"]
        assert total > 14
        assert len({slot.id for slot in found}) == len(found) == total

    def test_creates_reads_and_updates_a_patient(self, server, patient):
        made = Patient(patient).create(server)
        read = Patient.read(made["id"], server)

        read.name[0].family = "Muster"
        read.update(server)

        again = Patient.read(made["id"], server)
        assert again.name[0].as_json() == {"use": "official", "family": "Muster", "given": ["Berta", "Maria"]}
        assert again.meta.versionId == "2"

    def test_is_told_of_a_conflict(self, server, patient):
        made = Patient(patient).create(server)
        read = Patient.read(made["id"], server)
        read.gender = "other"
        read.update(server)
        server.session.headers["If-Match"] = 'W/"1"'

        read.gender = "male"
        with pytest.raises(requests.HTTPError) as refused:
            read.update(server)

        assert refused.value.response is not None
        assert refused.value.response.status_code == 412
        assert refused.value.response.json()["resourceType"] == "OperationOutcome"
        del server.session.headers["If-Match"]
        assert Patient.read(made["id"], server).gender == "other"

    def test_books_a_slot_once(self, fhir, server, patient):
        made = Patient(patient).create(server)
        slot = free_slots(fhir, 2)[1]

        asked = proposed(slot, made["id"])
        booked = Appointment(server.post_json("Appointment/$book", asked).json())
        with pytest.raises(requests.HTTPError) as refused:
            server.post_json("Appointment/$book", asked)

        assert booked.status == "booked"
        assert Slot.read(slot["id"], server).status == "busy"
        assert refused.value.response is not None
        assert 400 <= refused.value.response.status_code < 500
        assert refused.value.response.json()["issue"][0]["diagnostics"]

    def test_is_told_that_there_is_no_such_resource(self, server):
        with pytest.raises(FHIRNotFoundException):
            Patient.read("00000000-0000-4000-8000-000000000000", server)
