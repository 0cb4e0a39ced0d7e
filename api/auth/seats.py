"""Who came to a call by a link: a cookie names a seat in the database, and opens nothing else."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.orm import Session

from api.auth.csrf import refuse_forged
from api.hour import Now
from careapp.access import SCHEDULER
from careapp.calls.seats import Seat, call_of_participant
from careapp.errors import Forbidden
from careapp.tenancy import begin_as

SEAT_COOKIE = "__Host-careapp-seat"
MOST_COOKIE = 100


class NoSeat(Forbidden):
    """The browser holds no seat in a call, or no longer."""


async def seat_cookie(request: Request) -> str | None:
    """Return the cookie of a seat; None without one.

    Raises:
        ForgedRequest: A write without our page's token.
    """
    value = request.cookies.get(SEAT_COOKIE)
    if value is None or len(value) > MOST_COOKIE:
        return None
    await refuse_forged(request, value)
    return value


def _find(request: Request, value: Annotated[str | None, Depends(seat_cookie)], now: Now) -> Seat | None:
    return None if value is None else seat_by(request, value, now=now)


def seat_by(request: Request, value: str, *, now: datetime) -> Seat | None:
    """Return the seat that a cookie stands for; None if it does not hold."""
    with begin_as(request.app.state.reading_sessions, SCHEDULER, now) as session:
        return call_of_participant(session, value, now=now)


MaybeSeat = Annotated[Seat | None, Depends(_find)]


async def _require(seat: MaybeSeat) -> Seat:
    if seat is None:
        raise NoSeat("join by your link first: it may be over, or a newer one was made")
    return seat


HeldSeat = Annotated[Seat, Depends(_require)]
"""Of a route that only who came by a link may use."""


def _write(request: Request, seat: HeldSeat, now: Now) -> Iterator[Session]:
    with begin_as(request.app.state.sessions, seat.viewer, now) as session:
        yield session


def _read(request: Request, seat: HeldSeat, now: Now) -> Iterator[Session]:
    with begin_as(request.app.state.reading_sessions, seat.viewer, now) as session:
        yield session


SeatSession = Annotated[Session, Depends(_write, scope="function")]
"""A transaction that sees the tenant whose call it is."""
SeatReadSession = Annotated[Session, Depends(_read, scope="function")]


def set_seat(response: Response, value: str) -> None:
    """Give the browser its seat; the database says until when it holds."""
    response.set_cookie(SEAT_COOKIE, value, path="/", secure=True, httponly=True, samesite="lax")


def drop_seat(response: Response) -> None:
    """Let the browser forget its seat."""
    response.delete_cookie(SEAT_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
