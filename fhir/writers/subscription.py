"""Subscriptions from other systems."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.origins import origin_of
from careapp.subscriptions import commands
from careapp.subscriptions.commands import Wish
from careapp.subscriptions.hooks import LONGEST_TIMEOUT_S, MOST_HEADERS, read_header
from careapp.subscriptions.models import Channel, Content, SubscriptionStatus
from careapp.subscriptions.queries import get_subscription
from fhir.access import require_whole
from fhir.asking import Asking
from fhir.mapping.elements import Json
from fhir.mapping.registry import get_resource
from fhir.mapping.subscription import HIDDEN, hidden
from fhir.search.parameter import InvalidSearch
from fhir.subscriptions.filters import conditions_of
from fhir.subscriptions.topics import CHANNEL_TYPE, CONTENT, FILTER, HEARTBEAT, MAX_COUNT, TIMEOUT, TOPICS
from fhir.writers.findings import Findings

PAYLOADS = ("application/fhir+json", "application/fhir+xml")
MOST_FILTERS = 20
LONGEST = 2000
LEAST_HEARTBEAT_S = 10


class SubscriptionWriter:
    """Takes wishes to hear of changes."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`; the values of headers are taken out of the document, since it is kept and shown."""
        findings = Findings("Subscription")
        if document.get("status") != SubscriptionStatus.REQUESTED:
            findings.add("status", "a new subscription is requested: send this status")
        wish = _read(document, asking, findings, known={})
        findings.refuse()
        subscription = commands.add_subscription(session, wish=wish, viewer=asking.viewer, now=asking.now)
        _hide(document)
        return subscription.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`; `requested` begins anew, `off` ends, other states are ours to give."""
        now = get_subscription(session, subscription_id=key, viewer=asking.viewer)
        findings = Findings("Subscription")
        wish = _read(document, asking, findings, known={hidden(line): line for line in now.headers})
        findings.refuse()
        commands.change_subscription(
            session,
            subscription_id=key,
            wish=wish,
            is_off=document.get("status") == SubscriptionStatus.OFF,
            viewer=asking.viewer,
            now=asking.now,
        )
        _hide(document)

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        commands.remove_subscription(session, subscription_id=key, viewer=asking.viewer, now=asking.now)


def _read(document: Json, asking: Asking, findings: Findings, *, known: Mapping[str, str]) -> Wish:
    topic = TOPICS.get(document.get("criteria", ""))
    filters = [
        each["valueString"] for each in _extensions(document.get("_criteria")) if each.get("url") == FILTER
    ]
    if topic is None:
        findings.add(
            "criteria", f"name a topic that can be heard of: {', '.join(sorted(TOPICS))}", "not-supported"
        )
    else:
        require_whole(asking.viewer, topic.kind, "rs")
        _check_filters(filters, topic.kind, asking, findings)
    channel: Json = document.get("channel", {})
    kind = _channel_kind(channel, findings)
    return Wish(
        topic=document.get("criteria", ""),
        filters=filters,
        reason=document.get("reason", "")[:LONGEST],
        channel=kind,
        endpoint=_endpoint(channel, kind, findings),
        headers=_headers(channel, findings, known),
        payload_type=_payload(channel, findings),
        content=_content(channel, findings),
        heartbeat_s=_number(channel, HEARTBEAT, "valueUnsignedInt", findings, least=LEAST_HEARTBEAT_S),
        timeout_s=_number(channel, TIMEOUT, "valueUnsignedInt", findings, most=LONGEST_TIMEOUT_S),
        max_count=_number(channel, MAX_COUNT, "valuePositiveInt", findings),
        ends_at=_end(document, asking, findings),
        base_url=asking.base_url,
    )


def _check_filters(filters: list[str], kind: str, asking: Asking, findings: Findings) -> None:
    if len(filters) > MOST_FILTERS:
        findings.add("criteria.extension", f"send at most {MOST_FILTERS} filters")
        return
    try:
        conditions_of(
            filters, get_resource(kind), base_url=asking.base_url, zone=asking.zone, viewer=asking.viewer
        )
    except InvalidSearch as refused:
        findings.add("criteria.extension.value", str(refused))


def _channel_kind(channel: Json, findings: Findings) -> Channel:
    codings = [
        each.get("valueCoding", {})
        for each in _extensions(channel.get("_type"))
        if each.get("url") == CHANNEL_TYPE
    ]
    if any(coding.get("code") == Channel.EVENT_STREAM for coding in codings):
        return Channel.EVENT_STREAM
    if channel.get("type") != Channel.REST_HOOK or codings:
        findings.add(
            "channel.type",
            "send rest-hook, or the extension backport-channel-type with the code sse",
            "not-supported",
        )
    return Channel.REST_HOOK


def _endpoint(channel: Json, kind: Channel, findings: Findings) -> str | None:
    endpoint: str | None = channel.get("endpoint")
    if kind is Channel.EVENT_STREAM:
        if endpoint is not None:
            findings.add("channel.endpoint", "a stream is fetched from us: leave the endpoint out")
        return None
    if endpoint is None:
        findings.add("channel.endpoint", "a rest-hook needs an endpoint", "required")
    elif origin_of(endpoint) is None or len(endpoint) > LONGEST or "#" in endpoint:
        findings.add("channel.endpoint", "send an address with http or https, without user and fragment")
    return endpoint


def _headers(channel: Json, findings: Findings, known: Mapping[str, str]) -> list[str]:
    headers = []
    lines: list[str] = channel.get("header", [])
    if len(lines) > MOST_HEADERS:
        findings.add("channel.header", f"send at most {MOST_HEADERS} headers")
    for number, line in enumerate(lines[:MOST_HEADERS]):
        if read_header(line) is None:
            findings.add(f"channel.header[{number}]", "send a line such as Authorization: Bearer …")
        elif line.endswith(HIDDEN) and line not in known:
            findings.add(f"channel.header[{number}]", "send the header's value, which was not kept")
        else:
            headers.append(known.get(line, line))
    return headers


def _payload(channel: Json, findings: Findings) -> str:
    payload: str = channel.get("payload", PAYLOADS[0])
    if payload.partition(";")[0].strip() not in PAYLOADS:
        findings.add("channel.payload", f"send {' or '.join(PAYLOADS)}", "not-supported")
    return payload[:60]


def _content(channel: Json, findings: Findings) -> Content:
    found = [
        each.get("valueCode") for each in _extensions(channel.get("_payload")) if each.get("url") == CONTENT
    ]
    if len(found) == 1 and found[0] in set(Content):
        return Content(found[0])
    findings.add(
        "channel.payload.extension",
        "send the extension backport-payload-content once: empty, id-only or full-resource",
        "required",
    )
    return Content.EMPTY


def _number(
    channel: Json, url: str, name: str, findings: Findings, *, least: int = 1, most: int = 2**31 - 1
) -> int | None:
    found = [each.get(name) for each in _extensions(channel) if each.get("url") == url]
    if not found or found == [0]:
        return None  # FHIR's way to say never
    if len(found) > 1 or not isinstance(found[0], int) or not least <= found[0] <= most:
        findings.add("channel.extension", f"send {url.rpartition('/')[2]} once, from {least} to {most}")
        return None
    return found[0]


def _end(document: Json, asking: Asking, findings: Findings) -> datetime | None:
    written = document.get("end")
    if written is None:
        return None
    end = datetime.fromisoformat(written)
    if end <= asking.now:
        findings.add("end", "this moment is over: send a later one, or none")
    return end


def _extensions(element: Any) -> list[Json]:
    return list((element or {}).get("extension", ()))


def _hide(document: Json) -> None:
    channel = document.get("channel", {})
    if "header" in channel:
        channel["header"] = [hidden(line) for line in channel["header"]]


SUBSCRIPTION_WRITER = SubscriptionWriter()
