"""People see and change how they sign in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.orm import Session

from api.auth import account_pages, pages
from api.auth import cookie as cookies
from api.auth.landing import waiting
from api.auth.party import party_of
from api.auth.policy import may
from api.auth.signing_in import SignIn
from api.auth.texts import Texts
from api.dependencies import Now, SettingsDep, SignedIn
from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.errors import Forbidden
from careapp.identity import accounts, passkeys, second_factors, web_sessions
from careapp.identity.models import Account, Passkey, StepPurpose
from careapp.identity.passwords import WeakPassword, refuse_weak

router = APIRouter(prefix="/account", include_in_schema=False)

EVERYBODY_SIGNED_IN = may(*ViewerRole)

Text = Annotated[str, Form()]
Json = Annotated[dict[str, Any], Body()]


class NoOwnAccount(Forbidden):
    """Whoever asks has no account of ours, or has come without a browser's sign-in."""


class WrongPassword(Forbidden):
    """The password that was asked for once more is wrong."""


@router.get("", dependencies=[EVERYBODY_SIGNED_IN])
def show_account(
    request: Request, viewer: SignedIn, settings: SettingsDep, done: str | None = None
) -> Response:
    """Show who is signed in, and how."""
    return _page(request, viewer, settings, notice=done)


@router.post("/password", dependencies=[EVERYBODY_SIGNED_IN])
def change_password(
    request: Request,
    viewer: SignedIn,
    settings: SettingsDep,
    now: Now,
    password: Text = "",
    new_password: Text = "",
) -> Response:
    """Replace the own password and sign out all other browsers."""
    texts, desk, found = pages.texts_for(request), _desk(request), _own(request)
    complaint = _refusal(request, texts, password, now) or _weakness(request, texts, new_password)
    if complaint is not None:
        return _page(request, viewer, settings, complaint=complaint)
    chosen = desk.hash(new_password)
    with desk.sessions.begin() as session:
        account = _account(session, found)
        accounts.set_password(session, account, password_hash=chosen, viewer=viewer, now=now, keep=found.id)
    request.app.state.web_sessions.forget()
    return _done("password_changed")


@router.post("/app", dependencies=[EVERYBODY_SIGNED_IN])
def begin_app(
    request: Request, viewer: SignedIn, settings: SettingsDep, now: Now, password: Text = ""
) -> Response:
    """Show the secret for an authenticator app."""
    desk, found = _desk(request), _own(request)
    complaint = _refusal(request, pages.texts_for(request), password, now)
    if complaint is not None:
        return _page(request, viewer, settings, complaint=complaint)
    with desk.sessions.begin() as session:
        account = _account(session, found)
        secret = second_factors.begin_app(session, account, seal=desk.factor_seal)
        return _app_page(request, account, secret)


@router.post("/app/code", dependencies=[EVERYBODY_SIGNED_IN])
def confirm_app(request: Request, viewer: SignedIn, now: Now, code: Text = "") -> Response:
    """Ask for codes from now on, if the first one is right."""
    del viewer
    desk, found = _desk(request), _own(request)
    with desk.sessions.begin() as session:
        account = _account(session, found)
        secret = second_factors.secret_of(account, seal=desk.factor_seal)
        if secret is None:
            return RedirectResponse("/account", 303)
        if not second_factors.confirm_app(session, account, code, seal=desk.factor_seal, now=now):
            return _app_page(request, account, secret, complaint=pages.texts_for(request).wrong_code)
    return _done("app_added")


@router.post("/app/removal", dependencies=[EVERYBODY_SIGNED_IN])
def remove_app(
    request: Request, viewer: SignedIn, settings: SettingsDep, now: Now, password: Text = ""
) -> Response:
    """Ask for no codes any more."""
    desk, found = _desk(request), _own(request)
    complaint = _refusal(request, pages.texts_for(request), password, now)
    if complaint is not None:
        return _page(request, viewer, settings, complaint=complaint)
    with desk.sessions.begin() as session:
        second_factors.remove_app(session, _account(session, found), viewer=viewer, now=now)
    return _done("app_removed")


@router.post("/passkeys/challenge", dependencies=[EVERYBODY_SIGNED_IN])
def ask_for_new_passkey(
    request: Request, body: Json, viewer: SignedIn, now: Now, settings: SettingsDep
) -> Response:
    """Tell the page's script what to ask the device, once the password was given again."""
    del viewer
    desk, found = _desk(request), _own(request)
    party, password = party_of(request, settings), body.get("password")
    complaint = _refusal(
        request, pages.texts_for(request), password if isinstance(password, str) else "", now
    )
    if complaint is not None:
        raise WrongPassword(complaint)
    with desk.sessions.begin() as session:
        asked = passkeys.ask_for_new(session, _account(session, found), party)
        web_sessions.begin_step(
            session,
            StepPurpose.NEW_PASSKEY,
            request.cookies[cookies.COOKIE],
            {"challenge": asked.challenge},
            account_id=found.account_id,
            now=now,
        )
    return JSONResponse(asked.options)


@router.post("/passkeys", dependencies=[EVERYBODY_SIGNED_IN])
def add_passkey(request: Request, body: Json, viewer: SignedIn, now: Now, settings: SettingsDep) -> Response:
    """Keep a passkey that the device has made."""
    del viewer
    desk, found = _desk(request), _own(request)
    name, credential = body.get("name"), body.get("credential")
    with desk.sessions.begin() as session:
        taken = web_sessions.take_step(
            session, StepPurpose.NEW_PASSKEY, request.cookies[cookies.COOKIE], now=now
        )
    if taken is None or not isinstance(credential, dict):
        raise passkeys.PasskeyRefused("adding a passkey took too long: begin again")
    with desk.sessions.begin() as session:
        passkeys.add_passkey(
            session,
            _account(session, found),
            credential,
            name=name if isinstance(name, str) else "",
            challenge=taken[1]["challenge"],
            party=party_of(request, settings),
            now=now,
        )
    return JSONResponse({"next": "/account?done=passkey_added"}, 201)


@router.post("/passkeys/{passkey_id}/removal", dependencies=[EVERYBODY_SIGNED_IN])
def remove_passkey(passkey_id: UUID, request: Request, viewer: SignedIn, now: Now) -> Response:
    """Forget a passkey."""
    del viewer
    with _desk(request).sessions.begin() as session:
        passkeys.remove_passkey(session, _account(session, _own(request)), passkey_id, now=now)
    return _done("passkey_removed")


@router.post("/others/end", dependencies=[EVERYBODY_SIGNED_IN])
def end_others(request: Request, viewer: SignedIn) -> Response:
    """Sign out all other browsers."""
    del viewer
    found = _own(request)
    with _desk(request).sessions.begin() as session:
        web_sessions.close_others(session, _account(session, found).id, keep=found.id)
    request.app.state.web_sessions.forget()
    return _done("others_closed")


def _desk(request: Request) -> SignIn:
    desk: SignIn = request.app.state.sign_in
    return desk


def _own(request: Request) -> web_sessions.OpenSession:
    found = cookies.web_session_of(request)
    if found is None or found.account_id is None:
        raise NoOwnAccount("sign in with an account of this service: another one is managed elsewhere")
    return found


def _account(session: Session, found: web_sessions.OpenSession) -> Account:
    return session.get_one(Account, found.account_id)


def _refusal(request: Request, texts: Texts, password: str, now: datetime) -> str | None:
    """Ask for the password once more; return what is wrong with it."""
    found, client = _own(request), request.client
    assert found.account_id is not None  # noqa: S101 -- `_own` has looked
    answer = _desk(request).confirm(
        found.account_id, password, "unknown" if client is None else client.host, now=now
    )
    if answer is None:
        return None
    return texts.not_right_password if answer.wait is None else waiting(texts, answer.wait)


def _weakness(request: Request, texts: Texts, password: str) -> str | None:
    with _desk(request).sessions.begin() as session:
        login = _account(session, _own(request)).login
    try:
        refuse_weak(password, login=login)
    except WeakPassword:
        return texts.weak_password
    return None


def _done(notice: str) -> Response:
    return RedirectResponse(f"/account?done={notice}", 303)


def _app_page(request: Request, account: Account, secret: str, *, complaint: str | None = None) -> Response:
    return account_pages.app_page(
        pages.texts_for(request),
        csrf=cookies.csrf_token(request) or "",
        address=second_factors.address_of(secret, login=account.login),
        secret=secret,
        complaint=complaint,
        status=200 if complaint is None else 403,
    )


def _page(
    request: Request,
    viewer: Viewer,
    settings: Settings,
    *,
    notice: str | None = None,
    complaint: str | None = None,
) -> Response:
    texts, found = pages.texts_for(request), cookies.web_session_of(request)
    account: Account | None = None
    known: Sequence[Passkey] = ()
    if found is not None and found.account_id is not None:
        with _desk(request).sessions.begin() as session:
            account = _account(session, found)
            known = passkeys.list_passkeys(session, account.id)
    rows = [
        (texts.login, viewer.name if account is None else account.login),
        (texts.role, texts.roles[viewer.role]),
    ]
    if found is not None:
        until = found.ends_at.astimezone(ZoneInfo(settings.zone))
        rows.append((texts.until, f"{until:%H:%M}"))
    return account_pages.account_page(
        texts,
        account_pages.OwnAccount(
            rows=rows,
            has_account=account is not None,
            has_app=account is not None and account.totp_confirmed_at is not None,
            passkeys=known,
        ),
        csrf=cookies.csrf_token(request) or "",
        notice=notice,
        complaint=complaint,
        status=200 if complaint is None else 403,
    )
