"""FHIR R4: what this server offers, as other systems ask before anything else.

https://hl7.org/fhir/R4/http.html#capabilities, https://hl7.org/fhir/smart-app-launch/conformance.html.
"""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.auth.own import issuer_of
from api.auth.policy import anybody
from api.auth.server.metadata import oauth_uris, smart_configuration
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import FORM, BaseUrl, Form
from api.routers.marked import MarkedRouter
from fhir.capability import statement
from fhir.discovery import definitions
from fhir.discovery.answered import Answered, answered_at

PUBLIC = anybody("it tells what is offered, before anybody signs in; nothing of it is about a person")

well_known = MarkedRouter("/.well-known/", tags=["fhir"], dependencies=[PUBLIC])


@well_known.get("/.well-known/smart-configuration", include_in_schema=False)
@well_known.get("/fhir/.well-known/smart-configuration")
def get_smart_configuration(request: Request) -> dict[str, Any]:
    """Tell how clients sign in (SMART App Launch, Backend Services), and which scopes are understood."""
    return smart_configuration(issuer_of(request))


def router_of(groups: Iterable[APIRouter]) -> APIRouter:
    """Make the routes that describe all others.

    Args:
        groups: The routers of the FHIR part, whose addresses lack its base.
    """
    answered = answered_by(groups)
    router = MarkedRouter("/metadata", *(f"/{kind}" for kind in definitions.KINDS), dependencies=[PUBLIC])

    @router.get("/metadata")
    @router.get("/metadata/", include_in_schema=False)
    def get_metadata(request: Request, base_url: BaseUrl) -> Response:
        """Tell which resources there are, by what they are found, what can be done (CapabilityStatement)."""
        content = statement(
            base_url,
            version("careapp"),
            request.app.state.started_at.date(),
            answered=answered,
            oauth=oauth_uris(issuer_of(request)),
        )
        return answer(request, content)

    for kind in definitions.KINDS:
        _add_definitions(router, kind, answered)
    return router


def _add_definitions(router: APIRouter, kind: str, answered: Answered) -> None:
    def search_definitions(request: Request, base_url: BaseUrl) -> Response:
        """Search what this server says of itself."""
        content = definitions.search(kind, request.url.query, answered.operations, base_url)
        return answer(request, content)

    def search_definitions_by_form(request: Request, base_url: BaseUrl, form: Form) -> Response:
        """Search what this server says of itself, with parameters in a form."""
        query = "&".join(filter(None, (request.url.query, form)))
        return answer(request, definitions.search(kind, query, answered.operations, base_url))

    def read_definition(id: str, request: Request) -> Response:  # noqa: A002 -- FHIR's word
        """Read a definition of this server."""
        return answer(request, definitions.read(kind, id, answered.operations))

    form = {"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}, "required": False}}
    for slash in ("", "/"):
        router.get(f"/{kind}{slash}", include_in_schema=not slash)(search_definitions)
        router.post(f"/{kind}/_search{slash}", include_in_schema=not slash, openapi_extra=form)(
            search_definitions_by_form
        )
        router.get(f"/{kind}/{{id}}{slash}", include_in_schema=not slash)(read_definition)


def answered_by(groups: Iterable[APIRouter]) -> Answered:
    """Read which interactions and operations some routers answer."""
    return answered_at(
        (method, route.path)
        for group in groups
        for route in group.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )
