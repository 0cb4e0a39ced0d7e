"""Answer later: `Prefer: respond-async` for any FHIR request (https://hl7.org/fhir/R4/async.html).

The request is taken (202), worked on in the background of this process as if it had been asked without the
wish, and its whole answer is kept, so that any process can give it to whoever asked: the result of a Bundle,
the booked Appointment, or the OperationOutcome that refuses it. If this process ends before, the row says so
after `GIVEN_UP`: nobody knows then whether the work was done.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import Request
from sqlalchemy import insert, update
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from careapp import clock
from careapp.access import Viewer
from careapp.jobs.models import LaterAnswer
from careapp.sealing.contents import place_of, seal_content
from careapp.sealing.ring import ring_of

LOG = logging.getLogger("careapp.api")

STATUS_PATH: Final = "/fhir/$async-status/"
ALWAYS_AT_ONCE = ("/$async-status", "/$export", "/$stream")
"""What says for itself how it is asynchronous."""
WISH = "respond-async"
KEPT_HEADERS = frozenset({"content-type", "etag", "last-modified", "location"})
MOST_AT_WORK = 4
MOST_WAITING = 100
MOST_BYTES = 200_000_000
"""Of all bodies that wait together."""
GIVEN_UP = timedelta(minutes=15)
FINISH_WITHIN_S = 4.0


class AnswersLater:
    """Takes requests that wish to be answered later, and passes all others on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._at_work: asyncio.Semaphore | None = None
        self._waiting = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, or pass it on."""
        if not _is_wished(scope):
            await self.app(scope, receive, send)
            return
        try:
            body = await _read(receive)
        except HTTPException as too_large:
            await self.app(scope, _raising(too_large), send)
            return
        if self._waiting >= MOST_WAITING or self._bytes + len(body) > MOST_BYTES:
            await _refuse(scope, receive, send)
            return
        key = uuid4()
        sessions: sessionmaker[Session] = scope["app"].state.sessions
        await run_in_threadpool(_note, sessions, key)
        self._waiting += 1
        self._bytes += len(body)
        task = asyncio.create_task(self._work(dict(scope), body, sessions, key))
        tasks: set[asyncio.Task[None]] = scope["app"].state.later
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        place = f"{Request(scope).base_url}{STATUS_PATH.removeprefix('/')}{key}"
        await send(
            {
                "type": "http.response.start",
                "status": 202,
                "headers": [(b"content-location", place.encode()), (b"content-length", b"0")],
            }
        )
        await send({"type": "http.response.body", "body": b""})

    async def _work(self, scope: Scope, body: bytes, sessions: sessionmaker[Session], key: UUID) -> None:
        if self._at_work is None:  # made here, since it belongs to the loop that runs
            self._at_work = asyncio.Semaphore(MOST_AT_WORK)
        try:
            async with self._at_work:
                status, headers, content = await self._answer(scope, body)
            viewer: Viewer | None = scope.get("careapp.viewer")
            await run_in_threadpool(_keep, sessions, key, status, headers, content, viewer)
        except Exception as error:  # noqa: BLE001 -- nobody waits here; the row stays without an answer
            LOG.error("an answer for later is lost: %s", type(error).__name__)  # noqa: TRY400 -- a traceback may quote a row
        finally:
            self._waiting -= 1
            self._bytes -= len(body)

    async def _answer(self, scope: Scope, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Ask the application as if nobody had wished to be answered later."""
        scope["headers"] = [_without_wish(*header) for header in scope["headers"]]
        parts: list[bytes] = []
        start: Message = {}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        try:
            await self.app(scope, _giving(body), send)
        except Exception as error:  # noqa: BLE001 -- as in `api.middleware`: keep values out of the log
            request_id = scope.get("careapp.request_id", "unknown")
            response = errors.answer_unexpected(Request(scope), error, request_id)
            return response.status_code, {"content-type": response.media_type or ""}, bytes(response.body)
        headers = Headers(raw=start["headers"])
        kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS}
        return start["status"], kept, b"".join(parts)


async def finish(tasks: set[asyncio.Task[None]]) -> None:
    """Let what is being worked on come to its end, for some seconds."""
    if tasks:
        await asyncio.wait(set(tasks), timeout=FINISH_WITHIN_S)


def _is_wished(scope: Scope) -> bool:
    if scope["type"] != "http" or not errors.is_fhir_path(scope["path"]):
        return False
    wishes = ",".join(Headers(scope=scope).getlist("prefer")).lower()
    if WISH not in [wish.strip() for wish in wishes.replace(";", ",").split(",")]:
        return False
    return not any(name in scope["path"] for name in ALWAYS_AT_ONCE)


def _without_wish(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name.lower() != b"prefer":
        return name, value
    wishes = [wish for wish in value.split(b",") if wish.strip().lower() != WISH.encode()]
    return name, b",".join(wishes)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _giving(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _raising(error: HTTPException) -> Receive:
    async def receive() -> Message:
        raise error

    return receive


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    response = errors.answer(
        Request(scope, receive),
        status=429,
        issue="throttled",
        name="too-much-at-once",
        title="Too much at once",
        sentence="too much waits to be answered later: ask again in a while, or without respond-async",
        headers={"Retry-After": str(errors.RETRY_AFTER_S)},
    )
    await response(scope, receive, send)


def _note(sessions: sessionmaker[Session], key: UUID) -> None:
    now = clock.now()
    with sessions.begin() as session:
        session.execute(
            insert(LaterAnswer).values(
                id=key,
                asked_by="",
                asked_at=now,
                lost_at=now + GIVEN_UP,
                status=None,
                headers={},
                content=None,
            )
        )


def _keep(
    sessions: sessionmaker[Session],
    key: UUID,
    status: int,
    headers: Mapping[str, Any],
    content: bytes,
    viewer: Viewer | None,
) -> None:
    with sessions.begin() as session:
        session.execute(
            update(LaterAnswer)
            .where(LaterAnswer.id == key)
            .values(
                status=status,
                headers=dict(headers),
                content=seal_content(
                    ring_of(session),
                    viewer.organisation_id if viewer else None,
                    place_of("later", "answer", key),
                    content,
                ),
                asked_by=viewer.name if viewer else "",
                organisation_id=viewer.organisation_id if viewer else None,
            )
        )
