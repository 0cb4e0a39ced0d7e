"""Where a request came from, and for whom it was meant: the reverse proxy's word counts, nobody else's.

    browser ──TLS──▶ reverse proxy ──HTTP, X-Forwarded-For, X-Forwarded-Proto, Host──▶ careapp

Where the service is public (`CAREAPP_PUBLIC_URL`), a request comes through the proxy, by TLS, and asks for
the public name; or from this machine itself, asks for a loopback name and is no forwarded one. Where it is
not, it asks for a loopback name, and no `X-Forwarded-…` counts. Watchers may look at `/health/…` anyhow.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from careapp.config import Settings
from careapp.errors import Forbidden, Invalid
from careapp.origins import Address, Network, lies_in, origin_of

_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
HEALTH = "/health/"
MOST_ADDRESS_BYTES = 60_000
MOST_HEADER_BYTES = 60_000
"""Of all headers together."""


class AddressTooLong(Invalid):
    """The address, with all that is asked in it, is too long."""


class HeadersTooLarge(Invalid):
    """The headers hold more than anybody needs."""


class ForeignPage(Forbidden):
    """A page of another site asked, or the server was asked for under a foreign name."""


class ForeignWay(Forbidden):
    """A request to a public service came past its reverse proxy, or the proxy does not say how."""


def require_small_head(scope: Scope) -> None:
    """Refuse what is too long before anybody reads it.

    Raises:
        AddressTooLong: The address is.
        HeadersTooLarge: The headers are.
    """
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_ADDRESS_BYTES:
        raise AddressTooLong("the address is too long: send what is asked in a body, by POST")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADER_BYTES:
        raise HeadersTooLarge("the headers are too large: send fewer, or shorter ones")


def arrive(scope: Scope, settings: Settings) -> dict[str, Any]:
    """Return what in a request's scope the proxy hides: the client's address, the scheme and name it used.

    Raises:
        ForeignPage: The request asks for a name that is not ours.
        ForeignWay: It came past the proxy, unencrypted, or the proxy tells too little.
    """
    headers = Headers(scope=scope)
    if settings.public_url is None:
        require_host(
            headers, LOOPBACK_NAMES, "the service is not public: ask for localhost or 127.0.0.1 here"
        )
        return {}
    if scope["path"].startswith(HEALTH):
        return {}
    peer = _address_of((scope.get("client") or ("", 0))[0])
    forwarded = headers.get("x-forwarded-for")
    if forwarded is None and (peer is None or peer.is_loopback):
        require_host(headers, LOOPBACK_NAMES, "the reverse proxy must send X-Forwarded-For: see the README")
        return {}
    if peer is not None and not _is_proxy(peer, settings.proxy_networks):
        raise ForeignWay(f"this service answers through its reverse proxy: ask {settings.public_url}")
    if forwarded is None:
        raise ForeignWay("the reverse proxy must send X-Forwarded-For: see the README")
    if headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower() != "https":
        raise ForeignWay(
            f"the reverse proxy must take encrypted requests only, and send X-Forwarded-Proto: ask "
            f"{settings.public_url}"
        )
    public = urlsplit(settings.public_url)
    require_host(
        headers, {public.netloc.lower()}, f"this service is {settings.public_url}: ask for that name"
    )
    client = _client_of(",".join(headers.getlist("x-forwarded-for")), settings.proxy_networks)
    return {
        "client": (str(client or peer or ""), 0),
        "scheme": "wss" if scope["type"] == "websocket" else "https",
        "server": (public.hostname, public.port or 443),
        "headers": [each for each in scope["headers"] if each[0] != b"host"]
        + [(b"host", public.netloc.encode())],
    }


def require_host(headers: Headers, names: frozenset[str] | set[str], sentence: str) -> None:
    """Refuse a request for another name: a page may give its own name our address (DNS rebinding).

    Args:
        headers: Of the request.
        names: Ours; with a port only if it belongs to the name.
        sentence: What to do instead.

    Raises:
        ForeignPage: `Host` is missing, given twice, malformed, or none of these.
    """
    found = headers.getlist("host")
    match = _HOST.fullmatch(found[0]) if len(found) == 1 else None
    if match is None:
        raise ForeignPage(sentence)
    if names is LOOPBACK_NAMES:
        is_ours = match["name"].lower() in names
    else:
        is_ours = found[0].lower().removesuffix(":443") in names
    if not is_ours:
        raise ForeignPage(sentence)


def require_own_page(scope: Scope, settings: Settings) -> None:
    """Refuse what another site's page sends through the browser of whoever sits here or is signed in.

    A browser tells where a request comes from: `Origin` for whatever may write, and `Sec-Fetch-Site` for all
    (https://www.w3.org/TR/fetch-metadata/). Somebody may still follow a link to us: that is a navigation.

    Raises:
        ForeignPage: The request is another site's.
    """
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")
    site = headers.get("sec-fetch-site", "none").lower()
    if any(not _is_own(origin, site, headers.get("host", ""), settings) for origin in origins):
        raise ForeignPage("pages of other sites may not use this service")
    if site in ("cross-site", "same-site"):
        is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if not is_link or scope.get("method") not in ("GET", "HEAD"):
            raise ForeignPage("pages of other sites may not use this service")


def require_named_page(scope: Scope) -> None:
    """Refuse a socket that no page of ours opens: each browser says of a socket which page asks for it.

    Raises:
        ForeignPage: No page is named.
    """
    if len(Headers(scope=scope).getlist("origin")) != 1:
        raise ForeignPage("sockets are for our own pages: open one of them in a browser")


def _is_own(origin: str, site: str, host: str, settings: Settings) -> bool:
    if origin == "null":  # of a form on a page that sends no referrer
        return site == "same-origin"
    if settings.public_url is not None and origin_of(origin) == origin_of(settings.public_url):
        return True
    is_local = settings.public_url is None or _is_loopback_host(host)
    return is_local and origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower()}


def _is_loopback_host(host: str) -> bool:
    match = _HOST.fullmatch(host)
    return match is not None and match["name"].lower() in LOOPBACK_NAMES


def _client_of(forwarded: str, proxies: Sequence[Network]) -> Address | None:
    """Return the last address that is no proxy's of ours: those before it the client may have made up."""
    client = None
    for text in reversed(forwarded.split(",")):
        client = _address_of(text)
        if client is None or not _is_proxy(client, proxies):
            return client
    return client


def _is_proxy(address: Address, proxies: Sequence[Network]) -> bool:
    return any(lies_in(address, each) for each in proxies)


def _address_of(text: str) -> Address | None:
    try:
        return ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
