"""Refuse to work on a database whose keys are not there, before anything is sealed with others."""

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import SCHEDULER
from careapp.sealing.models import SealingKey
from careapp.sealing.ring import ring_of
from careapp.tenancy import begin_as

_PLAIN, _PLACE = b"careapp", b"sealing_key"


def require_keys(sessions: sessionmaker[Session]) -> None:
    """Check that the key ring opens what this database holds, and note which key seals from now on.

    Args:
        sessions: Factory of writing sessions.

    Raises:
        KeyMissing: The database is sealed with a key that the ring lacks.
        SealBroken: A key of the ring has the id of the database's key, but is another.
    """
    with begin_as(sessions, SCHEDULER) as session:
        key = ring_of(session).tenant(None)
        known = {row.id: row.proof for row in session.scalars(select(SealingKey))}
        for proof in known.values():
            key.open(bytes(proof), _PLACE)
        if key.id not in known:
            session.add(SealingKey(id=key.id, proof=key.seal(_PLAIN, _PLACE)))
