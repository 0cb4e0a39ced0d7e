"""The waiting list, series, groups and histories through HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest

from api.database import open_sessions
from careapp.config import Settings
from careapp.waiting.line import offer_chances_if_due
from tests.careapp.worlds import a_doctor, a_slot, moment

PERIOD = {"earliest": "2026-03-03T00:00:00+01:00", "latest": "2026-03-04T00:00:00+01:00"}


@pytest.fixture
def booked(client, world):
    body = {"patient_id": str(world.patients[0].id)}
    return client.post(f"/api/slots/{world.slot.id}/booking", json=body).json()


def look(engine, now):
    with open_sessions(engine).begin() as session:
        return offer_chances_if_due(session, now=now, settings=Settings())


class TestTheWaitingList:
    @pytest.fixture
    def entry(self, client, world):
        body = {"patient_id": str(world.patients[1].id), "doctor_id": str(world.doctor.id), **PERIOD}
        return client.post("/api/waiting", json=body)

    def test_keeps_a_time_until_it_is_accepted(self, client, engine, now, world, entry):
        assert entry.status_code == 201
        assert look(engine, now) == 1

        (chance,) = client.get(entry.headers["location"]).json()["chances"]
        answer = client.post(f"/api/chances/{chance['id']}/acceptance", json={"title": "Wundkontrolle"})

        assert (chance["status"], chance["doctor"]["id"]) == ("offered", str(world.doctor.id))
        assert answer.json()["status"] == "accepted"
        booking = client.get(f"/api/bookings/{answer.json()['booking_id']}").json()
        assert (booking["title"], booking["patient_id"]) == ("Wundkontrolle", str(world.patients[1].id))
        (listed,) = client.get("/api/waiting?status=served").json()["items"]
        assert listed["id"] == entry.json()["id"]
        assert client.post(f"/api/chances/{chance['id']}/refusal").status_code == 409

    def test_gives_a_time_back(self, client, engine, now, world, entry):
        look(engine, now)
        (chance,) = client.get(entry.headers["location"]).json()["chances"]

        assert client.post(f"/api/chances/{chance['id']}/refusal").json()["status"] == "declined"
        assert client.get(f"/api/slots/{world.slot.id}").json()["status"] == "free"
        withdrawn = client.post(f"/api/waiting/{entry.json()['id']}/withdrawal")
        assert withdrawn.json()["status"] == "withdrawn"

    def test_refuses_doctor_and_specialty_at_once(self, client, world):
        body = {
            "patient_id": str(world.patients[1].id),
            "doctor_id": str(world.doctor.id),
            "specialty": "ALLG",
        }

        answer = client.post("/api/waiting", json=body | PERIOD)

        assert answer.status_code == 400
        assert "not both" in answer.json()["detail"]


class TestABooking:
    def test_tells_its_history(self, client, booked):
        client.post(f"/api/bookings/{booked['id']}/cancellation", json={"because": "prov"})

        items = client.get(f"/api/bookings/{booked['id']}/history").json()["items"]

        assert [(item["deed"], item["because"]) for item in items] == [
            ("booked", None),
            ("cancelled", "prov"),
        ]
        assert items[1]["before_starts_at"] == booked["starts_at"]
        assert items[1]["starts_at"] is None

    def test_brings_in_more_people(self, client, world, booked):
        address = f"/api/bookings/{booked['id']}/participants"
        nurse = str(world.nurses[0].id)

        added = client.post(address, json={"part": "nurse", "role_id": nurse})
        again = client.post(address, json={"part": "nurse", "role_id": nurse})

        (participant,) = added.json()["items"]
        assert (added.status_code, participant["practitioner"]["name"]) == (201, "Petra Abel")
        assert again.status_code == 409
        assert client.delete(f"{address}/{participant['id']}").status_code == 204
        assert client.get(address).json()["items"] == []
        assert client.delete(f"{address}/{uuid4()}").status_code == 404


class TestAGroup:
    def test_is_booked_at_once(self, client, engine, world):
        with open_sessions(engine).begin() as session:
            colleague = str(a_doctor(session, family_name="Kollege").id)
        body = {
            "slot_ids": [str(world.slot.id)],
            "patient_id": str(world.patients[0].id),
            "participants": [{"part": "doctor", "role_id": colleague}, {"part": "relative"}],
        }

        made = client.post("/api/group-bookings", json=body)

        assert made.status_code == 201
        listed = client.get(f"{made.headers['location']}/participants").json()["items"]
        assert sorted(item["part"] for item in listed) == ["doctor", "relative"]


class TestASeries:
    def test_names_what_cannot_be_had(self, client, engine, world, booked):
        with open_sessions(engine).begin() as session:
            schedule = session.merge(world.schedule, load=False)
            for week in (1, 2):
                a_slot(session, schedule, starts_at=moment(7) + timedelta(weeks=week))
        body = {
            "schedule_id": str(world.schedule.id),
            "patient_id": str(world.patients[1].id),
            "starts_at": "2026-03-03T08:00:00+01:00",
            "ends_at": "2026-03-03T08:15:00+01:00",
            "count": 3,
        }

        whole = client.post("/api/series", json=body)
        part = client.post("/api/series", json=body | {"is_partial": True})

        assert whole.status_code == 409
        assert "2026-03-03" in whole.json()["detail"]
        assert (part.status_code, part.json()["missing"]) == (201, ["2026-03-03"])
        found = client.get(part.headers["location"]).json()
        assert found["booking_ids"] == part.json()["booking_ids"]
        assert len(found["booking_ids"]) == 2
