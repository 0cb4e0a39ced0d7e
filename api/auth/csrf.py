"""Did our own page send this? A token that only a page of ours can know goes with every write.

The token follows from the browser's cookie, so nothing is kept for it: no other site's page can read either.
"""

import hmac
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256

from fastapi import Request

from careapp.errors import Forbidden

HEADER = "X-CSRF-Token"
FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing (RFC 9110, 9.2.1)."""
FORM = "application/x-www-form-urlencoded"


class ForgedRequest(Forbidden):
    """A write came with a browser's cookie, but not from one of our pages."""


def csrf_of(cookie: str) -> str:
    """Return the token that goes with a cookie's value."""
    return urlsafe_b64encode(hmac.digest(cookie.encode(), b"careapp csrf", sha256)).decode().rstrip("=")


async def refuse_forged(request: Request, cookie: str) -> None:
    """Refuse a write without the token that goes with the cookie, as header or as field of a form.

    Raises:
        ForgedRequest: It has none, or a wrong one.
    """
    if request.method in SAFE_METHODS:
        return
    sent = request.headers.get(HEADER)
    if sent is None and request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        with suppress(RuntimeError):  # a route with a form has read it, and `form` keeps what it read
            await request.body()  # is kept for a route that reads it itself
        field = (await request.form()).get(FIELD)
        sent = field if isinstance(field, str) else None
    if sent is None or not is_token(sent, cookie):
        raise ForgedRequest(f"send the header {HEADER} with the csrf_token that GET /api/me tells")


def is_token(sent: str, cookie: str) -> bool:
    """Tell whether this is the token that goes with the cookie."""
    return hmac.compare_digest(sent.encode(), csrf_of(cookie).encode())
