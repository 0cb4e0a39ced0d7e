"""What other systems sent, kept whole, so that elements which our rows do not hold come back."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.db import record_change
from careapp.records.held import HeldResource
from careapp.records.models import SentDocument
from careapp.sealing.contents import opened, sealed
from fhir.asking import Asking
from fhir.formats.json import load_json, write_json
from fhir.mapping import codes
from fhir.mapping.elements import Json, without_none
from fhir.mapping.registry import get_resource
from fhir.merging import merge
from fhir.showing import beside, show
from fhir.validation.check import errors

Sent = tuple[Json, Json]
"""What was sent, and what the row showed right after that."""


def keep(session: Session, kind: str, id: UUID, document: Json, asking: Asking) -> None:  # noqa: A002 -- FHIR's word
    """Keep a document that a writer has just turned into a row, in place of any that was sent before.

    Args:
        session: The transaction in which the row was written.
        kind: Of resource.
        id: The row's.
        document: As it was sent, its references already those of this server.
        asking: Its base address is left out of references.
    """
    session.flush()
    resource = get_resource(kind)
    if issubclass(resource.table, HeldResource):
        return  # its row is the document itself
    with beside(session) as reader:
        found = show(reader, resource, [id])
    shown, owner = found[id], found.owners[id]
    row = session.get(SentDocument, (kind, id))
    if row is None:
        row = SentDocument(kind=kind, id=id, organisation_id=owner)
        session.add(row)
    content = write_json(relative(document, asking.base_url))
    row.content = sealed(session, kind, id, owner, content, field="sent")
    row.shown = sealed(session, kind, id, owner, write_json(shown), field="shown")
    record_change(session, resource.table, id)
    session.flush()


def read_sent(reader: Session, kind: str, ids: Sequence[UUID]) -> dict[UUID, Sent]:
    """Return what was sent of some rows, by id."""
    return {
        key: (
            load_json(opened(reader, kind, key, content, field="sent")),
            load_json(opened(reader, kind, key, shown, field="shown")),
        )
        for key, content, shown in reader.execute(
            select(SentDocument.id, SentDocument.content, SentDocument.shown).where(
                SentDocument.kind == kind, SentDocument.id.in_(ids)
            )
        )
    }


def lay_over(shown: Mapping[UUID, Json], sent: Mapping[UUID, Sent]) -> dict[UUID, Json]:
    """Merge what rows show with what was sent of them."""
    return {key: merge(*sent[key], document) if key in sent else document for key, document in shown.items()}


def settle(merged: Json, shown: Json) -> Json:
    """Give way where what was sent no longer goes with what the row shows.

    First a sent claim of an ISiK profile is dropped that holds no longer, then our own; if that is not
    enough, all that was sent, since the row is right.

    Args:
        merged: A document that breaks a rule.
        shown: What the row shows alone.
    """
    own = shown["meta"].get("profile", ())
    kept = [
        each
        for each in merged["meta"].get("profile", ())
        if each in own or not each.startswith(codes.GEMATIK)
    ]
    for profiles in (kept, [each for each in kept if not each.startswith(codes.GEMATIK)]):
        plain = {**merged, "meta": without_none({**merged["meta"], "profile": profiles})}
        if not errors(plain):
            return plain
    return shown


def forget(reader: Session, kind: str, ids: Sequence[UUID]) -> None:
    """Forget what was sent of rows that are gone."""
    reader.execute(delete(SentDocument).where(SentDocument.kind == kind, SentDocument.id.in_(ids)))


def relative(value: Any, base_url: str) -> Any:
    """Copy a document, references to this server's own resources without its address."""
    if isinstance(value, Mapping):
        return {
            name: part.removeprefix(f"{base_url}/")
            if name == "reference" and isinstance(part, str)
            else relative(part, base_url)
            for name, part in value.items()
        }
    return [relative(part, base_url) for part in value] if isinstance(value, list) else value
