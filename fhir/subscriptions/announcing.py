"""Tell the outbox which documents have changed, in the transaction that changes them.

Nothing is told while nobody listens: then the outbox would fill for nobody.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert, select

from careapp.records.models import OutboxMessage
from careapp.subscriptions.models import Change, Subscription, SubscriptionStatus
from fhir.subscriptions.topics import KINDS_TOLD, TOPICS

DOCUMENT_CHANGED = "document.changed"
"""Topic of the messages; payload `kind`, `id`, `version`, `change`."""

_OUTBOX: Any = OutboxMessage.__table__


def announce(
    connection: Connection,
    kind: str,
    versions: Iterable[Mapping[str, Any]],
    *,
    created: Iterable[UUID],
    deleted: Iterable[UUID],
    moment: datetime,
) -> int:
    """Put a message for each new version into the outbox, if anybody listens to changes of its kind.

    Args:
        connection: The transaction's.
        kind: Of resource.
        versions: Rows of `document_version`.
        created: Ids of documents that were not there before.
        deleted: Ids of documents that are no longer there.
        moment: When they changed.

    Returns:
        How many messages there were.
    """
    if kind not in KINDS_TOLD:
        return 0
    rows = list(versions)
    if not rows or not _is_heard(connection, kind):
        return 0
    new, gone = frozenset(created), frozenset(deleted)
    connection.execute(
        insert(_OUTBOX),
        [
            {
                "id": uuid4(),
                "topic": DOCUMENT_CHANGED,
                "payload": {
                    "kind": kind,
                    "id": str(row["id"]),
                    "version": row["version"],
                    "change": _change(row["id"], new, gone).value,
                },
                "created_at": moment,
                "delivered_at": None,
                "attempts": 0,
            }
            for row in rows
        ],
    )
    return len(rows)


def _change(key: UUID, new: frozenset[UUID], gone: frozenset[UUID]) -> Change:
    if key in gone:
        return Change.DELETE
    return Change.CREATE if key in new else Change.UPDATE


def _is_heard(connection: Connection, kind: str) -> bool:
    topics = [address for address, topic in TOPICS.items() if topic.kind == kind]
    heard = select(Subscription.id).where(
        # One in error or before its handshake collects its events: they wait for it.
        Subscription.status != SubscriptionStatus.OFF,
        Subscription.topic.in_(topics),
    )
    return connection.execute(heard.limit(1)).first() is not None
