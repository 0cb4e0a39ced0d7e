"""Which key ring a database is opened with: `attach` says it once, everybody else asks `ring_of`."""

from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.orm import Session

from careapp.errors import CareError
from careapp.keys import Keyring

_OPTION = "careapp_keyring"
_INFO = "careapp.keyring"
_asked_now: ContextVar[Connection] = ContextVar("careapp_asked_now")


class NoKeyring(Exception):
    """A database was opened without keys: a bug, so it is not a `CareError`."""


def attach(engine: Engine, ring: Keyring) -> None:
    """Seal and open what this database holds with these keys."""
    engine.update_execution_options(**{_OPTION: ring})
    event.listen(engine, "before_execute", _note)
    event.listen(engine, "handle_error", _pass_on)


def ring_of(where: Session | Connection | Engine) -> Keyring:
    """Return the keys of a database.

    Raises:
        NoKeyring: Nobody has attached any.
    """
    if isinstance(where, Session):
        found = where.info.get(_INFO)
        if found is None:
            found = where.info[_INFO] = ring_of(where.get_bind())
        assert isinstance(found, Keyring)  # noqa: S101 -- put there by the line above
        return found
    ring = where.get_execution_options().get(_OPTION)
    if not isinstance(ring, Keyring):
        raise NoKeyring("attach a key ring to this database first: careapp.sealing.ring.attach")
    return ring


def asked_now() -> Connection:
    """Return the connection on which a statement is about to run; its late values are found there."""
    return _asked_now.get()


def _note(connection: Connection, *_: Any) -> None:
    _asked_now.set(connection)


def _pass_on(context: ExceptionContext) -> BaseException | None:
    # SQLAlchemy would wrap what is said while late values are found.
    original = context.original_exception
    return original if isinstance(original, CareError) else None
