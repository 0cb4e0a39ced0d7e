"""Write the record of looks: one transaction for all who wait.

A look must be on disk before its answer leaves, and a commit of its own for each would cost more than the
look. So a thread takes whatever has come together since its last commit, writes it at once, and then lets all
those answers go. Who commands writes the record in the command's own transaction (`careapp.records.audit`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from threading import Thread
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, UOWTransaction, sessionmaker

from careapp.db import tell_everything
from careapp.errors import Unavailable
from careapp.records.chain import COLUMNS, Chain
from careapp.records.models import AuditEvent

LOG = logging.getLogger(__name__)

MOST_AT_ONCE = 500
"""Looks of one transaction: who comes first must not wait for all."""

WAIT_S = 0.004
"""How long a look waits for others, while others are under way: a commit costs as much for one as for all."""

ROWS_OF_STATEMENT = 500
"""Both databases take so many values at once."""

Row = Mapping[str, Any]
"""The columns of a row of `AuditEvent` but its mark; all of them."""

_TABLE: Any = AuditEvent.__table__


class RecordUnwritable(Unavailable):
    """A look could not be recorded, so what it asked for is not shown."""


@dataclass(frozen=True)
class _Look:
    rows: Sequence[Row]
    loop: asyncio.AbstractEventLoop
    written: "asyncio.Future[None]"


class AuditWriter:
    """Takes rows from coroutines, and writes them in a thread of its own."""

    def __init__(self, sessions: sessionmaker[Session], chain: Chain) -> None:
        """Use `running`.

        Args:
            sessions: Factory of writing sessions that see every tenant.
            chain: Marks the rows.
        """
        self._engine: Engine = sessions.kw["bind"]
        self._chain = chain
        self._queue: SimpleQueue[list[_Look] | None] = SimpleQueue()
        self._together: list[_Look] = []
        self.under_way = 0
        self._thread = Thread(target=self._run, name="audit-writer", daemon=True)

    async def write(self, rows: Sequence[Row]) -> None:
        """Return when the rows are on disk.

        Raises:
            RecordUnwritable: They are not; nothing may be shown.
        """
        loop = asyncio.get_running_loop()
        look = _Look(rows, loop, loop.create_future())
        self._together.append(look)
        if 2 * len(self._together) >= self.under_way:
            self._hand_over()
        elif len(self._together) == 1:
            loop.call_later(WAIT_S, self._hand_over)
        await look.written

    @contextmanager
    def expecting(self) -> Iterator[Callable[[], None]]:
        """Expect somebody to write soon: who waits to be written may wait a moment for the others.

        Yields:
            Says that nothing is to be expected any more.
        """
        is_expected = True

        def say_over() -> None:
            nonlocal is_expected
            self.under_way -= is_expected
            is_expected = False

        self.under_way += 1
        try:
            yield say_over
        finally:
            say_over()

    def _hand_over(self) -> None:
        together, self._together = self._together, []
        if together:
            self._queue.put(together)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what has come, and end."""
        self._hand_over()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        # A connection of its own, and no session: these take longer than the insertion.
        with self._engine.connect() as connection:
            is_over = False
            while not is_over:
                together = self._queue.get()
                looks = list(together or ())
                while together is not None and len(looks) < MOST_AT_ONCE and not self._queue.empty():
                    together = self._queue.get()
                    looks += together or ()
                is_over = together is None
                self._write(connection, looks)

    def _write(self, connection: Connection, looks: Sequence[_Look]) -> None:
        if not looks:
            return
        error = self._try(connection, looks)
        if error is None or len(looks) == 1:
            _tell(looks, error)
            return
        for look in looks:  # one of them may have spoilt it for all
            _tell([look], self._try(connection, [look]))

    def _try(self, connection: Connection, looks: Sequence[_Look]) -> RecordUnwritable | None:
        try:
            rows = [{**row, "mark": self._chain.mark(row)} for look in looks for row in look.rows]
            try:
                _write_rows(connection, rows)
            except DBAPIError as lost:
                if not lost.connection_invalidated:
                    raise
                _write_rows(connection, rows)  # the server was away, e.g. since it was started anew
        except Exception as error:  # noqa: BLE001 -- whoever waits must hear of it, whatever it is
            LOG.error("a look could not be recorded: %s", type(error).__name__)  # noqa: TRY400 -- a traceback may quote a row
            return RecordUnwritable(
                "what was asked for cannot be recorded, so it is not shown: ask again later"
            )
        return None


def _write_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows in a transaction; a connection that was lost is opened anew."""
    with connection.begin():
        tell_everything(connection)
        _insert(connection, rows)


def _insert(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert all rows with one statement.

    A driver gives Python's lock away at each statement, and for each row of `executemany`; under load every
    time costs a wait for whoever computes.
    """
    writers = _writers(connection.dialect)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    one = f"({', '.join([mark] * len(writers))})"
    for start in range(0, len(rows), ROWS_OF_STATEMENT):
        some = rows[start : start + ROWS_OF_STATEMENT]
        values = tuple(write(row.get(name)) for row in some for name, write in writers)
        head = f"INSERT INTO {_TABLE.name} ({', '.join(name for name, _ in writers)}) VALUES "  # noqa: S608 -- ours
        connection.exec_driver_sql(head + ", ".join([one] * len(some)), values)


@cache
def _writers(dialect: Dialect) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return what turns each column's values into what the driver takes."""
    found = []
    for column in _TABLE.columns:
        write = column.type.dialect_impl(dialect).bind_processor(dialect)
        found.append((column.name, write or _as_it_is))
    return tuple(found)


def _as_it_is(value: Any) -> Any:
    return value


@contextmanager
def running(sessions: sessionmaker[Session], chain: Chain) -> Iterator[AuditWriter]:
    """Write looks until the block ends."""
    writer = AuditWriter(sessions, chain)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def mark_deeds(sessions: sessionmaker[Session], chain: Chain) -> None:
    """Mark what commands record through these sessions."""

    def before_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
        for row in session.new:
            if isinstance(row, AuditEvent):
                row.outcome = row.outcome or "0"
                row.mark = chain.mark({name: getattr(row, name) for name in COLUMNS})

    event.listen(sessions, "before_flush", before_flush)


def _tell(looks: Sequence[_Look], error: RecordUnwritable | None) -> None:
    """Let the answers go, with one call for each event loop: each costs a system call."""
    for loop in {look.loop for look in looks}:
        ours = [look.written for look in looks if look.loop is loop]
        try:
            loop.call_soon_threadsafe(_release, ours, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            LOG.warning("answers whose looks were recorded did not leave: the server has stopped")


def _release(waiting: Sequence["asyncio.Future[None]"], error: RecordUnwritable | None) -> None:
    for written in waiting:
        if written.done():  # whoever asked has gone
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)
