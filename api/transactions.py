"""One transaction for a request, done again where another one was in its way."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

ATTEMPTS = 4
LONGEST_PAUSE_S = 0.1
IN_EACH_OTHERS_WAY = frozenset({"40001", "40P01"})
"""PostgreSQL's serialization_failure and deadlock_detected: the same again may well succeed."""

Result = TypeVar("Result")


class Transactions:
    """Does work in a writing transaction of its own.

    Two requests that change the same resources by different ways may wait for each other. The database then
    ends one of them, which has left nothing; it is simply done again.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions

    def __call__(self, work: Callable[[Session], Result]) -> Result:
        """Do the work and commit; roll back if it raises.

        Args:
            work: Does nothing but read and write through the session, so that it may be done again.

        Raises:
            DBAPIError: Others were in the way each time.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._once(work)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in IN_EACH_OTHERS_WAY:
                    raise
            time.sleep(random.uniform(0, LONGEST_PAUSE_S))  # noqa: S311 -- no secret
        return self._once(work)

    def _once(self, work: Callable[[Session], Result]) -> Result:
        with self.sessions.begin() as session:
            return work(session)
