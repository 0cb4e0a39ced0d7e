"""What may be asked of any document: what is wrong with it, and may it leave us?"""

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation import references
from fhir.validation.structure import walk

REFUSED = frozenset({"error", "fatal"})
"""Severities of what may not be kept."""


class InvalidDocument(Exception):
    """A mapper made a document that FHIR does not allow: a bug of ours, so it is not a `CareError`."""


def problems(document: Json) -> list[Issue]:
    """Say all that is wrong or doubtful about a resource of any kind, as far as it tells by itself.

    Returns:
        Issues with their FHIRPaths, warnings among them; no value of the document is repeated.
    """
    walked = walk(document)
    return [*walked.issues, *references.problems(walked.references)]


def errors(document: Json) -> list[Issue]:
    """Say why a resource may not be kept; warnings are left out."""
    return [each for each in problems(document) if each.severity in REFUSED]


def check(document: Json) -> None:
    """Refuse a document of ours with any error; warnings may pass.

    Raises:
        InvalidDocument: It names the document and each problem.
    """
    found = errors(document)
    if found:
        told = "; ".join(f"{each.expression}: {each.sentence}" for each in found)
        raise InvalidDocument(f"{document['resourceType']}/{document['id']}: {told}")
