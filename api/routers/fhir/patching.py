"""FHIR R4: change parts of a resource, by a FHIRPath Patch or a JSON Patch.

https://hl7.org/fhir/R4/http.html#patch
"""

from fastapi import APIRouter, Request, Response

from api.auth.policy import WRITING, may
from api.dependencies import Transact
from api.routers.fhir.asked import AskingDep, IfMatch, Returning
from api.routers.fhir.bodies import CHANGE_BODY, ChangeBody
from api.routers.fhir.writing import answer_written
from fhir.interactions import conditional, writing

router = APIRouter(dependencies=[may(*WRITING)])


@router.patch("/{kind}", openapi_extra=CHANGE_BODY)
@router.patch("/{kind}/", include_in_schema=False)
def patch_found_resource(
    kind: str,
    change: ChangeBody,
    request: Request,
    transact: Transact,
    asking: AskingDep,
    if_match: IfMatch,
    returns: Returning,
) -> Response:
    """Change parts of the one resource that the query finds."""
    written = transact(
        lambda session: conditional.patch(
            session, kind=kind, query=request.url.query, change=change, asking=asking, if_match=if_match
        )
    )
    return answer_written(request, written, asking, returns)


@router.patch("/{kind}/{id}", openapi_extra=CHANGE_BODY)
@router.patch("/{kind}/{id}/", include_in_schema=False)
def patch_resource(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    change: ChangeBody,
    request: Request,
    transact: Transact,
    asking: AskingDep,
    if_match: IfMatch,
    returns: Returning,
) -> Response:
    """Change parts of a resource by a FHIRPath Patch or a JSON Patch."""
    written = transact(
        lambda session: writing.patch(
            session, kind=kind, id=id, change=change, asking=asking, if_match=if_match
        )
    )
    return answer_written(request, written, asking, returns)
