"""FHIR R4: read and search, the same for every resource. Which there are, `fhir.mapping.registry` says.

https://hl7.org/fhir/R4/http.html. Each address is answered with and without a slash at its end: clients of
gematik's test suite write one, and a redirect would lose their POST.
"""

from functools import partial

from fastapi import APIRouter, Depends, Request, Response

from api.auth.policy import READING, may
from api.dependencies import SettingsDep, SignedIn
from api.reading import with_reading
from api.routers.fhir.answers import answer, answer_version
from api.routers.fhir.asked import FORM, BaseUrl, Form, Strict, tidy_before_slots
from careapp.access import Viewer
from careapp.config import Settings
from fhir.read import FoundDocument, read
from fhir.search.query import search
from fhir.search.subset import asked_of_one

router = APIRouter(dependencies=[may(*READING), Depends(tidy_before_slots)])


@router.get("/{kind}")
@router.get("/{kind}/", include_in_schema=False)
async def search_by_address(
    kind: str, request: Request, viewer: SignedIn, settings: SettingsDep, base_url: BaseUrl, strict: Strict
) -> Response:
    """Search; `/fhir/metadata` lists the parameters of each kind of resource."""
    return await _search(kind, request.url.query, request, viewer, settings, base_url, strict=strict)


@router.post(
    "/{kind}/_search",
    openapi_extra={"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}, "required": False}},
)
@router.post("/{kind}/_search/", include_in_schema=False)
async def search_by_form(
    kind: str,
    request: Request,
    form: Form,
    viewer: SignedIn,
    settings: SettingsDep,
    base_url: BaseUrl,
    strict: Strict,
) -> Response:
    """Search with parameters in a form, so that no name stands in an address or a log."""
    query = "&".join(filter(None, (request.url.query, form)))
    return await _search(kind, query, request, viewer, settings, base_url, strict=strict)


@router.get("/{kind}/{id}")
@router.get("/{kind}/{id}/", include_in_schema=False)
async def read_resource(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    viewer: SignedIn,
) -> Response:
    """Read a resource, or a part of it (`_summary`); 304 if `If-None-Match` names its version."""

    def show(found: FoundDocument) -> Response:
        subset = asked_of_one(request.url.query)
        return answer_version(request, found, found.content if subset is None else subset.cut(found.content))

    return await with_reading(request, viewer, partial(read, kind=kind, id=id, viewer=viewer), show)


async def _search(
    kind: str,
    query: str,
    request: Request,
    viewer: Viewer,
    settings: Settings,
    base_url: str,
    *,
    strict: bool,
) -> Response:
    work = partial(
        search,
        kind=kind,
        query_string=query,
        base_url=base_url,
        viewer=viewer,
        zone=settings.zone_info,
        page_key=request.app.state.page_key,
        strict=strict,
    )
    return await with_reading(request, viewer, work, partial(answer, request))
