"""Read one document as it is stored."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, sees_deleted
from careapp.errors import NotFound
from careapp.records.looks import note_seen
from careapp.records.models import DocumentVersion
from careapp.sealing.contents import TOMBSTONE, opened
from fhir.access import condition_of, require, shown
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.people_in import patients_in
from fhir.search.carriers import parse_id


class DocumentNotFound(NotFound):
    """No resource has this id, or not for this viewer."""


class DocumentGone(NotFound):
    """The resource was deleted; `api` answers 410."""


@dataclass(frozen=True)
class FoundDocument:
    """A resource as other systems see it.

    Attributes:
        content: Its canonical JSON.
        version: Counts from 1; what `ETag` says.
        updated_at: What `Last-Modified` says, in UTC.
    """

    content: bytes
    version: int
    updated_at: datetime


def read(session: Session, *, kind: str, id: str, viewer: Viewer) -> FoundDocument:  # noqa: A002 -- FHIR's word
    """Return a resource.

    Args:
        session: A reading transaction.
        kind: Of resource, e.g. `Slot`.
        id: As written in the address.
        viewer: Who asks.

    Raises:
        UnknownKind: No such resource is served.
        DocumentNotFound: No resource has this id, or not for this viewer.
        DocumentGone: It was deleted.
        KindNotForRole, KindNotInScopes: The viewer may read no such resources.
    """
    resource = get_resource(kind)
    stored = resource.documents
    require(viewer, kind, "r")
    key = parse_id(id)
    if key is None:
        raise DocumentNotFound(f"there is no {kind} of that id: ids here are UUIDs in small letters")
    for part in resource.parts:
        statement = (
            select(stored.content, stored.version, stored.updated_at)
            .select_from(part.table)
            .join(stored, and_(stored.kind == kind, stored.id == part.key))
            .where(part.key == key)
        )
        found = session.execute(shown(statement, viewer, part, "r")).one_or_none()
        if found is not None:
            content = opened(session, kind, key, found.content)
            note_seen(patients_in(content))  # also of what is not sent: a part of it, or that it is unchanged
            return FoundDocument(content, found.version, found.updated_at)
    raise missing(session, resource, key, viewer)


def missing(session: Session, resource: ServedResource, key: UUID, viewer: Viewer) -> NotFound:
    """Return why a resource is not there, as an error: deleted, or never there for this viewer."""
    if _was_deleted(session, resource, key, viewer):
        return DocumentGone(f"{resource.kind}/{key} was deleted")
    return DocumentNotFound(f"there is no {resource.kind}/{key}")


def _was_deleted(session: Session, resource: ServedResource, key: UUID, viewer: Viewer) -> bool:
    if not sees_deleted(viewer) or condition_of(viewer, resource, "r") is not None:
        return False
    last = session.execute(
        select(DocumentVersion.content, DocumentVersion.organisation_id)
        .where(DocumentVersion.kind == resource.kind, DocumentVersion.id == key)
        .order_by(DocumentVersion.version.desc())
        .limit(1)
    ).one_or_none()
    if last is None or not last.content.startswith(TOMBSTONE):
        return False
    if last.organisation_id is None and any(part.is_offered for part in resource.parts):
        return True
    return viewer.organisation_id in {None, last.organisation_id}
