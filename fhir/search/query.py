"""A FHIR search: query string in, one SELECT, stored bytes out."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    SQLColumnExpression,
    Uuid,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.db import UtcDateTime
from careapp.records.models import Document
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.search.asked import Asked, Sort, read_query
from fhir.search.bundle import searchset
from fhir.search.paging import PageGone, Place, seal, unseal
from fhir.search.parameter import Context


def search(
    session: Session,
    *,
    kind: str,
    query_string: str,
    base_url: str,
    viewer: Viewer,
    zone: ZoneInfo,
    page_key: bytes,
    strict: bool = False,
) -> bytes:
    """Answer a search, or one of its further pages, with a searchset Bundle.

    Args:
        session: A reading transaction.
        kind: Of resource, e.g. `Slot`.
        query_string: As in the address, without its question mark; or the body of a POST to `_search`.
        base_url: Address of this server's FHIR part, e.g. `https://care.example/fhir`.
        viewer: Who asks; only what they may see is found and counted.
        zone: Whose wall clock a time without an offset is read from.
        page_key: At least 32 random bytes that seal the links to pages.
        strict: Refuse unknown parameters (`Prefer: handling=strict`).

    Returns:
        The Bundle as JSON.

    Raises:
        UnknownKind: No such resource is served.
        InvalidSearch: A value is malformed; the message names parameter and value.
        UnknownParameter: A strict client asked for what is not supported.
        PageGone: The link to a page is not valid.
    """
    resource = get_resource(kind)
    context = Context(base_url.rstrip("/"), zone)
    asked = read_query(query_string, resource, context, strict=strict)
    place = Place(kind, asked.query, None, None)
    own_query = asked.query
    if asked.page is not None:
        own_query, place = f"_page={asked.page}", unseal(asked.page, page_key)
        if place.kind != kind:
            raise PageGone("this link is to a page of another kind of resource: search again")
        asked = read_query(place.query, resource, context, strict=False)
    order = _order(resource, asked)
    counts = asked.with_total and place.total is None
    rows = session.execute(_statement(resource, asked, viewer, order, place, counts=counts)).all()
    total = place.total
    if counts:
        total = rows[0].total if rows else 0
    found = rows[: asked.count]
    address = f"{context.base_url}/{kind}"
    links = [("self", f"{address}?{own_query}" if own_query else address)]
    if asked.count:
        links.append(("first", _page(address, Place(kind, place.query, None, None), page_key)))
    if len(rows) > asked.count > 0:
        after = [None if value is None else str(value) for value in found[-1][1 : 1 + len(order)]]
        links.append(("next", _page(address, Place(kind, place.query, total, after), page_key)))
    return searchset(
        kind=kind,
        base_url=context.base_url,
        entries=[(str(row[len(order)]), row[0]) for row in found],
        links=links,
        total=total,
    )


def _page(address: str, place: Place, page_key: bytes) -> str:
    return f"{address}?_page={seal(place, page_key)}"


def _order(resource: ServedResource, asked: Asked) -> list[Sort]:
    """The order asked for, or the resource's own; the id last, so that it is total."""
    usual = resource.all_parameters[resource.order].sort
    sorts = list(asked.sorts) or ([] if usual is None else [Sort(resource.order, usual, is_descending=False)])
    by_id = next((number for number, sort in enumerate(sorts) if sort.name == "_id"), None)
    if by_id is not None:
        return sorts[: by_id + 1]
    return [*sorts, Sort("_id", resource.key, is_descending=False)]


def _statement(
    resource: ServedResource,
    asked: Asked,
    viewer: Viewer,
    order: Sequence[Sort],
    place: Place,
    *,
    counts: bool,
) -> Select[Any]:
    """Choose a page of rows first, by the indexes of their table, then fetch only their documents."""
    is_shown = select(1).where(Document.kind == resource.kind, Document.id == resource.key).exists()

    def matching(statement: Select[Any]) -> Select[Any]:
        narrowed = statement.select_from(resource.table).where(*asked.conditions, is_shown)
        return visible(narrowed, viewer, resource.table)

    counted = matching(select(func.count().label("total")))
    if not asked.count:
        return counted
    wanted: list[Any] = [sort.column.label(f"key_{number}") for number, sort in enumerate(order)]
    rows = matching(select(*wanted))
    if place.after is not None:
        rows = rows.where(_beyond(order, place.after, asked))
    page = rows.order_by(*(_direction(sort.column, sort, asked) for sort in order))
    chosen = page.limit(asked.count + 1).subquery("page")
    keys = list(chosen.c)
    content = select(Document.content).where(Document.kind == resource.kind, Document.id == keys[-1])
    columns: list[Any] = [content.scalar_subquery(), *keys]
    if counts:  # in the same statement, so that total and entries are of one moment
        columns.append(counted.scalar_subquery().label("total"))
    return select(*columns).order_by(
        *(_direction(key, sort, asked) for key, sort in zip(keys, order, strict=True))
    )


def _direction(column: SQLColumnExpression[Any], sort: Sort, asked: Asked) -> ColumnElement[Any]:
    directed = column.desc() if sort.is_descending else column.asc()
    return directed.nulls_last() if _may_be_null(sort, asked) else directed


def _may_be_null(sort: Sort, asked: Asked) -> bool:
    """A condition on the parameter itself has already left out the rows without it."""
    is_bound = any(name == sort.name for name, _ in asked.used)
    return bool(getattr(sort.column, "nullable", True)) and not is_bound


def _beyond(order: Sequence[Sort], after: Sequence[str | None], asked: Asked) -> ColumnElement[bool]:
    """SQL: the row comes after the last one of the page before."""
    last = [_value(sort.column, text) for sort, text in zip(order, after, strict=True)]
    if not any(sort.is_descending or _may_be_null(sort, asked) for sort in order):
        return tuple_(*(sort.column for sort in order)) > tuple_(
            *last
        )  # the index on these columns serves it
    ways = []
    for number, sort in enumerate(order):
        ties = [
            earlier.column.is_(None) if value is None else earlier.column == value
            for earlier, value in zip(order[:number], last, strict=False)
        ]
        value = last[number]
        if value is None:
            continue  # nothing comes after those without a value
        later = sort.column < value if sort.is_descending else sort.column > value
        if _may_be_null(sort, asked):
            later = or_(later, sort.column.is_(None))
        ways.append(and_(*ties, later))
    return or_(*ways)


def _value(column: Any, text: str | None) -> Any:
    if text is None:
        return None
    read = next(read for kind, read in READERS.items() if isinstance(column.type, kind))
    return literal(read(text), column.type)


READERS: dict[type[Any], Callable[[str], Any]] = {
    UtcDateTime: datetime.fromisoformat,
    Date: date.fromisoformat,
    Uuid: UUID,
}
"""How a sort value in a link becomes the column's again."""
