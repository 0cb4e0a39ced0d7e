from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.cancellation import UnknownReason
from careapp.appointments.models import AppointmentKind, AppointmentStatus, Occupancy
from careapp.appointments.occupancy import occupy
from careapp.calendar import Calendar
from careapp.consultations.models import Booking
from careapp.db import NaiveDatetime, changes_of
from careapp.orders.commands import ImpossibleCare, ImpossibleWindow
from careapp.people.queries import PatientNotFound
from careapp.people.skills import ImpossibleGrade, UnknownSkill
from careapp.records.models import AuditEvent, OutboxMessage
from careapp.visits import commands, queries
from careapp.visits.models import Visit
from tests.careapp.worlds import (
    DAY,
    a_nurse,
    a_patient,
    a_skill,
    a_slot,
    a_visit,
    an_organisation,
    coordinator_of,
    moment,
)

MORNING = (moment(7), moment(9))


class TestListVisits:
    def test_narrows_by_day_patient_and_status(self, session: Session, viewer: Viewer) -> None:
        patient = a_patient(session)
        wanted = a_visit(session, patient)
        a_visit(session, patient, day=DAY + timedelta(days=1))
        a_visit(session, patient, status=AppointmentStatus.CANCELLED)
        a_visit(session)

        page = queries.list_visits(
            session,
            viewer=viewer,
            date=DAY,
            patient_id=patient.id,
            status=AppointmentStatus.PROPOSED,
            limit=9,
        )

        assert [visit.id for visit in page.items] == [wanted.id]
        assert len(queries.list_visits(session, viewer=viewer, limit=9).items) == 4

    def test_brings_along_what_is_shown(self, session: Session, viewer: Viewer) -> None:
        a_visit(session)
        session.expunge_all()

        (visit,) = queries.list_visits(session, viewer=viewer, limit=1).items

        assert visit.patient.known_home.district == "Rumbeck"
        assert visit.services[0].skills[0].grade == 2

    def test_follows_the_page_before(self, session: Session, viewer: Viewer) -> None:
        made = sorted(a_visit(session).id for _ in range(3))

        first = queries.list_visits(session, viewer=viewer, limit=2)
        second = queries.list_visits(session, viewer=viewer, limit=2, after=first.next_after)

        assert [visit.id for visit in first.items + second.items] == made
        assert second.next_after is None

    def test_hides_what_is_another_tenants(self, session: Session) -> None:
        visit = a_visit(session)
        stranger = coordinator_of(an_organisation(session))

        assert queries.list_visits(session, viewer=stranger, limit=9).items == []
        with pytest.raises(queries.VisitNotFound, match=str(visit.id)):
            queries.get_visit(session, visit_id=visit.id, viewer=stranger)


class TestAddVisit:
    def test_enters_a_visit_on_the_local_day_of_its_windows(
        self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime
    ) -> None:
        patient = a_patient(session)
        a_skill(session, "wound-care")
        # 23:30 UTC is half past midnight of the next day in Berlin.
        late = (moment(23, 30), moment(23, 45))

        made = commands.add_visit(
            session,
            patient_id=patient.id,
            title="Verbandwechsel",
            windows=[late, late],
            minutes=20,
            services=[{"wound-care": 2}, {}],
            priority=4,
            calendar=calendar,
            viewer=viewer,
            now=now,
        )
        session.flush()
        session.expunge_all()

        visit = queries.get_visit(session, visit_id=made.id, viewer=viewer)
        assert visit.date == DAY + timedelta(days=1)
        assert (visit.duration_s, visit.priority, visit.care_order_id) == (1200, 4, None)
        assert [(window.earliest, window.latest) for window in visit.windows] == [late]
        assert [len(service.skills) for service in visit.services] == [1, 0]
        assert session.scalars(select(AuditEvent.action)).all() == ["add_visit"]

    @pytest.mark.parametrize(
        ("windows", "error", "sentence"),
        [
            ([], ImpossibleWindow, "at least one window"),
            ([(moment(9), moment(7))], ImpossibleWindow, "give a later end"),
            (
                [(moment(7) - timedelta(days=2), moment(8) - timedelta(days=2))],
                ImpossibleWindow,
                "is over",
            ),
            ([MORNING, (moment(23, 30), moment(23, 45))], ImpossibleWindow, "same local day"),
            ([(moment(7).replace(tzinfo=None), moment(9))], NaiveDatetime, "add an offset"),
            ([(moment(7), moment(9).replace(tzinfo=None))], NaiveDatetime, "add an offset"),
        ],
    )
    def test_refuses_windows_in_which_it_cannot_start(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        windows: Sequence[tuple[datetime, datetime]],
        error: type[Exception],
        sentence: str,
    ) -> None:
        patient = a_patient(session)

        with pytest.raises(error, match=sentence):
            commands.add_visit(
                session,
                patient_id=patient.id,
                title="Probe",
                windows=windows,
                minutes=20,
                calendar=calendar,
                viewer=viewer,
                now=now,
            )

    @pytest.mark.parametrize(
        ("minutes", "priority", "services", "error"),
        [
            (0, 2, [{}], ImpossibleCare),
            (481, 2, [{}], ImpossibleCare),
            (20, 0, [{}], ImpossibleCare),
            (20, 5, [{}], ImpossibleCare),
            (20, 2, [], ImpossibleCare),
            (20, 2, [{}] * 5, ImpossibleCare),
            (20, 2, [{"care": 5}], ImpossibleGrade),
            (20, 2, [{"magic": 1}], UnknownSkill),
        ],
    )
    def test_refuses_care_that_cannot_be(
        self,
        session: Session,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
        minutes: int,
        priority: int,
        services: Sequence[Mapping[str, int]],
        error: type[Exception],
    ) -> None:
        patient = a_patient(session)

        with pytest.raises(error):
            commands.add_visit(
                session,
                patient_id=patient.id,
                title="Probe",
                windows=[MORNING],
                minutes=minutes,
                priority=priority,
                services=services,
                calendar=calendar,
                viewer=viewer,
                now=now,
            )

    def test_is_for_the_viewers_own_patients(
        self, session: Session, calendar: Calendar, now: datetime
    ) -> None:
        patient = a_patient(session)

        with pytest.raises(PatientNotFound):
            commands.add_visit(
                session,
                patient_id=patient.id,
                title="Probe",
                windows=[MORNING],
                minutes=20,
                calendar=calendar,
                viewer=coordinator_of(an_organisation(session)),
                now=now,
            )


class TestCancelVisit:
    def test_frees_the_nurse_and_tells_the_outside(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        visit = a_visit(session, status=AppointmentStatus.BOOKED, starts_at=moment(7))
        nurse = a_nurse(session, visit.organisation)
        occupy(
            session,
            organisation_id=nurse.organisation_id,
            practitioner_id=nurse.practitioner_id,
            appointment_id=visit.id,
            starts_at=moment(7),
            ends_at=moment(8),
        )

        cancelled = commands.cancel_visit(session, visit_id=visit.id, because="pat", viewer=viewer, now=now)

        assert (cancelled.status, cancelled.cancelled_because) == (AppointmentStatus.CANCELLED, "pat")
        assert session.scalars(select(Occupancy)).all() == []
        assert (Visit, visit.id) in changes_of(session)
        (message,) = session.scalars(select(OutboxMessage))
        assert (message.topic, message.payload) == ("visit-cancelled", {"visit": str(visit.id)})
        assert session.scalars(select(AuditEvent.detail)).all() == [{"because": "pat"}]

    @pytest.mark.parametrize(
        "status", [AppointmentStatus.CANCELLED, AppointmentStatus.FULFILLED, AppointmentStatus.NOSHOW]
    )
    def test_comes_too_late_for_what_is_over(
        self, session: Session, viewer: Viewer, now: datetime, status: AppointmentStatus
    ) -> None:
        visit = a_visit(session, status=status)

        with pytest.raises(commands.VisitEnded):
            commands.cancel_visit(session, visit_id=visit.id, because="pat", viewer=viewer, now=now)

    def test_keeps_a_visit_for_which_a_doctor_waits(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        visit = a_visit(session, status=AppointmentStatus.BOOKED, starts_at=moment(7))
        slot = a_slot(session)
        session.add(
            Booking(
                id=uuid4(),
                kind=AppointmentKind.BOOKING,
                organisation_id=visit.organisation_id,
                patient_id=visit.patient_id,
                status=AppointmentStatus.BOOKED,
                title="Videosprechstunde",
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                slot_id=slot.id,
                visit_id=visit.id,
            )
        )
        session.commit()

        with pytest.raises(commands.VisitCarriesBooking, match="cancel or move the booking first"):
            commands.cancel_visit(session, visit_id=visit.id, because="prov", viewer=viewer, now=now)
        session.rollback()

        found = queries.get_visit(session, visit_id=visit.id, viewer=viewer)
        assert found.status == AppointmentStatus.BOOKED

    def test_wants_a_known_reason(self, session: Session, viewer: Viewer, now: datetime) -> None:
        visit = a_visit(session)

        with pytest.raises(UnknownReason, match="write one of"):
            commands.cancel_visit(session, visit_id=visit.id, because="tired", viewer=viewer, now=now)

    def test_is_for_the_viewers_own_visits(self, session: Session, now: datetime) -> None:
        visit = a_visit(session)

        with pytest.raises(queries.VisitNotFound):
            commands.cancel_visit(
                session,
                visit_id=visit.id,
                because="pat",
                viewer=coordinator_of(an_organisation(session)),
                now=now,
            )
