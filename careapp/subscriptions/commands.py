"""Change subscriptions. Each function is one use case; none commits."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import Conflict
from careapp.records import audit
from careapp.subscriptions.models import (
    Channel,
    Content,
    Delivery,
    Subscription,
    SubscriptionEvent,
    SubscriptionStatus,
)
from careapp.subscriptions.queries import get_delivery, get_subscription

MOST_SUBSCRIPTIONS = 200
"""Of one organisation."""


class TooManySubscriptions(Conflict):
    """The organisation has as many subscriptions as it may have."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to hear, and how.

    Attributes:
        topic: Canonical address of the topic.
        filters: Searches that must match, e.g. `Appointment?status=cancelled`.
        reason: Why, for people.
        channel: How events leave.
        endpoint: Where to; None for a stream.
        headers: Lines that go with each notification.
        payload_type: Media type of a notification.
        content: How much of a resource it carries.
        heartbeat_s: How often to tell that nothing happened; None: never.
        timeout_s: How long the receiver may take; None: our usual.
        max_count: Most events of one notification; None: our usual.
        ends_at: When it ends by itself; None: never.
        base_url: Address of this server as whoever asks knows it.
    """

    topic: str
    filters: list[str]
    reason: str
    channel: Channel
    endpoint: str | None
    headers: list[str]
    payload_type: str
    content: Content
    heartbeat_s: int | None
    timeout_s: int | None
    max_count: int | None
    ends_at: datetime | None
    base_url: str


def add_subscription(session: Session, *, wish: Wish, viewer: Viewer, now: datetime) -> Subscription:
    """Take a wish; a stream works at once, a hook once its receiver has answered a handshake.

    Raises:
        TooManySubscriptions: There are `MOST_SUBSCRIPTIONS` already.
    """
    count = session.scalar(visible(select(func.count(Subscription.id)), viewer, Subscription)) or 0
    if count >= MOST_SUBSCRIPTIONS:
        raise TooManySubscriptions(f"there are {count} subscriptions: delete one that nobody needs first")
    subscription = Subscription(
        id=uuid4(),
        organisation_id=viewer.organisation_id,
        asked_by=viewer.name,
        status=_first_status(wish),
        error=None,
        created_at=now,
        **asdict(wish),
    )
    session.add(subscription)
    session.flush()
    session.add(Delivery(subscription_id=subscription.id, events=0, acknowledged=0, attempts=0, token=0))
    session.flush()
    audit.record(
        session, viewer=viewer, now=now, action="add_subscription", subject=subscription, topic=wish.topic
    )
    return subscription


def change_subscription(
    session: Session, *, subscription_id: UUID, wish: Wish, is_off: bool, viewer: Viewer, now: datetime
) -> Subscription:
    """Replace a wish. What changed or had failed begins anew with a handshake; events go on being counted.

    Args:
        session: A writing transaction.
        subscription_id: Which one.
        wish: The whole wish.
        is_off: Send nothing from now on.
        viewer: Who changes it.
        now: This moment.

    Raises:
        SubscriptionNotFound: No subscription has this id, or not for this viewer.
    """
    subscription = get_subscription(session, subscription_id=subscription_id, viewer=viewer)
    delivery = get_delivery(session, subscription_id=subscription_id, locked=True)
    wanted = asdict(wish)
    is_changed = any(getattr(subscription, name) != value for name, value in wanted.items())
    for name, value in wanted.items():
        setattr(subscription, name, value)
    if is_off:
        subscription.status, subscription.error = SubscriptionStatus.OFF, None
    elif is_changed or subscription.status is not SubscriptionStatus.ACTIVE:
        subscription.status, subscription.error = _first_status(wish), None
        delivery.attempts, delivery.next_try_at = 0, None
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="change_subscription",
        subject=subscription,
        status=subscription.status.value,
    )
    return subscription


def remove_subscription(session: Session, *, subscription_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Forget a subscription and its events.

    Raises:
        SubscriptionNotFound: No subscription has this id, or not for this viewer.
    """
    subscription = get_subscription(session, subscription_id=subscription_id, viewer=viewer)
    get_delivery(session, subscription_id=subscription_id, locked=True)
    audit.record(session, viewer=viewer, now=now, action="remove_subscription", subject=subscription)
    session.execute(delete(SubscriptionEvent).where(SubscriptionEvent.subscription_id == subscription_id))
    session.execute(delete(Delivery).where(Delivery.subscription_id == subscription_id))
    session.delete(subscription)
    session.flush()


def _first_status(wish: Wish) -> SubscriptionStatus:
    is_stream = wish.channel is Channel.EVENT_STREAM
    return SubscriptionStatus.ACTIVE if is_stream else SubscriptionStatus.REQUESTED
