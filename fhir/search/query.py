"""A FHIR search: query string in, one SELECT (and one for each kind that comes along), stored bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.records.models import Document
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.outcome import outcome
from fhir.search.asked import Asked, read_query
from fhir.search.bundle import Entry, searchset
from fhir.search.includes import MOST_INCLUDED, included
from fhir.search.order import Sort, beyond, order_by
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
        viewer: Who asks; only what they may see is found, counted and brought along.
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
    context = Context(base_url.rstrip("/"), zone, viewer)
    asked = read_query(query_string, resource, context, strict=strict)
    place = Place(kind, asked.query, None, None)
    own_query, form = asked.query, asked.form_query
    if asked.page is not None:
        own_query, place = f"_page={asked.page}", unseal(asked.page, page_key)
        if place.kind != kind:
            raise PageGone("this link is to a page of another kind of resource: search again")
        asked = read_query(place.query, resource, context, strict=False)
    page = _find(session, resource, asked, viewer, place)
    address = f"{context.base_url}/{kind}"
    links = [("self", f"{address}?{own_query}" if own_query else address)]
    links += [
        (relation, f"{address}?_page={seal(there, page_key)}{form}") for relation, there in page.links()
    ]
    entries = [Entry(kind, str(row[-1]), row[0]) for row in page.rows]
    note = None
    if asked.includes and entries:
        ids = [row[-1] for row in page.rows]
        along, is_cut = included(session, asked.includes, kind, ids, viewer)
        entries += along
        note = _cut() if is_cut else None
    if asked.subset is not None:
        cut = asked.subset.cut
        entries = [entry._replace(content=cut(entry.content)) for entry in entries]
    return searchset(base_url=context.base_url, entries=entries, links=links, total=page.total, note=note)


def find_ids(
    session: Session, *, kind: str, query_string: str, context: Context, limit: int, strict: bool = True
) -> list[UUID]:
    """Return ids of what a search finds, in the order of their ids; conditional interactions ask so.

    Args:
        session: Any transaction.
        kind: Of resource.
        query_string: As in the address or in `If-None-Exist`; what shapes an answer does not count.
        context: What the meaning of values depends on, and who asks.
        limit: Most ids.
        strict: Refuse unknown parameters: to ignore one would find too much.

    Raises:
        UnknownKind: No such resource is served.
        InvalidSearch: A value is malformed, or nothing is asked for.
        UnknownParameter: A parameter is not supported.
    """
    resource = get_resource(kind)
    asked = read_query(query_string, resource, context, strict=strict)
    rows = _matching(select(resource.key), resource, asked, context.viewer)
    return list(session.scalars(rows.order_by(resource.key).limit(limit)))


@dataclass(frozen=True)
class _Page:
    """Rows of a page, and what lies around it.

    Attributes:
        rows: Content first, then the values of the order's columns, the id last.
        place: Where the page lies.
        count: Most rows of it; 0 if only the total was asked for.
        has_more: Something lies beyond, in the direction in which the page was read.
        total: How many match in all.
    """

    rows: list[tuple[Any, ...]]
    place: Place
    count: int
    has_more: bool
    total: int | None

    def links(self) -> list[tuple[str, Place]]:
        """Where other pages lie. ISiK writes `prev`, the FHIR specification and HAPI `previous`."""
        if not self.count:
            return []
        kind, query, is_backwards = self.place.kind, self.place.query, self.place.is_backwards
        begins_inside, ends_inside = self.place.after is not None, self.has_more
        if is_backwards:
            begins_inside, ends_inside = ends_inside, begins_inside
        found = [("first", Place(kind, query, None, None))]
        if begins_inside and self.rows:
            there = self._beside(self.rows[0], is_backwards=True)
            found += [("previous", there), ("prev", there)]
        if ends_inside and self.rows:
            found.append(("next", self._beside(self.rows[-1], is_backwards=False)))
        return [*found, ("last", Place(kind, query, self.total, None, is_backwards=True))]

    def _beside(self, row: tuple[Any, ...], *, is_backwards: bool) -> Place:
        values = [None if value is None else str(value) for value in row[1:]]
        return Place(self.place.kind, self.place.query, self.total, values, is_backwards)


def _find(session: Session, resource: ServedResource, asked: Asked, viewer: Viewer, place: Place) -> _Page:
    order = order_by(asked.sorts, resource.all_parameters, resource.order, asked.bound)
    counts = asked.with_total and place.total is None
    count = 0 if asked.only_total else asked.count
    if not count:
        total = session.scalar(_counted(resource, asked, viewer))
        return _Page([], place, count, has_more=False, total=total)
    if place.is_backwards and place.after is None and place.total:
        count = place.total % count or count  # the last page as one comes to it by `next`
    statement = _statement(resource, asked, viewer, order, place, count=count, counts=counts)
    rows = list(session.execute(statement))
    total = place.total
    if counts:
        total = rows[0].total if rows else 0
    found = [tuple(row)[: 1 + len(order)] for row in rows[:count]]
    if place.is_backwards:
        found.reverse()
    return _Page(found, place, count, has_more=len(rows) > count, total=total)


def _matching(statement: Select[Any], resource: ServedResource, asked: Asked, viewer: Viewer) -> Select[Any]:
    is_shown = select(1).where(Document.kind == resource.kind, Document.id == resource.key).exists()
    narrowed = statement.select_from(resource.table).where(*asked.conditions, is_shown)
    return visible(narrowed, viewer, resource.table)


def _counted(resource: ServedResource, asked: Asked, viewer: Viewer) -> Select[Any]:
    return _matching(select(func.count().label("total")), resource, asked, viewer)


def _statement(
    resource: ServedResource,
    asked: Asked,
    viewer: Viewer,
    order: Sequence[Sort],
    place: Place,
    *,
    count: int,
    counts: bool,
) -> Select[Any]:
    """Choose a page of rows first, by the indexes of their table, then fetch only their documents."""
    wanted: list[Any] = [sort.column.label(f"key_{number}") for number, sort in enumerate(order)]
    rows = _matching(select(*wanted), resource, asked, viewer)
    if place.after is not None:
        rows = rows.where(beyond(order, place.after, is_backwards=place.is_backwards))
    page = rows.order_by(*(sort.clause(sort.column, is_backwards=place.is_backwards) for sort in order))
    chosen = page.limit(count + 1).subquery("page")
    keys = list(chosen.c)
    content = select(Document.content).where(Document.kind == resource.kind, Document.id == keys[-1])
    columns: list[Any] = [content.scalar_subquery(), *keys]
    if counts:  # in the same statement, so that total and entries are of one moment
        columns.append(_counted(resource, asked, viewer).scalar_subquery().label("total"))
    return select(*columns).order_by(
        *(sort.clause(key, is_backwards=place.is_backwards) for sort, key in zip(order, keys, strict=True))
    )


def _cut() -> bytes:
    return outcome(
        "warning",
        "incomplete",
        f"more than {MOST_INCLUDED} resources would come along, some are missing: ask for a smaller _count",
    )
