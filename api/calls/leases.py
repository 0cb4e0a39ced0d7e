"""In which process a call has its room: pages of one call meet only where all of them are.

On PostgreSQL several processes may serve one database. The first to whose room somebody comes takes an
advisory lock on the call, which ends with the process; the others send pages away with a code after which
they try again. SQLite is served by one process.
"""

from threading import Lock
from uuid import UUID

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError


class Leases:
    """The calls that this process holds.

    Args:
        engine: The database; one connection is kept while there is a call.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: dict[UUID, int] = {}
        self._lock = Lock()
        self._connection: Connection | None = None

    def hold(self, call_id: UUID) -> bool:
        """Hold a call for one more page; False if another process has it. Each hold wants its release."""
        if self._engine.dialect.name != "postgresql":
            return True
        with self._lock:
            if call_id not in self._counts and not self._ask("pg_try_advisory_lock", call_id):
                return False
            self._counts[call_id] = self._counts.get(call_id, 0) + 1
            return True

    def release(self, call_id: UUID) -> None:
        """Let go of a call for one page; after the last one any process may take it."""
        with self._lock:
            left = self._counts.get(call_id, 0) - 1
            if left > 0:
                self._counts[call_id] = left
            elif left == 0:
                del self._counts[call_id]
                self._ask("pg_advisory_unlock", call_id)
                if not self._counts:
                    self._close()

    def _ask(self, function: str, call_id: UUID) -> bool:
        key = int.from_bytes(call_id.bytes[:8], signed=True)
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            return bool(self._connection.scalar(text(f"SELECT {function}(:key)"), {"key": key}))
        except SQLAlchemyError:
            # The connection is lost, and all its locks with it.
            self._close(is_broken=True)
            raise

    def _close(self, *, is_broken: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if is_broken:
                connection.invalidate()
            connection.close()
