"""How often somebody may ask: counted in this process's memory, per minute.

Several processes count each for itself; a reverse proxy may count for all. Sign-in has its own, stricter
count in the database (`careapp.identity.throttling`).
"""

from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from careapp import clock
from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.errors import Throttled

_NETWORK_BITS = 64
"""Of an IPv6 address: a household or a server has a whole network of this size."""


class TooManyRequests(Throttled):
    """Somebody has asked more often in a minute than the settings allow."""


class Rates:
    """Counts requests.

    Args:
        settings: How many are allowed.
    """

    def __init__(self, settings: Settings) -> None:
        self._counts = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._per_address = _a_minute(settings.address_rate)
        self._per_viewer = _a_minute(settings.viewer_rate)

    def of_address(self, address: str) -> None:
        """Count a request from an address; this machine's own are not counted.

        Raises:
            TooManyRequests: There were too many.
        """
        if self._per_address is not None and (network := _network_of(address)) is not None:
            self._hit(self._per_address, "address", network)

    def of_viewer(self, viewer: Viewer) -> None:
        """Count a request of somebody who is signed in.

        Raises:
            TooManyRequests: There were too many.
        """
        if self._per_viewer is not None and viewer.role is not ViewerRole.SYSTEM:
            self._hit(self._per_viewer, "viewer", viewer.name)

    def _hit(self, limit: RateLimitItem, kind: str, who: str) -> None:
        if not self._counts.hit(limit, kind, who):
            reset_at = self._counts.get_window_stats(limit, kind, who).reset_time
            wait_s = max(1, round(reset_at - clock.now().timestamp() + 0.5))
            raise TooManyRequests(
                f"more than {limit.amount} requests in a minute: wait {wait_s} s, then ask more slowly",
                retry_after_s=wait_s,
            )


def _a_minute(count: int | None) -> RateLimitItem | None:
    return None if count is None else RateLimitItemPerMinute(count)


def _network_of(address: str) -> str | None:
    """Return what counts as one asker; None for this machine."""
    try:
        found = ip_address(address)
    except ValueError:  # a socket without addresses
        return None
    if found.is_loopback:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, _NETWORK_BITS), strict=False).network_address)
    return address
