"""Interactions on whichever resource a search finds.

https://hl7.org/fhir/R4/http.html#cond-update. The search is strict: a parameter that is misspelled or
empty must not widen the condition to everything.
"""

from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fhir.asking import Asking
from fhir.interactions import writing
from fhir.interactions.written import Written
from fhir.issues import Issue, Malformed, SeveralMatch
from fhir.mapping.elements import Json
from fhir.patch.fhirpath_patch import Change
from fhir.read import DocumentNotFound, read
from fhir.search.parameter import InvalidSearch
from fhir.search.query import search

SHAPES_ANSWERS = frozenset(
    {"_count", "_sort", "_total", "_summary", "_elements", "_include", "_revinclude", "_contained"}
    | {"_containedType", "_score", "_format", "_pretty", "_page"}
)
"""Parameters that choose nothing; a condition of only these would fit everything."""


def create(session: Session, *, kind: str, document: Json, query: str, asking: Asking) -> Written:
    """Make a resource unless the condition finds one (`If-None-Exist`); then return that.

    Args:
        session: A writing transaction; the caller commits.
        kind: Of resource, e.g. `Patient`.
        document: The resource as sent.
        query: The condition as a query string, without a question mark.
        asking: Who asks, and when.

    Raises:
        SeveralMatch: The condition finds more than one.
        InvalidSearch: The condition cannot be understood, or chooses nothing.
        CareError: See `writing.create`.
    """
    key = find(session, kind=kind, query=query, asking=asking)
    if key is None:
        return writing.create(session, kind=kind, document=document, asking=asking)
    found = read(session, kind=kind, id=str(key), viewer=asking.viewer)
    return Written(kind, key, found.version, found.updated_at, found.content, is_created=False)


def update(
    session: Session, *, kind: str, query: str, document: Json, asking: Asking, if_match: int | None = None
) -> Written:
    """Replace the resource that the condition finds; make one if it finds none.

    Raises:
        SeveralMatch: The condition finds more than one.
        InvalidSearch: The condition cannot be understood, or chooses nothing.
        IdsAreOurs: It finds none, and the document has an id.
        Malformed: It finds one with another id than the document's.
        CareError: See `writing.update`.
    """
    key = find(session, kind=kind, query=query, asking=asking)
    if key is None:
        refuse_own_id(kind, document)
        return writing.create(session, kind=kind, document=document, asking=asking)
    named = with_id(kind, document, key)
    return writing.update(session, kind=kind, id=str(key), document=named, asking=asking, if_match=if_match)


def patch(
    session: Session,
    *,
    kind: str,
    query: str,
    change: Change,
    asking: Asking,
    if_match: int | None = None,
) -> Written:
    """Change parts of the resource that the condition finds.

    Raises:
        DocumentNotFound: The condition finds none.
        SeveralMatch: It finds more than one.
        InvalidSearch: It cannot be understood, or chooses nothing.
        CareError: See `writing.patch`.
    """
    key = find(session, kind=kind, query=query, asking=asking)
    if key is None:
        raise DocumentNotFound(f"no {kind} fits the condition")
    return writing.patch(session, kind=kind, id=str(key), change=change, asking=asking, if_match=if_match)


def delete(session: Session, *, kind: str, query: str, asking: Asking, if_match: int | None = None) -> None:
    """Remove the resource that the condition finds; nothing happens if it finds none.

    Raises:
        SeveralMatch: It finds more than one.
        InvalidSearch: It cannot be understood, or chooses nothing.
        CareError: See `writing.delete`.
    """
    key = find(session, kind=kind, query=query, asking=asking)
    if key is not None:
        writing.delete(session, kind=kind, id=str(key), asking=asking, if_match=if_match)


def find(session: Session, *, kind: str, query: str, asking: Asking) -> UUID | None:
    """Return the one resource that a condition finds; None if there is none.

    Whoever asks with the same condition waits until this transaction ends, so that two of them do not both
    find nothing and make the same thing twice.

    Raises:
        UnknownKind: No such resource is served.
        SeveralMatch: It finds more than one.
        InvalidSearch: It cannot be understood, or chooses nothing.
    """
    _require_choice(query)
    _wait_for_others(session, f"{kind}?{query}")
    bundle = orjson.loads(
        search(
            session,
            kind=kind,
            query_string=f"{query}&_count=2&_total=none",
            base_url=asking.base_url,
            viewer=asking.viewer,
            zone=asking.zone,
            page_key=asking.page_key,
            strict=True,
        )
    )
    found = [
        entry["resource"]["id"]
        for entry in bundle.get("entry", [])
        if entry.get("search", {}).get("mode") == "match"
    ]
    if len(found) > 1:
        raise SeveralMatch(f"the condition fits more than one {kind}: make it narrower")
    return UUID(found[0]) if found else None


def refuse_own_id(kind: str, document: object) -> None:
    """Refuse to make a resource with an id of the sender's.

    Raises:
        IdsAreOurs: It has one.
    """
    if isinstance(document, dict) and "id" in document:
        raise writing.IdsAreOurs(
            f"no {kind} fits the condition, and ids are given by this server: leave out the id"
        )


def with_id(kind: str, document: Json, key: UUID) -> Json:
    """Return a document with the id of the resource that it replaces.

    Raises:
        Malformed: It has another.
    """
    if isinstance(document, dict) and document.get("id", str(key)) != str(key):
        raise Malformed(
            [Issue("invalid", "the resource that fits the condition has another id", f"{kind}.id")]
        )
    return {**document, "id": str(key)} if isinstance(document, dict) else document


def _require_choice(query: str) -> None:
    chosen = 0
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.partition(":")[0] in SHAPES_ANSWERS:
            raise InvalidSearch(f"{name.partition(':')[0]} has no place in a condition: name what must match")
        if not value.strip(", "):
            raise InvalidSearch("a parameter of the condition has no value: it would fit everything")
        chosen += 1
    if not chosen:
        raise InvalidSearch("the condition is empty: name what must match, e.g. identifier=system|value")


def _wait_for_others(session: Session, condition: str) -> None:
    if session.get_bind().dialect.name != "postgresql":
        return  # on SQLite one transaction writes at a time anyway
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"fhir.condition.{condition}"))))
