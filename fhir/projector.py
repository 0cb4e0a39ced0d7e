"""Documents in step with rows: written in the same transaction, validated once, never parsed again.

Before a commit every stale document is mapped, checked, compared with what is stored, and written with a new
version if anything but version and time differs. A document that FHIR does not allow fails the transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, bindparam, delete, event, func, insert, select, update
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from careapp.records.models import Document, DocumentVersion
from careapp.sealing.contents import TOMBSTONE, opened, sealed
from fhir import changes, sent
from fhir.formats.json import write_json
from fhir.mapping.elements import Json, instant
from fhir.mapping.registry import RESOURCES, get_resource
from fhir.mapping.resource import ServedResource
from fhir.search import indexing
from fhir.showing import beside, show
from fhir.subscriptions.announcing import announce
from fhir.validation.check import check, errors

ROWS_AT_ONCE = 500
Progress = Callable[[str, int], None]


def attach(sessions: sessionmaker[Session], now: Callable[[], datetime]) -> None:
    """Keep the documents of everything that these sessions write in step.

    Args:
        sessions: Factory of writing sessions; only its own sessions are followed.
        now: Tells the moment that becomes `meta.lastUpdated`.
    """

    def before_commit(session: Session) -> None:
        if not session.in_nested_transaction():  # a savepoint's end is not the transaction's
            project(session, now=now())

    def after_soft_rollback(session: Session, rolled_back: SessionTransaction) -> None:
        if rolled_back.parent is None:  # after a savepoint's, to look once more at a row does no harm
            changes.forget(session)

    event.listen(sessions, "after_flush", changes.note_flush)
    event.listen(sessions, "do_orm_execute", changes.note_statement)
    event.listen(sessions, "before_commit", before_commit)
    event.listen(sessions, "after_soft_rollback", after_soft_rollback)


def project(session: Session, *, now: datetime) -> int:
    """Bring documents in step with what the transaction has changed so far.

    Args:
        session: A writing transaction of a factory that `attach` follows, or one whose changes were recorded
            by hand.
        now: Becomes `meta.lastUpdated`.

    Returns:
        How many versions were written.

    Raises:
        InvalidDocument: A mapper made what FHIR does not allow.
    """
    session.flush()
    pending = changes.pending(session)
    with beside(session) as reader:
        stale = pending.drain(reader)
        written = 0
        for resource in RESOURCES:  # always in this order, and ids in theirs: no two transactions deadlock
            for some in changes.in_chunks(sorted(stale.get(resource.kind, ())), ROWS_AT_ONCE):
                written += _project_some(reader, resource, some, now, pending.owners, is_told=True)
    pending.owners.clear()
    return written


def rebuild(
    session: Session,
    *,
    now: datetime,
    kinds: Sequence[str] | None = None,
    on_progress: Progress | None = None,
) -> int:
    """Bring all documents in step with all rows, however these were written.

    Args:
        session: A writing transaction.
        now: Becomes `meta.lastUpdated` of what has changed.
        kinds: Of which resources; None for all.
        on_progress: Called with a kind and how many of its rows have been looked at.

    Returns:
        How many versions were written.

    Raises:
        InvalidDocument: A mapper made what FHIR does not allow.
        UnknownKind: A kind is not served.
    """
    session.flush()
    written = 0
    with beside(session) as reader:
        for resource in RESOURCES if kinds is None else map(get_resource, kinds):
            if not resource.is_kept:
                continue
            done = 0
            for ids in _all_ids(reader, resource):
                written += _project_some(reader, resource, ids, now, {})
                done += len(ids)
                if on_progress is not None:
                    on_progress(resource.kind, done)
    return written


def _all_ids(reader: Session, resource: ServedResource) -> Iterable[Sequence[UUID]]:
    shown = [select(part.key).order_by(part.key).limit(ROWS_AT_ONCE) for part in resource.parts]
    orphans = (
        select(Document.id)
        .where(
            Document.kind == resource.kind,
            *(
                ~select(1).where(Document.id == part.key).correlate(Document).exists()
                for part in resource.parts
            ),
        )
        .order_by(Document.id)
        .limit(ROWS_AT_ONCE)
    )
    keys = [part.key for part in resource.parts]
    for ids, key in zip([*shown, orphans], [*keys, Document.id], strict=True):
        found = reader.scalars(ids).all()
        while found:
            yield found
            found = reader.scalars(ids.where(key > found[-1])).all()


@dataclass
class _Writing:
    """Rows of the two tables, to be written at once."""

    new: list[Json] = field(default_factory=list)
    changed: list[Json] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    versions: list[Json] = field(default_factory=list)

    def write(self, connection: Connection, kind: str) -> int:
        if self.new:
            connection.execute(insert(_DOCUMENTS), self.new)
        if self.changed:
            connection.execute(
                _UPDATE, [{"its_kind": kind, "its_id": row.pop("id"), **row} for row in self.changed]
            )
        if self.gone:
            connection.execute(
                delete(_DOCUMENTS).where(_DOCUMENTS.c.kind == kind, _DOCUMENTS.c.id.in_(self.gone))
            )
        if self.versions:
            connection.execute(insert(_VERSIONS), self.versions)
        return len(self.versions)


_DOCUMENTS: Any = Document.__table__
_VERSIONS: Any = DocumentVersion.__table__
_UPDATE = update(_DOCUMENTS).where(
    _DOCUMENTS.c.kind == bindparam("its_kind"), _DOCUMENTS.c.id == bindparam("its_id")
)


def _project_some(
    reader: Session,
    resource: ServedResource,
    ids: Sequence[UUID],
    now: datetime,
    owners: dict[tuple[str, UUID], UUID],
    *,
    is_told: bool = False,
) -> int:
    moment = now.replace(microsecond=now.microsecond // 1000 * 1000)
    # Locked before the rows are read: whoever waited here then sees what the other transaction wrote.
    stored = {
        document.id: document
        for document in reader.execute(
            select(
                Document.id,
                Document.organisation_id,
                Document.version,
                Document.updated_at,
                Document.content,
            )
            .where(Document.kind == resource.kind, Document.id.in_(ids))
            .order_by(Document.id)
            .with_for_update()
        )
    }
    # Opened here, so that equal documents are seen to be equal: each is sealed differently.
    known = {key: opened(reader, resource.kind, key, row.content) for key, row in stored.items()}
    shown = show(reader, resource, ids)
    from_others = sent.read_sent(reader, resource.kind, ids)
    merged = sent.lay_over(shown, from_others)
    indexing.put(
        reader.connection(),
        resource,
        merged if resource.indexed else {key: merged[key] for key in from_others if key in merged},
        shown.owners,
    )
    last_versions = _last_versions(reader, resource.kind, [key for key in shown if key not in stored])
    writing = _Writing()
    for key in ids:
        document, old = merged.get(key), stored.get(key)
        if document is None:
            if old is not None:
                owner = owners.get((resource.kind, key))
                tombstone = TOMBSTONE + b',"organisation":' + orjson.dumps(owner) + b"}"
                writing.gone.append(key)
                row = _row(resource.kind, key, old.organisation_id, old.version + 1, moment, tombstone)
                writing.versions.append(row)
            continue
        if old is not None and _written(document, old.version, old.updated_at) == known[key]:
            continue
        version = (last_versions.get(key, 0) if old is None else old.version) + 1
        content = _written(document, version, moment)
        if document is not shown[key] and errors(document):
            document = sent.settle(document, shown[key])
            if old is not None and _written(document, old.version, old.updated_at) == known[key]:
                continue
            content = _written(document, version, moment)
        check(document)
        owner = shown.owners[key]
        content = sealed(reader, resource.kind, key, owner, content)
        row = _row(resource.kind, key, owner, version, moment, content)
        writing.versions.append(row)
        if old is None:
            writing.new.append(row)
        else:
            writing.changed.append({name: value for name, value in row.items() if name != "kind"})
    reader.expunge_all()
    if writing.gone:
        sent.forget(reader, resource.kind, writing.gone)
        indexing.drop(reader.connection(), resource.kind, writing.gone)
    if is_told:
        announce(
            reader.connection(),
            resource.kind,
            writing.versions,
            created=[row["id"] for row in writing.new],
            deleted=writing.gone,
            moment=moment,
        )
    return writing.write(reader.connection(), resource.kind)


def _last_versions(reader: Session, kind: str, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Versions of deleted rows that came back under their id: counting goes on."""
    if not ids:
        return {}
    found = reader.execute(
        select(DocumentVersion.id, func.max(DocumentVersion.version))
        .where(DocumentVersion.kind == kind, DocumentVersion.id.in_(ids))
        .group_by(DocumentVersion.id)
    )
    return {key: version for key, version in found if version is not None}


def _written(document: Json, version: int, updated_at: datetime) -> bytes:
    """The canonical bytes; `meta` stays where the mapper put it, version and time come first in it."""
    own = {key: value for key, value in document["meta"].items() if key not in {"versionId", "lastUpdated"}}
    document["meta"] = {"versionId": str(version), "lastUpdated": instant(updated_at), **own}
    return write_json(document)


def _row(
    kind: str, key: UUID, owner: UUID | None, version: int, updated_at: datetime, content: bytes
) -> Json:
    return {
        "kind": kind,
        "id": key,
        "organisation_id": owner,
        "version": version,
        "updated_at": updated_at,
        "content": content,
    }
