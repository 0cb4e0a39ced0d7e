"""Entity tags: does the client already have what it asks for?"""

from hashlib import sha256

from fastapi import Request, Response


def strong_tag(content: bytes) -> str:
    """Return the strong entity tag of some bytes (RFC 9110, 8.8.3)."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Tell whether `If-None-Match` names the tag; weak and strong compare equal (RFC 9110, 13.1.2)."""
    named = request.headers.get("if-none-match")
    if named is None:
        return False
    opaque = tag.removeprefix("W/")
    return named.strip() == "*" or opaque in {each.strip().removeprefix("W/") for each in named.split(",")}


def tagged(request: Request, content: bytes, *, media_type: str) -> Response:
    """Answer some bytes with their strong tag, or 304 if the client has them."""
    tag = strong_tag(content)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
