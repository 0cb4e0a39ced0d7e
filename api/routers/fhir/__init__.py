"""The FHIR part: one file per group of interactions. To add a group: write its file, then list it here.

Order matters: an address such as `/fhir/Appointment/$book` stands before `/fhir/{kind}/{id}`, which would
take it for an id.
"""

from typing import Any

from fastapi import APIRouter, Depends, Response

from api.auth.policy import READING, may
from api.routers.fhir import (
    bundles,
    discovery,
    exports,
    history,
    later,
    operations,
    patching,
    reading,
    subscriptions,
    writing,
)
from api.routers.fhir.asked import refuse_other_formats
from api.routers.marked import MarkedRouter
from fhir.formats.media import Format

__all__ = ["router"]

GROUPS = (
    operations.router,
    exports.router,
    subscriptions.router,
    history.router,
    reading.router,
    writing.router,
    patching.router,
    bundles.router,
)
PLAIN_GROUPS = (exports.files, later.answers, subscriptions.streams)
"""Groups whose answers are no resources: files, manifests, streams."""

FORMATS: dict[str, dict[str, Any]] = {format_.value: {} for format_ in Format}

resources = APIRouter(
    prefix="/fhir",
    tags=["fhir"],
    dependencies=[Depends(refuse_other_formats)],
    default_response_class=Response,
    responses={
        200: {"description": "The resource", "content": FORMATS},
        "default": {"description": "OperationOutcome", "content": FORMATS},
    },
)
for group in (discovery.router_of(GROUPS), *GROUPS):
    resources.include_router(group)
# FastAPI takes no empty path from a router that is included.
resources.post("", include_in_schema=False, dependencies=[may(*READING)])(bundles.process_bundle)

router = MarkedRouter("/fhir", "/.well-known/")
for plain in PLAIN_GROUPS:
    router.include_router(plain, prefix="/fhir", tags=["fhir"], default_response_class=Response)
router.include_router(discovery.well_known)
router.include_router(resources)
