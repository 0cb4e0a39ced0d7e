"""How the body of a FHIR request is read."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from fhir.formats.json import malformed, read_any, read_json
from fhir.formats.media import Format, read_as
from fhir.formats.xml_reader import read_xml
from fhir.mapping.elements import Json
from fhir.patch import fhirpath_patch, json_patch
from fhir.patch.fhirpath_patch import Change

JSON_PATCH = "application/json-patch+json"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

RESOURCE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {format_.value: {"schema": {"type": "object"}} for format_ in Format},
    }
}
"""For the `openapi_extra` of a route that takes a resource."""

CHANGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{format_.value: {"schema": {"type": "object"}} for format_ in Format},
            JSON_PATCH: {"schema": {"type": "array"}},
        },
    }
}
"""For the `openapi_extra` of a route that takes a patch."""


async def read_resource_body(request: Request) -> Json:
    """Read a resource of any kind.

    Raises:
        HTTPException: 413, the body is larger than `CAREAPP_FHIR_BODY_MB`.
        UnsupportedMediaType: It is in a format that is not read here.
        Malformed: It is no resource; the issue names the place.
    """
    format_ = read_as(request.headers.get("content-type"))
    body = (await request.body()).removeprefix(BYTE_ORDER_MARK)
    if not body.strip():
        raise malformed("the body is empty: send a resource", None, "required")
    return await run_in_threadpool(READERS[format_], body)


async def read_body_of_kind(request: Request) -> Json:
    """Read a resource of the kind that the address names (path parameter `kind`).

    Raises:
        HTTPException: 413, the body is larger than `CAREAPP_FHIR_BODY_MB`.
        UnsupportedMediaType: It is in a format that is not read here.
        Malformed: It is no resource, or of another kind; the issue names the place.
    """
    document = await read_resource_body(request)
    kind = request.path_params["kind"]
    if document["resourceType"] != kind:
        raise malformed("the resource is of another kind than the address names", "resourceType", "invalid")
    return document


async def read_change(request: Request) -> Change:
    """Read a patch: a FHIRPath Patch in either format of FHIR, or a JSON Patch.

    Raises:
        HTTPException: 413, the body is larger than `CAREAPP_FHIR_BODY_MB`.
        UnsupportedMediaType: It is in a format that is not read here.
        Malformed: It is no patch; each issue names its place.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON_PATCH:
        return fhirpath_patch.read(await read_resource_body(request))
    body = await request.body()
    return json_patch.read(await run_in_threadpool(read_any, body))


READERS = {Format.JSON: read_json, Format.XML: read_xml}

ResourceBody = Annotated[Json, Depends(read_resource_body)]
"""A resource of any kind, as a route asks for it."""

BodyOfKind = Annotated[Json, Depends(read_body_of_kind)]
"""A resource of the kind that the address names."""

ChangeBody = Annotated[Change, Depends(read_change)]
"""A patch: gives the changed resource of a resource."""
