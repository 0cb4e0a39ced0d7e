"""Contact wishes, messages and doctors' calendars over HTTP."""

from datetime import datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from api.auth.viewers import signed_in
from careapp.access import Viewer, ViewerRole
from careapp.calendar import Calendar
from careapp.notices.planning import listen
from tests.careapp.worlds import World

WISH = {
    "way": "email",
    "language": "en",
    "email": "erna@mail.example",
    "phone": None,
    "hours_before": [24, 2],
    "wants_invitations": True,
}


class TestContact:
    def test_is_kept_and_shown(self, client: TestClient, world: World) -> None:
        address = f"/api/patients/{world.patients[0].id}/contact"
        before = client.get(address).json()

        put = client.put(address, json=WISH)

        assert before["way"] == "none"
        assert put.json() == client.get(address).json() == WISH

    @pytest.mark.parametrize(
        "wrong",
        [
            {"way": "pigeon"},
            {"way": "email"},
            {"way": "sms", "phone": "x"},
            {"way": "none", "hours_before": [0]},
            {"way": "none", "hours_before": [1, 2, 3, 4]},
            {"way": "email", "email": "hanna@mail.example\u0000"},
        ],
    )
    def test_refuses_what_cannot_be_fulfilled(self, client: TestClient, world: World, wrong) -> None:
        answer = client.put(f"/api/patients/{world.patients[0].id}/contact", json=wrong)

        assert answer.status_code in {400, 422}
        assert "hanna" not in answer.text

    def test_leads_to_messages_that_are_listed(
        self, client: TestClient, world: World, session: Session, now: datetime, calendar: Calendar
    ) -> None:
        patient, slot = world.patients[0], world.slot
        client.put(f"/api/patients/{patient.id}/contact", json=WISH)
        booked = client.post(f"/api/slots/{slot.id}/booking", json={"patient_id": str(patient.id)})
        listen(session, now=now, calendar=calendar)
        session.commit()

        items = client.get(f"/api/patients/{patient.id}/notices").json()["items"]

        assert {each["appointment_id"] for each in items} == {booked.json()["id"]}
        assert {"booked"} <= {each["kind"] for each in items} <= {"booked", "reminder"}


class TestCalendars:
    @pytest.fixture
    def doctor(self, app: FastAPI, client: TestClient, world: World) -> TestClient:
        viewer = Viewer("doctor", ViewerRole.DOCTOR, world.practice.id, world.doctor.practitioner_id)
        app.dependency_overrides[signed_in] = lambda: viewer
        return client

    def test_are_read_under_a_secret_address_until_it_is_revoked(self, doctor: TestClient) -> None:
        made = doctor.post("/api/calendars", json={"language": "de"})
        address = made.json()["address"]
        shown = doctor.get(address)
        (listed,) = doctor.get("/api/calendars").json()["items"]
        revoked = doctor.delete(f"/api/calendars/{listed['id']}")

        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        assert shown.headers["content-type"] == "text/calendar; charset=utf-8"
        assert shown.text.startswith("BEGIN:VCALENDAR\r\n")
        assert "address" not in listed
        assert revoked.status_code == 204
        gone = doctor.get(address)
        assert gone.status_code == 404
        assert address.rsplit("/", 1)[1].removesuffix(".ics") not in gone.text

    def test_need_no_sign_in(self, app: FastAPI, doctor: TestClient) -> None:
        address = doctor.post("/api/calendars", json={}).json()["address"]
        app.dependency_overrides.pop(signed_in)

        assert doctor.get(address).status_code == 200

    def test_have_addresses_that_nobody_guesses(self, client: TestClient) -> None:
        for guess in ("x", "x" * 100, "%00", "ä"):
            assert client.get(f"/calendars/{guess}.ics").status_code == 404

    def test_are_a_doctors(self, client: TestClient) -> None:
        assert client.post("/api/calendars", json={}).status_code == 403
