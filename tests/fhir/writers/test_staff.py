"""Organisations, places, and people who give care, from other systems."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from careapp.errors import Invalid
from careapp.organisations.commands import NotYourOrganisation, RegionWideOnly
from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from careapp.people.models import Practitioner, RoleKind, VehicleKind
from careapp.people.queries import get_role
from careapp.removal import StillNeeded
from careapp.roads.places import PlacedBy, Precision
from fhir.issues import NotSupported, Rejected
from fhir.mapping import codes
from fhir.read import DocumentGone
from fhir.writers.parts import OWNER
from tests.careapp.worlds import (
    EVERYONE,
    a_doctor,
    a_nurse,
    a_patient,
    a_place,
    a_skill,
    a_world,
    an_organisation,
    coordinator_of,
)
from tests.fhir.writers.conftest import a_street

PRACTITIONER: dict[str, Any] = {
    "resourceType": "Practitioner",
    "identifier": [{"system": "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR", "value": "123456601"}],
    "name": [{"use": "official", "family": "Arzt", "given": ["Anton"], "prefix": ["Dr. med."]}],
    "gender": "male",
    "qualification": [{"code": {"text": "Facharzt"}}],
}


@pytest.fixture
def organisation(sessions):
    with sessions.begin() as session:
        found = an_organisation(session)
        found.is_synthetic = False
        return found


@pytest.fixture
def row(sessions):
    """Return a row by its table and the resource."""

    def row(table: type[Any], resource: dict[str, Any]) -> Any:
        with sessions() as session:
            return session.get(table, UUID(resource["id"]))

    return row


class TestAPractitioner:
    def test_is_made_and_comes_back_as_it_was_sent(self, sender, organisation, row):
        found = sender.create(PRACTITIONER)

        person = row(Practitioner, found)
        assert (person.family_name, person.title, person.gender) == ("Arzt", "Dr. med.", "male")
        assert person.organisation_id == organisation.id
        for name in ("identifier", "qualification", "gender"):
            assert found[name] == PRACTITIONER[name]
        assert found["name"][0].items() >= PRACTITIONER["name"][0].items()

    def test_belongs_to_whom_the_extension_names(self, sender, organisation, sessions, row):
        with sessions.begin() as session:
            other = an_organisation(session)
        owner = {"url": OWNER, "valueReference": {"reference": f"Organization/{other.id}"}}

        assert sender.refused(PRACTITIONER) == [f"Practitioner.extension('{OWNER}')"]
        found = sender.create({**PRACTITIONER, "extension": [owner]})

        assert row(Practitioner, found).organisation_id == other.id

    def test_is_changed_and_deleted(self, sender, organisation, row):
        old = sender.create(PRACTITIONER)

        found = sender.update(old, active=False, qualification=None)
        assert (row(Practitioner, found).is_active, "qualification" in found) == (False, False)
        sender.delete(found)

        with pytest.raises(DocumentGone):
            sender.read("Practitioner", found["id"])

    def test_is_not_deleted_while_there_is_a_role(self, sender, sessions):
        with sessions.begin() as session:
            nurse = a_nurse(session)

        with pytest.raises(StillNeeded, match="role"):
            sender.delete(sender.read("Practitioner", nurse.practitioner_id))


class TestARole:
    def a_role(self, sender, **changed: Any) -> dict[str, Any]:
        person = sender.create(PRACTITIONER)
        return {
            "resourceType": "PractitionerRole",
            "practitioner": {"reference": f"Practitioner/{person['id']}"},
            "availabilityExceptions": "nicht an Feiertagen",
            **changed,
        }

    @pytest.fixture
    def base(self, sessions, organisation):
        with sessions.begin() as session:
            a_skill(session, "wound")
            a_skill(session, "care")
            return a_place(session, session.merge(organisation), kind=PlaceKind.BASE)

    @pytest.fixture
    def role(self, sessions):
        def role(resource):
            with sessions() as session:
                return get_role(session, role_id=UUID(resource["id"]), viewer=EVERYONE)

        return role

    def test_follows_from_the_organisation_where_nobody_says(self, sender, base, role):
        found = sender.create(self.a_role(sender))

        row = role(found)
        assert (row.kind, row.base_id, row.vehicle) == (RoleKind.NURSE, base.id, VehicleKind.CAR)
        assert found["availabilityExceptions"] == "nicht an Feiertagen"
        assert found["location"] == [{"reference": f"Location/{base.id}"}]

    def test_has_skills_with_grades(self, sender, base, role):
        graded = {
            "extension": [{"url": codes.EXTENSION + "skill-grade", "valuePositiveInt": 3}],
            "coding": [{"system": codes.SKILL, "code": "wound"}],
        }
        theirs = {"coding": [{"system": "http://snomed.info/sct", "code": "224535009"}]}
        found = sender.create(self.a_role(sender, code=[theirs, graded]))
        assert {each.skill_code: each.grade for each in role(found).skills} == {"wound": 3}
        assert theirs in found["code"]

        plain = {"coding": [{"system": codes.SKILL, "code": "care"}]}
        changed = sender.update(found, code=[theirs, plain])

        assert {each.skill_code: each.grade for each in role(changed).skills} == {"care": 1}
        shown = {coding["code"] for each in changed["code"] for coding in each["coding"]}
        assert shown == {"224535009", "nurse", "care"}

    def test_of_a_doctor_has_a_specialty(self, sender, sessions, organisation, base, role):
        found = sender.create(
            self.a_role(
                sender,
                code=[{"coding": [{"system": codes.PRACTITIONER_ROLE, "code": "doctor"}]}],
                specialty=[{"coding": [{"system": codes.SPECIALTY, "code": "ALLG"}]}],
                location=[{"reference": f"Location/{base.id}"}],
            )
        )

        assert (role(found).kind, role(found).specialty, role(found).vehicle) == ("doctor", "ALLG", None)
        nurse = [{"coding": [{"system": codes.PRACTITIONER_ROLE, "code": "nurse"}]}]
        with pytest.raises(Rejected, match="stays so"):
            sender.update(found, code=nurse)

    def test_keeps_a_base_that_is_not_shown(self, sender, sessions, role):
        with sessions.begin() as session:
            organisation = an_organisation(session)
            home = a_place(session, organisation)
            nurse = a_nurse(session, organisation, base=home)
        old = sender.read("PractitionerRole", nurse.id)
        assert "location" not in old

        sender.update(old, active=False)

        assert (role(old).base_id, role(old).is_active) == (home.id, False)

    def test_needs_a_place_if_there_are_several_or_none(self, sender, organisation, sessions):
        assert sender.refused(self.a_role(sender)) == ["PractitionerRole.location"]

    def test_never_changes_hands(self, sender, base):
        old = sender.create(self.a_role(sender))
        other = sender.create(PRACTITIONER)

        changed = {**old, "practitioner": {"reference": f"Practitioner/{other['id']}"}}
        assert sender.refused(changed) == ["PractitionerRole.practitioner"]

    def test_is_deleted_with_its_skills(self, sender, base):
        found = sender.create(
            self.a_role(sender, code=[{"coding": [{"system": codes.SKILL, "code": "care"}]}])
        )

        sender.delete(found)

        with pytest.raises(DocumentGone):
            sender.read("PractitionerRole", found["id"])

    def test_of_ours_stays_the_same_if_it_is_sent_back(self, sender, sessions):
        with sessions.begin() as session:
            world = a_world(session)
        for nurse in (*world.nurses, world.doctor):
            old = sender.read("PractitionerRole", nurse.id)

            sender.update(old)

            assert sender.read("PractitionerRole", nurse.id) == old

    @pytest.mark.parametrize("skill", ["unheard", "care"])
    def test_refuses_skills_that_nobody_knows_or_doctors_have(self, sender, base, skill):
        code = [
            {
                "coding": [
                    {"system": codes.PRACTITIONER_ROLE, "code": "doctor" if skill == "care" else "nurse"}
                ]
            },
            {"coding": [{"system": codes.SKILL, "code": skill}]},
        ]

        with pytest.raises(Invalid):
            sender.create(self.a_role(sender, code=code))


A_PRACTICE = {"coding": [{"system": codes.OUR_ORGANIZATION_TYPE, "code": "practice"}]}


class TestAnOrganization:
    def test_is_taken_in_by_the_region(self, sender, row, sessions):
        sent = {
            "resourceType": "Organization",
            "type": [A_PRACTICE],
            "name": "Praxis am Markt",
            "telecom": [
                {"system": "phone", "value": "02761 9"},
                {"system": "url", "value": "https://p.example"},
            ],
            "alias": ["Markt"],
        }

        found = sender.create(sent)

        assert row(Organisation, found).kind == OrganisationKind.PRACTICE
        assert (found["alias"], found["telecom"]) == (sent["alias"], sent["telecom"])
        with sessions.begin() as session:
            own = coordinator_of(an_organisation(session))
        with pytest.raises(RegionWideOnly):
            sender.seen_as(own).create(sent)
        number = {"system": "http://fhir.de/sid/arge-ik/iknr", "value": "260326822"}
        nameless = {"resourceType": "Organization", "identifier": [number]}
        assert sender.refused(nameless) == ["Organization.type", "Organization.name"]

    def test_is_changed_by_its_own_only(self, sender, organisation, sessions, row):
        with sessions.begin() as session:
            practice = an_organisation(session, kind=OrganisationKind.PRACTICE)
        old = sender.read("Organization", organisation.id)
        own = sender.seen_as(coordinator_of(organisation))

        found = own.update(old, name="Neu", telecom=[{"system": "phone", "value": "1"}], partOf=None)

        assert (row(Organisation, found).name, row(Organisation, found).phone) == ("Neu", "1")
        with pytest.raises(NotYourOrganisation):
            own.update(sender.read("Organization", practice.id), name="Fremd")
        assert sender.refused({**found, "type": [A_PRACTICE]}) == ["Organization.type"]

    def test_is_never_deleted(self, sender, organisation):
        with pytest.raises(NotSupported):
            sender.delete(sender.read("Organization", organisation.id))


class TestALocation:
    def a_location(self, **changed: Any) -> dict[str, Any]:
        whole = {
            "resourceType": "Location",
            "name": "Stützpunkt Olpe",
            "status": "active",
            "position": {"longitude": 7.85, "latitude": 51.03},
            "description": "Hinterhof",
            **changed,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def test_is_made_at_its_position(self, sender, organisation, row):
        found = sender.create(self.a_location())

        place = row(Place, found)
        assert (place.kind, place.name, place.latitude) == (PlaceKind.BASE, "Stützpunkt Olpe", 51.03)
        assert (place.placed_by, place.organisation_id) == (PlacedBy.PERSON, organisation.id)
        assert found["description"] == "Hinterhof"

    def test_is_made_where_the_address_is(self, sender, organisation, row, streets):
        streets.known["all"] = a_street()
        address = {"line": ["Am Bach 3"], "city": "Olpe", "postalCode": "57462"}

        place = row(Place, sender.create(self.a_location(position=None, address=address)))

        assert (place.latitude, place.precision) == (51.1, Precision.HOUSE)

    def test_needs_to_be_somewhere_in_use_and_no_home(self, sender, organisation):
        home = [{"coding": [{"system": codes.ROLE_CODE, "code": "PTRES"}]}]

        assert sender.refused(self.a_location(position=None, status="suspended", type=home, mode="kind")) == [
            "Location.type",
            "Location.status",
            "Location.mode",
            "Location.position",
        ]

    def test_of_a_patient_is_moved(self, sender, sessions, row):
        with sessions.begin() as session:
            patient = a_patient(session)
        old = sender.read("Location", patient.home_id)

        found = sender.update(old, position={"latitude": 51.4, "longitude": 8.0}, alias=["oben"])

        place = row(Place, found)
        assert (place.latitude, place.name, place.street) == (51.4, None, "Musterweg")
        assert found["alias"] == ["oben"]
        with pytest.raises(StillNeeded):
            sender.delete(found)

    def test_is_deleted_if_nobody_works_there(self, sender, organisation):
        found = sender.create(self.a_location())

        sender.delete(found)

        with pytest.raises(DocumentGone):
            sender.read("Location", found["id"])


class TestAHealthcareService:
    def test_takes_what_we_do_not_use(self, sender, sessions):
        with sessions.begin() as session:
            doctor = a_doctor(session)
        old = sender.read("HealthcareService", doctor.organisation_id)

        found = sender.update(old, comment="barrierefrei", appointmentRequired=True)

        assert (found["comment"], found["appointmentRequired"]) == ("barrierefrei", True)
        phone = {"system": "phone", "value": "02761 4"}
        assert sender.refused({**found, "name": "Anders", "active": False, "telecom": [phone]}) == [
            "HealthcareService.active",
            "HealthcareService.name",
            "HealthcareService.telecom[0]",
        ]

    def test_is_neither_made_nor_deleted(self, sender, organisation):
        old = sender.read("HealthcareService", organisation.id)

        with pytest.raises(NotSupported):
            sender.create({**old, "id": str(uuid4())})
        with pytest.raises(NotSupported):
            sender.delete(old)
