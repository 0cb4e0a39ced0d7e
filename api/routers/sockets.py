"""The sockets of video calls: for who came by a link, and for nurses and doctors who are signed in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from sqlalchemy.exc import SQLAlchemyError

from api.auth.policy import anybody
from api.calls import messages
from api.calls.admission import Admission
from api.calls.codes import Code, SocketClosed, word_of
from api.calls.messages import ADMIT, CONSENT, END, LEAVE, REFUSE, STAY, Malformed, Said
from api.calls.rooms import Connection, Room, Rooms
from careapp.calls.seats import Seat
from careapp.errors import CareError

LOG = logging.getLogger("careapp.api")

SEEN_AGAIN_S = 2.0
"""After that time the database is asked again whether a seat holds."""
MOST_PAGE = 64

router = APIRouter(prefix="/ws", tags=["calls"])

Look = Callable[[], Awaitable[Seat]]


@router.websocket("/join", dependencies=[anybody("whoever has no seat in the call is sent away by it")])
async def join(websocket: WebSocket) -> None:
    """Sit in a call by the cookie that a link was exchanged for."""
    admission = _admission(websocket)
    await _serve(
        websocket, lambda: admission.come_by_link(websocket), lambda: admission.see_by_link(websocket)
    )


@router.websocket(
    "/calls/{call_id}", dependencies=[anybody("whoever has no seat in the call is sent away by it")]
)
async def take_part(websocket: WebSocket, call_id: UUID) -> None:
    """Sit in a call as its doctor, its nurse, or a further doctor."""
    admission = _admission(websocket)
    await _serve(
        websocket,
        lambda: admission.come_signed_in(websocket, call_id),
        lambda: admission.see_signed_in(websocket, call_id),
    )


@dataclass(frozen=True)
class _At:
    """A page in a room, and what it needs of the house."""

    websocket: WebSocket
    connection: Connection
    room: Room
    look: Look
    admission: Admission


async def _serve(websocket: WebSocket, come: Look, look: Look) -> None:
    """Seat a page, and serve it until one of us goes. Every way of ending is a code that the page knows."""
    await websocket.accept()
    try:
        await _sit(websocket, come, look)
    except SocketClosed as closed:
        await _close(websocket, closed)
    except WebSocketDisconnect:
        return
    except (SQLAlchemyError, RuntimeError, OSError, ValueError, LookupError) as error:
        # Its words may hold what a page sent: only the kind is logged.
        LOG.error("a call's socket broke: %s", type(error).__name__)  # noqa: TRY400 -- see above
        await _close(websocket, SocketClosed(Code.UNFORESEEN))


async def _sit(websocket: WebSocket, come: Look, look: Look) -> None:
    page = websocket.query_params.get("page", "")
    if not 8 <= len(page) <= MOST_PAGE or not page.isalnum():
        raise SocketClosed(Code.MALFORMED)
    admission, seat = _admission(websocket), await come()
    await admission.hold(seat.call_id)
    try:
        await _stay(websocket, Connection(seat, page), look, admission)
    finally:
        await admission.release(seat.call_id)


async def _stay(websocket: WebSocket, connection: Connection, look: Look, admission: Admission) -> None:
    rooms: Rooms = websocket.app.state.rooms
    at = _At(websocket, connection, rooms.come(connection), look, admission)
    tasks = [asyncio.create_task(work(at)) for work in (_hear, _tell, _look_again)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        rooms.go(connection)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hear(at: _At) -> None:
    """Take what the page says, one after the other."""
    while True:
        said = await _receive(at)
        if said.kind in (ADMIT, REFUSE, END, CONSENT):
            await _command(at, said)
        elif said.kind == LEAVE:
            await at.admission.leave(at.connection.seat)
            raise SocketClosed(Code.LEFT)
        elif said.kind != STAY:
            at.room.pass_on(at.connection, said)


async def _receive(at: _At) -> Said:
    message = await at.websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    at.connection.count()
    try:
        return messages.read(message.get("text") or "")
    except Malformed:
        raise SocketClosed(Code.MALFORMED) from None


async def _tell(at: _At) -> None:
    """Send what is for the page, one after the other."""
    while True:
        message = await at.connection.outgoing.get()
        if isinstance(message, SocketClosed):
            raise message
        await at.websocket.send_text(orjson.dumps(message).decode())


async def _look_again(at: _At) -> None:
    """Believe the database: who is signed out, refused or called off goes; who is let in elsewhere is in."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(at.connection.look_now.wait(), SEEN_AGAIN_S)
        at.connection.look_now.clear()
        at.room.reseat(at.connection, await at.look())


async def _command(at: _At, said: Said) -> None:
    seat = at.connection.seat
    if not (seat.is_host or (said.kind == CONSENT and seat.viewer.practitioner_id is not None)):
        at.connection.send({"kind": "refused", "what": said.kind, "why": "not-host"})
        return
    try:
        if said.kind == END:
            await at.admission.end(seat)
            at.room.end()
        elif said.kind == CONSENT:
            await at.admission.witness(seat, said.content["language"])
            at.connection.send({"kind": "done", "what": CONSENT})
        elif said.about is not None:
            await (at.admission.admit if said.kind == ADMIT else at.admission.refuse)(seat, said.about)
            at.room.look_again(said.about)
    except CareError as error:
        at.connection.send({"kind": "refused", "what": said.kind, "why": word_of(error)})


async def _close(websocket: WebSocket, closed: SocketClosed) -> None:
    try:
        await websocket.close(closed.code, closed.reason)
    except (RuntimeError, WebSocketDisconnect, OSError):
        return  # it has gone already


def _admission(websocket: WebSocket) -> Admission:
    admission: Admission = websocket.app.state.admission
    return admission
