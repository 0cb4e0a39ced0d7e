"""Engines, sessions and moments, the same on both databases."""

import threading
import traceback
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from careapp import db
from careapp.db import changes_of, make_engine, make_reading_sessions, make_sessions, record_change
from careapp.db_errors import explain_database_error
from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from careapp.records import outbox
from careapp.records.models import OutboxMessage
from careapp.visits.models import Visit
from tests.careapp.worlds import a_patient, an_organisation

BERLIN_WINTER = timezone(timedelta(hours=1))


class TestUtcDateTime:
    def test_gives_back_the_same_moment_in_utc(self, session, now):
        there = now.astimezone(BERLIN_WINTER)

        outbox.send(session, topic="x", payload={}, now=there)
        session.commit()

        stored = session.scalars(
            select(OutboxMessage.created_at).execution_options(populate_existing=True)
        ).one()
        assert (stored, stored.tzinfo) == (now, UTC)

    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(moment=st.datetimes(datetime(1900, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 -- gets one
    def test_keeps_every_moment_to_the_microsecond(self, session, moment):
        message = outbox.send(session, topic="x", payload={}, now=moment)
        session.flush()

        stored = session.scalars(select(OutboxMessage.created_at).where(OutboxMessage.id == message.id)).one()

        assert stored == moment.astimezone(UTC)

    def test_compares_across_zones(self, session, now):
        outbox.send(session, topic="x", payload={}, now=now)
        session.flush()
        there = now.astimezone(BERLIN_WINTER)

        def found(condition) -> int:
            return len(session.scalars(select(OutboxMessage).where(condition)).all())

        assert found(OutboxMessage.created_at == there) == 1
        assert found(OutboxMessage.created_at < there) == 0
        assert found(OutboxMessage.created_at < there + timedelta(microseconds=1)) == 1

    def test_refuses_a_moment_without_zone(self, session):
        naive = datetime(2026, 3, 2, 18)  # noqa: DTZ001 -- the point

        # The row asks at once; another statement would wrap the same refusal.
        with pytest.raises((StatementError, db.NaiveDatetime)) as refused:  # noqa: PT012 -- whichever comes first
            outbox.send(session, topic="x", payload={}, now=naive)
            session.flush()

        found = refused.value
        explained = found if isinstance(found, db.NaiveDatetime) else explain_database_error(found)
        assert isinstance(explained, db.NaiveDatetime)
        assert "add an offset" in str(explained)


class TestMakeEngine:
    @pytest.mark.parametrize(
        ("address", "hint"),
        [
            ("nonsense", "looks like"),
            ("postgresql+psycopg://user:geheim@host:port/name", "looks like"),
            ("mysql://user:geheim@host/name", "not supported"),
            ("postgresql://user:geheim@host/name", "not supported"),
            ("sqlite+aiosqlite:///x", "not supported"),
        ],
    )
    def test_refuses_what_is_no_address_without_quoting_it(self, address, hint):
        with pytest.raises(db.BadDatabaseAddress, match=hint) as refused:
            make_engine(address)

        assert "geheim" not in str(refused.value)

    def test_makes_the_data_folder(self, tmp_path):
        engine = make_engine(f"sqlite:///{tmp_path / 'a' / 'b' / 'careapp.sqlite'}")

        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        engine.dispose()

    def test_says_which_folder_cannot_be_made(self, tmp_path):
        (tmp_path / "data").write_text("a file stands where the folder should")

        with pytest.raises(db.DataFolderUnusable, match="--data-dir"):
            make_engine(f"sqlite:///{tmp_path / 'data' / 'careapp.sqlite'}")

    def test_checks_foreign_keys(self, session):
        session.add(
            Place(
                id=uuid4(), organisation_id=uuid4(), kind=PlaceKind.HOME, latitude=51.4, longitude=8.06
            )
        )  # fmt: skip

        with pytest.raises(IntegrityError):
            session.commit()

    def test_keeps_rows_out_of_its_errors(self, session):
        patient = a_patient(session, family_name="Geheimrat")

        patient.gender = None  # type: ignore[assignment]  # what the database must refuse

        with pytest.raises(IntegrityError, match="gender") as refused:
            session.commit()
        told = "".join(traceback.format_exception(refused.value))
        assert "Geheimrat" not in told

    def test_lets_a_reader_read_while_another_writes(self, engine, now):
        with make_sessions(engine)() as writer, make_reading_sessions(engine)() as reader:
            outbox.send(writer, topic="x", payload={}, now=now)
            writer.flush()

            assert reader.scalars(select(OutboxMessage)).all() == []


class TestWritingSessions:
    def test_let_two_readers_who_mean_to_write_come_one_by_one(self, sqlite_engine, now):
        # Both read "nothing there" and then write: with SQLite's plain BEGIN the second would fail or double.
        sessions = make_sessions(sqlite_engine)
        barrier = threading.Barrier(2)

        def write_if_empty() -> None:
            barrier.wait()
            with sessions.begin() as session:
                if not session.scalars(select(OutboxMessage)).all():
                    outbox.send(session, topic="x", payload={}, now=now)

        threads = [threading.Thread(target=write_if_empty) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        with sessions() as session:
            assert len(session.scalars(select(OutboxMessage)).all()) == 1


class TestReadingSessions:
    def test_cannot_write_on_postgresql(self, postgresql_engine, now):
        with make_reading_sessions(postgresql_engine)() as session:
            outbox.send(session, topic="x", payload={}, now=now)
            with pytest.raises(DBAPIError, match="read-only"):
                session.flush()

    def test_see_one_state_of_the_database_on_sqlite(self, sqlite_engine, now):
        with make_reading_sessions(sqlite_engine)() as reader:
            assert reader.scalars(select(OutboxMessage)).all() == []
            with make_sessions(sqlite_engine).begin() as writer:
                outbox.send(writer, topic="x", payload={}, now=now)

            assert reader.scalars(select(OutboxMessage)).all() == []


class TestRecordChange:
    def test_remembers_each_row_once_for_its_session(self, sessions):
        key = uuid4()
        with sessions() as session, sessions() as other:
            record_change(session, Visit, key)
            record_change(session, Visit, key)

            assert changes_of(session) == {(Visit, key)}
            assert changes_of(other) == set()


def test_an_enumeration_is_checked_by_the_database(owner_engine: Engine):
    with owner_engine.begin() as connection, pytest.raises(IntegrityError, match="organisationkind"):
        connection.execute(
            text(
                "INSERT INTO organisation (id, kind, name, is_active, is_synthetic) "
                "VALUES ('00000000000000000000000000000001', 'bakery', 'B', true, true)"
            )
        )


def test_an_enumeration_comes_back_as_one(session):
    an_organisation(session, kind=OrganisationKind.PRACTICE)
    session.commit()
    session.expire_all()

    assert session.scalars(select(Organisation)).one().kind is OrganisationKind.PRACTICE
