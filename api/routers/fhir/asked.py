"""What a FHIR request asks for beside its resource: format, form, base address, strictness."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from api.dependencies import Now, SignedIn, file_looks_first, tidy_slots_first
from api.formats import choose_format
from careapp.errors import Invalid
from fhir.asking import Asking
from fhir.formats.media import UnsupportedMediaType
from fhir.interactions.tags import read_tag
from fhir.interactions.written import Returns

FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 100_000


class UnreadableForm(Invalid):
    """A form's bytes are no text."""


async def refuse_other_formats(request: Request) -> None:
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


async def up_to_date_first(request: Request, now: Now) -> None:
    """Bring what is asked for up to date.

    No slot is read that is past and unlinked, or looks held while its hold is over, and no look at several
    patients is missing from the record.
    """
    kind = request.path_params.get("kind")
    if kind == "Slot":
        await tidy_slots_first(request, now)
    elif kind == "AuditEvent" or "AuditEvent" in request.url.query:
        await file_looks_first(request, now)


async def _base_url(request: Request) -> str:
    return f"{request.base_url}fhir"


def wishes_of(request: Request) -> frozenset[str]:
    """Return what the client would like (`Prefer`, RFC 7240), in small letters, e.g. `handling=strict`."""
    wishes = ",".join(request.headers.getlist("prefer")).lower()
    return frozenset(wish.replace(" ", "").replace('"', "") for wish in wishes.replace(";", ",").split(","))


async def _returns(request: Request) -> Returns:
    return _wanted(request, Returns.REPRESENTATION)


async def _returns_in_bundle(request: Request) -> Returns:
    return _wanted(request, Returns.MINIMAL)


def _wanted(request: Request, usually: Returns) -> Returns:
    wishes = wishes_of(request)
    return next((each for each in Returns if f"return={each.lower()}" in wishes), usually)


async def _if_match(request: Request) -> int | None:
    """Read which version the sender has seen.

    Raises:
        Malformed: It is no entity tag.
    """
    return read_tag(request.headers.get("if-match"), "http.If-Match")


BaseUrl = Annotated[str, Depends(_base_url)]
Returning = Annotated[Returns, Depends(_returns)]
Bundled = Annotated[Returns, Depends(_returns_in_bundle)]
IfMatch = Annotated[int | None, Depends(_if_match)]
Form = Annotated[str, Depends(_form)]


async def _asking(request: Request, viewer: SignedIn, now: Now) -> Asking:
    # Not each by a dependency of its own: FastAPI takes as long for some of them as a search does.
    state = request.app.state
    return Asking(
        viewer=viewer,
        now=now,
        base_url=await _base_url(request),
        calendar=state.calendar,
        geocoder=state.geocoder,
        page_key=state.page_key,
        settings=state.settings,
        is_strict="handling=strict" in wishes_of(request),
    )


AskingDep = Annotated[Asking, Depends(_asking)]
"""Who asks, when and under which address: what every interaction of `fhir` takes."""
