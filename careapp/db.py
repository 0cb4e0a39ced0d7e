"""Base of all tables, column types and engines: SQLite by default, PostgreSQL in production."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, cast
from uuid import UUID

import psycopg
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    ForeignKeyConstraint,
    Index,
    MetaData,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from careapp.errors import Invalid, Unavailable

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


READS_ONLY = "careapp_reads_only"
WAIT_FOR_WRITER_S = 15
_HAS_TURN = "careapp.has_turn"
_THREADS = 44
"""AnyIO's 40 and some that only read: none waits for a connection while others wait for one of them."""
_KEPT_OPEN = 5


class NaiveDatetime(Invalid):
    """A datetime without a zone was about to be stored or asked for."""


class BadDatabaseAddress(Invalid):
    """The database's address is malformed or of an unsupported kind."""


class DataFolderUnusable(Unavailable):
    """The folder of the embedded database cannot be made or written."""


def refuse_naive(moment: datetime) -> None:
    """Refuse a datetime without a zone.

    Raises:
        NaiveDatetime: It has none.
    """
    if moment.tzinfo is None:
        raise NaiveDatetime(f"{moment.isoformat()} has no time zone: add an offset such as +01:00 or Z")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into UTC; SQLite stores it without its offset."""
        if value is None:
            return None
        refuse_naive(value)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give what was stored its zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def text_enum(kind: type[Any]) -> Enum:
    """A column of a `StrEnum`: stored as its value in text with a check, the same on both databases."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=20,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 -- SQLAlchemy reads a plain class attribute


def tenant_key(table: str) -> Index:
    """Return the key by which a tenant's rows refer to a table's; it finds all rows of a tenant, too."""
    return Index(f"uq_{table}_organisation_id_id", "organisation_id", "id", unique=True)


def of_same_tenant(column: str, parent: str, *, tenant: str = "organisation_id") -> ForeignKeyConstraint:
    """Return a foreign key that only a row of the same tenant fulfils.

    Args:
        column: What names the other row.
        parent: Its table, which has a `tenant_key`.
        tenant: The column with the tenant.
    """
    return ForeignKeyConstraint([tenant, column], [f"{parent}.organisation_id", f"{parent}.id"])


def make_engine(address: str) -> Engine:
    """Open a database; SQLite gets WAL, foreign keys and transactions that lock at their beginning.

    Raises:
        BadDatabaseAddress: The address is malformed, or neither SQLite nor PostgreSQL through psycopg.
        DataFolderUnusable: The folder of a SQLite file cannot be made.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as malformed:  # ValueError: the port is no number
        raise BadDatabaseAddress(
            "CAREAPP_DATABASE_URL is no database address: it looks like "
            "postgresql+psycopg://user:password@host:5432/name"
        ) from malformed
    if url.drivername == "postgresql+psycopg":
        server = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=_KEPT_OPEN,
            max_overflow=_THREADS - _KEPT_OPEN,
            pool_timeout=10,
            hide_parameters=True,  # an error must not quote a row
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
        )
        event.listen(server, "handle_error", _drop_detail)
        return server
    if url.drivername != "sqlite":
        raise BadDatabaseAddress(
            f"{url.drivername} is not supported: use sqlite:///… or postgresql+psycopg://…"
        )
    if url.database:
        folder = Path(url.database).parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else's to read
        except OSError as refused:
            raise DataFolderUnusable(
                f"the data folder {folder} cannot be made ({refused.strerror}): "
                "name a folder you may write with --data-dir or CAREAPP_DATA_DIR"
            ) from refused
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_KEPT_OPEN,
        max_overflow=_THREADS - _KEPT_OPEN,
        connect_args={"timeout": WAIT_FOR_WRITER_S},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    writers = _Writers()
    event.listen(engine, "begin", writers.begin)
    event.listen(engine, "commit", writers.end)
    event.listen(engine, "rollback", writers.end)
    event.listen(engine, "checkin", writers.leave)
    return engine


def _drop_detail(context: ExceptionContext) -> None:
    # PostgreSQL's DETAIL quotes the row that was refused, and so a patient.
    error = context.original_exception
    if isinstance(error, psycopg.Error) and error.diag.message_detail:
        error.args = (error.diag.message_primary,)
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = (f"({type(error).__name__}) {error.diag.message_primary}",)


class _Writers:
    """Lets the writing transactions of one engine begin one after the other.

    SQLite has one writer at a time, and whoever waits asks again and again: under load some would wait until
    their time is over while others pass. A lock of our own wakes them in turn; other processes ask as before.
    """

    def __init__(self) -> None:
        self._turn = Lock()

    def begin(self, connection: Connection) -> None:
        # A transaction that may write locks at once, or two could both read "free" before either writes.
        if connection.get_execution_options().get(READS_ONLY, False):
            connection.exec_driver_sql("BEGIN")
            return
        # Who gets no turn asks SQLite, whose refusal says that the database is busy.
        has_turn = self._turn.acquire(timeout=WAIT_FOR_WRITER_S)
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            if has_turn:
                self._turn.release()
            raise
        connection.info[_HAS_TURN] = has_turn

    def end(self, connection: Connection) -> None:
        # The event comes before the statement: the next one asks SQLite for the moment that is left.
        if connection.info.pop(_HAS_TURN, False):
            self._turn.release()

    def leave(self, _connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        # A connection that came back without a word.
        if entry.info.pop(_HAS_TURN, False):
            self._turn.release()


def _set_up_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # None keeps Python's driver from beginning transactions by itself; `_Writers.begin` does.
    driver = cast("sqlite3.Connection", connection)
    driver.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={1000 * WAIT_FOR_WRITER_S}",
    ):
        driver.execute(f"PRAGMA {pragma}")


EVERY_TENANT = "*"
NO_TENANT = ""
TENANTS = "careapp.tenants"
"""Key of `Session.info`: whose rows its transactions see, as PostgreSQL's row security is told."""
MOMENT = "careapp.moment"
"""Key of `Session.info`: at which hour; the server's own clock tells unless somebody else does."""

_TELL = text("SELECT set_config('app.tenants', :tenants, true), set_config('app.now', :moment, true)")


def make_sessions(engine: Engine, *, tenants: str = EVERY_TENANT) -> sessionmaker[Session]:
    """Return the factory of sessions; `with sessions.begin() as session` is one transaction.

    Args:
        engine: The database.
        tenants: Whose rows they see; whoever opens a database by code is ourselves. For a viewer see
            `careapp.tenancy`.
    """
    return _factory(engine, tenants)


def make_reading_sessions(engine: Engine, *, tenants: str = EVERY_TENANT) -> sessionmaker[Session]:
    """Return the factory of sessions that only read: they never wait for a writer, and cannot write.

    All statements of a transaction see the same moment. SQLite has it so anyway; PostgreSQL by its isolation
    level, which never fails for a transaction that only reads.
    """
    options: dict[str, Any] = {READS_ONLY: True, "postgresql_readonly": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    return _factory(engine.execution_options(**options), tenants)


def _factory(engine: Engine, tenants: str) -> sessionmaker[Session]:
    sessions = sessionmaker(engine, expire_on_commit=False, info={TENANTS: tenants})
    if engine.dialect.name == "postgresql":
        event.listen(sessions, "after_begin", _tell_tenants)
    return sessions


def _tell_tenants(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        tell_tenants(session, connection, session.info.get(TENANTS, NO_TENANT))


def tell_tenants(session: Session, connection: Connection, tenants: str) -> None:
    """Tell PostgreSQL whose rows the rest of the transaction sees; a session that says nobody sees none."""
    moment: datetime | None = session.info.get(MOMENT)
    connection.execute(_TELL, {"tenants": tenants, "moment": "" if moment is None else moment.isoformat()})


def tell_everything(connection: Connection) -> None:
    """Let the rest of a connection's transaction see every tenant's rows, if the database hides any."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TELL, {"tenants": EVERY_TENANT, "moment": ""})


def record_change(session: Session, model: type[Base], key: UUID) -> None:
    """Say that a row was changed by a statement that the session's unit of work does not see.

    A conditional `UPDATE … RETURNING` is the check of a booking; whoever keeps something in step with rows
    (the FHIR projector) reads `changes_of`.
    """
    changes_of(session).add((model, key))


def changes_of(session: Session) -> set[tuple[type[Base], UUID]]:
    """Rows changed in this transaction that were recorded by hand."""
    changes: set[tuple[type[Base], UUID]] = session.info.setdefault("careapp.changes", set())
    return changes
