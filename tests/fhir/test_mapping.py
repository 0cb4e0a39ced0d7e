"""What leaves us: every document over a small world, and the decisions of each mapping."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

import fhir.mapping.patient
from careapp.appointments.models import AppointmentStatus
from careapp.calls.models import Call, CallMedium, ProviderKind
from careapp.organisations.models import Municipality, PlaceKind
from careapp.people.models import RoleSkill
from careapp.records.held import HeldResource
from fhir.mapping import codes
from fhir.mapping.registry import RESOURCES, UnknownKind, get_resource
from fhir.validation.check import errors
from fhir.validation.structure import model_of
from tests.careapp.worlds import DAY, a_skill, moment
from tests.fhir.rows import Served, a_served_world
from tests.keys import all_contents, content_of

KINDS = [resource.kind for resource in RESOURCES]
SHARED = {
    "__init__",
    "audit_shape",
    "codes",
    "consultation",
    "elements",
    "registry",
    "request",
    "resource",
    "rhythm",
    "tenant",
    "timing",
}

Json = dict[str, Any]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """What is shown is the same on every database; `test_projector` writes it on both."""
    return sqlite_engine


@pytest.fixture
def served(sessions: sessionmaker[Session]) -> Served:
    with sessions.begin() as session:
        return a_served_world(session)


@pytest.fixture
def document(sessions: sessionmaker[Session]) -> Callable[[str, Any], Json]:
    def document(kind: str, key: Any) -> Json:
        with sessions() as session:
            content = content_of(session, kind, key)
        found: Json = orjson.loads(content)
        return found

    return document


class TestRegistry:
    def test_holds_each_mapping_file_once(self):
        folder = Path(fhir.mapping.patient.__file__).parent
        files = {path.stem for path in folder.glob("*.py")} - SHARED
        held = {path.stem for path in (folder / "held").glob("*.py")} - {"__init__", "declared"}

        with_rows = [each for each in RESOURCES if not issubclass(each.table, HeldResource)]
        modules = [each.to_fhir.__module__.rpartition(".")[2] for each in with_rows]
        kinds = [each.kind for each in RESOURCES if issubclass(each.table, HeldResource)]

        assert sorted(modules) == sorted(files)
        assert sorted(kinds) == sorted(stem.title().replace("_", "") for stem in held)

    def test_names_each_kind_once(self):
        assert len(set(KINDS)) == len(KINDS)

    def test_refuses_a_kind_that_is_not_served(self):
        with pytest.raises(UnknownKind, match="Appointment, AppointmentResponse"):
            get_resource("Observation")

    @pytest.mark.parametrize("kind", KINDS)
    def test_orders_each_kind_by_a_parameter_that_can_be_sorted_by(self, kind: str):
        resource = get_resource(kind)

        assert resource.all_parameters[resource.order].sort is not None


class TestEveryDocument:
    @pytest.fixture
    def documents(self, sessions, served) -> list[Json]:
        with sessions() as session:
            made = [select(each.documents.content) for each in RESOURCES if not each.is_kept]
            found = [content for contents in made for content in session.scalars(contents)]
            return [orjson.loads(content) for content in (*all_contents(session), *found)]

    def test_of_each_kind_is_there(self, documents):
        assert {document["resourceType"] for document in documents} == set(KINDS)

    def test_passes_the_library_and_our_own_checks(self, documents):
        assert {document["id"]: found for document in documents if (found := errors(document))} == {}

    def test_has_its_elements_in_the_order_of_the_specification(self, documents):
        for document in documents:
            model = model_of(document["resourceType"]).model_validate(document)

            assert list(misplaced(model, document)) == []

    def test_says_that_its_data_are_invented(self, documents):
        # A subscription is somebody's wish, in the demo region too.
        about_the_region = [each for each in documents if each["resourceType"] != "Subscription"]
        tagged = [
            document
            for document in about_the_region
            if {"system": codes.ACT_REASON, "code": "HTEST", "display": "test health data"}
            in document["meta"]["tag"]
        ]

        assert tagged == about_the_region

    def test_refers_only_to_resources_that_exist(self, documents):
        known = {f"{document['resourceType']}/{document['id']}" for document in documents}

        assert {target for document in documents for target in references(document)} - known == set()


def misplaced(model: BaseModel, element: Json) -> Iterator[str]:
    sequence: list[str] = ["resourceType", *type(model).elements_sequence()]  # type: ignore[attr-defined]
    places = [sequence.index(name) for name in element if not name.startswith("_")]
    if places != sorted(places):
        yield f"{type(model).__name__}: {list(element)}"
    for name, value in model.__dict__.items():
        alias = type(model).model_fields[name].alias or name
        parts = element.get(alias)
        for part, json in zip(
            value if isinstance(value, list) else [value],
            parts if isinstance(parts, list) else [parts],
            strict=True,
        ):
            if isinstance(part, BaseModel) and isinstance(json, dict):
                yield from misplaced(part, json)


def references(element: object) -> Iterator[str]:
    if isinstance(element, dict):
        if isinstance(element.get("reference"), str):
            yield element["reference"]
        for part in element.values():
            yield from references(part)
    elif isinstance(element, list):
        for part in element:
            yield from references(part)


def value_of(element: Json, name: str) -> Any:
    """The value of one of our own extensions."""
    (found,) = (each for each in element["extension"] if each["url"] == codes.EXTENSION + name)
    (value,) = (value for key, value in found.items() if key.startswith("value"))
    return value


class TestVisit:
    def test_is_a_request_with_its_windows_until_it_is_planned(self, served, document):
        found = document("Appointment", served.world.visits[2].id)

        assert found["status"] == "proposed"
        assert "start" not in found
        # 07:00 to 09:00 in Berlin is the window for the start; the visit takes 20 minutes more.
        assert found["requestedPeriod"] == [{"start": "2026-03-03T06:00:00Z", "end": "2026-03-03T08:20:00Z"}]
        assert found["minutesDuration"] == 20
        assert {each["status"] for each in found["participant"]} == {"tentative"}

    def test_has_its_patient_its_nurses_and_the_home_once_planned(self, served, document):
        found = document("Appointment", served.double.id)

        patient, nurses, home = served.world.patients[0], served.world.nurses, served.world.patients[0].home
        assert [(each["actor"]["reference"], each["actor"]["display"]) for each in found["participant"]] == [
            (f"Patient/{patient.id}", "Paula Probst 1"),
            (f"Practitioner/{nurses[0].practitioner_id}", "Petra Abel"),
            (f"Practitioner/{nurses[1].practitioner_id}", "Petra Berg"),
            (f"Location/{home.id}", "Musterweg 1, Arnsberg"),
        ]
        assert {each["status"] for each in found["participant"]} == {"accepted"}
        assert {each["required"] for each in found["participant"]} == {"required"}
        assert (found["start"], found["end"]) == ("2026-03-03T06:00:00Z", "2026-03-03T06:20:00Z")
        assert found["basedOn"] == [{"reference": f"ServiceRequest/{served.world.orders[0].id}"}]
        assert value_of(found, "crew-size") == 2

    @pytest.mark.parametrize(("ours", "fhirs"), [(4, 1), (3, 3), (2, 5), (1, 9)])
    def test_turns_its_priority_round(self, sessions, served, document, ours, fhirs):
        with sessions.begin() as session:
            session.merge(served.double).priority = ours

        assert document("Appointment", served.double.id)["priority"] == fhirs

    def test_says_why_it_was_cancelled(self, sessions, served, document):
        with sessions.begin() as session:
            visit = session.merge(served.world.visits[2])
            visit.status, visit.cancelled_because = AppointmentStatus.CANCELLED, "pat"

        found = document("Appointment", served.world.visits[2].id)

        assert found["status"] == "cancelled"
        assert found["cancelationReason"]["coding"][0] == {"system": codes.CANCELLATION_REASON, "code": "pat"}


class TestBooking:
    def test_is_a_video_appointment_of_patient_and_doctor_in_the_slot(self, served, document):
        found = document("Appointment", served.booking.id)

        assert found["meta"]["profile"] == [codes.ISIK_APPOINTMENT]
        assert found["slot"] == [{"reference": f"Slot/{served.world.slot.id}"}]
        assert found["specialty"][0]["coding"][0] == {"system": codes.SPECIALTY, "code": "ALLG"}
        assert found["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "VR"
        assert found["supportingInformation"] == [{"reference": f"Appointment/{served.world.visits[1].id}"}]
        assert [each["actor"]["display"] for each in found["participant"]] == [
            "Paula Probst 2",
            "Dr. Petra Arzt",
        ]

    def test_says_that_it_is_a_call_and_who_carries_it_but_not_where(self, served, document, sessions):
        booking = served.booking

        before = document("Appointment", booking.id)["extension"][1]
        with sessions.begin() as session:
            session.add(
                Call(
                    id=uuid4(),
                    organisation_id=booking.organisation_id,
                    booking_id=booking.id,
                    provider=ProviderKind.EXTERNAL,
                    room="a room by chance",
                    medium=CallMedium.VIDEO,
                    made_at=moment(1),
                )
            )
        after = document("Appointment", booking.id)["extension"][1]

        assert before["url"] == after["url"] == f"{codes.FROM_R5}Appointment.virtualService"
        told = [
            {
                part["url"]: next(value for key, value in part.items() if key != "url")
                for part in each["extension"]
            }
            for each in (before, after)
        ]
        assert [set(each) for each in told] == [{"_datatype", "channelType"}] * 2
        assert [each["channelType"]["code"] for each in told] == ["video", "external"]


class TestKindsOfConsultation:
    def test_stand_beside_the_video_consultation(self, served, document):
        kinds = [
            [one["coding"][0]["code"] for one in document(kind, key)["serviceType"]]
            for kind, key in (
                ("Schedule", served.world.schedule.id),
                ("Appointment", served.booking.id),
            )
        ]

        assert kinds == [
            [codes.VIDEO_CONSULTATION, codes.ASSISTED_CONSULTATION, codes.COLLEAGUE_CONSULTATION],
            [codes.VIDEO_CONSULTATION],
        ]


class TestSchedule:
    def test_is_the_doctors_with_a_name_a_specialty_and_a_display(self, served, document):
        found = document("Schedule", served.world.schedule.id)

        assert found["meta"]["profile"] == [codes.ISIK_SCHEDULE]
        assert found["extension"] == [
            {"url": codes.FROM_R5 + "Schedule.name", "valueString": "Videosprechstunde"}
        ]
        assert found["actor"][0] == {
            "reference": f"Practitioner/{served.world.doctor.practitioner_id}",
            "display": "Dr. Petra Arzt",
        }
        # ISiK's slice Akteur may occur once.
        targets = [each["reference"].partition("/")[0] for each in found["actor"]]
        assert len({"Practitioner", "HealthcareService", "Location"}.intersection(targets)) == 1


class TestTour:
    def test_is_a_list_of_its_visits_in_their_order(self, served, document):
        found = document("List", served.tours[0].id)

        assert (found["status"], found["mode"]) == ("current", "snapshot")
        assert found["source"] == {
            "reference": f"PractitionerRole/{served.world.nurses[0].id}",
            "display": "Petra Abel",
        }
        assert [entry["item"]["reference"] for entry in found["entry"]] == [
            f"Appointment/{visit.id}" for visit in (served.double, *served.world.visits[:2])
        ]
        assert value_of(found, "tour-date") == DAY.isoformat()
        assert value_of(found, "travel-metres") == 9000
        assert value_of(found["entry"][0], "arrival") == "2026-03-03T05:59:00Z"
        assert value_of(found["entry"][0], "travel-seconds") == 480
        assert value_of(found, "break") == {"start": "2026-03-03T08:00:00Z", "end": "2026-03-03T08:30:00Z"}


class TestOrganisation:
    def test_is_shown_with_its_premises_never_with_a_home(self, served, document):
        found = document("Organization", served.world.organisation.id)

        assert len(found["address"]) == 1
        assert found["address"][0]["use"] == "work"

    def test_offers_home_care_or_video_consultations(self, served, document):
        care = document("HealthcareService", served.world.organisation.id)
        video = document("HealthcareService", served.world.practice.id)

        assert care["type"][0]["coding"][0]["code"] == "home-care"
        assert "profile" not in care["meta"]
        assert video["type"][0]["coding"][0]["code"] == "video-consultation"
        assert video["meta"]["profile"] == [codes.ISIK_HEALTHCARE_SERVICE]
        assert video["telecom"] == [{"system": "phone", "value": "02931 1000"}]


class TestPerson:
    def test_has_an_insurance_number_and_an_address_as_german_profiles_want(self, sessions, served, document):
        patient = served.world.patients[0]
        with sessions.begin() as session:
            session.add(
                Municipality(
                    ags="05958004",
                    name="Arnsberg",
                    district="Hochsauerlandkreis",
                    population=73000,
                    latitude=51.4,
                    longitude=8.06,
                )
            )
            session.flush()
            session.merge(patient.home).municipality_ags = "05958004"

        found = document("Patient", patient.id)

        (identifier,) = found["identifier"]
        assert identifier["system"] == "http://fhir.de/sid/gkv/kvid-10"
        assert identifier["type"]["coding"][0]["code"] == "GKV"
        (address,) = found["address"]
        assert address["line"] == ["Musterweg 1"]
        assert [each["url"].rpartition("-")[2] for each in address["_line"][0]["extension"]] == [
            "streetName",
            "houseNumber",
        ]
        assert address["extension"][0]["url"].endswith("ADXP-precinct")
        assert address["_city"]["extension"][0]["valueCoding"]["code"] == "05958004"

    def test_marks_a_title_as_academic(self, served, document):
        (name,) = document("Practitioner", served.world.doctor.practitioner_id)["name"]

        assert name["prefix"] == ["Dr."]
        assert name["_prefix"][0]["extension"][0]["valueCode"] == "AC"

    def test_shows_a_nurses_skills_with_their_grades(self, sessions, served, document):
        nurse = served.world.nurses[0]
        with sessions.begin() as session:
            a_skill(session, "wound-care")
            session.add(RoleSkill(role_id=nurse.id, skill_code="wound-care", grade=3))

        found = document("PractitionerRole", nurse.id)

        (skill,) = (code for code in found["code"] if code["coding"][0]["code"] == "wound-care")
        assert value_of(skill, "skill-grade") == 3

    def test_does_not_show_where_a_nurse_lives(self, sessions, served, document):
        nurse = served.world.nurses[0]
        assert "location" in document("PractitionerRole", nurse.id)

        with sessions.begin() as session:
            session.merge(nurse.base).kind = PlaceKind.HOME

        assert "location" not in document("PractitionerRole", nurse.id)
