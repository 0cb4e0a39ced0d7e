"""The pages of signing in and out: plain HTML that works without a script.

Every value that came from outside goes through `escape`.
"""

from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request, Response

from api.auth.csrf import FIELD
from api.auth.texts import TEXTS, Texts, language_of
from careapp.identity.models import Language

STATIC = Path(__file__).parent / "static"
ICONS = Path(__file__).parents[1] / "static" / "assets"


def headers(*, form_to: str | None = None) -> dict[str, str]:
    """Return what a page may do: nothing from elsewhere, no code within.

    Args:
        form_to: Another server to which an answer to the page's form may lead on.
    """
    return {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self'",
                "connect-src 'self'",
                "base-uri 'none'",
                f"form-action 'self' {form_to or ''}".rstrip(),
                "frame-ancestors 'none'",
            )
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
        # With no-referrer a browser sends its own form with `Origin: null`, which is refused.
        "Referrer-Policy": "same-origin",
    }


def page(
    texts: Texts,
    title: str,
    body: str,
    *,
    status: int = 200,
    switch: str | None = None,
    head: str = "",
    form_to: str | None = None,
) -> Response:
    """Return a page.

    Args:
        texts: In whose language it speaks.
        title: Its heading.
        body: HTML of its middle.
        status: HTTP status.
        switch: Address of the same page in the other language, without the language.
        head: HTML of further elements of its head.
        form_to: See `headers`.
    """
    language = texts.language.value
    other = Language.ENGLISH if texts.language is Language.GERMAN else Language.GERMAN
    link = ""
    if switch is not None:
        address = f"{switch}{'&' if '?' in switch else '?'}lang={other.value}"
        spoken = f'lang="{other.value}" hreflang="{other.value}"'
        link = f'<a href="{escape(address)}" {spoken}>{texts.other_language}</a>'
    html = f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} – careapp</title>
<link rel="icon" type="image/svg+xml" href="/app/assets/{_icon()}">
<link rel="stylesheet" href="/sign-in/style.css">
{head}</head>
<body>
<header><strong>careapp</strong> <span>{escape(texts.service)}</span></header>
<main>
<h1>{escape(title)}</h1>
{body}
</main>
<footer><span>{escape(texts.privacy)}</span> {link}</footer>
</body>
</html>
"""
    return Response(html, status, headers(form_to=form_to), "text/html; charset=utf-8")


def sign_in_page(
    texts: Texts,
    *,
    csrf: str,
    next_address: str | None,
    login: str = "",
    complaint: str | None = None,
    status: int = 200,
    has_provider: bool = False,
) -> Response:
    """Return the page that asks for name and password."""
    query = f"?{urlencode({'next': next_address})}" if next_address else ""
    provider = (
        f'<p><a class="button" href="/sign-in/external{escape(query)}">{escape(texts.with_provider)}</a></p>'
        if has_provider
        else ""
    )
    body = f"""{alert(complaint)}
<form method="post" action="/sign-in">
{hidden(FIELD, csrf)}{hidden("next", next_address or "")}{hidden("lang", texts.language.value)}
<label for="login">{escape(texts.login)}</label>
<input id="login" name="login" value="{escape(login)}" autocomplete="username webauthn" autocapitalize="none"
 spellcheck="false" required maxlength="64">
<label for="password">{escape(texts.password)}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="128">
<button type="submit">{escape(texts.sign_in)}</button>
</form>
<form id="passkey" hidden data-csrf="{escape(csrf)}" data-next="{escape(next_address or "")}"
 data-failed="{escape(texts.passkey_failed)}" data-address="{escape(texts.passkey_needs_name)}">
<button type="submit">{escape(texts.with_passkey)}</button>
<p role="alert"></p>
</form>
{provider}"""
    script = '<script src="/sign-in/passkeys.js" defer></script>\n'
    return page(texts, texts.sign_in, body, status=status, switch=f"/sign-in{query}", head=script)


def code_page(texts: Texts, *, csrf: str, complaint: str | None = None, status: int = 200) -> Response:
    """Return the page that asks for the code of an authenticator app."""
    body = f"""{alert(complaint)}
<form method="post" action="/sign-in/code">
{hidden(FIELD, csrf)}{hidden("lang", texts.language.value)}
<label for="code">{escape(texts.code)}</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="9"
 aria-describedby="code-hint" autofocus>
<p id="code-hint">{escape(texts.code_hint)}</p>
<button type="submit">{escape(texts.go_on)}</button>
</form>
<p><a href="/sign-in">{escape(texts.cancel)}</a></p>"""
    return page(texts, texts.code_title, body, status=status)


def go_on_page(texts: Texts, address: str) -> Response:
    """Return a page that leads on by itself.

    A browser lets the answer to a form lead only to where the form may go (CSP `form-action`), over all its
    redirections. An application that asked us to sign somebody in may be anywhere.
    """
    body = f'<p><a class="button" href="{escape(address)}">{escape(texts.go_on)}</a></p>'
    refresh = f'<meta http-equiv="refresh" content="0; url={escape(address)}">\n'
    return page(texts, texts.signed_in, body, head=refresh)


def sign_out_page(texts: Texts, *, csrf: str, form_to: str | None) -> Response:
    """Return the page that asks whether to sign out."""
    body = f"""<p>{escape(texts.sign_out_question)}</p>
<form method="post" action="/sign-out">
{hidden(FIELD, csrf)}
<button type="submit">{escape(texts.sign_out)}</button>
</form>"""
    return page(texts, texts.sign_out, body, switch="/sign-out", form_to=form_to)


def signed_out_page(texts: Texts) -> Response:
    """Return the page after signing out."""
    body = f"""<p>{escape(texts.signed_out_sentence)}</p>
<p><a class="button" href="/sign-in">{escape(texts.sign_in_again)}</a></p>"""
    return page(texts, texts.signed_out, body, switch="/signed-out")


def alert(complaint: str | None) -> str:
    """Return what is said about the last try."""
    return "" if complaint is None else f'<p class="alert" role="alert">{escape(complaint)}</p>'


def hidden(name: str, value: str) -> str:
    """Return a field of a form that nobody sees."""
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def texts_for(request: Request, lang: str | None = None) -> Texts:
    """Return the sentences in the language of whoever asks."""
    asked = lang or request.query_params.get("lang")
    return texts_of(language_of(asked, request.headers.get("accept-language")))


def texts_of(language: Language) -> Texts:
    """Return the sentences of a language."""
    return TEXTS[language]


@cache
def _icon() -> str:
    return next(path.name for path in sorted(ICONS.glob("icon-*.svg")))


@cache
def static_file(name: str) -> bytes:
    """Return the bytes of the pages' style or script."""
    return (STATIC / name).read_bytes()
