"""Let several actors work on one database at once, in a given order, statement by statement.

Each actor has its own thread and connection. It stops before each statement and each commit, and goes on when
the conductor says so. Whoever waits for a row that another one has locked is no longer asked until that lock
is gone; the database itself tells (`pg_blocking_pids`), so the same order gives the same run. SQLite lets one
write at a time: there an actor stops before each transaction, and nobody begins while another is within one.

Nothing hangs: the database ends a wait after `LONGEST_WAIT_S`, and the conductor a run after `LONGEST_RUN_S`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from careapp.db import make_sessions
from careapp.errors import CareError
from tests.keys import open_engine

LONGEST_WAIT_S = 5
LONGEST_RUN_S = 30
LOOK_S = 0.002

Program = Callable[["Actor"], None]
Burst = tuple[int, int]
"""Which actor goes on, and for how many stops."""


class Stuck(Exception):
    """A run does not end: the actors wait for each other, or one of them for ever."""


class Stopped(BaseException):
    """The run is over: nobody waits for this actor any more."""


class Seat:
    """A place for an actor: a thread's connection, used by one run after the other."""

    def __init__(self, address: str) -> None:
        self.engine = open_engine(address)
        self.is_server = self.engine.dialect.name == "postgresql"
        self.actor: Actor | None = None
        self.pid = 0
        if self.is_server:
            with self.engine.connect() as connection:  # the pool keeps it
                self.pid = connection.scalar(text("SELECT pg_backend_pid()")) or 0
            event.listen(self.engine, "before_cursor_execute", self._before_statement)
            event.listen(self.engine, "begin", self._limit_waits)
            event.listen(self.engine, "commit", self._before_end)
        else:
            event.listen(self.engine, "begin", self._before_begin, insert=True)
            event.listen(self.engine, "commit", self._end)
            event.listen(self.engine, "rollback", self._end)

    def close(self) -> None:
        self.engine.dispose()

    def _limit_waits(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.execute(f"SET LOCAL lock_timeout = '{LONGEST_WAIT_S}s'")

    def _before_statement(self, *_: Any) -> None:
        if self.actor is not None:
            self.actor.stop()

    def _before_end(self, _connection: Connection) -> None:
        if self.actor is not None:
            self.actor.stop()

    def _before_begin(self, _connection: Connection) -> None:
        if self.actor is not None:
            self.actor.stop(begins=True)
            self.actor.is_within = True

    def _end(self, _connection: Connection) -> None:
        if self.actor is not None:
            self.actor.is_within = False


@dataclass(eq=False)
class Actor:
    """Somebody who does something, in one transaction or several.

    Attributes:
        name: For messages.
        sessions: Opens his transactions.
        refusals: Why some of what he wanted was refused; that is no fault.
        fault: What ended him and should not have.
        is_waiting: Stopped, until the conductor lets him go on.
        begins: Is about to begin a transaction.
        is_within: Is within a transaction, of a database with one writer.
    """

    name: str
    program: Program
    seat: Seat
    conductor: "Conductor"
    sessions: sessionmaker[Session]
    refusals: list[CareError] = field(default_factory=list)
    fault: BaseException | None = None
    is_waiting: bool = False
    begins: bool = False
    is_within: bool = False
    has_ended: bool = False
    may_go: bool = False

    @contextmanager
    def attempt(self, done: Callable[[], object] | None = None) -> Iterator[Session]:
        """Open a transaction; a refusal undoes it and is noted, else `done` is called after the commit."""
        try:
            with self.sessions.begin() as session:
                yield session
        except CareError as refusal:
            self.refusals.append(refusal)
        else:
            if done is not None:
                done()

    def run(self) -> None:
        try:
            self.stop()
            self.program(self)
        except Stopped:
            pass
        except BaseException as fault:  # noqa: BLE001 -- told to whoever conducts
            self.fault = fault
        finally:
            with self.conductor.changes:
                self.has_ended = True
                self.conductor.changes.notify_all()

    def stop(self, *, begins: bool = False) -> None:
        """Wait until the conductor lets this actor go on."""
        changes = self.conductor.changes
        with changes:
            self.is_waiting, self.begins, self.may_go = True, begins, False
            changes.notify_all()
            while not self.may_go:
                if self.conductor.is_over:
                    raise Stopped
                changes.wait()
            self.is_waiting = self.begins = False


class Conductor:
    """Runs actors in a given order."""

    def __init__(self, seats: Sequence[Seat], monitor: Engine) -> None:
        self.changes = threading.Condition()
        self.is_over = False
        self._seats = seats
        self._monitor = monitor
        self._deadline = time.monotonic() + LONGEST_RUN_S
        self.actors: list[Actor] = []

    def run(self, programs: Sequence[tuple[str, Program]], order: Sequence[Burst]) -> list[Actor]:
        """Let everybody do what they want, and return them when all have ended.

        Args:
            programs: Each with a name; at most as many as there are seats.
            order: Who goes on for how long; afterwards one after the other.

        Raises:
            Stuck: Some would never end.
        """
        self.actors = [
            Actor(name, program, seat, self, make_sessions(seat.engine))
            for (name, program), seat in zip(programs, self._seats, strict=False)
        ]
        threads = [threading.Thread(target=actor.run, daemon=True) for actor in self.actors]
        for actor in self.actors:
            actor.seat.actor = actor
        try:
            for thread in threads:
                thread.start()
            self._settle()
            for number, stops in order:
                for _ in range(stops):
                    if not self._let_go(number):
                        break
            while not all(actor.has_ended for actor in self.actors):
                first = next(
                    (number for number, actor in enumerate(self.actors) if self._can_go(actor)), None
                )
                if first is None:
                    self._wait_for_database()
                else:
                    self._let_go(first)
        finally:
            with self.changes:
                self.is_over = True
                self.changes.notify_all()
            for thread in threads:
                thread.join(LONGEST_RUN_S)
            for actor in self.actors:
                actor.seat.actor = None
        return self.actors

    def _can_go(self, actor: Actor) -> bool:
        if not actor.is_waiting or actor.has_ended:
            return False
        return not actor.begins or not any(other.is_within for other in self.actors)

    def _let_go(self, number: int) -> bool:
        """Let one actor go on to his next stop, or the next who can if he cannot; False if nobody can."""
        turned = [*self.actors[number % len(self.actors) :], *self.actors[: number % len(self.actors)]]
        actor = next((each for each in turned if self._can_go(each)), None)
        if actor is None:
            return False
        with self.changes:
            actor.may_go, actor.is_waiting = True, False
            self.changes.notify_all()
        self._settle()
        return True

    def _settle(self) -> None:
        """Wait until everybody has stopped, has ended, or waits for a row of somebody else."""
        while running := self._running():
            with self.changes:
                if self._running():
                    self.changes.wait(LOOK_S)
            if (running := self._running()) and self._are_blocked(running):
                return
            self._refuse_to_wait()

    def _wait_for_database(self) -> None:
        # Nobody can go on: they wait in a circle, and the database will end one of them.
        with self.changes:
            self.changes.wait(LOOK_S)
        self._refuse_to_wait()

    def _running(self) -> list[Actor]:
        return [actor for actor in self.actors if not actor.is_waiting and not actor.has_ended]

    def _are_blocked(self, running: Sequence[Actor]) -> bool:
        if not running[0].seat.is_server:
            return False
        with self._monitor.connect() as connection:
            blocked = connection.scalar(
                text("SELECT bool_and(cardinality(pg_blocking_pids(pid)) > 0) FROM unnest(:pids) AS pid"),
                {"pids": [actor.seat.pid for actor in running]},
            )
        return bool(blocked)

    def _refuse_to_wait(self) -> None:
        if time.monotonic() > self._deadline:
            states = ", ".join(
                f"{actor.name}: {'ended' if actor.has_ended else 'stopped' if actor.is_waiting else 'runs'}"
                for actor in self.actors
            )
            raise Stuck(f"nothing happens any more: {states}")


@contextmanager
def stage(engine: Engine, *, seats: int = 4) -> Iterator[Callable[[], Conductor]]:
    """Open connections for a number of actors; yields what makes the conductor of each run."""
    address = engine.url.render_as_string(hide_password=False)
    places = [Seat(address) for _ in range(seats)]
    try:
        yield lambda: Conductor(places, engine)
    finally:
        for place in places:
            place.close()
