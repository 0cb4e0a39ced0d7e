"""fhirpy, a Python client."""

from typing import Any

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

from tests.clients.conftest import Fhir, free_slots, get, proposed


def client_of(fhir: Fhir, **options: Any) -> SyncFHIRClient:
    return SyncFHIRClient(fhir, authorization=fhir.bearer, **options)


class TestFhirpy:
    def test_finds_all_slots_page_by_page(self, fhir):
        client = client_of(fhir)
        slots = client.resources("Slot").search(status="free").limit(7)

        found = list(slots)

        total = get(fhir, "Slot?status=free&_summary=count")["total"]
        assert total > 14
        assert len({slot.id for slot in found}) == len(found) == total == slots.count()

    def test_creates_reads_and_updates_a_patient(self, fhir, patient):
        client = client_of(fhir)

        made = client.resource("Patient", **_without_kind(patient))
        made.save()
        made["name"][0]["family"] = "Muster"
        made.save()

        read = client.reference("Patient", made.id).to_resource()
        assert read["name"] == [{"use": "official", "family": "Muster", "given": ["Berta", "Maria"]}]
        assert read["meta"]["versionId"] == "2"
        assert read["identifier"] == patient["identifier"]

    def test_is_told_of_a_conflict(self, fhir, patient):
        client = client_of(fhir)
        made = client.resource("Patient", **_without_kind(patient))
        made.save()
        made["gender"] = "other"
        made.save()
        late = client_of(fhir, extra_headers={"If-Match": 'W/"1"'})

        made["gender"] = "male"
        with pytest.raises(MultipleResourcesFound, match="version"):  # its name for every 412
            late.update(made)

        assert client.reference("Patient", made.id).to_resource()["gender"] == "other"

    def test_books_a_slot_once(self, fhir, patient):
        client = client_of(fhir)
        made = client.resource("Patient", **_without_kind(patient))
        made.save()
        slot = free_slots(fhir, 1)[0]

        booked = client.execute("Appointment/$book", method="post", data=proposed(slot, made.id))
        with pytest.raises(OperationOutcome) as refused:
            client.execute("Appointment/$book", method="post", data=proposed(slot, made.id))

        assert booked["status"] == "booked"
        assert booked["slot"] == [{"reference": f"Slot/{slot['id']}"}]
        assert client.reference("Slot", slot["id"]).to_resource()["status"] == "busy"
        issue = refused.value.resource["issue"][0]
        assert issue["severity"] in {"error", "fatal"}
        assert issue["diagnostics"]

    def test_is_told_that_there_is_no_such_resource(self, fhir):
        with pytest.raises(ResourceNotFound):
            client_of(fhir).reference("Patient", "00000000-0000-4000-8000-000000000000").to_resource()


def _without_kind(document):
    return {name: value for name, value in document.items() if name != "resourceType"}
