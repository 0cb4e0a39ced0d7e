"""What a route may ask for.

What takes no time is `async`: FastAPI sends every other dependency through a thread, which takes longer than
the dependency itself.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session, sessionmaker

from api.auth.viewers import SignedIn
from api.hour import Now, read_now
from api.transactions import Transactions
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.roads.places import Geocoder
from careapp.tenancy import acting_as, begin_as

__all__ = ["Now", "SignedIn", "read_now"]  # what a route may ask for stands here, wherever it is made


def _read(request: Request, viewer: SignedIn, now: Now) -> Iterator[Session]:
    with begin_as(request.app.state.reading_sessions, viewer, now) as session:
        yield session


def _write(request: Request, viewer: SignedIn, now: Now) -> Iterator[Session]:
    """One request is one transaction: commit at its end, or nothing at all."""
    with begin_as(request.app.state.sessions, viewer, now) as session:
        yield session


async def _transactions(request: Request, viewer: SignedIn, now: Now) -> Transactions:
    return Transactions(acting_as(request.app.state.sessions, viewer, now))


async def _reading_sessions(request: Request, viewer: SignedIn) -> sessionmaker[Session]:
    return acting_as(request.app.state.reading_sessions, viewer)  # of a stream, too: no hour holds for long


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _calendar(request: Request) -> Calendar:
    calendar: Calendar = request.app.state.calendar
    return calendar


async def _geocoder(request: Request) -> Geocoder:
    geocoder: Geocoder = request.app.state.geocoder
    return geocoder


async def tidy_slots_first(request: Request, now: Now) -> None:
    """Let whoever reads slots see those free whose hold is over, and none whose time has come."""
    await request.app.state.tidy_slots(now)


async def file_looks_first(request: Request, now: Now) -> None:
    """Let whoever reads the record find every look under each patient whom it showed."""
    await request.app.state.file_looks(now)


# scope="function" ends the transaction before the answer is sent: a failed commit must not be answered 200.
DbSession = Annotated[Session, Depends(_write, scope="function")]
Transact = Annotated[Transactions, Depends(_transactions)]
ReadSession = Annotated[Session, Depends(_read, scope="function")]
ReadingSessions = Annotated[sessionmaker[Session], Depends(_reading_sessions)]
Cal = Annotated[Calendar, Depends(_calendar)]
Places = Annotated[Geocoder, Depends(_geocoder)]
SettingsDep = Annotated[Settings, Depends(_settings)]
