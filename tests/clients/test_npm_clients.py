"""fhir-kit-client and SMART's fhirclient, which run in Node."""

from tests.clients.conftest import Fhir, free_slots, proposed

RENAMED = [{"use": "official", "family": "Muster", "given": ["Berta", "Maria"]}]


def served(fhir: Fhir) -> dict[str, str]:
    return {"fhir": fhir, "token": fhir.token}


class TestFhirKitClient:
    def test_does_what_a_client_does(self, fhir, node_client, patient):
        slot = free_slots(fhir, 3)[2]

        said = node_client(
            "fhir_kit.mjs",
            **served(fhir),
            patient=patient,
            appointment=proposed(slot, "?"),
            stale='W/"1"',
        )

        assert len(set(said["slots"])) == len(said["slots"]) == said["total"] > 14
        assert said["updated"]["name"] == RENAMED
        assert said["first"]["name"] == patient["name"]
        assert [entry["resource"]["meta"]["versionId"] for entry in said["history"]["entry"]] == ["2", "1"]
        assert said["conflict"]["status"] == 412
        assert said["conflict"]["outcome"]["resourceType"] == "OperationOutcome"
        assert said["patched"]["gender"] == "other"
        assert said["booked"]["status"] == "booked"
        assert said["refused"]["status"] == 409
        assert said["refused"]["outcome"]["issue"][0]["diagnostics"]


class TestSmartClient:
    def test_does_what_a_client_does(self, fhir, node_client, patient):
        slot = free_slots(fhir, 4)[3]

        said = node_client("smart.mjs", **served(fhir), patient=patient, appointment=proposed(slot, "?"))

        assert len(set(said["slots"])) == len(said["slots"]) == said["total"] > 14
        assert said["updated"]["name"] == RENAMED
        assert said["conflict"]["status"] == 412
        assert said["patched"]["gender"] == "other"
        assert said["booked"]["status"] == "booked"
        assert said["refused"]["status"] == 409
        assert said["refused"]["message"]
