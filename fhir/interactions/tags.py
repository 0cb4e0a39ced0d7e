"""Entity tags of versions: `W/"3"` is version 3.

https://hl7.org/fhir/R4/http.html#versioning
"""

import re

from fhir.issues import Issue, Malformed

TAG = re.compile(r'(?:W/)?"(?P<quoted>[\x21\x23-\x7e]*)"|(?P<bare>[0-9]+)')
VERSION = re.compile("[1-9][0-9]{0,8}")
NEVER = 0
"""A version that nothing has: well-formed tags that are not ours match nothing."""


def read_tag(written: str | None, place: str) -> int | None:
    """Read the version that a sender has seen.

    Args:
        written: As in the header or in a bundle's entry; None if there is none.
        place: FHIRPath of it, or `http.<name>`.

    Returns:
        The version; None if any will do; `NEVER` for a tag that this server never gives.

    Raises:
        Malformed: It is no entity tag.
    """
    if written is None or written.strip() == "*":
        return None
    found = TAG.fullmatch(written.strip())
    if found is None:
        raise Malformed([Issue("value", 'give one version as an entity tag, e.g. W/"3"', place)])
    version = found["quoted"] if found["bare"] is None else found["bare"]
    return int(version) if VERSION.fullmatch(version) else NEVER
