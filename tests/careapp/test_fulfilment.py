"""Appointments that took place."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.fulfilment import (
    AppointmentNotFound,
    AppointmentNotPromised,
    ImpossiblePeriod,
    fulfil,
    record_encounter,
    reopen,
)
from careapp.appointments.models import AppointmentStatus
from careapp.db import NaiveDatetime
from careapp.people.queries import PractitionerNotFound
from careapp.records.held import HeldEncounter
from careapp.records.models import AuditEvent, OutboxMessage
from careapp.visits.models import Visit
from tests.careapp.worlds import a_nurse, a_visit, an_organisation, coordinator_of, moment


@pytest.fixture
def visit(session: Session) -> Visit:
    return a_visit(session, status=AppointmentStatus.BOOKED, starts_at=moment(7))


class TestFulfil:
    def test_is_told_once(self, session: Session, visit: Visit, viewer: Viewer) -> None:
        for _ in range(2):
            fulfilled = fulfil(
                session,
                appointment_id=visit.id,
                began_at=moment(7),
                ended_at=None,
                viewer=viewer,
                now=moment(8),
            )

        assert fulfilled.status == AppointmentStatus.FULFILLED
        assert session.scalars(select(OutboxMessage.topic)).all() == ["appointment.fulfilled"]
        assert session.scalars(select(AuditEvent.action)).all() == ["fulfil_appointment"]

    @pytest.mark.parametrize(
        "status", [AppointmentStatus.PROPOSED, AppointmentStatus.CANCELLED, AppointmentStatus.NOSHOW]
    )
    def test_needs_a_promise(
        self, session: Session, visit: Visit, viewer: Viewer, status: AppointmentStatus
    ) -> None:
        visit.status = status
        session.flush()

        with pytest.raises(AppointmentNotPromised, match=status.value):
            fulfil(
                session,
                appointment_id=visit.id,
                began_at=moment(7),
                ended_at=None,
                viewer=viewer,
                now=moment(8),
            )

    @pytest.mark.parametrize(
        ("began_at", "ended_at", "error"),
        [
            (moment(8) + timedelta(minutes=11), None, ImpossiblePeriod),
            (moment(7), moment(6, 59), ImpossiblePeriod),
            (moment(7).replace(tzinfo=None), None, NaiveDatetime),
            (moment(7), moment(8).replace(tzinfo=None), NaiveDatetime),
        ],
    )
    def test_refuses_times_that_cannot_be(
        self,
        session: Session,
        visit: Visit,
        viewer: Viewer,
        began_at: datetime,
        ended_at: datetime | None,
        error: type[Exception],
    ) -> None:
        with pytest.raises(error):
            fulfil(
                session,
                appointment_id=visit.id,
                began_at=began_at,
                ended_at=ended_at,
                viewer=viewer,
                now=moment(8),
            )

    def test_is_for_the_viewers_own(self, session: Session, visit: Visit) -> None:
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(AppointmentNotFound):
            fulfil(
                session,
                appointment_id=visit.id,
                began_at=moment(7),
                ended_at=None,
                viewer=stranger,
                now=moment(8),
            )


class TestReopen:
    def test_leaves_what_was_not_fulfilled(self, session: Session, visit: Visit, viewer: Viewer) -> None:
        reopened = reopen(session, appointment_id=visit.id, viewer=viewer, now=moment(8))

        assert reopened.status == AppointmentStatus.BOOKED
        assert session.scalars(select(AuditEvent)).all() == []


class TestRecordEncounter:
    def test_remembers_the_home_of_that_day(self, session: Session, visit: Visit, viewer: Viewer) -> None:
        nurse = a_nurse(session, visit.organisation)

        encounter = record_encounter(
            session,
            appointment_id=visit.id,
            practitioner_id=nurse.practitioner_id,
            began_at=moment(7),
            ended_at=moment(7, 20),
            viewer=viewer,
            now=moment(8),
        )

        assert encounter.place_id == visit.patient.home_id
        assert session.scalars(select(HeldEncounter)).all() == [encounter]

    def test_refuses_a_practitioner_of_others(self, session: Session, visit: Visit) -> None:
        with pytest.raises(PractitionerNotFound):
            record_encounter(
                session,
                appointment_id=visit.id,
                practitioner_id=a_nurse(session).practitioner_id,
                began_at=moment(7),
                ended_at=None,
                viewer=coordinator_of(visit.organisation),
                now=moment(8),
            )
