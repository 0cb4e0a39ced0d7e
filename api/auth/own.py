"""Our own address as an issuer of tokens."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from careapp.config import Settings


def own_issuer(settings: Settings, asked_at: str) -> str:
    """Return our address as tokens and clients name it.

    Args:
        settings: If they name the address behind a reverse proxy, it is that one.
        asked_at: Otherwise where the request came: `refuse_foreign_pages` saw to it that this is loopback.
    """
    return settings.public_url or asked_at.rstrip("/")


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
