"""FHIR R4: create, update, delete, each also on whichever resource a condition finds.

https://hl7.org/fhir/R4/http.html. Which kinds take which of them, `/fhir/metadata` lists.
"""

from email.utils import format_datetime

from fastapi import APIRouter, Request, Response

from api.auth.policy import WRITING, may
from api.dependencies import Transact
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import AskingDep, IfMatch, Returning
from api.routers.fhir.bodies import RESOURCE_BODY, BodyOfKind
from fhir.asking import Asking
from fhir.interactions import conditional, writing
from fhir.interactions.written import Returns, Written

router = APIRouter(dependencies=[may(*WRITING)])


@router.post("/{kind}", status_code=201, openapi_extra=RESOURCE_BODY)
@router.post("/{kind}/", status_code=201, include_in_schema=False)
def create_resource(
    kind: str,
    body: BodyOfKind,
    request: Request,
    transact: Transact,
    asking: AskingDep,
    returns: Returning,
) -> Response:
    """Make a resource; with `If-None-Exist`, only if that condition finds none."""
    condition = request.headers.get("if-none-exist")
    if condition is None:
        written = transact(lambda session: writing.create(session, kind=kind, document=body, asking=asking))
    else:
        query = condition.strip().removeprefix(kind).removeprefix("?")
        written = transact(
            lambda session: conditional.create(session, kind=kind, document=body, query=query, asking=asking)
        )
    return answer_written(request, written, asking, returns)


@router.put("/{kind}", openapi_extra=RESOURCE_BODY)
@router.put("/{kind}/", include_in_schema=False)
def update_found_resource(
    kind: str,
    body: BodyOfKind,
    request: Request,
    transact: Transact,
    asking: AskingDep,
    if_match: IfMatch,
    returns: Returning,
) -> Response:
    """Replace the one resource that the query finds; make one if it finds none."""
    written = transact(
        lambda session: conditional.update(
            session, kind=kind, query=request.url.query, document=body, asking=asking, if_match=if_match
        )
    )
    return answer_written(request, written, asking, returns)


@router.put("/{kind}/{id}", openapi_extra=RESOURCE_BODY)
@router.put("/{kind}/{id}/", include_in_schema=False)
def update_resource(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    body: BodyOfKind,
    request: Request,
    transact: Transact,
    asking: AskingDep,
    if_match: IfMatch,
    returns: Returning,
) -> Response:
    """Replace a resource; 412 if `If-Match` names another version than the present one."""
    written = transact(
        lambda session: writing.update(
            session, kind=kind, id=id, document=body, asking=asking, if_match=if_match
        )
    )
    return answer_written(request, written, asking, returns)


@router.delete("/{kind}", status_code=204)
@router.delete("/{kind}/", status_code=204, include_in_schema=False)
def delete_found_resource(
    kind: str, request: Request, transact: Transact, asking: AskingDep, if_match: IfMatch
) -> Response:
    """Remove the one resource that the query finds; 204 too if it finds none."""
    transact(
        lambda session: conditional.delete(
            session, kind=kind, query=request.url.query, asking=asking, if_match=if_match
        )
    )
    return Response(status_code=204)


@router.delete("/{kind}/{id}", status_code=204)
@router.delete("/{kind}/{id}/", status_code=204, include_in_schema=False)
def delete_resource(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    transact: Transact,
    asking: AskingDep,
    if_match: IfMatch,
) -> Response:
    """Remove a resource; reading it is answered 410 from then on."""
    transact(lambda session: writing.delete(session, kind=kind, id=id, asking=asking, if_match=if_match))
    return Response(status_code=204)


def answer_written(request: Request, written: Written, asking: Asking, returns: Returns) -> Response:
    """Answer with what was written, or with as much of it as the client wants."""
    headers = {
        "ETag": written.tag,
        "Last-Modified": format_datetime(written.updated_at, usegmt=True),
        "Location": f"{asking.base_url}/{written.path}",
    }
    return answer(request, written.body(returns), 201 if written.is_created else 200, headers)
