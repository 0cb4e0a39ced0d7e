"""Of which patients a FHIR text speaks, in whatever format it is written."""

import re
from uuid import UUID

_NAMED = re.compile(
    rb'Patient(?:/|",\s*"id":\s*"|[^<>]{0,60}>\s*<id value=")'
    rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)
"""A reference or an address, the beginning of a Patient in JSON, the same in XML."""
LONGEST_MENTION = 140
"""Bytes of a mention: whoever reads in pieces keeps as many of the piece before."""


def patients_in(content: bytes) -> set[UUID]:
    """Return the ids of patients that a text names or is about.

    What leaves by `/fhir` is read once more with this, so that no way of asking is forgotten in the record.
    """
    if b"Patient" not in content:  # much faster than the expression
        return set()
    return {UUID(bytes.decode(found)) for found in _NAMED.findall(content)}
