"""Write the table of search values, in step with documents.

The projector calls it for what it writes. Kinds whose rows have columns of their own are found by these; of
them only what other systems sent is indexed, for its identifiers and tags.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, delete, insert, select
from sqlalchemy.orm import Session

from careapp.keys import DataKey, Keyring
from careapp.records.models import Document
from careapp.records.search_values import SearchValue
from careapp.sealing.contents import OPEN_KINDS, opened
from careapp.sealing.ring import ring_of
from careapp.sealing.texts import BLIND, place_of
from fhir.formats.json import load_json
from fhir.mapping.elements import Json
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource
from fhir.search.indexed import IndexedParameter, IndexedReference, IndexedToken

_TABLE: Any = SearchValue.__table__
_ROWS_AT_ONCE = 500


def put(
    connection: Connection,
    resource: ServedResource,
    documents: Mapping[UUID, Json],
    owners: Mapping[UUID, UUID | None],
) -> None:
    """Index documents anew.

    Args:
        connection: In the transaction that writes them.
        resource: What they are.
        documents: By id; of a kind whose rows have columns, those that other systems sent.
        owners: Whose each document is; None: no tenant's.
    """
    if not documents:
        return
    drop(connection, resource.kind, documents)
    parameters = dict(resource.indexed or resource.sent)
    for parameter in list(parameters.values()):
        if isinstance(parameter, IndexedReference):  # what it refers to may be named by an identifier, too
            parameters[parameter.by_identifier.source.name] = parameter.by_identifier
    ring = ring_of(connection)
    rows = [
        row
        for key, document in documents.items()
        for name, parameter in parameters.items()
        for row in _rows(ring, resource.kind, key, owners[key], name, parameter, document)
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(insert(_TABLE), rows[start : start + _ROWS_AT_ONCE])


def index_again(session: Session, tell: Callable[[str, int], None]) -> None:
    """Index what other systems sent once more, because blind indexes have a new key.

    Args:
        session: A writing transaction.
        tell: Called after each batch with a kind and how many of its documents are done.
    """
    connection = session.connection()
    for resource in RESOURCES:
        if resource.kind in OPEN_KINDS:
            continue
        done = 0
        last = UUID(int=0)
        while rows := session.execute(_indexed(resource.kind, last)).all():
            documents = {
                key: load_json(opened(session, resource.kind, key, content)) for key, _, content in rows
            }
            put(connection, resource, documents, {key: owner for key, owner, _ in rows})
            done, last = done + len(rows), rows[-1][0]
            tell(resource.kind, done)


def _indexed(kind: str, after: UUID) -> Select[UUID, UUID | None, bytes]:
    found = select(_TABLE.c.resource_id).where(_TABLE.c.kind == kind, _TABLE.c.resource_id == Document.id)
    return (
        select(Document.id, Document.organisation_id, Document.content)
        .where(Document.kind == kind, Document.id > after, found.exists())
        .order_by(Document.id)
        .limit(_ROWS_AT_ONCE)
    )


def drop(connection: Connection, kind: str, ids: Iterable[UUID]) -> None:
    """Forget documents that are gone."""
    connection.execute(delete(_TABLE).where(_TABLE.c.kind == kind, _TABLE.c.resource_id.in_(list(ids))))


def _rows(
    ring: Keyring,
    kind: str,
    key: UUID,
    owner: UUID | None,
    name: str,
    parameter: IndexedParameter,
    document: Json,
) -> Iterator[dict[str, Any]]:
    # What is said twice is found once.
    for number, value in enumerate(dict.fromkeys(parameter.values(document))):
        row = {
            "kind": kind,
            "resource_id": key,
            "organisation_id": owner,
            "parameter": name,
            "number": number,
            "sealed_text": None,
            **vars(value),
        }
        yield row if kind in OPEN_KINDS else _sealed(ring.tenant(owner), row, parameter)


def _sealed(tenant: DataKey, row: dict[str, Any], parameter: IndexedParameter) -> dict[str, Any]:
    text, code = row["text"], row["code"]
    if text is not None:
        row |= {"text": None, "sealed_text": tenant.seal(text.encode(), place_of(row))}
    if code is not None and isinstance(parameter, IndexedToken) and parameter.is_personal:
        row["code"] = tenant.blind(code, BLIND).hex()
    return row
