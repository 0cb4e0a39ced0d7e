"""The page on which people see and change how they sign in."""

from html import escape
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from api.auth import cookie as cookies
from api.auth import pages
from api.auth.policy import may
from api.dependencies import ReadSession, SettingsDep, SignedIn
from careapp.access import ViewerRole
from careapp.identity.models import Account

router = APIRouter(prefix="/account", include_in_schema=False)

EVERYBODY_SIGNED_IN = tuple(ViewerRole)


@router.get("", dependencies=[may(*EVERYBODY_SIGNED_IN)])
def show_account(request: Request, session: ReadSession, viewer: SignedIn, settings: SettingsDep) -> Response:
    """Show who is signed in."""
    web_session = cookies.web_session_of(request)
    texts = pages.texts_for(request)
    zone = ZoneInfo(settings.zone)
    account = (
        None
        if web_session is None or web_session.account_id is None
        else session.get(Account, web_session.account_id)
    )
    rows = [
        (texts.login, viewer.name if account is None else account.login),
        (texts.role, viewer.role.value),
    ]
    if web_session is not None:
        rows.append((texts.until, web_session.ends_at.astimezone(zone).strftime("%H:%M")))
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    body = f'<dl>{listed}</dl>\n<p><a class="button" href="/sign-out">{escape(texts.sign_out)}</a></p>'
    return pages.page(texts, texts.account, body, switch="/account")
