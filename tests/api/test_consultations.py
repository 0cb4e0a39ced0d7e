"""Doctors' video slots and their booking through HTTP."""

from concurrent.futures import ThreadPoolExecutor

from api.database import open_sessions
from tests.careapp.worlds import a_slot, moment

PERIOD = "from=2026-03-03T00:00:00%2B01:00&to=2026-03-04T00:00:00%2B01:00"


class TestDoctors:
    def test_are_listed(self, client, world):
        (doctor,) = client.get("/api/doctors").json()["items"]

        assert doctor["id"] == str(world.doctor.id)
        assert doctor["practice"]["id"] == str(world.practice.id)


class TestSlots:
    def test_are_listed_by_period_status_and_doctor(self, client, world):
        (slot,) = client.get(f"/api/slots?{PERIOD}&status=free&doctor={world.doctor.id}").json()["items"]

        assert slot["id"] == str(world.slot.id)
        assert client.get(f"/api/slots/{slot['id']}").json() == slot
        assert client.get(f"/api/slots?{PERIOD}&status=busy").json()["items"] == []

    def test_of_a_period_that_ends_before_it_starts_are_refused(self, client):
        response = client.get("/api/slots?from=2026-03-04T00:00:00Z&to=2026-03-03T00:00:00Z")

        assert response.status_code == 400
        assert "give an end after its start" in response.json()["detail"]


class TestBooking:
    def test_takes_the_slot(self, client, world):
        response = client.post(
            f"/api/slots/{world.slot.id}/booking", json={"patient_id": str(world.patients[0].id)}
        )

        booking = response.json()
        assert response.status_code == 201
        assert booking["slot"]["status"] == "busy"
        assert client.get(response.headers["location"]).json() == booking

    def test_gives_the_slot_to_one_of_many(self, client, world):
        def book(number: int) -> int:
            body = {"patient_id": str(world.patients[number % 3].id)}
            status: int = client.post(f"/api/slots/{world.slot.id}/booking", json=body).status_code
            return status

        with ThreadPoolExecutor(6) as people:
            statuses = sorted(people.map(book, range(6)))

        assert statuses == [201, 409, 409, 409, 409, 409]

    def test_is_refused_inside_a_visit_that_is_not_promised(self, client, world):
        body = {"patient_id": str(world.patients[0].id), "visit_id": str(world.visits[0].id)}

        response = client.post(f"/api/slots/{world.slot.id}/booking", json=body)

        assert response.status_code == 400
        assert "publish the day first" in response.json()["detail"]

    def test_is_given_back_once(self, client, world):
        body = {"patient_id": str(world.patients[0].id)}
        booking = client.post(f"/api/slots/{world.slot.id}/booking", json=body).json()
        address = f"/api/bookings/{booking['id']}/cancellation"

        first = client.post(address, json={"because": "pat"})
        second = client.post(address, json={"because": "pat"})

        assert (first.json()["status"], first.json()["cancelled_because"]) == ("cancelled", "pat")
        assert second.status_code == 409
        assert client.get(f"/api/slots/{world.slot.id}").json()["status"] == "free"

    def test_moves_to_another_slot(self, client, engine, world):
        with open_sessions(engine).begin() as session:
            other = a_slot(session, session.merge(world.schedule, load=False), starts_at=moment(9))
        body = {"patient_id": str(world.patients[0].id)}
        booking = client.post(f"/api/slots/{world.slot.id}/booking", json=body).json()

        moved = client.put(f"/api/bookings/{booking['id']}/slots", json={"slot_ids": [str(other.id)]})

        assert (moved.status_code, moved.json()["id"]) == (200, booking["id"])
        assert moved.json()["slot"]["id"] == str(other.id)
        assert client.get(f"/api/slots/{world.slot.id}").json()["status"] == "free"

    def test_is_confirmed_only_where_it_is_pending(self, client, world):
        body = {"patient_id": str(world.patients[0].id)}
        booking = client.post(f"/api/slots/{world.slot.id}/booking", json=body).json()

        assert client.post(f"/api/bookings/{booking['id']}/confirmation").status_code == 409


class TestHold:
    def test_keeps_a_slot_until_it_is_booked(self, client, world):
        held = client.post(f"/api/slots/{world.slot.id}/hold")

        assert held.status_code == 201
        assert held.json()["slots"][0]["status"] == "busy-tentative"
        assert held.json()["until"] == "2026-03-02T17:05:00Z"  # five minutes after the test's now
        body = {"patient_id": str(world.patients[0].id)}
        address = f"/api/slots/{world.slot.id}/booking"
        assert client.post(address, json=body).status_code == 409
        booked = client.post(address, json=body | {"hold_id": held.json()["id"]})
        assert (booked.status_code, booked.json()["id"]) == (201, held.json()["id"])

    def test_is_given_back(self, client, world):
        held = client.post(f"/api/slots/{world.slot.id}/hold").json()

        assert client.delete(f"/api/holds/{held['id']}").status_code == 204
        assert client.delete(f"/api/holds/{held['id']}").status_code == 404
        assert client.get(f"/api/slots/{world.slot.id}").json()["status"] == "free"
