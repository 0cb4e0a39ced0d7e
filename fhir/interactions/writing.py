"""Create, update, patch, delete: a document in, rows by the usual commands, the stored document out.

https://hl7.org/fhir/R4/http.html. Each interaction is applied and then finished. A transaction applies many
and finishes them together: only finishing brings documents in step with the rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from careapp.records.models import Document
from careapp.sealing.contents import opened
from fhir import changes, sent
from fhir.access import refuse_unreachable, require, shown
from fhir.asking import Asking
from fhir.formats.json import load_json
from fhir.interactions.refusals import refusing
from fhir.interactions.written import Written
from fhir.issues import Issue, NotSupported, Rejected, VersionConflict
from fhir.mapping.elements import Json
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.patch.fhirpath_patch import Change
from fhir.projector import project
from fhir.read import DocumentGone, DocumentNotFound, missing
from fhir.search.carriers import parse_id
from fhir.validation.incoming import check_incoming
from fhir.writers.registry import get_writer

KEYS_AT_ONCE = 500


class IdsAreOurs(NotSupported):
    """An update names a resource that is not there: this server gives ids itself."""


@dataclass(frozen=True)
class Applied:
    """A write whose rows are changed, while its document may not be in step yet."""

    kind: str
    key: UUID
    is_created: bool
    warnings: tuple[Issue, ...] = ()


@dataclass(frozen=True)
class Current:
    """A resource that is about to be changed.

    Attributes:
        key: Its id.
        version: The current one.
        updated_at: When that was written, in UTC.
        content: Its canonical JSON.
    """

    key: UUID
    version: int
    updated_at: datetime
    content: bytes


def create(session: Session, *, kind: str, document: Json, asking: Asking) -> Written:
    """Make a resource.

    Args:
        session: A writing transaction; the caller commits.
        kind: Of resource, e.g. `Patient`.
        document: The resource as sent; its own id does not count.
        asking: Who asks, and when.

    Raises:
        UnknownKind: No such resource is served.
        NotSupported: Resources of this kind cannot be made.
        Malformed: It is no resource of this kind.
        Rejected: It breaks rules; names all of them.
        CareError: A command refused it.
    """
    return finish(session, [apply_create(session, kind=kind, document=document, asking=asking)], asking)[0]


def update(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    document: Json,
    asking: Asking,
    if_match: int | None = None,
) -> Written:
    """Replace a resource by what was sent.

    Args:
        session: A writing transaction; the caller commits.
        kind: Of resource, e.g. `Patient`.
        id: As written in the address.
        document: The whole resource, with the same id.
        asking: Who asks, and when.
        if_match: Version that the sender has seen; None if they do not mind.

    Raises:
        IdsAreOurs: There is no such resource, or not for this viewer.
        DocumentGone: It was deleted.
        VersionConflict: It has another version.
        Malformed: It is no resource of this kind, or has another id.
        Rejected: It breaks rules; names all of them.
        CareError: A command refused it.
    """
    applied = apply_update(session, kind=kind, id=id, document=document, asking=asking, if_match=if_match)
    return finish(session, [applied], asking)[0]


def patch(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    change: Change,
    asking: Asking,
    if_match: int | None = None,
) -> Written:
    """Change parts of a resource.

    Args:
        session: A writing transaction; the caller commits.
        kind: Of resource, e.g. `Appointment`.
        id: As written in the address.
        change: Makes the new document of the present one; may change its argument.
        asking: Who asks, and when.
        if_match: Version that the sender has seen; None if they do not mind.

    Raises:
        DocumentNotFound: No resource has this id, or not for this viewer.
        DocumentGone: It was deleted.
        VersionConflict: It has another version.
        Malformed: The change cannot be read, or makes no resource of this kind.
        Rejected: The change does not fit, or its result breaks rules; names all of them.
        CareError: A command refused it.
    """
    applied = apply_patch(session, kind=kind, id=id, change=change, asking=asking, if_match=if_match)
    return finish(session, [applied], asking)[0]


def delete(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    asking: Asking,
    if_match: int | None = None,
) -> None:
    """Remove a resource; of one that is removed already, nothing is said.

    Raises:
        DocumentNotFound: No resource ever had this id, or not for this viewer.
        VersionConflict: It has another version than `if_match`.
        CareError: It is needed: others refer to it.
    """
    apply_delete(session, kind=kind, id=id, asking=asking, if_match=if_match)
    with refusing(kind):
        project(session, now=asking.now)


def apply_create(session: Session, *, kind: str, document: Json, asking: Asking) -> Applied:
    """Make a resource's rows; see `create`."""
    writer = get_writer(kind, "create")
    require(asking.viewer, kind, "c")
    warnings = check_incoming(session, document, kind=kind, asking=asking, key=None)
    with refusing(kind):
        key = writer.create(session, document, asking)
        _keep(session, kind, key, document, asking)
    return Applied(kind, key, is_created=True, warnings=tuple(warnings))


def apply_update(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    document: Json,
    asking: Asking,
    if_match: int | None = None,
) -> Applied:
    """Change a resource's rows; see `update`."""
    get_writer(kind, "update")
    require(asking.viewer, kind, "u")
    try:
        current = lock(session, kind=kind, id=id, asking=asking, if_match=if_match)
    except DocumentNotFound:
        raise IdsAreOurs(
            f"there is no {kind} of that id, and ids are given by this server: POST it to {kind}"
        ) from None
    return _replace(session, kind, current, document, asking)


def apply_patch(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    change: Change,
    asking: Asking,
    if_match: int | None = None,
) -> Applied:
    """Change a resource's rows; see `patch`."""
    get_writer(kind, "update")
    require(asking.viewer, kind, "u")
    current = lock(session, kind=kind, id=id, asking=asking, if_match=if_match)
    document = change(load_json(current.content))
    if document.get("resourceType") != kind or document.get("id") != id:
        place = f"{kind}.id" if document.get("resourceType") == kind else kind
        raise Rejected([Issue("invalid", "a patch changes neither the type nor the id of a resource", place)])
    return _replace(session, kind, current, document, asking)


def apply_delete(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    asking: Asking,
    if_match: int | None = None,
) -> None:
    """Remove a resource's rows; see `delete`."""
    writer = get_writer(kind, "delete")
    require(asking.viewer, kind, "d")
    try:
        current = lock(session, kind=kind, id=id, asking=asking, if_match=if_match, to="d")
    except DocumentGone:
        return
    with refusing(kind):
        writer.delete(session, current.key, asking)
        session.flush()


def finish(session: Session, applied: Sequence[Applied], asking: Asking) -> list[Written]:
    """Bring the documents in step with the rows and return those that were written, in their order.

    Raises:
        Rejected: A document would break a rule of FHIR.
        AgainstStoredData: A constraint of the database refuses a row.
        NotWithinReach: A resource would not be among those that the viewer may write.
    """
    with refusing(applied[0].kind if len(applied) == 1 else "Bundle"):
        project(session, now=asking.now)
    for each in applied:
        to = "c" if each.is_created else "u"
        refuse_unreachable(session, asking.viewer, get_resource(each.kind), each.key, to)
    stored = {
        (kind, row.id): row
        for kind in {each.kind for each in applied}
        for row in _stored(session, kind, [each.key for each in applied if each.kind == kind])
    }
    return [
        Written(
            kind=each.kind,
            id=each.key,
            version=row.version,
            updated_at=row.updated_at,
            content=opened(session, each.kind, each.key, row.content),
            is_created=each.is_created,
            warnings=each.warnings,
        )
        for each in applied
        for row in [stored[each.kind, each.key]]
    ]


def lock(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    asking: Asking,
    if_match: int | None = None,
    to: str = "u",
) -> Current:
    """Return a resource that nobody else changes until this transaction ends.

    Args:
        session: A writing transaction.
        kind: Of resource.
        id: As written in the address.
        asking: Who asks.
        if_match: Version that the sender has seen; None if they do not mind.
        to: What is to be done with it: `u` or `d`, SMART's letters.

    Raises:
        UnknownKind: No such resource is served.
        DocumentNotFound: No resource has this id, or not for this viewer.
        DocumentGone: It was deleted.
        VersionConflict: It has another version than `if_match`.
        NotSupported: It is shown from rows that are not written through FHIR.
    """
    resource, key = get_resource(kind), parse_id(id)
    found = None
    if key is not None:
        found = _locked(session, resource, key, asking, to)
        for part in resource.also if found is None else ():
            if _locked(session, part, key, asking, "r") is not None:
                raise NotSupported(f"this {kind} is only shown here, it is changed at /api: {part.about}")
    if key is None:
        raise DocumentNotFound(f"there is no {kind} of that id: ids here are UUIDs in small letters")
    if found is None:
        raise missing(session, resource, key, asking.viewer)
    if if_match is not None and if_match != found.version:
        raise VersionConflict(
            f"{kind}/{key} has version {found.version} by now: read it again, then decide about your change"
        )
    content = opened(session, kind, key, found.content)
    return Current(key, found.version, found.updated_at, content)


def _locked(session: Session, resource: ServedResource, key: UUID, asking: Asking, to: str) -> Any:
    statement = (
        select(Document.version, Document.updated_at, Document.content)
        .select_from(resource.table)
        .join(Document, and_(Document.kind == resource.kind, Document.id == resource.key))
        .where(resource.key == key)
        .with_for_update(of=Document)
    )
    return session.execute(shown(statement, asking.viewer, resource, to)).one_or_none()


def _replace(session: Session, kind: str, current: Current, document: Json, asking: Asking) -> Applied:
    warnings = check_incoming(session, document, kind=kind, asking=asking, key=current.key)
    with refusing(kind):
        get_writer(kind, "update").update(session, current.key, document, asking)
        _keep(session, kind, current.key, document, asking)
    return Applied(kind, current.key, is_created=False, warnings=tuple(warnings))


def _keep(session: Session, kind: str, key: UUID, document: Json, asking: Asking) -> None:
    sent.keep(session, kind, key, document, asking)
    session.flush()


def _stored(session: Session, kind: str, keys: Sequence[UUID]) -> Iterator[Any]:
    columns = (Document.id, Document.version, Document.updated_at, Document.content)
    for some in changes.in_chunks(keys, KEYS_AT_ONCE):
        yield from session.execute(select(*columns).where(Document.kind == kind, Document.id.in_(some)))
