"""The one question about what other systems send: may this resource be kept?"""

from uuid import UUID

from sqlalchemy.orm import Session

from fhir.asking import Asking
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.elements import Json
from fhir.validation import references
from fhir.validation.check import REFUSED
from fhir.validation.structure import walk


def check_incoming(
    session: Session, document: object, *, kind: str, asking: Asking, key: UUID | None
) -> list[Issue]:
    """Refuse a resource that may not be kept, with everything that is wrong with it.

    Args:
        session: A transaction that sees what the resource may refer to.
        document: As sent, parsed.
        kind: Of resource that the address names, e.g. `Patient`.
        asking: Who sends it, and when.
        key: Id of the row that it replaces; None for a new one.

    Returns:
        What is doubtful but no reason to refuse it.

    Raises:
        Malformed: It is no resource of the kind at all.
        Rejected: It breaks rules; all of them are named.
    """
    walked = walk(as_resource(document, kind, key))
    found = [
        *walked.issues,
        *references.problems(walked.references),
        *references.missing(
            session, walked.references, base_url=asking.base_url.rstrip("/"), viewer=asking.viewer
        ),
    ]
    if any(each.severity in REFUSED for each in found):
        raise Rejected(found)
    return found


def as_resource(document: object, kind: str, key: UUID | None) -> Json:
    """Return what was sent if it is a resource of the kind.

    Raises:
        Malformed: It is none, or of another kind, or it has another id than the address.
    """
    if not isinstance(document, dict):
        raise Malformed([Issue("structure", f"send a {kind} as one JSON object", kind)])
    if document.get("resourceType") != kind:
        raise Malformed([Issue("invalid", f"resourceType is not {kind}, which the address names", kind)])
    if key is not None and document.get("id") != str(key):
        raise Malformed([Issue("invalid", "id is not the one in the address: send both alike", f"{kind}.id")])
    return document
