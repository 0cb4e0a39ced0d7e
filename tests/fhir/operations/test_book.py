"""`$book` as gematik's ISiK Terminplanung (Stufe 4 and 5) describes it."""

from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import func, select

from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.consultations.booking import BookingEnded, cancel_booking
from careapp.consultations.holds import hold_slots
from careapp.consultations.models import Booking, Schedule, Slot, SlotStatus
from careapp.consultations.taking import SlotTaken
from careapp.people.models import Patient
from careapp.records.models import Document
from fhir import projector
from fhir.issues import Malformed, Rejected
from fhir.mapping import codes
from tests.careapp.worlds import EVERYONE, a_patient, a_slot, a_visit, coordinator_of, moment
from tests.fhir.operations.conftest import an_appointment, parameters
from tests.keys import content_of

OTHER_SERVICES = "http://terminology.hl7.org/CodeSystem/service-type"


@pytest.fixture
def patient(world):
    return world.patients[0]


@pytest.fixture
def statuses(sessions):
    """Statuses of slots, as rows and as documents, which agree."""

    def statuses(*slots):
        with sessions() as session:
            rows = [session.get_one(Slot, slot.id).status.value for slot in slots]
            for slot, status in zip(slots, rows, strict=True):
                document = session.get_one(Document, ("Slot", slot.id))
                assert orjson.loads(document.content)["status"] == status
        return rows

    return statuses


def slot_ids(appointment):
    return [each["reference"].removeprefix("Slot/") for each in appointment["slot"]]


def expressions(refused):
    return [issue.expression for issue in refused.value.issues]


class TestBook:
    def test_takes_a_bare_appointment(self, send, slots, patient, statuses):
        status, booked = send(an_appointment(patient, slots[0]))

        assert status == 201
        assert booked["status"] == "booked"
        assert booked["id"] != "client-own-id"
        assert slot_ids(booked) == [str(slots[0].id)]
        assert statuses(*slots) == ["busy", "free", "free"]

    def test_takes_it_from_parameters(self, send, slots, patient):
        status, booked = send(parameters(appt_resource=an_appointment(patient, slots[0])))

        assert (status, booked["status"]) == (201, "booked")

    def test_brings_back_what_we_do_not_use(self, send, slots, patient):
        _, booked = send(an_appointment(patient, slots[0]))

        sent = an_appointment(patient, slots[0])
        assert booked["comment"] == "internal"
        assert booked["_priority"] == sent["_priority"]
        assert sent["meta"]["tag"][0] in booked["meta"]["tag"]
        actors = [each["actor"]["reference"].partition("/")[0] for each in booked["participant"]]
        assert actors == ["Patient", "Practitioner"]
        assert codes.ISIK_APPOINTMENT in booked["meta"]["profile"]

    def test_takes_several_slots_that_follow_each_other(self, send, slots, patient, statuses, sessions):
        _, booked = send(an_appointment(patient, *slots))

        assert slot_ids(booked) == [str(slot.id) for slot in slots]
        assert (booked["start"], booked["end"]) == ("2026-03-03T08:00:00Z", "2026-03-03T08:45:00Z")
        assert statuses(*slots) == ["busy"] * 3

    def test_takes_a_part_of_a_slots_time(self, send, slots, patient):
        _, booked = send(an_appointment(patient, slots[0], end="2026-03-03T09:10:00+01:00"))

        assert booked["end"] in {"2026-03-03T08:10:00Z", "2026-03-03T09:10:00+01:00"}

    def test_books_one_after_the_other(self, send, slots, world):
        # Half-open times: the first ends when the second begins.
        first, _ = send(an_appointment(world.patients[0], slots[0]))
        second, _ = send(an_appointment(world.patients[1], slots[1]))

        assert (first, second) == (201, 201)

    def test_finds_the_slots_of_a_schedule(self, send, slots, patient, world):
        asked = an_appointment(patient, *slots[:2])
        del asked["slot"]

        status, booked = send(
            parameters(appt_resource=asked, schedule={"reference": f"Schedule/{world.schedule.id}"})
        )

        assert status == 201
        assert slot_ids(booked) == [str(slot.id) for slot in slots[:2]]

    def test_is_pending_where_a_practice_confirms(self, send, slots, patient, sessions, world, statuses):
        with sessions.begin() as session:
            session.get_one(Schedule, world.schedule.id).needs_confirmation = True

        status, booked = send(an_appointment(patient, slots[0]))

        assert (status, booked["status"]) == (202, "pending")
        assert statuses(slots[0]) == ["busy"]

    def test_points_to_the_visit_at_which_a_nurse_helps(self, send, slots, patient, sessions):
        with sessions.begin() as session:
            visit = a_visit(
                session,
                session.merge(patient, load=False),
                minutes=40,
                status=AppointmentStatus.BOOKED,
                starts_at=moment(8),
            )
        visit_reference = {"reference": f"Appointment/{visit.id}"}

        _, booked = send(an_appointment(patient, slots[0], supportingInformation=[visit_reference]))

        with sessions() as session:
            assert session.get_one(Booking, UUID(booked["id"])).visit_id == visit.id

    def test_leaves_documents_that_rebuild_would_make(self, send, slots, patient, sessions, now):
        send(an_appointment(patient, *slots))

        with sessions.begin() as session:
            assert projector.rebuild(session, now=now) == 0

    def test_keeps_whom_we_do_not_know_even_without_a_display(self, send, slots, patient):
        # ISiKTermin asks for a display: then the profile is not claimed, but nothing that was sent is lost.
        asked = an_appointment(patient, slots[0])
        asked["participant"].append({"type": [{"text": "Dolmetscherin"}], "status": "needs-action"})

        _, booked = send(asked)

        assert booked["comment"] == "internal"
        assert [each for each in booked["participant"] if "type" in each]
        assert codes.ISIK_APPOINTMENT not in booked["meta"].get("profile", ())


class TestBookRefuses:
    @pytest.mark.parametrize("missing", [["start"], ["end"], ["start", "end"], ["slot"]])
    def test_what_is_incomplete(self, send, slots, patient, missing):
        asked = an_appointment(patient, slots[0])
        for name in missing:
            del asked[name]

        with pytest.raises(Malformed) as refused:
            send(asked)

        assert expressions(refused) == [f"Appointment.{name}" for name in missing]

    @pytest.mark.parametrize(
        ("more", "place"),
        [
            ({"status": "booked"}, "Appointment.status"),
            (
                {"participant": [{"actor": {"display": "somebody"}, "status": "accepted"}]},
                "Appointment.participant",
            ),
            ({"slot": [{"reference": "Practitioner/1"}]}, None),
            ({"slot": [{"reference": f"Slot/{uuid4()}"}]}, None),
            (
                {
                    "serviceType": [
                        {
                            "coding": [
                                {
                                    "system": "http://terminology.hl7.org/CodeSystem/service-type",
                                    "code": "124",
                                }
                            ]
                        }
                    ]
                },
                "Appointment.serviceType[0]",
            ),
            ({"end": "2026-03-03T10:00:00Z"}, None),
        ],
    )
    def test_what_breaks_a_rule(self, send, slots, patient, statuses, more, place):
        with pytest.raises(Rejected) as refused:
            send(an_appointment(patient, slots[0], **more))

        assert not isinstance(refused.value, Malformed)
        if place:
            assert place in expressions(refused)
        assert statuses(slots[0]) == ["free"]

    def test_a_slot_that_is_taken(self, send, slots, world):
        send(an_appointment(world.patients[0], slots[0]))

        with pytest.raises(SlotTaken):
            send(an_appointment(world.patients[1], slots[0]))

    def test_several_of_which_one_is_taken_whole(self, send, slots, world, statuses, sessions):
        send(an_appointment(world.patients[0], slots[1]))

        with pytest.raises(SlotTaken):
            send(an_appointment(world.patients[1], *slots))

        assert statuses(*slots) == ["free", "busy", "free"]
        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(Booking)) == 1

    def test_slots_with_a_gap(self, send, slots, patient):
        with pytest.raises(Rejected, match="gap"):
            send(an_appointment(patient, slots[0], slots[2]))

    def test_a_schedule_without_free_slots_then(self, send, slots, world):
        send(an_appointment(world.patients[0], slots[0]))
        asked = an_appointment(world.patients[1], slots[0])
        del asked["slot"]

        with pytest.raises(SlotTaken):
            send(parameters(appt_resource=asked, schedule={"reference": f"Schedule/{world.schedule.id}"}))

    def test_a_closed_record(self, send, slots, sessions, world):
        with sessions.begin() as session:
            closed = a_patient(session, session.merge(world.organisation, load=False), is_active=False)

        with pytest.raises(Rejected, match="closed"):
            send(an_appointment(closed, slots[0]))

    def test_another_tenants_patient(self, send, slots, sessions, world):
        with sessions.begin() as session:
            stranger = a_patient(session)

        with pytest.raises(Rejected):
            send(an_appointment(stranger, slots[0]), viewer=coordinator_of(world.organisation))

    def test_a_slot_of_the_past(self, send, sessions, world, patient, now):
        with sessions.begin() as session:
            over = a_slot(
                session, session.merge(world.schedule, load=False), starts_at=now - timedelta(minutes=5)
            )

        with pytest.raises(Rejected, match="has begun"):
            send(an_appointment(patient, over))

    @pytest.mark.parametrize(
        "document",
        [
            {"resourceType": "Parameters"},
            {"resourceType": "Parameters", "parameter": [{"name": "appt-resource", "valueString": "x"}]},
            {"resourceType": "Parameters", "parameter": [{"valueString": "x"}]},
            {"resourceType": "Parameters", "parameter": {}},
            {"resourceType": "Parameters", "parameter": [{"name": "appt-resource"}]},
            {"resourceType": "Patient"},
        ],
    )
    def test_what_is_no_request(self, send, document):
        with pytest.raises(Malformed):
            send(document)


class TestMove:
    def test_keeps_the_id_and_frees_what_it_leaves(self, send, slots, patient, statuses, sessions):
        _, booked = send(an_appointment(patient, slots[0]))

        status, moved = send(an_appointment(patient, slots[1], id=booked["id"]))

        assert status == 201
        assert moved["id"] == booked["id"]
        assert int(moved["meta"]["versionId"]) == int(booked["meta"]["versionId"]) + 1
        assert slot_ids(moved) == [str(slots[1].id)]
        assert statuses(*slots) == ["free", "busy", "free"]
        with sessions() as session:
            assert session.scalars(select(Occupancy.starts_at)).all() == [moment(8, 15)]

    def test_may_keep_some_of_its_slots(self, send, slots, patient, statuses):
        _, booked = send(an_appointment(patient, *slots[:2]))

        _, moved = send(an_appointment(patient, *slots[1:], id=booked["id"]))

        assert slot_ids(moved) == [str(slot.id) for slot in slots[1:]]
        assert statuses(*slots) == ["free", "busy", "busy"]

    def test_finds_slots_of_a_schedule_beside_its_own(self, send, slots, patient, world, statuses):
        _, booked = send(an_appointment(patient, slots[0]))
        asked = an_appointment(patient, *slots[:2], id=booked["id"])
        del asked["slot"]

        _, moved = send(
            parameters(appt_resource=asked, schedule={"reference": f"Schedule/{world.schedule.id}"})
        )

        assert slot_ids(moved) == [str(slot.id) for slot in slots[:2]]

    def test_changes_nothing_if_the_new_slot_is_taken(self, send, slots, world, statuses, sessions):
        _, booked = send(an_appointment(world.patients[0], slots[0]))
        send(an_appointment(world.patients[1], slots[1]))

        with pytest.raises(SlotTaken):
            send(an_appointment(world.patients[0], slots[1], id=booked["id"]))

        assert statuses(*slots) == ["busy", "busy", "free"]
        with sessions() as session:
            assert session.get_one(Booking, UUID(booked["id"])).starts_at == moment(8)

    def test_refuses_a_booking_that_has_ended(self, send, slots, patient, sessions, now):
        _, booked = send(an_appointment(patient, slots[0]))
        with sessions.begin() as session:
            cancel_booking(session, booking_id=UUID(booked["id"]), because="pat", viewer=EVERYONE, now=now)

        with pytest.raises(BookingEnded):
            send(an_appointment(patient, slots[1], id=booked["id"]))

    def test_refuses_another_patient(self, send, slots, world):
        _, booked = send(an_appointment(world.patients[0], slots[0]))

        with pytest.raises(Rejected, match="another patient's"):
            send(an_appointment(world.patients[1], slots[1], id=booked["id"]))

    def test_refuses_a_home_visit(self, send, slots, world):
        with pytest.raises(Rejected, match="home visit"):
            send(an_appointment(world.patients[0], slots[0], id=str(world.visits[0].id)))


class TestRebook:
    @pytest.mark.parametrize("form", ["id", "path", "url", "reference"])
    def test_cancels_the_old_one_and_refers_to_it(self, send, slots, patient, statuses, sessions, form):
        _, old = send(an_appointment(patient, slots[0]))
        path = f"Appointment/{old['id']}"
        named = {
            "id": old["id"],
            "path": path,
            "url": f"https://care.example/fhir/{path}",
            "reference": {"reference": path},
        }[form]

        status, new = send(
            parameters(appt_resource=an_appointment(patient, slots[1]), cancelled_appt_id=named)
        )

        assert status == 201
        assert new["id"] != old["id"]
        assert {"url": codes.REPLACES, "valueReference": {"reference": path}} in new["extension"]
        assert statuses(*slots) == ["free", "busy", "free"]
        with sessions() as session:
            document = orjson.loads(content_of(session, "Appointment", UUID(old["id"])))
        assert document["status"] == "cancelled"

    def test_may_take_the_slots_that_it_frees(self, send, slots, patient, statuses):
        _, old = send(an_appointment(patient, slots[0]))

        status, _ = send(
            parameters(appt_resource=an_appointment(patient, *slots[:2]), cancelled_appt_id=old["id"])
        )

        assert status == 201
        assert statuses(*slots) == ["busy", "busy", "free"]

    def test_cancels_nothing_if_the_new_one_cannot_be_had(self, send, slots, world, statuses, sessions):
        _, old = send(an_appointment(world.patients[0], slots[0]))
        send(an_appointment(world.patients[1], slots[1]))

        with pytest.raises(SlotTaken):
            send(
                parameters(
                    appt_resource=an_appointment(world.patients[0], slots[1]), cancelled_appt_id=old["id"]
                )
            )

        assert statuses(*slots) == ["busy", "busy", "free"]
        with sessions() as session:
            assert session.get_one(Booking, UUID(old["id"])).status == AppointmentStatus.BOOKED

    def test_refuses_one_that_is_not_there(self, send, slots, patient):
        with pytest.raises(Rejected, match="there is no booked Appointment"):
            send(parameters(appt_resource=an_appointment(patient, slots[0]), cancelled_appt_id=str(uuid4())))


class TestHeld:
    def test_is_booked_by_its_id(self, send, slots, world, sessions, now, statuses):
        with sessions.begin() as session:
            hold = hold_slots(
                session,
                slot_ids=[slots[0].id],
                lasts=timedelta(minutes=5),
                viewer=EVERYONE,
                now=now,
            )
        with pytest.raises(SlotTaken):
            send(an_appointment(world.patients[1], slots[0]))

        status, booked = send(an_appointment(world.patients[0], slots[0], id=str(hold.id)))

        assert status == 201
        assert booked["id"] == str(hold.id)
        assert statuses(slots[0]) == [SlotStatus.BUSY]


class TestPeople:
    def test_are_made_known_with_the_appointment(self, send, slots, patient, sessions, world):
        asked = an_appointment(patient, slots[0], participant=[])
        del asked["participant"]
        new = {
            "resourceType": "Patient",
            "active": True,
            "managingOrganization": {"reference": f"Organization/{world.organisation.id}"},
            "name": [{"use": "official", "family": "Neu", "given": ["Nora"]}],
            "gender": "female",
            "birthDate": "1950-01-01",
        }

        status, booked = send(parameters(appt_resource=asked, patient=new))

        assert status == 201
        with sessions() as session:
            (made,) = (each for each in session.scalars(select(Patient)) if each.family_name == "Neu")
        assert booked["participant"][0]["actor"]["reference"] == f"Patient/{made.id}"

    def test_may_be_somebody_who_books_for_the_patient(self, send, slots, patient):
        daughter = {
            "resourceType": "RelatedPerson",
            "name": [{"family": "Probst", "given": ["Tina"]}],
            "relationship": [{"text": "Tochter"}],
        }

        _, booked = send(parameters(appt_resource=an_appointment(patient, slots[0]), related_person=daughter))

        actors = [each["actor"]["reference"].partition("/")[0] for each in booked["participant"]]
        assert sorted(actors) == ["Patient", "Practitioner", "RelatedPerson"]

    def test_are_not_made_twice(self, send, slots, patient, sessions):
        asked = an_appointment(patient, slots[0])
        del asked["participant"]
        with sessions.begin() as session:
            session.get_one(Patient, patient.id).insurance_number = "A123456789"
        known = {
            "resourceType": "Patient",
            "identifier": [{"system": codes.KVNR, "value": "A123456789"}],
            "birthDate": patient.birth_date.isoformat(),
        }

        _, booked = send(parameters(appt_resource=asked, patient=known))

        assert booked["participant"][0]["actor"]["reference"] == f"Patient/{patient.id}"

    def test_are_forgotten_if_the_slot_is_taken(self, send, slots, patient, sessions, world):
        send(an_appointment(patient, slots[0]))
        asked = an_appointment(patient, slots[0])
        del asked["participant"]
        new = {
            "resourceType": "Patient",
            "managingOrganization": {"reference": f"Organization/{world.organisation.id}"},
            "name": [{"family": "Neu", "given": ["Nora"]}],
        }

        with pytest.raises(SlotTaken):
            send(parameters(appt_resource=asked, patient=new))

        with sessions() as session:
            assert not [each for each in session.scalars(select(Patient)) if each.family_name == "Neu"]
