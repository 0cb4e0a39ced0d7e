"""Pages of signing in and out, and who is signed in."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.auth import cookie as cookies
from api.auth import pages
from api.auth.csrf import ForgedRequest, csrf_of, is_token
from api.auth.external import External
from api.auth.landing import retry_after, signed_in, waiting
from api.auth.next_page import local_address
from api.auth.party import origin_of_pages
from api.auth.policy import anybody, may
from api.auth.signing_in import SignIn, asker_of
from api.auth.texts import Texts
from api.dependencies import Now, ReadSession, SettingsDep, SignedIn
from api.etag import tagged
from api.shapes import NamedOut, Out, shown_as
from careapp.access import ViewerRole
from careapp.identity.models import Account, Language
from careapp.identity.web_sessions import close_web_session
from careapp.organisations.models import Organisation

router = APIRouter(include_in_schema=False)
me_router = APIRouter(prefix="/api", tags=["me"])

PROVES_ITSELF = "it is how people come to be signed in, and tells nothing about anybody"
EVERYBODY_SIGNED_IN = tuple(ViewerRole)

Text = Annotated[str, Form()]


class MeOut(Out):
    """Who is signed in, and what a page needs to write."""

    model_config = shown_as(
        {
            "name": "0b2f9c0e-7e4f-4a55-9f43-0f1c5d1c8e01",
            "login": "demo-coordinator",
            "role": "coordinator",
            "organisation": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c05", "name": "Pflegedienst Beispiel"},
            "practitioner_id": None,
            "scopes": None,
            "language": "de",
            "csrf_token": "1m0g3Cw0mLkq8s9Q0Jv0VY6w3yQ0o0a8m4mJb1f7l2E",
            "signed_in_until": "2026-03-03T19:00:00Z",
        }
    )

    name: str
    login: str | None
    role: ViewerRole
    organisation: NamedOut | None
    practitioner_id: UUID | None
    scopes: list[str] | None
    language: Language | None
    csrf_token: str | None
    signed_in_until: datetime | None


@me_router.get("/me", dependencies=[may(*EVERYBODY_SIGNED_IN)])
def get_me(request: Request, session: ReadSession, viewer: SignedIn) -> MeOut:
    """Tell who is signed in, and the token that a page's writes carry in the header X-CSRF-Token."""
    web_session = cookies.web_session_of(request)
    account_id = None if web_session is None else web_session.account_id
    account = None if account_id is None else session.get(Account, account_id)
    organisation = (
        None if viewer.organisation_id is None else session.get(Organisation, viewer.organisation_id)
    )
    return MeOut(
        name=viewer.name,
        login=None if account is None else account.login,
        role=viewer.role,
        organisation=None if organisation is None else NamedOut(id=organisation.id, name=organisation.name),
        practitioner_id=viewer.practitioner_id,
        scopes=None if viewer.scopes is None else sorted(viewer.scopes),
        language=None if web_session is None else web_session.language,
        csrf_token=None if web_session is None else cookies.csrf_token(request),
        signed_in_until=None if web_session is None else web_session.ends_at,
    )


@router.get("/sign-in/style.css", dependencies=[anybody("a style sheet holds no data")])
def send_style(request: Request) -> Response:
    """Send the pages' style."""
    return tagged(request, pages.static_file("sign_in.css"), media_type="text/css; charset=utf-8")


@router.get("/sign-in/passkeys.js", dependencies=[anybody("a script holds no data")])
def send_script(request: Request) -> Response:
    """Send the pages' only script: browsers speak with passkeys through one."""
    return tagged(request, pages.static_file("passkeys.js"), media_type="text/javascript; charset=utf-8")


@router.get("/sign-in", dependencies=[anybody(PROVES_ITSELF)])
async def show_sign_in(
    request: Request,
    next_address: Annotated[str | None, Query(alias="next")] = None,
) -> Response:
    """Ask for name and password."""
    return _with_step(
        request,
        lambda step: pages.sign_in_page(
            pages.texts_for(request),
            csrf=csrf_of(step),
            next_address=local_address(next_address),
            has_provider=request.app.state.external is not None,
        ),
    )


@router.post("/sign-in", dependencies=[anybody(PROVES_ITSELF)])
async def sign_in(
    request: Request,
    now: Now,
    login: Text = "",
    password: Text = "",
    next_address: Annotated[str, Form(alias="next")] = "",
    csrf_token: Text = "",
    lang: Text = "",
) -> Response:
    """Sign in with name and password, or show the page again with what was wrong."""
    texts = pages.texts_for(request, lang)
    asker = asker_of(request, next_address)
    if asker is None or not is_token(csrf_token, asker.step):
        return _again(request, texts, next_address, login, texts.begin_again, 403)
    desk: SignIn = request.app.state.sign_in
    answer = await desk.with_password(login, password, asker, now=now)
    if answer.wait is not None:
        return _again(request, texts, next_address, login, waiting(texts, answer.wait), 429, answer.wait)
    if answer.needs_code:
        return RedirectResponse(f"/sign-in/code?lang={texts.language.value}", 303)
    if answer.cookie is None:
        return _again(request, texts, next_address, login, texts.wrong_password, 403)
    return signed_in(answer)


@router.get("/sign-out", dependencies=[anybody("it shows nothing but a button")])
async def show_sign_out(request: Request) -> Response:
    """Ask whether to sign out."""
    csrf = cookies.csrf_token(request)
    if csrf is None:
        return RedirectResponse("/signed-out", 303)
    external: External | None = request.app.state.external
    form_to = None if external is None else external.provider.origin
    return pages.sign_out_page(pages.texts_for(request), csrf=csrf, form_to=form_to)


@router.post("/sign-out", dependencies=[anybody("signing out harms nobody, and its form is our own")])
async def sign_out(request: Request, settings: SettingsDep, now: Now, csrf_token: Text = "") -> Response:
    """Sign out, here and at the provider that signed in."""
    value, address = request.cookies.get(cookies.COOKIE), "/signed-out"
    if value is not None:
        if not is_token(csrf_token, value):
            raise ForgedRequest("sign out with the button of the page /sign-out")
        closed = await run_in_threadpool(_close, request, value, now)
        request.app.state.web_sessions.forget(value)
        external: External | None = request.app.state.external
        if closed is not None and external is not None:
            name, tokens = closed
            origin = origin_of_pages(request, settings)
            address = await external.sign_out_address(tokens, name, origin=origin) or address
    response = RedirectResponse(address, 303, {"Clear-Site-Data": '"cache", "storage"'})
    cookies.drop_cookie(response)
    return response


@router.get("/signed-out", dependencies=[anybody("the page holds no data about anybody")])
async def show_signed_out(request: Request) -> Response:
    """Say that nobody is signed in any more."""
    return pages.signed_out_page(pages.texts_for(request))


def _close(request: Request, value: str, now: datetime) -> tuple[str, bytes] | None:
    with request.app.state.sessions.begin() as session:
        return close_web_session(session, value, now=now)


def _with_step(request: Request, show: Callable[[str], Response]) -> Response:
    """Show a page whose form is bound to this browser."""
    known = request.cookies.get(cookies.STEP_COOKIE)
    step = known if known is not None and len(known) <= cookies.MOST_COOKIE else secrets.token_urlsafe(32)
    response = show(step)
    cookies.set_step_cookie(response, step)
    return response


def _again(
    request: Request,
    texts: Texts,
    next_address: str,
    login: str,
    complaint: str,
    status: int,
    wait: timedelta | None = None,
) -> Response:
    response = _with_step(
        request,
        lambda step: pages.sign_in_page(
            texts,
            csrf=csrf_of(step),
            next_address=local_address(next_address),
            login=login[:64],
            complaint=complaint,
            status=status,
            has_provider=request.app.state.external is not None,
        ),
    )
    return response if wait is None else retry_after(response, wait)
