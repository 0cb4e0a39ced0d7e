"""What a few held resources mean to our own rows."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.appointments.fulfilment import AppointmentNotPromised, ImpossiblePeriod, record_encounter
from careapp.records.held import HeldProvenance
from careapp.records.models import OutboxMessage
from careapp.tours.commands import publish_day
from careapp.visits.models import Visit
from fhir import projector
from fhir.issues import NotSupported, Rejected
from fhir.validation.check import errors
from fhir.writers.held import OurOwnRecord
from fhir.writers.registry import get_writer
from tests.careapp.worlds import DAY, EVERYONE, a_shift, a_visit, moment
from tests.fhir.held.conftest import Json
from tests.fhir.rows import Served, a_plan, a_tour


def an_encounter(appointment: object, patient: object, **elements: object) -> Json:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HH"},
        "subject": {"reference": f"Patient/{patient}"},
        "appointment": [{"reference": f"Appointment/{appointment}"}],
        "period": {"start": "2026-03-02T17:00:00+01:00", "end": "2026-03-02T17:20:00+01:00"},
        **elements,
    }


def an_answer(appointment: object, actor: str, status: str) -> Json:
    return {
        "resourceType": "AppointmentResponse",
        "appointment": {"reference": f"Appointment/{appointment}"},
        "actor": {"reference": actor},
        "participantStatus": status,
    }


class TestEncounter:
    @pytest.fixture
    def visit(self, served: Served) -> Visit:
        return served.double

    @pytest.fixture
    def encounter(self, visit) -> Json:
        return an_encounter(visit.id, visit.patient_id)

    @pytest.mark.parametrize("status", ["in-progress", "finished"])
    def test_that_takes_place_fulfils_the_visit_once(self, server, visit, encounter, sessions, status):
        key = server.create(encounter | {"status": status})
        server.update(key, encounter | {"id": str(key)})

        assert server.read("Appointment", visit.id)["status"] == "fulfilled"
        with sessions() as session:
            topics = session.scalars(
                select(OutboxMessage.topic).where(OutboxMessage.topic.startswith("appointment."))
            ).all()
        assert topics == ["appointment.fulfilled"]

    @pytest.mark.parametrize("status", ["planned", "arrived", "cancelled"])
    def test_that_does_not_take_place_changes_nothing(self, server, visit, encounter, status):
        del encounter["period"]
        server.create(encounter | {"status": status})

        assert server.read("Appointment", visit.id)["status"] == "booked"

    def test_fulfils_a_booking_too(self, server, served):
        booking = served.booking
        server.create(an_encounter(booking.id, booking.patient_id))

        assert server.read("Appointment", booking.id)["status"] == "fulfilled"

    @pytest.mark.parametrize("goes", ["deleted", "mistaken", "elsewhere"])
    def test_that_goes_promises_the_visit_again(self, server, served, visit, encounter, goes):
        key = server.create(encounter)

        if goes == "deleted":
            server.delete("Encounter", key)
        elif goes == "mistaken":
            server.update(key, encounter | {"id": str(key), "status": "entered-in-error"})
        else:
            other = served.world.visits[0]
            server.update(key, an_encounter(other.id, other.patient_id, id=str(key)))
            assert server.read("Appointment", other.id)["status"] == "fulfilled"

        assert server.read("Appointment", visit.id)["status"] == "booked"

    def test_that_goes_leaves_what_another_one_says(self, server, visit, encounter):
        server.create(encounter)
        key = server.create(encounter)

        server.delete("Encounter", key)

        assert server.read("Appointment", visit.id)["status"] == "fulfilled"

    def test_of_a_visit_that_nobody_was_promised_is_refused(self, server, served):
        visit = served.world.visits[2]

        with pytest.raises(AppointmentNotPromised, match="proposed"):
            server.create(an_encounter(visit.id, visit.patient_id))

    def test_in_the_future_is_refused(self, server, encounter):
        with pytest.raises(ImpossiblePeriod):
            server.create(encounter | {"period": {"start": "2026-03-03T09:00:00Z"}})

    def test_with_another_patient_is_refused(self, server, served, visit):
        with pytest.raises(Rejected, match="not the patient") as refused:
            server.create(an_encounter(visit.id, served.world.patients[1].id))

        assert refused.value.issues[0].expression == "Encounter.subject"

    def test_without_a_visit_of_ours_is_held(self, server, served):
        key = server.create(an_encounter(uuid4(), served.world.patients[0].id))

        assert server.find("Encounter", f"patient={served.world.patients[0].id}") == [str(key)]

    def test_is_found_by_its_parts(self, server, visit, encounter):
        nurse = uuid4()
        key = str(
            server.create(
                encounter
                | {
                    "participant": [{"individual": {"reference": f"Practitioner/{nurse}"}}],
                    "identifier": [{"system": "http://example.org/cases", "value": "F-1"}],
                    "account": [{"identifier": {"system": "http://example.org/bills", "value": "A-1"}}],
                }
            )
        )

        for query in (
            f"appointment={visit.id}",
            f"patient.family=probst&subject=Patient/{visit.patient_id}",
            f"practitioner={nurse}",
            "class=HH",
            "status=finished&date=2026-03-02",
            "identifier=F-1",
            "date-start=ge2026-03-02T16:00:00Z&end-date=lt2026-03-02T16:21:00Z",
            "account:identifier=http://example.org/bills|A-1",
            f"appointment.patient={visit.patient_id}",
        ):
            assert server.find("Encounter", query) == [key], query
        assert server.find("Patient", "_has:Encounter:patient:identifier=F-1") == [str(visit.patient_id)]


class TestOwnEncounter:
    def test_shows_who_was_where_and_when(self, server, served, sessions, now):
        visit, nurse = served.double, served.world.nurses[0].practitioner_id
        with sessions.begin() as session:
            encounter = record_encounter(
                session,
                appointment_id=visit.id,
                practitioner_id=nurse,
                began_at=moment(6),
                ended_at=None,
                viewer=EVERYONE,
                now=moment(7),
            )
        assert server.read("Encounter", encounter.id)["status"] == "in-progress"
        with sessions.begin() as session:
            record_encounter(
                session,
                appointment_id=visit.id,
                practitioner_id=nurse,
                began_at=moment(6),
                ended_at=moment(6, 20),
                viewer=EVERYONE,
                now=moment(7),
            )

        found = server.read("Encounter", encounter.id)
        assert errors(found) == []
        assert (found["status"], found["class"]["code"]) == ("finished", "HH")
        assert found["period"] == {"start": "2026-03-03T06:00:00Z", "end": "2026-03-03T06:20:00Z"}
        assert found["basedOn"] == [{"reference": f"ServiceRequest/{served.world.orders[0].id}"}]
        assert found["participant"] == [{"individual": {"reference": f"Practitioner/{nurse}"}}]
        assert found["location"] == [{"location": {"reference": f"Location/{visit.patient.home_id}"}}]
        assert server.read("Appointment", visit.id)["status"] == "fulfilled"
        assert server.find("Encounter", f"appointment={visit.id}&class=HH") == [str(encounter.id)]
        with sessions.begin() as session:
            assert projector.rebuild(session, now=now) == 0

    def test_of_a_booking_is_virtual(self, server, served, sessions):
        with sessions.begin() as session:
            encounter = record_encounter(
                session,
                appointment_id=served.booking.id,
                practitioner_id=None,
                began_at=moment(7),
                ended_at=moment(7, 10),
                viewer=EVERYONE,
                now=moment(8),
            )

        found = server.read("Encounter", encounter.id)
        assert found["class"]["code"] == "VR"
        assert "location" not in found


class TestAppointmentResponse:
    def test_is_the_participants_status(self, server, served):
        visit = served.double
        first, second = (f"Practitioner/{nurse.practitioner_id}" for nurse in served.world.nurses)
        server.create(an_answer(visit.id, first, "declined"))
        key = server.create(an_answer(visit.id, f"PractitionerRole/{served.world.nurses[1].id}", "accepted"))
        server.update(key, an_answer(visit.id, second, "tentative") | {"id": str(key)})

        found = server.read("Appointment", visit.id)
        assert {each["actor"]["reference"]: each["status"] for each in found["participant"]} == {
            f"Patient/{visit.patient_id}": "accepted",
            first: "declined",
            second: "tentative",
            f"Location/{visit.patient.home_id}": "accepted",
        }
        assert server.find("AppointmentResponse", f"appointment={visit.id}&part-status=tentative") == [
            str(key)
        ]

        server.delete("AppointmentResponse", key)

        found = server.read("Appointment", visit.id)
        assert [each["status"] for each in found["participant"]] == [
            "accepted",
            "declined",
            "accepted",
            "accepted",
        ]

    def test_counts_as_the_last_of_its_actor(self, server, served):
        visit = served.double
        patient = f"Patient/{visit.patient_id}"
        server.create(an_answer(visit.id, patient, "declined"))
        server.asking = replace(server.asking, now=server.asking.now + timedelta(minutes=1))
        server.create(an_answer(visit.id, patient, "accepted"))

        assert server.read("Appointment", visit.id)["participant"][0]["status"] == "accepted"

    def test_of_somebody_else_is_refused(self, server, served):
        with pytest.raises(Rejected, match="does not take part"):
            server.create(an_answer(served.double.id, f"Patient/{served.world.patients[2].id}", "accepted"))

    def test_of_a_doctor_counts(self, server, served):
        booking = served.booking
        server.create(
            an_answer(booking.id, f"Practitioner/{served.world.doctor.practitioner_id}", "tentative")
        )

        statuses = [each["status"] for each in server.read("Appointment", booking.id)["participant"]]
        assert statuses == ["accepted", "tentative"]


class TestProvenance:
    @pytest.fixture
    def key(self, server, served, sessions, now) -> object:
        with sessions.begin() as session:
            visit = a_visit(session, session.merge(served.world.patients[2], load=False))
            nurse = session.merge(served.world.nurses[0], load=False)
            plan = a_plan(session)
            shift = a_shift(session, nurse, starts_at=moment(14))
            tour = a_tour(session, nurse, [visit], plan=plan, shift=shift)
            for stop in tour.stops:
                stop.arrives_at = moment(15)
                stop.starts_at = visit.starts_at = moment(15, 1)
                stop.ends_at = visit.ends_at = moment(15, 21)
        with sessions.begin() as session:
            publish_day(session, date=DAY, viewer=EVERYONE, now=now)
            return session.scalars(select(HeldProvenance.id)).one(), tour.id

    def test_of_published_tours_names_planner_seed_and_publisher(self, server, key):
        provenance, tour = key

        found = server.read("Provenance", provenance)
        assert errors(found) == []
        assert found["target"] == [{"reference": f"List/{tour}"}]
        assert found["recorded"] == "2026-03-02T17:00:00Z"
        planner, publisher = found["agent"]
        assert [each["valueString"] for each in planner["extension"]] == ["1", "0", "1", "estimate"]
        assert publisher["who"]["identifier"]["value"] == EVERYONE.name
        assert server.find("Provenance", f"target=List/{tour}") == [str(provenance)]
        assert server.find("Provenance", "recorded=2026-03-02&agent-type=assembler") == [str(provenance)]

    def test_of_ours_is_nobodys_to_change(self, server, key):
        provenance, _ = key

        with pytest.raises(OurOwnRecord):
            server.update(provenance, server.read("Provenance", provenance))
        with pytest.raises(OurOwnRecord):
            server.delete("Provenance", provenance)


class TestAuditEvent:
    def test_shows_who_did_what(self, server, served, sessions):
        visit = served.double
        server.create(an_encounter(visit.id, visit.patient_id))

        (key,) = server.find("AuditEvent", "subtype=fulfil_appointment")
        found = server.read("AuditEvent", key)

        assert errors(found) == []
        assert (found["action"], found["outcome"]) == ("U", "0")
        assert found["agent"][0]["name"] == EVERYONE.name
        assert found["entity"][0]["what"] == {"reference": f"Appointment/{visit.id}"}
        assert server.find("AuditEvent", f"entity=Appointment/{visit.id}") == [key]
        assert key in server.find("AuditEvent", "action=U&date=2026-03-02&agent-name=region")
        assert key not in server.find("AuditEvent", "action=C,R,D,E")

    def test_is_not_written_by_others(self, server):
        with pytest.raises(NotSupported):
            get_writer("AuditEvent", "create")
