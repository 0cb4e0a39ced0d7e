"""A day from demand to publication, through HTTP."""

from datetime import datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from careapp.calendar import Calendar
from careapp.jobs.kinds import PLAN_DAY
from tests.api.tours import a_proposed_day
from tests.careapp.worlds import EVERYONE, World, a_patient, a_visit

DAY = "/api/days/2026-03-03"


@pytest.fixture
def proposed(session: Session, world: World, calendar: Calendar, now: datetime) -> World:
    """The world with a proposed tour for `DAY`, committed."""
    a_proposed_day(session, calendar=calendar, viewer=EVERYONE, now=now)
    session.commit()
    return world


class Statements:
    """Counts what is sent to the database."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        event.listen(engine, "before_cursor_execute", self._add)

    def _add(self, *_given: object) -> None:
        self.count += 1


class TestGetDay:
    def test_shows_an_untouched_day_as_empty(self, client):
        day = client.get("/api/days/2030-01-01").json()

        assert day == {
            "date": "2030-01-01",
            "visits": {"proposed": 0, "booked": 0, "fulfilled": 0, "noshow": 0, "cancelled": 0},
            "plan": None,
            "tours": [],
            "unassigned": [],
        }

    def test_shows_plan_tours_and_what_is_left_out(self, client, proposed):
        day = client.get(DAY).json()

        assert day["visits"]["proposed"] == 3
        assert day["plan"]["cost"] == 23_600
        assert day["plan"]["cost_terms"] == {"travel": 3600, "unassigned": 20_000}
        assert (day["plan"]["seed"], day["plan"]["iterations"], day["plan"]["seconds"]) == (7, 1000, 1.5)
        (tour,) = day["tours"]
        # Leaves 07:20, drives half an hour, waits ten minutes, cares for twenty, drives home.
        assert (tour["stops"], tour["metres"], tour["travel_s"], tour["waiting_s"]) == (1, 40_000, 3600, 600)
        assert (tour["leaves_at"], tour["returns_at"]) == ("2026-03-03T06:20:00Z", "2026-03-03T07:50:00Z")
        assert {left_out["reason"] for left_out in day["unassigned"]} == {"no nurse is free then"}
        assert len(day["unassigned"]) == 2


class TestListDemand:
    def test_pages_through_the_days_visits(self, client, world):
        ids, address = [], f"{DAY}/demand?limit=2"
        while address:
            page = client.get(address).json()
            ids += [visit["id"] for visit in page["items"]]
            address = page["next"]

        assert sorted(ids) == sorted(str(visit.id) for visit in world.visits)

    def test_asks_the_database_no_more_for_many_than_for_few(self, client, engine, session, world):
        statements = Statements(engine)
        client.get(f"{DAY}/demand")
        few = statements.count
        patient = a_patient(session, world.organisation)
        for _ in range(20):
            a_visit(session, patient)
        session.commit()
        statements.count = 0

        assert len(client.get(f"{DAY}/demand").json()["items"]) == 23

        assert statements.count == few


class TestPlanDay:
    def test_submits_a_job(self, client):
        response = client.post(f"{DAY}/plan", json={"seed": 7, "limit_s": 2.5})

        job = response.json()
        assert response.status_code == 202
        assert response.headers["location"] == f"/api/jobs/{job['id']}"
        assert (job["kind"], job["state"]) == (PLAN_DAY, "queued")
        assert job["arguments"] == {"date": "2026-03-03", "seed": 7, "limit_s": 2.5}

    def test_needs_no_body(self, client, settings):
        job = client.post(f"{DAY}/plan").json()

        assert job["arguments"] == {"date": "2026-03-03", "seed": 0, "limit_s": settings.plan_limit_s}

    def test_answers_the_waiting_job_instead_of_a_second_one(self, client):
        first, second = (client.post(f"{DAY}/plan").json() for _ in range(2))

        assert first["id"] == second["id"]


class TestPublishDay:
    def test_promises_the_proposed_tours(self, client, proposed):
        response = client.post(f"{DAY}/publication")

        assert response.status_code == 201
        (tour,) = response.json()["items"]
        assert tour["status"] == "published"
        assert client.get(DAY).json()["visits"]["booked"] == 1

    def test_refuses_a_day_without_proposed_tours(self, client):
        response = client.post(f"{DAY}/publication")

        assert response.status_code == 409
        assert "plan the day first" in response.json()["detail"]

    def test_leaves_no_trace_when_a_visit_was_cancelled(self, client, proposed):
        (stop,) = client.get("/api/tours?date=2026-03-03").json()["items"][0]["stops"]
        client.post(f"/api/visits/{stop['visit_id']}/cancellation", json={"because": "pat"})

        response = client.post(f"{DAY}/publication")

        assert response.status_code == 409
        assert [tour["status"] for tour in client.get(DAY).json()["tours"]] == ["proposed"]


class TestTours:
    def test_hold_their_stops(self, client, proposed):
        (tour,) = client.get("/api/tours?date=2026-03-03").json()["items"]

        (stop,) = tour["stops"]
        assert (stop["arrives_at"], stop["starts_at"]) == ("2026-03-03T06:50:00Z", "2026-03-03T07:00:00Z")
        assert stop["visit_id"] in {str(visit.id) for visit in proposed.visits}
        assert stop["place"].keys() >= {"latitude", "longitude", "street"}
        assert client.get(f"/api/tours/{tour['id']}").json() == tour

    def test_can_be_asked_of_one_nurse(self, client, proposed):
        (tour,) = client.get("/api/tours?date=2026-03-03").json()["items"]
        (other,) = {str(nurse.id) for nurse in proposed.nurses} - {tour["nurse"]["id"]}

        mine = client.get(f"/api/tours?date=2026-03-03&nurse={tour['nurse']['id']}").json()["items"]

        assert mine == [tour]
        assert client.get(f"/api/tours?date=2026-03-03&nurse={other}").json()["items"] == []

    def test_ask_the_database_no_more_for_many_stops_than_for_few(self, client: TestClient, engine, proposed):
        statements = Statements(engine)

        client.get("/api/tours?date=2026-03-03")

        # Tours with who drives; breaks; stops with services; visits with patients and homes; the transaction.
        # Then the record of whom they showed: its rows, and its transaction.
        assert statements.count <= 6 + 2
