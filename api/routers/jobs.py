"""Long work: look at it, follow it, cancel it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from hashlib import sha256
from threading import Event
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool

from api.auth.policy import OVERSEEING, PLANNING, may
from api.dependencies import DbSession, Now, ReadingSessions, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import Example, Out, shown_as
from careapp.access import Viewer
from careapp.jobs import queue
from careapp.jobs.models import ENDED, JobState

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

LOOK_EVERY_S = 0.5

JOB_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1e01",
    "kind": "plan-day",
    "state": "running",
    "arguments": {"date": "2026-03-03", "seed": 0, "limit_s": 20.0},
    "progress": {"step": "searching", "seconds": 3.5, "cost": 91240},
    "result": None,
    "error": None,
    "attempts": 1,
    "is_cancel_asked": False,
    "created_at": "2026-03-02T17:00:00Z",
    "ended_at": None,
}


class JobOut(Out):
    """A job as it stands; `result` once it is done, `error` if it failed."""

    model_config = shown_as(JOB_EXAMPLE)

    id: UUID
    kind: str
    state: JobState
    arguments: dict[str, Any]
    progress: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    attempts: int
    is_cancel_asked: bool
    created_at: datetime
    ended_at: datetime | None


@router.get("/{job_id}", responses=problems(404), dependencies=[may(*OVERSEEING)])
def get_job(job_id: UUID, session: ReadSession, viewer: SignedIn) -> JobOut:
    """Show a job."""
    return JobOut.model_validate(queue.get_job(session, job_id=job_id, viewer=viewer))


@router.post(
    "/{job_id}/cancellation",
    status_code=202,
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def cancel_job(job_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> JobOut:
    """Ask a job to stop; it ends as `cancelled` within seconds, and leaves everything as it was."""
    return JobOut.model_validate(queue.ask_to_cancel(session, job_id=job_id, viewer=viewer, now=now))


def _look(sessions: sessionmaker[Session], job_id: UUID, viewer: Viewer) -> JobOut:
    with sessions.begin() as session:
        return JobOut.model_validate(queue.get_job(session, job_id=job_id, viewer=viewer))


def _event_id(job: JobOut) -> str:
    """Name a job's state of things: the same state, the same id, on every server."""
    return sha256(job.model_dump_json().encode()).hexdigest()[:16]


def _first_look(
    job_id: UUID,
    response: Response,
    sessions: ReadingSessions,
    viewer: SignedIn,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> JobOut:
    job = _look(sessions, job_id, viewer)
    if job.state in ENDED and last_event_id == _event_id(job):
        response.status_code = 204  # tells an EventSource not to connect again
    return job


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=problems(404) | {204: {"description": "The job has ended and the client knows its end"}},
    dependencies=[may(*OVERSEEING)],
)
async def follow_job(
    request: Request,
    job: Annotated[JobOut, Depends(_first_look)],
    sessions: ReadingSessions,
    viewer: SignedIn,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job as server-sent events: `progress` at each change, one `end`, then the stream closes.

    Each event holds the whole job as `GET /api/jobs/{job_id}` does, so one that was missed costs nothing:
    whoever comes back with `Last-Event-ID` gets the job as it stands now, unless it is as it was.
    """
    stopping: Event = request.app.state.stopping
    known = last_event_id
    while True:
        name = _event_id(job)
        if name != known:
            known = name
            yield ServerSentEvent(id=name, event="end" if job.state in ENDED else "progress", data=job)
        if job.state in ENDED or stopping.is_set():
            return
        await asyncio.sleep(LOOK_EVERY_S)
        job = await run_in_threadpool(_look, sessions, job.id, viewer)
