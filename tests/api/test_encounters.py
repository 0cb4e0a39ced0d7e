"""What became of a visit, through HTTP and as FHIR."""

import pytest

from careapp.appointments.models import AppointmentStatus
from careapp.visits.models import Visit
from tests.careapp.worlds import World, moment

PERIOD = {"began_at": "2026-03-02T16:00:00Z", "ended_at": "2026-03-02T16:20:00+00:00"}


@pytest.fixture
def visit(session, world: World) -> Visit:
    visit: Visit = world.visits[0]
    visit.status = AppointmentStatus.BOOKED
    visit.starts_at, visit.ends_at = moment(7), moment(7, 20)
    session.commit()
    return visit


class TestEncounter:
    def test_is_recorded_once_and_shown_as_fhir(self, client, visit, world):
        address = f"/api/appointments/{visit.id}/encounter"
        body = PERIOD | {"practitioner_id": str(world.nurses[0].practitioner_id)}

        first = client.put(address, json={"began_at": PERIOD["began_at"]})
        second = client.put(address, json=body)

        assert (first.status_code, first.json()["ended_at"]) == (200, None)
        assert first.json()["id"] == second.json()["id"]
        found = client.get(f"/fhir/Encounter?appointment={visit.id}").json()["entry"][0]["resource"]
        assert (found["id"], found["status"]) == (second.json()["id"], "finished")
        assert client.get(f"/api/visits/{visit.id}").json()["status"] == "fulfilled"

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"ended_at": "2026-03-02T15:00:00Z"}, 400),
            ({"began_at": "2026-03-02T18:00:00Z", "ended_at": None}, 400),
            ({"practitioner_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02"}, 404),
            ({"began_at": "2026-03-02T16:00:00"}, 422),
        ],
    )
    def test_that_cannot_be_is_refused(self, client, visit, changed, status):
        response = client.put(f"/api/appointments/{visit.id}/encounter", json=PERIOD | changed)

        assert response.status_code == status
        assert client.get(f"/api/visits/{visit.id}").json()["status"] == "booked"

    def test_of_what_nobody_was_promised_is_refused(self, client, world):
        response = client.put(f"/api/appointments/{world.visits[1].id}/encounter", json=PERIOD)

        assert response.status_code == 409

    def test_of_what_is_not_there_is_not_found(self, client, world):
        response = client.put(f"/api/appointments/{world.slot.id}/encounter", json=PERIOD)

        assert response.status_code == 404

    def test_that_another_system_has_sent_is_theirs(self, client, visit):
        sent = client.post(
            "/fhir/Encounter",
            json={
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HH"},
                "subject": {"reference": f"Patient/{visit.patient_id}"},
                "appointment": [{"reference": f"Appointment/{visit.id}"}],
                "period": {"start": "2026-03-02T16:00:00Z"},
            },
            headers={"content-type": "application/fhir+json"},
        )
        assert sent.status_code == 201
        assert client.get(f"/fhir/Appointment/{visit.id}").json()["status"] == "fulfilled"

        response = client.put(f"/api/appointments/{visit.id}/encounter", json=PERIOD)

        assert response.status_code == 409
