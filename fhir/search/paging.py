"""Links to other pages: the search and the place in it, sealed so that an address or a log tells nothing.

A page begins after the last item of the one before (its sort values and its id), or ends before the first
item of the one after, so that whatever is written between two pages, a resource that was there all the time
comes exactly once. The seal is a synthetic
initialisation vector (RFC 5297's construction, here with HMAC-SHA256 and SHAKE256): who lacks the key can
neither read nor change a link, and the same page has the same link.
"""

import hashlib
import hmac
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Any

import orjson

from careapp.errors import NotFound

TAG_LENGTH = 16
LONGEST = 32_768
"""Bytes of a link's content, unpacked."""


class PageGone(NotFound):
    """A page's link is not one of this server's, or from before its key changed; `api` answers 410."""


@dataclass(frozen=True)
class Place:
    """Where a page begins, or ends if read backwards.

    Attributes:
        kind: Of resource.
        query: The parameters that are in use, as in the self link.
        total: How many there are in all, counted for the first page; None if not asked for.
        after: Sort values and id of the item beside the page, as text; None for the first page, or the last.
        is_backwards: The page ends there.
    """

    kind: str
    query: str
    total: int | None
    after: list[Any] | None
    is_backwards: bool = False


def seal(place: Place, key: bytes) -> str:
    """Write a place for the address of a link.

    Args:
        place: Where the page begins.
        key: At least 32 random bytes, the same in every process that answers.
    """
    written = [place.kind, place.query, place.total, place.after, place.is_backwards]
    packed = zlib.compress(orjson.dumps(written), 9)
    tag = _tag(packed, key)
    return urlsafe_b64encode(tag + _veiled(packed, tag, key)).rstrip(b"=").decode()


def unseal(cursor: str, key: bytes) -> Place:
    """Read what `seal` wrote.

    Raises:
        PageGone: It was not written with this key.
    """
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        tag, packed = raw[:TAG_LENGTH], _veiled(raw[TAG_LENGTH:], raw[:TAG_LENGTH], key)
    except (UnicodeEncodeError, NotBase64, ValueError):
        raise _gone() from None
    if not hmac.compare_digest(tag, _tag(packed, key)):
        raise _gone()
    return Place(*orjson.loads(zlib.decompressobj().decompress(packed, LONGEST)))


def _tag(packed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"tag" + packed, "sha256")[:TAG_LENGTH]


def _veiled(data: bytes, tag: bytes, key: bytes) -> bytes:
    length = len(data)
    stream = hashlib.shake_256(hmac.digest(key, b"stream" + tag, "sha256")).digest(length)
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(length, "big")


def _gone() -> PageGone:
    return PageGone("this link to a page is not valid any more: search again")
