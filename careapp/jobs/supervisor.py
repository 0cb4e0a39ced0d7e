"""Do queued jobs, each in a child process: spawn it, watch it, stop it, tell what became of it.

The death of a child hurts nobody else. The child renews its own lease while it reports progress; the
supervisor only looks. Between two looks no database connection is held.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import SCHEDULER
from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.db_errors import explain_database_error
from careapp.jobs import queue
from careapp.jobs.child import Child
from careapp.jobs.models import ENDED, Job

logger = logging.getLogger(__name__)

LOOK_S = 0.5
"""Seconds between two looks at the queue, or at a child and its row."""
GRACE_S = 5.0
"""How long a child that was asked to stop may take to do so by itself."""


class Supervisor:
    """Does queued jobs one after another.

    Args:
        sessions: Factory of writing sessions.
        command: Program and arguments of the child for a job and its token. The child claims nothing: it
            calls `queue.renew` while it works and ends with `queue.finish`, `fail` or `stop`.
        settings: How long a child may be silent.
        now: Tells this moment.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        command: Callable[[UUID, int], list[str]],
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._reading = make_reading_sessions(sessions.kw["bind"])
        self._command = command
        self._lease = timedelta(seconds=settings.lease_s)
        self._now = now
        self._child: Child | None = None
        self._is_stopping = False
        self._wakes = threading.Event()
        self._thread = threading.Thread(target=self._work, name="job-supervisor", daemon=True)

    def start(self) -> None:
        """Begin to do queued jobs, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the child, give its job back to the queue and end the thread."""
        self._is_stopping = True
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """Look at the queue now: a job was submitted."""
        self._wakes.set()

    @property
    def is_alive(self) -> bool:
        """Whether queued jobs will be done."""
        return self._thread.is_alive()

    def run_until_ended(
        self, job_id: UUID, on_progress: Callable[[dict[str, Any]], None] | None = None
    ) -> Job:
        """Do one job in the foreground, or watch it if another process does it; instead of `start`.

        An interrupt (Ctrl-C) stops the child, cancels the job and goes on to the caller.

        Args:
            job_id: A submitted job.
            on_progress: Told the progress each time it has changed.

        Returns:
            The ended job: look at its `state`, `result` and `error`.

        Raises:
            JobNotFound: No job has this id.
        """
        told: dict[str, Any] = {}
        try:
            while True:
                job = self._read(job_id)
                if on_progress is not None and job.progress not in ({}, told):
                    told = job.progress
                    on_progress(told)
                if job.state in ENDED and self._child is None:
                    return job
                self._look(only=job_id)
                self._wakes.wait(LOOK_S)
        finally:
            self._part(queue.stop)

    def _work(self) -> None:
        while not self._is_stopping:
            try:
                self._look()
            except (SQLAlchemyError, OSError) as error:
                # The database may come back, or memory for a child; the rows still say what to do.
                logger.warning("jobs wait: %s", explain_database_error(error) or type(error).__name__)
            self._wakes.wait(LOOK_S)
            self._wakes.clear()
        self._part(queue.requeue)

    def _look(self, only: UUID | None = None) -> None:
        if self._child is None:
            self._child = self._spawn_next(only)
        elif self._child.has_ended:
            self._bury(self._child)
        else:
            self._watch(self._child)

    def _spawn_next(self, only: UUID | None) -> Child | None:
        with self._reading() as session:
            if not queue.is_due(session, now=self._now()):
                return None
        with self._sessions.begin() as session:
            job = queue.claim_next(session, now=self._now(), lease=self._lease, only=only)
        if job is None:
            return None
        logger.info("job %s (%s): attempt %d begins", job.id, job.kind, job.attempts)
        return Child(self._command(job.id, job.token), job_id=job.id, token=job.token)

    def _watch(self, child: Child) -> None:
        job = self._read(child.job_id)
        if job.state in ENDED or job.token != child.token or job.is_cancel_asked:
            child.stop_after(GRACE_S)
        elif job.lease_until is not None and job.lease_until <= self._now():
            logger.warning("job %s: its worker is silent", child.job_id)
            child.kill()

    def _bury(self, child: Child) -> None:
        # A child that ended well has said so in its row; then this is refused.
        with suppress(queue.JobLost), self._sessions.begin() as session:
            story = child.story()
            now = self._now()
            queue.fail(session, job_id=child.job_id, token=child.token, error=story, now=now, retry=True)
            logger.warning("job %s: %s", child.job_id, story)
        logger.info("job %s: %s", child.job_id, self._read(child.job_id).state.value)
        self._forget(child)

    def _part(self, settle: Callable[..., None]) -> None:
        """Stop the child, if there is one, and settle its row."""
        child = self._child
        if child is None:
            return
        child.kill()
        with suppress(queue.JobLost), self._sessions.begin() as session:
            settle(session, job_id=child.job_id, token=child.token, now=self._now())
        self._forget(child)

    def _forget(self, child: Child) -> None:
        child.close()
        self._child = None

    def _read(self, job_id: UUID) -> Job:
        with self._reading() as session:
            return queue.get_job(session, job_id=job_id, viewer=SCHEDULER)
