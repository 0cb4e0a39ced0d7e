"""What a FHIR request asks for beside its resource: format, form, base address, strictness."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from api.dependencies import Cal, Now, Places, SignedIn
from api.formats import choose_format
from careapp.errors import Invalid
from fhir.asking import Asking
from fhir.formats.media import UnsupportedMediaType

FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 100_000


class UnreadableForm(Invalid):
    """A form's bytes are no text."""


def refuse_other_formats(request: Request) -> None:
    """Refuse a client that wants a format that is not written here.

    Raises:
        NotAcceptable: Nothing that the client takes is written here.
    """
    choose_format(request)


async def _form(request: Request) -> str:
    """Read the form of a search as text.

    Raises:
        UnsupportedMediaType: The body is no form.
        UnreadableForm: Its bytes are no text.
        HTTPException: 413, it is larger than any search.
        NotAcceptable: It asks for another format.
    """
    media_type = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if media_type != FORM:
        raise UnsupportedMediaType(f"send the search as {FORM}")
    body = await request.body()
    if len(body) > MOST_FORM_BYTES:
        raise HTTPException(413)
    try:
        form = body.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableForm("the form is not in UTF-8: escape other letters with %") from None
    choose_format(request, form)
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
