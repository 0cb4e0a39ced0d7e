"""Erasure, restriction and retention, with the documents that follow."""

from datetime import datetime, timedelta

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.people.models import Patient
from careapp.people.queries import PatientNotFound, get_patient
from careapp.privacy.care import StillInCare
from careapp.privacy.erasure import GONE, erase_patient, finish_erasures
from careapp.privacy.models import Erasure
from careapp.privacy.restriction import lift_restriction, restrict_patient
from careapp.privacy.retention import due_patients, keep_rules
from careapp.records.held import HeldTask
from careapp.records.models import DocumentVersion
from careapp.sealing.contents import opened
from fhir import projector, sent
from fhir.asking import Asking
from tests.careapp.worlds import EVERYONE, World, a_world
from tests.fhir.test_sent import SENT
from tests.keys import all_contents

SECRETS = (
    b"Geheimrat",
    b"Zuzanna",
    b"02931-774411",
    b"K123456789",
    b"Kr\xc3\xa4henwinkel",
    b"Tochter anrufen",
)


@pytest.fixture
def writing(sessions: sessionmaker[Session], now: datetime) -> sessionmaker[Session]:
    projector.attach(sessions, lambda: now)
    return sessions


@pytest.fixture
def asking(calendar: Calendar, now: datetime) -> Asking:
    return Asking(
        viewer=EVERYONE,
        now=now,
        base_url="https://care.example/fhir",
        calendar=calendar,
        geocoder=None,  # type: ignore[arg-type]  # nobody looks for an address here
        page_key=bytes(32),
    )


@pytest.fixture
def world(writing: sessionmaker[Session]) -> World:
    with writing.begin() as session:
        return a_world(session)


@pytest.fixture
def patient(writing: sessionmaker[Session], world: World, asking: Asking) -> Patient:
    with writing.begin() as session:
        patient = get_patient(session, patient_id=world.patients[0].id, viewer=EVERYONE)
        patient.family_name, patient.given_name, patient.phone = "Geheimrat", "Zuzanna", "02931-774411"
        patient.insurance_number = "K123456789"
        patient.known_home.street = "Krähenwinkel"
        task = {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "description": "Tochter anrufen",
        }
        session.add(
            HeldTask(
                id=world.shifts[0].id,
                organisation_id=patient.organisation_id,
                patient_id=patient.id,
                content=orjson.dumps(task),
            )
        )
        sent.keep(session, "Patient", patient.id, {**SENT, "telecom": [{"value": "02931-774411"}]}, asking)
        for each in session.scalars(select(Appointment).where(Appointment.patient_id == patient.id)):
            each.status = AppointmentStatus.CANCELLED
    return patient


def everything_said(session: Session) -> bytes:
    versions = session.execute(select(DocumentVersion.kind, DocumentVersion.id, DocumentVersion.content))
    return b"\n".join([*all_contents(session), *(opened(session, *row) for row in versions)])


class TestErasePatient:
    def test_leaves_nothing_that_tells_who_it_was(
        self, writing: sessionmaker[Session], patient: Patient, now: datetime
    ) -> None:
        with writing() as session:
            assert all(secret in everything_said(session) for secret in SECRETS)

        with writing.begin() as session:
            erase_patient(session, patient_id=patient.id, viewer=EVERYONE, now=now)
        with writing.begin() as session:
            assert finish_erasures(session, now=now) == 1

        with writing() as session:
            said = everything_said(session)
            assert [secret for secret in SECRETS if secret in said] == []
            found = session.get_one(Patient, patient.id)
            assert (found.family_name, found.insurance_number_blind, found.birth_date) == (GONE, None, None)
            receipt = session.scalars(select(Erasure)).one()
        assert (receipt.patient_id, receipt.finished_at, receipt.counts["held"]) == (patient.id, now, 1)
        assert receipt.counts["versions"] >= 3

    def test_waits_for_visits_that_are_still_to_come(
        self, writing: sessionmaker[Session], patient: Patient, now: datetime
    ) -> None:
        with writing.begin() as session:
            visit = session.scalars(select(Appointment).where(Appointment.patient_id == patient.id)).first()
            assert visit is not None
            visit.status = AppointmentStatus.PROPOSED
            visit.starts_at, visit.ends_at = now, now + timedelta(hours=1)

        with writing() as session, pytest.raises(StillInCare, match="cancel them first"):
            erase_patient(session, patient_id=patient.id, viewer=EVERYONE, now=now)


class TestRestrictPatient:
    def test_hides_a_patient_from_all_but_administrators(
        self, writing: sessionmaker[Session], patient: Patient, world: World, now: datetime
    ) -> None:
        administrator = Viewer("admin", ViewerRole.ADMINISTRATOR, world.organisation.id)
        coordinator = Viewer("coordinator", ViewerRole.COORDINATOR, world.organisation.id)
        with writing.begin() as session:
            restrict_patient(session, patient_id=patient.id, viewer=administrator, now=now)

        with writing() as session:
            with pytest.raises(PatientNotFound):
                get_patient(session, patient_id=patient.id, viewer=coordinator)
            assert get_patient(session, patient_id=patient.id, viewer=administrator).restricted_at == now

        with writing.begin() as session:
            lift_restriction(session, patient_id=patient.id, viewer=administrator, now=now)
        with writing() as session:
            assert get_patient(session, patient_id=patient.id, viewer=coordinator).id == patient.id


class TestRetention:
    def test_erases_those_who_left_ten_years_ago(
        self, writing: sessionmaker[Session], patient: Patient, now: datetime
    ) -> None:
        with writing.begin() as session:
            session.get_one(Patient, patient.id).is_active = False
            for each in session.scalars(select(Appointment).where(Appointment.patient_id == patient.id)):
                each.starts_at, each.ends_at = now - timedelta(hours=1), now
        after_nine, after_ten = now + timedelta(days=9 * 365), now + timedelta(days=10 * 365 + 3)

        with writing.begin() as session:
            assert due_patients(session, now=after_nine, years=10) == []
            assert keep_rules(session, now=after_ten, settings=Settings()) == 1
        with writing.begin() as session:
            assert due_patients(session, now=after_ten, years=10) == []
            assert session.scalars(select(Erasure.reason)).all() == ["retention"]
