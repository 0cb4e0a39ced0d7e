"""Leave for the sign-in provider, and come back."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.auth import cookie as cookies
from api.auth import pages
from api.auth.external import External, NoRightHere, ProviderAway, ProviderRefused
from api.auth.landing import signed_in
from api.auth.next_page import local_address
from api.auth.party import origin_of_pages
from api.auth.policy import anybody
from api.auth.signing_in import Asker, asker_of, new_asker
from api.dependencies import Now, SettingsDep
from careapp.errors import CareError, NotFound

router = APIRouter(prefix="/sign-in/external", include_in_schema=False)

PROVES_ITSELF = "it is how people come to be signed in, and tells nothing about anybody"


class NoProvider(NotFound):
    """The settings name no provider through which people sign in."""


@router.get("", dependencies=[anybody(PROVES_ITSELF)])
async def leave(
    request: Request,
    settings: SettingsDep,
    now: Now,
    next_address: Annotated[str | None, Query(alias="next")] = None,
) -> Response:
    """Send the browser to the provider."""
    external = _external(request)
    asker: Asker = new_asker(request, secrets.token_urlsafe(32), local_address(next_address))
    try:
        address = await external.begin(request, asker, origin=origin_of_pages(request, settings), now=now)
    except ProviderAway as away:
        return _refused(request, away)
    response = RedirectResponse(address, 302)
    cookies.set_step_cookie(response, asker.step)
    return response


@router.get("/callback", dependencies=[anybody(PROVES_ITSELF)])
async def come_back(request: Request, now: Now) -> Response:
    """Sign the browser in that comes back from the provider."""
    external, asker = _external(request), asker_of(request, None)
    if asker is None:
        return _refused(request, ProviderRefused("the browser did not leave from here"))
    try:
        answer = await external.finish(request, asker, now=now)
    except (ProviderAway, ProviderRefused, NoRightHere) as refused:
        return _refused(request, refused)
    return signed_in(answer)


def _external(request: Request) -> External:
    found: External | None = request.app.state.external
    if found is None:
        raise NoProvider("people sign in with accounts of this service: open /sign-in")
    return found


def _refused(request: Request, error: CareError) -> Response:
    texts = pages.texts_for(request)
    said = texts.no_right if isinstance(error, NoRightHere) else texts.provider_refused
    status = 503 if isinstance(error, ProviderAway) else 403
    link = f'<p><a class="button" href="/sign-in">{texts.sign_in_again}</a></p>'
    return pages.page(texts, texts.sign_in, f"{pages.alert(said)}\n{link}", status=status)
