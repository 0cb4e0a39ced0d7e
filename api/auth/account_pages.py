"""The page on which people see and change how they sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

import segno
from fastapi import Response

from api.auth.csrf import FIELD
from api.auth.pages import alert, hidden, page
from api.auth.texts import Texts
from careapp.identity.models import Passkey
from careapp.identity.passkeys import MOST_NAME

NOTICES = (
    "password_changed",
    "app_added",
    "app_removed",
    "passkey_added",
    "passkey_removed",
    "others_closed",
)
"""What may be said after a change, by the name of its sentence."""


@dataclass(frozen=True)
class OwnAccount:
    """What a person sees of the own account.

    Attributes:
        rows: Names and values.
        has_account: It is one of ours, not a provider's.
        has_app: Codes of an authenticator app are asked for.
        passkeys: Oldest first.
    """

    rows: Sequence[tuple[str, str]]
    has_account: bool
    has_app: bool
    passkeys: Sequence[Passkey]


def account_page(
    texts: Texts,
    shown: OwnAccount,
    *,
    csrf: str,
    notice: str | None = None,
    complaint: str | None = None,
    status: int = 200,
) -> Response:
    """Return the page."""
    said = f'<p role="status">{escape(getattr(texts, notice))}</p>' if notice in NOTICES else ""
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in shown.rows)
    parts = [alert(complaint), said, f"<dl>{listed}</dl>"]
    if shown.has_account:
        parts += [_password(texts, csrf), _app(texts, csrf, has_app=shown.has_app)]
        parts += [_passkeys(texts, csrf, shown.passkeys), _others(texts, csrf)]
    else:
        parts.append(f"<p>{escape(texts.of_provider)}</p>")
    parts.append(f'<p><a class="button" href="/sign-out">{escape(texts.sign_out)}</a></p>')
    script = '<script src="/sign-in/passkeys.js" defer></script>\n'
    return page(texts, texts.account, "\n".join(parts), status=status, switch="/account", head=script)


def app_page(
    texts: Texts, *, csrf: str, address: str, secret: str, complaint: str | None = None, status: int = 200
) -> Response:
    """Return the page that shows an authenticator app's secret and asks for its first code."""
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    body = f"""{alert(complaint)}
<p>{escape(texts.app_scan)}</p>
<div class="qr">{_qr_code(address, texts.app)}</div>
<p>{escape(texts.app_key)} <code>{escape(groups)}</code></p>
<form method="post" action="/account/app/code">
{hidden(FIELD, csrf)}
<label for="code">{escape(texts.code)}</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="9"
 aria-describedby="code-hint">
<p id="code-hint">{escape(texts.code_hint)}</p>
<button type="submit">{escape(texts.app_confirm)}</button>
</form>
<p><a href="/account">{escape(texts.cancel)}</a></p>"""
    return page(texts, texts.app, body, status=status)


def _password(texts: Texts, csrf: str) -> str:
    return f"""<h2>{escape(texts.change_password)}</h2>
<form method="post" action="/account/password">
{hidden(FIELD, csrf)}
<label for="old">{escape(texts.old_password)}</label>
<input id="old" name="password" type="password" autocomplete="current-password" required maxlength="128">
<label for="new">{escape(texts.new_password)}</label>
<input id="new" name="new_password" type="password" autocomplete="new-password" required minlength="12"
 maxlength="128" aria-describedby="new-hint">
<p id="new-hint">{escape(texts.new_password_hint)}</p>
<button type="submit">{escape(texts.change_password)}</button>
</form>"""


def _app(texts: Texts, csrf: str, *, has_app: bool) -> str:
    action, label = (
        ("/account/app/removal", texts.app_remove) if has_app else ("/account/app", texts.app_begin)
    )
    return f"""<h2>{escape(texts.app)}</h2>
<p>{escape(texts.app_is_on if has_app else texts.app_hint)}</p>
<form method="post" action="{action}">
{hidden(FIELD, csrf)}
<label for="app-password">{escape(texts.password)}</label>
<input id="app-password" name="password" type="password" autocomplete="current-password" required
 maxlength="128">
<button type="submit" class="quiet">{escape(label)}</button>
</form>"""


def _passkeys(texts: Texts, csrf: str, passkeys: Sequence[Passkey]) -> str:
    forms = "".join(
        f"""<form method="post" action="/account/passkeys/{each.id}/removal">{hidden(FIELD, csrf)}
<button type="submit" class="quiet">{escape(texts.passkey_remove.format(name=each.name))}</button></form>
"""
        for each in passkeys
    )
    return f"""<h2>{escape(texts.passkeys)}</h2>
<p>{escape(texts.passkey_hint)}</p>
{forms}<form id="new-passkey" hidden data-csrf="{escape(csrf)}" data-failed="{escape(texts.passkey_failed)}"
 data-address="{escape(texts.passkey_needs_name)}">
<label for="passkey-name">{escape(texts.passkey_name)}</label>
<input id="passkey-name" name="name" required maxlength="{MOST_NAME}" autocomplete="off">
<label for="passkey-password">{escape(texts.password)}</label>
<input id="passkey-password" name="password" type="password" autocomplete="current-password" required
 maxlength="128">
<button type="submit" class="quiet">{escape(texts.passkey_add)}</button>
<p role="alert"></p>
</form>"""


def _others(texts: Texts, csrf: str) -> str:
    return f"""<h2>{escape(texts.others)}</h2>
<form method="post" action="/account/others/end">
{hidden(FIELD, csrf)}
<button type="submit" class="quiet">{escape(texts.others_close)}</button>
</form>"""


def _qr_code(text: str, title: str) -> str:
    drawn = BytesIO()
    segno.make(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=2, omitsize=True, title=title
    )
    return drawn.getvalue().decode()
