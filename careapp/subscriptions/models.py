"""Tables of subscriptions, their events and how far these were delivered."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base, text_enum


class SubscriptionStatus(StrEnum):
    """Life of a subscription; the values are FHIR's."""

    REQUESTED = "requested"
    """Its receiver has not yet answered a handshake."""
    ACTIVE = "active"
    ERROR = "error"
    """Its receiver failed too often: nothing is sent until somebody asks for it again."""
    OFF = "off"


class Channel(StrEnum):
    """How events leave."""

    REST_HOOK = "rest-hook"
    """We send them by POST to an address."""
    EVENT_STREAM = "sse"
    """The receiver holds a stream of server-sent events open."""


class Content(StrEnum):
    """How much of a resource a notification carries; the values are those of FHIR's backport guide."""

    EMPTY = "empty"
    ID_ONLY = "id-only"
    FULL_RESOURCE = "full-resource"


class Change(StrEnum):
    """What happened to a document."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Subscription(Base):
    """A wish to hear of changes."""

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("channel <> 'rest-hook' OR endpoint IS NOT NULL", name="endpoint"),
        CheckConstraint("max_count IS NULL OR max_count > 0", name="max_count"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Whose data it hears of; None: the whole region's."""
    asked_by: Mapped[str] = mapped_column(String(100))
    status: Mapped[SubscriptionStatus] = mapped_column(text_enum(SubscriptionStatus), index=True)
    topic: Mapped[str]
    """Canonical address of the topic."""
    filters: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Searches, e.g. `Appointment?status=cancelled`; a document must match all of its kind."""
    reason: Mapped[str]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    endpoint: Mapped[str | None]
    headers: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Lines such as `Authorization: Bearer …`; they leave to the endpoint only."""
    payload_type: Mapped[str] = mapped_column(String(60))
    content: Mapped[Content] = mapped_column(text_enum(Content))
    heartbeat_s: Mapped[int | None]
    timeout_s: Mapped[int | None]
    max_count: Mapped[int | None]
    """Most events of one notification."""
    ends_at: Mapped[datetime | None]
    error: Mapped[str | None]
    """Why it does not work: a sentence without anything the receiver answered."""
    base_url: Mapped[str]
    """Address of this server as whoever asked knows it; notifications name resources by it."""
    created_at: Mapped[datetime]


class Delivery(Base):
    """How far a subscription's events were delivered; apart, because it changes with each of them."""

    __tablename__ = "subscription_delivery"

    subscription_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), primary_key=True
    )
    events: Mapped[int] = mapped_column(default=0)
    """Number of the last event."""
    acknowledged: Mapped[int] = mapped_column(default=0)
    """Number of the last event that the receiver has taken."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Failures since the last success."""
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)
    """When to look at it again; NULL: as soon as there is an event."""
    sent_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    """Until when only the process with the token may deliver."""
    token: Mapped[int] = mapped_column(default=0)


class SubscriptionEvent(Base):
    """One change that a subscription hears of."""

    __tablename__ = "subscription_event"
    __table_args__ = (Index("ix_subscription_event_at", "at"),)

    subscription_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts from 1, without a gap."""
    kind: Mapped[str] = mapped_column(String(40))
    resource_id: Mapped[UUID]
    version: Mapped[int]
    change: Mapped[Change] = mapped_column(text_enum(Change))
    at: Mapped[datetime]
