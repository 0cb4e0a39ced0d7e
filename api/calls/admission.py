"""Whose seat a socket has: asked of the database in threads, in short transactions, never held."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import UUID

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import FastAPI, WebSocket
from sqlalchemy.orm import Session

from api.auth.cookie import COOKIE, WebSessions
from api.auth.seats import MOST_COOKIE, SEAT_COOKIE
from api.calls.codes import Code, SocketClosed, closing
from api.transactions import Transactions
from careapp.access import Viewer, ViewerRole
from careapp.calls.commands import admit, end_call, enter_waiting_room, leave, refuse, take_seat
from careapp.calls.consent import witness_consent
from careapp.calls.models import CallState, ProviderKind
from careapp.calls.seats import Seat, call_of_participant, seat_of_viewer
from careapp.errors import CareError
from careapp.identity.models import Language
from careapp.tenancy import acting_as, begin_as

AT_ONCE = 8
"""Threads for all sockets together: they wait for each other, not for those of requests."""
NOBODY_YET = Viewer("join-link", ViewerRole.SYSTEM)
"""Reads the seat of a link's cookie, since nobody has said yet who asks."""

Result = TypeVar("Result")


class Admission:
    """Asks for seats, and lets people in and out.

    Args:
        app: Whose `state` holds sessions, clock and sign-ins.
    """

    def __init__(self, app: FastAPI) -> None:
        self._state = app.state
        self._limiter = CapacityLimiter(AT_ONCE)

    async def come_by_link(self, websocket: WebSocket) -> Seat:
        """Return the seat of whoever came by a link, in the waiting room from now on.

        Raises:
            SocketClosed: The cookie holds no longer, or they may not come in now.
        """
        found = await self.see_by_link(websocket)
        _require_embedded(found)
        return await self._change(found.viewer, lambda session: self._enter(session, found))

    async def see_by_link(self, websocket: WebSocket) -> Seat:
        """Return the seat as it is.

        Raises:
            SocketClosed: The cookie holds no longer.
        """
        cookie = websocket.cookies.get(SEAT_COOKIE)
        if not cookie or len(cookie) > MOST_COOKIE:
            raise SocketClosed(Code.NO_SEAT)

        def look() -> Seat | None:
            now = self._state.clock()
            with begin_as(self._state.reading_sessions, NOBODY_YET, now) as session:
                return call_of_participant(session, cookie, now=now)

        seat = await self._in_thread(look)
        if seat is None:
            raise SocketClosed(Code.NO_SEAT)
        return seat

    async def come_signed_in(self, websocket: WebSocket, call_id: UUID) -> Seat:
        """Return the seat of a nurse or doctor; the doctor whose consultation it is opens the call.

        Raises:
            SocketClosed: They are not signed in, it is not their call, or not its time.
        """
        viewer = await self._viewer(websocket)
        seat = await self._change(
            viewer,
            lambda session: take_seat(session, call_id=call_id, viewer=viewer, now=self._state.clock()),
        )
        _require_embedded(seat)
        return seat

    async def see_signed_in(self, websocket: WebSocket, call_id: UUID) -> Seat:
        """Return the seat as it is.

        Raises:
            SocketClosed: They are not signed in any more, or it is their call no longer.
        """
        viewer = await self._viewer(websocket)

        def look() -> Seat:
            with begin_as(self._state.reading_sessions, viewer, self._state.clock()) as session:
                return seat_of_viewer(session, call_id=call_id, viewer=viewer)

        return await self._in_thread(look)

    async def hold(self, call_id: UUID) -> None:
        """Have the room of a call in this process, for one more page.

        Raises:
            SocketClosed: Another process has it.
        """
        if not await self._in_thread(partial(self._state.leases.hold, call_id)):
            raise SocketClosed(Code.ELSEWHERE)

    async def release(self, call_id: UUID) -> None:
        """Let go of a call for a page that has gone."""
        with CancelScope(shield=True):
            await self._in_thread(partial(self._state.leases.release, call_id))

    async def admit(self, host: Seat, participant_id: UUID) -> None:
        """Let somebody in.

        Raises:
            CareError: See `careapp.calls.commands.admit`.
        """
        await self._command(host, partial(admit, participant_id=participant_id))

    async def refuse(self, host: Seat, participant_id: UUID) -> None:
        """Send somebody away.

        Raises:
            CareError: See `careapp.calls.commands.refuse`.
        """
        await self._command(host, partial(refuse, participant_id=participant_id))

    async def end(self, host: Seat) -> None:
        """End the call for everybody.

        Raises:
            CareError: See `careapp.calls.commands.end_call`.
        """
        await self._command(host, end_call)

    async def witness(self, seat: Seat, language: str) -> None:
        """Keep that the patient has agreed by word of mouth to a nurse or doctor.

        Raises:
            CareError: See `careapp.calls.consent.witness_consent`.
        """
        await self._command(seat, partial(witness_consent, language=Language(language)))

    async def leave(self, seat: Seat) -> None:
        """Note that somebody has left for good."""
        await self._change(seat.viewer, lambda session: leave(session, seat=seat, now=self._state.clock()))

    def _enter(self, session: Session, seat: Seat) -> Seat:
        return enter_waiting_room(session, seat=seat, now=self._state.clock())

    async def _command(self, host: Seat, command: Callable[..., object]) -> None:
        transact = Transactions(acting_as(self._state.sessions, host.viewer, self._state.clock()))

        def work(session: Session) -> None:
            command(session, call_id=host.call_id, viewer=host.viewer, now=self._state.clock())

        await to_thread.run_sync(partial(transact, work), limiter=self._limiter)

    async def _change(self, viewer: Viewer, work: Callable[[Session], Result]) -> Result:
        transact = Transactions(acting_as(self._state.sessions, viewer, self._state.clock()))
        return await self._in_thread(partial(transact, work))

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        except CareError as error:
            raise closing(error) from error

    async def _viewer(self, websocket: WebSocket) -> Viewer:
        value = websocket.cookies.get(COOKIE)
        if value is None:
            raise SocketClosed(Code.NO_SEAT)
        sessions: WebSessions = self._state.web_sessions
        now = self._state.clock()
        found = await sessions.find(value, now=now)
        if found is None:
            raise SocketClosed(Code.NO_SEAT)
        zone = self._state.settings.zone_info
        return replace(found.viewer, asked_at=now.astimezone(zone).replace(microsecond=0))


def _require_embedded(seat: Seat) -> None:
    if seat.provider is not ProviderKind.EMBEDDED:
        raise SocketClosed(Code.EXTERNAL)
    if seat.state is CallState.ENDED:
        raise SocketClosed(Code.ENDED)
