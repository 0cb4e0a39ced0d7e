"""A record that is opened to somebody else, for a time."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from careapp.access import Viewer, ViewerRole
from careapp.openings.commands import (
    OpeningEndsBeforeItStarts,
    ToWhom,
    close_record,
    close_records_of,
    open_record,
)
from careapp.openings.models import Opening, OpeningKind
from careapp.openings.queries import OpeningNotFound, get_opening, openings_of
from careapp.records.models import AuditEvent
from tests.careapp.worlds import EVERYONE, a_nurse, a_patient, a_visit, an_organisation, coordinator_of


@pytest.fixture
def patient(session):
    return a_patient(session)


@pytest.fixture
def helper(session):
    """A nurse of another service."""
    return a_nurse(session, an_organisation(session, name="Nachbar"))


@pytest.fixture
def nurse(helper):
    return Viewer("nurse", ViewerRole.NURSE, helper.organisation_id, helper.practitioner_id)


@pytest.fixture
def opened(session, patient, helper, viewer, now):
    def opened(*, kind=OpeningKind.HELP, to=None, hours=(0, 2), appointment_id=None):
        return open_record(
            session,
            organisation_id=patient.organisation_id,
            patient_id=patient.id,
            to=to or ToWhom(helper.organisation_id, helper.practitioner_id),
            kind=kind,
            reason="the neighbours help out",
            starts_at=now + timedelta(hours=hours[0]),
            ends_at=now + timedelta(hours=hours[1]),
            viewer=viewer,
            now=now,
            appointment_id=appointment_id,
        )

    return opened


def seen(session, viewer, now) -> list[UUID]:
    return list(session.scalars(openings_of(viewer, now).with_only_columns(Opening.id)))


class TestOpenRecord:
    def test_writes_who_opened_what_to_whom(self, session, opened, patient, helper):
        opening = opened()

        event = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == opening.id)).one()
        assert (event.action, event.organisation_id) == ("open_record", patient.organisation_id)
        assert event.detail == {
            "kind": "help",
            "patient": str(patient.id),
            "to_organisation": str(helper.organisation_id),
            "to_practitioner": str(helper.practitioner_id),
        }

    def test_refuses_what_would_never_be_open(self, opened):
        with pytest.raises(OpeningEndsBeforeItStarts, match="after its start"):
            opened(hours=(2, 2))


class TestOpeningsOf:
    @pytest.mark.parametrize(("hours", "is_open"), [(-1, False), (0, True), (1, True), (2, False)])
    def test_end_with_their_time(self, session, opened, nurse, now, hours, is_open):
        opening = opened()

        assert seen(session, nurse, now + timedelta(hours=hours)) == ([opening.id] if is_open else [])

    def test_are_the_one_nurses(self, session, opened, nurse, now, helper):
        opened()

        colleague = replace(nurse, practitioner_id=uuid4())
        assert seen(session, colleague, now) == []
        assert seen(session, coordinator_of(helper.organisation), now) == []

    def test_are_the_practices_too_if_booked(self, session, opened, nurse, now, helper):
        opening = opened(kind=OpeningKind.BOOKING)

        assert seen(session, coordinator_of(helper.organisation), now) == [opening.id]
        assert seen(session, nurse, now) == [opening.id]
        assert seen(session, replace(nurse, practitioner_id=uuid4()), now) == []

    def test_are_everybodys_where_no_person_is_named(self, session, opened, nurse, now, helper):
        opening = opened(to=ToWhom(helper.organisation_id))

        assert seen(session, nurse, now) == seen(session, coordinator_of(helper.organisation), now)
        assert seen(session, nurse, now) == [opening.id]

    def test_are_not_the_owners(self, session, opened, patient, now):
        opened()

        assert seen(session, coordinator_of(patient.organisation), now) == []

    def test_are_all_ours(self, session, opened, now):
        opening = opened()

        assert seen(session, EVERYONE, now) == [opening.id]


class TestCloseRecord:
    def test_ends_it_at_once_and_only_once(self, session, opened, nurse, viewer, now):
        opening = opened()

        close_record(session, opening_id=opening.id, viewer=viewer, now=now + timedelta(hours=1))
        close_record(session, opening_id=opening.id, viewer=viewer, now=now + timedelta(hours=1, minutes=5))

        assert opening.ends_at == now + timedelta(hours=1)
        assert seen(session, nurse, now + timedelta(minutes=59)) == [opening.id]
        assert seen(session, nurse, now + timedelta(hours=1)) == []
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_id == opening.id)).all()
        assert sorted(actions) == ["close_record", "open_record"]

    def test_may_come_before_it_was_ever_open(self, session, opened, nurse, viewer, now):
        opening = opened(hours=(5, 6))

        close_record(session, opening_id=opening.id, viewer=viewer, now=now)

        assert seen(session, nurse, now + timedelta(hours=5)) == []

    def test_is_for_both_sides_and_nobody_else(self, session, opened, patient, helper):
        opening = opened()

        for organisation in (patient.organisation, helper.organisation):
            found = get_opening(session, opening_id=opening.id, viewer=coordinator_of(organisation))
            assert found is opening
        with pytest.raises(OpeningNotFound):
            get_opening(session, opening_id=opening.id, viewer=coordinator_of(an_organisation(session)))

    def test_closes_all_of_an_appointment(self, session, opened, nurse, patient, viewer, now):
        visit = a_visit(session, patient)
        opened(appointment_id=visit.id)
        other = opened()

        close_records_of(session, appointment_id=visit.id, viewer=viewer, now=now)

        assert seen(session, nurse, now) == [other.id]
