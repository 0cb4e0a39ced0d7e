"""What settings must keep to: each rule returns the value as it is used, or says what to set instead."""

from ipaddress import ip_address
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationInfo

from careapp.origins import origin_of, read_networks


def encrypted(value: str | None) -> str | None:
    """Take an address of the service that is encrypted and has no path."""
    if value is None:
        return None
    parts, origin = urlsplit(value), origin_of(value)
    if origin is None or parts.scheme != "https" or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            "name where the reverse proxy answers, like https://care.example, without a path: "
            "patients' data travel encrypted only"
        )
    return f"https://{origin.removeprefix('https://').removesuffix(':443')}"


def networks(value: str) -> str:
    """Take addresses and networks with commas between."""
    try:
        read_networks(value)
    except ValueError as malformed:
        raise ValueError("name addresses or networks like 192.168.7.4, 10.1.0.0/16") from malformed
    return value


def guarded(value: str, info: ValidationInfo) -> str:
    """Take an address to listen on that is this machine's own, or stands behind a proxy with TLS."""
    if value == "localhost" or _is_loopback_address(value):
        return value
    if not _is_address(value):
        raise ValueError(f"{value!r} is no address of this machine: set CAREAPP_HOST to 127.0.0.1 or ::1")
    if info.data.get("public_url") is None:
        raise ValueError(
            f"{value} can be reached from other machines, and without encryption: set CAREAPP_HOST to "
            "127.0.0.1 or ::1, or name a reverse proxy with TLS before it in CAREAPP_PUBLIC_URL"
        )
    if all(each.is_loopback for each in read_networks(info.data.get("proxies", ""))):
        raise ValueError(
            f"{value} can be reached without encryption by others than the reverse proxy: set "
            "CAREAPP_PROXIES to its address, or CAREAPP_HOST to 127.0.0.1 if it runs on this machine"
        )
    return value


def roads_server(value: str | None, info: ValidationInfo) -> str | None:
    """Take the address of a server of roads, which there must be if one is chosen."""
    chosen = info.data.get("roads", "estimate")
    if value is None and chosen.endswith("-http"):
        raise ValueError(f"CAREAPP_ROADS is {chosen}: name its server, like http://127.0.0.1:5000")
    if value is not None and urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("name the server like http://127.0.0.1:5000")
    return value


def geocoder_server(value: str | None, info: ValidationInfo) -> str | None:
    """Take the address of a server of addresses, which there must be if one is chosen."""
    chosen = info.data.get("geocoder", "local")
    if value is None and chosen != "local":
        raise ValueError(f"CAREAPP_GEOCODER is {chosen}: name its server, like http://127.0.0.1:8088")
    if value is not None and not (urlsplit(value).scheme in {"http", "https"} and urlsplit(value).hostname):
        raise ValueError("name the server like http://127.0.0.1:8088")
    return value


def origins(value: str) -> str:
    """Take servers without a path, with commas between."""
    for each in filter(None, map(str.strip, value.split(","))):
        parts = urlsplit(each)
        if origin_of(each) is None or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("name each server like https://hospital.example:8443, without a path")
    return value


def zone(value: str) -> str:
    """Take the name of a time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:  # OSError: a folder of zones
        raise ValueError(f"there is no time zone {value!r}: name one like Europe/Berlin") from unknown
    return value


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _is_loopback_address(value: str) -> bool:
    return _is_address(value) and ip_address(value).is_loopback
