"""Entity tags: does the client already have what it asks for?"""

from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256

from fastapi import Request, Response


def strong_tag(content: bytes) -> str:
    """Return the strong entity tag of some bytes (RFC 9110, 8.8.3)."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_known(request: Request, tag: str, modified: datetime | None = None) -> bool:
    """Tell whether the client has what it asks for.

    Args:
        request: What was asked.
        tag: Of what would be sent. `If-None-Match` names it, weak or strong (RFC 9110, 13.1.2).
        modified: When that was written; `If-Modified-Since` counts only without the former (13.1.3).
    """
    named = request.headers.get("if-none-match")
    if named is None:
        return modified is not None and _is_old(modified, request.headers.get("if-modified-since"))
    opaque = tag.removeprefix("W/")
    return named.strip() == "*" or opaque in {each.strip().removeprefix("W/") for each in named.split(",")}


def _is_old(modified: datetime, since: str | None) -> bool:
    try:
        moment = parsedate_to_datetime(since or "")
    except (ValueError, OverflowError):  # no date, or one beyond all years
        return False
    # An HTTP date has whole seconds.
    return moment.tzinfo is not None and modified.replace(microsecond=0) <= moment


def tagged(request: Request, content: bytes, *, media_type: str) -> Response:
    """Answer some bytes with their strong tag, or 304 if the client has them."""
    tag = strong_tag(content)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
