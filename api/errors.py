"""The one place where an error becomes a response.

Under `/fhir` an error is an OperationOutcome, everywhere else it is a problem in detail (RFC 9457). Nothing
here repeats what a request carried: a body, a query or a path may hold a patient's name.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from traceback import extract_tb
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from api.auth.next_page import sign_in_address
from api.auth.seats import NoSeat
from api.auth.viewers import NotSignedIn, TokenRefused
from api.edge.arrival import AddressTooLong, HeadersTooLarge
from api.formats import written
from careapp.db_errors import explain_database_error
from careapp.errors import CareError, Conflict, Forbidden, Invalid, NotFound, Throttled, Unavailable
from fhir.formats.media import NotAcceptable, UnsupportedMediaType
from fhir.interactions.bundle import Refusal
from fhir.interactions.work import EntryRefused
from fhir.issues import (
    Issue,
    Malformed,
    NotSupported,
    Rejected,
    SeveralMatch,
    TooMuchAtOnce,
    VersionConflict,
)
from fhir.outcome import outcome_of
from fhir.read import DocumentGone
from fhir.search.paging import PageGone
from fhir.search.parameter import InvalidSearch

LOG = logging.getLogger("careapp.api")

PROBLEM = "application/problem+json"
FHIR = "application/fhir+json"
RETRY_AFTER_S = 5


@dataclass(frozen=True)
class Kind:
    """What a kind of error is on the wire.

    Attributes:
        status: HTTP status.
        issue: Code of FHIR's IssueType.
        title: What happened, in words that fit every error of the kind.
    """

    status: int
    issue: str
    title: str


# Of HTTP's own errors; any other status is "processing".
ISSUES = {404: "not-found", 405: "not-supported", 406: "not-supported", 413: "too-long", 415: "not-supported"}


# The first that fits counts.
KINDS: Mapping[type[CareError], Kind] = {
    PageGone: Kind(410, "expired", "No longer here"),
    DocumentGone: Kind(410, "deleted", "No longer here"),
    NotAcceptable: Kind(406, "not-supported", "That format is not written here"),
    UnsupportedMediaType: Kind(415, "not-supported", "That format is not read here"),
    NotSupported: Kind(405, "not-supported", "That is not done here"),
    TooMuchAtOnce: Kind(429, "throttled", "Too much at once"),
    Throttled: Kind(429, "throttled", "Too much at once"),
    VersionConflict: Kind(412, "conflict", "The world has changed"),
    SeveralMatch: Kind(412, "multiple-matches", "More than one fits"),
    Malformed: Kind(400, "invalid", "The request cannot succeed as it stands"),
    Rejected: Kind(422, "processing", "The request cannot succeed as it stands"),
    AddressTooLong: Kind(414, "too-long", "The address is too long"),
    HeadersTooLarge: Kind(431, "too-long", "The headers are too large"),
    NotSignedIn: Kind(401, "login", "Not signed in"),
    NotFound: Kind(404, "not-found", "Not found"),
    Conflict: Kind(409, "conflict", "The world has changed"),
    Invalid: Kind(400, "invalid", "The request cannot succeed as it stands"),
    Forbidden: Kind(403, "forbidden", "Not allowed"),
    Unavailable: Kind(503, "transient", "Something needed does not answer"),
    CareError: Kind(500, "exception", "Something went wrong on our side"),
}


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong with a request.

    Attributes:
        place: `body`, `query`, `path` or `header`.
        pointer: JSON Pointer (RFC 6901) into that place.
        sentence: What to send instead.
    """

    place: str
    pointer: str
    sentence: str


def install(app: FastAPI) -> None:
    """Let this module answer every error of the application but the unexpected (see `api.middleware`)."""
    app.add_exception_handler(CareError, answer_care_error)
    app.add_exception_handler(SQLAlchemyError, _answer_database_error)
    app.add_exception_handler(RequestValidationError, _answer_bad_request)
    app.add_exception_handler(HTTPException, _answer_http_error)


def kind_of(error: CareError) -> Kind:
    """Return what an error's kind is on the wire; of an entry of a bundle, what its cause is."""
    if isinstance(error, EntryRefused):
        return kind_of(error.cause)
    return next(kind for cls, kind in KINDS.items() if isinstance(error, cls))


def answer_unexpected(request: Request, error: Exception, request_id: str) -> Response:
    """Log what nobody foresaw, without the values at hand, and answer 500 with the request's id."""
    LOG.error("request %s failed: %s at %s", request_id, type(error).__name__, "; ".join(frames_of(error)))
    return answer(
        request,
        status=500,
        issue="exception",
        name="unexpected",
        title="Something went wrong on our side",
        sentence=f"Something went wrong on our side. Tell the operator the request's id: {request_id}",
    )


def answer(
    request: Request,
    *,
    status: int,
    issue: str,
    name: str | None,
    title: str,
    sentence: str,
    complaints: Sequence[Complaint] = (),
    issues: Sequence[Issue] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write an error as the part of the application that was asked speaks.

    Args:
        request: What was asked.
        status: HTTP status.
        issue: Code of FHIR's IssueType.
        name: Stable name of the error for programs; None if the status says it all.
        title: The same for every error of this name.
        sentence: What happened and what to do.
        complaints: One for each thing wrong with the request.
        issues: The same for the FHIR part; none: the sentence says it all.
        headers: Further headers.
    """
    if is_fhir(request):
        body, media_type = written(request, outcome_of(issues or [Issue(issue, sentence)]))
        return Response(body, status, {"Vary": "Accept", **(headers or {})}, media_type)
    problem: dict[str, Any] = {
        "type": f"urn:careapp:problem:{name}" if name else "about:blank",
        "title": title,
        "status": status,
        "detail": sentence,
        "instance": f"urn:careapp:request:{request.scope.get('careapp.request_id', 'unknown')}",
    }
    if complaints:
        problem["errors"] = [
            {"in": each.place, "pointer": f"#{each.pointer}", "detail": each.sentence} for each in complaints
        ]
    return Response(orjson.dumps(problem), status, dict(headers or {}), PROBLEM)


def is_fhir(request: Request) -> bool:
    """Tell whether the request went to the FHIR part."""
    return is_fhir_path(request.url.path)


def is_fhir_path(path: str) -> bool:
    """Tell whether an address belongs to the FHIR part."""
    return path == "/fhir" or path.startswith("/fhir/")


def refusal(error: CareError) -> Refusal:
    """Return what an error of the FHIR part is on the wire."""
    return Refusal(kind_of(error).status, outcome_of(issues_of(error)))


def issues_of(error: CareError) -> Sequence[Issue]:
    """Return what an error of the FHIR part says: all that is wrong, each with its place if it has one."""
    if isinstance(error, EntryRefused | Rejected) and error.issues:
        return error.issues
    cause = error.cause if isinstance(error, EntryRefused) else error
    place = error.place if isinstance(error, EntryRefused | InvalidSearch) else None
    return [Issue(kind_of(cause).issue, str(cause), place)]


def answer_care_error(request: Request, error: Exception) -> Response:
    """Answer an error that says what to do."""
    assert isinstance(error, CareError)  # noqa: S101 -- Starlette calls it with the class it was installed for
    if isinstance(error, NotSignedIn) and _is_page(request):
        return RedirectResponse(sign_in_address(f"{request.url.path}?{request.url.query}".rstrip("?")), 303)
    if isinstance(error, NoSeat) and request.url.path.startswith("/join/"):
        return RedirectResponse("/join", 303)
    kind = kind_of(error)
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.warning("request %s: %s", request.scope.get("careapp.request_id"), type(error).__name__)
    waiting = {}
    if isinstance(error, Throttled):
        waiting["Retry-After"] = str(error.retry_after_s)
    elif kind.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        waiting["Retry-After"] = str(RETRY_AFTER_S)
    if isinstance(error, NotSignedIn):  # RFC 6750, 3
        refused = ', error="invalid_token"' if isinstance(error, TokenRefused) else ""
        waiting["WWW-Authenticate"] = f'Bearer realm="careapp"{refused}'
    return answer(
        request,
        status=kind.status,
        issue=kind.issue,
        name=_kebab(type(error).__name__),
        title=kind.title,
        sentence=str(error),
        issues=issues_of(error),
        headers=waiting,
    )


def _is_page(request: Request) -> bool:
    """Tell whether a person opened an address in a browser, rather than a program asked."""
    return (
        request.method == "GET"
        and not request.url.path.startswith(("/api/", "/fhir"))
        and "text/html" in request.headers.get("accept", "")
    )


def _answer_database_error(request: Request, error: Exception) -> Response:
    explained = explain_database_error(error)
    if explained is None:
        raise error
    return answer_care_error(request, explained)


def _answer_http_error(request: Request, error: Exception) -> Response:
    status: int = getattr(error, "status_code", 500)
    return answer(
        request,
        status=status,
        issue=ISSUES.get(status, "processing"),
        name=None,
        title=HTTPStatus(status).phrase,
        sentence=_HTTP_SENTENCES.get(status, HTTPStatus(status).description or HTTPStatus(status).phrase),
        headers=getattr(error, "headers", None),
    )


_HTTP_SENTENCES = {
    400: "The body cannot be read: send JSON in UTF-8",
    404: "There is nothing at this address: /openapi.json lists what there is",
    405: "This address does not take that method: the header Allow lists those it takes",
    413: "The body is too large",
}


def _answer_bad_request(request: Request, error: Exception) -> Response:
    found = list(getattr(error, "errors", list)())
    if any(each["type"] == "json_invalid" for each in found):
        return _bad(request, 400, "malformed-json", "The body is not JSON", ())
    if _is_wrong_media_type(request, found):
        return _bad(request, 415, "unsupported-media-type", "Send the body as application/json", ())
    complaints = [_complaint(each) for each in found]
    in_body = all(each.place == "body" for each in complaints)
    sentence = "; ".join(
        f"{each.pointer.removeprefix('/') or each.place}: {each.sentence}" for each in complaints
    )
    return _bad(request, 422 if in_body else 400, "invalid-request", sentence, complaints)


def _bad(
    request: Request, status: int, name: str, sentence: str, complaints: Sequence[Complaint]
) -> Response:
    return answer(
        request,
        status=status,
        issue="invalid",
        name=name,
        title=KINDS[Invalid].title,
        sentence=sentence,
        complaints=complaints,
    )


def _is_wrong_media_type(request: Request, found: Sequence[Mapping[str, Any]]) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    return not is_json and any(
        tuple(each["loc"]) == ("body",) and each["type"] in ("model_attributes_type", "dict_type")
        for each in found
    )


# Pydantic's own words for these repeat a piece of the input.
_OWN_WORDS = {
    "missing": "is required",
    "extra_forbidden": "holds a field that is not known here",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "model_attributes_type": "must be a JSON object",
}


def _complaint(found: Mapping[str, Any]) -> Complaint:
    place, *steps = found["loc"]
    if found["type"] == "extra_forbidden":  # the last step is a name that the client made up
        steps = steps[:-1]
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    sentence = _OWN_WORDS.get(found["type"], str(found["msg"]).removeprefix("Value error, "))
    return Complaint(str(place), pointer, sentence)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def frames_of(error: Exception) -> list[str]:
    """Name where an error came from, innermost last: files, lines and functions, no values."""
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in extract_tb(error.__traceback__)[-8:]
    ]
