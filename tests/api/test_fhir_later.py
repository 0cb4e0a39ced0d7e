"""`Prefer: respond-async`: taken at once, answered at another address."""

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from api import later
from api.database import open_sessions
from api.routers.fhir import later as answers
from careapp import clock
from careapp.access import Viewer, ViewerRole
from careapp.db import make_sessions
from careapp.jobs.cleaning import forget_old
from careapp.jobs.models import LaterAnswer
from tests.api.test_fhir import is_outcome
from tests.careapp.worlds import World, a_world

ASYNC = {"prefer": "return=representation, respond-async"}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "active": True,
    "name": [{"use": "official", "family": "Spät", "given": ["Anna"]}],
    "gender": "female",
}


@pytest.fixture
def world(engine) -> World:
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def sent(client):
    """Send something that is answered later; return the address of the answer."""

    def sent(method: str, path: str, **more: Any) -> str:
        response = client.request(method, path, headers=ASYNC | more.pop("headers", {}), **more)
        assert (response.status_code, response.content) == (202, b"")
        address: str = response.headers["content-location"]
        assert address.startswith("http://127.0.0.1/fhir/$async-status/")
        return address

    return sent


@pytest.fixture
def fetched(client):
    """Look at an answer until it is there."""

    def fetched(address: str):
        deadline = time.monotonic() + 30
        while (response := client.get(address)).status_code == 202:
            assert time.monotonic() < deadline
        return response

    return fetched


def patient(world: World) -> dict[str, Any]:
    return PATIENT | {"managingOrganization": {"reference": f"Organization/{world.organisation.id}"}}


class TestLaterAnswer:
    def test_is_what_would_have_been_answered(self, client, world, sent, fetched):
        response = fetched(sent("POST", "/fhir/Patient", json=patient(world)))

        made = response.json()
        assert (response.status_code, made["name"]) == (200, PATIENT["name"])
        assert response.headers["content-type"] == "application/fhir+json"
        assert response.headers["location"].endswith(f"/fhir/Patient/{made['id']}/_history/1")
        assert client.get(f"/fhir/Patient/{made['id']}").json() == made

    def test_may_be_a_booking(self, client, world, sent, fetched):
        proposed = {
            "resourceType": "Appointment",
            "status": "proposed",
            "slot": [{"reference": f"Slot/{world.slot.id}"}],
            "start": world.slot.starts_at.isoformat(),
            "end": world.slot.ends_at.isoformat(),
            "participant": [
                {
                    "actor": {"reference": f"Patient/{world.patients[0].id}", "display": "Anna"},
                    "status": "accepted",
                }
            ],
        }

        booked = fetched(sent("POST", "/fhir/Appointment/$book", json=proposed))
        again = fetched(sent("POST", "/fhir/Appointment/$book", json=proposed))

        assert (booked.status_code, booked.json().get("status")) == (200, "booked"), booked.text
        assert again.status_code in {409, 422}
        assert again.json()["resourceType"] == "OperationOutcome"

    def test_may_be_a_refusal(self, client, world, sent, fetched):
        response = fetched(sent("POST", "/fhir/Patient", json=patient(world) | {"gender": "divers"}))

        assert is_outcome(response, 422)

    def test_may_be_to_a_search_in_xml(self, client, world, sent, fetched):
        address = sent("GET", "/fhir/Patient", headers={"accept": "application/fhir+xml"})

        response = fetched(address)

        assert response.headers["content-type"].startswith("application/fhir+xml")
        assert b"<Bundle" in response.content

    def test_can_be_fetched_again_until_it_is_deleted(self, client, world, sent, fetched):
        address = sent("GET", "/fhir/Slot")

        assert fetched(address).json() == fetched(address).json()
        assert client.delete(address).status_code == 202
        assert is_outcome(client.get(address), 404, "not-found")
        assert is_outcome(client.delete(address), 404, "not-found")

    def test_is_for_who_asked(self, client, app, world, sent, fetched, monkeypatch):
        address = sent("GET", "/fhir/Slot")
        fetched(address)
        stranger = Viewer("stranger", ViewerRole.COORDINATOR, world.practice.id)

        with app.state.reading_sessions() as session:
            key = UUID(address.rpartition("/")[2])
            assert session.scalar(answers._visible(key, stranger)) is None

    def test_is_lost_with_the_process(self, client, engine, world, sent, fetched):
        address = sent("GET", "/fhir/Slot")
        fetched(address)
        with make_sessions(engine)() as session:
            long_ago = clock.now() - timedelta(hours=1)
            session.execute(update(LaterAnswer).values(status=None, content=None, lost_at=long_ago))
            session.commit()

        response = client.get(address)

        assert is_outcome(response, 500, "exception")
        assert "look whether it was done" in response.json()["issue"][0]["diagnostics"]

    def test_is_not_there_at_once(self, client, engine, world, sent, fetched):
        address = sent("GET", "/fhir/Slot")
        fetched(address)
        with make_sessions(engine)() as session:
            session.execute(update(LaterAnswer).values(status=None, content=None))
            session.commit()

        response = client.get(address)

        assert (response.status_code, response.headers["retry-after"]) == (202, "1")

    def test_is_forgotten_some_time(self, client, engine, settings, world, sent, fetched):
        address = sent("GET", "/fhir/Slot")
        fetched(address)

        with open_sessions(engine).begin() as session:
            moment = clock.now() + timedelta(hours=settings.answers_keep_h + 1)
            assert forget_old(session, now=moment, settings=settings) == 1

        assert is_outcome(client.get(address), 404, "not-found")


class TestRefusal:
    def test_of_foreign_pages_comes_at_once(self, client):
        response = client.get("/fhir/Slot", headers=ASYNC | {"origin": "https://evil.example"})

        assert is_outcome(response, 403, "forbidden")

    def test_of_what_is_too_large_comes_at_once(self, client, app):
        middleware = {each.cls.__name__: each for each in app.user_middleware}["BodyLimit"]
        body = b" " * (middleware.kwargs["most_fhir_bytes"] + 1)

        response = client.post(
            "/fhir/Patient", content=body, headers=ASYNC | {"content-type": "application/fhir+json"}
        )

        assert is_outcome(response, 413, "too-long")

    def test_of_too_much_at_once(self, client, monkeypatch):
        monkeypatch.setattr(later, "MOST_WAITING", 0)

        response = client.get("/fhir/Slot", headers=ASYNC)

        assert is_outcome(response, 429, "throttled")
        assert int(response.headers["retry-after"]) > 0

    def test_is_not_for_other_parts(self, client, world):
        assert client.get("/api/patients", headers=ASYNC).status_code == 200
        assert is_outcome(client.get("/fhir/$async-status/x", headers=ASYNC), 400)
