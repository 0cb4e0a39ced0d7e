"""A FHIR search: query string in, one SELECT (and one for each kind that comes along), stored bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.records.models import Document
from careapp.sealing.contents import opened
from fhir.access import require, shown
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.outcome import outcome
from fhir.search.asked import Asked, read_query
from fhir.search.bundle import Entry, searchset
from fhir.search.includes import MOST_INCLUDED, included
from fhir.search.order import Sort, beyond, order_by
from fhir.search.paging import PageGone, Place, seal, unseal
from fhir.search.parameter import Context
from fhir.search.sealed_order import columns_of, in_order, page_of

MOST_KEPT = 500
"""Queries that were understood, for all viewers together."""
LONGEST_KEPT = 400
"""Letters: what is longer is seldom asked twice and takes much room."""


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
        KindNotForRole, KindNotInScopes: The viewer may search no such resources.
    """
    context = Context(base_url.rstrip("/"), zone, viewer)
    question = _understand(kind, query_string, context, strict=strict)
    asked = question.asked
    place = Place(kind, asked.query, None, None)
    own_query, form = asked.query, asked.form_query
    if asked.page is not None:
        own_query, place = f"_page={asked.page}", unseal(asked.page, page_key)
        if place.kind != kind:
            raise PageGone("this link is to a page of another kind of resource: search again")
        question = _understand(kind, place.query, context, strict=False)
        asked = question.asked
    page = _find(session, question, place)
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
    require(context.viewer, kind, "s")
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


@dataclass(frozen=True)
class _Question:
    """A query that was understood, to be asked of the database.

    Attributes:
        resource: What is searched.
        asked: The query.
        viewer: Who asks.
    """

    resource: ServedResource
    asked: Asked
    viewer: Viewer

    @cached_property
    def order(self) -> list[Sort]:
        """A total order of the results."""
        resource, asked = self.resource, self.asked
        return order_by(asked.sorts, resource.all_parameters, resource.order, asked.bound)

    @cached_property
    def counted(self) -> Select[Any]:
        """How many match. Every row has its document, so only rows are counted."""
        return _matching(select(func.count().label("total")), self.resource, self.asked, self.viewer)

    @cached_property
    def first_page(self) -> Select[Any]:
        """The page with which searches begin; kept, since to build it takes longer than to ask."""
        place = Place(self.resource.kind, self.asked.query, None, None)
        return self.page(place, self.asked.count, counts=self.asked.with_total)

    def page(self, place: Place, count: int, *, counts: bool) -> Select[Any]:
        """Choose a page of rows first, by the indexes of their table, then fetch only their documents."""
        order, backwards = self.order, place.is_backwards
        wanted: list[Any] = [sort.column.label(f"key_{number}") for number, sort in enumerate(order)]
        rows = _matching(select(*wanted), self.resource, self.asked, self.viewer)
        if place.after is not None:
            rows = rows.where(beyond(order, place.after, is_backwards=backwards))
        page = rows.order_by(*(sort.clause(sort.column, is_backwards=backwards) for sort in order))
        chosen = page.limit(count + 1).subquery("page")
        keys = list(chosen.c)
        content = select(Document.content).where(Document.kind == place.kind, Document.id == keys[-1])
        columns: list[Any] = [content.scalar_subquery(), *keys]
        if counts:  # in the same statement, so that total and entries are of one moment
            columns.append(self.counted.scalar_subquery().label("total"))
        return select(*columns).order_by(
            *(sort.clause(key, is_backwards=backwards) for sort, key in zip(order, keys, strict=True))
        )


def _understand(kind: str, query: str, context: Context, *, strict: bool) -> _Question:
    """Read a query; those who ask the same again and again, as portals do, are spared the reading."""
    if len(query) > LONGEST_KEPT:
        return _read(kind, query, context, strict)
    return _read_and_keep(kind, query, context, strict)


def _read(kind: str, query: str, context: Context, strict: bool) -> _Question:  # noqa: FBT001 -- a cache's key
    resource = get_resource(kind)
    require(context.viewer, kind, "s")
    return _Question(resource, read_query(query, resource, context, strict=strict), context.viewer)


_read_and_keep = lru_cache(maxsize=MOST_KEPT)(_read)


def _find(session: Session, question: _Question, place: Place) -> _Page:
    asked, order = question.asked, question.order
    connection = session.connection()
    count = 0 if asked.only_total else asked.count
    kind = question.resource.kind
    if not count:
        total = connection.scalar(question.counted)
        return _Page([], place, count, has_more=False, total=total)
    if place.is_backwards and place.after is None and place.total:
        count = place.total % count or count  # the last page as one comes to it by `next`
    counts = asked.with_total and place.total is None
    if any(sort.sealed is not None for sort in order):
        matching = _matching(select(*columns_of(order)), question.resource, asked, question.viewer)
        ordered = in_order(connection, matching, order)
        total = len(ordered) if counts else place.total
        window, has_more = page_of(ordered, order, place.after, count, is_backwards=place.is_backwards)
        contents = _contents(connection, kind, [values[-1] for values in window])
        chosen = [(contents[values[-1]], *values) for values in window if values[-1] in contents]
        return _Page(chosen, place, count, has_more=has_more, total=total)
    is_first = place.after is None and not place.is_backwards and counts == asked.with_total
    statement = question.first_page if is_first else question.page(place, count, counts=counts)
    rows = connection.execute(statement).all()
    total = place.total
    if counts:
        total = rows[0].total if rows else 0
    found = [
        (opened(connection, kind, row[len(order)], row[0]), *row[1 : 1 + len(order)])
        for row in rows[:count]
        if row[0] is not None
    ]
    if place.is_backwards:
        found.reverse()
    return _Page(found, place, count, has_more=len(rows) > count, total=total)


def _contents(connection: Connection, kind: str, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    rows = connection.execute(
        select(Document.id, Document.content).where(Document.kind == kind, Document.id.in_(ids))
    )
    return {key: opened(connection, kind, key, content) for key, content in rows}


def _matching(statement: Select[Any], resource: ServedResource, asked: Asked, viewer: Viewer) -> Select[Any]:
    return shown(statement.select_from(resource.table).where(*asked.conditions), viewer, resource, "s")


def _cut() -> bytes:
    return outcome(
        "warning",
        "incomplete",
        f"more than {MOST_INCLUDED} resources would come along, some are missing: ask for a smaller _count",
    )
