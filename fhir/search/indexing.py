"""Write the table of search values, in step with documents.

The projector calls `put` and `drop` for what it writes. Kinds whose rows have columns of their own are found
by these; of them only what other systems sent beside is indexed (`index_sent`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert
from sqlalchemy.orm import Session

from careapp.records.search_values import SearchValue
from fhir.mapping.elements import Json
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.search.indexed import IndexedParameter

_TABLE: Any = SearchValue.__table__
_ROWS_AT_ONCE = 500


def put(connection: Connection, resource: ServedResource, documents: Mapping[UUID, Json]) -> None:
    """Index documents anew.

    Args:
        connection: In the transaction that writes them.
        resource: What they are.
        documents: By id.
    """
    if resource.indexed and documents:
        _replace(connection, resource.kind, resource.indexed, documents)


def drop(connection: Connection, kind: str, ids: Iterable[UUID]) -> None:
    """Forget documents that are gone."""
    connection.execute(delete(_TABLE).where(_TABLE.c.kind == kind, _TABLE.c.resource_id.in_(list(ids))))


def index_sent(session: Session, kind: str, id: UUID, document: Json) -> None:  # noqa: A002 -- FHIR's word
    """Index what other systems sent beside what our rows can hold: identifiers and tags.

    Documents that are indexed as a whole are left to the projector.

    Args:
        session: The transaction that keeps the document.
        kind: Of the document.
        id: Of its row.
        document: As it was sent.
    """
    resource = get_resource(kind)
    if not resource.indexed:
        _replace(session.connection(), kind, resource.sent, {id: document})


def _replace(
    connection: Connection,
    kind: str,
    parameters: Mapping[str, IndexedParameter],
    documents: Mapping[UUID, Json],
) -> None:
    drop(connection, kind, documents)
    rows = [
        row
        for key, document in documents.items()
        for name, parameter in parameters.items()
        for row in _rows(kind, key, name, parameter, document)
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(insert(_TABLE), rows[start : start + _ROWS_AT_ONCE])


def _rows(
    kind: str, key: UUID, name: str, parameter: IndexedParameter, document: Json
) -> Iterator[dict[str, Any]]:
    # What is said twice is found once.
    for number, value in enumerate(dict.fromkeys(parameter.values(document))):
        yield {"kind": kind, "resource_id": key, "parameter": name, "number": number, **vars(value)}
