"""Answers to requests that wished to be answered later (`Prefer: respond-async`)."""

import asyncio
from http import HTTPStatus
from uuid import UUID

from fastapi import Response
from sqlalchemy import Select, and_, delete, or_, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool

from api.auth.policy import READING, may
from api.dependencies import DbSession, ReadingSessions, SignedIn
from api.routers.marked import MarkedRouter
from careapp import clock
from careapp.access import Viewer, ViewerRole
from careapp.errors import CareError, NotFound
from careapp.jobs.models import LaterAnswer
from careapp.sealing.contents import open_content, place_of
from careapp.sealing.ring import ring_of

answers = MarkedRouter("/$async-status/", dependencies=[may(*READING)])

WAIT_S = 1.0
"""How long a look waits for the answer, so that a quick one needs one look."""
LOOK_S = 0.1
LOOK_AGAIN_S = 1


class AnswerNotFound(NotFound):
    """There is no such answer, or it was fetched long ago."""


class AnswerLost(CareError):
    """Whoever worked on the answer is gone."""


@answers.get(
    "/$async-status/{id}", responses={200: {"description": "The answer"}, 202: {"description": "Not yet"}}
)
async def get_answer(
    id: UUID,  # noqa: A002 -- FHIR's word
    sessions: ReadingSessions,
    viewer: SignedIn,
) -> Response:
    """Give the answer to a request that was sent with `Prefer: respond-async`; 202 until there is one."""
    waited_s = 0.0
    found = await run_in_threadpool(_look, sessions, id, viewer)
    while found.status is None and waited_s < WAIT_S:
        await asyncio.sleep(LOOK_S)
        waited_s += LOOK_S
        found = await run_in_threadpool(_look, sessions, id, viewer)
    if found.status is None:
        if found.lost_at <= clock.now():
            raise AnswerLost(
                "there will be no answer, since the server was stopped: look whether it was done before you "
                "ask again"
            )
        return Response(status_code=202, headers={"Retry-After": str(LOOK_AGAIN_S), "X-Progress": "working"})
    is_good = found.status < HTTPStatus.BAD_REQUEST
    return Response(found.content, HTTPStatus.OK if is_good else found.status, headers=found.headers)


@answers.delete("/$async-status/{id}", status_code=202)
def delete_answer(
    id: UUID,  # noqa: A002 -- FHIR's word
    session: DbSession,
    viewer: SignedIn,
) -> Response:
    """Forget an answer; what is being worked on is done all the same."""
    found = session.scalar(_visible(id, viewer))
    if found is None:
        raise _missing(id)
    session.execute(delete(LaterAnswer).where(LaterAnswer.id == id))
    return Response(status_code=202)


def _look(sessions: sessionmaker[Session], key: UUID, viewer: Viewer) -> LaterAnswer:
    with sessions.begin() as session:
        found = session.scalar(_visible(key, viewer))
        if found is None:
            raise _missing(key)
        session.expunge(found)
        if found.content is not None:
            place = place_of("later", "answer", key)
            found.content = open_content(ring_of(session), place, bytes(found.content))
        return found


def _visible(key: UUID, viewer: Viewer) -> Select[LaterAnswer]:
    """Select an answer for whoever asked; before it is there, only its address is known of it."""
    statement = select(LaterAnswer).where(LaterAnswer.id == key)
    if viewer.role is ViewerRole.SYSTEM:
        return statement
    theirs = and_(LaterAnswer.organisation_id == viewer.organisation_id, LaterAnswer.asked_by == viewer.name)
    return statement.where(or_(LaterAnswer.status.is_(None), theirs))


def _missing(key: UUID) -> AnswerNotFound:
    return AnswerNotFound(f"there is no answer {key}: it was deleted, or has expired")
