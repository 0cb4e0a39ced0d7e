"""The one way in which a FHIR answer is written."""

from collections.abc import Mapping

from fastapi import Request, Response

from api.formats import written


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
