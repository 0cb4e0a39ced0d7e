"""What can be heard of. The topics are gematik's (CodeSystem ISiKSubscriptionTopic of ISiK 6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from careapp.subscriptions.models import Change
from fhir.mapping.elements import Json

ISIK_TOPIC = "https://gematik.de/fhir/isik/SubscriptionTopic/"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE = f"{BACKPORT}backport-subscription"
STATUS_PROFILE = f"{BACKPORT}backport-subscription-status-r4"
NOTICE_PROFILE = f"{BACKPORT}backport-subscription-notification-r4"
FILTER = f"{BACKPORT}backport-filter-criteria"
CONTENT = f"{BACKPORT}backport-payload-content"
HEARTBEAT = f"{BACKPORT}backport-heartbeat-period"
TIMEOUT = f"{BACKPORT}backport-timeout"
MAX_COUNT = f"{BACKPORT}backport-max-count"
CHANNEL_TYPE = f"{BACKPORT}backport-channel-type"

Triggers = Callable[[Change, Json | None, Json | None], bool]
"""Whether a change counts: what happened, the document before and after; None where there is none."""


def _always(change: Change, before: Json | None, after: Json | None) -> bool:
    del change, before, after
    return True


def _is_update(change: Change, before: Json | None, after: Json | None) -> bool:
    del before, after
    return change is Change.UPDATE


def _is_cancellation(change: Change, before: Json | None, after: Json | None) -> bool:
    del change
    was, is_now = ((document or {}).get("status") for document in (before, after))
    return is_now == "cancelled" != was


@dataclass(frozen=True)
class Topic:
    """Something that can be heard of.

    Attributes:
        kind: Of resource that it is about.
        triggers: Which changes count.
        compares: Whether `triggers` looks at the documents.
    """

    kind: str
    triggers: Triggers = _always
    compares: bool = False


WHOLE_KINDS = (
    "Appointment",
    "Encounter",
    "HealthcareService",
    "List",
    "Location",
    "Organization",
    "Patient",
    "Practitioner",
    "RelatedPerson",
    "Schedule",
    "Slot",
)
"""Kinds of which every change can be heard."""

TOPICS: Mapping[str, Topic] = {
    **{f"{ISIK_TOPIC}Resource/{kind}": Topic(kind) for kind in WHOLE_KINDS},
    f"{ISIK_TOPIC}appointment-update": Topic("Appointment", _is_update),
    f"{ISIK_TOPIC}appointment-cancel": Topic("Appointment", _is_cancellation, compares=True),
}
"""By canonical address."""

KINDS_TOLD = frozenset(topic.kind for topic in TOPICS.values())


def parsed(content: bytes | None) -> Json | None:
    """Read a document's stored bytes."""
    return None if content is None else orjson.loads(content)
