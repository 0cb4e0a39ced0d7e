"""A FHIR search: query string in, one SELECT (and one for each kind that comes along), stored bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, False_, Select, func, select, union_all
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.records.looks import note_seen
from careapp.records.models import Document
from careapp.sealing.contents import opened
from fhir.access import require, shown
from fhir.mapping.registry import get_resource
from fhir.mapping.resource import ServedResource
from fhir.outcome import outcome
from fhir.people_in import patients_in
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
        for entry in entries:  # what is cut off belongs to somebody all the same
            note_seen(patients_in(entry.content))
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
    found: list[UUID] = []
    for part in _read(kind, query_string, context, strict).parts:
        key = part.resource.key
        found += session.scalars(part.matching(select(key)).order_by(key).limit(limit))
    return sorted(found)[:limit]


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
class _Part:
    """A query that was understood for rows of one table.

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

    @property
    def is_hopeless(self) -> bool:
        """No row can match, e.g. since rows of this table never have the status that is asked for."""
        return any(
            isinstance(getattr(condition, "element", condition), False_)
            for condition in self.asked.conditions
        )

    @cached_property
    def counted(self) -> Select[Any]:
        """How many match. Every row has its document, so only rows are counted."""
        return self.matching(select(func.count().label("total")))

    def matching(self, statement: Select[Any]) -> Select[Any]:
        """Narrow a statement to rows that match, and that the viewer may see."""
        rows = statement.select_from(self.resource.table).where(*self.asked.conditions)
        return shown(rows, self.viewer, self.resource, "s")

    def page(self, place: Place, count: int) -> Select[Any]:
        """Choose keys of a page, and one more, by the indexes of the table."""
        order, backwards = self.order, place.is_backwards
        wanted: list[Any] = [sort.column.label(f"key_{number}") for number, sort in enumerate(order)]
        rows = self.matching(select(*wanted))
        if place.after is not None:
            rows = rows.where(beyond(order, place.after, is_backwards=backwards))
        page = rows.order_by(*(sort.clause(sort.column, is_backwards=backwards) for sort in order))
        return page.limit(count + 1)


@dataclass(frozen=True)
class _Question:
    """A query that was understood, to be asked of the database.

    Attributes:
        parts: For each table whose rows are shown as this kind, except where none can match; at least one.
    """

    parts: tuple[_Part, ...]

    @property
    def asked(self) -> Asked:
        """The query; what shapes its answer is the same in each part."""
        return self.parts[0].asked

    @property
    def order(self) -> list[Sort]:
        """A total order of the results."""
        return self.parts[0].order

    @cached_property
    def counted(self) -> Select[Any]:
        """How many match."""
        first, *others = (part.counted for part in self.parts)
        if not others:
            return first
        total: Any = first.scalar_subquery()
        for other in others:
            total += other.scalar_subquery()
        return select(total.label("total"))

    @cached_property
    def first_page(self) -> Select[Any]:
        """The page with which searches begin; kept, since to build it takes longer than to ask."""
        place = Place(self.parts[0].resource.kind, self.asked.query, None, None)
        return self.page(place, self.asked.count, counts=self.asked.with_total)

    def page(self, place: Place, count: int, *, counts: bool) -> Select[Any]:
        """Choose a page of rows first, by the indexes of their table, then fetch only their documents."""
        order, backwards = self.order, place.is_backwards
        chosen = self._chosen(place, count).subquery("page")
        keys = list(chosen.c)
        stored = self.parts[0].resource.documents
        content = select(stored.content).where(stored.kind == place.kind, stored.id == keys[-1])
        columns: list[Any] = [content.scalar_subquery(), *keys]
        if counts:  # in the same statement, so that total and entries are of one moment
            columns.append(self.counted.scalar_subquery().label("total"))
        return select(*columns).order_by(
            *(sort.clause(key, is_backwards=backwards) for sort, key in zip(order, keys, strict=True))
        )

    def _chosen(self, place: Place, count: int) -> Select[Any]:
        first, *others = (part.page(place, count) for part in self.parts)
        if not others:
            return first
        # Each table gives a page of its own; the page of all is among them.
        pages = union_all(*(select(*each.subquery().c) for each in (first, *others))).subquery("pages")
        clauses = (
            sort.clause(key, is_backwards=place.is_backwards)
            for sort, key in zip(self.order, pages.c, strict=True)
        )
        return select(*pages.c).order_by(*clauses).limit(count + 1)


def _understand(kind: str, query: str, context: Context, *, strict: bool) -> _Question:
    """Read a query; those who ask the same again and again, as portals do, are spared the reading."""
    if len(query) > LONGEST_KEPT:
        return _read(kind, query, context, strict)
    return _read_and_keep(kind, query, context, strict)


def _read(kind: str, query: str, context: Context, strict: bool) -> _Question:  # noqa: FBT001 -- a cache's key
    resource = get_resource(kind)
    require(context.viewer, kind, "s")
    parts = [
        _Part(each, read_query(query, each, context, strict=strict), context.viewer)
        for each in resource.parts
    ]
    return _Question(tuple(part for part in parts if not part.is_hopeless) or (parts[0],))


_read_and_keep = lru_cache(maxsize=MOST_KEPT)(_read)


def _find(session: Session, question: _Question, place: Place) -> _Page:
    asked, order = question.asked, question.order
    connection = session.connection()
    count = 0 if asked.only_total else asked.count
    kind = question.parts[0].resource.kind
    if not count:
        total = connection.scalar(question.counted)
        return _Page([], place, count, has_more=False, total=total)
    if place.is_backwards and place.after is None and place.total:
        count = place.total % count or count  # the last page as one comes to it by `next`
    counts = asked.with_total and place.total is None
    if any(sort.sealed is not None for sort in order):
        # No kind that is shown from several tables has a sealed field.
        ordered = in_order(connection, question.parts[0].matching(select(*columns_of(order))), order)
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


def _cut() -> bytes:
    return outcome(
        "warning",
        "incomplete",
        f"more than {MOST_INCLUDED} resources would come along, some are missing: ask for a smaller _count",
    )
