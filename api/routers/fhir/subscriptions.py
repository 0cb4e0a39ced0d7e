"""Subscriptions beside reading and writing them: their state, past events, and a stream of events.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from threading import Event
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool

from api.auth.policy import PLANNING, may
from api.dependencies import ReadingSessions, ReadSession, SignedIn
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import AskingDep
from api.routers.fhir.bodies import RESOURCE_BODY, ResourceBody
from api.routers.marked import MarkedRouter
from careapp import clock
from careapp.access import Viewer
from careapp.subscriptions.delivery import Notice
from careapp.subscriptions.models import Content, SubscriptionEvent, SubscriptionStatus
from careapp.subscriptions.queries import (
    SubscriptionNotFound,
    get_delivery,
    get_subscription,
    list_events,
    list_subscriptions,
)
from fhir.access import require, require_whole
from fhir.asking import Asking
from fhir.operations.wanted import Pairs, pairs_of, read_pairs
from fhir.search.carriers import parse_id
from fhir.search.parameter import refuse
from fhir.subscriptions.notices import bundle, states
from fhir.subscriptions.topics import TOPICS

router = MarkedRouter("/$", dependencies=[may(*PLANNING)])
streams = MarkedRouter("/$stream", dependencies=[may(*PLANNING)])

LOOK_EVERY_S = 1.0
EVENTS_AT_ONCE = 100
NUMBER = r"^[0-9]{1,9}$"


@router.get("/Subscription/{id}/$status")
@router.get("/Subscription/{id}/$status/", include_in_schema=False)
def get_state(
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: ReadSession,
    asking: AskingDep,
) -> Response:
    """Tell the state of a subscription and how many events it had."""
    return answer(request, _states(session, asking, [("id", id)], f"Subscription/{id}/$status", is_one=True))


@router.get("/Subscription/$status")
@router.get("/Subscription/$status/", include_in_schema=False)
def get_states(request: Request, session: ReadSession, asking: AskingDep) -> Response:
    """Tell the states of subscriptions; parameters `id` and `status` choose some."""
    return answer(request, _states(session, asking, read_pairs(request.url.query), "Subscription/$status"))


@router.post("/Subscription/$status", openapi_extra=RESOURCE_BODY)
@router.post("/Subscription/$status/", include_in_schema=False)
def ask_for_states(request: Request, session: ReadSession, asking: AskingDep, body: ResourceBody) -> Response:
    """Tell the states of subscriptions that a Parameters resource chooses."""
    return answer(request, _states(session, asking, pairs_of(body), "Subscription/$status"))


def _states(session: Session, asking: Asking, pairs: Pairs, path: str, *, is_one: bool = False) -> bytes:
    require(asking.viewer, "Subscription", "r" if is_one else "s")
    names = [each for name, value in pairs if name == "id" for each in value.split(",")]
    wanted = [each for name, value in pairs if name == "status" for each in value.split(",")]
    for each in wanted:
        if each not in set(SubscriptionStatus):
            raise refuse("status", each, f"give one of {', '.join(SubscriptionStatus)}")
    ids = [key for each in names if (key := parse_id(each)) is not None]
    found = (
        []
        if names and not ids
        else list_subscriptions(
            session, viewer=asking.viewer, ids=ids, statuses=[SubscriptionStatus(each) for each in wanted]
        )
    )
    if is_one and not found:
        raise SubscriptionNotFound("there is no such subscription")
    both = [(each, get_delivery(session, subscription_id=each.id)) for each in found]
    return states(both, address=f"{asking.base_url}/{path}")


@router.get("/Subscription/{id}/$events")
@router.get("/Subscription/{id}/$events/", include_in_schema=False)
def get_events(
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: ReadSession,
    asking: AskingDep,
    since: Annotated[str, Query(alias="eventsSinceNumber", pattern=NUMBER)] = "1",
    until: Annotated[str | None, Query(alias="eventsUntilNumber", pattern=NUMBER)] = None,
    content: Content | None = None,
) -> Response:
    """Answer past events of a subscription as a notification, e.g. those that a receiver has missed."""
    subscription = get_subscription(session, subscription_id=_key(id), viewer=asking.viewer)
    _require_topic(asking.viewer, subscription.topic)
    events = list_events(
        session,
        subscription_id=subscription.id,
        first=int(since),
        last=None if until is None else int(until),
    )
    return answer(
        request,
        bundle(
            session,
            subscription,
            get_delivery(session, subscription_id=subscription.id),
            kind="query-event",
            events=events,
            content=content or subscription.content,
            now=asking.now,
        ),
    )


def _require_topic(viewer: Viewer, topic: str) -> None:
    """Refuse who may not read what the events of a colleague's subscription show."""
    require(viewer, "Subscription", "r")
    if topic in TOPICS:
        require_whole(viewer, TOPICS[topic].kind, "rs")


def _key(name: str) -> UUID:
    key = parse_id(name)
    if key is None:
        raise SubscriptionNotFound("there is no such subscription: ids here are UUIDs in small letters")
    return key


def _hear(
    sessions: sessionmaker[Session], key: UUID, viewer: Viewer, last: int, now: datetime
) -> tuple[int, str | None]:
    """Return the number of the last event there is now, and the events after `last`, if there are any."""
    with sessions.begin() as session:
        subscription = get_subscription(session, subscription_id=key, viewer=viewer)
        if subscription.status is SubscriptionStatus.OFF:
            raise SubscriptionNotFound("the subscription is off")
        events = list_events(session, subscription_id=key, first=last + 1, limit=EVENTS_AT_ONCE)
        if not events:
            return last, None
        return events[-1].number, _notice(session, key, viewer, Notice.EVENTS, events, now)


def _notice(
    session: Session,
    key: UUID,
    viewer: Viewer,
    notice: Notice,
    events: Sequence[SubscriptionEvent],
    now: datetime,
) -> str:
    subscription = get_subscription(session, subscription_id=key, viewer=viewer)
    written = bundle(
        session,
        subscription,
        get_delivery(session, subscription_id=key),
        kind=notice.value,
        events=events,
        content=subscription.content,
        now=now,
    )
    return written.decode()


def _greeting(
    id: str,  # noqa: A002 -- FHIR's word
    sessions: ReadingSessions,
    viewer: SignedIn,
    last_event_id: Annotated[str | None, Header(pattern=NUMBER)] = None,
) -> tuple[UUID, int, str]:
    """Find the subscription before the stream begins, so that a refusal is an answer of its own."""
    key = _key(id)
    with sessions.begin() as session:
        _require_topic(viewer, get_subscription(session, subscription_id=key, viewer=viewer).topic)
        events = get_delivery(session, subscription_id=key).events
        greeting = _notice(session, key, viewer, Notice.HANDSHAKE, (), clock.now())
    return key, events if last_event_id is None else int(last_event_id), greeting


@streams.get("/Subscription/{id}/$stream", response_class=EventSourceResponse)
async def follow_subscription(
    request: Request,
    greeting: Annotated[tuple[UUID, int, str], Depends(_greeting)],
    sessions: ReadingSessions,
    viewer: SignedIn,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a subscription as server-sent events.

    Each is a notification Bundle; its id is the number of its last event. Whoever comes back with
    `Last-Event-ID` gets what was missed; whoever comes without, what happens from now on. The stream ends
    when the subscription is deleted or switched off.
    """
    key, last, hello = greeting
    stopping: Event = request.app.state.stopping
    yield ServerSentEvent(event=Notice.HANDSHAKE.value, raw_data=hello)
    while not stopping.is_set():
        try:
            number, notice = await run_in_threadpool(_hear, sessions, key, viewer, last, clock.now())
        except SubscriptionNotFound:
            return
        if notice is not None:
            last = number
            yield ServerSentEvent(id=str(number), event=Notice.EVENTS.value, raw_data=notice)
        else:
            await asyncio.sleep(LOOK_EVERY_S)
