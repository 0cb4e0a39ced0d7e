"""The page that asks a person whether an application may act in their name."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from uuid import UUID

from fastapi import Response

from api.auth import pages
from api.auth.csrf import FIELD
from api.auth.server.texts import TEXTS
from api.auth.texts import Texts as PageTexts
from careapp.origins import origin_of
from fhir.scopes import Scopes

DECISION = "decision"
ALLOW = "allow"
PATIENT = "patient"


@dataclass(frozen=True)
class Choice:
    """A patient who may be chosen.

    Attributes:
        id: Of the patient.
        words: Name and birthday: the person who chooses sees them anyway.
    """

    id: UUID
    words: str


@dataclass(frozen=True)
class Question:
    """What a person is asked.

    Attributes:
        client_name: Who asks.
        who: As what the person is signed in.
        scopes: What shall be allowed.
        choices: Patients of whom one must be chosen; None: it is about nobody in particular.
        is_cut: There are more of them.
        redirect_uri: Where the answer leads.
    """

    client_name: str
    who: str
    scopes: frozenset[str]
    choices: Sequence[Choice] | None
    is_cut: bool
    redirect_uri: str


def consent_page(
    texts: PageTexts, question: Question, *, action: str, csrf: str, switch: str | None = None
) -> Response:
    """Return the page.

    Args:
        texts: In whose language it speaks.
        question: What is asked.
        action: Address of the form, with the client's request in its query.
        csrf: The form's token.
        switch: See `pages.page`.
    """
    said = TEXTS[texts.language]
    scopes = Scopes.of(question.scopes)
    wishes = [said.of_scope(each) for each in scopes.clinical]
    wishes += [words for scope, words in said.further.items() if scope in scopes.plain]
    listed = "".join(f"<li>{escape(each)}</li>" for each in wishes)
    asked = said.question.format(client=question.client_name, who=question.who)
    body = f"""<p>{escape(asked)}</p>
<p>{escape(said.wishes)}</p>
<ul>{listed}</ul>
<form method="post" action="{escape(action)}">
{pages.hidden(FIELD, csrf)}
{_patients(texts, question)}
<button type="submit" name="{DECISION}" value="{ALLOW}">{escape(said.allow)}</button>
<button type="submit" name="{DECISION}" value="deny" formnovalidate>{escape(said.deny)}</button>
</form>"""
    return pages.page(texts, said.title, body, switch=switch, form_to=_form_target(question.redirect_uri))


def refusal_page(texts: PageTexts, *, is_known: bool) -> Response:
    """Return the page for a request whose answer may not be sent anywhere."""
    said = TEXTS[texts.language]
    what = said.bad_address if is_known else said.unknown_client
    body = f"{pages.alert(what)}<p>{escape(said.refused)}</p>"
    return pages.page(texts, said.refused_title, body, status=400)


def _patients(texts: PageTexts, question: Question) -> str:
    if question.choices is None:
        return ""
    said = TEXTS[texts.language]
    if not question.choices:
        return pages.alert(said.no_patient)
    options = "".join(f'<option value="{each.id}">{escape(each.words)}</option>' for each in question.choices)
    hint = said.only_some.format(count=len(question.choices)) if question.is_cut else ""
    return f"""<label for="patient">{escape(said.patient)}</label>
<select id="patient" name="{PATIENT}" required>
<option value="">{escape(said.choose)}</option>{options}</select>
<p>{escape(hint)}</p>"""


def _form_target(redirect_uri: str) -> str:
    """Return what CSP's `form-action` must name: Chromium checks where the answer leads as well."""
    return origin_of(redirect_uri) or f"{redirect_uri.partition(':')[0]}:"
