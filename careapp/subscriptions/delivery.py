"""Deliver events to receivers: at least once, in order, patiently, and never for ever.

    look ─▶ spread (outbox → events) ─▶ due ─▶ claim ─▶ write ─▶ POST ─▶ settle

A claim is a lease with a token: of several processes one delivers at a time. No transaction is open while a
receiver is waited for. What fails is tried again, ever later; after `MOST_ATTEMPTS` the subscription is in
error and its events stay where they are, until somebody asks for it anew or they are too old.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import httpx2
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.outbound import Reach, open_client
from careapp.subscriptions import hooks
from careapp.subscriptions.models import (
    Channel,
    Delivery,
    Subscription,
    SubscriptionEvent,
    SubscriptionStatus,
)
from careapp.subscriptions.queries import list_events

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 3600
MOST_ATTEMPTS = 12
"""5 s, 10 s, … one hour: about five hours in all."""
USUAL_COUNT = 20
"""Events of one notification."""
MOST_AT_ONCE = 100
LEASE = timedelta(seconds=hooks.LONGEST_TIMEOUT_S + 30)


class Notice(StrEnum):
    """Kinds of notifications; the values are FHIR's."""

    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"
    EVENTS = "event-notification"


class WriteNotice(Protocol):
    """Writes a notification."""

    def __call__(
        self,
        session: Session,
        subscription: Subscription,
        delivery: Delivery,
        notice: Notice,
        events: Sequence[SubscriptionEvent],
        now: datetime,
    ) -> bytes:
        """Return its content, in the subscription's media type."""
        ...


class Spread(Protocol):
    """Turns changes that wait in the outbox into events of subscriptions."""

    def __call__(self, session: Session, *, now: datetime) -> int:
        """Take some; return how many."""
        ...


@dataclass(frozen=True)
class Parcel:
    """What is to be sent, read in one transaction and sent outside of it.

    Attributes:
        subscription_id: Whose.
        token: Of the claim.
        last: Number of the last event in it; None if it has none.
        endpoint: Where to.
        headers: The subscriber's own.
        media_type: Of the content.
        content: The notification.
        timeout_s: How long the receiver may take; None: the usual.
    """

    subscription_id: UUID
    token: int
    last: int | None
    endpoint: str
    headers: tuple[str, ...]
    media_type: str
    content: bytes
    timeout_s: int | None


class Post:
    """Delivers what is due.

    Args:
        sessions: Factory of writing sessions.
        settings: Which receivers are allowed.
        now: Tells this moment.
        spread: See `Spread`.
        write: See `WriteNotice`.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        settings: Settings,
        now: Callable[[], datetime],
        *,
        spread: Spread,
        write: WriteNotice,
    ) -> None:
        self._sessions = sessions
        self._reading = make_reading_sessions(sessions.kw["bind"])
        self._reach = Reach(settings.subscription_origins, settings.outbound_networks)
        self._now = now
        self._spread = spread
        self._write = write

    def open_client(self) -> httpx2.Client:
        """Open what notifications are sent with: it reaches the receivers that the settings name."""
        return open_client(self._reach)

    def spread(self) -> int:
        """Turn every change that waits into events; return how many changes there were."""
        count = 0
        while True:
            with self._sessions.begin() as session:
                taken = self._spread(session, now=self._now())
            count += taken
            if taken == 0:
                return count

    def due(self) -> list[UUID]:
        """Return the subscriptions that have something to be sent now."""
        now = self._now()
        with self._reading() as session:
            return [
                subscription.id
                for subscription, delivery in session.execute(_deliverable())
                if _has_ended(subscription, now) or _notice_due(subscription, delivery, now) is not None
            ]

    def deliver(self, client: httpx2.Client, subscription_id: UUID) -> bool:
        """Send one notification, if it is due and no other process sends it; tell whether it was taken."""
        with self._sessions.begin() as session:
            parcel = self._pack(session, subscription_id)
        if parcel is None:
            return False
        failure: hooks.NotDelivered | None = None
        try:
            hooks.post(
                client,
                endpoint=parcel.endpoint,
                headers=parcel.headers,
                media_type=parcel.media_type,
                content=parcel.content,
                timeout_s=parcel.timeout_s,
            )
        except hooks.NotDelivered as refused:
            failure = refused
        with self._sessions.begin() as session:
            self._settle(session, parcel, failure)
        return failure is None

    def _pack(self, session: Session, subscription_id: UUID) -> Parcel | None:
        now = self._now()
        found = session.execute(
            _deliverable().where(Subscription.id == subscription_id).with_for_update(of=Delivery)
        ).one_or_none()
        if found is None:
            return None
        subscription, delivery = found
        if _has_ended(subscription, now):
            subscription.status = SubscriptionStatus.OFF
            return None
        notice = _notice_due(subscription, delivery, now)
        if notice is None or subscription.endpoint is None:
            return None
        events: Sequence[SubscriptionEvent] = ()
        if notice is Notice.EVENTS:
            most = min(subscription.max_count or USUAL_COUNT, MOST_AT_ONCE)
            events = list_events(
                session, subscription_id=subscription_id, first=delivery.acknowledged + 1, limit=most
            )
            if not events:  # forgotten: they were too old
                delivery.acknowledged = delivery.events
                return None
        delivery.token += 1
        delivery.lease_until = now + LEASE
        return Parcel(
            subscription_id,
            delivery.token,
            events[-1].number if events else None,
            subscription.endpoint,
            tuple(subscription.headers),
            subscription.payload_type,
            self._write(session, subscription, delivery, notice, events, now),
            subscription.timeout_s,
        )

    def _settle(self, session: Session, parcel: Parcel, failure: hooks.NotDelivered | None) -> None:
        now = self._now()
        found = session.execute(
            select(Subscription, Delivery)
            .join(Delivery, Delivery.subscription_id == Subscription.id)
            .where(Subscription.id == parcel.subscription_id, Delivery.token == parcel.token)
            .with_for_update(of=Delivery)
        ).one_or_none()
        if found is None:
            return  # deleted meanwhile, or another process took over: it delivers once more
        subscription, delivery = found
        delivery.lease_until = None
        if failure is None:
            delivery.attempts, delivery.next_try_at, delivery.sent_at = 0, None, now
            delivery.acknowledged = max(delivery.acknowledged, parcel.last or 0)
            if subscription.status is SubscriptionStatus.REQUESTED:
                subscription.status, subscription.error = SubscriptionStatus.ACTIVE, None
            return
        delivery.attempts += 1
        pause_s = min(FIRST_PAUSE_S * 2 ** (delivery.attempts - 1), LONGEST_PAUSE_S)
        delivery.next_try_at = now + timedelta(seconds=pause_s)
        is_hopeless = isinstance(failure, hooks.HostNotAllowed) or delivery.attempts >= MOST_ATTEMPTS
        if is_hopeless and subscription.status in _SENT:
            subscription.status = SubscriptionStatus.ERROR
            subscription.error = f"{failure}; put the subscription anew when this is mended"
            logger.warning("subscription %s is in error: %s", subscription.id, failure)


_SENT = (SubscriptionStatus.REQUESTED, SubscriptionStatus.ACTIVE)


def _deliverable() -> Select[Subscription, Delivery]:
    return (
        select(Subscription, Delivery)
        .join(Delivery, Delivery.subscription_id == Subscription.id)
        .where(Subscription.status.in_(_SENT), Subscription.channel == Channel.REST_HOOK)
        .order_by(Subscription.id)
    )


def _has_ended(subscription: Subscription, now: datetime) -> bool:
    return subscription.ends_at is not None and subscription.ends_at <= now


def _notice_due(subscription: Subscription, delivery: Delivery, now: datetime) -> Notice | None:
    """Tell what is to be sent now; None: nothing, or another process is at it."""
    is_leased = delivery.lease_until is not None and delivery.lease_until > now
    waits = delivery.next_try_at is not None and delivery.next_try_at > now
    if is_leased or waits:
        return None
    if subscription.status is SubscriptionStatus.REQUESTED:
        return Notice.HANDSHAKE
    if delivery.events > delivery.acknowledged:
        return Notice.EVENTS
    if subscription.heartbeat_s and delivery.sent_at is not None:
        rests = now - delivery.sent_at
        return Notice.HEARTBEAT if rests >= timedelta(seconds=subscription.heartbeat_s) else None
    return None
