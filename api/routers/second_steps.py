"""Sign in with the code of an authenticator app, or with a passkey."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Form, Header, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.auth import cookie as cookies
from api.auth import pages
from api.auth.csrf import HEADER, ForgedRequest, csrf_of, is_token
from api.auth.landing import landing, retry_after, signed_in, waiting
from api.auth.party import party_of
from api.auth.policy import anybody
from api.auth.signing_in import Asker, SignIn, asker_of
from api.dependencies import Now, SettingsDep

router = APIRouter(prefix="/sign-in", include_in_schema=False)

PROVES_ITSELF = "it is how people come to be signed in, and tells nothing about anybody"

Text = Annotated[str, Form()]
Token = Annotated[str, Header(alias=HEADER)]
Json = Annotated[dict[str, Any], Body()]


@router.get("/code", dependencies=[anybody(PROVES_ITSELF)])
async def show_code(request: Request) -> Response:
    """Ask for the code of an authenticator app."""
    asker = asker_of(request, None)
    if asker is None:
        return RedirectResponse("/sign-in", 303)
    return pages.code_page(pages.texts_for(request), csrf=csrf_of(asker.step))


@router.post("/code", dependencies=[anybody(PROVES_ITSELF)])
async def send_code(
    request: Request, now: Now, code: Text = "", csrf_token: Text = "", lang: Text = ""
) -> Response:
    """Sign in with the code, or show the page again with what was wrong."""
    texts = pages.texts_for(request, lang)
    asker = asker_of(request, None)
    if asker is None or not is_token(csrf_token, asker.step):
        return RedirectResponse("/sign-in", 303)
    desk: SignIn = request.app.state.sign_in
    answer = await desk.with_code(code, asker, now=now)
    if answer.is_over:
        return RedirectResponse("/sign-in", 303)
    csrf = csrf_of(asker.step)
    if answer.wait is not None:
        shown = pages.code_page(texts, csrf=csrf, complaint=waiting(texts, answer.wait), status=429)
        return retry_after(shown, answer.wait)
    if answer.cookie is None:
        return pages.code_page(texts, csrf=csrf, complaint=texts.wrong_code, status=403)
    return signed_in(answer)


@router.post("/passkey/challenge", dependencies=[anybody(PROVES_ITSELF)])
def ask_for_passkey(
    request: Request, body: Json, now: Now, settings: SettingsDep, token: Token = ""
) -> Response:
    """Tell the page's script what to ask the device."""
    wanted = body.get("next")
    asker = _asker(request, token, wanted if isinstance(wanted, str) else None)
    desk: SignIn = request.app.state.sign_in
    return JSONResponse(desk.ask_for_passkey(asker, party_of(request, settings), now=now))


@router.post("/passkey", dependencies=[anybody(PROVES_ITSELF)])
def send_passkey(
    request: Request, body: Json, now: Now, settings: SettingsDep, token: Token = ""
) -> Response:
    """Sign in with what the device has signed; tells the script where to go on."""
    asker = _asker(request, token, None)
    desk: SignIn = request.app.state.sign_in
    answer = desk.with_passkey(body, asker, party_of(request, settings), now=now)
    response = JSONResponse({"next": landing(answer)})
    assert answer.cookie is not None  # noqa: S101 -- else it raises
    cookies.set_cookie(response, answer.cookie)
    cookies.drop_cookie(response, cookies.STEP_COOKIE)
    return response


def _asker(request: Request, token: str, wanted: str | None) -> Asker:
    asker = asker_of(request, wanted)
    if asker is None or not is_token(token, asker.step):
        raise ForgedRequest("open the page /sign-in again")
    return asker
