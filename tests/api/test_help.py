"""Help across borders, through HTTP: three services, and what each of them hears."""

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.auth.viewers import signed_in
from careapp.access import Viewer, ViewerRole
from careapp.people.models import Role
from tests.careapp.worlds import World, a_nurse, an_organisation, coordinator_of

PATH = "/api/help-requests"

As = Callable[[Viewer], TestClient]


@pytest.fixture
def nurse(session, world: World) -> Role:
    nurse = a_nurse(session, an_organisation(session, name="Pflegedienst Nachbar"), family_name="Nachbar")
    session.commit()
    return nurse


@pytest.fixture
def as_(app: FastAPI, client: TestClient) -> As:
    """Ask as somebody."""

    def ask_as(viewer: Viewer) -> TestClient:
        app.dependency_overrides[signed_in] = lambda: viewer
        return client

    return ask_as


class TestHelp:
    def test_goes_from_the_request_to_the_opening_and_back(self, as_, world, nurse):
        mine, theirs = world.viewer, coordinator_of(nurse.organisation)
        visit = world.visits[0]

        created = as_(mine).post(PATH, json={"visit_id": str(visit.id)})
        assert created.status_code == 201
        path = created.headers["location"]
        seen = as_(theirs).get(path).json()
        offered = as_(theirs).post(
            f"{path}/offers", json={"nurse_id": str(nurse.id), "starts_at": "2026-03-03T08:00:00+01:00"}
        )
        (offer,) = as_(mine).get(path).json()["offers"]
        agreed = as_(mine).post(f"{path}/offers/{offer['id']}/acceptance")
        heard = as_(theirs).get(path).json()
        helper = Viewer("helper", ViewerRole.NURSE, nurse.organisation_id, nurse.practitioner_id)
        another = Viewer("another", ViewerRole.NURSE, nurse.organisation_id, world.nurses[0].practitioner_id)
        day = {"date": "2026-03-03"}
        (hers,) = as_(helper).get("/api/help-visits", params=day).json()["items"]
        nobodys = [as_(each).get("/api/help-visits", params=day).json()["items"] for each in (another, mine)]
        taken_back = as_(theirs).post(f"{path}/offers/{offer['id']}/withdrawal")

        assert created.json()["visit_id"] == str(visit.id)
        assert (seen["visit_id"], seen["cell"], seen["minutes"]) == (None, "51.40,8.00", 20)
        assert (seen["state"], seen["skills"]) == ("open", [{"code": "care", "grade": 2}])
        for secret in (visit.id, visit.patient_id, "Probst", "Musterweg", "51.4057"):
            assert str(secret) not in str(seen)
        assert offered.status_code == 201
        # Whoever asked learns the nurse's name only after agreeing, whoever helps the patient's id.
        assert (offer["status"], offer["nurse"], offer["patient_id"]) == ("offered", None, None)
        assert agreed.json()["state"] == "agreed"
        assert agreed.json()["offers"][0]["nurse"]["name"].endswith("Nachbar")
        assert heard["offers"][0]["patient_id"] == str(visit.patient_id)
        assert heard["offers"][0]["visit_id"] == str(visit.id)
        assert heard["offers"][0]["open_until"] == "2026-03-04T23:00:00Z"
        assert (hers["visit_id"], hers["starts_at"]) == (str(visit.id), "2026-03-03T07:00:00Z")
        assert hers["organisation"]["name"] == "Pflegedienst Probe"
        assert nobodys == [[], []]
        assert taken_back.status_code == 204
        assert as_(mine).get(path).json()["state"] == "open"
        assert as_(mine).post(f"{path}/withdrawal").json()["state"] == "withdrawn"
        assert as_(mine).get(f"/api/visits/{visit.id}").json()["status"] == "proposed"

    def test_opens_the_record_to_the_nurse_and_closes_it(self, as_, world, nurse, now):
        mine, theirs = world.viewer, coordinator_of(nurse.organisation)
        at = now.astimezone(ZoneInfo("Europe/Berlin"))
        helper = Viewer("helper", ViewerRole.NURSE, nurse.organisation_id, nurse.practitioner_id, asked_at=at)
        colleague = replace(helper, practitioner_id=None)
        visit = world.visits[0]
        path = as_(mine).post(PATH, json={"visit_id": str(visit.id)}).headers["location"]
        body = {"nurse_id": str(nurse.id), "starts_at": "2026-03-03T07:00:00Z"}
        offer = as_(theirs).post(f"{path}/offers", json=body).json()["offers"][0]["id"]

        def looks(viewer: Viewer) -> list[int]:
            """What she gets: the patient, the visit, another patient of the service; the visit as FHIR."""
            other = world.visits[1].patient_id
            return [
                as_(viewer).get(address).status_code
                for address in (
                    f"/api/patients/{visit.patient_id}",
                    f"/api/visits/{visit.id}",
                    f"/api/patients/{other}",
                    f"/fhir/Appointment/{visit.id}",
                )
            ]

        before = looks(helper)
        as_(mine).post(f"{path}/offers/{offer}/acceptance")
        agreed, others = looks(helper), looks(colleague)
        as_(mine).post(f"{path}/offers/{offer}/withdrawal")
        after = looks(helper)

        assert before == after == others == [404] * 4
        assert agreed == [200, 200, 404, 200]

    def test_is_listed_a_page_at_a_time(self, as_, world):
        client = as_(world.viewer)
        for visit in world.visits:
            client.post(PATH, json={"visit_id": str(visit.id)})

        first = client.get(PATH, params={"limit": 2, "whose": "own"}).json()
        second = client.get(first["next"]).json()

        assert [len(first["items"]), len(second["items"]), second["next"]] == [2, 1, None]

    def test_of_others_is_answered_by_nobody_else(self, as_, world, nurse):
        path = as_(world.viewer).post(PATH, json={"visit_id": str(world.visits[0].id)}).headers["location"]
        theirs = coordinator_of(nurse.organisation)
        offer = (
            as_(theirs)
            .post(f"{path}/offers", json={"nurse_id": str(nurse.id), "starts_at": "2026-03-03T07:00:00Z"})
            .json()["offers"][0]
        )

        codes = {
            as_(theirs).post(f"{path}/withdrawal").status_code,
            as_(theirs).post(f"{path}/offers/{offer['id']}/acceptance").status_code,
            as_(theirs).post(PATH, json={"visit_id": str(world.visits[1].id)}).status_code,
            as_(theirs).get(f"{PATH}/{offer['id']}").status_code,
        }

        assert codes == {404}

    @pytest.mark.parametrize(
        "role", [ViewerRole.NURSE, ViewerRole.DOCTOR, ViewerRole.AUDITOR, ViewerRole.CLIENT]
    )
    def test_is_the_coordinators(self, as_, world, role):
        client = as_(Viewer("somebody", role, world.organisation_id))

        assert client.get(PATH).status_code == 403
        assert client.post(PATH, json={"visit_id": str(world.visits[0].id)}).status_code == 403
