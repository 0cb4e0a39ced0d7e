"""FHIR R4: what resources were: one version, or all of one, of a kind, of everything.

https://hl7.org/fhir/R4/http.html#history
"""

from email.utils import format_datetime

from fastapi import APIRouter, Request, Response

from api.auth.policy import READING, may
from api.dependencies import ReadSession
from api.etag import is_known
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import AskingDep
from fhir.interactions import history

router = APIRouter(dependencies=[may(*READING)])


@router.get("/_history")
@router.get("/_history/", include_in_schema=False)
def list_versions_of_everything(request: Request, session: ReadSession, asking: AskingDep) -> Response:
    """List every version of every resource, newest first; `_since` and `_count` narrow it."""
    return answer(request, history.system(session, query=request.url.query, asking=asking))


@router.get("/{kind}/_history")
@router.get("/{kind}/_history/", include_in_schema=False)
def list_versions_of_kind(kind: str, request: Request, session: ReadSession, asking: AskingDep) -> Response:
    """List every version of the resources of a kind, newest first."""
    return answer(request, history.kind(session, kind=kind, query=request.url.query, asking=asking))


@router.get("/{kind}/{id}/_history")
@router.get("/{kind}/{id}/_history/", include_in_schema=False)
def list_versions(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: ReadSession,
    asking: AskingDep,
) -> Response:
    """List every version of a resource, newest first, its deletion included."""
    content = history.instance(session, kind=kind, id=id, query=request.url.query, asking=asking)
    return answer(request, content)


@router.get("/{kind}/{id}/_history/{version}")
@router.get("/{kind}/{id}/_history/{version}/", include_in_schema=False)
def read_version(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    version: str,
    request: Request,
    session: ReadSession,
    asking: AskingDep,
) -> Response:
    """Read a resource as it was; 410 if it was deleted with that version."""
    found = history.vread(session, kind=kind, id=id, version=version, viewer=asking.viewer)
    tag = f'W/"{found.version}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(found.updated_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if is_known(request, tag, found.updated_at):
        return Response(status_code=304, headers=headers)
    return answer(request, found.content, headers=headers)
