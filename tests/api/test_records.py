"""A patient is told who saw or changed what, when and why."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import Request

from api.auth import viewers
from api.database import open_sessions
from careapp import clock
from careapp.access import Viewer, ViewerRole
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import OpeningKind
from tests.careapp.worlds import World, a_world


@pytest.fixture
def world(engine) -> World:
    """The world, written through sessions that keep the FHIR documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def address(world) -> str:
    return f"/api/patients/{world.patients[0].id}/accesses"


@pytest.fixture
def sign_in(app):
    def sign_in(viewer: Viewer) -> None:
        async def signed_in(request: Request) -> Viewer:
            request.scope["careapp.viewer"] = viewer
            return viewer

        app.dependency_overrides[viewers.signed_in] = signed_in

    return sign_in


class TestAccesses:
    def test_say_in_words_who_did_what_and_why(self, client, world, address, sign_in):
        sign_in(Viewer("anna", ViewerRole.COORDINATOR, world.organisation_id))
        client.get(f"/api/visits/{world.visits[0].id}")

        german = client.get(address).json()["items"][0]
        english = client.get(f"{address}?language=en").json()["items"][1]

        assert (german["who"], german["what"], german["why"]) == (
            f"Einsatzleitung, {world.organisation.name}",
            "Hausbesuch: angesehen",
            "Planung der Pflege",
        )
        assert (english["who"], english["what"], english["why"]) == (
            f"coordination, {world.organisation.name}",
            "home visit: looked at",
            "planning of care",
        )

    def test_hold_changes_lists_and_refusals(self, client, world, address):
        client.post(f"/api/visits/{world.visits[0].id}/cancellation", json={"because": "pat"})
        client.get("/api/patients")
        client.get(f"/fhir/Patient/{world.patients[0].id}")

        told = [each["what"] for each in client.get(address).json()["items"]]

        assert told == [
            "Name, Anschrift und Stammdaten: angesehen",
            "Name, Anschrift und Stammdaten: in einer Liste angesehen",
            "Hausbesuch: geändert",
        ]

    def test_tell_of_other_organisations_and_why_the_record_was_open(
        self, client, engine, world, address, sign_in
    ):
        now = clock.now()
        with open_sessions(engine).begin() as session:
            open_record(
                session,
                organisation_id=world.organisation_id,
                patient_id=world.patients[0].id,
                to=ToWhom(world.practice.id),
                kind=OpeningKind.EMERGENCY,
                reason="collapsed in the surgery",
                starts_at=now - timedelta(hours=1),
                ends_at=now + timedelta(hours=1),
                viewer=Viewer("operator", ViewerRole.SYSTEM),
                now=now,
            )
        sign_in(Viewer("doctor", ViewerRole.DOCTOR, world.practice.id, uuid4()))
        client.get(f"/fhir/Patient/{world.patients[0].id}")
        sign_in(Viewer("anna", ViewerRole.COORDINATOR, world.organisation_id))

        first = client.get(f"{address}?language=en").json()["items"][0]

        assert first["who"] == f"doctor, {world.practice.name}"
        assert first["why"] == "emergency: collapsed in the surgery"

    def test_come_in_pages_without_gap_or_repetition(self, client, world, address):
        for _ in range(5):
            client.get(f"/api/patients/{world.patients[0].id}")

        found: list[str] = []
        following = f"{address}?limit=2"
        while following and len(found) < 5:
            page = client.get(following).json()
            found += [each["action"] for each in page["items"]]
            following = page["next"]

        # Each page is an access, too, but comes before those that are left.
        assert found.count("get_patient") >= 3

    def test_are_not_for_other_organisations(self, client, world, address, sign_in):
        sign_in(Viewer("stranger", ViewerRole.COORDINATOR, world.practice.id))

        assert client.get(address).status_code == 404

    @pytest.mark.parametrize("role", [ViewerRole.NURSE, ViewerRole.SUPPORT, ViewerRole.CLIENT])
    def test_are_not_for_every_role(self, client, world, address, sign_in, role):
        sign_in(Viewer("somebody", role, world.organisation_id))

        assert client.get(address).status_code == 403

    def test_of_nobody_are_not_found(self, client, world):
        assert client.get(f"/api/patients/{uuid4()}/accesses").status_code == 404
