"""Send a notification to its receiver: only to servers that the operator has named, and never further."""

import re
from collections.abc import Sequence

import httpx2

from careapp import outbound
from careapp.errors import CareError

USUAL_TIMEOUT_S = 10
LONGEST_TIMEOUT_S = 60
MOST_HEADERS = 20
LONGEST_HEADER = 4000

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)")
_OURS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how the message is sent: nobody else may."""


class NotDelivered(CareError):
    """The receiver did not take a notification; the message says why without quoting it."""


class HostNotAllowed(NotDelivered):
    """The operator has not named this server."""


def read_header(line: str) -> tuple[str, str] | None:
    """Read a header that goes with notifications; None if it is malformed or not the subscriber's to set."""
    found = _HEADER.fullmatch(line) if len(line) <= LONGEST_HEADER else None
    if found is None or found[1].lower() in _OURS:
        return None
    return found[1], found[2].strip()


def post(
    client: httpx2.Client,
    *,
    endpoint: str,
    headers: Sequence[str],
    media_type: str,
    content: bytes,
    timeout_s: int | None,
) -> None:
    """Send a notification.

    Args:
        client: From `careapp.outbound.open_client`, which knows the servers that are allowed.
        endpoint: Where to.
        headers: The subscriber's own, as lines.
        media_type: Of the content.
        content: The notification.
        timeout_s: How long the receiver may take; None: `USUAL_TIMEOUT_S`.

    Raises:
        HostNotAllowed: The operator has not named the endpoint's server, or its name leads inwards.
        NotDelivered: The receiver cannot be reached, takes too long, or answers anything but 2xx.
    """
    own = dict(found for line in headers if (found := read_header(line)) is not None)
    timeout = httpx2.Timeout(min(timeout_s or USUAL_TIMEOUT_S, LONGEST_TIMEOUT_S))
    try:
        # Streamed: whatever the receiver answers beside its status is not even read.
        with client.stream(
            "POST", endpoint, content=content, headers=own | {"Content-Type": media_type}, timeout=timeout
        ) as response:
            status = response.status_code
    except outbound.NotAllowed as refused:
        raise HostNotAllowed(
            f"{refused}: CAREAPP_SUBSCRIPTION_HOSTS names the receivers that are allowed"
        ) from None
    except httpx2.TimeoutException:
        raise NotDelivered("the receiver took too long") from None
    except (httpx2.TransportError, httpx2.InvalidURL) as broken:
        raise NotDelivered(f"the receiver cannot be reached ({type(broken).__name__})") from None
    if not httpx2.codes.is_success(status):
        raise NotDelivered(f"the receiver answered {status}")
