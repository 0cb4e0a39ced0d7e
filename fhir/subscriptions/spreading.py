"""Changes that wait in the outbox become events of each subscription that may and wants to hear of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.records.models import DocumentVersion, OutboxMessage
from careapp.sealing.contents import opened
from careapp.subscriptions.models import (
    Change,
    Delivery,
    Subscription,
    SubscriptionEvent,
    SubscriptionStatus,
)
from careapp.subscriptions.queries import hearer_of
from fhir.mapping.registry import get_resource
from fhir.subscriptions.announcing import DOCUMENT_CHANGED
from fhir.subscriptions.filters import conditions_of
from fhir.subscriptions.topics import TOPICS, Topic, parsed

AT_ONCE = 200


@dataclass(frozen=True)
class Changed:
    """A new version of a document."""

    kind: str
    key: UUID
    version: int
    change: Change
    at: datetime


class Spreader:
    """Spreads changes; see `careapp.subscriptions.delivery.Spread`.

    Args:
        zone: Whose wall clock a time without an offset in a filter is read from.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def __call__(self, session: Session, *, now: datetime) -> int:
        """Spread some of the changes that wait.

        Args:
            session: A writing transaction.
            now: When they are taken.

        Returns:
            How many changes were taken.
        """
        waiting = (
            select(OutboxMessage)
            .where(OutboxMessage.topic == DOCUMENT_CHANGED, OutboxMessage.delivered_at.is_(None))
            # Two versions of one document may be of the same millisecond.
            .order_by(
                OutboxMessage.created_at, OutboxMessage.payload["version"].as_integer(), OutboxMessage.id
            )
            .limit(AT_ONCE)
        )
        if session.scalar(waiting.with_only_columns(OutboxMessage.id).limit(1)) is None:
            return 0
        # Whoever else spreads waits here, so that numbers have no gap and events keep their order.
        listening = session.execute(
            select(Subscription, Delivery)
            .join(Delivery, Delivery.subscription_id == Subscription.id)
            .where(Subscription.status != SubscriptionStatus.OFF)
            .order_by(Subscription.id)
            .with_for_update(of=Delivery)
        ).all()
        messages = session.scalars(waiting.with_for_update(skip_locked=True)).all()
        changes = [_changed(message) for message in messages]
        for subscription, delivery in listening:
            for change in self._heard(session, subscription, changes):
                delivery.events += 1
                session.add(
                    SubscriptionEvent(
                        subscription_id=subscription.id,
                        number=delivery.events,
                        kind=change.kind,
                        resource_id=change.key,
                        version=change.version,
                        change=change.change,
                        at=change.at,
                    )
                )
        for message in messages:
            message.delivered_at, message.attempts = now, message.attempts + 1
        return len(messages)

    def _heard(
        self, session: Session, subscription: Subscription, changes: Sequence[Changed]
    ) -> list[Changed]:
        topic = TOPICS.get(subscription.topic)
        if topic is None:
            return []  # of a later version of this program
        of_kind = [change for change in changes if change.kind == topic.kind]
        if not of_kind:
            return []
        there = self._matching(session, subscription, topic, [change.key for change in of_kind])
        return [
            change
            for change in of_kind
            if (
                _deleted_for(session, subscription, change)
                if change.change is Change.DELETE
                else change.key in there
            )
            and _is_triggered(session, topic, change)
        ]

    def _matching(
        self, session: Session, subscription: Subscription, topic: Topic, keys: Sequence[UUID]
    ) -> frozenset[UUID]:
        hearer, found = hearer_of(subscription), frozenset[UUID]()
        for part in get_resource(topic.kind).parts:
            conditions = conditions_of(
                subscription.filters, part, base_url=subscription.base_url, zone=self._zone, viewer=hearer
            )
            matches: Any = select(part.key).select_from(part.table).where(part.key.in_(keys), *conditions)
            found |= frozenset(session.scalars(part.visible(matches, hearer)))
        return found


def _changed(message: OutboxMessage) -> Changed:
    payload = message.payload
    return Changed(
        payload["kind"],
        UUID(payload["id"]),
        payload["version"],
        Change(payload["change"]),
        message.created_at,
    )


def _deleted_for(session: Session, subscription: Subscription, change: Changed) -> bool:
    """Tell whether a deletion concerns a subscription; what is gone matches no filter any more."""
    if subscription.filters:
        return False
    if subscription.organisation_id is None:
        return True
    content = session.scalar(_version(change.kind, change.key, change.version))
    owner = orjson.loads(content)["organisation"] if content is not None else None
    return owner == str(subscription.organisation_id)


def _is_triggered(session: Session, topic: Topic, change: Changed) -> bool:
    before = after = None
    if topic.compares:
        before, after = (
            parsed(_content(session, change, version)) for version in (change.version - 1, change.version)
        )
    return topic.triggers(change.change, before, after)


def _content(session: Session, change: Changed, version: int) -> bytes | None:
    stored = session.scalar(_version(change.kind, change.key, version))
    return None if stored is None else opened(session, change.kind, change.key, stored)


def _version(kind: str, key: UUID, version: int) -> Any:
    return select(DocumentVersion.content).where(
        DocumentVersion.kind == kind, DocumentVersion.id == key, DocumentVersion.version == version
    )
