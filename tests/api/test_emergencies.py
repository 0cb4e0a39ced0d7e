"""Breaking the glass, letting support in, and figures: through HTTP, on both databases."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine

from careapp.config import Settings
from careapp.figures import LEAST_PERSONS
from tests.api.matrices import Matrix, a_matrix

REASON = "vom Nachbarn gerufen, Sturz auf der Treppe"


@pytest.fixture
def matrix(settings: Settings, engine: Engine, now: datetime) -> Iterator[Matrix]:
    with a_matrix(settings, engine, now) as matrix:
        yield matrix


class TestAnEmergency:
    def test_opens_a_foreign_patients_record_to_one_nurse_and_tells_the_coordinator(self, matrix):
        patient = matrix.foreign.world.patients[0].id
        before = matrix.ask("n", "GET", f"/api/patients/{patient}").status_code
        declared = matrix.ask(
            "n", "POST", "/api/emergencies", json={"patient_id": str(patient), "reason": REASON}
        )
        hers = matrix.ask("n", "GET", f"/api/patients/{patient}").status_code
        in_fhir = matrix.ask("n", "GET", f"/fhir/Patient/{patient}").status_code
        orders = matrix.ask("n", "GET", f"/fhir/ServiceRequest?subject=Patient/{patient}").json()["total"]
        others = [matrix.ask(who, "GET", f"/api/patients/{patient}").status_code for who in "cd"]

        assert (before, declared.status_code, hers, in_fhir) == (404, 201, 200, 200)
        assert orders >= 1
        assert others == [404, 404]
        assert declared.json()["reason"] == REASON

    def test_opens_a_patient_of_the_same_service_and_is_in_its_list_until_it_is_closed(self, matrix):
        patient = matrix.own.world.patients[2].id  # on no tour of hers
        before = matrix.ask("n", "GET", f"/api/patients/{patient}").status_code
        made = matrix.ask(
            "n", "POST", "/api/emergencies", json={"patient_id": str(patient), "reason": REASON}
        ).json()
        during = matrix.ask("n", "GET", f"/api/patients/{patient}").status_code
        listed = matrix.ask("c", "GET", "/api/emergencies").json()["items"]
        closed = matrix.ask("c", "POST", f"/api/emergencies/{made['id']}/closure")
        after = matrix.ask("n", "GET", f"/api/patients/{patient}").status_code

        assert (before, during, closed.status_code, after) == (404, 200, 200, 404)
        assert [each["id"] for each in listed] == [made["id"]]

    def test_about_nobody_is_refused(self, matrix):
        nobody = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02"

        answer = matrix.ask("n", "POST", "/api/emergencies", json={"patient_id": nobody, "reason": REASON})

        assert answer.status_code == 404


class TestSupport:
    def test_sees_nothing_once_its_grant_has_ended(self, matrix):
        patient = matrix.ids["Patient"][0]
        before = matrix.ask("s", "GET", f"/api/patients/{patient}").status_code
        ended = matrix.ask("a", "POST", f"/api/support-grants/{matrix.grants[0]}/end")
        after = matrix.ask("s", "GET", f"/api/patients/{patient}").status_code
        again = matrix.ask("a", "POST", f"/api/support-grants/{matrix.grants[0]}/end")

        assert (before, ended.status_code, after, again.status_code) == (200, 200, 404, 409)

    def test_is_let_in_by_an_administrator(self, matrix):
        patient = matrix.ids["Patient"][0]
        matrix.ask("a", "POST", f"/api/support-grants/{matrix.grants[0]}/end")
        body = {"account_id": matrix.viewers["s"].name, "reason": "Tour lässt sich nicht planen", "hours": 1}

        granted = matrix.ask("a", "POST", "/api/support-grants", json=body)

        assert granted.status_code == 201
        assert matrix.ask("s", "GET", f"/api/patients/{patient}").status_code == 200
        assert matrix.ask("s", "GET", f"/api/patients/{matrix.ids['Patient'][1]}").status_code == 404


class TestFigures:
    def test_leave_out_what_stands_for_fewer_than_five_people(self, matrix):
        figures = matrix.ask("y", "GET", "/api/figures/days/2026-03-03").json()

        # Three patients with visits in each tenant, six in the region, of no municipality; four nurses.
        assert LEAST_PERSONS == 5
        assert (figures["patients"], figures["nurses"], figures["kilometres"]) == (10, None, None)
        assert all(each["patients"] is None for each in figures["municipalities"])

    def test_of_an_empty_day_are_gaps(self, matrix):
        figures = matrix.ask("y", "GET", "/api/figures/days/2030-01-01").json()

        assert (figures["patients"], figures["visits"]) == (None, None)
