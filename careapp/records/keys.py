"""Random keys that all processes of an installation share, and that outlive a restart."""

from secrets import token_bytes

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from careapp.records.models import SharedKey

LENGTH = 32


def shared_key(sessions: sessionmaker[Session], purpose: str) -> bytes:
    """Return the key for a purpose; the first who asks makes it.

    Args:
        sessions: Factory of writing sessions.
        purpose: What the key is for, at most 40 characters.

    Returns:
        32 random bytes.
    """
    while True:
        with sessions.begin() as session:
            found = session.scalar(select(SharedKey.value).where(SharedKey.purpose == purpose))
        if found is not None:
            return found
        try:
            with sessions.begin() as session:
                session.execute(insert(SharedKey).values(purpose=purpose, value=token_bytes(LENGTH)))
        except IntegrityError:
            continue  # another process was first: its key counts
