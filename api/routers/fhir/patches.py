"""How the body of a PATCH is read: a FHIRPath Patch as Parameters, or a JSON Patch.

https://hl7.org/fhir/R4/http.html#patch
"""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.routers.fhir.bodies import RESOURCE_BODY, read_resource_body
from fhir.formats.json import malformed, require_shallow, require_writable
from fhir.interactions.writing import Change
from fhir.patch import fhirpath_patch, json_patch

JSON_PATCH = "application/json-patch+json"

PATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_PATCH: {"schema": {"type": "array"}},
            **RESOURCE_BODY["requestBody"]["content"],
        },
    }
}
"""For a route's `openapi_extra`."""


def _operations(body: bytes) -> list[Any]:
    """Read the operations of a JSON Patch.

    Raises:
        Malformed: It is no JSON array.
    """
    try:
        operations = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(
            f"the patch is not JSON in UTF-8: see line {error.lineno}, column {error.colno}"
        ) from None
    if not isinstance(operations, list):
        raise malformed("the patch is no JSON array of operations")
    require_shallow(operations)
    require_writable(body, operations)
    return operations


async def _change(request: Request) -> Change:
    """Read what is to be changed.

    Raises:
        HTTPException: 413, the body is too large.
        UnsupportedMediaType: It is in a format that is not read here.
        Malformed: It is no patch; the issue names the place.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON_PATCH:
        return json_patch.read(await run_in_threadpool(_operations, await request.body()))
    document = await read_resource_body(request)
    return fhirpath_patch.read(document)


PatchBody = Annotated[Change, Depends(_change)]
"""What a PATCH does to a resource."""
