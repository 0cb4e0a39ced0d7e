"""A thread that delivers events as they come."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol
from uuid import UUID

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from careapp.db_errors import explain_database_error

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""Seconds between two looks at what is due."""
MOST_WAIT_S = 30.0
"""After a failure of the database each look comes twice as late as the one before, at most so late."""
MOST_RECEIVERS = 4
"""Receivers that are waited for at the same time: a slow one does not keep the others waiting."""


class Rounds(Protocol):
    """What a postman looks at: a `Post` of subscriptions, a `NoticePost` of messages to patients."""

    def open_client(self) -> httpx2.Client:
        """Open what reaches the receivers."""
        ...

    def spread(self) -> int:
        """Turn what waits in the outbox into what is due, all of it; return how much there was."""
        ...

    def due(self) -> list[UUID]:
        """Return what is to leave now."""
        ...

    def deliver(self, client: httpx2.Client, key: UUID, /) -> bool:
        """Send one of these; tell whether it was taken."""
        ...


class Postman:
    """Looks every second at what is due, and delivers it. Any number of processes may have one.

    Args:
        post: What to look at.
    """

    def __init__(self, post: Rounds) -> None:
        self._post = post
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, name="postman", daemon=True)
        self._busy: dict[UUID, Future[bool]] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is being sent goes on to its timeout, and is sent again if nobody learns how it ended."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether events will be delivered."""
        return self._thread.is_alive()

    def _work(self) -> None:
        wait_s, told = LOOK_S, ""
        with self._post.open_client() as client:
            pool = ThreadPoolExecutor(MOST_RECEIVERS, thread_name_prefix="postman")
            try:
                while not self._ends.is_set():
                    try:
                        self._look(pool, client)
                        wait_s, told = LOOK_S, ""
                    except SQLAlchemyError as error:
                        why = str(explain_database_error(error) or type(error).__name__)
                        if why != told:
                            logger.warning("notifications wait: %s", why)
                        wait_s, told = min(2 * wait_s, MOST_WAIT_S), why
                    self._ends.wait(wait_s)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _look(self, pool: ThreadPoolExecutor, client: httpx2.Client) -> None:
        for key in [key for key, future in self._busy.items() if future.done()]:
            error = self._busy.pop(key).exception()
            if isinstance(error, SQLAlchemyError):
                raise error
            if error is not None:  # its lease runs out, then it is tried again
                logger.error("a notification failed: %s", type(error).__name__)
        self._post.spread()
        for key in self._post.due():
            if key not in self._busy:
                self._busy[key] = pool.submit(self._post.deliver, client, key)
