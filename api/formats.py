"""In which format a FHIR answer goes to the client that asked."""

from urllib.parse import parse_qs

from fastapi import Request

from fhir.formats.json import load_json, write_json
from fhir.formats.media import Format, NotAcceptable, choose
from fhir.formats.xml_writer import write_xml

CHOSEN = "careapp.fhir_format"


def choose_format(request: Request, form: str | None = None) -> None:
    """Choose the format of the answer, once for everything that answers this request.

    Args:
        request: What was asked.
        form: The form of a search by POST; a `_format` in it wins.

    Raises:
        NotAcceptable: Nothing that the client takes is written here.
    """
    in_form = parse_qs(form or "").get("_format", [])
    in_address = parse_qs(request.url.query).get("_format", [])
    accept = ",".join(request.headers.getlist("accept"))
    request.scope[CHOSEN] = choose(in_form + in_address, accept)


def format_of(request: Request) -> Format:
    """Return the format of the answer; JSON for those who want what is not written here."""
    if CHOSEN not in request.scope:
        try:
            choose_format(request)
        except NotAcceptable:
            request.scope[CHOSEN] = Format.JSON
    chosen: Format = request.scope[CHOSEN]
    return chosen


def written(request: Request, content: bytes) -> tuple[bytes, str]:
    """Write a resource as its reader wants it.

    Args:
        request: What was asked.
        content: The resource as JSON.

    Returns:
        The bytes to send, and their media type.

    Raises:
        CannotWrite: XML cannot say what the resource holds.
    """
    chosen = format_of(request)
    is_pretty = "true" in parse_qs(request.url.query).get("_pretty", [])
    if chosen is Format.XML:
        content = write_xml(content, is_pretty=is_pretty)
    elif is_pretty:
        content = write_json(load_json(content), is_pretty=True)
    return content, chosen.value
