"""The database as the edge opens it: with the FHIR documents kept in step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from careapp import clock, migrate
from careapp.config import Settings
from careapp.db import make_engine, make_sessions
from careapp.keys import Keyring
from careapp.records.audit_writer import mark_deeds
from careapp.records.chain import Chain
from careapp.sealing.ring import attach as attach_keys
from fhir.filling import fill
from fhir.projector import attach


def open_sessions(engine: Engine, chain: Chain | None = None) -> sessionmaker[Session]:
    """Return the factory of writing sessions, each keeping the FHIR documents in step with the rows.

    Args:
        engine: The database.
        chain: Marks what is recorded; None leaves the record without marks, which only tests may.
    """
    sessions = make_sessions(engine)
    if chain is not None:
        mark_deeds(sessions, chain)
    attach(sessions, clock.now)
    return sessions


def upgrade(settings: Settings, engine: Engine, tell: Callable[[str], None]) -> None:
    """Bring a database to the version of this program, and make the documents that it did not keep before.

    Args:
        settings: Name PostgreSQL's role as which the server works, and the keys.
        engine: The database, perhaps empty; of PostgreSQL as its owner.
        tell: Told each step before it is done.
    """
    migrate.upgrade(engine, tell, role=settings.database_role)
    with open_sessions(engine, chain_of(settings)).begin() as session:
        fill(session, now=clock.now(), on_progress=lambda kind, done: tell(f"documents of {kind}: {done}"))


def chain_of(settings: Settings) -> Chain:
    """Return what marks and seals the record; its key lies in the key file.

    Raises:
        KeysUnusable: See `Keyring.open`.
    """
    return Chain(Keyring.open(settings).purpose("audit-chain"))


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """Open the database that the settings name, and close it at the block's end."""
    engine = make_engine(settings.database_address)
    attach_keys(engine, Keyring.open(settings))
    try:
        yield engine
    finally:
        engine.dispose()
