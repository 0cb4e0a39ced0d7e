"""Our own address as an issuer of tokens."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from careapp.config import Settings


def issuer_of(request: Request) -> str:
    """Return our address as tokens and clients name it.

    That of the reverse proxy, else where the request came: `refuse_foreign_pages` sees to it that this is
    loopback.
    """
    settings: Settings = request.app.state.settings
    return settings.public_url or str(request.base_url).rstrip("/")


def is_own_issuer(settings: Settings, issuer: object) -> bool:
    """Tell whether a token that our key signed names us.

    On loopback any name and port of it is ours: a port may be free or change, and there is no other service
    that has our keys.
    """
    if not isinstance(issuer, str):
        return False
    if settings.public_url is not None:
        return issuer == settings.public_url
    try:
        host = urlsplit(issuer).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
