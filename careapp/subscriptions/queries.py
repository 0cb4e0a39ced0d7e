"""Read subscriptions and their events."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole, visible
from careapp.errors import NotFound
from careapp.subscriptions.models import Delivery, Subscription, SubscriptionEvent, SubscriptionStatus

MOST_EVENTS = 1000


class SubscriptionNotFound(NotFound):
    """No subscription has this id, or not for this viewer."""


def get_subscription(session: Session, *, subscription_id: UUID, viewer: Viewer) -> Subscription:
    """Return a subscription.

    Raises:
        SubscriptionNotFound: No subscription has this id, or not for this viewer.
    """
    statement = visible(select(Subscription).where(Subscription.id == subscription_id), viewer, Subscription)
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise SubscriptionNotFound(f"there is no Subscription/{subscription_id}")
    return found


def list_subscriptions(
    session: Session,
    *,
    viewer: Viewer,
    ids: Sequence[UUID] = (),
    statuses: Sequence[SubscriptionStatus] = (),
) -> Sequence[Subscription]:
    """Return the viewer's subscriptions by id; of these ids and in these states only, if any are named."""
    statement = visible(select(Subscription).order_by(Subscription.id), viewer, Subscription)
    if ids:
        statement = statement.where(Subscription.id.in_(ids))
    if statuses:
        statement = statement.where(Subscription.status.in_(statuses))
    return session.scalars(statement).all()


def get_delivery(session: Session, *, subscription_id: UUID, locked: bool = False) -> Delivery:
    """Return how far a subscription's events were delivered; who changes a subscription locks it first."""
    return session.get_one(
        Delivery, subscription_id, populate_existing=True, with_for_update=True if locked else None
    )


def list_events(
    session: Session, *, subscription_id: UUID, first: int, last: int | None = None, limit: int = MOST_EVENTS
) -> Sequence[SubscriptionEvent]:
    """Return events by number, from `first` to `last`, both included, but those that are forgotten."""
    statement = (
        select(SubscriptionEvent)
        .where(SubscriptionEvent.subscription_id == subscription_id, SubscriptionEvent.number >= first)
        .order_by(SubscriptionEvent.number)
        .limit(limit)
    )
    if last is not None:
        statement = statement.where(SubscriptionEvent.number <= last)
    return session.scalars(statement).all()


def hearer_of(subscription: Subscription) -> Viewer:
    """Return who hears: whoever asked, as queries see them."""
    return Viewer(subscription.asked_by, ViewerRole.SYSTEM, subscription.organisation_id)
