"""Side effects that leave after the commit: a message is written with the deed, or not at all."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from careapp.records.models import OutboxMessage


def send(session: Session, *, topic: str, payload: dict[str, Any], now: datetime) -> OutboxMessage:
    """Put a message into the outbox; it leaves at least once, after the commit.

    Args:
        session: The transaction of the deed.
        topic: What has happened, e.g. `tour.published`.
        payload: JSON: ids and codes only. Whoever delivers reads the rest when it leaves.
        now: When it happened.

    Returns:
        The message; its id is the key by which a receiver knows a repetition.
    """
    message = OutboxMessage(
        id=uuid4(), topic=topic, payload=payload, created_at=now, delivered_at=None, attempts=0
    )
    session.add(message)
    return message
