"""The FHIR part: one file per group of interactions. To add a group: write its file, then list it here.

Order matters: an address such as `/fhir/Appointment/$book` stands before `/fhir/{kind}/{id}`, which would
take it for an id.
"""

from fastapi import APIRouter, Depends, Response

from api.errors import FHIR
from api.routers.fhir import bundles, exports, history, reading, subscriptions, writing
from api.routers.fhir.asked import refuse_other_formats

__all__ = ["router"]

GROUPS = (
    exports.router,
    subscriptions.router,
    history.router,
    reading.router,
    writing.router,
    bundles.router,
)
PLAIN_GROUPS = (exports.files, subscriptions.streams)
"""Groups whose answers are no resources: files, manifests, streams."""

router = APIRouter(tags=["fhir"], default_response_class=Response)
for plain in PLAIN_GROUPS:
    router.include_router(plain, prefix="/fhir")
resources = APIRouter(
    prefix="/fhir",
    dependencies=[Depends(refuse_other_formats)],
    responses={
        200: {"description": "The resource", "content": {FHIR: {}}},
        "default": {"description": "OperationOutcome", "content": {FHIR: {}}},
    },
)
for group in GROUPS:
    resources.include_router(group)
router.include_router(resources)
