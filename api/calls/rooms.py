"""Who is in a call's room, and what passes from whom to whom. Lives in one event loop, and does no I/O.

waiting ──(the doctor lets them in)──▶ admitted: only now others are seen, and messages pass
"""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

from api.calls.codes import Code, SocketClosed
from api.calls.ice import Ice
from api.calls.messages import BETWEEN_TWO, MEDIA, READY, TEXT, Said
from careapp import clock
from careapp.calls.models import CallPart, CallState
from careapp.calls.seats import Seat

MOST_IN_A_ROOM = 8
MOST_CONNECTIONS = 2_000
"""Of a process."""
MOST_UNSENT = 400
"""Messages for a page that does not take them; then its socket is closed."""
MESSAGES_PER_S, MESSAGES_AT_ONCE = 30.0, 300.0

_RANK = {CallPart.DOCTOR: 0, CallPart.NURSE: 1, CallPart.PATIENT: 2, CallPart.GUEST: 3}

Message = dict[str, Any]


@dataclass(eq=False)
class Connection:
    """A page that has a seat.

    Attributes:
        seat: As the database had it last.
        page: Tells a page that comes again from another one; chance, made by the page.
        outgoing: What it is to be told, and in the end why its socket is closed.
        look_now: Set when the seat has changed in the database.
        camera, microphone: Whether the page says that they are on.
    """

    seat: Seat
    page: str
    outgoing: asyncio.Queue[Message | SocketClosed] = field(
        default_factory=lambda: asyncio.Queue(MOST_UNSENT)
    )
    look_now: asyncio.Event = field(default_factory=asyncio.Event)
    camera: bool = False
    microphone: bool = False
    _left: float = MESSAGES_AT_ONCE
    _counted_at: float = field(default_factory=monotonic)
    _is_closing: bool = False

    @property
    def id(self) -> UUID:
        """Which participant of the call sits here."""
        return self.seat.participant_id

    def count(self) -> None:
        """Count a message that came.

        Raises:
            SocketClosed: They come faster than people and browsers make them.
        """
        at = monotonic()
        self._left = min(MESSAGES_AT_ONCE, self._left + (at - self._counted_at) * MESSAGES_PER_S) - 1
        self._counted_at = at
        if self._left < 0:
            raise SocketClosed(Code.TOO_MUCH)

    def send(self, message: Message) -> None:
        """Let the page have a message, after those before it."""
        if self._is_closing:
            return
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            self.close(Code.TOO_MUCH)

    def close(self, code: Code, reason: str = "") -> None:
        """Close the socket when what was sent before has gone; at once if the page takes nothing."""
        if self._is_closing:
            return
        self._is_closing = True
        while self.outgoing.full():
            self.outgoing.get_nowait()
        self.outgoing.put_nowait(SocketClosed(code, reason))


class Room:
    """The pages of one call."""

    def __init__(self, ice: Ice) -> None:
        self._ice = ice
        self.connections: dict[UUID, Connection] = {}

    def come(self, connection: Connection) -> None:
        """Let a page sit down; one that comes again takes the place of itself.

        Raises:
            SocketClosed: Somebody sits there already, or the room is full.
        """
        before = self.connections.get(connection.id)
        if before is not None and before.page != connection.page:
            raise SocketClosed(Code.SEAT_TAKEN)
        if before is None and len(self.connections) >= MOST_IN_A_ROOM:
            raise SocketClosed(Code.SEAT_TAKEN)
        if before is not None:
            before.close(Code.REPLACED)
            connection.camera, connection.microphone = before.camera, before.microphone
        self.connections[connection.id] = connection
        self._tell_seat(connection)
        self._tell_people()

    def go(self, connection: Connection) -> None:
        """Forget a page, unless it has come again."""
        if self.connections.get(connection.id) is connection:
            del self.connections[connection.id]
            self._tell_people()

    def reseat(self, connection: Connection, seat: Seat) -> None:
        """Take over what the database says of a seat by now."""
        before, connection.seat = connection.seat, seat
        if before == seat or self.connections.get(connection.id) is not connection:
            return
        if seat.state is CallState.ENDED:
            connection.close(Code.ENDED)
            return
        if not (seat.is_waiting or seat.is_admitted):
            connection.close(Code.REFUSED)
            return
        self._tell_seat(connection)
        self._tell_people()

    def look_again(self, participant_id: UUID) -> None:
        """Have a seat read again at once: it has just been changed."""
        found = self.connections.get(participant_id)
        if found is not None:
            found.look_now.set()

    def end(self) -> None:
        """Close every socket: the call is over."""
        for each in self.connections.values():
            each.close(Code.ENDED)

    def pass_on(self, sender: Connection, said: Said) -> None:
        """Give a message to whom it is for. Nothing passes from or to somebody who is not let in."""
        if not sender.seat.is_admitted:
            sender.send({"kind": "refused", "what": said.kind, "why": "not-admitted"})
            return
        if said.kind in BETWEEN_TWO:
            receiver = None if said.about is None else self.connections.get(said.about)
            if receiver is None or receiver is sender or not receiver.seat.is_admitted:
                sender.send({"kind": "refused", "what": said.kind, "why": "not-here"})
                return
            if said.kind == READY and not _offers(receiver, sender):
                sender.send({"kind": "refused", "what": said.kind, "why": "yours-to-offer"})
                return
            receiver.send({"kind": said.kind, "from": str(sender.id), **said.content})
        elif said.kind == TEXT:
            for each in self._admitted():
                each.send({"kind": TEXT, "from": str(sender.id), **said.content})
        elif said.kind == MEDIA:
            sender.camera, sender.microphone = said.content["camera"], said.content["microphone"]
            self._tell_people()

    def _admitted(self) -> list[Connection]:
        return [each for each in self.connections.values() if each.seat.is_admitted]

    def _tell_seat(self, to: Connection) -> None:
        seat = to.seat
        message: Message = {
            "kind": "seat",
            "participant": str(seat.participant_id),
            "part": seat.part.value,
            "name": seat.name,
            "medium": seat.medium.value,
            "is_host": seat.is_host,
            "is_admitted": seat.is_admitted,
        }
        if seat.is_admitted:  # whoever waits needs no relay's password
            message["ice"] = self._ice.configuration(seat.participant_id, now=clock.now())
        to.send(message)

    def _tell_people(self) -> None:
        """Tell the doctor of everybody who is here, those let in of each other, the waiting of nobody."""
        for to in self.connections.values():
            seen = [
                self._person(each, to)
                for each in self.connections.values()
                if each is not to and (to.seat.is_host or (to.seat.is_admitted and each.seat.is_admitted))
            ]
            is_host_here = any(each.seat.is_host for each in self._admitted())
            to.send({"kind": "people", "people": seen, "is_doctor_here": is_host_here})

    @staticmethod
    def _person(each: Connection, to: Connection) -> Message:
        return {
            "participant": str(each.id),
            "part": each.seat.part.value,
            "name": each.seat.name,
            "is_admitted": each.seat.is_admitted,
            "page": each.page[:8],
            "offers": _offers(each, to),
            "camera": each.camera,
            "microphone": each.microphone,
        }


class Rooms:
    """The rooms of this process."""

    def __init__(self, ice: Ice) -> None:
        self._ice = ice
        self._rooms: dict[UUID, Room] = {}
        self._count = 0

    def come(self, connection: Connection) -> Room:
        """Let a page into the room of its call.

        Raises:
            SocketClosed: Somebody sits there already, or there is no more room.
        """
        if self._count >= MOST_CONNECTIONS:
            raise SocketClosed(Code.ELSEWHERE)
        call_id = connection.seat.call_id
        room = self._rooms.get(call_id) or Room(self._ice)
        room.come(connection)
        self._rooms[call_id] = room
        self._count += 1
        return room

    def go(self, connection: Connection) -> None:
        """Forget a page that came, and the room if nobody is left in it."""
        self._count -= 1
        room = self._rooms.get(connection.seat.call_id)
        if room is not None:
            room.go(connection)
            if not room.connections:
                self._rooms.pop(connection.seat.call_id, None)

    @property
    def held(self) -> frozenset[UUID]:
        """Calls that have a room here."""
        return frozenset(self._rooms)


def _offers(one: Connection, other: Connection) -> bool:
    """Tell whether of two the first makes the offers: the doctor does, else the one who comes first here."""
    return _place(one) < _place(other)


def _place(connection: Connection) -> tuple[bool, int, UUID]:
    seat = connection.seat
    return (not seat.is_host, _RANK[seat.part], seat.participant_id)
