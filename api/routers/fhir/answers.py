"""The one way in which a FHIR answer is written."""

from collections.abc import Mapping
from email.utils import format_datetime

from fastapi import Request, Response

from api.etag import is_known
from api.formats import written
from fhir.read import FoundDocument


def answer(
    request: Request,
    content: bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a resource, in the format that the client wants.

    Args:
        request: What was asked.
        content: The resource as JSON; empty for an answer without a body.
        status: HTTP status.
        headers: Further headers, e.g. `ETag`.
    """
    given = {"Vary": "Accept", **(headers or {})}
    if not content:
        return Response(status_code=status, headers=given)
    body, media_type = written(request, content)
    return Response(body, status, given, media_type)


def answer_version(request: Request, found: FoundDocument, content: bytes | None = None) -> Response:
    """Answer with a version of a resource; 304 if the client has it already.

    Args:
        request: What was asked.
        found: The version.
        content: The part of it that is wanted; None: all.
    """
    tag = f'W/"{found.version}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(found.updated_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if is_known(request, tag, found.updated_at):
        return Response(status_code=304, headers=headers)
    return answer(request, found.content if content is None else content, headers=headers)
