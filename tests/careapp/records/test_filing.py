"""A look at several patients is one row, and is found by each of them once it is sealed."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select, update

from careapp.records import filing, sealing
from careapp.records.accesses import list_accesses
from careapp.records.audit import new_id
from careapp.records.audit_models import AuditPatient
from careapp.records.audit_writer import running
from careapp.records.chain import COLUMNS, Chain, packed
from careapp.records.filing import MOST_PATIENTS, counted_id, has_unfiled
from careapp.records.models import AuditEvent
from careapp.records.sealing import seal, verify
from tests.coroutines import finished

CHAIN = Chain(bytes(range(32)))


@pytest.fixture
def look(sessions, now):
    """Writes looks at some patients each; returns the rows' ids."""

    def write(*groups):
        keys = []
        with running(sessions, CHAIN) as writer:
            for patients in groups:
                row = dict.fromkeys(COLUMNS) | {
                    "id": counted_id(new_id(now)), "at": now, "viewer": "me", "action": "look",
                    "outcome": "0", "subject_kind": "visit", "detail": {},
                    "patients": packed(sorted(patients)),
                }  # fmt: skip
                finished(writer.write([row]))
                keys.append(row["id"])
        return keys

    return write


@pytest.fixture
def patients() -> list[UUID]:
    return sorted(uuid4() for _ in range(3))


def sealed(sessions, now) -> int:
    with sessions.begin() as session:
        return seal(session, CHAIN, now=now)


def findings(sessions) -> list[str]:
    with sessions() as session:
        return verify(session, CHAIN, anchor=None).findings


class TestFiling:
    def test_counts_the_patients_in_the_ids_last_bits(self, sessions, look, patients, now):
        (key,) = look(patients)

        sealed(sessions, now)

        with sessions() as session:
            found = session.scalars(select(AuditPatient).order_by(AuditPatient.id)).all()
        assert [(entry.id.int - key.int, entry.event_id, entry.patient_id) for entry in found] == [
            (1, key, patients[0]),
            (2, key, patients[1]),
            (3, key, patients[2]),
        ]

    def test_waits_for_the_seal(self, sessions, look, patients, now):
        look(patients)

        with sessions() as session:
            assert has_unfiled(session)
        sealed(sessions, now)
        with sessions() as session:
            assert not has_unfiled(session)

    def test_takes_as_many_rows_as_it_can_at_once(self, sessions, look, now, monkeypatch):
        monkeypatch.setattr(sealing, "MOST_FILED_AT_ONCE", 5)
        # Two patients each: two rows make four, a third would make six.
        look(*([uuid4(), uuid4()] for _ in range(3)))

        assert [sealed(sessions, now) for _ in range(3)] == [2, 1, 0]

    def test_takes_a_row_that_is_too_large_alone(self, sessions, look, now, monkeypatch):
        monkeypatch.setattr(sealing, "MOST_FILED_AT_ONCE", 2)
        look([uuid4() for _ in range(4)], [uuid4()])

        assert [sealed(sessions, now) for _ in range(3)] == [1, 1, 0]

    def test_has_room_for_all_patients_of_a_row(self):
        assert 1 << filing.COUNTED_BITS > MOST_PATIENTS

    def test_leaves_a_row_alone_that_somebody_else_wrote(self, sessions, now):
        forged = {"id": counted_id(new_id(now)), "patients": packed([uuid4(), uuid4()]), "mark": bytes(32)}
        with sessions.begin() as session:
            session.add(
                AuditEvent(at=now, viewer="me", action="look", subject_kind="visit", detail={}, **forged)
            )

        sealed(sessions, now)

        with sessions() as session:
            assert session.scalars(select(AuditPatient)).all() == []
        assert len(findings(sessions)) == 1


class TestVerify:
    @pytest.fixture
    def key(self, sessions, look, patients, now) -> UUID:
        keys: list[UUID] = look(patients)
        look(patients[:2])
        sealed(sessions, now)
        return keys[0]

    def test_finds_a_filed_record_whole(self, sessions, key):
        assert findings(sessions) == []

    def test_finds_whoever_took_an_entry_away(self, sessions, key, patients):
        with sessions.begin() as session:
            session.execute(delete(AuditPatient).where(AuditPatient.patient_id == patients[2]))

        assert findings(sessions) == [f"row {key} is not filed under its patients as it names them"]

    def test_finds_whoever_gave_an_entry_to_another(self, sessions, key, patients):
        with sessions.begin() as session:
            session.execute(
                update(AuditPatient).where(AuditPatient.patient_id == patients[2]).values(patient_id=uuid4())
            )

        assert findings(sessions) == [f"row {key} is not filed under its patients as it names them"]

    def test_finds_whoever_added_an_entry(self, sessions, key):
        with sessions.begin() as session:
            session.add(AuditPatient(id=uuid4(), event_id=uuid4(), patient_id=uuid4()))

        assert findings(sessions) == ["1 entries of patients are filed that no sealed row names"]

    def test_finds_whoever_took_a_patient_out_of_the_row(self, key, patients, owner_engine, sessions):
        with owner_engine.begin() as connection:
            if owner_engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL app.tenants = '*'")
                connection.exec_driver_sql("ALTER TABLE audit_event DISABLE TRIGGER USER")
            else:
                connection.exec_driver_sql("DROP TRIGGER audit_event_append_only_update")
            connection.execute(
                update(AuditEvent).where(AuditEvent.id == key).values(patients=packed(patients[:2]))
            )

        assert f"row {key} was changed (seal 1)" in findings(sessions)


class TestReport:
    def test_names_a_look_at_several_under_each(self, sessions, look, patients, now):
        (key, other) = look(patients, [patients[0], uuid4()])
        sealed(sessions, now)

        with sessions() as session:
            pages = [list_accesses(session, patient_id=each, limit=5) for each in patients]
            first = list_accesses(session, patient_id=patients[0], limit=1)
            second = list_accesses(session, patient_id=patients[0], limit=1, after=first.next_after)

        assert [len(page.items) for page in pages] == [2, 1, 1]
        assert [page.items[0].id.int - key.int for page in pages[1:]] == [2, 3]
        assert {access.id.int >> 16 for access in (*first.items, *second.items)} == {
            key.int >> 16,
            other.int >> 16,
        }
        assert second.next_after is None
