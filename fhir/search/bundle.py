"""The envelope of a searchset, built around stored bytes that nobody parses.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Sequence

import orjson


def searchset(
    *,
    kind: str,
    base_url: str,
    entries: Iterable[tuple[str, bytes]],
    links: Sequence[tuple[str, str]],
    total: int | None,
) -> bytes:
    """Put documents into a Bundle.

    Args:
        kind: Of the resources.
        base_url: Address of this server's FHIR part.
        entries: Id and document of each resource.
        links: Relation and address of each link.
        total: How many match in all; None leaves it out.
    """
    parts = [
        b'{"fullUrl":"%s/%s/%s","resource":%s,"search":{"mode":"match"}}'
        % (_inside(base_url), kind.encode(), key.encode(), content)
        for key, content in entries
    ]
    head = b'{"resourceType":"Bundle","type":"searchset"'
    if total is not None:
        head += b',"total":%d' % total
    head += b',"link":' + orjson.dumps([{"relation": relation, "url": url} for relation, url in links])
    return head + (b',"entry":[' + b",".join(parts) + b"]}" if parts else b"}")


def _inside(text: str) -> bytes:
    return orjson.dumps(text)[1:-1]
