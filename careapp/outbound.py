"""Ask other servers: only those that the operator has named, where their names may lead, and never further.

Every HTTP request that leaves this service goes through a client of this module; only road servers and
geocoders, whose whole address stands in the settings, are asked by `routing.travel.http`, which is as strict
about redirects, proxies and time. So nobody can make the service knock at doors of the network around it, by
an address that he may choose (that of a subscription, of a client's keys), by a redirect, or by a name that
suddenly leads inwards:

- the address must belong to an allowed origin, as must each address that a redirect leads to;
- a *name* must lead to the internet or into `CAREAPP_PRIVATE_NETWORKS`; an address in digits, and
  `localhost`, mean what they say: whoever allowed them named the very machine;
- the name is looked up once, here, and the connection goes to the address that was checked;
- no proxy, no certificate store and no password is taken from the environment; no redirect is followed.
"""

import json
import logging
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import anyio
import httpx2

from careapp.errors import CareError, Unavailable
from careapp.origins import Address, Network, lies_in, origin_of

for _name in ("httpx2", "httpcore2"):  # these would log addresses
    logging.getLogger(_name).setLevel(logging.WARNING)

USUAL_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
MOST_BYTES = 1_000_000
"""Of an answer that is read whole."""

_OK = 200
_ADDRESSES_TRIED = 3
# 64:ff9b::/96 stands for every IPv4 address (RFC 6052), also for private ones.
_TRANSLATED = ip_network("64:ff9b::/96")


class NotAllowed(CareError):
    """The operator has not allowed to ask this server, or its name leads where it must not."""


class NoAnswer(Unavailable):
    """A server that is needed does not answer as it should."""


@dataclass(frozen=True)
class Reach:
    """Which servers may be asked.

    Attributes:
        origins: As `origin_of` writes them.
        networks: Private networks in which a server may lie.
        by_operator: The operator has written these origins, so digits and `localhost` mean what they say;
            false for what somebody else registered.
    """

    origins: frozenset[str]
    networks: tuple[Network, ...] = ()
    by_operator: bool = True

    def require_origin(self, address: str) -> None:
        """Refuse an address of a server that is not named.

        Raises:
            NotAllowed: Its origin is none of these.
        """
        if origin_of(address) not in self.origins:
            raise NotAllowed("the operator has not allowed this server")

    def allowed(self, host: str, found: Iterable[Address]) -> list[Address]:
        """Return the addresses that a host may have of those found for it.

        Raises:
            NotAllowed: One of them lies inside: a name that leads inwards is not even tried outside.
        """
        addresses = list(found)
        if self.by_operator and (host == "localhost" or _is_digits(host)):
            return addresses
        for address in addresses:
            if not is_outside(address) and not any(lies_in(address, each) for each in self.networks):
                raise NotAllowed(
                    "the server's name leads into a private network: if that is meant, name the network "
                    "in CAREAPP_PRIVATE_NETWORKS"
                )
        return addresses


def is_outside(address: Address) -> bool:
    """Tell whether an address is one of the internet's: of no private, local or reserved network."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_outside(address.ipv4_mapped)
        if address in _TRANSLATED:
            return is_outside(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address.is_global and not address.is_multicast


def open_client(reach: Reach, *, timeout_s: float = USUAL_TIMEOUT_S) -> httpx2.Client:
    """Open what other servers are asked with. Threads may share it.

    Its requests raise `NotAllowed` beside httpx2's own errors.
    """
    return httpx2.Client(
        transport=Transport(reach), timeout=_timeout(timeout_s), trust_env=False, follow_redirects=False
    )


def open_async_client(reach: Reach, *, timeout_s: float = USUAL_TIMEOUT_S) -> httpx2.AsyncClient:
    """Open the same for async code."""
    return httpx2.AsyncClient(
        transport=AsyncTransport(reach), timeout=_timeout(timeout_s), trust_env=False, follow_redirects=False
    )


def get_json(client: httpx2.Client, address: str, *, most_bytes: int = MOST_BYTES) -> Any:
    """Ask for a small JSON document, such as a provider's keys.

    Args:
        client: From `open_client`; its time-out is also that of the whole answer.
        address: Of the document.
        most_bytes: How large it may be.

    Raises:
        NotAllowed: Its server may not be asked.
        NoAnswer: It cannot be reached, takes too long, or answers anything but 200 with JSON of this size.
    """
    deadline = time.monotonic() + (client.timeout.read or USUAL_TIMEOUT_S)
    pieces, size = [], 0
    try:
        with client.stream("GET", address, headers={"Accept": "application/json"}) as response:
            if response.status_code != _OK:
                raise NoAnswer(f"a server that is needed answers {response.status_code}")
            for piece in response.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > most_bytes:
                    raise NoAnswer(f"a server that is needed answers more than {most_bytes} bytes")
                if time.monotonic() > deadline:
                    raise NoAnswer("a server that is needed takes too long")
    except (httpx2.HTTPError, httpx2.InvalidURL) as broken:
        raise NoAnswer(f"a server that is needed does not answer ({type(broken).__name__})") from None
    try:
        return json.loads(b"".join(pieces))
    except (ValueError, RecursionError):
        raise NoAnswer("a server that is needed answers something that is no JSON") from None


class Transport(httpx2.BaseTransport):
    """Sends requests to checked addresses. One connection pool for each host, so that none serves another.

    Args:
        reach: Which servers may be asked.
        most_connections: To one host.
    """

    def __init__(self, reach: Reach, *, most_connections: int = 10) -> None:
        self._reach = reach
        self._limits = httpx2.Limits(max_connections=most_connections)
        self._pools: dict[str, httpx2.HTTPTransport] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            NotAllowed: Its server may not be asked.
            httpx2.ConnectError: Nothing is there, or the name is unknown.
        """
        self._reach.require_origin(str(request.url))
        host = request.url.host
        try:
            found = _addresses(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except OSError:
            raise httpx2.ConnectError("the name is unknown", request=request) from None
        pool = self._pools.get(host)
        if pool is None:
            fresh = httpx2.HTTPTransport(verify=_certificates(), trust_env=False, limits=self._limits)
            pool = self._pools.setdefault(host, fresh)
        *others, last = self._reach.allowed(host, found)[:_ADDRESSES_TRIED]
        for address in others:
            try:
                return pool.handle_request(_towards(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return pool.handle_request(_towards(request, last))

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()


class AsyncTransport(httpx2.AsyncBaseTransport):
    """The same for async code.

    Args:
        reach: Which servers may be asked.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._pools: dict[str, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            NotAllowed: Its server may not be asked.
            httpx2.ConnectError: Nothing is there, or the name is unknown.
        """
        self._reach.require_origin(str(request.url))
        host = request.url.host
        try:
            found = _addresses(await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except OSError:
            raise httpx2.ConnectError("the name is unknown", request=request) from None
        if host not in self._pools:
            self._pools[host] = httpx2.AsyncHTTPTransport(verify=_certificates(), trust_env=False)
        pool = self._pools[host]
        *others, last = self._reach.allowed(host, found)[:_ADDRESSES_TRIED]
        for address in others:
            try:
                return await pool.handle_async_request(_towards(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await pool.handle_async_request(_towards(request, last))

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()


def _towards(request: httpx2.Request, address: Address) -> httpx2.Request:
    """Return the request for this address; `Host` and the certificate's name stay those of the server."""
    extensions = request.extensions | {"sni_hostname": request.url.host}
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )


def _addresses(found: Sequence[tuple[Any, ...]]) -> list[Address]:
    """Return each address once, in the order of the system (RFC 6724)."""
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))


def _is_digits(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


def _timeout(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT_S, seconds))
