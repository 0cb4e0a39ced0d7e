"""What resources were: one version, or all of them, newest first.

https://hl7.org/fhir/R4/http.html#history. Whoever may see a resource now may see what it was; of a deleted
one, whoever sees all of its tenant. A page begins after the last version of the one before, so that versions
written meanwhile neither repeat nor hide others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, true, tuple_
from sqlalchemy.orm import Session

from careapp.access import Viewer, sees_deleted
from careapp.records.looks import note_seen
from careapp.records.models import DocumentVersion
from careapp.sealing.contents import TOMBSTONE, opened
from fhir.access import condition_of, require, shown
from fhir.asking import Asking
from fhir.mapping.elements import Json, instant
from fhir.mapping.registry import RESOURCES, get_resource
from fhir.mapping.resource import ServedResource
from fhir.people_in import patients_in
from fhir.read import DocumentGone, DocumentNotFound, FoundDocument
from fhir.search.asked import MOST_ITEMS, NOT_OURS, USUAL_ITEMS, WHOLE_NUMBER, UnknownParameter
from fhir.search.carriers import parse_id
from fhir.search.paging import PageGone, Place, seal, unseal
from fhir.search.parameter import refuse

LONGEST_VERSION = 9
YEARS = range(1900, 2200)

Order = tuple[str, ...]
"""Names of columns."""
BY_TIME: Order = ("updated_at", "kind", "id", "version")
"""Within one moment by kind and id, so that the order is total; always the newest first."""

READERS: Mapping[str, Callable[[str], Any]] = {
    "updated_at": datetime.fromisoformat,
    "kind": str,
    "id": UUID,
    "version": int,
}
"""How a column's value in a link becomes the column's again."""


@dataclass(frozen=True)
class _Wanted:
    """A history's query string, understood.

    Attributes:
        since: Only versions written at or after this moment.
        count: Most items of a page.
        page: Sealed place of a further page; then nothing else counts.
    """

    since: datetime | None = None
    count: int = USUAL_ITEMS
    page: str | None = None

    @property
    def query(self) -> str:
        """The parameters in use."""
        since = {} if self.since is None else {"_since": instant(self.since)}
        return urlencode({**since, "_count": str(self.count)}, safe=":")


def vread(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    version: str,
    viewer: Viewer,
) -> FoundDocument:
    """Return a resource as it was.

    Args:
        session: A reading transaction.
        kind: Of resource, e.g. `Slot`.
        id: As written in the address.
        version: As written in the address.
        viewer: Who asks.

    Raises:
        UnknownKind: No such resource is served.
        DocumentNotFound: No resource has this id or had this version, or not for this viewer.
        DocumentGone: With this version it was deleted.
    """
    resource, key = get_resource(kind), parse_id(id)
    versions = resource.versions
    require(viewer, kind, "r")
    is_number = version.isascii() and version.isdigit() and len(version) <= LONGEST_VERSION
    found = None
    if key is not None and is_number:
        found = session.execute(
            select(versions.id, versions.content, versions.version, versions.updated_at).where(
                versions.id == key,
                versions.version == int(version),
                _is_visible(resource, viewer, "r"),
            )
        ).one_or_none()
    if found is None:
        raise DocumentNotFound(f"there is no such version of a {kind} of that id")
    if found.content.startswith(TOMBSTONE):
        raise DocumentGone(f"{kind}/{key} was deleted with version {found.version}")
    content = opened(session, kind, found.id, found.content)
    note_seen(patients_in(content))
    return FoundDocument(content, found.version, found.updated_at)


def instance(
    session: Session,
    *,
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    query: str,
    asking: Asking,
) -> bytes:
    """Answer with all versions of a resource, its deletion included.

    Args:
        session: A reading transaction.
        kind: Of resource, e.g. `Slot`.
        id: As written in the address.
        query: Query string with `_since` and `_count`.
        asking: Who asks.

    Returns:
        A Bundle of type history as JSON.

    Raises:
        UnknownKind: No such resource is served.
        DocumentNotFound: No resource ever had this id, or not for this viewer.
        InvalidSearch: A parameter is malformed.
        PageGone: The link to a page is not valid.
    """
    resource, key = get_resource(kind), parse_id(id)
    require(asking.viewer, kind, "r")
    among = and_(resource.versions.id == key, _is_visible(resource, asking.viewer, "r"))
    if key is None or session.scalar(select(exists().where(among))) is not True:
        raise DocumentNotFound(f"there is no {kind} of that id")
    address = f"{kind}/{key}/_history"
    return _history(session, address, among, query, asking, versions=resource.versions, order=("version",))


def kind(session: Session, *, kind: str, query: str, asking: Asking) -> bytes:
    """Answer with all versions of all resources of a kind; see `instance`."""
    resource = get_resource(kind)
    require(asking.viewer, kind, "s")
    among = _is_visible(resource, asking.viewer, "s")
    return _history(session, f"{kind}/_history", among, query, asking, versions=resource.versions)


def system(session: Session, *, query: str, asking: Asking) -> bytes:
    """Answer with all versions of everything kept that the viewer may search; see `instance`."""
    kept = [resource for resource in RESOURCES if resource.is_kept]
    among: ColumnElement[bool] = or_(*(_is_visible(resource, asking.viewer, "s") for resource in kept))
    if asking.viewer.organisation_id is None:  # the same, but an index can serve it
        among = DocumentVersion.kind.in_([resource.kind for resource in kept])
    return _history(session, "_history", among, query, asking)


def _is_visible(resource: ServedResource, viewer: Viewer, interaction: str) -> ColumnElement[bool]:
    """SQL: the version is one of a resource that the viewer may see, or might if it were still there."""
    of_kind: ColumnElement[bool] = resource.versions.kind == resource.kind
    is_alone = not resource.also
    some = (_is_part_visible(part, viewer, interaction, is_alone=is_alone) for part in resource.parts)
    return and_(of_kind, or_(*some))


def _is_part_visible(
    resource: ServedResource, viewer: Viewer, interaction: str, *, is_alone: bool
) -> ColumnElement[bool]:
    versions = resource.versions
    present: ColumnElement[bool] = versions.id.in_(shown(select(resource.key), viewer, resource, interaction))
    if condition_of(viewer, resource, interaction) is not None:
        return present
    if viewer.organisation_id is None:
        return true()
    if resource.is_offered:  # what stands beside it has an owner
        return true() if is_alone else versions.organisation_id.is_(None)
    if not sees_deleted(viewer):
        return present
    was_theirs: ColumnElement[bool] = versions.organisation_id == viewer.organisation_id
    if interaction == "s":  # an index serves it; what was opened to them is found by its id
        return was_theirs
    return or_(was_theirs, present)


def _history(
    session: Session,
    address: str,
    among: ColumnElement[bool],
    query: str,
    asking: Asking,
    *,
    versions: Any = DocumentVersion,
    order: Order = BY_TIME,
) -> bytes:
    wanted = _read_query(query, asking)
    own_query, place = wanted.query, Place(address, wanted.query, None, None)
    if wanted.page is not None:
        own_query, place = f"_page={wanted.page}", unseal(wanted.page, asking.page_key)
        if place.kind != address:
            raise PageGone("this link is to a page of another history: ask again")
        wanted = _read_query(place.query, asking)
    conditions = [among]
    if wanted.since is not None:
        conditions.append(versions.updated_at >= wanted.since)
    total = place.total
    if total is None:
        total = session.scalar(select(func.count()).select_from(versions).where(*conditions)) or 0
    rows = _rows(session, conditions, wanted, place, versions, order)
    shown = rows[: wanted.count]

    def page(after: list[Any] | None) -> str:
        there = Place(address, place.query, total, after)
        return f"{asking.base_url}/{address}?_page={seal(there, asking.page_key)}"

    links = [("self", f"{asking.base_url}/{address}?{own_query}")]
    if wanted.count:
        links.append(("first", page(None)))
    if len(rows) > wanted.count > 0:
        links.append(("next", page([str(getattr(shown[-1], name)) for name in order])))
    bundle: Json = {
        "resourceType": "Bundle",
        "type": "history",
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links],
    }
    if shown:
        bundle["entry"] = [_entry(session, row, asking.base_url) for row in shown]
    return orjson.dumps(bundle)


def _rows(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    wanted: _Wanted,
    place: Place,
    row: Any,
    order: Order,
) -> Sequence[Any]:
    if not wanted.count:
        return ()
    columns = [getattr(row, name) for name in order]
    statement = (
        select(row.kind, row.id, row.version, row.updated_at, row.content)
        .where(*conditions)
        .order_by(*(column.desc() for column in columns))
        .limit(wanted.count + 1)
    )
    if place.after is not None:
        last = [
            literal(READERS[name](text), column.type)
            for name, column, text in zip(order, columns, place.after, strict=True)
        ]
        statement = statement.where(tuple_(*columns) < tuple_(*last))
    return session.execute(statement).all()


def _entry(session: Session, row: Any, base_url: str) -> Json:
    address = f"{row.kind}/{row.id}"
    is_gone = row.content.startswith(TOMBSTONE)
    entry: Json = {"fullUrl": f"{base_url}/{address}"}
    if not is_gone:
        entry["resource"] = orjson.Fragment(opened(session, row.kind, row.id, row.content))
    if is_gone:
        method, status = "DELETE", "204 No Content"
    elif row.version == 1:
        method, status = "POST", "201 Created"
    else:
        method, status = "PUT", "200 OK"
    entry["request"] = {"method": method, "url": row.kind if method == "POST" else address}
    entry["response"] = {
        "status": status,
        "etag": f'W/"{row.version}"',
        "lastModified": instant(row.updated_at),
    }
    return entry


def _read_query(query: str, asking: Asking) -> _Wanted:
    since, count = None, USUAL_ITEMS
    for name, text in parse_qsl(query, keep_blank_values=True):
        if text == "" or name in NOT_OURS:
            continue
        match name:
            case "_since":
                since = _moment(text)
            case "_count":
                if not WHOLE_NUMBER.fullmatch(text):
                    raise refuse(name, text, "give a whole number, 0 for only the total")
                count = min(int(text), MOST_ITEMS)
            case "_page":
                return _Wanted(page=text)
            case _ if asking.is_strict:
                raise UnknownParameter("a history takes only _since and _count")
    return _Wanted(since, count)


def _moment(text: str) -> datetime:
    # A plus sign that was not escaped has become a space.
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or "T" not in text or moment.tzinfo is None or moment.year not in YEARS:
        raise refuse("_since", text, "give a moment with its offset, e.g. 2026-03-03T08:00:00+01:00")
    return moment
