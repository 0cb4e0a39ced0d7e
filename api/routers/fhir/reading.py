"""FHIR R4: read and search, the same for every resource. Which there are, `fhir.mapping.registry` says.

https://hl7.org/fhir/R4/http.html. Each address is answered with and without a slash at its end: clients of
gematik's test suite write one, and a redirect would lose their POST.
"""

from functools import partial

from fastapi import APIRouter, Depends, Request, Response

from api.auth.policy import READING, may
from api.dependencies import SignedIn
from api.reading import with_reading
from api.routers.fhir.answers import answer, answer_version
from api.routers.fhir.asked import FORM, AskingDep, Form, up_to_date_first
from fhir.asking import Asking
from fhir.read import FoundDocument, read
from fhir.search.query import search
from fhir.search.subset import asked_of_one

router = APIRouter(dependencies=[may(*READING), Depends(up_to_date_first)])


@router.get("/{kind}")
@router.get("/{kind}/", include_in_schema=False)
async def search_by_address(kind: str, request: Request, asking: AskingDep) -> Response:
    """Search; `/fhir/metadata` lists the parameters of each kind of resource."""
    return await _search(kind, request.url.query, request, asking)


@router.post(
    "/{kind}/_search",
    openapi_extra={"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}, "required": False}},
)
@router.post("/{kind}/_search/", include_in_schema=False)
async def search_by_form(kind: str, request: Request, form: Form, asking: AskingDep) -> Response:
    """Search with parameters in a form, so that no name stands in an address or a log."""
    return await _search(kind, "&".join(filter(None, (request.url.query, form))), request, asking)


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


async def _search(kind: str, query: str, request: Request, asking: Asking) -> Response:
    work = partial(
        search,
        kind=kind,
        query_string=query,
        base_url=asking.base_url,
        viewer=asking.viewer,
        zone=asking.zone,
        page_key=asking.page_key,
        strict=asking.is_strict,
    )
    return await with_reading(request, asking.viewer, work, partial(answer, request))
