"""Finding, holding and booking through HTTP, as gematik's and IHE's clients do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from api.database import open_sessions
from api.dependencies import read_now
from careapp.consultations.models import Booking, Schedule, Slot, SlotStatus
from tests.api.test_fhir import FHIR, is_outcome
from tests.careapp.worlds import a_schedule, a_slot, a_world, moment
from tests.fhir.operations.conftest import an_appointment, parameters

BOOK = "/fhir/Appointment/$book"
HOLD = "/fhir/Appointment/$hold"


@pytest.fixture
def world(engine):
    """As ever, but with documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def slots(engine, world):
    with open_sessions(engine).begin() as session:
        schedule = session.merge(world.schedule, load=False)
        return [a_slot(session, schedule, starts_at=moment(8, 15 * number)) for number in range(3)]


@pytest.fixture
def patient(world):
    return world.patients[0]


def post(client, address, document, **headers):
    return client.post(address, json=document, headers={"content-type": FHIR, **headers})


def status_of(client, slot):
    return client.get(f"/fhir/Slot/{slot.id}").json()["status"]


def appointments(response):
    assert response.status_code in {200, 201}, response.text
    bundle = response.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    return [entry["resource"] for entry in bundle.get("entry", [])]


class TestBook:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_answers_201_and_where_it_is(self, client, slots, patient, slash):
        response = post(client, BOOK + slash, an_appointment(patient, slots[0]))

        booked = response.json()
        assert (response.status_code, booked["status"]) == (201, "booked")
        assert response.headers["location"].endswith(f"/fhir/Appointment/{booked['id']}/_history/1")
        assert client.get(f"/fhir/Appointment/{booked['id']}").json() == booked
        assert client.get(f"/fhir/Appointment?slot=Slot/{slots[0].id}").json()["total"] == 1
        assert status_of(client, slots[0]) == "busy"

    def test_answers_202_while_it_is_pending(self, client, engine, slots, patient, world):
        with open_sessions(engine).begin() as session:
            session.get_one(Schedule, world.schedule.id).needs_confirmation = True

        response = post(client, BOOK, an_appointment(patient, slots[0]))

        assert (response.status_code, response.json()["status"]) == (202, "pending")
        confirmed = client.post(f"/api/bookings/{response.json()['id']}/confirmation")
        assert confirmed.json()["status"] == "booked"

    def test_answers_400_to_what_is_incomplete(self, client, slots, patient):
        asked = an_appointment(patient, slots[0])
        del asked["start"], asked["end"]

        refused = post(client, BOOK, asked)

        assert is_outcome(refused, 400)
        assert [issue["code"] for issue in refused.json()["issue"]] == ["required", "required"]

    def test_answers_422_to_what_breaks_a_rule(self, client, slots, patient):
        assert is_outcome(
            post(client, BOOK, an_appointment(patient, slots[0], status="booked")), 422, "business-rule"
        )

    def test_answers_409_to_who_comes_late(self, client, slots, world):
        post(client, BOOK, an_appointment(world.patients[0], slots[0]))

        assert is_outcome(post(client, BOOK, an_appointment(world.patients[1], slots[0])), 409, "conflict")

    def test_is_no_other_way_than_the_web_clients(self, client, slots, world):
        whom = {"patient_id": str(world.patients[0].id)}
        own = client.post(f"/api/slots/{slots[0].id}/booking", json=whom)

        assert own.status_code == 201
        assert post(client, BOOK, an_appointment(world.patients[1], slots[0])).status_code == 409
        assert post(client, BOOK, an_appointment(world.patients[1], slots[1])).status_code == 201
        late = client.post(
            f"/api/slots/{slots[1].id}/booking", json={"patient_id": str(world.patients[0].id)}
        )
        assert late.status_code == 409

    def test_is_what_every_slot_that_is_listed_as_free_can_be(self, client, engine, slots, world):
        # The doctor's second schedule offers the same half hour: only one of both is listed.
        with open_sessions(engine).begin() as session:
            twin = a_schedule(session, session.merge(world.doctor, load=False))
            a_slot(session, twin, starts_at=moment(8), minutes=30)
        free = "/fhir/Slot?status=free&_sort=start"
        found = client.get(free).json()["entry"]
        booked = 0
        while found:
            slot = found[0]["resource"]
            asked = an_appointment(world.patients[0], slots[0], start=slot["start"], end=slot["end"])
            asked["slot"] = [{"reference": f"Slot/{slot['id']}"}]
            assert post(client, BOOK, asked).status_code == 201
            booked += 1
            found = client.get(free).json().get("entry", [])

        assert booked in {3, 4}  # 07:00 of the world; then 08:00-08:30 whole, or its two quarters; 08:30


class TestUpdate:
    def patch(self, client, key, path, **value):
        part = [
            {"name": "type", "valueCode": "replace"},
            {"name": "path", "valueString": path},
            {"name": "value", **value},
        ]
        change = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
        return client.patch(f"/fhir/Appointment/{key}", json=change, headers={"content-type": FHIR})

    @pytest.fixture
    def booked(self, client, slots, patient):
        return post(client, BOOK, an_appointment(patient, slots[0])).json()

    def test_cancels_and_frees_the_slot(self, client, slots, booked):
        response = self.patch(client, booked["id"], "Appointment.status", valueCode="cancelled")

        assert (response.status_code, response.json()["status"]) == (200, "cancelled")
        assert status_of(client, slots[0]) == "free"

    def test_refuses_the_guides_own_misspelling(self, client, slots, booked):
        response = self.patch(client, booked["id"], "Appointment.status", valueCode="canceled")

        assert response.status_code == 422
        assert status_of(client, slots[0]) == "busy"

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("Appointment.start", {"valueInstant": "2026-03-03T08:05:00Z"}),
            ("Appointment.end", {"valueInstant": "2026-03-03T08:20:00Z"}),
            ("Appointment.slot[0].reference", {"valueString": "Slot/other"}),
            (
                "Appointment.participant[0].actor",
                {"valueReference": {"reference": "Patient/other", "display": "x"}},
            ),
        ],
    )
    def test_changes_neither_time_nor_slot_nor_patient(self, client, slots, world, booked, path, value):
        others = {"Slot/other": f"Slot/{slots[1].id}", "Patient/other": f"Patient/{world.patients[1].id}"}
        if "valueString" in value:
            value = {"valueString": others[value["valueString"]]}
        if "valueReference" in value:
            value = {"valueReference": {"reference": others["Patient/other"], "display": "x"}}

        response = self.patch(client, booked["id"], path, **value)

        assert is_outcome(response, 400, "business-rule")
        assert client.get(f"/fhir/Appointment/{booked['id']}").json() == booked

    def test_takes_what_we_do_not_use(self, client, booked):
        response = self.patch(client, booked["id"], "Appointment.comment", valueString="later")

        assert (response.status_code, response.json()["comment"]) == (200, "later")

    def test_replaces_the_whole_resource(self, client, slots, booked):
        response = client.put(
            f"/fhir/Appointment/{booked['id']}",
            json=booked | {"status": "noshow"},
            headers={"content-type": FHIR, "if-match": 'W/"1"'},
        )

        assert (response.status_code, response.json()["status"]) == (200, "noshow")
        late = client.put(
            f"/fhir/Appointment/{booked['id']}",
            json=booked | {"status": "fulfilled"},
            headers={"content-type": FHIR, "if-match": 'W/"1"'},
        )
        assert late.status_code == 412

    def test_removes_only_what_was_called_off(self, client, booked):
        address = f"/fhir/Appointment/{booked['id']}"
        assert client.delete(address).status_code == 409

        self.patch(client, booked["id"], "Appointment.status", valueCode="cancelled")

        assert client.delete(address).status_code == 204
        assert client.get(address).status_code == 410

    def test_calls_a_home_visit_off_by_its_rules(self, client, world):
        key = world.visits[0].id
        assert self.patch(client, key, "Appointment.status", valueCode="booked").status_code in {400, 422}

        response = self.patch(client, key, "Appointment.status", valueCode="cancelled")

        assert (response.status_code, response.json()["status"]) == (200, "cancelled")


class TestCreate:
    def test_books_by_the_same_command(self, client, slots, patient):
        asked = an_appointment(patient, slots[0], status="booked")

        response = post(client, "/fhir/Appointment", asked)

        assert (response.status_code, response.json()["status"]) == (201, "booked")
        assert post(client, "/fhir/Appointment", asked).status_code == 409

    def test_enters_a_home_visit(self, client, patient):
        visit = {
            "resourceType": "Appointment",
            "status": "proposed",
            "description": "Verbandwechsel",
            "minutesDuration": 30,
            "priority": 3,
            "participant": [{"actor": {"reference": f"Patient/{patient.id}"}, "status": "needs-action"}],
            "requestedPeriod": [{"start": "2026-03-03T09:00:00Z", "end": "2026-03-03T11:00:00Z"}],
        }

        made = post(client, "/fhir/Appointment", visit)

        assert made.status_code == 201, made.text
        shown = client.get(f"/api/visits/{made.json()['id']}").json()
        assert shown["title"] == "Verbandwechsel"
        assert shown["windows"] == [{"earliest": "2026-03-03T09:00:00Z", "latest": "2026-03-03T10:30:00Z"}]
        assert client.delete(f"/fhir/Appointment/{made.json()['id']}").status_code == 204

    def test_refuses_a_proposal_for_a_slot(self, client, slots, patient):
        response = post(client, "/fhir/Appointment", an_appointment(patient, slots[0]))

        assert is_outcome(response, 422, "business-rule")


class TestFindHoldBook:
    def find(self, client, **given):
        asked = {"start": "2026-03-03T08:00:00Z", "end": "2026-03-03T12:00:00Z", **given}
        listed = [
            {"name": name.replace("_", "-").removeprefix("-"), "valueReference": value}
            if isinstance(value, dict)
            else {"name": "_count" if name == "count" else name.replace("_", "-"), "valueString": value}
            for name, value in asked.items()
        ]
        return post(client, "/fhir/Appointment/$find", {"resourceType": "Parameters", "parameter": listed})

    def test_proposes_what_is_free(self, client, slots, world):
        found = self.find(client, practitioner={"reference": f"Practitioner/{world.doctor.practitioner_id}"})

        proposed = appointments(found)
        assert found.json()["total"] == 3
        assert [each["status"] for each in proposed] == ["proposed"] * 3
        assert [each["slot"][0]["reference"] for each in proposed] == [f"Slot/{slot.id}" for slot in slots]

    def test_limits_and_counts(self, client, slots):
        found = self.find(client, count="2")

        assert len(appointments(found)) == 2
        assert found.json()["total"] == 3

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("specialty", "http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen|ALLG", 3),
            ("specialty", "http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen|NEUR", 0),
            ("specialty", "ALLG", 3),
            ("visit_type", "https://careapp.example/fhir/CodeSystem/service-type|video-consultation", 3),
            ("visit_type", "http://snomed.info/sct|1", 0),
            ("location_string", "arns", 3),
            ("location_string", "Berlin", 0),
        ],
    )
    def test_narrows(self, client, slots, name, value, expected):
        assert self.find(client, **{name: value}).json()["total"] == expected

    def test_reads_an_address_too(self, client, slots):
        found = client.get("/fhir/Appointment/$find?start=2026-03-03&end=2026-03-03&_count=1")

        assert len(appointments(found)) == 1

    @pytest.mark.parametrize("missing", ["start", "end"])
    def test_needs_a_period(self, client, missing):
        found = client.get(f"/fhir/Appointment/$find?{'end' if missing == 'start' else 'start'}=2026-03-03")

        assert is_outcome(found, 400, "required")

    def test_goes_from_proposal_to_booking(self, client, slots, patient, world):
        proposed = appointments(self.find(client, patient_reference={"reference": f"Patient/{patient.id}"}))[
            0
        ]
        named = {"reference": f"Appointment/{proposed['id']}"}

        held = appointments(post(client, HOLD, parameters(appointment_reference=named)))[0]

        assert held["status"] == "pending"
        assert status_of(client, slots[0]) == "busy-tentative"
        assert self.find(client).json()["total"] == 2
        assert post(client, BOOK, an_appointment(world.patients[1], slots[0])).status_code == 409

        named = {"reference": f"Appointment/{held['id']}"}
        booked = appointments(post(client, BOOK, parameters(appointment_reference=named)))[0]

        assert booked["status"] == "booked"
        assert booked["participant"][0]["actor"]["reference"] == f"Patient/{patient.id}"
        assert status_of(client, slots[0]) == "busy"

    def test_holds_nothing_that_is_taken(self, client, slots, patient):
        post(client, BOOK, an_appointment(patient, slots[0]))
        named = {"reference": f"Appointment/{slots[0].id}"}

        refused = post(client, HOLD, parameters(appointment_reference=named))

        issue = refused.json()["issue"][0]
        assert (refused.status_code, issue["severity"], issue["code"]) == (422, "fatal", "not-found")

    def test_gives_a_hold_back(self, client, slots, patient):
        named = {"reference": f"Appointment/{slots[0].id}"}
        held = appointments(post(client, HOLD, parameters(appointment_reference=named)))[0]

        response = post(client, BOOK, parameters(appointment_resource=held | {"status": "cancelled"}))

        assert appointments(response)[0]["status"] == "cancelled"
        assert status_of(client, slots[0]) == "free"

    def test_cancels_a_booking(self, client, slots, patient):
        booked = post(client, BOOK, an_appointment(patient, slots[0])).json()

        response = post(client, BOOK, parameters(appointment_resource=booked | {"status": "cancelled"}))

        assert appointments(response)[0]["status"] == "cancelled"
        assert status_of(client, slots[0]) == "free"

    def test_frees_a_slot_for_whoever_looks_after_the_hold_is_over(self, app, client, slots, patient, now):
        named = {"reference": f"Appointment/{slots[0].id}"}
        post(client, HOLD, parameters(appointment_reference=named))
        # A hold lasts five minutes.
        app.dependency_overrides[read_now] = lambda: now + timedelta(minutes=5)

        assert status_of(client, slots[0]) == "free"
        assert post(client, BOOK, an_appointment(patient, slots[0])).status_code == 201

    def test_forgets_slots_of_the_past_that_nobody_took(self, app, client, slots, patient):
        booked = post(client, BOOK, an_appointment(patient, slots[0])).json()
        app.dependency_overrides[read_now] = lambda: moment(8, 30)

        assert client.get(f"/fhir/Slot/{slots[1].id}").status_code == 410
        assert status_of(client, slots[0]) == "busy"
        assert client.get(f"/fhir/Appointment/{booked['id']}").status_code == 200


class TestAtOnce:
    """Smaller than `tests/benchmarks/fhir_booking.py`."""

    def test_gives_one_slot_to_one_of_forty(self, client, engine, slots, world):
        def attempt(number):
            return post(client, BOOK, an_appointment(world.patients[number % 3], slots[0]))

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(attempt, range(40)))

        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 39]
        assert all(is_outcome(answer, 409, "conflict") for answer in answers if answer.status_code == 409)
        with open_sessions(engine)() as session:
            assert session.scalar(select(func.count()).select_from(Booking)) == 1
            assert session.get_one(Slot, slots[0].id).status == SlotStatus.BUSY

    def test_lets_two_change_places_without_a_deadlock(self, client, engine, slots, world):
        first = post(client, BOOK, an_appointment(world.patients[0], slots[0])).json()
        second = post(client, BOOK, an_appointment(world.patients[1], slots[1])).json()

        def move(number):
            whose, booked = (world.patients[0], first) if number % 2 else (world.patients[1], second)
            slot = slots[number % 3]
            return post(client, BOOK, an_appointment(whose, slot, id=booked["id"])).status_code

        with ThreadPoolExecutor(8) as pool:
            codes = set(pool.map(move, range(24)))

        assert codes <= {201, 409}
        with open_sessions(engine)() as session:
            taken = session.scalars(select(Slot.id).where(Slot.status == SlotStatus.BUSY)).all()
            assert set(taken) == set(session.scalars(select(Booking.slot_id)))


class TestLater:
    def test_books_later_for_who_does_not_want_to_wait(self, client, slots, patient):
        accepted = post(client, BOOK, an_appointment(patient, slots[0]), prefer="respond-async")

        assert accepted.status_code == 202
        answer = client.get(accepted.headers["content-location"])
        for _ in range(20):
            if answer.status_code != 202:
                break
            answer = client.get(accepted.headers["content-location"])
        assert (answer.status_code, answer.json()["status"]) == (200, "booked")
        assert status_of(client, slots[0]) == "busy"
