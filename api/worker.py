"""What a job's child process runs: `python -m api.worker JOB_ID TOKEN`.

The supervisor has claimed the job and gives its id and fencing token. The child does the work, says that it
lives and how far it is, and writes how it ended. Exit code 0: done or cancelled; 1: failed, or the job is no
longer ours; on SIGTERM 143 with the row untouched, because whoever stopped us settles it.
"""

import logging
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from api.database import chain_of, open_sessions, opened
from api.errors import frames_of
from api.server import set_up_logging
from careapp import clock, migrate, planning
from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.db_errors import explain_database_error
from careapp.errors import CareError
from careapp.jobs import queue
from careapp.jobs.kinds import EXPORT, PLAN_DAY
from careapp.jobs.models import Job
from careapp.tenancy import acting_as
from fhir.operations.export import ExportStopped, Order, write_export

LOG = logging.getLogger("careapp.worker")

TELL_EVERY_S = 0.5
STOPPED = 128 + signal.SIGTERM
WORKER = Viewer("worker", ViewerRole.SYSTEM)


class UnknownKind(CareError):
    """Nobody here knows how to do this kind of job."""


@dataclass
class Lifeline:
    """Tells the database that we live and how far we are, from a thread, and hears whether to go on.

    Attributes:
        progress: The newest one; written at most every `TELL_EVERY_S`.
        is_asked_to_stop: Set once somebody cancelled the job, or it is another worker's.
        is_terminated: Set by SIGTERM.
    """

    sessions: sessionmaker[Session]
    job_id: UUID
    token: int
    lease: timedelta
    progress: dict[str, Any] = field(default_factory=dict)
    is_asked_to_stop: Event = field(default_factory=Event)
    is_terminated: Event = field(default_factory=Event)

    def is_cancelled(self) -> bool:
        """Tell whether to stop working."""
        return self.is_asked_to_stop.is_set() or self.is_terminated.is_set()

    def tell(self, progress: planning.Progress) -> None:
        """Note how far the work is."""
        self.progress = asdict(progress)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep telling until the block ends; whether to begin at all is known when it begins."""
        self._tell_database(None)
        ends = Event()
        thread = Thread(target=self._work, args=(ends,), name="lifeline", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()

    def _work(self, ends: Event) -> None:
        told: dict[str, Any] = {}
        while not ends.wait(TELL_EVERY_S):
            progress = self.progress
            try:
                self._tell_database(None if progress == told else progress)
            except SQLAlchemyError as error:  # it may come back before the lease runs out
                LOG.warning("job %s: cannot tell the database: %s", self.job_id, type(error).__name__)
            else:
                told = progress

    def _tell_database(self, progress: dict[str, Any] | None) -> None:
        goes_on = queue.renew(
            self.sessions,
            job_id=self.job_id,
            token=self.token,
            progress=progress,
            now=clock.now(),
            lease=self.lease,
        )
        if not goes_on:
            self.is_asked_to_stop.set()


class Work(Protocol):
    """Does one kind of job and returns its result."""

    def __call__(
        self,
        sessions: sessionmaker[Session],
        arguments: Mapping[str, Any],
        *,
        settings: Settings,
        viewer: Viewer,
        lifeline: Lifeline,
    ) -> dict[str, Any]:
        """Do the work; what is committed through `sessions` is refused once the job is another worker's."""
        ...


def _plan_day(
    sessions: sessionmaker[Session],
    arguments: Mapping[str, Any],
    *,
    settings: Settings,
    viewer: Viewer,
    lifeline: Lifeline,
) -> dict[str, Any]:
    return planning.plan_day(
        sessions,
        date=date.fromisoformat(arguments["date"]),
        seed=arguments["seed"],
        limit_s=arguments["limit_s"],
        settings=settings,
        viewer=viewer,
        now=clock.now,
        on_progress=lifeline.tell,
        is_cancelled=lifeline.is_cancelled,
    )


def _export(
    sessions: sessionmaker[Session],
    arguments: Mapping[str, Any],
    *,
    settings: Settings,
    viewer: Viewer,
    lifeline: Lifeline,
) -> dict[str, Any]:
    # A folder of its own for each attempt: a worker that was thought dead spoils nobody's files.
    name = f"{lifeline.job_id}.{lifeline.token}"

    def tell(progress: dict[str, Any]) -> None:
        lifeline.progress = progress

    written = write_export(
        sessions,
        settings.exports_dir / name,
        Order.from_arguments(arguments),
        viewer=viewer,
        now=clock.now,
        tell=tell,
        is_cancelled=lifeline.is_cancelled,
    )
    return {"folder": name, **written}


KINDS: Mapping[str, Work] = {PLAN_DAY: _plan_day, EXPORT: _export}
"""Who does which kind of job. To add one: write its function, then list it here."""


def run(
    sessions: sessionmaker[Session],
    *,
    job_id: UUID,
    token: int,
    settings: Settings,
    on_start: Callable[[Lifeline], None],
) -> int:
    """Do a claimed job and write how it ended.

    Args:
        sessions: Factory of writing sessions.
        job_id: The job.
        token: As given by its claim.
        settings: See `careapp.config`.
        on_start: Given the lifeline before the work begins.

    Returns:
        The exit code.
    """
    lifeline = Lifeline(sessions, job_id, token, timedelta(seconds=settings.lease_s))
    on_start(lifeline)
    with sessions.begin() as session:
        job = queue.get_job(session, job_id=job_id, viewer=WORKER)
    try:
        with lifeline.held():
            result = _do(queue.fenced(sessions, job_id=job_id, token=token), job, settings, lifeline)
        is_ours = _settle(sessions, queue.finish, job_id=job_id, token=token, result=result)
    except queue.JobLost as lost:
        LOG.warning("%s", lost)
        return 1
    except (planning.PlanningCancelled, ExportStopped):
        if lifeline.is_terminated.is_set():
            return STOPPED
        is_ours = _settle(sessions, queue.stop, job_id=job_id, token=token)
    except Exception as error:  # noqa: BLE001 -- whatever it is, whoever asked must hear of it
        _settle(sessions, queue.fail, job_id=job_id, token=token, error=_sentence(error))
        return 1
    return 0 if is_ours else 1


def _settle(sessions: sessionmaker[Session], end: Callable[..., None], **given: Any) -> bool:
    """Write how the job ended; False if it is another worker's by now."""
    with suppress(queue.JobLost), sessions.begin() as session:
        end(session, now=clock.now(), **given)
        return True
    return False


def _do(sessions: sessionmaker[Session], job: Job, settings: Settings, lifeline: Lifeline) -> dict[str, Any]:
    work = KINDS.get(job.kind)
    if work is None:
        raise UnknownKind(
            f"this version does not know jobs of the kind {job.kind}: install the one that does"
        )
    viewer = Viewer(job.asked_by, ViewerRole.SYSTEM, job.organisation_id)
    return work(
        acting_as(sessions, viewer), job.arguments, settings=settings, viewer=viewer, lifeline=lifeline
    )


def _sentence(error: Exception) -> str:
    explained = error if isinstance(error, CareError) else explain_database_error(error)
    # Else not in the error's own words, which may hold values of a row.
    where = "; ".join(frames_of(error)[-2:])
    return str(explained or f"something went wrong on our side: {type(error).__name__} at {where}")


def main(arguments: list[str]) -> int:
    """Open the database that the settings name and do the job; return the exit code."""
    parser = ArgumentParser(prog="python -m api.worker")
    parser.add_argument("job_id", type=UUID)
    parser.add_argument("token", type=int)
    parser.add_argument("--data-dir", type=Path)
    given = parser.parse_args(arguments)
    settings = Settings.read(data_dir=given.data_dir)
    set_up_logging(settings.log_level)
    with opened(settings) as engine:
        migrate.require_current(engine)
        return run(
            open_sessions(engine, chain_of(settings)),
            job_id=given.job_id,
            token=given.token,
            settings=settings,
            on_start=_stop_at_sigterm,
        )


def _stop_at_sigterm(lifeline: Lifeline) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        lifeline.is_terminated.set()

    signal.signal(signal.SIGTERM, stop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
