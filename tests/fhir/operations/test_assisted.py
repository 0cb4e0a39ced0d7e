"""Assisted consultations through `$find`, `$hold` and `$book`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.config import Settings
from careapp.consultations.models import Booking, ConsultationCode, Slot, SlotStatus
from careapp.tours.models import Plan
from careapp.visits.models import Visit
from fhir import projector
from fhir.asking import Asking
from fhir.issues import Malformed, Rejected
from fhir.mapping import codes
from fhir.operations.assisted import Proposal, read_proposal
from fhir.operations.book import book
from fhir.operations.find import find
from fhir.operations.hold import hold
from tests.careapp.assisted.days import Town, a_town, plan_by_hand

ASSISTED = f"{codes.SERVICE_TYPE}|{codes.ASSISTED_CONSULTATION}"
Json = dict[str, Any]


@dataclass
class Desk:
    """Sends parameters to operations, each in a transaction of its own."""

    sessions: sessionmaker[Session]
    asking: Asking
    town: Town

    def ask(self, operation: Callable[..., Any], *parameters: Json, **more: Any) -> list[Json]:
        document = {"resourceType": "Parameters", "parameter": list(parameters)}
        with self.sessions.begin() as session:
            answer = operation(session, document, self.asking, **more)
        return [entry["resource"] for entry in orjson.loads(answer.content).get("entry", ())]

    def count(self, condition: Any) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).where(condition)) or 0

    def find(self, *more: Json) -> list[Json]:
        return self.ask(
            find,
            {"name": "start", "valueDateTime": "2026-03-03"},
            {"name": "end", "valueDateTime": "2026-03-03"},
            {"name": "visit-type", "valueString": ASSISTED},
            {
                "name": "patient-reference",
                "valueReference": {"reference": f"Patient/{self.town.stranger.id}"},
            },
            *more,
        )

    def hold(self, found: Json) -> Json:
        (held,) = self.ask(hold, named(found), lasts=timedelta(minutes=5))
        return held

    def book(self, found: Json) -> Json:
        (booked,) = self.ask(book, named(found))
        return booked


def named(found: Json) -> Json:
    return {
        "name": "appointment-reference",
        "valueReference": {"reference": f"Appointment/{found['id']}"},
    }


@pytest.fixture
def desk(sessions, asking, calendar, now) -> Desk:
    with sessions.begin() as session:
        town = a_town(session)
        plan_by_hand(session, town, calendar, now, {0: [0, 1], 1: [2]})
        for plan in session.scalars(select(Plan)):
            plan.version = "by hand"
        projector.rebuild(session, now=now)
    return Desk(sessions, replace(asking, viewer=town.viewer, settings=Settings.read()), town)


class TestFind:
    def test_proposes_times_at_which_doctor_and_nurse_can_be_there(self, desk):
        found = desk.find()

        assert found
        slots = {f"Slot/{slot.id}" for slot in desk.town.slots}
        for each in found:
            assert each["status"] == "proposed"
            assert len(each["id"]) == 64
            assert each["slot"][0]["reference"] in slots
            assert [one["coding"][0]["code"] for one in each["serviceType"]] == [
                codes.VIDEO_CONSULTATION,
                codes.ASSISTED_CONSULTATION,
            ]
            kinds = [one["actor"]["reference"].partition("/")[0] for one in each["participant"]]
            assert kinds == ["Patient", "Practitioner", "Practitioner"]

    def test_needs_somebody_at_whose_home_a_nurse_can_be(self, desk):
        with pytest.raises(Malformed):
            desk.ask(
                find,
                {"name": "start", "valueDateTime": "2026-03-03"},
                {"name": "end", "valueDateTime": "2026-03-03"},
                {"name": "visit-type", "valueString": codes.ASSISTED_CONSULTATION},
            )

    def test_looks_at_the_named_doctors_only(self, desk):
        doctor = desk.town.world.schedule.practitioner_id
        others = {"reference": f"Practitioner/{uuid4()}"}
        his = {"reference": f"Practitioner/{doctor}"}

        assert desk.find({"name": "practitioner", "valueReference": others}) == []
        assert desk.find({"name": "practitioner", "valueReference": his}) == desk.find()

    def test_gives_no_more_than_wanted(self, desk):
        assert len(desk.find({"name": "_count", "valueInteger": 1})) == 1


class TestBook:
    def test_takes_doctor_nurse_and_visit_together(self, desk, session):
        found = desk.find()[0]

        booked = desk.book(found)

        booking = session.scalars(select(Booking)).one()
        assert (booked["id"], booked["start"]) == (str(booking.id), found["start"])
        assert booking.consultation is ConsultationCode.ASSISTED
        assert booked["supportingInformation"] == [{"reference": f"Appointment/{booking.visit_id}"}]
        visit = session.get_one(Visit, booking.visit_id)
        assert visit.starts_at <= booking.starts_at < booking.ends_at <= visit.ends_at

    def test_is_refused_when_it_is_gone(self, desk):
        found = desk.find()[0]
        desk.book(found)

        with pytest.raises(Exception, match=r"search again|taken"):
            desk.book(found)


class TestHold:
    def test_keeps_the_doctors_time_until_it_is_booked(self, desk):
        found = desk.find()[0]

        held = desk.hold(found)

        assert held["status"] == "pending"
        assert desk.count(Slot.status == SlotStatus.HELD) == 1
        assert found["start"] not in [each["start"] for each in desk.find()]
        booked = desk.book(held)
        assert booked["start"] == found["start"]
        assert desk.count(Booking.visit_id.is_not(None)) == 1

    def test_is_given_back(self, desk):
        found = desk.find()[0]
        held = desk.hold(found)

        desk.ask(book, {"name": "appointment-resource", "resource": held | {"status": "cancelled"}})

        assert desk.count(Slot.status == SlotStatus.HELD) == 0
        assert found["start"] in [each["start"] for each in desk.find()]

    def test_is_refused_in_ihes_words_when_it_is_gone(self, desk):
        found = desk.find()[0]
        desk.hold(found)

        with pytest.raises(Rejected):
            desk.hold(found)


class TestReadProposal:
    def test_reads_what_was_written(self, asking):
        at = datetime(2026, 3, 3, 9, 20, tzinfo=UTC)
        for is_held in (False, True):
            proposal = Proposal(uuid4(), uuid4(), at, 600, 40, b"12345678", is_held)

            assert read_proposal({"reference": f"Appointment/{proposal.id}"}, asking) == proposal

    @pytest.mark.parametrize(
        "written",
        [None, 7, "", "A", "A" * 63, "A" * 65, "Aä" * 32, "B" + "!" * 63, str(UUID(int=5))],
    )
    def test_reads_nothing_else(self, asking, written):
        assert read_proposal(written, asking) is None
