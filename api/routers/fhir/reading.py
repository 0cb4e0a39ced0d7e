"""FHIR R4: read and search, the same for every resource. Which there are, `fhir.mapping.registry` says.

https://hl7.org/fhir/R4/http.html. Each address is answered with and without a slash at its end: clients of
gematik's test suite write one, and a redirect would lose their POST.
"""

from email.utils import format_datetime

from fastapi import APIRouter, Depends, Request, Response

from api.auth.policy import READING, may
from api.dependencies import ReadingSessions, ReadSession, SettingsDep, SignedIn
from api.etag import is_known
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import FORM, BaseUrl, Form, Strict, tidy_before_slots
from fhir.read import read
from fhir.search.query import search
from fhir.search.subset import asked_of_one

router = APIRouter(dependencies=[may(*READING), Depends(tidy_before_slots)])


@router.get("/{kind}")
@router.get("/{kind}/", include_in_schema=False)
def search_by_address(
    kind: str,
    request: Request,
    sessions: ReadingSessions,
    viewer: SignedIn,
    settings: SettingsDep,
    base_url: BaseUrl,
    strict: Strict,
) -> Response:
    """Search; `/fhir/metadata` lists the parameters of each kind of resource."""
    with sessions.begin() as session:
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
    return answer(request, content)


@router.post(
    "/{kind}/_search",
    openapi_extra={"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}, "required": False}},
)
@router.post("/{kind}/_search/", include_in_schema=False)
def search_by_form(
    kind: str,
    request: Request,
    form: Form,
    sessions: ReadingSessions,
    viewer: SignedIn,
    settings: SettingsDep,
    base_url: BaseUrl,
    strict: Strict,
) -> Response:
    """Search with parameters in a form, so that no name stands in an address or a log."""
    with sessions.begin() as session:
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
    return answer(request, content)


@router.get("/{kind}/{id}")
@router.get("/{kind}/{id}/", include_in_schema=False)
def read_resource(
    kind: str,
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
) -> Response:
    """Read a resource, or a part of it (`_summary`); 304 if `If-None-Match` names its version."""
    found = read(session, kind=kind, id=id, viewer=viewer)
    tag = f'W/"{found.version}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(found.updated_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if is_known(request, tag, found.updated_at):
        return Response(status_code=304, headers=headers)
    subset = asked_of_one(request.url.query)
    content = found.content if subset is None else subset.cut(found.content)
    return answer(request, content, headers=headers)
