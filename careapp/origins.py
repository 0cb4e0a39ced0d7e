"""Which server an address names."""

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def origin_of(address: str) -> str | None:
    """Return the scheme, host and port of an address in one spelling; None if it is no plain HTTP address."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or _PORTS[parts.scheme]}"
