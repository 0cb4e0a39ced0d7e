"""The envelope of a searchset, built around stored bytes that nobody parses.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson


class Entry(NamedTuple):
    """A resource in a searchset.

    Attributes:
        kind: Of resource.
        key: Its id.
        content: Its JSON.
        mode: `match`, or `include`.
    """

    kind: str
    key: str
    content: bytes
    mode: str = "match"


def searchset(
    *,
    base_url: str,
    entries: Iterable[Entry],
    links: Sequence[tuple[str, str]],
    total: int | None,
    note: bytes | None = None,
) -> bytes:
    """Put documents into a Bundle.

    Args:
        base_url: Address of this server's FHIR part.
        entries: The resources, matches first.
        links: Relation and address of each link.
        total: How many match in all; None leaves it out.
        note: An OperationOutcome about the search, as the last entry.
    """
    base = _inside(base_url)
    parts = [
        b'{"fullUrl":"%s/%s/%s","resource":%s,"search":{"mode":"%s"}}'
        % (base, entry.kind.encode(), entry.key.encode(), entry.content, entry.mode.encode())
        for entry in entries
    ]
    if note is not None:
        parts.append(b'{"resource":%s,"search":{"mode":"outcome"}}' % note)
    head = b'{"resourceType":"Bundle","type":"searchset"'
    if total is not None:
        head += b',"total":%d' % total
    head += b',"link":' + orjson.dumps([{"relation": relation, "url": url} for relation, url in links])
    return head + (b',"entry":[' + b",".join(parts) + b"]}" if parts else b"}")


def _inside(text: str) -> bytes:
    return orjson.dumps(text)[1:-1]
