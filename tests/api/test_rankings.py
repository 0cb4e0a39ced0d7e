"""A search for a consultation over HTTP, and what is shown and exported of its reasons."""

import csv
from io import StringIO
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.auth.viewers import signed_in
from careapp.access import Viewer, ViewerRole
from fhir import projector
from tests.api.conftest import LOOPBACK

PERIOD = {"from": "2026-03-03T00:00:00+01:00", "to": "2026-03-04T00:00:00+01:00"}
MADE = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}


@pytest.fixture
def coordinator(app, world):
    app.dependency_overrides[signed_in] = lambda: world.viewer
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client


@pytest.fixture
def found(coordinator, world):
    answer = coordinator.post("/api/consultations/search", json=asked(world))
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(world, **more: Any) -> dict[str, Any]:
    return {"patient_id": str(world.patients[0].id), "specialty": "ALLG", **PERIOD, **more}


class TestSearch:
    def test_proposes_times_with_doctor_practice_and_reasons(self, found, world):
        first = found["proposals"][0]

        assert first["practice"] == {"id": str(world.practice.id), "name": "Praxis Probe"}
        assert first["doctor"]["id"] == str(world.doctor.id)
        assert "practice-within-10-km" in first["reasons"]
        assert found["considered"] >= len(found["proposals"])

    def test_offers_the_next_visit_of_a_nurse_for_a_follow_up(self, found, world):
        assert found["follow_up"]["visit"]["visit_id"] == str(world.visits[0].id)
        assert found["follow_up"]["sort"] == "on-visit"

    def test_says_how_to_begin(self, found):
        assert found["link"]["medium"] == "video"

    def test_lets_a_doctor_look_for_a_patient_of_his(self, app, client, world, session):
        booked = client.post(
            f"/api/slots/{world.slot.id}/booking", json={"patient_id": str(world.patients[0].id)}
        )
        assert booked.status_code == 201, booked.text
        doctor = Viewer("d", ViewerRole.DOCTOR, world.practice.id, world.doctor.practitioner_id)
        app.dependency_overrides[signed_in] = lambda: doctor

        answer = client.post("/api/consultations/search", json=asked(world, need=3))

        # nurses are for their own service to send
        assert {each["sort"] for each in answer.json()["proposals"]} == {"video"}
        assert "known-doctor" in answer.json()["proposals"][0]["reasons"]

    @pytest.mark.parametrize(
        "more",
        [
            {"specialty": None},
            {"specialty": "x y"},
            {"from": PERIOD["to"]},
            {"to": "2026-05-01T00:00:00+01:00"},
            {"need": 5},
            {"payer": "AOK"},
            {"skills": [{"code": "fliegen", "grade": 1}]},
            {"sorts": []},
            {"most": 0},
        ],
    )
    def test_refuses_what_makes_no_sense(self, coordinator, world, more):
        answer = coordinator.post("/api/consultations/search", json=asked(world, **more))

        assert answer.status_code in {400, 404, 422}, answer.text


class TestDecisions:
    def test_are_listed_and_shown_in_the_order_that_was_proposed(self, coordinator, found):
        listed = coordinator.get("/api/ranking-decisions", params=MADE).json()["items"]
        shown = coordinator.get(f"/api/ranking-decisions/{found['decision_id']}").json()

        assert listed == [shown]
        assert [(each["schedule"], each["reasons"]) for each in shown["proposals"]] == [
            (each["schedule_id"], each["reasons"]) for each in found["proposals"]
        ]

    def test_are_exported_without_a_person(self, coordinator, found, world):
        answer = coordinator.get("/api/ranking-decisions/export", params=MADE)

        lines = list(csv.DictReader(StringIO(answer.text)))
        assert answer.headers["content-type"].startswith("text/csv")
        assert [line["position"] for line in lines] == [
            str(number) for number in range(1, len(found["proposals"]) + 1)
        ]
        for person in (*world.patients, *world.nurses, world.doctor):
            assert str(person.id) not in answer.text
        assert world.viewer.name not in answer.text

    @pytest.mark.parametrize("to", ["2026-03-02T00:00:00Z", "2026-07-01T00:00:00Z"])
    def test_are_exported_for_three_months_at_most(self, coordinator, to):
        answer = coordinator.get("/api/ranking-decisions/export", params=MADE | {"to": to})

        assert answer.status_code == 400

    def test_stand_in_the_patients_copy_and_go_with_the_patient(
        self, app, coordinator, found, world, session, now
    ):
        projector.rebuild(session, now=now)
        session.commit()
        administrator = Viewer("administrator", ViewerRole.ADMINISTRATOR, world.organisation_id)
        app.dependency_overrides[signed_in] = lambda: administrator
        patient = f"/api/patients/{world.patients[0].id}"

        copy = coordinator.get(f"{patient}/data").json()
        for visit in world.visits:
            coordinator.post(f"/api/visits/{visit.id}/cancellation", json={"because": "pat"})
        erased = coordinator.post(f"{patient}/erasure")

        assert [each["id"] for each in copy["rankings"]] == [found["decision_id"]]
        assert erased.status_code == 202, erased.text
        assert coordinator.get("/api/ranking-decisions").json()["items"] == []
