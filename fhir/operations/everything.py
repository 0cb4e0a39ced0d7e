"""$everything: all that belongs to a patient, or to all patients, page by page.

https://hl7.org/fhir/R4/patient-operation-everything.html. A page holds resources of the patient compartment,
the patients first, then those without a patient that they refer to (search mode `include`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, and_, not_, or_, select
from sqlalchemy.orm import Session

from careapp.people.models import Patient
from careapp.records.models import Document
from careapp.sealing.contents import opened
from fhir.access import require, shown
from fhir.asking import Asking
from fhir.mapping.patient import PATIENT
from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource
from fhir.operations.compartment import belonging, in_compartment
from fhir.operations.wanted import Pairs, Wanted, query_of, read_pairs, read_wanted
from fhir.read import read
from fhir.search.asked import MOST_ITEMS
from fhir.search.paging import PageGone, Place, seal, unseal
from fhir.search.parameter import Context

TAKEN = frozenset({"_type", "_since", "_count", "start", "end"})

CARE_DATES = {
    "Appointment": "date",
    "CarePlan": "date",
    "Communication": "sent",
    "Encounter": "date",
    "ServiceRequest": "occurrence",
    "Task": "period",
}
"""The search parameter of a kind that tells when care takes place; what has no such time is always part of
everything."""

_REFERENCE = re.compile(rb'"reference":"([A-Z][A-Za-z]+)/([0-9a-f-]{36})"')

Found = tuple[str, str, bytes]
"""Kind, id and document."""


def everything(session: Session, *, id: str | None, pairs: Pairs, asking: Asking) -> bytes:  # noqa: A002 -- FHIR's word
    """Answer with a page of all that belongs to a patient.

    Args:
        session: A reading transaction.
        id: The patient's; None: all patients that the viewer may see.
        pairs: Parameters `_type`, `_since`, `_count`, `start`, `end`, or `_page` from a link.
        asking: Who asks.

    Returns:
        A searchset Bundle; the link `next` leads on.

    Raises:
        DocumentNotFound: There is no such patient, or not for this viewer.
        DocumentGone: The patient was deleted.
        InvalidSearch: A parameter is malformed.
        PageGone: The link to a page is not valid.
    """
    name = "Patient" if id is None else f"Patient/{id}"
    require(asking.viewer, "Patient", "s" if id is None else "r")
    patients = shown(select(Patient.id), asking.viewer, PATIENT, "r")
    if id is not None:
        read(session, kind="Patient", id=id, viewer=asking.viewer)
        patients = patients.where(Patient.id == UUID(id))
    page = dict(pairs).get("_page")
    place = Place(f"{name}/$everything", query_of(pairs, TAKEN), None, None)
    if page is not None:
        place, expected = unseal(page, asking.page_key), place.kind
        if place.kind != expected:
            raise PageGone("this link is to a page of something else: ask again")
    wanted = read_wanted(read_pairs(place.query), zone=asking.zone, known=TAKEN)
    most = min(wanted.count or MOST_ITEMS, MOST_ITEMS)
    found = list(_matches(session, patients, wanted, place.after, most + 1, asking))
    rest, found = found[most:], found[:most]
    address = f"{asking.base_url}/{place.kind}"
    own = f"_page={page}" if page is not None else place.query
    links = [("self", f"{address}?{own}" if own else address)]
    if rest:
        after = Place(place.kind, place.query, None, list(found[-1][:2]))
        links.append(("next", f"{address}?_page={seal(after, asking.page_key)}"))
    return _bundle(asking.base_url, found, list(_referred(session, found, wanted, asking)), links)


def pages_of_everything(session: Session, *, id: str, asking: Asking) -> Iterator[bytes]:  # noqa: A002 -- FHIR's word
    """Yield all pages of all that belongs to one patient, as `everything` answers them one by one.

    Raises:
        DocumentNotFound: There is no such patient, or not for this viewer.
        DocumentGone: The patient was deleted.
    """
    pairs: Pairs = []
    while True:
        page = everything(session, id=id, pairs=pairs, asking=asking)
        yield page
        links = {link["relation"]: link["url"] for link in orjson.loads(page)["link"]}
        if "next" not in links:
            return
        pairs = read_pairs(urlsplit(links["next"]).query)


def _matches(
    session: Session,
    patients: Select[Any],
    wanted: Wanted,
    after: Sequence[str] | None,
    most: int,
    asking: Asking,
) -> Iterator[Found]:
    kinds = in_compartment()
    names = [resource.kind for resource in kinds]
    first = names.index(after[0]) if after is not None and after[0] in names else 0
    for resource in kinds[first:]:
        if not wanted.wants(resource.kind):
            continue
        belongs = belonging(resource, patients)
        if belongs is None:
            continue
        conditions = [belongs, *_times(resource, wanted, asking)]
        if after is not None and resource.kind == after[0]:
            conditions.append(resource.key > UUID(after[1]))
        rows = session.execute(_documents(resource, asking, *conditions).limit(most)).all()
        yield from _opened(session, resource.kind, rows)
        most -= len(rows)
        if most <= 0:
            return


def _opened(session: Session, kind: str, rows: Iterable[Any]) -> Iterator[Found]:
    for key, content in rows:
        yield kind, str(key), opened(session, kind, key, content)


def _documents(resource: ServedResource, asking: Asking, *conditions: ColumnElement[bool]) -> Select[Any]:
    columns: list[Any] = [resource.key, Document.content]
    statement = (
        select(*columns)
        .select_from(resource.table)
        .join(Document, and_(Document.kind == resource.kind, Document.id == resource.key))
        .where(*conditions)
        .order_by(resource.key)
    )
    return shown(statement, asking.viewer, resource, "r")


def _times(resource: ServedResource, wanted: Wanted, asking: Asking) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield Document.updated_at >= wanted.since
    name = CARE_DATES.get(resource.kind, "")
    parameter = resource.parameters.get(name)
    if parameter is None:
        return
    context = Context(asking.base_url, asking.zone, asking.viewer)
    for prefix, value in (("ge", wanted.start), ("le", wanted.end)):
        if value is not None:
            yield or_(not_(parameter.present()), parameter.condition(name, [prefix + value], None, context))


def _referred(session: Session, found: Sequence[Found], wanted: Wanted, asking: Asking) -> Iterator[Found]:
    """Find what the page's resources refer to and no patient owns."""
    keys: dict[str, set[UUID]] = {}
    for _, _, content in found:
        for kind, key in _REFERENCE.findall(content):
            keys.setdefault(kind.decode(), set()).add(UUID(key.decode()))
    for resource in RESOURCES:
        if resource.kind not in keys or not wanted.wants(resource.kind):
            continue
        if belonging(resource, select(Patient.id)) is not None:
            continue  # it comes by itself, if it is this patient's
        for part in resource.parts:
            rows = session.execute(_documents(part, asking, part.key.in_(keys[part.kind])))
            yield from _opened(session, part.kind, rows.all())


def _bundle(
    base_url: str, matches: Iterable[Found], included: Iterable[Found], links: Sequence[tuple[str, str]]
) -> bytes:
    entries = [
        b'{"fullUrl":%s,"resource":%s,"search":{"mode":"%s"}}'
        % (orjson.dumps(f"{base_url}/{kind}/{key}"), content, mode)
        for mode, some in ((b"match", matches), (b"include", included))
        for kind, key, content in some
    ]
    head = b'{"resourceType":"Bundle","type":"searchset","link":' + orjson.dumps(
        [{"relation": relation, "url": url} for relation, url in links]
    )
    return head + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")
