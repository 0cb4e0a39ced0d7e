"""Patients, care orders and visits through HTTP."""

from uuid import uuid4

import pytest

from api.routers.orders import NEW_ORDER_EXAMPLE
from api.routers.patients import NEW_PATIENT_EXAMPLE
from api.routers.visits import NEW_VISIT_EXAMPLE
from tests.careapp.worlds import a_patient, a_skill


@pytest.fixture
def skills(session):
    for code in ("insulin", "wound-care"):
        a_skill(session, code)
    session.commit()


def without(example: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in example.items() if name not in names}


class TestOrganisations:
    def test_are_listed_by_kind(self, client, world):
        (service,) = client.get("/api/organisations?kind=care-service").json()["items"]

        assert service["id"] == str(world.organisation_id)
        assert len(client.get("/api/organisations").json()["items"]) == 2


class TestAPatientWithoutAHome:
    @pytest.fixture
    def patient(self, session, world):
        patient = a_patient(session)
        patient.home = None
        session.commit()
        return patient

    def test_is_shown_and_cannot_be_visited(self, client, patient, skills):
        address = f"/api/patients/{patient.id}"
        assert client.get(address).json()["home"] is None

        ordered = client.post("/api/orders", json=NEW_ORDER_EXAMPLE | {"patient_id": str(patient.id)})
        moved = client.put(f"{address}/home/point", json={"latitude": 51.2, "longitude": 8.0})

        assert (ordered.status_code, moved.status_code) == (409, 409)
        assert "enter the address first" in ordered.json()["detail"]

    def test_gets_one(self, client, patient):
        home = NEW_PATIENT_EXAMPLE["home"]

        response = client.put(f"/api/patients/{patient.id}/home", json=home)

        assert response.json()["home"] == home
        assert client.put(f"/api/patients/{uuid4()}/home", json=home).status_code == 404


class TestPatients:
    def test_are_taken_in_and_found_again(self, client, world):
        body = NEW_PATIENT_EXAMPLE | {"organisation_id": str(world.organisation_id)}

        response = client.post("/api/patients", json=body)

        patient = response.json()
        assert response.status_code == 201
        assert without(patient, "id", "organisation", "is_active", "is_synthetic", "phone") == without(
            body, "organisation_id"
        )
        assert client.get(response.headers["location"]).json() == patient
        assert patient in client.get("/api/patients?is_active=true").json()["items"]

    def test_are_not_taken_in_by_an_unknown_organisation(self, client):
        assert client.post("/api/patients", json=NEW_PATIENT_EXAMPLE).status_code == 404

    def test_need_a_well_formed_insurance_number(self, client, world):
        body = {"organisation_id": str(world.organisation_id), "insurance_number": "12"}

        response = client.post("/api/patients", json=NEW_PATIENT_EXAMPLE | body)

        assert response.status_code == 400
        assert "capital letter and nine digits" in response.json()["detail"]

    def test_are_listed_in_pages(self, client, world):
        first = client.get("/api/patients?limit=2").json()
        second = client.get(first["next"]).json()

        assert first["next"].startswith("/api/patients?limit=2&after=")
        assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)


class TestOrders:
    def test_are_entered_and_found_again(self, client, world, skills):
        body = NEW_ORDER_EXAMPLE | {"patient_id": str(world.patients[0].id)}

        response = client.post("/api/orders", json=body)

        order = response.json()
        assert response.status_code == 201
        assert order["skills"] == body["skills"]
        assert [window["earliest"] for window in order["windows"]] == ["07:00:00", "17:00:00"]
        assert client.get(response.headers["location"]).json() == order
        mine = client.get(f"/api/orders?patient={world.patients[0].id}").json()["items"]
        assert order in mine
        assert len(mine) == 2

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"recurrence": "FREQ=SOMETIMES"}, "FREQ"),
            ({"skills": [[{"code": "juggling", "grade": 1}]]}, "juggling"),
            ({"min_gap_minutes": 1400}, "gap"),
        ],
    )
    def test_that_make_no_sense_are_refused(self, client, world, skills, change, word):
        body = NEW_ORDER_EXAMPLE | {"patient_id": str(world.patients[0].id)} | change

        response = client.post("/api/orders", json=body)

        assert response.status_code == 400
        assert word in response.json()["detail"]

    def test_name_skills_of_the_common_list(self, client, skills):
        codes = [skill["code"] for skill in client.get("/api/skills").json()["items"]]

        assert codes == ["insulin", "wound-care"]


class TestVisits:
    def test_are_entered_and_found_again(self, client, world, skills):
        body = NEW_VISIT_EXAMPLE | {"patient_id": str(world.patients[0].id)}

        response = client.post("/api/visits", json=body)

        visit = response.json()
        assert response.status_code == 201
        assert visit["windows"] == [{"earliest": "2026-03-03T08:00:00Z", "latest": "2026-03-03T10:00:00Z"}]
        assert (visit["duration_s"], visit["care_order_id"], visit["status"]) == (1500, None, "proposed")
        assert client.get(response.headers["location"]).json() == visit
        found = client.get(f"/api/visits?date=2026-03-03&patient={world.patients[0].id}&status=proposed")
        assert visit in found.json()["items"]

    def test_for_two_nurses_have_two_services(self, client, world, skills):
        services = [{"skills": [{"code": "insulin", "grade": 1}, {"code": "insulin", "grade": 3}]}, {}]
        body = NEW_VISIT_EXAMPLE | {"patient_id": str(world.patients[0].id), "services": services}

        visit = client.post("/api/visits", json=body).json()

        assert visit["services"] == [
            {"number": 0, "skills": [{"code": "insulin", "grade": 3}]},
            {"number": 1, "skills": []},
        ]

    def test_are_cancelled_once(self, client, world):
        address = f"/api/visits/{world.visits[0].id}/cancellation"

        first = client.post(address, json={"because": "pat"})
        second = client.post(address, json={"because": "pat"})

        assert (first.status_code, first.json()["status"]) == (200, "cancelled")
        assert second.status_code == 409
