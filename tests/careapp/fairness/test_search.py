"""A search through all doctors, and what is kept of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.coverage.judging import LinkWhy
from careapp.fairness.commands import keep_decision
from careapp.fairness.decisions import (
    DecisionNotFound,
    decisions_between,
    decisions_of,
    forget_decisions,
    forget_decisions_of,
    get_decision,
    list_decisions,
)
from careapp.fairness.models import RankingDecision
from careapp.fairness.ranking import Need, Reason
from careapp.fairness.search import (
    A_DAY,
    APART,
    Found,
    NothingWanted,
    PeriodImpossible,
    Proposal,
    Sort,
    Wanted,
    search_consultations,
    spread,
)
from careapp.organisations.models import OrganisationKind, PlaceKind
from careapp.people.queries import PatientNotFound
from careapp.records.audit import new_id
from careapp.records.models import AuditEvent
from tests.api.tours import a_proposed_day
from tests.careapp.worlds import (
    a_doctor,
    a_patient,
    a_place,
    a_schedule,
    a_world,
    an_organisation,
    coordinator_of,
    moment,
)

SPECIALTY = "ALLG"


def a_practice(session, *, latitude):
    organisation = an_organisation(session, kind=OrganisationKind.PRACTICE, name="Praxis")
    place = a_place(session, organisation, kind=PlaceKind.PRACTICE, latitude=latitude)
    return a_schedule(session, a_doctor(session, organisation, base=place))


@pytest.fixture
def world(session):
    return a_world(session)


@pytest.fixture
def search(session, world, now, calendar):
    def search(*, patient=None, viewer=None, lot="lot", settings=None, **wanted: Any) -> Found:
        patient = patient or world.patients[0]
        asked = Wanted(
            **{
                "patient_id": patient.id,
                "starts": moment(0),
                "ends": moment(23),
                "specialty": SPECIALTY,
                **wanted,
            }
        )
        return search_consultations(
            session,
            wanted=asked,
            lot=lot,
            viewer=viewer or world.viewer,
            now=now,
            calendar=calendar,
            settings=settings or Settings.read(),
        )

    return search


class TestSearch:
    def test_looks_through_every_doctor_of_the_specialty_and_puts_near_practices_first(
        self, session, world, search
    ):
        # the home is at 51.4057; one degree is 111.2 km: 51.70 is 33 km away, 51.58 is 19 km
        far, nearer = a_practice(session, latitude=51.70), a_practice(session, latitude=51.58)

        found = search(sorts=frozenset({Sort.VIDEO}))

        first = list(dict.fromkeys(each.schedule.id for each in found.proposals))
        assert first == [world.schedule.id, nearer.id, far.id]
        assert found.proposals[0].reasons[:2] == (Reason.NEAR, Reason.NO_WAY)

    def test_offers_a_follow_up_on_the_next_visit_of_a_nurse(self, world, search):
        found = search()

        assert found.follow_up is not None
        assert found.follow_up.assisted is not None
        assert found.follow_up.assisted.visit_id == world.visits[0].id
        assert Reason.NURSE_IS_THERE in found.follow_up.reasons

    def test_proposes_only_what_would_do(self, search):
        assert {each.sort for each in search(sorts=frozenset({Sort.VIDEO})).proposals} == {Sort.VIDEO}
        assert {each.sort for each in search(sorts=frozenset({Sort.ON_VISIT})).proposals} == {Sort.ON_VISIT}

    def test_keeps_to_a_doctor_who_is_named(self, session, world, search):
        other = a_practice(session, latitude=51.41)

        found = search(specialty=None, doctor_id=other.role_id)

        assert {each.schedule.id for each in found.proposals} == {other.id}

    def test_says_which_link_to_expect(self, search):
        assert search().link.why is LinkWhy.NOTHING_IMPORTED

    def test_sends_no_nurse_to_a_home_that_nobody_knows(self, session, world, search):
        patient = a_patient(session, world.organisation)
        patient.home, patient.home_id = None, None
        session.flush()

        found = search(patient=patient)

        assert {each.sort for each in found.proposals} == {Sort.VIDEO}
        assert found.proposals[0].reasons[0] is Reason.DISTANCE_UNKNOWN

    def test_says_so_where_roads_cannot_be_asked(
        self, session, world, search, calendar, viewer, now, tmp_path
    ):
        a_proposed_day(session, calendar=calendar, viewer=viewer, now=now)

        found = search(settings=Settings.read(data_dir=tmp_path, roads="osrm"))  # nobody has built them

        assert found.nurses_unknown
        assert {each.sort for each in found.proposals} == {Sort.VIDEO}

    def test_is_the_same_for_every_payer(self, session, world, search):
        before = [(each.schedule.id, each.starts_at) for each in search().proposals]
        world.patients[0].insurance_number = "P987654321"
        session.flush()

        assert [(each.schedule.id, each.starts_at) for each in search().proposals] == before

    def test_gives_longer_consultations_no_other_place(self, session, world, search):
        others = [a_practice(session, latitude=51.3967) for _ in range(3)]

        def at_eight() -> list[Any]:
            found = search(sorts=frozenset({Sort.VIDEO}), most=100)
            return [each.schedule.id for each in found.proposals if each.starts_at == moment(7)]

        before = at_eight()
        for minutes, schedule in zip((60, 30, 5), others, strict=True):
            (hours,) = schedule.hours
            hours.slot_minutes = minutes
        session.flush()

        assert len(before) == 4
        assert at_eight() == before

    def test_asks_for_a_patient_who_is_there(self, search):
        stranger = Viewer("c", ViewerRole.COORDINATOR, uuid4())

        with pytest.raises(PatientNotFound):
            search(viewer=stranger)

    @pytest.mark.parametrize("ends", [moment(0), moment(0) + timedelta(days=28, seconds=1)])
    def test_refuses_a_period_that_is_none(self, search, ends):
        with pytest.raises(PeriodImpossible):
            search(ends=ends)

    def test_asks_for_a_doctor_or_a_specialty(self, search):
        with pytest.raises(NothingWanted):
            search(specialty=None)


class TestSpread:
    def test_leaves_out_what_is_nearly_the_same(self, world, calendar):
        times = [moment(8, 10 * number) for number in range(6)] + [moment(9), moment(10), moment(11)]
        alike = [Proposal(Sort.VIDEO, world.schedule, at, at + timedelta(minutes=10), None) for at in times]

        chosen = spread(alike, calendar, most=20)

        assert [each.starts_at for each in chosen] == [moment(8), moment(8, 30), moment(9)]
        assert (len(chosen), APART) == (A_DAY, timedelta(minutes=30))

    def test_returns_no_more_than_asked_for(self, world, calendar):
        each = Proposal(Sort.VIDEO, world.schedule, moment(8), moment(9), None)
        other = replace(each, starts_at=moment(9))

        assert spread([each, other], calendar, most=1) == [each]


class TestDecision:
    @pytest.fixture
    def keep(self, session: Session, world: Any, search: Any, now: datetime) -> Any:
        def keep(at=now, **more: Any) -> RankingDecision:
            found = search(**more)
            wanted = Wanted(
                patient_id=found.patient.id,
                starts=moment(0),
                ends=moment(23),
                specialty=SPECIALTY,
                need=Need.SOON,
            )
            return keep_decision(
                session, decision_id=new_id(at), wanted=wanted, found=found, viewer=world.viewer, now=at
            )

        return keep

    def test_keeps_the_order_and_its_reasons_and_says_nobodys_name(self, keep, world):
        decision = keep()

        first = decision.proposals[0]
        assert set(first) == {"schedule", "starts_at", "sort", "reasons"}
        assert first["reasons"][0] == "practice-within-10-km"
        assert (decision.need, decision.considered >= len(decision.proposals)) == (2, True)
        assert str(world.patients[0].id) not in str(decision.proposals)

    def test_is_recorded_with_its_patient(self, session, keep, world):
        decision = keep()
        session.flush()

        event = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == decision.id)).one()
        assert (event.action, event.patient_id) == ("propose_consultations", world.patients[0].id)

    def test_is_shown_to_its_own_tenant(self, session, keep, world, now):
        decision = keep()
        stranger = coordinator_of(an_organisation(session))
        period = {"starts": now, "ends": now + timedelta(seconds=1)}

        assert get_decision(session, decision_id=decision.id, viewer=world.viewer) is decision
        assert list_decisions(session, viewer=world.viewer, limit=9).items == [decision]
        assert list(decisions_between(session, viewer=world.viewer, **period)) == [decision]
        assert decisions_of(session, patient_id=decision.patient_id, viewer=world.viewer) == [decision]
        assert list_decisions(session, viewer=world.viewer, patient_id=uuid4(), limit=9).items == []
        assert list_decisions(session, viewer=stranger, limit=9).items == []
        with pytest.raises(DecisionNotFound):
            get_decision(session, decision_id=decision.id, viewer=stranger)

    def test_can_be_drawn_again_from_its_id(self, session, world, search, keep):
        for _ in range(3):
            a_practice(session, latitude=51.3967)
        decision_id = new_id(datetime.fromisoformat("2026-03-02T17:00:00+00:00"))

        first, again = (search(lot=str(decision_id)) for _ in range(2))

        assert [each.schedule.id for each in first.proposals] == [
            each.schedule.id for each in again.proposals
        ]

    def test_is_forgotten_in_time_and_with_its_patient(self, session, keep, world, now):
        old, new = keep(at=now - timedelta(days=400)), keep()

        assert forget_decisions(session, before=now - timedelta(days=365)) == 1
        assert session.scalars(select(RankingDecision.id)).all() == [new.id]
        forget_decisions_of(session, patient_id=world.patients[0].id)
        assert session.scalars(select(RankingDecision.id)).all() == []
        assert old.id != new.id
