"""FHIR R4: read and search, the same for every resource. Which there are, `fhir.mapping.registry` says.

https://hl7.org/fhir/R4/http.html. Each address is answered with and without a slash at its end: clients of
gematik's test suite write one, and a redirect would lose their POST.
"""

from email.utils import format_datetime
from importlib.metadata import version
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response

from api.dependencies import ReadSession, SettingsDep, SignedIn
from api.errors import FHIR, NotAcceptable, UnsupportedMediaType
from api.etag import is_known
from careapp.errors import Invalid
from fhir.capability import statement
from fhir.read import read
from fhir.search.query import search

FORM = "application/x-www-form-urlencoded"
JSON_NAMES = frozenset({FHIR, "application/json", "text/json", "json", "*/*", "application/*"})
FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})


class UnreadableForm(Invalid):
    """A form's bytes are no text."""


def _refuse_other_formats(request: Request) -> None:
    _require_json(parse_qs(request.url.query).get("_format", []), request.headers.get("accept"))


def _require_json(formats: list[str], accept: str | None) -> None:
    """Refuse a client that wants something else than JSON; `_format` wins over `Accept`.

    Raises:
        NotAcceptable: No name of JSON is among what the client takes.
    """
    # A plus sign that was not escaped has become a space.
    wanted = [name.replace(" ", "+") for name in formats[:1]] or (accept or "*/*").split(",")
    if not any(_is_json(name) for name in wanted):
        raise NotAcceptable("resources are written as application/fhir+json in FHIR 4.0 here: accept that")


def _is_json(media_range: str) -> bool:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    asked = dict(parameter.partition("=")[::2] for parameter in parameters)
    return name in JSON_NAMES and asked.get("fhirversion", "4.0") in FHIR_VERSIONS and asked.get("q") != "0"


async def _form(request: Request) -> str:
    """Read the form of a search as text.

    Raises:
        UnsupportedMediaType: The body is no form.
        UnreadableForm: Its bytes are no text.
        NotAcceptable: It asks for another format.
    """
    media_type = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if media_type != FORM:
        raise UnsupportedMediaType(f"send the search as {FORM}")
    body = await request.body()
    try:
        form = body.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableForm("the form is not in UTF-8: escape other letters with %") from None
    _require_json(parse_qs(form).get("_format", []), request.headers.get("accept"))
    return form


def _base_url(request: Request) -> str:
    return f"{request.base_url}fhir"


def _is_strict(request: Request) -> bool:
    wishes = request.headers.get("prefer", "").replace(" ", "").lower()
    return "handling=strict" in wishes.replace(";", ",").split(",")


BaseUrl = Annotated[str, Depends(_base_url)]
Strict = Annotated[bool, Depends(_is_strict)]
Form = Annotated[str, Depends(_form)]

router = APIRouter(
    prefix="/fhir",
    tags=["fhir"],
    dependencies=[Depends(_refuse_other_formats)],
    default_response_class=Response,
    responses={
        200: {"description": "The resource", "content": {FHIR: {}}},
        "default": {"description": "OperationOutcome", "content": {FHIR: {}}},
    },
)


@router.get("/metadata")
@router.get("/metadata/", include_in_schema=False)
def get_metadata(request: Request, base_url: BaseUrl) -> Response:
    """Tell which resources there are and by what they are found (CapabilityStatement)."""
    content = statement(base_url, version("careapp"), request.app.state.started_at.date())
    return Response(content, media_type=FHIR)


@router.get("/{kind}")
@router.get("/{kind}/", include_in_schema=False)
def search_by_address(
    kind: str,
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    settings: SettingsDep,
    base_url: BaseUrl,
    strict: Strict,
) -> Response:
    """Search; `/fhir/metadata` lists the parameters of each kind of resource."""
    content = search(
        session,
        kind=kind,
        query_string=request.url.query,
        base_url=base_url,
        viewer=viewer,
        zone=settings.zone_info,
        page_key=request.app.state.page_key,
        strict=strict,
    )
    return Response(content, media_type=FHIR)


@router.post(
    "/{kind}/_search",
    openapi_extra={"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}, "required": False}},
)
@router.post("/{kind}/_search/", include_in_schema=False)
def search_by_form(
    kind: str,
    request: Request,
    form: Form,
    session: ReadSession,
    viewer: SignedIn,
    settings: SettingsDep,
    base_url: BaseUrl,
    strict: Strict,
) -> Response:
    """Search with parameters in a form, so that no name stands in an address or a log."""
    content = search(
        session,
        kind=kind,
        query_string="&".join(filter(None, (request.url.query, form))),
        base_url=base_url,
        viewer=viewer,
        zone=settings.zone_info,
        page_key=request.app.state.page_key,
        strict=strict,
    )
    return Response(content, media_type=FHIR)


@router.get("/{kind}/{id}")
@router.get("/{kind}/{id}/", include_in_schema=False)
def read_resource(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
) -> Response:
    """Read a resource; 304 if `If-None-Match` names its version."""
    found = read(session, kind=kind, id=id, viewer=viewer)
    tag = f'W/"{found.version}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(found.updated_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=FHIR, headers=headers)
