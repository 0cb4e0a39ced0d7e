"""The record is sealed, and whoever touched it is found out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from careapp.config import Settings
from careapp.db import make_sessions
from careapp.records import anchor, audit
from careapp.records.anchor import Anchor, AnchorUnwritable, NoAnchor
from careapp.records.audit_models import AuditSeal, AuditUnsealed
from careapp.records.audit_writer import mark_deeds
from careapp.records.chain import COLUMNS, FIRST, Chain, packed, unpacked
from careapp.records.models import AuditEvent
from careapp.records.sealing import Sealer, Verdict, end_of, seal, verify

CHAIN = Chain(bytes(range(32)))
TABLES = ("audit_event", "audit_seal")


@pytest.fixture
def sessions(engine):
    """Sessions that mark what is recorded."""
    sessions = make_sessions(engine)
    mark_deeds(sessions, CHAIN)
    return sessions


@pytest.fixture
def record(sessions, viewer, now):
    """Writes and commits some rows."""

    def write(count):

        with sessions.begin() as session:
            rows = [
                audit.record(
                    session,
                    viewer=viewer,
                    now=now + timedelta(microseconds=number),
                    action="look",
                    subject_kind="visit",
                    subject_id=uuid4(),
                    patient_id=uuid4(),
                    count=number,
                )
                for number in range(count)
            ]
        return [row.id for row in rows]

    return write


@pytest.fixture
def sealed(record, sessions, now) -> list[UUID]:
    """Six rows under two seals."""
    keys: list[UUID] = record(4)
    with sessions.begin() as session:
        seal(session, CHAIN, now=now)
    keys += record(2)
    with sessions.begin() as session:
        seal(session, CHAIN, now=now)
    return keys


def look(sessions, kept: Anchor | None = None, chain: Chain = CHAIN) -> Verdict:
    with sessions() as session:
        return verify(session, chain, anchor=kept)


@pytest.fixture
def unguarded(owner_engine):
    """Begins a transaction of an owner of the tables, who switches the triggers off first."""

    @contextmanager
    def begin() -> Iterator[Session]:
        sessions = make_sessions(owner_engine)
        mark_deeds(sessions, CHAIN)
        with sessions.begin() as session:
            for statement in _switch_off(session):
                session.execute(text(statement))
            yield session

    return begin


def _switch_off(session: Session) -> list[str]:
    if session.get_bind().dialect.name == "postgresql":
        return [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES]
    names = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
    return [f"DROP TRIGGER {name}" for name in names if name.startswith("audit")]


class TestAWholeRecord:
    def test_is_found_whole(self, sessions, sealed, record):
        record(1)

        found = look(sessions)

        assert (found.rows, found.seals, found.unsealed, found.findings) == (7, 2, 1, [])

    def test_that_is_empty_is_found_whole(self, sessions):
        assert look(sessions) == Verdict(end=Anchor(0, FIRST))

    def test_is_sealed_once(self, sessions, sealed, now):
        with sessions.begin() as session:
            assert seal(session, CHAIN, now=now) == 0

    def test_is_not_whole_under_another_key(self, sessions, sealed):
        assert look(sessions, chain=Chain(bytes(32))).findings

    def test_takes_rows_from_before_there_were_marks_under_the_first_seal(self, engine, viewer, now):
        old = make_sessions(engine)
        with old.begin() as session:
            audit.record(session, viewer=viewer, now=now, action="look", subject_kind="visit")
            session.flush()
            assert seal(session, CHAIN, now=now) == 1

        assert look(old).findings == []


class TestWhoeverTouchedIt:
    @pytest.mark.parametrize(
        "change",
        [
            {"viewer": "nobody"},
            {"patient_id": None},
            {"outcome": "8"},
            {"detail": {"count": 99}},
            {"mark": None},
            {"mark": bytes(32)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_and_changed_a_row_is_found_out(self, sessions, sealed, change, unguarded):
        with unguarded() as session:
            session.execute(update(AuditEvent).where(AuditEvent.id == sealed[4]).values(change))

        assert look(sessions).findings == [f"row {sealed[4]} was changed (seal 2)"]

    def test_and_took_a_row_away_is_found_out(self, sessions, sealed, unguarded):
        with unguarded() as session:
            session.execute(delete(AuditEvent).where(AuditEvent.id == sealed[1]))

        assert look(sessions).findings == [f"row {sealed[1]} is missing (seal 1)"]

    def test_and_added_a_row_is_found_out_before_it_is_sealed(self, sessions, sealed, now, engine):
        forged = dict.fromkeys(COLUMNS) | {
            "id": uuid4(), "at": now, "viewer": "me", "action": "look", "outcome": "0",
            "subject_kind": "visit", "detail": {}, "mark": bytes(32),
        }  # fmt: skip
        with sessions.begin() as session:
            session.execute(insert(AuditEvent), [forged])

        findings = look(sessions).findings

        assert findings == [f"row {forged['id']} was added or changed by somebody else (not sealed yet)"]
        with sessions.begin() as session:
            assert seal(session, CHAIN, now=now) == 0
        assert look(sessions).findings == findings

    def test_and_added_a_row_past_the_queue_is_found_out(self, sessions, sealed, viewer, now, unguarded):
        with unguarded() as session:
            row = audit.record(session, viewer=viewer, now=now, action="look", subject_kind="visit")
            session.flush()
            session.execute(delete(AuditUnsealed))

        assert look(sessions).findings == [f"row {row.id} was added: no seal names it"]

    def test_and_took_a_row_away_that_was_not_sealed_yet_is_found_out(self, sessions, record, unguarded):
        keys = record(2)
        with unguarded() as session:
            session.execute(delete(AuditEvent).where(AuditEvent.id == keys[0]))

        assert look(sessions).findings == [f"row {keys[0]} is missing (not sealed yet)"]

    def test_and_took_a_seal_out_of_the_middle_is_found_out(self, sessions, sealed, unguarded):
        with unguarded() as session:
            session.execute(delete(AuditSeal).where(AuditSeal.number == 1))
            session.execute(delete(AuditEvent).where(AuditEvent.id.in_(sealed[:4])))

        assert "seal 1 is missing" in look(sessions).findings

    def test_and_cut_the_end_off_is_found_out_by_the_anchor(self, sessions, sealed, unguarded):
        kept = look(sessions).end
        with unguarded() as session:
            session.execute(delete(AuditSeal).where(AuditSeal.number == 2))
            session.execute(delete(AuditEvent).where(AuditEvent.id.in_(sealed[4:])))

        assert look(sessions).findings == []
        assert look(sessions, kept).findings == ["the end is missing: there were 2 seals, now there are 1"]

    def test_and_wrote_another_end_is_found_out_by_the_anchor(self, sessions, sealed):
        kept = Anchor(2, bytes(32))

        assert look(sessions, kept).findings == ["seal 2 is not the one that the anchor names"]

    def test_and_gave_a_row_to_another_seal_is_found_out(self, sessions, sealed, unguarded):
        with unguarded() as session:
            session.execute(update(AuditSeal).where(AuditSeal.number == 2).values(members=packed(sealed[:2])))

        assert any("seal 2 does not fit" in sentence for sentence in look(sessions).findings)

    @pytest.mark.parametrize("edit", [update(AuditSeal).values(number=9), delete(AuditSeal)])
    def test_is_refused_by_the_database_first(self, sessions, sealed, edit):
        with sessions() as session, pytest.raises(Exception, match="append-only"):
            session.execute(edit)


class TestSealer:
    @pytest.fixture
    def settings(self, tmp_path) -> Settings:
        return Settings.read(data_dir=tmp_path)

    def test_anchors_what_was_sealed_before(self, sessions, record, now, settings):
        record(1)
        for _ in range(2):
            with sessions.begin() as session:
                Sealer(CHAIN)(session, now=now, settings=settings)

        with sessions() as session:
            assert anchor.read(settings.audit_anchor_path) == end_of(session)
        assert settings.audit_anchor_path.stat().st_mode & 0o077 == 0

    def test_never_takes_an_anchor_back(self, sessions, record, now, settings):
        ahead = Anchor(7, bytes(32))
        anchor.keep(settings.audit_anchor_path, ahead)
        record(1)

        for _ in range(2):
            with sessions.begin() as session:
                Sealer(CHAIN)(session, now=now, settings=settings)

        assert anchor.read(settings.audit_anchor_path) == ahead


class TestAnchor:
    def test_is_read_as_it_was_printed(self):
        kept = Anchor(3, bytes(range(32)))

        assert Anchor.parse(f" {kept}\n") == kept

    @pytest.mark.parametrize("given", ["", "3", "three:00", "3:xy"])
    def test_is_refused_if_it_is_none(self, given):
        with pytest.raises(NoAnchor):
            Anchor.parse(given)

    def test_that_is_damaged_is_told(self, tmp_path):
        (tmp_path / "anchor").write_text("{}")

        with pytest.raises(AnchorUnwritable, match="--accept"):
            anchor.read(tmp_path / "anchor")

    def test_that_cannot_be_written_is_told(self, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(AnchorUnwritable, match="CAREAPP_AUDIT_ANCHOR_FILE"):
            anchor.keep(tmp_path / "file" / "anchor", Anchor(1, bytes(32)))


class TestPacked:
    def test_is_read_again(self):
        keys = [uuid4(), uuid4()]

        assert unpacked(packed(keys) + b"rest") == keys


def test_the_queue_is_filled_by_the_database(session, viewer, now):
    row = audit.record(session, viewer=viewer, now=now, action="look", subject_kind="visit")
    session.flush()

    assert session.scalars(select(AuditUnsealed.event_id)).all() == [row.id]
