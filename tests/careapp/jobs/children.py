"""Programs that stand in for the worker: `python children.py DATABASE KIND JOB TOKEN`.

Each behaves in one way that a real worker may behave in, through the same functions of the queue.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from careapp import clock, models
from careapp.db import make_sessions
from careapp.jobs import queue

sys.path.insert(0, str(Path(__file__).parents[3]))  # run as a program, it does not know where tests lie

from tests.keys import open_engine

LEASE = timedelta(seconds=60)
assert models.METADATA  # a table names others: all must be known


def _say(sessions: sessionmaker[Session], job_id: UUID, token: int, fraction: float) -> bool:
    return queue.renew(
        sessions,
        job_id=job_id,
        token=token,
        progress={"fraction": fraction, "pid": os.getpid()},
        now=clock.now(),
        lease=LEASE,
    )


def works(sessions: sessionmaker[Session], job_id: UUID, token: int) -> None:
    """Half done, then done."""
    _say(sessions, job_id, token, 0.5)
    time.sleep(0.3)
    with sessions.begin() as session:
        queue.finish(session, job_id=job_id, token=token, result={"attempt": token}, now=clock.now())


def dies_once(sessions: sessionmaker[Session], job_id: UUID, token: int) -> None:
    """Killed at the first attempt, done at the second."""
    if token == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    works(sessions, job_id, token)


def raises(sessions: sessionmaker[Session], job_id: UUID, token: int) -> None:
    """A bug whose message quotes a patient."""
    raise KeyError("Erika Mustermann")


def says_nothing(sessions: sessionmaker[Session], job_id: UUID, token: int) -> None:
    """Ends well without a result."""


def heeds(sessions: sessionmaker[Session], job_id: UUID, token: int) -> None:
    """Stops by itself when asked."""
    while _say(sessions, job_id, token, 0.5):
        time.sleep(0.1)
    with sessions.begin() as session:
        queue.stop(session, job_id=job_id, token=token, now=clock.now())


def hangs(sessions: sessionmaker[Session], job_id: UUID, token: int) -> None:
    """Hears neither the question nor SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _say(sessions, job_id, token, 0.5)
    time.sleep(600)


KINDS: dict[str, Callable[[sessionmaker[Session], UUID, int], Any]] = {
    work.__name__: work for work in (works, dies_once, raises, says_nothing, heeds, hangs)
}

if __name__ == "__main__":
    address, kind, job, fence = sys.argv[1:]
    opened = open_engine(address)
    KINDS[kind](make_sessions(opened), UUID(job), int(fence))
    opened.dispose()
