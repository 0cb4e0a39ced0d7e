"""Rows refer to rows of their own tenant: both databases refuse anything else."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from careapp.models import METADATA
from careapp.people.models import Absence, Preference, PreferenceKind
from careapp.tours.models import ShiftPattern
from tests.careapp.worlds import a_nurse, a_patient, a_place, a_world, an_organisation, moment

ACROSS = {
    ("account", "practitioner_id"): "an account may be of the region",
    ("web_session", "practitioner_id"): "as its account",
    ("web_session", "account_id"): "an account may be of the region",
    ("held_resource", "appointment_id"): "a practice answers to another tenant's appointment",
    ("held_resource", "place_id"): "an encounter may be where others are at home",
    ("held_resource", "practitioner_id"): "a doctor sees another tenant's patient",
    ("held_resource", "plan_id"): "a plan may be of the region",
    ("tour", "plan_id"): "a plan may be of the region",
    ("occupancy", "appointment_id"): "a doctor's time is taken by another tenant's booking",
    ("call_participant", "practitioner_id"): "a doctor calls another tenant's patient",
    ("call_consent", "witness_id"): "as its participant",
    ("help_offer", "request_id"): "one service offers, another has asked",
    ("help_offer", "opening_id"): "the asker opens, for whoever offered",
    ("help_offer", "practitioner_id"): "checked when it is offered",
    ("help_offer", "role_id"): "checked when it is offered",
    ("help_visit", "request_id"): "checked when it is asked",
    ("ranking_decision", "doctor_id"): "any doctor may be asked for",
    ("erasure", "patient_id"): "it is written with its patient's tenant",
    ("hours_exception", "place_id"): "a doctor may consult at another organisation's place",
    ("slot", "place_id"): "as its hours",
    ("tour_change", "tour_id"): "it is written with its tour's tenant",
    ("waiting_entry", "doctor_id"): "a patient waits for another tenant's doctor",
    ("chance", "schedule_id"): "as its waiting entry",
    ("booking_series", "schedule_id"): "a patient's series with another tenant's doctor",
    ("client_grant", "account_id"): "an account may be of the region",
    ("client_grant", "client_id"): "a client may be of the region",
}
"""Keys from a tenant's row to another tenant's, and why they may."""


class TestModels:
    def test_refer_within_a_tenant_wherever_both_rows_have_one(self):
        single = {
            (table.name, key.column_keys[0])
            for table in METADATA.sorted_tables
            for key in table.foreign_key_constraints
            if "organisation_id" in table.c
            and "organisation_id" in key.referred_table.c
            and len(key.column_keys) == 1
        }

        assert single <= set(ACROSS)

    def test_have_keys_of_which_the_first_column_is_the_tenant(self, engine):
        inspector = inspect(engine)
        pairs = [
            key
            for table in METADATA.tables
            for key in inspector.get_foreign_keys(table)
            if len(key["constrained_columns"]) == 2
        ]

        assert len(pairs) >= 26  # as many as the migration makes
        for key in pairs:
            assert key["referred_columns"] == ["organisation_id", "id"]
            assert key["constrained_columns"][0] in {"organisation_id", "to_organisation_id"}


class TestRows:
    @pytest.fixture
    def theirs(self, session):
        return a_world(session)

    @pytest.fixture
    def mine(self, session):
        return an_organisation(session)

    def test_of_an_appointment_cannot_name_another_tenants_patient(self, session, mine, theirs):
        visit = theirs.visits[0]
        visit.patient = a_patient(session, mine)
        with pytest.raises(IntegrityError):
            session.flush()

    def test_of_a_wish_need_one_tenant_for_both(self, session, mine, theirs):
        session.add(
            Preference(
                organisation_id=mine.id,
                patient_id=a_patient(session, mine).id,
                role_id=theirs.nurses[0].id,
                kind=PreferenceKind.PREFERRED,
            )
        )
        with pytest.raises(IntegrityError):
            session.flush()

    def test_of_an_absence_may_leave_one_of_both_open(self, session, mine, theirs):
        starts_at, ends_at = moment(8), moment(8) + timedelta(hours=1)
        own = a_patient(session, mine).id
        session.add(
            Absence(id=uuid4(), organisation_id=mine.id, patient_id=own, starts_at=starts_at, ends_at=ends_at)
        )
        session.flush()

        session.add(
            Absence(
                id=uuid4(),
                organisation_id=mine.id,
                practitioner_id=theirs.nurses[0].practitioner_id,
                starts_at=starts_at,
                ends_at=ends_at,
            )
        )
        with pytest.raises(IntegrityError):
            session.flush()

    def test_cannot_be_given_to_another_tenant_by_half(self, session, mine, theirs):
        # Her visits and orders would stay behind.
        theirs.patients[0].organisation_id = mine.id
        with pytest.raises(IntegrityError):
            session.flush()

    def test_of_a_patient_may_have_no_home_or_an_own_one(self, session, mine, theirs):
        patient = a_patient(session, mine)
        patient.home = None
        session.flush()
        assert patient.organisation_id == mine.id

        patient.home = a_place(session, mine)
        session.flush()

        patient.home = theirs.patients[0].home
        with pytest.raises(IntegrityError):
            session.flush()

    def test_of_a_pattern_stay_with_the_nurses_tenant(self, session, mine):
        nurse = a_nurse(session)
        session.add(
            ShiftPattern(
                id=uuid4(),
                organisation_id=mine.id,
                role_id=nurse.id,
                recurrence="FREQ=DAILY",
                first_date=moment(8).date(),
                starts=moment(8).time(),
                ends=moment(9).time(),
            )
        )
        with pytest.raises(IntegrityError):
            session.flush()
