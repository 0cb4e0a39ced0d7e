"""Doctors' video hours and their slots, from other systems."""

from typing import Any
from uuid import UUID

import pytest

from careapp.consultations.booking import Wish, book_slots, cancel_booking
from careapp.consultations.models import Schedule, Slot, SlotStatus
from careapp.consultations.offers import SlotIsBooked, SlotsOverlap
from careapp.organisations.commands import NotYourOrganisation
from careapp.removal import StillNeeded
from fhir.issues import Rejected
from fhir.mapping import codes
from fhir.read import DocumentGone
from tests.careapp.worlds import (
    EVERYONE,
    a_doctor,
    a_nurse,
    a_patient,
    a_schedule,
    a_slot,
    an_organisation,
    coordinator_of,
    moment,
)


@pytest.fixture
def doctor(sessions):
    with sessions.begin() as session:
        found = a_doctor(session)
        found.organisation.is_synthetic = False
        return found


def a_sent_schedule(doctor: Any, **changed: Any) -> dict[str, Any]:
    whole = {
        "resourceType": "Schedule",
        "active": True,
        "serviceType": [
            {"coding": [{"system": "https://praxis.example", "code": "v"}], "text": "Video am Abend"}
        ],
        "specialty": [{"coding": [{"system": codes.SPECIALTY, "code": "INNE"}]}],
        "actor": [{"reference": f"Practitioner/{doctor.practitioner_id}", "display": "Frau Doktor"}],
        "planningHorizon": {"start": "2026-03-01", "end": "2026-06-30"},
        "comment": "abends",
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


class TestASchedule:
    def test_is_made_and_comes_back_as_it_was_sent(self, sender, sessions, doctor):
        sent = a_sent_schedule(doctor)

        found = sender.create(sent)

        with sessions() as session:
            row = session.get(Schedule, UUID(found["id"]))
        assert (row.role_id, row.title, row.specialty) == (doctor.id, "Video am Abend", "INNE")
        assert found["actor"][0] == sent["actor"][0]
        assert (found["planningHorizon"], found["comment"]) == (sent["planningHorizon"], "abends")
        assert found["meta"]["profile"] == [codes.ISIK_SCHEDULE]
        texts = [each.get("text") for each in found["serviceType"]]
        assert "Video am Abend" in texts

    def test_takes_the_specialty_of_the_doctor(self, sender, doctor):
        role = {"reference": f"PractitionerRole/{doctor.id}"}

        found = sender.create(a_sent_schedule(doctor, specialty=None, actor=[role]))

        assert found["specialty"][0]["coding"][0]["code"] == doctor.specialty

    def test_is_changed_and_deleted(self, sender, doctor, sessions):
        old = sender.create(a_sent_schedule(doctor))

        found = sender.update(old, active=False, comment=None)
        assert (found["active"], "comment" in found) == (False, False)
        sender.delete(found)

        with pytest.raises(DocumentGone):
            sender.read("Schedule", found["id"])

    def test_is_a_doctors(self, sender, doctor, sessions):
        with sessions.begin() as session:
            nurse, other = a_nurse(session), a_doctor(session)
        old = sender.create(a_sent_schedule(doctor))

        assert sender.refused(a_sent_schedule(nurse)) == ["Schedule.actor"]
        assert sender.refused({**old, "actor": a_sent_schedule(other)["actor"]}) == ["Schedule.actor"]

    def test_is_its_organisations(self, sender, doctor, sessions):
        old = sender.create(a_sent_schedule(doctor))
        with sessions.begin() as session:
            stranger = sender.seen_as(coordinator_of(an_organisation(session)))

        with pytest.raises(NotYourOrganisation):
            stranger.update(old, comment="fremd")
        with pytest.raises(Rejected):
            stranger.create(a_sent_schedule(doctor))

    def test_of_ours_stays_the_same_if_it_is_sent_back(self, sender, sessions):
        with sessions.begin() as session:
            schedule, slot = (found := a_slot(session)).schedule, found
        for kind, key in (("Schedule", schedule.id), ("Slot", slot.id)):
            old = sender.read(kind, key)

            sender.update(old)

            assert sender.read(kind, key) == old

    def test_with_slots_is_not_deleted(self, sender, sessions):
        with sessions.begin() as session:
            slot = a_slot(session)

        with pytest.raises(StillNeeded, match="slot"):
            sender.delete(sender.read("Schedule", slot.schedule_id))


class TestASlot:
    @pytest.fixture
    def schedule(self, sessions):
        with sessions.begin() as session:
            return a_schedule(session)

    def a_sent_slot(self, schedule: Any, **changed: Any) -> dict[str, Any]:
        return {
            "resourceType": "Slot",
            "schedule": {"reference": f"Schedule/{schedule.id}"},
            "status": "free",
            "start": "2026-03-03T09:00:00+01:00",
            "end": "2026-03-03T09:20:00+01:00",
            "comment": "bitte pünktlich",
            **changed,
        }

    def test_is_made_and_comes_back_as_it_was_sent(self, sender, schedule, sessions):
        sent = self.a_sent_slot(schedule)

        found = sender.create(sent)

        with sessions() as session:
            row = session.get(Slot, UUID(found["id"]))
        assert (row.starts_at, row.ends_at, row.status) == (moment(8), moment(8, 20), SlotStatus.FREE)
        assert {name: found[name] for name in sent} == sent

    def test_does_not_overlap_another(self, sender, schedule):
        first = sender.create(self.a_sent_slot(schedule))
        next_one = self.a_sent_slot(
            schedule, start="2026-03-03T09:20:00+01:00", end="2026-03-03T09:40:00+01:00"
        )
        second = sender.create(next_one)

        with pytest.raises(SlotsOverlap):
            sender.create(self.a_sent_slot(schedule))
        with pytest.raises(SlotsOverlap):
            sender.update(second, start="2026-03-03T09:10:00+01:00")
        sender.update(first, start="2026-03-03T09:05:00+01:00")

    def test_is_its_organisations(self, sender, schedule, sessions):
        old = sender.create(self.a_sent_slot(schedule))
        with sessions.begin() as session:
            stranger = sender.seen_as(coordinator_of(an_organisation(session)))

        with pytest.raises(NotYourOrganisation):
            stranger.update(old, status="busy-unavailable")
        with pytest.raises(NotYourOrganisation):
            stranger.delete(old)

    def test_is_blocked_and_freed(self, sender, schedule):
        old = sender.create(self.a_sent_slot(schedule))

        blocked = sender.update(old, status="busy-unavailable")

        assert blocked["status"] == "busy-unavailable"
        assert sender.update(blocked, status="free")["status"] == "free"

    def test_that_is_booked_is_left_alone(self, sender, schedule, sessions, now):
        old = sender.create(self.a_sent_slot(schedule))
        with sessions.begin() as session:
            patient = a_patient(session)
            wish = Wish([UUID(old["id"])])
            booking = book_slots(session, wish=wish, patient_id=patient.id, viewer=EVERYONE, now=now)

        with pytest.raises(SlotIsBooked, match="cancel or move"):
            sender.update(old)
        with pytest.raises(SlotIsBooked):
            sender.delete(old)
        busy = sender.update(sender.read("Slot", old["id"]), comment="anders")
        assert (busy["status"], busy["comment"]) == ("busy", "anders")

        with sessions.begin() as session:
            cancel_booking(session, booking_id=booking.id, because="pat", viewer=EVERYONE, now=now)
        assert sender.update(busy, status="busy-unavailable")["status"] == "busy-unavailable"
        with pytest.raises(StillNeeded):
            sender.delete(old)

    def test_is_deleted_if_nobody_ever_booked_it(self, sender, schedule):
        found = sender.create(self.a_sent_slot(schedule))

        sender.delete(found)

        with pytest.raises(DocumentGone):
            sender.read("Slot", found["id"])

    def test_that_was_a_mistake_is_to_be_deleted(self, sender, schedule):
        assert sender.refused(self.a_sent_slot(schedule, status="entered-in-error")) == ["Slot.status"]

    def test_never_changes_its_schedule(self, sender, schedule, sessions):
        old = sender.create(self.a_sent_slot(schedule))
        with sessions.begin() as session:
            other = a_schedule(session)

        assert sender.refused({**old, "schedule": {"reference": f"Schedule/{other.id}"}}) == ["Slot.schedule"]
