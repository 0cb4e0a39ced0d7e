"""Real troubles of both databases, and what people are told."""

import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from careapp import db_errors
from careapp.db import make_engine, make_reading_sessions
from careapp.db_errors import explain_database_error
from careapp.errors import CareError
from careapp.records import outbox

INSERT = text("INSERT INTO skill (code, name_de, name_en) VALUES ('care', 'Pflege', 'Care')")


def trouble(engine: Engine, *statements: str) -> CareError | None:
    """Run statements until one fails; return what is said about it."""
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    except SQLAlchemyError as error:
        return explain_database_error(error)
    raise AssertionError("no statement failed")


class TestSqlite:
    def test_a_full_disk(self, sqlite_engine):
        sqlite_engine.dispose()
        event.listen(sqlite_engine, "connect", lambda driver, _: driver.execute("PRAGMA max_page_count=1"))

        explained = trouble(
            sqlite_engine,
            "INSERT INTO document (kind, id, version, updated_at, content) "
            "VALUES ('Slot', '1', 1, '2026-03-02 17:00:00.000000', zeroblob(100000))",
        )

        assert isinstance(explained, db_errors.DatabaseFull)
        assert "make room" in str(explained)

    def test_another_writer_that_does_not_end(self, sqlite_engine, tmp_path):
        hasty = make_engine(f"sqlite:///{tmp_path / 'careapp.sqlite'}")
        event.listen(hasty, "connect", lambda driver, _: driver.execute("PRAGMA busy_timeout=50"))

        with sqlite_engine.begin():
            assert isinstance(trouble(hasty, "SELECT 1"), db_errors.DatabaseBusy)
        hasty.dispose()

    def test_a_folder_that_may_only_be_read(self, sqlite_engine):
        # Root may write everywhere, so the attempt is made by a process without rights.
        with sqlite_engine.begin() as connection:
            connection.execute(INSERT)
        sqlite_engine.dispose()
        folder = Path(tempfile.mkdtemp())
        try:
            shutil.copyfile(str(sqlite_engine.url.database), folder / "careapp.sqlite")
            (folder / "careapp.sqlite").chmod(0o444)
            folder.chmod(0o555)

            answer = subprocess.run(
                [sys.executable, "-c", ATTEMPT, f"sqlite:///{folder / 'careapp.sqlite'}"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        finally:
            folder.chmod(0o755)
            shutil.rmtree(folder)

        assert answer == "DatabaseReadOnly\n"

    def test_a_file_that_cannot_be_opened(self, tmp_path):
        (tmp_path / "careapp.sqlite").mkdir()
        engine = make_engine(f"sqlite:///{tmp_path / 'careapp.sqlite'}")

        assert isinstance(trouble(engine, "SELECT 1"), db_errors.DatabaseUnreachable)

    def test_a_violated_constraint_is_no_trouble(self, sqlite_engine):
        assert trouble(sqlite_engine, str(INSERT), str(INSERT)) is None


ATTEMPT = """
import os, sys
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from careapp.db import make_engine
from careapp.db_errors import explain_database_error
from careapp.errors import CareError
engine = make_engine(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO skill (code, name_de, name_en) VALUES ('x', 'x', 'x')"))
except SQLAlchemyError as error:
    print(type(explain_database_error(error)).__name__)
"""


@pytest.fixture
def elsewhere(postgresql_engine) -> Iterator[object]:
    """Open the PostgreSQL server at another address."""
    opened: list[Engine] = []

    def open_it(**changes: object) -> Engine:
        engine = make_engine(postgresql_engine.url.set(**changes).render_as_string(hide_password=False))
        opened.append(engine)
        return engine

    yield open_it
    for engine in opened:
        engine.dispose()


class TestPostgresql:
    def test_a_server_that_is_not_there(self, elsewhere):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            engine = elsewhere(port=probe.getsockname()[1])

            explained = trouble(engine, "SELECT 1")

        assert isinstance(explained, db_errors.DatabaseUnreachable)
        assert "start it" in str(explained)

    def test_a_host_that_is_not_known(self, elsewhere):
        explained = trouble(elsewhere(host="no-such-host.invalid"), "SELECT 1")

        assert isinstance(explained, db_errors.DatabaseUnreachable)

    def test_a_user_that_is_not_known(self, elsewhere):
        explained = trouble(elsewhere(username="nobody_of_this_name"), "SELECT 1")

        assert isinstance(explained, db_errors.DatabaseDenied)

    def test_a_database_that_does_not_exist(self, elsewhere):
        explained = trouble(elsewhere(database="no_such_database"), "SELECT 1")

        assert isinstance(explained, db_errors.DatabaseUnreachable)
        assert "create it" in str(explained)

    def test_a_row_that_others_hold(self, postgresql_engine):
        with postgresql_engine.begin() as connection:
            connection.execute(INSERT)
        with postgresql_engine.begin() as holder:
            holder.exec_driver_sql("SELECT * FROM skill FOR UPDATE")

            explained = trouble(
                postgresql_engine, "SET LOCAL lock_timeout = '20ms'", "SELECT * FROM skill FOR UPDATE"
            )

        assert isinstance(explained, db_errors.DatabaseBusy)

    def test_a_statement_that_takes_too_long(self, postgresql_engine):
        explained = trouble(postgresql_engine, "SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(5)")

        assert isinstance(explained, db_errors.DatabaseBusy)

    def test_a_server_that_ends_the_connection(self, postgresql_engine):
        explained = trouble(postgresql_engine, "SELECT pg_terminate_backend(pg_backend_pid())")

        assert isinstance(explained, db_errors.DatabaseUnreachable)

    def test_a_read_only_transaction(self, postgresql_engine, now):
        with make_reading_sessions(postgresql_engine)() as session:
            outbox.send(session, topic="x", payload={}, now=now)
            with pytest.raises(SQLAlchemyError) as failed:
                session.flush()

        assert isinstance(explain_database_error(failed.value), db_errors.DatabaseReadOnly)

    def test_a_violated_constraint_is_no_trouble(self, postgresql_engine):
        assert trouble(postgresql_engine, str(INSERT), str(INSERT)) is None

    def test_a_mistake_in_our_sql_is_no_trouble(self, postgresql_engine):
        assert trouble(postgresql_engine, "SELECT * FROM no_such_table") is None

    @pytest.mark.parametrize(
        ("error", "kind"),
        [  # what cannot be brought about here without harm
            (psycopg.errors.DiskFull, db_errors.DatabaseFull),
            (psycopg.errors.DeadlockDetected, db_errors.DatabaseBusy),
            (psycopg.errors.SerializationFailure, db_errors.DatabaseBusy),
            (psycopg.errors.TooManyConnections, db_errors.DatabaseBusy),
            (psycopg.errors.InsufficientPrivilege, db_errors.DatabaseDenied),
            (psycopg.errors.DataCorrupted, db_errors.DatabaseDamaged),
            (psycopg.errors.AdminShutdown, db_errors.DatabaseUnreachable),
        ],
    )
    def test_by_its_code(self, error, kind):
        assert isinstance(explain_database_error(error("in the server's words")), kind)


class TestOthers:
    def test_a_pool_without_a_free_connection(self, sqlite_engine):
        crowded = create_engine(
            sqlite_engine.url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
        )
        with crowded.connect():
            assert isinstance(trouble(crowded, "SELECT 1"), db_errors.DatabaseBusy)
        crowded.dispose()

    @pytest.mark.parametrize(
        "error", [ValueError("x"), sqlite3.ProgrammingError("x"), psycopg.DataError("x")]
    )
    def test_what_is_no_trouble_of_a_database(self, error):
        assert explain_database_error(error) is None

    def test_each_answer_is_a_new_one(self):
        error = psycopg.errors.DiskFull("x")

        assert explain_database_error(error) is not explain_database_error(error)
