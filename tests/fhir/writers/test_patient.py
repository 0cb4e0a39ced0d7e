"""Patients from other systems."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from careapp.consultations.booking import Wish, book_slots
from careapp.orders.commands import add_order
from careapp.organisations.models import OrganisationKind, Place
from careapp.people.homes import move_home
from careapp.people.models import HomeUnknown, Patient
from careapp.people.patients import PatientIsVisited
from careapp.people.queries import get_patient
from careapp.records.models import AuditEvent
from careapp.removal import StillNeeded
from careapp.roads.places import PlacedBy, Precision
from careapp.visits.commands import add_visit
from fhir.mapping import codes
from fhir.read import DocumentGone
from tests.careapp.test_orders import INSULIN
from tests.careapp.worlds import EVERYONE, a_slot, a_world, an_organisation, coordinator_of, moment
from tests.fhir.writers.conftest import a_street

EAST = {"url": "longitude", "valueDecimal": 8.1}
GEOLOCATION = {
    "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
    "extension": [
        {"url": "latitude", "valueDecimal": 51.2},
        EAST,
    ],
}
ADDRESS: dict[str, Any] = {"use": "home", "line": ["Am Bach 3"], "city": "Olpe", "postalCode": "57462"}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [
        {"system": "https://klinik.example/pid", "value": "4711"},
        {"system": codes.KVNR, "value": "A123456789"},
    ],
    "name": [
        {"use": "maiden", "family": "Alt"},
        {"use": "official", "family": "von Beispiel", "given": ["Erna", "Maria"], "prefix": ["Dr."]},
    ],
    "telecom": [
        {"system": "email", "value": "erna@beispiel.example"},
        {"system": "phone", "value": "02761 1"},
    ],
    "gender": "female",
    "birthDate": "1939-05-14",
    "address": [ADDRESS],
    "maritalStatus": {"text": "verwitwet"},
    "communication": [{"language": {"text": "Polnisch"}, "preferred": True}],
}


@pytest.fixture
def organisation(sessions):
    with sessions.begin() as session:
        found = an_organisation(session)
        found.is_synthetic = False
        return found


@pytest.fixture
def row(sessions):
    """Return a patient's row with its home, by the resource."""

    def row(resource: dict[str, Any]) -> Patient:
        with sessions() as session:
            return get_patient(session, patient_id=UUID(resource["id"]), viewer=EVERYONE)

    return row


class TestCreate:
    def test_makes_a_row_and_gives_back_all_that_was_sent(self, sender, organisation, row, streets):
        streets.known["all"] = a_street()

        found = sender.create(PATIENT)

        patient = row(found)
        assert (patient.family_name, patient.given_name) == ("von Beispiel", "Erna Maria")
        assert (patient.phone, patient.insurance_number) == ("02761 1", "A123456789")
        assert (patient.organisation_id, patient.is_active) == (organisation.id, True)
        home = patient.known_home
        assert (home.street, home.house_number, home.latitude) == ("Am Bach", "3", 51.1)
        assert (home.precision, home.placed_by) == (Precision.HOUSE, PlacedBy.GAZETTEER)
        for name in ("name", "telecom", "gender", "birthDate", "maritalStatus", "communication"):
            assert found[name] == PATIENT[name]
        assert [each["value"] for each in found["identifier"]] == ["4711", "A123456789"]
        assert found["address"][0].items() >= ADDRESS.items()
        assert found["managingOrganization"] == {"reference": f"Organization/{organisation.id}"}

    def test_takes_the_senders_point(self, sender, organisation, row, streets):
        home = row(
            sender.create({**PATIENT, "address": [{**ADDRESS, "extension": [GEOLOCATION]}]})
        ).known_home

        assert (home.latitude, home.longitude, home.placed_by) == (51.2, 8.1, PlacedBy.PERSON)
        assert streets.asked == []

    def test_takes_a_patient_who_lives_nowhere_near(self, sender, organisation, row):
        nowhere = {
            "url": GEOLOCATION["url"],
            "extension": [{"url": name, "valueDecimal": 0} for name in ("latitude", "longitude")],
        }

        assert row(sender.create({**PATIENT, "address": [{**ADDRESS, "extension": [nowhere]}]})).home is None

    def test_trusts_a_geocoder_that_names_the_same_town(self, sender, organisation, row, streets):
        streets.known = {"other": a_street(51.4, city="Hagen"), "right": a_street(51.1)}
        address = {name: ADDRESS[name] for name in ("use", "line", "city")}

        home = row(sender.create({**PATIENT, "address": [address]})).known_home

        assert (home.latitude, streets.asked) == (51.1, ["Am Bach 3, Olpe"])

    @pytest.mark.parametrize(
        "addresses",
        [
            [],
            [{**ADDRESS, "use": "old"}],
            [{**ADDRESS, "type": "postal"}],
            [{"use": "home", "text": "irgendwo"}],
            [{**ADDRESS, "country": "AT"}],
            [{**ADDRESS, "postalCode": "10115", "city": "Berlin"}],
        ],
        ids=["none", "old", "post-box", "text", "abroad", "unknown town"],
    )
    def test_takes_a_patient_whose_home_nobody_knows(self, sender, organisation, row, streets, addresses):
        streets.known["all"] = a_street()

        found = sender.create({**PATIENT, "address": addresses or None} if addresses else _without("address"))

        assert row(found).home is None
        assert found.get("address", []) == addresses

    def test_takes_somebody_with_a_single_name(self, sender, organisation, row):
        patient = row(sender.create({**PATIENT, "name": [{"given": ["Amina"]}]}))

        assert (patient.family_name, patient.given_name) == ("Amina", "")

    def test_reads_a_name_that_is_text_only(self, sender, organisation, row):
        patient = row(sender.create({**PATIENT, "name": [{"text": "Erna Maria Beispiel"}]}))

        assert (patient.family_name, patient.given_name) == ("Beispiel", "Erna Maria")

    def test_leaves_a_birth_date_that_is_no_day_to_the_document(self, sender, organisation, row):
        found = sender.create({**PATIENT, "birthDate": "1939"})

        assert row(found).birth_date is None
        assert found["birthDate"] == "1939"

    def test_takes_nobody_into_care_who_has_died(self, sender, organisation, row):
        found = sender.create({**PATIENT, "active": True, "deceasedDateTime": "2026-01-01"})

        assert row(found).is_active is False
        assert found["active"] is False

    def test_marks_whom_the_sender_calls_invented(self, sender, organisation, row):
        tag = {"system": codes.ACT_REASON, "code": codes.TEST_DATA}

        assert row(sender.create({**PATIENT, "meta": {"tag": [tag]}})).is_synthetic is True

    def test_needs_a_name(self, sender, organisation):
        assert sender.refused(_without("name")) == ["Patient.name"]

    def test_needs_an_organisation_if_there_are_several(self, sender, sessions, organisation, row):
        with sessions.begin() as session:
            other = an_organisation(session)

        assert sender.refused(PATIENT) == ["Patient.managingOrganization"]

        named = {**PATIENT, "managingOrganization": {"reference": f"Organization/{other.id}"}}
        assert row(sender.create(named)).organisation_id == other.id
        assert row(sender.seen_as(coordinator_of(other)).create(PATIENT)).organisation_id == other.id

    def test_takes_the_only_care_service_beside_practices(self, sender, sessions, organisation, row):
        with sessions.begin() as session:
            an_organisation(session, kind=OrganisationKind.PRACTICE)

        assert row(sender.create(PATIENT)).organisation_id == organisation.id


class TestUpdate:
    def test_changes_the_row_and_forgets_what_is_no_longer_sent(self, sender, organisation, row, streets):
        streets.known["all"] = a_street()
        old = sender.create(PATIENT)

        found = sender.update(
            old, name=[{"family": "Neu", "given": ["Erna"]}], telecom=None, maritalStatus=None, active=False
        )

        patient = row(found)
        assert (patient.family_name, patient.phone, patient.is_active) == ("Neu", None, False)
        assert found["meta"]["versionId"] == "2"
        assert not {"maritalStatus", "telecom"} & found.keys()
        assert found["communication"] == PATIENT["communication"]

    def test_lets_a_pin_stay_while_the_address_is_the_same(
        self, sender, organisation, row, sessions, streets
    ):
        streets.known["all"] = a_street()
        old = sender.create(PATIENT)
        with sessions.begin() as session:
            move_home(
                session,
                patient_id=UUID(old["id"]),
                latitude=51.11,
                longitude=7.91,
                viewer=EVERYONE,
                now=sender.asking.now,
            )

        sender.update(old, gender="other")
        assert (row(old).known_home.latitude, row(old).known_home.precision) == (51.11, Precision.PIN)

        streets.known["all"] = a_street(51.3, 7.8, house_number="4")
        sender.update(old, address=[{**ADDRESS, "line": ["Am Bach 4"]}])
        home = row(old).known_home
        assert (home.latitude, home.house_number, home.precision) == (51.3, "4", Precision.HOUSE)

    def test_lets_a_point_stay_that_is_sent_again(self, sender, organisation, row):
        old = sender.create({**PATIENT, "address": [{**ADDRESS, "extension": [GEOLOCATION]}]})

        sender.update(old, gender="male")
        assert row(old).known_home.placed_by == PlacedBy.PERSON

        north = {**GEOLOCATION, "extension": [{"url": "latitude", "valueDecimal": 51.25}, EAST]}
        sender.update(old, address=[{**ADDRESS, "extension": [north]}])
        assert row(old).known_home.latitude == 51.25

    def test_leaves_the_home_to_a_couple(self, sender, organisation, row, streets, sessions):
        streets.known["all"] = a_street()
        one, other = sender.create(PATIENT), sender.create(PATIENT)
        with sessions.begin() as session:
            session.get(Patient, UUID(other["id"])).home_id = row(one).home_id

        sender.delete(one)

        assert row(other).known_home.city == "Olpe"

    def test_gives_a_home_to_whom_it_was_unknown_and_takes_it(
        self, sender, organisation, row, streets, sessions
    ):
        old = sender.create(_without("address"))
        streets.known["all"] = a_street()

        moved_in = sender.update(old, address=[ADDRESS])
        place = row(old).known_home
        assert sender.read("Location", place.id)["address"]["city"] == "Olpe"
        sender.update(moved_in, address=None)

        assert row(old).home is None
        with pytest.raises(DocumentGone):
            sender.read("Location", place.id)
        with sessions() as session:
            assert session.scalars(select(Place)).all() == []

    def test_refuses_another_organisation(self, sender, organisation, sessions):
        old = sender.create(PATIENT)
        with sessions.begin() as session:
            other = an_organisation(session)

        changed = {**old, "managingOrganization": {"reference": f"Organization/{other.id}"}}
        assert sender.refused(changed) == ["Patient.managingOrganization"]

    def test_keeps_the_home_of_whom_nurses_visit(self, sender, sessions):
        with sessions.begin() as session:
            patient = a_world(session).patients[0]
        old = sender.read("Patient", patient.id)

        with pytest.raises(PatientIsVisited, match="address is needed"):
            sender.update(old, address=None)


class TestAPatientWithoutAHome:
    def test_cannot_be_visited(self, sender, organisation, sessions, calendar, now):
        key = UUID(sender.create(_without("address"))["id"])

        with sessions() as session, pytest.raises(HomeUnknown, match="enter the address first"):
            add_order(session, patient_id=key, order=INSULIN, viewer=EVERYONE, now=now)
        with sessions() as session, pytest.raises(HomeUnknown):
            add_visit(
                session,
                patient_id=key,
                title="Besuch",
                windows=[(moment(9), moment(10))],
                minutes=20,
                calendar=calendar,
                viewer=EVERYONE,
                now=now,
            )

    def test_can_be_called_by_video(self, sender, organisation, sessions, now):
        key = UUID(sender.create(_without("address"))["id"])
        with sessions.begin() as session:
            slot = a_slot(session)
            wish = Wish([slot.id])
            booking = book_slots(session, wish=wish, patient_id=key, viewer=EVERYONE, now=now)

        found = sender.read("Appointment", booking.id)

        assert found["participant"][0]["actor"]["reference"] == f"Patient/{key}"


class TestDelete:
    def test_removes_the_patient_and_the_home(self, sender, organisation, sessions, streets, row):
        streets.known["all"] = a_street()
        found = sender.create(PATIENT)

        sender.delete(found)

        with pytest.raises(DocumentGone):
            sender.read("Patient", found["id"])
        with sessions() as session:
            assert session.scalars(select(Patient)).all() == session.scalars(select(Place)).all() == []
            events = session.scalars(select(AuditEvent.action).order_by(AuditEvent.action)).all()
            assert events == ["add_patient", "remove_patient"]

    def test_is_refused_while_somebody_refers_to_the_patient(self, sender, sessions):
        with sessions.begin() as session:
            patient = a_world(session).patients[0]

        with pytest.raises(StillNeeded, match="set it inactive instead"):
            sender.delete(sender.read("Patient", patient.id))


def _without(name: str) -> dict[str, Any]:
    return {each: value for each, value in PATIENT.items() if each != name}
