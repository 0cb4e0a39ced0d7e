"""Subscription: somebody's wish to hear of changes, with the topics of R5.

Shape: https://hl7.org/fhir/R4/subscription.html with the extensions of
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/. What is in the headers stays between the subscriber
and us: only their names are shown.
"""

from sqlalchemy import false

from careapp.subscriptions.models import Channel, Subscription, SubscriptionStatus
from fhir.mapping import codes
from fhir.mapping.elements import Json, instant, meta, without_none
from fhir.mapping.resource import ServedResource
from fhir.search import carriers
from fhir.search.strings import String
from fhir.search.tokens import Token
from fhir.subscriptions.topics import CHANNEL_TYPE, CONTENT, FILTER, HEARTBEAT, MAX_COUNT, PROFILE, TIMEOUT

HIDDEN = "***"
"""Stands for a header's value."""
CHANNEL_CODES = f"{codes.CODES}subscription-channel"


def to_fhir(row: Subscription) -> Json:
    """Show a subscription's row."""
    filters = [{"url": FILTER, "valueString": written} for written in row.filters]
    return without_none(
        {
            "resourceType": "Subscription",
            "id": str(row.id),
            "meta": meta(PROFILE, is_synthetic=False),
            "status": row.status.value,
            "end": row.ends_at and instant(row.ends_at),
            "reason": row.reason,
            "criteria": row.topic,
            "_criteria": {"extension": filters} if filters else None,
            "error": row.error,
            "channel": _channel(row),
        }
    )


def _channel(row: Subscription) -> Json:
    numbers = (
        (HEARTBEAT, "valueUnsignedInt", row.heartbeat_s),
        (TIMEOUT, "valueUnsignedInt", row.timeout_s),
        (MAX_COUNT, "valuePositiveInt", row.max_count),
    )
    is_hook = row.channel is Channel.REST_HOOK
    stream = {"url": CHANNEL_TYPE, "valueCoding": {"system": CHANNEL_CODES, "code": row.channel.value}}
    return without_none(
        {
            "extension": [{"url": url, name: number} for url, name, number in numbers if number is not None],
            # The guide's own example of another channel has this code too: R4 demands one.
            "type": "rest-hook",
            "_type": None if is_hook else {"extension": [stream]},
            "endpoint": row.endpoint,
            "payload": row.payload_type,
            "_payload": {"extension": [{"url": CONTENT, "valueCode": row.content.value}]},
            "header": [hidden(line) for line in row.headers],
        }
    )


def hidden(line: str) -> str:
    """Show a header's name only."""
    return f"{line.partition(':')[0]}: {HIDDEN}"


SUBSCRIPTION = ServedResource(
    kind="Subscription",
    table=Subscription,
    about="Wishes to hear of changes, after the topics of R5; sent by REST hook or as an event stream.",
    to_fhir=to_fhir,
    synthetic=false(),
    parameters={
        "status": Token(
            (
                carriers.members(
                    "http://hl7.org/fhir/subscription-status", Subscription.status, SubscriptionStatus
                ),
            ),
            f"{codes.HL7_PARAMETER}Subscription-status",
        ),
        "type": Token(
            (
                carriers.cases(
                    "http://hl7.org/fhir/subscription-channel-type",
                    {"rest-hook": Subscription.channel == Channel.REST_HOOK},
                ),
                carriers.cases(CHANNEL_CODES, {"sse": Subscription.channel == Channel.EVENT_STREAM}),
            ),
            f"{codes.HL7_PARAMETER}Subscription-type",
        ),
        "criteria": String((Subscription.topic,), f"{codes.HL7_PARAMETER}Subscription-criteria"),
    },
    profiles=(PROFILE,),
)
