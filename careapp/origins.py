"""Which server an address names, and in which network one lies."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

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


@lru_cache(maxsize=64)  # the same settings are read for each request
def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks with commas between, like `192.168.7.4, 10.1.0.0/16, fd00::/8`.

    Raises:
        ValueError: One is none.
    """
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def lies_in(address: Address, network: Network) -> bool:
    """Tell whether an address is one of a network's; an IPv4 address that is written as IPv6 is the same."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version == network.version and address in network
