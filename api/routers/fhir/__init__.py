"""The FHIR part: one file per group of interactions. To add a group: write its file, then list it here.

Order matters: an address such as `/fhir/Appointment/$book` stands before `/fhir/{kind}/{id}`, which would
take it for an id.
"""

from fastapi import APIRouter, Depends, Response

from api.errors import FHIR
from api.routers.fhir import bundles, history, reading, writing
from api.routers.fhir.asked import refuse_other_formats

__all__ = ["router"]

GROUPS = (history.router, reading.router, writing.router, bundles.router)

router = APIRouter(
    prefix="/fhir",
    tags=["fhir"],
    dependencies=[Depends(refuse_other_formats)],
    default_response_class=Response,
    responses={
        200: {"description": "The resource", "content": {FHIR: {}}},
        "default": {"description": "OperationOutcome", "content": {FHIR: {}}},
    },
)
for group in GROUPS:
    router.include_router(group)
# FastAPI takes no empty path from a router that is included.
router.post("", include_in_schema=False)(bundles.process_bundle)
