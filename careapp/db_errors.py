"""What a database's refusal means for people, and what to do about it."""

import sqlite3

import psycopg
from sqlalchemy.exc import StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from careapp.errors import CareError, Unavailable


class DatabaseFull(Unavailable):
    """There is no room left to write."""


class DatabaseBusy(Unavailable):
    """Others held what was needed for too long."""


class DatabaseReadOnly(Unavailable):
    """The database may be read, but not written."""


class DatabaseDamaged(Unavailable):
    """The file is no database, or a broken one."""


class DatabaseUnreachable(Unavailable):
    """The database cannot be opened, or does not answer."""


class DatabaseDenied(Unavailable):
    """The database refuses our account."""


_SQLITE: dict[int, CareError] = {
    sqlite3.SQLITE_FULL: DatabaseFull(
        "the disk is full: make room on it, then try again; nothing was written"
    ),
    sqlite3.SQLITE_BUSY: DatabaseBusy("another process holds the database: try again in a moment"),
    sqlite3.SQLITE_LOCKED: DatabaseBusy("another process holds the database: try again in a moment"),
    sqlite3.SQLITE_READONLY: DatabaseReadOnly(
        "the database cannot be written: give this user the right to write its file and its folder"
    ),
    sqlite3.SQLITE_PERM: DatabaseDenied("the database's file may not be opened: mend its rights"),
    sqlite3.SQLITE_CANTOPEN: DatabaseUnreachable(
        "the database's file cannot be opened: check that CAREAPP_DATA_DIR is a folder you may write"
    ),
    sqlite3.SQLITE_NOTADB: DatabaseDamaged(
        "the database's file is no database: restore a backup or name another CAREAPP_DATA_DIR"
    ),
    sqlite3.SQLITE_CORRUPT: DatabaseDamaged("the database's file is damaged: restore a backup"),
    sqlite3.SQLITE_IOERR: DatabaseUnreachable("the disk cannot be read or written: check it, then try again"),
}

_AWAY = "the database does not answer: start it, or correct CAREAPP_DATABASE_URL"
_DENIED = "the database refuses the user or the password: correct CAREAPP_DATABASE_URL"
_MISSING = "the database of this name does not exist: create it, or correct CAREAPP_DATABASE_URL"
_FULL = "the database server's disk is full: make room on it, then try again; nothing was written"
_BUSY = "others are changing the same rows: try again in a moment"
_READ_ONLY = "the database server is read-only: name the primary server in CAREAPP_DATABASE_URL"
_RIGHTS = "the database user lacks a right: let it own the database's tables"

_SQLSTATES: dict[str, CareError] = {
    "53100": DatabaseFull(_FULL),
    "40001": DatabaseBusy(_BUSY),
    "40P01": DatabaseBusy(_BUSY),
    "55P03": DatabaseBusy(_BUSY),
    "57014": DatabaseBusy("the database took too long: try again in a moment"),
    "53300": DatabaseBusy("the database has no connection left: raise max_connections or stop other clients"),
    "25006": DatabaseReadOnly(_READ_ONLY),
    "28000": DatabaseDenied(_DENIED),
    "28P01": DatabaseDenied(_DENIED),
    "42501": DatabaseDenied(_RIGHTS),
    "3D000": DatabaseUnreachable(_MISSING),
    "XX001": DatabaseDamaged("the database is damaged: restore a backup"),
    "XX002": DatabaseDamaged("an index of the database is damaged: restore a backup or rebuild it"),
}

# A connection that was never made has no SQLSTATE; libpq's own words are all there is.
_CONNECTING: tuple[tuple[str, CareError], ...] = (
    ("password authentication failed", DatabaseDenied(_DENIED)),
    ('role "', DatabaseDenied(_DENIED)),
    ("no password supplied", DatabaseDenied(_DENIED)),
    ("no pg_hba.conf entry", DatabaseDenied(_DENIED)),
    ("too many clients", _SQLSTATES["53300"]),
    ("remaining connection slots", _SQLSTATES["53300"]),
    ('" does not exist', DatabaseUnreachable(_MISSING)),
)


def explain_database_error(error: BaseException) -> CareError | None:
    """Say what a database's error means and what to do; None if it is no trouble of the database itself.

    Constraint violations and mistakes in our SQL are not explained: they are conflicts that a command names,
    or bugs. The answer holds nothing of a row, an address or a password.
    """
    if isinstance(error, PoolTimeout):
        return DatabaseBusy("all connections to the database are in use: try again in a moment")
    original: BaseException | None = error.orig if isinstance(error, StatementError) else error
    if isinstance(original, CareError):
        return original  # a column's type refused the value
    if isinstance(original, sqlite3.Error):
        found = _SQLITE.get(getattr(original, "sqlite_errorcode", 0) & 0xFF)
    elif isinstance(original, psycopg.Error):
        found = _explain_postgresql(original)
    else:
        return None
    # A fresh one each time: a raised exception carries its traceback.
    return type(found)(*found.args) if found else None


def _explain_postgresql(error: psycopg.Error) -> CareError | None:
    if error.sqlstate is not None:
        shuts_down = error.sqlstate.startswith(("08", "57P"))
        return DatabaseUnreachable(_AWAY) if shuts_down else _SQLSTATES.get(error.sqlstate)
    if not isinstance(error, psycopg.OperationalError):
        return None
    message = str(error)
    return next((meaning for words, meaning in _CONNECTING if words in message), DatabaseUnreachable(_AWAY))
