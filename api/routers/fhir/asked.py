"""What a FHIR request asks for beside its resource: format, form, base address, strictness."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

from api.dependencies import Cal, Now, Places, SignedIn
from api.errors import FHIR, NotAcceptable, UnsupportedMediaType
from careapp.errors import Invalid
from fhir.asking import Asking

FORM = "application/x-www-form-urlencoded"
JSON_NAMES = frozenset({FHIR, "application/json", "text/json", "json", "*/*", "application/*"})
FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})


class UnreadableForm(Invalid):
    """A form's bytes are no text."""


def refuse_other_formats(request: Request) -> None:
    """Refuse a client that wants something else than JSON."""
    _require_json(parse_qs(request.url.query).get("_format", []), request.headers.get("accept"))


def _require_json(formats: list[str], accept: str | None) -> None:
    """Refuse a client that wants something else than JSON; `_format` wins over `Accept`.

    Raises:
        NotAcceptable: No name of JSON is among what the client takes.
    """
    # A plus sign that was not escaped has become a space.
    wanted = [name.replace(" ", "+") for name in formats[:1]] or (accept or "*/*").split(",")
    if not any(_is_json(name) for name in wanted):
        raise NotAcceptable("resources are written as application/fhir+json in FHIR 4.0 here: accept that")


def _is_json(media_range: str) -> bool:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    asked = dict(parameter.partition("=")[::2] for parameter in parameters)
    return name in JSON_NAMES and asked.get("fhirversion", "4.0") in FHIR_VERSIONS and asked.get("q") != "0"


async def _form(request: Request) -> str:
    """Read the form of a search as text.

    Raises:
        UnsupportedMediaType: The body is no form.
        UnreadableForm: Its bytes are no text.
        NotAcceptable: It asks for another format.
    """
    media_type = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if media_type != FORM:
        raise UnsupportedMediaType(f"send the search as {FORM}")
    body = await request.body()
    try:
        form = body.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableForm("the form is not in UTF-8: escape other letters with %") from None
    _require_json(parse_qs(form).get("_format", []), request.headers.get("accept"))
    return form


def _base_url(request: Request) -> str:
    return f"{request.base_url}fhir"


def _is_strict(request: Request) -> bool:
    wishes = request.headers.get("prefer", "").replace(" ", "").lower()
    return "handling=strict" in wishes.replace(";", ",").split(",")


BaseUrl = Annotated[str, Depends(_base_url)]
Strict = Annotated[bool, Depends(_is_strict)]
Form = Annotated[str, Depends(_form)]


def _asking(
    request: Request,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    geocoder: Places,
    base_url: BaseUrl,
    strict: Strict,
) -> Asking:
    return Asking(
        viewer=viewer,
        now=now,
        base_url=base_url,
        calendar=calendar,
        geocoder=geocoder,
        page_key=request.app.state.page_key,
        is_strict=strict,
    )


AskingDep = Annotated[Asking, Depends(_asking)]
"""Who asks, when and under which address: what every interaction of `fhir` takes."""
