"""Audit and outbox."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from careapp.organisations.models import Municipality, Organisation, OrganisationKind
from careapp.records import audit, outbox
from careapp.records.models import AuditEvent, OutboxMessage


class TestRecord:
    def test_names_the_row_its_table_and_its_organisation(self, session, viewer, now):
        care = Organisation(
            id=uuid4(), kind=OrganisationKind.CARE_SERVICE, name="A", is_active=True, is_synthetic=True
        )
        session.add(care)

        audit.record(session, viewer=viewer, now=now, action="add_organisation", subject=care)
        session.commit()

        row = session.scalars(select(AuditEvent)).one()
        assert (row.subject_kind, row.subject_id, row.viewer, row.at) == (
            "organisation",
            care.id,
            "coordinator",
            now,
        )

    def test_takes_the_organisation_of_the_subject(self, session, viewer, now):
        message = AuditEvent(id=uuid4(), organisation_id=uuid4())

        event = audit.record(session, viewer=viewer, now=now, action="look", subject=message)

        assert event.organisation_id == message.organisation_id
        session.rollback()

    def test_leaves_the_id_out_where_the_key_is_none(self, session, viewer, now):
        town = Municipality(ags="05970040", name="S", district="S", population=1, latitude=1, longitude=1)

        event = audit.record(session, viewer=viewer, now=now, action="look", subject=town)

        assert (event.subject_kind, event.subject_id) == ("municipality", None)

    def test_stores_ids_in_the_detail_as_text(self, session, viewer, now):
        slot = UUID(int=7)

        audit.record(
            session, viewer=viewer, now=now, action="list_slots", subject_kind="slot", count=3, slot=slot
        )
        session.commit()

        assert session.scalars(select(AuditEvent.detail)).one() == {"count": 3, "slot": str(slot)}

    def test_refuses_to_name_nothing(self, session, viewer, now):
        with pytest.raises(audit.AuditWithoutSubject, match="look"):
            audit.record(session, viewer=viewer, now=now, action="look")


class TestSend:
    def test_leaves_with_the_commit(self, sessions, now):
        with sessions.begin() as session:
            outbox.send(session, topic="tour.published", payload={"tour": "1"}, now=now)

        with sessions() as session:
            message = session.scalars(select(OutboxMessage)).one()
            assert (message.topic, message.payload, message.delivered_at, message.attempts) == (
                "tour.published",
                {"tour": "1"},
                None,
                0,
            )

    def test_does_not_leave_without_it(self, sessions, now):
        with sessions() as session:
            outbox.send(session, topic="tour.published", payload={}, now=now)
            session.flush()
            session.rollback()

        with sessions() as session:
            assert session.scalars(select(OutboxMessage)).all() == []
