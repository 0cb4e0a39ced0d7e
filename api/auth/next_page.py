"""Where a browser goes after it has signed in: only to an address of ours."""

import re
from urllib.parse import quote, urlsplit

MOST_LENGTH = 4000
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""Begins with one slash; printable ASCII without a backslash, which browsers read as a slash."""
_OWN = ("/sign-in", "/sign-out", "/signed-out")


def local_address(asked: str | None) -> str | None:
    """Return the path and query that was asked for, if it is one of ours and no page of signing in or out."""
    if not asked or len(asked) > MOST_LENGTH or not _LOCAL.fullmatch(asked):
        return None
    parts = urlsplit(asked)
    if parts.scheme or parts.netloc or parts.path.startswith(_OWN):
        return None
    return asked


def sign_in_address(next_address: str | None) -> str:
    """Return where to sign in before going on to an address of ours."""
    local = local_address(next_address)
    return "/sign-in" if local is None else f"/sign-in?next={quote(local, safe='/')}"
