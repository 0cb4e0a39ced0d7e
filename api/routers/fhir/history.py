"""FHIR R4: what resources were: one version, or all of one, of a kind, of everything.

https://hl7.org/fhir/R4/http.html#history
"""

from functools import partial

from fastapi import Depends, Request, Response

from api.auth.policy import READING, may
from api.reading import with_reading
from api.routers.fhir.answers import answer, answer_version
from api.routers.fhir.asked import AskingDep, up_to_date_first
from api.routers.marked import MarkedRouter
from fhir.interactions import history

router = MarkedRouter("/_history", dependencies=[may(*READING), Depends(up_to_date_first)])


@router.get("/_history")
@router.get("/_history/", include_in_schema=False)
async def list_versions_of_everything(request: Request, asking: AskingDep) -> Response:
    """List every version of every resource, newest first; `_since` and `_count` narrow it."""
    work = partial(history.system, query=request.url.query, asking=asking)
    return await with_reading(request, asking.viewer, work, partial(answer, request))


@router.get("/{kind}/_history")
@router.get("/{kind}/_history/", include_in_schema=False)
async def list_versions_of_kind(kind: str, request: Request, asking: AskingDep) -> Response:
    """List every version of the resources of a kind, newest first."""
    work = partial(history.kind, kind=kind, query=request.url.query, asking=asking)
    return await with_reading(request, asking.viewer, work, partial(answer, request))


@router.get("/{kind}/{id}/_history")
@router.get("/{kind}/{id}/_history/", include_in_schema=False)
async def list_versions(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    asking: AskingDep,
) -> Response:
    """List every version of a resource, newest first, its deletion included."""
    work = partial(history.instance, kind=kind, id=id, query=request.url.query, asking=asking)
    return await with_reading(request, asking.viewer, work, partial(answer, request))


@router.get("/{kind}/{id}/_history/{version}")
@router.get("/{kind}/{id}/_history/{version}/", include_in_schema=False)
async def read_version(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    version: str,
    request: Request,
    asking: AskingDep,
) -> Response:
    """Read a resource as it was; 410 if it was deleted with that version."""
    work = partial(history.vread, kind=kind, id=id, version=version, viewer=asking.viewer)
    return await with_reading(request, asking.viewer, work, partial(answer_version, request))
