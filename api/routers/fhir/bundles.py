"""FHIR R4: many interactions in one request.

https://hl7.org/fhir/R4/http.html#transaction
"""

from fastapi import APIRouter, Request, Response

from api.auth.policy import READING, may
from api.dependencies import Transact
from api.errors import refusal
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import AskingDep, Bundled
from api.routers.fhir.bodies import RESOURCE_BODY, ResourceBody
from fhir.interactions import bundle

router = APIRouter(dependencies=[may(*READING)])


@router.post("/", openapi_extra=RESOURCE_BODY)
def process_bundle(
    body: ResourceBody, request: Request, transact: Transact, asking: AskingDep, returns: Bundled
) -> Response:
    """Do a batch, each entry by itself, or a transaction, all or nothing."""
    content = transact(
        lambda session: bundle.process(session, bundle=body, asking=asking, refuse=refusal, returns=returns)
    )
    return answer(request, content)
