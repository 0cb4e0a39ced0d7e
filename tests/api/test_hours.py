"""Doctors' hours, kinds and times through HTTP."""

import pytest

from careapp.consultations.models import ConsultationCode

PERIOD = "from=2026-03-03T00:00:00%2B01:00&to=2026-03-04T00:00:00%2B01:00"
HOURS = {"recurrence": "FREQ=DAILY", "first_date": "2026-03-01", "starts": "12:00", "ends": "13:00"}
DAY = {"first_date": "2026-03-04", "last_date": "2026-03-04"}
KIND = {"code": "video", "title": "Videosprechstunde", "minutes": 20, "step_min": 10}


@pytest.fixture
def doctor(world):
    return f"/api/doctors/{world.doctor.id}"


@pytest.fixture
def opened(client, doctor):
    """Hours from 12 to 13 in Berlin, with one kind of 20 minutes that starts every ten."""
    assert client.put(f"{doctor}/hours", json={"hours": [HOURS]}).status_code == 200
    assert client.put(f"{doctor}/kinds", json={"kinds": [KIND]}).status_code == 200


def starts(answer):
    return [item["starts_at"][11:16] for item in answer.json()["items"]]


@pytest.mark.usefixtures("opened")
class TestTimes:
    def test_are_listed_page_by_page(self, client, doctor):
        first = client.get(f"{doctor}/times?{PERIOD}&limit=3")
        second = client.get(first.json()["next"])

        # 12:00 to 12:40 in Berlin, every ten minutes.
        assert starts(first) == ["11:00", "11:10", "11:20"]
        assert starts(second) == ["11:30", "11:40"]
        assert second.json()["next"] is None

    def test_are_held_and_booked(self, client, doctor, world):
        offer = client.get(f"{doctor}/times?{PERIOD}").json()["items"][1]
        wanted = {name: offer[name] for name in ("schedule_id", "kind_id", "starts_at")}
        patient = {"patient_id": str(world.patients[0].id)}

        held = client.post(f"{doctor}/times/hold", json=wanted)
        refused = client.post(f"{doctor}/times/booking", json=wanted | patient)
        booked = client.post(
            f"{doctor}/times/booking", json=wanted | patient | {"hold_id": held.json()["id"]}
        )

        assert [held.status_code, refused.status_code, booked.status_code] == [201, 409, 201]
        assert client.get(booked.headers["location"]).json() == booked.json()
        # Taken from 11:10 to 11:30.
        assert starts(client.get(f"{doctor}/times?{PERIOD}")) == ["11:30", "11:40"]

    def test_come_back_when_a_hold_is_left(self, client, doctor):
        offer = client.get(f"{doctor}/times?{PERIOD}").json()["items"][0]
        wanted = {name: offer[name] for name in ("schedule_id", "kind_id", "starts_at")}
        held = client.post(f"{doctor}/times/hold", json=wanted).json()

        assert client.delete(f"/api/holds/{held['id']}").status_code == 204
        assert len(starts(client.get(f"{doctor}/times?{PERIOD}"))) == 5

    def test_can_be_read_as_slots(self, client, doctor, world):
        slots = client.get(f"/api/slots?{PERIOD}&status=free&doctor={world.doctor.id}").json()["items"]

        # The regular cut has three of 20 minutes; the world's own slot was sent by somebody.
        assert [slot["starts_at"][11:16] for slot in slots if slot["id"] != str(world.slot.id)] == [
            "11:00",
            "11:20",
            "11:40",
        ]
        answer = client.post(
            f"/api/slots/{slots[-1]['id']}/booking", json={"patient_id": str(world.patients[0].id)}
        )
        assert answer.status_code == 201

    def test_close_with_an_exception(self, client, doctor, world):
        days = {"first_date": "2026-03-03", "last_date": "2026-03-03", "is_open": False, "reason": "illness"}

        answer = client.put(f"{doctor}/exceptions", json={"exceptions": [days]})

        assert answer.json()["exceptions"][0]["reason"] == "illness"
        assert client.get(f"{doctor}/exceptions").json() == answer.json()
        assert starts(client.get(f"{doctor}/times?{PERIOD}")) == []
        slots = client.get(f"/api/slots?{PERIOD}&status=free").json()["items"]
        assert [slot["id"] for slot in slots] == [str(world.slot.id)]  # which somebody has sent

    def test_of_a_kind_keep_its_id(self, client, doctor):
        (kind,) = client.get(f"{doctor}/kinds").json()["kinds"]

        changed = client.put(f"{doctor}/kinds", json={"kinds": [kind | {"minutes": 30}]}).json()

        assert changed["kinds"] == [kind | {"minutes": 30}]
        assert starts(client.get(f"{doctor}/times?{PERIOD}")) == ["11:00", "11:10", "11:20", "11:30"]


class TestRules:
    def test_show_what_was_written(self, client, doctor):
        over_midnight = HOURS | {"starts": "22:00", "ends": "02:00", "kind": "video"}

        answer = client.put(f"{doctor}/hours", json={"zone": "Europe/Lisbon", "hours": [over_midnight]})

        assert client.get(f"{doctor}/hours").json() == answer.json()
        assert answer.json()["zone"] == "Europe/Lisbon"
        assert answer.json()["hours"][0]["ends"] == "02:00"

    def test_follow_from_the_hours_where_no_kind_is_named(self, client, doctor):
        client.put(f"{doctor}/hours", json={"hours": [HOURS]})

        kinds = client.get(f"{doctor}/kinds").json()["kinds"]

        assert [kind["code"] for kind in kinds] == list(ConsultationCode)

    @pytest.mark.parametrize(
        ("part", "body"),
        [
            ("hours", {"hours": [HOURS | {"recurrence": "FREQ=HOURLY"}]}),
            ("hours", {"hours": [HOURS | {"last_date": "2025-01-01"}]}),
            ("hours", {"hours": [HOURS], "zone": "Europe/Nowhere"}),
            ("hours", {"hours": [HOURS], "zone": "../Berlin"}),
            ("hours", {"hours": [HOURS | {"place_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d02"}]}),
            ("kinds", {"kinds": [KIND | {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d02"}]}),
            ("kinds", {"kinds": [KIND | {"title": " "}]}),
            ("exceptions", {"exceptions": [DAY | {"last_date": "2026-03-03", "is_open": False}]}),
            ("exceptions", {"exceptions": [DAY | {"is_open": True}]}),
            ("exceptions", {"exceptions": [DAY | {"is_open": False, "starts": "08:00"}]}),
        ],
    )
    def test_that_cannot_be_are_refused(self, client, doctor, part, body):
        assert client.put(f"{doctor}/{part}", json=body).status_code in {400, 422}

    def test_of_times_without_a_period_are_refused(self, client, doctor):
        assert client.get(f"{doctor}/times").status_code == 400
        long = "from=2026-03-03T00:00:00Z&to=2026-09-03T00:00:00Z"
        assert client.get(f"{doctor}/times?{long}").status_code == 400
