"""The pages of joining. Every value that came from outside goes through `escape`."""

from datetime import datetime
from html import escape

from fastapi import Response

from api.auth.csrf import FIELD
from api.auth.pages import alert, hidden, page
from api.auth.texts import Texts
from api.joining.texts import TEXTS, JoinTexts
from careapp.calls.consent import WORDS
from careapp.calls.models import CallState
from careapp.calls.seats import Seat

SCRIPT = '<script src="/join/link.js" defer></script>\n'
FORMATS = {"de": "%d.%m.%Y", "en": "%Y-%m-%d"}


def link_page(
    texts: Texts, *, complaint: str | None = None, status: int = 200, again: bool = False
) -> Response:
    """Return the page that takes a link's token: the script reads it off the address, else it is typed.

    Args:
        texts: In whose language it speaks.
        complaint: What was wrong with the last one.
        status: HTTP status.
        again: The browser holds a seat: offer to go back.
    """
    words = TEXTS[texts.language]
    back = f'<p><a class="button" href="/join/room">{escape(words.room)}</a></p>' if again else ""
    body = f"""{alert(complaint)}{back}
<p>{escape(words.intro)}</p>
<form method="post" action="/join" autocomplete="off">
{hidden("lang", texts.language.value)}
<label for="code">{escape(words.code)}</label>
<input id="code" name="code" required maxlength="100" autocapitalize="none" spellcheck="false"
 aria-describedby="code-hint">
<p id="code-hint">{escape(words.code_hint)}</p>
<button type="submit">{escape(words.go_on)}</button>
</form>"""
    return page(texts, words.title, body, status=status, switch="/join", head=SCRIPT)


def consent_page(texts: Texts, seat: Seat, *, host: str, starts_at: datetime | None, csrf: str) -> Response:
    """Return the page that asks whether somebody agrees; without their button nothing goes on."""
    words, asked = TEXTS[texts.language], WORDS[texts.language]
    sentences = "".join(f"<li>{escape(each)}</li>" for each in asked.sentences)
    body = f"""{_about(words, texts, seat, host, starts_at)}
<ul>{sentences}</ul>
<form method="post" action="/join/consent">
{hidden(FIELD, csrf)}{hidden("lang", texts.language.value)}
<button type="submit" name="answer" value="yes">{escape(asked.agree)}</button>
<button type="submit" name="answer" value="no">{escape(asked.decline)}</button>
</form>"""
    return page(texts, words.consent, body, switch="/join/consent")


def room_page(
    texts: Texts,
    seat: Seat,
    *,
    host: str,
    starts_at: datetime | None,
    csrf: str,
    is_refused: bool = False,
    status: int = 200,
) -> Response:
    """Return the waiting room of a call that a provider carries; its script looks for changes."""
    words, head = TEXTS[texts.language], ""
    if seat.state is CallState.ENDED:
        middle = f"<p>{escape(words.ended)}</p>"
    elif seat.is_admitted:
        middle = f"""<p role="status">{escape(words.admitted)}</p>
{_button("/join/address", words.enter, csrf, texts)}"""
    elif seat.is_waiting:
        # A page that renews itself is read out again and again (WCAG 2.2.1): the script only looks.
        head = SCRIPT
        absent = "" if seat.state is CallState.OPEN else f"<p>{escape(words.doctor_not_there)}</p>"
        middle = f"""<p role="status" data-state="{seat.state.value}">{escape(words.waiting)}</p>{absent}
<p><a href="/join/room?lang={texts.language.value}">{escape(words.look)}</a></p>"""
    elif is_refused:
        middle = alert(words.refused)
    else:
        middle = _button("/join/room", words.wait, csrf, texts)
    body = f"""{_about(words, texts, seat, host, starts_at)}
{middle}
{_button("/join/departure", words.leave, csrf, texts)}"""
    return page(texts, words.room, body, status=status, head=head, switch="/join/room")


def address_page(texts: Texts, address: str) -> Response:
    """Return the page with the provider's address, which nothing else ever shows."""
    words = TEXTS[texts.language]
    body = f"""<p>{escape(words.provider_hint)}</p>
<p><a class="button" href="{escape(address)}" rel="noreferrer noopener">{escape(words.provider)}</a></p>
<p><a href="/join/room">{escape(words.room)}</a></p>"""
    return page(texts, words.admitted, body)


def left_page(texts: Texts) -> Response:
    """Return the page after leaving."""
    words = TEXTS[texts.language]
    return page(texts, words.left, f"<p>{escape(words.left_hint)}</p>", switch="/join/left")


def _about(words: JoinTexts, texts: Texts, seat: Seat, host: str, starts_at: datetime | None) -> str:
    when = ""
    if starts_at is not None:
        date = starts_at.strftime(FORMATS[texts.language.value])
        when = f"<br>{escape(words.at.format(date=date, time=starts_at.strftime('%H:%M')))}"
    who = words.you_are.format(name=seat.name, part=words.parts[seat.part])
    return f"<p><strong>{escape(words.invited_by.format(name=host))}</strong>{when}</p>\n<p>{escape(who)}</p>"


def _button(action: str, label: str, csrf: str, texts: Texts) -> str:
    return f"""<form method="post" action="{action}">
{hidden(FIELD, csrf)}{hidden("lang", texts.language.value)}
<button type="submit">{escape(label)}</button>
</form>"""
