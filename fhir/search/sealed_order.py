"""An order by what is sealed: the database finds, we sort.

Values of all matches are read and opened; those of the page's neighbours decide where it begins, as in
`fhir.search.order`. Five thousand names take some hundredths of a second.
"""

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select

from careapp.sealing.fields import open_identity
from careapp.sealing.ring import ring_of
from fhir.search.order import Sort

Values = tuple[Any, ...]
"""Of a row, one for each level of the order; the id last."""


def columns_of(order: Sequence[Sort]) -> list[ColumnElement[Any]]:
    """Return what is to be selected of each match: the order's columns, then what opens sealed ones."""
    columns: list[Any] = [sort.column.label(f"key_{number}") for number, sort in enumerate(order)]
    for sort in order:
        if sort.sealed is not None:
            model = sort.sealed.model
            return [
                *columns,
                model.id.label("its_id"),
                model.organisation_id,
                model.sealed.label("its_sealed"),
            ]
    return columns


def in_order(connection: Connection, rows: Select[Any], order: Sequence[Sort]) -> list[Values]:
    """Return all matches, first to last.

    Args:
        connection: Where to ask.
        rows: Selects `columns_of(order)` of the matches.
        order: A total one, with a sealed level.
    """
    ring = ring_of(connection)
    found: list[Values] = []
    for row in connection.execute(rows):
        key, owner, sealed = row[len(order) :]
        values = list(row[: len(order)])
        for number, sort in enumerate(order):
            if sort.sealed is not None and sealed is not None:
                identity = open_identity(ring, sort.sealed.model.__tablename__, owner, key, bytes(sealed))
                values[number] = sort.sealed.read(identity)
        found.append(tuple(values))

    def which_first(one: Values, other: Values) -> int:
        return compared(one, other, order)

    return sorted(found, key=cmp_to_key(which_first))


def page_of(
    ordered: Sequence[Values],
    order: Sequence[Sort],
    after: Sequence[str | None] | None,
    count: int,
    *,
    is_backwards: bool,
) -> tuple[list[Values], bool]:
    """Return a page's matches in their order, and whether more lie beyond it.

    Args:
        ordered: All matches.
        order: As for `in_order`.
        after: Values of the match beside the page, as text; None: it is the first, or the last.
        count: Most matches of it.
        is_backwards: It ends there, instead of beginning.
    """
    if after is not None:
        place = tuple(sort.value(text) for sort, text in zip(order, after, strict=True))
        way = -1 if is_backwards else 1
        ordered = [values for values in ordered if compared(values, place, order) * way > 0]
    chosen = ordered[-count:] if is_backwards else ordered[:count]
    return list(chosen), len(ordered) > count


def compared(one: Values, other: Values, order: Sequence[Sort]) -> int:
    """Return -1, 0 or 1: which of two matches comes first; those without a value come last."""
    for mine, yours, sort in zip(one, other, order, strict=True):
        if mine == yours:
            continue
        if mine is None or yours is None:
            return 1 if mine is None else -1
        return (-1 if mine < yours else 1) * (-1 if sort.is_descending else 1)
    return 0
