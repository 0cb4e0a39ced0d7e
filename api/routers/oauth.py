"""The authorization server's addresses: where people agree, and where clients ask for tokens."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.orm import Session, sessionmaker

from api.auth import cookie as cookies
from api.auth import pages
from api.auth.next_page import sign_in_address
from api.auth.own import issuer_of
from api.auth.policy import anybody
from api.auth.server import authorizing, consent
from api.auth.server.client_keys import ClientKeys, announced_client
from api.auth.server.core import TOKEN, House, Server
from api.auth.server.grant_types import identity_of
from api.auth.server.metadata import AUTHORIZE, INTROSPECT, JWKS, REVOKE, USER_INFO, metadata
from api.auth.server.requests import Answer, FormRequest, Pairs, is_sound
from api.auth.viewers import NotSignedIn
from api.dependencies import SignedIn
from careapp.access import Viewer
from careapp.errors import Forbidden
from careapp.identity.clients import find_client
from careapp.identity.signing_keys import public_keys
from fhir.scopes import OPENID

router = APIRouter(include_in_schema=False)

MOST_FORM_BYTES = 100_000
MOST_FIELDS = 60
PROVES_ITSELF = "whoever asks proves themselves by the request itself: a client, a code, a token"
ASKS_ITSELF = anybody("it asks for a sign-in itself, and tells nothing about anybody before")
PUBLISHED = anybody("it tells what is offered, before anybody signs in; nothing of it is about a person")


class ScopeMissing(Forbidden):
    """A token does not allow what was asked."""


@router.get("/.well-known/openid-configuration", dependencies=[PUBLISHED])
@router.get("/.well-known/oauth-authorization-server", dependencies=[PUBLISHED])
async def get_configuration(request: Request) -> dict[str, Any]:
    """Tell clients where to go and what is understood."""
    return metadata(issuer_of(request))


@router.get(JWKS, dependencies=[PUBLISHED])
def get_keys(request: Request) -> dict[str, Any]:
    """Tell the public keys of all tokens that are about."""
    with request.app.state.reading_sessions.begin() as session:  # nobody is signed in who asks for them
        return {"keys": public_keys(session)}


@router.get(AUTHORIZE, dependencies=[ASKS_ITSELF])
async def ask_person(request: Request) -> Response:
    """Ask whoever sits at the browser whether a client may act in their name."""
    return await _authorize(request, None)


@router.post(AUTHORIZE, dependencies=[ASKS_ITSELF])
async def hear_person(request: Request) -> Response:
    """Hear what they say."""
    form = dict(await _form(request))
    decision = authorizing.Decision(form.get(consent.DECISION) == consent.ALLOW, form.get(consent.PATIENT))
    return await _authorize(request, decision)


@router.post(TOKEN, dependencies=[anybody(PROVES_ITSELF)])
async def issue_tokens(request: Request) -> Response:
    """Give a client tokens."""
    return await _served(request, Server.answer_token_request)


@router.post(REVOKE, dependencies=[anybody(PROVES_ITSELF)])
async def revoke_token(request: Request) -> Response:
    """End a token (RFC 7009)."""
    return await _served(request, lambda server, asked: server.answer_at("revocation", asked))


@router.post(INTROSPECT, dependencies=[anybody(PROVES_ITSELF)])
async def introspect_token(request: Request) -> Response:
    """Tell what a token says (RFC 7662)."""
    return await _served(request, lambda server, asked: server.answer_at("introspection", asked))


@router.get(USER_INFO, dependencies=[anybody("it asks for a token with the scope openid itself")])
@router.post(USER_INFO, dependencies=[anybody("it asks for a token with the scope openid itself")])
async def get_user_info(request: Request, viewer: SignedIn) -> dict[str, Any]:
    """Tell a client who signed in.

    Raises:
        ScopeMissing: The token lacks `openid`.
    """
    scopes = viewer.scopes or frozenset()
    if OPENID not in scopes:
        raise ScopeMissing("the token lacks the scope openid")
    return identity_of(viewer.name, viewer.practitioner_id, " ".join(scopes), issuer_of(request))


async def _authorize(request: Request, decision: authorizing.Decision | None) -> Response:
    viewer = await _browser(request)
    if decision is not None and viewer is None:
        raise NotSignedIn("your sign-in is over: go back to the application and begin again")
    found = cookies.web_session_of(request)
    lifetimes = request.app.state.web_sessions.lifetimes
    auth_time = None if found is None else found.ends_at - lifetimes.whole
    pairs = _pairs(request.url.query)
    house = _house(request)
    sessions: sessionmaker[Session] = request.app.state.sessions

    def work() -> authorizing.Outcome:
        with sessions.begin() as session:
            return authorizing.authorize(
                session, house, pairs, viewer=viewer, auth_time=auth_time, decision=decision
            )

    outcome = await run_in_threadpool(work)
    texts = pages.texts_for(request)
    address = f"{AUTHORIZE}?{request.url.query}"
    match outcome:
        case authorizing.SendTo():
            return RedirectResponse(outcome.address, authorizing.REDIRECT_CODE)
        case authorizing.SignInFirst():
            return RedirectResponse(sign_in_address(address), 303)
        case authorizing.Refusal():
            return consent.refusal_page(texts, is_known=outcome.is_known)
        case consent.Question():
            csrf = cookies.csrf_token(request) or ""
            return consent.consent_page(texts, outcome, action=address, csrf=csrf)


async def _browser(request: Request) -> Viewer | None:
    try:
        return await cookies.cookie(request)
    except NotSignedIn:  # the session is over
        return None


async def _served(request: Request, serve: Callable[[Server, FormRequest], Answer]) -> Response:
    pairs = await _form(request)
    if not is_sound(pairs):
        return JSONResponse({"error": "invalid_request"}, 400)
    house = _house(request)
    asked = FormRequest("POST", pairs, request.headers)
    state = request.app.state
    sessions: sessionmaker[Session] = state.sessions
    reading: sessionmaker[Session] = state.reading_sessions

    def work() -> tuple[Answer, bool]:
        _fetch_keys(reading, house.client_keys, pairs)
        with sessions.begin() as session:
            server = Server(session, house)
            return serve(server, asked), server.has_revoked

    answer, has_revoked = await run_in_threadpool(work)
    if has_revoked:
        state.tokens.forget()
    return JSONResponse(answer.body, answer.status, dict(answer.headers) | {"Cache-Control": "no-store"})


def _fetch_keys(reading: sessionmaker[Session], keys: ClientKeys, pairs: Pairs) -> None:
    """Ask for the keys of a client that publishes them, while no transaction waits for the answer."""
    named = announced_client(pairs)
    if named is None:
        return
    with reading.begin() as session:
        client = find_client(session, named)
        url = None if client is None else client.jwks_url
    if url is not None:
        keys.fetch(url)


async def _form(request: Request) -> Pairs:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if media_type != "application/x-www-form-urlencoded" or len(body) > MOST_FORM_BYTES:
        return [("", "\0")]  # not sound, so it is refused
    try:
        return _pairs(body.decode())
    except UnicodeDecodeError:
        return [("", "\0")]


def _pairs(encoded: str) -> Pairs:
    try:
        return parse_qsl(encoded, max_num_fields=MOST_FIELDS)
    except ValueError:  # too many
        return [("", "\0")]


def _house(request: Request) -> House:
    state = request.app.state
    return House(state.settings, state.keyring, state.client_keys, issuer_of(request), state.clock())
