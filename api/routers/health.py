"""Is the service alive, and can it work?"""

from typing import Literal

from fastapi import APIRouter, Request

from api.auth.policy import anybody
from api.openapi import problems
from api.shapes import Out, shown_as
from careapp import migrate

OPEN = anybody("whoever watches over the service has no account; it tells nothing but whether it works")

router = APIRouter(prefix="/health", tags=["health"], dependencies=[OPEN])


class HealthOut(Out):
    """The good answer; the bad one is a problem with status 503."""

    model_config = shown_as({"status": "ok"})

    status: Literal["ok"]


@router.get("/live")
def get_live() -> HealthOut:
    """Answer as long as the process can; asks nothing else."""
    return HealthOut(status="ok")


@router.get("/ready", responses=problems(503))
def get_ready(request: Request) -> HealthOut:
    """Answer 200 if the database is there and of this version, else 503 with what to mend."""
    migrate.require_current(request.app.state.engine)
    return HealthOut(status="ok")
