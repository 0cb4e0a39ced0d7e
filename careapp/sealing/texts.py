"""Texts and numbers in the table of search values, sealed like the documents that they are read from."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from careapp.access import Viewer, visible
from careapp.records.search_values import SearchValue
from careapp.sealing.lookups import is_among
from careapp.sealing.ring import asked_now, ring_of

BLIND = "search_value"
"""Under this name numbers are indexed."""


def place_of(row: Mapping[Any, Any]) -> bytes:
    """Return where a sealed text stands."""
    return f"search|{row['kind']}|{row['resource_id']}|{row['parameter']}|{row['number']}".encode()


def text_where(
    key: Any, kind: str, parameter: str, viewer: Viewer, fits: Callable[[str], bool]
) -> ColumnElement[bool]:
    """SQL: a document has a sealed text that fits.

    Args:
        key: The column of the searched row's id.
        kind: Of the documents.
        parameter: Whose values.
        viewer: Who asks.
        fits: Judges one text.
    """

    def find() -> Iterable[UUID]:
        connection = asked_now()
        ring = ring_of(connection)
        model = key.class_
        rows = visible(
            select(SearchValue.__table__)
            .join(model, key == SearchValue.resource_id)
            .where(
                SearchValue.kind == kind,
                SearchValue.parameter == parameter,
                SearchValue.sealed_text.is_not(None),
            ),
            viewer,
            model,
        )
        for row in connection.execute(rows).mappings():
            sealed = bytes(row["sealed_text"])
            if fits(ring.tenant(row["organisation_id"]).open(sealed, place_of(row)).decode()):
                yield row["resource_id"]

    return is_among(key, find)
