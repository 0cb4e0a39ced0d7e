"""One entry of a bundle, done as if it had been sent by itself."""

from http import HTTPStatus

from sqlalchemy.orm import Session

from careapp.records.looks import note_query
from fhir.asking import Asking
from fhir.interactions import conditional, history, writing
from fhir.interactions.entry import READING, Answer, Entry
from fhir.interactions.patches import read_change
from fhir.interactions.written import Returns, Written
from fhir.issues import Issue, Malformed, NotSupported
from fhir.mapping.elements import Json, instant
from fhir.operations.book import book
from fhir.read import FoundDocument, read
from fhir.search.query import search
from fhir.search.subset import asked_of_one

BOOK = ("Appointment", "$book")


def perform(session: Session, entry: Entry, asking: Asking, returns: Returns) -> Answer:
    """Do what an entry asks for.

    Raises:
        NotSupported: Its interaction is not done within bundles.
        CareError: See the interaction.
    """
    if entry.method in READING:
        return look(session, entry, asking)
    if entry.is_operation:
        return operate(session, entry, sent_by(entry), asking)
    kind, condition = entry.kind, entry.condition
    match entry.method:
        case "POST" if condition is None:
            written = writing.create(session, kind=kind, document=sent_by(entry), asking=asking)
        case "POST":
            written = conditional.create(
                session, kind=kind, document=sent_by(entry), query=condition or "", asking=asking
            )
        case "PUT" if condition is None:
            written = writing.update(
                session,
                kind=kind,
                id=entry.path[1],
                document=sent_by(entry),
                asking=asking,
                if_match=entry.if_match,
            )
        case "PUT":
            written = conditional.update(
                session,
                kind=kind,
                query=entry.query,
                document=sent_by(entry),
                asking=asking,
                if_match=entry.if_match,
            )
        case "PATCH" if condition is None:
            written = writing.patch(
                session,
                kind=kind,
                id=entry.path[1],
                change=read_change(sent_by(entry)),
                asking=asking,
                if_match=entry.if_match,
            )
        case "PATCH":
            written = conditional.patch(
                session,
                kind=kind,
                query=entry.query,
                change=read_change(sent_by(entry)),
                asking=asking,
                if_match=entry.if_match,
            )
        case _:
            return _delete(session, entry, asking)
    return answered(written, asking, returns)


def answered(written: Written, asking: Asking, returns: Returns) -> Answer:
    """Say what was written."""
    return Answer(
        status=_status(HTTPStatus.CREATED if written.is_created else HTTPStatus.OK),
        content=written.content if returns is Returns.REPRESENTATION else None,
        location=f"{asking.base_url}/{written.path}",
        tag=written.tag,
        modified=instant(written.updated_at),
        outcome=written.outcome if returns is Returns.OUTCOME else None,
        full_url=f"{asking.base_url}/{written.kind}/{written.id}",
    )


def operate(session: Session, entry: Entry, document: Json, asking: Asking) -> Answer:
    """Do an operation: only booking goes well with other things that are done at once.

    Args:
        session: A writing transaction.
        entry: What asks for it.
        document: What it sends, its references already those of this server.
        asking: Who asks, and when.

    Raises:
        NotSupported: It is another operation.
        CareError: See `fhir.operations.book`.
    """
    if (entry.method, entry.path) != ("POST", BOOK):
        raise NotSupported(
            "of the operations only Appointment/$book is done within bundles: send it by itself"
        )
    given = book(session, document, asking)
    return Answer(_status(HTTPStatus(given.status)), given.content, location=given.location)


def deleted() -> Answer:
    """Say that a resource is not there any more."""
    return Answer(_status(HTTPStatus.NO_CONTENT))


def sent_by(entry: Entry) -> Json:
    """Return the resource that an entry sends."""
    if entry.resource is None:
        raise Malformed([Issue("required", "the entry sends no resource", f"{entry.place}.resource")])
    return entry.resource


def look(session: Session, entry: Entry, asking: Asking) -> Answer:
    """Read, search or tell the history, as a GET in a bundle asks for.

    Raises:
        NotSupported: Its address is none of these.
        CareError: See the interaction.
    """
    query = entry.query
    match entry.path:
        case (first, *_) if "$" in first or first == "metadata":
            raise NotSupported("this is not read within bundles: ask for it by itself")
        case ("_history",):
            content = history.system(session, query=query, asking=asking)
        case (kind,):
            content = _search(session, kind, query, asking)
        case (kind, "_history"):
            content = history.kind(session, kind=kind, query=query, asking=asking)
        case (_, second) if second.startswith(("_", "$")):
            raise NotSupported("this is not read within bundles: ask for it by itself")
        case (kind, key):
            return _found(read(session, kind=kind, id=key, viewer=asking.viewer), entry, asking)
        case (kind, key, "_history"):
            content = history.instance(session, kind=kind, id=key, query=query, asking=asking)
        case (kind, key, "_history", version):
            found = history.vread(session, kind=kind, id=key, version=version, viewer=asking.viewer)
            return _found(found, entry, asking)
        case _:
            raise NotSupported("this is not read within bundles: ask for it by itself")
    return Answer(_status(HTTPStatus.OK), content if entry.method == "GET" else None)


def _search(session: Session, kind: str, query: str, asking: Asking) -> bytes:
    note_query(f"{kind}?{query}")
    return search(
        session,
        kind=kind,
        query_string=query,
        base_url=asking.base_url,
        viewer=asking.viewer,
        zone=asking.zone,
        page_key=asking.page_key,
        strict=asking.is_strict,
    )


def _found(found: FoundDocument, entry: Entry, asking: Asking) -> Answer:
    tag = f'W/"{found.version}"'
    is_known = entry.if_none_match is not None and entry.if_none_match.removeprefix("W/") == tag[2:]
    status = HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus.OK
    subset = asked_of_one(entry.query)
    content = found.content if subset is None else subset.cut(found.content)
    return Answer(
        status=_status(status),
        content=content if entry.method == "GET" and not is_known else None,
        tag=tag,
        modified=instant(found.updated_at),
        full_url=f"{asking.base_url}/{entry.path[0]}/{entry.path[1]}",
    )


def _delete(session: Session, entry: Entry, asking: Asking) -> Answer:
    if entry.condition is None:
        writing.delete(session, kind=entry.kind, id=entry.path[1], asking=asking, if_match=entry.if_match)
    else:
        conditional.delete(
            session, kind=entry.kind, query=entry.query, asking=asking, if_match=entry.if_match
        )
    return deleted()


def _status(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"
