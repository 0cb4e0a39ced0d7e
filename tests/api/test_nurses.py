"""Nurses, their shifts and absences, and each one's own day."""

import pytest

from tests.api.tours import a_proposed_day
from tests.careapp.worlds import EVERYONE

DAY = "/api/days/2026-03-03"
INTERVAL = {"starts_at": "2026-03-04T06:00:00+01:00", "ends_at": "2026-03-04T14:00:00+01:00"}


@pytest.fixture
def own_day(session, client, world, calendar, now) -> str:
    """Address of the day of a nurse with a published tour."""
    a_proposed_day(session, calendar=calendar, viewer=EVERYONE, now=now)
    session.commit()
    (tour,) = client.post(f"{DAY}/publication").json()["items"]
    return f"/api/nurses/{tour['nurse']['id']}/days/2026-03-03"


class TestNurses:
    def test_are_listed_with_their_skills(self, client, world):
        page = client.get("/api/nurses").json()

        assert {nurse["id"] for nurse in page["items"]} == {str(nurse.id) for nurse in world.nurses}
        assert page["next"] is None
        assert all(nurse["skills"][0].keys() == {"code", "name", "grade"} for nurse in page["items"])

    def test_are_shown_one_by_one(self, client, world):
        nurse = client.get(f"/api/nurses/{world.nurses[0].id}").json()

        assert nurse in client.get("/api/nurses").json()["items"]


class TestOwnDay:
    def test_holds_published_tours_only(self, client, session, world, calendar, now):
        a_proposed_day(session, calendar=calendar, viewer=EVERYONE, now=now)
        session.commit()

        days = [client.get(f"/api/nurses/{nurse.id}/days/2026-03-03").json() for nurse in world.nurses]

        assert [day["tours"] for day in days] == [[], []]

    def test_is_not_sent_twice(self, client, own_day):
        first = client.get(own_day)
        again = client.get(own_day, headers={"if-none-match": f'"other", {first.headers["etag"]}'})

        assert len(first.json()["tours"]) == 1
        assert first.headers["etag"].startswith('"')
        assert first.headers["cache-control"] == "private, no-cache"
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]

    @pytest.mark.parametrize(("known", "status"), [("*", 304), ('"other"', 200), ("", 200)])
    def test_is_sent_unless_its_tag_is_named(self, client, own_day, known, status):
        assert client.get(own_day, headers={"if-none-match": known}).status_code == status

    def test_has_another_tag_once_it_has_changed(self, client, own_day):
        before = client.get(own_day)
        other = own_day.replace("2026-03-03", "2026-03-04")

        assert client.get(other).headers["etag"] != before.headers["etag"]


class TestAddShift:
    def test_lets_a_nurse_work(self, client, world):
        response = client.post(f"/api/nurses/{world.nurses[0].id}/shifts", json=INTERVAL)

        shift = response.json()
        assert response.status_code == 201
        assert (shift["date"], shift["starts_at"]) == ("2026-03-04", "2026-03-04T05:00:00Z")

    def test_refuses_a_shift_that_ends_before_it_starts(self, client, world):
        backwards = {"starts_at": INTERVAL["ends_at"], "ends_at": INTERVAL["starts_at"]}

        response = client.post(f"/api/nurses/{world.nurses[0].id}/shifts", json=backwards)

        assert response.status_code == 400
        assert response.json()["detail"] == "the shift ends before it starts: give an end after its start"

    def test_refuses_a_second_shift_at_the_same_time(self, client, world):
        address = f"/api/nurses/{world.nurses[0].id}/shifts"
        client.post(address, json=INTERVAL)

        assert client.post(address, json=INTERVAL).status_code == 409


class TestAddAbsence:
    def test_says_that_a_nurse_is_not_at_work(self, client, world):
        response = client.post(f"/api/nurses/{world.nurses[0].id}/absences", json=INTERVAL)

        assert response.status_code == 201
        assert response.json()["ends_at"] == "2026-03-04T13:00:00Z"

    def test_refuses_one_that_ends_before_it_starts(self, client, world):
        backwards = {"starts_at": "2026-03-04T14:00:00Z", "ends_at": "2026-03-04T06:00:00Z"}

        response = client.post(f"/api/nurses/{world.nurses[0].id}/absences", json=backwards)

        assert response.status_code == 400
