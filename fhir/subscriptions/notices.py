"""Notifications and the state of subscriptions, as FHIR shows them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.records import audit
from careapp.records.models import DocumentVersion
from careapp.sealing.contents import opened
from careapp.subscriptions.delivery import Notice
from careapp.subscriptions.models import (
    Change,
    Content,
    Delivery,
    Subscription,
    SubscriptionEvent,
)
from fhir.formats.xml_writer import write_xml
from fhir.mapping.elements import Json, instant, without_none
from fhir.people_in import patients_in
from fhir.subscriptions.topics import NOTICE_PROFILE, STATUS_PROFILE

XML = "application/fhir+xml"
ERRORS = "http://terminology.hl7.org/CodeSystem/subscription-error"
OUTCOMES = {Change.CREATE: ("POST", "201"), Change.UPDATE: ("PUT", "200"), Change.DELETE: ("DELETE", "204")}


def write_notice(
    session: Session,
    subscription: Subscription,
    delivery: Delivery,
    notice: Notice,
    events: Sequence[SubscriptionEvent],
    now: datetime,
) -> bytes:
    """Write a notification in the media type that its receiver wants, and record whom it tells of.

    See `delivery.WriteNotice`.
    """
    content = bundle(
        session,
        subscription,
        delivery,
        kind=notice.value,
        events=events,
        content=subscription.content,
        now=now,
    )
    if events:
        _record(session, subscription, patients_in(content), now)
    return write_xml(content) if subscription.payload_type.startswith(XML) else content


def _record(session: Session, subscription: Subscription, patients: set[UUID], now: datetime) -> None:
    """Record what leaves, before it does: whoever subscribed gets it."""
    owner = subscription.organisation_id
    role = ViewerRole.SYSTEM if owner is None else ViewerRole.CLIENT
    receiver = Viewer(subscription.asked_by, role, owner)
    for patient_id in sorted(patients) or (None,):
        audit.record(
            session,
            viewer=receiver,
            now=now,
            action="send_notice",
            subject=subscription,
            patient_id=patient_id,
        )


def bundle(
    session: Session,
    subscription: Subscription,
    delivery: Delivery,
    *,
    kind: str,
    events: Sequence[SubscriptionEvent],
    content: Content,
    now: datetime,
) -> bytes:
    """Write a Bundle of the state and some events.

    Args:
        session: A transaction.
        subscription: Whose events.
        delivery: How far they were delivered.
        kind: Of notification: `handshake`, `heartbeat`, `event-notification` or `query-event`.
        events: In their order.
        content: How much of the resources.
        now: When it is written.

    Returns:
        The Bundle as JSON; the same events give the same ids, so that a repetition is recognised.
    """
    status = state_of(subscription, delivery, kind=kind, events=events, content=content)
    last = events[-1].number if events else delivery.events
    first = events[0].number if events else 0
    name = uuid5(subscription.id, f"{kind} {first} {last} {'' if events else instant(now)}")
    status["id"] = str(name)
    base = subscription.base_url
    entries: list[Json] = [
        {
            "fullUrl": f"urn:uuid:{name}",
            "resource": status,
            "request": {"method": "GET", "url": f"{base}/Subscription/{subscription.id}/$status"},
            "response": {"status": "200"},
        }
    ]
    if content is not Content.EMPTY:
        entries += _entries(session, events, base, with_resources=content is Content.FULL_RESOURCE)
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "id": str(name),
            "meta": {"profile": [NOTICE_PROFILE]},
            "type": "history",
            "timestamp": instant(now),
            "entry": entries,
        }
    )


def _entries(
    session: Session, events: Iterable[SubscriptionEvent], base: str, *, with_resources: bool
) -> Iterable[Json]:
    for event in events:
        method, status = OUTCOMES[event.change]
        place = event.kind if event.change is Change.CREATE else f"{event.kind}/{event.resource_id}"
        resource = None
        if with_resources and event.change is not Change.DELETE:
            resource = session.scalar(
                select(DocumentVersion.content).where(
                    DocumentVersion.kind == event.kind,
                    DocumentVersion.id == event.resource_id,
                    DocumentVersion.version == event.version,
                )
            )
        yield without_none(
            {
                "fullUrl": f"{base}/{event.kind}/{event.resource_id}",
                "resource": None
                if resource is None
                else orjson.Fragment(opened(session, event.kind, event.resource_id, resource)),
                "request": {"method": method, "url": place},
                "response": {
                    "status": status,
                    "etag": f'W/"{event.version}"',
                    "lastModified": instant(event.at),
                },
            }
        )


def state_of(
    subscription: Subscription,
    delivery: Delivery,
    *,
    kind: str,
    events: Sequence[SubscriptionEvent] = (),
    content: Content = Content.EMPTY,
) -> Json:
    """Make the Parameters resource that stands for R5's SubscriptionStatus."""
    parameters: list[Json] = [
        {
            "name": "subscription",
            "valueReference": {"reference": f"{subscription.base_url}/Subscription/{subscription.id}"},
        },
        {"name": "topic", "valueCanonical": subscription.topic},
        {"name": "status", "valueCode": subscription.status.value},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(delivery.events)},
        *(
            {"name": "notification-event", "part": list(_event(each, subscription.base_url, content))}
            for each in events
        ),
    ]
    if subscription.error is not None:
        coding: dict[str, Any] = {"coding": [{"system": ERRORS, "code": "no-response"}]}
        parameters.append({"name": "error", "valueCodeableConcept": coding | {"text": subscription.error}})
    return {"resourceType": "Parameters", "meta": {"profile": [STATUS_PROFILE]}, "parameter": parameters}


def _event(event: SubscriptionEvent, base: str, content: Content) -> Iterable[Json]:
    yield {"name": "event-number", "valueString": str(event.number)}
    yield {"name": "timestamp", "valueInstant": instant(event.at)}
    if content is not Content.EMPTY:
        focus = {"reference": f"{base}/{event.kind}/{event.resource_id}"}
        yield {"name": "focus", "valueReference": focus}


def states(found: Iterable[tuple[Subscription, Delivery]], *, address: str) -> bytes:
    """Write a searchset of the states of subscriptions.

    Args:
        found: Subscriptions with how far they were delivered.
        address: That was asked.
    """
    entries = [
        {
            "fullUrl": f"urn:uuid:{_name_of(subscription.id)}",
            "resource": {
                "id": str(_name_of(subscription.id)),
                **state_of(subscription, delivery, kind="query-status"),
            },
            "search": {"mode": "match"},
        }
        for subscription, delivery in found
    ]
    return orjson.dumps(
        without_none(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "total": len(entries),
                "link": [{"relation": "self", "url": address}],
                "entry": entries,
            }
        )
    )


def _name_of(key: UUID) -> UUID:
    return uuid5(key, "status")
