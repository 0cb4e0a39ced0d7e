"""Bring a database to the version of this program, and refuse one that is not."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from careapp import row_security
from careapp.db_errors import explain_database_error
from careapp.errors import Unavailable
from careapp.sealing.upgrade import STEPS

WAIT_FOR_OTHERS_S = 120
"""How long to wait for another process that migrates."""
WAIT_FOR_ROWS_S = 10
"""How long a change of a table may wait for, and so hold up, those who use it."""
_LOCK = 7_201_905_113
"""Any number, the same for ever: PostgreSQL's advisory lock of our migrations."""


class DatabaseTooNew(Unavailable):
    """A newer version of the program has written the database."""


class DatabaseTooOld(Unavailable):
    """The database lacks tables or columns that this program needs."""


class NotOurDatabase(Unavailable):
    """The database holds tables of another program."""


def upgrade(
    engine: Engine, on_progress: Callable[[str], None] | None = None, *, role: str | None = None
) -> None:
    """Run the missing migrations in one transaction: all or none. Several processes may call it at once.

    PostgreSQL then gets its row security, see `careapp.row_security`.

    Args:
        engine: The database, perhaps empty; of PostgreSQL as its owner.
        on_progress: Told the title of each migration before it runs.
        role: PostgreSQL's role as which the server works: it is given the rights that it needs.

    Raises:
        DatabaseTooNew: The database is ahead of this program.
        NotOurDatabase: There are tables, but none of ours.
        RoleUnknown: There is no such role.
        Unavailable: The database is full, read-only, damaged or away; see `careapp.db_errors`.
        NoKeyring: There are readable patients to be sealed, but no keys.
    """
    with _explained(), _locked(engine) as connection:
        config = _config()
        current = _revision(connection)
        _refuse_unknown(current)
        scripts = ScriptDirectory.from_config(config)
        titles = [script.doc.rstrip(".") for script in scripts.iterate_revisions("head", current or "base")]

        def tell_next() -> None:
            if titles and on_progress is not None:
                on_progress(titles.pop())

        def go_on(*, step: MigrationInfo, **_applied: object) -> None:
            if step.up_revision_id in STEPS:
                STEPS[step.up_revision_id](connection)
            tell_next()

        tell_next()
        # One run for all: each run reads every migration's file anew.
        config.attributes |= {"connection": connection, "on_version_apply": go_on}
        command.upgrade(config, "head")
        row_security.build(connection)
        if role is not None:
            row_security.grant(connection, role)


def require_current(engine: Engine) -> None:
    """Refuse to work on a database of another version.

    Raises:
        DatabaseTooNew: The database is ahead of this program.
        DatabaseTooOld: It is behind, or empty.
        NotOurDatabase: There are tables, but none of ours.
        Unavailable: The database is damaged or away; see `careapp.db_errors`.
    """
    with _explained(), engine.connect() as connection:
        current = _revision(connection)
        _refuse_unknown(current)
        if current != _revisions().head or not row_security.is_current(connection):
            raise DatabaseTooOld("the database is older than this program: run `careapp migrate`")


def _config() -> Config:
    # Not imported: migrations know us, we only know where they lie.
    package = find_spec("migrations")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the package migrations is not installed")
    config = Config()
    config.set_main_option(
        "script_location", next(iter(package.submodule_search_locations)).replace("%", "%%")
    )
    return config


def _revision(connection: Connection) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None and inspect(connection).get_table_names():
        raise NotOurDatabase("the database holds tables of another program: name an empty database")
    return current


class _Revisions(NamedTuple):
    head: str | None
    known: frozenset[str]


@cache
def _revisions() -> _Revisions:
    """Read the migrations' files once in a process: Alembic compiles each anew."""
    scripts = ScriptDirectory.from_config(_config())
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return _Revisions(scripts.get_current_head(), known)


def _refuse_unknown(revision: str | None) -> None:
    if revision is not None and revision not in _revisions().known:
        raise DatabaseTooNew(
            f"the database was written by a newer version (revision {revision}): "
            "install that version or restore a backup"
        )


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which nobody else migrates."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with _without_foreign_keys(connection), connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone()
                if broken is not None:
                    raise AssertionError(f"a migration left a row of {broken[0]} without the row it names")
            return
        with connection.begin():
            connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_OTHERS_S}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_ROWS_S}s'"))
            # Even the owner sees no row of a tenant unless it says so.
            connection.execute(text("SELECT set_config('app.tenants', '*', true)"))
            yield connection


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let a table be made anew while others refer to it; SQLite takes this only between transactions."""
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    before = {
        name: driver.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("foreign_keys", "busy_timeout", "secure_delete")
    }
    driver.execute("PRAGMA foreign_keys=OFF")
    driver.execute("PRAGMA secure_delete=ON")  # what a step seals must not stay in free pages
    driver.execute(f"PRAGMA busy_timeout={WAIT_FOR_OTHERS_S * 1000}")
    try:
        yield
    finally:
        for name, value in before.items():
            driver.execute(f"PRAGMA {name}={value}")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        explained = explain_database_error(error)
        if explained is None:
            raise
        raise explained from error
