"""How FHIR is read: in one of a few threads, in one transaction, and answered as a whole.

FastAPI would send a route's plain function, and each plain dependency, through one of forty threads. Under
load these wait for Python's lock most of the time and wake each other to do so: a search took two to four
times as much of the processor as it needs. So a reading route is a coroutine, and all that takes time is done
in one stretch by one of `THREADS` threads of its own. Writers, who wait for each other's turn in FastAPI's
threads, cannot take these away.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.consultations.holds import first_stale, tidy_slots
from careapp.records.chain import Chain
from careapp.records.filing import has_unfiled
from careapp.records.sealing import seal
from careapp.tenancy import begin_as

THREADS = 2
LOOK_AGAIN = timedelta(seconds=1)

Found = TypeVar("Found")


async def with_reading(
    request: Request,
    viewer: Viewer,
    work: Callable[[Session], Found],
    show: Callable[[Found], Response],
) -> Response:
    """Read in a transaction of its own and make the answer, all in one thread.

    Args:
        request: What was asked.
        viewer: For whom the transaction reads.
        work: Does nothing but read through the session.
        show: Makes the answer of what was found, after the transaction's end.
    """
    sessions: sessionmaker[Session] = request.app.state.reading_sessions
    return await to_thread.run_sync(_read, sessions, viewer, work, show, limiter=request.app.state.readers)


def _read(
    sessions: sessionmaker[Session],
    viewer: Viewer,
    work: Callable[[Session], Found],
    show: Callable[[Found], Response],
) -> Response:
    with begin_as(sessions, viewer, viewer.asked_at) as session:
        found = work(session)
    return show(found)


def make_readers() -> CapacityLimiter:
    """Return what lets only so many read at once."""
    return CapacityLimiter(THREADS)


class TidySlots:
    """Lets whoever reads slots see those free whose hold is over, and none whose time has come.

    A tick tidies too, but only every few seconds. When the next slot is due is asked of the database and kept
    for `LOOK_AGAIN`, since others may change slots meanwhile. So a slot that is due earlier than was known
    then, e.g. one that another process gave back shortly before its time, is shown for as long at most.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        reading_sessions: sessionmaker[Session],
        readers: CapacityLimiter,
    ) -> None:
        self._sessions = sessions
        self._reading_sessions = reading_sessions
        self._readers = readers
        self._turn = asyncio.Lock()
        self._is_tidy: tuple[datetime, datetime] | None = None
        """From the first moment on, until right before the second."""

    async def __call__(self, now: datetime) -> None:
        """Tidy if anything is due."""
        if self._is_due(now):
            async with self._turn:  # one tidies, whoever comes meanwhile waits for it
                if self._is_due(now):
                    await self._tidy(now)

    def _is_due(self, now: datetime) -> bool:
        # Whoever waited has an earlier moment than the one who looked.
        return self._is_tidy is None or not self._is_tidy[0] - LOOK_AGAIN <= now < self._is_tidy[1]

    async def _tidy(self, now: datetime) -> None:
        due_at = await to_thread.run_sync(self._look, limiter=self._readers)
        if due_at is not None and due_at <= now:
            await run_in_threadpool(self._write, now)  # among writers: it waits for its turn
            due_at = await to_thread.run_sync(self._look, limiter=self._readers)
        look_again = now + LOOK_AGAIN
        self._is_tidy = (now, look_again if due_at is None else min(due_at, look_again))

    def _look(self) -> datetime | None:
        with self._reading_sessions.begin() as session:
            return first_stale(session)

    def _write(self, now: datetime) -> None:
        with self._sessions.begin() as session:
            tidy_slots(session, now=now)


class FileLooks:
    """Lets whoever reads the record find looks at several patients under each of them.

    The tick that seals the record files them too, but only every few seconds.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        reading_sessions: sessionmaker[Session],
        readers: CapacityLimiter,
        chain: Chain,
    ) -> None:
        self._sessions = sessions
        self._reading_sessions = reading_sessions
        self._readers = readers
        self._chain = chain

    async def __call__(self, now: datetime) -> None:
        """File what waits."""
        if await to_thread.run_sync(self._look, limiter=self._readers):
            await run_in_threadpool(self._write, now)

    def _look(self) -> bool:
        with self._reading_sessions.begin() as session:
            return has_unfiled(session)

    def _write(self, now: datetime) -> None:
        sealed = 1
        while sealed:
            with self._sessions.begin() as session:
                sealed = seal(session, self._chain, now=now, waits=True) if has_unfiled(session) else 0
