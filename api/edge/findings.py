"""What `careapp doctor` finds, and what it looks at in settings and files; it changes nothing."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url

from careapp.config import USUAL_ADDRESS_RATE, USUAL_VIEWER_RATE, Settings
from careapp.errors import CareError
from careapp.keys import Keyring
from careapp.origins import Network

_PUBLIC_SERVERS = frozenset(
    {
        "nominatim.openstreetmap.org",
        "photon.komoot.io",
        "router.project-osrm.org",
        "routing.openstreetmap.de",
        "valhalla1.openstreetmap.de",
    }
)
"""Of strangers, for trying things out."""
_EASY = frozenset({"", "admin", "careapp", "changeme", "geheim", "password", "postgres", "secret"})
_NEVER_PRIVATE = ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10")
_CHECKED_TLS = ("verify-full", "verify-ca")
_MOST_PROXIES = 2**16
_MOST_PRIVATE = 2**16
_MUCH = 10


class Severity(StrEnum):
    """How bad it is."""

    UNSAFE = "unsafe"
    """Somebody could read or change patients' data, or what was acknowledged could be lost."""
    DOUBTFUL = "doubtful"
    """Right for trying things out, or on some machines."""
    GOOD = "good"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        severity: How bad it is.
        what: A setting, a file or a part.
        sentence: What is the case, and what to do.
    """

    severity: Severity
    what: str
    sentence: str


def findings_of_settings(settings: Settings) -> Iterator[Finding]:
    """Judge the settings by themselves."""
    yield from _of_reach(settings)
    yield from _of_rates(settings)
    yield from _of_database_address(settings)
    yield from _of_servers(settings)
    yield from _of_private_networks(settings)
    if settings.log_level == "DEBUG":
        bad = Severity.UNSAFE if settings.is_public else Severity.DOUBTFUL
        yield Finding(
            bad,
            "CAREAPP_LOG_LEVEL",
            "libraries may log values, and so patients' data: set it to INFO",
        )


def findings_of_files(settings: Settings) -> Iterator[Finding]:
    """Judge who may read what lies on the disk, and as whom we run."""
    if not hasattr(os, "geteuid"):  # Windows has other rights
        return
    if os.geteuid() == 0:
        yield Finding(
            Severity.UNSAFE if settings.is_public else Severity.DOUBTFUL,
            "user",
            "the program runs as root: a fault in it is one in the whole machine; give it a user of its own",
        )
    found = list(_exposed(settings.data_dir, "data folder"))
    yield from found
    if not found and settings.data_dir.exists():
        yield Finding(Severity.GOOD, "data folder", "only this user may read it")
    if settings.keys_path.exists():  # else whoever needs it first makes it
        try:
            Keyring.open(settings)
        except CareError as unusable:
            yield Finding(Severity.UNSAFE, "CAREAPP_KEYS_FILE", str(unusable))
    if settings.is_public and settings.keys_path.is_relative_to(settings.data_dir):
        yield Finding(
            Severity.DOUBTFUL,
            "CAREAPP_KEYS_FILE",
            "the keys lie beside the data, so a copy of the one holds the other: keep them elsewhere",
        )


def _of_reach(settings: Settings) -> Iterator[Finding]:
    if settings.public_url is None:
        yield Finding(Severity.GOOD, "CAREAPP_PUBLIC_URL", "the service answers on this machine only")
        return
    yield Finding(
        Severity.GOOD,
        "CAREAPP_PUBLIC_URL",
        f"the service is {settings.public_url}, by TLS, behind the proxy at {settings.proxies}",
    )
    for network in settings.proxy_networks:
        if network.num_addresses > _MOST_PROXIES:
            yield Finding(
                Severity.UNSAFE,
                "CAREAPP_PROXIES",
                f"whoever is in {network} may say that he is somebody else: name the proxy's own address",
            )
    if settings.database_url is None:
        yield Finding(
            Severity.DOUBTFUL,
            "CAREAPP_DATABASE_URL",
            "the embedded database leaves it to the program to hold services apart: use PostgreSQL",
        )


def _of_rates(settings: Settings) -> Iterator[Finding]:
    if not settings.is_public:
        return
    for name, rate, usual in (
        ("CAREAPP_REQUESTS_PER_ADDRESS", settings.address_rate, USUAL_ADDRESS_RATE),
        ("CAREAPP_REQUESTS_PER_VIEWER", settings.viewer_rate, USUAL_VIEWER_RATE),
    ):
        if rate is not None and rate > _MUCH * usual:
            yield Finding(Severity.DOUBTFUL, name, f"{rate} requests a minute are no limit: {usual} is usual")


def _of_database_address(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        return
    url = make_url(settings.database_url)
    if _is_here(url.host or ""):
        return
    given = url.query.get("sslmode", "prefer")
    mode = given if isinstance(given, str) else given[-1]
    if mode not in _CHECKED_TLS:
        half = mode == "require"
        yield Finding(
            Severity.DOUBTFUL if half else Severity.UNSAFE,
            "CAREAPP_DATABASE_URL",
            "the connection to the database is encrypted for whoever answers: "
            "end it with ?sslmode=verify-full&sslrootcert=…"
            if half
            else "patients' data may travel to the database unencrypted: "
            "end it with ?sslmode=verify-full&sslrootcert=…",
        )
    password = str(url.password or "") if url.password is not None else None
    if password is not None and (password.lower() in _EASY or password == url.username):
        yield Finding(
            Severity.UNSAFE,
            "CAREAPP_DATABASE_URL",
            "the password is easily guessed: choose another",
        )


def _of_servers(settings: Settings) -> Iterator[Finding]:
    asked = [
        ("CAREAPP_ROADS_URL", settings.roads_url, "the places of homes"),
        ("CAREAPP_GEOCODER_URL", settings.geocoder_url, "addresses that are searched"),
        *(
            ("CAREAPP_SUBSCRIPTION_HOSTS", each, "notifications")
            for each in sorted(settings.subscription_origins)
        ),
    ]
    for name, address, what in asked:
        if address is None:
            continue
        parts = urlsplit(address)
        host = parts.hostname or ""
        if host in _PUBLIC_SERVERS:
            yield Finding(
                Severity.UNSAFE,
                name,
                f"{host} is a stranger's and hears {what}: run your own server",
            )
        elif parts.scheme == "http" and not _is_here(host):
            yield Finding(
                Severity.DOUBTFUL if _is_private(host) else Severity.UNSAFE,
                name,
                f"{what} would travel to {host} unencrypted: name it with https://",
            )


def _of_private_networks(settings: Settings) -> Iterator[Finding]:
    name = "CAREAPP_PRIVATE_NETWORKS"
    for network in settings.outbound_networks:
        if any(_overlap(network, ip_network(each)) for each in _NEVER_PRIVATE):
            yield Finding(
                Severity.UNSAFE,
                name,
                f"{network} holds this machine itself or what a cloud tells it: name narrower networks",
            )
        elif isinstance(network, IPv4Network) and network.num_addresses > _MOST_PRIVATE:
            yield Finding(Severity.DOUBTFUL, name, f"{network} is wide: name the servers' own networks")


def _exposed(path: Path, what: str) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    open_to = stat.S_IRWXG | stat.S_IRWXO
    if mode & open_to:
        closed = "700" if path.is_dir() else "600"
        yield Finding(
            Severity.UNSAFE, what, f"other users of this machine may get at it: run `chmod {closed} {path}`"
        )


def _is_here(host: str) -> bool:
    """Tell whether a host is this machine; a socket's folder is, too."""
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host  # a name that only the own network knows


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
