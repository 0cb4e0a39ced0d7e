"""As whom the devices of this browser know the service."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from careapp.config import Settings
from careapp.errors import Conflict
from careapp.identity.passkeys import Party


class NoNameForPasskeys(Conflict):
    """The page was opened under an IP address."""


def origin_of_pages(request: Request, settings: Settings) -> str:
    """Return where this browser has our pages from; the door has checked the host."""
    return settings.public_url or f"{request.url.scheme}://{request.url.netloc}"


def party_of(request: Request, settings: Settings) -> Party:
    """Return it: the public address if there is one, else this request's host, which the door has checked.

    Raises:
        NoNameForPasskeys: WebAuthn knows names only.
    """
    origin = origin_of_pages(request, settings)
    host = urlsplit(origin).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return Party(host, origin)
    raise NoNameForPasskeys("passkeys need a name, not an IP address: open the page under localhost")
