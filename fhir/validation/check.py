"""The one question of the write path: may this document leave us?"""

from fhir.mapping.elements import Json
from fhir.validation import invariants, structure


class InvalidDocument(Exception):
    """A mapper made a document that FHIR does not allow: a bug of ours, so it is not a `CareError`."""


def problems(document: Json) -> list[str]:
    """Say all that is wrong with a document; nothing that it holds is repeated."""
    return list(structure.problems(document)) or list(invariants.problems(document))


def check(document: Json) -> None:
    """Refuse a document with any problem.

    Raises:
        InvalidDocument: It names the document and each problem.
    """
    found = problems(document)
    if found:
        raise InvalidDocument(f"{document['resourceType']}/{document['id']}: {'; '.join(found)}")
