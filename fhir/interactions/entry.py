"""One entry of a batch or transaction: what is asked, and what is answered.

https://hl7.org/fhir/R4/bundle.html#bundle-unique and https://hl7.org/fhir/R4/http.html#transaction
"""

from dataclasses import dataclass
from typing import Any

import orjson

from fhir.interactions.tags import read_tag
from fhir.issues import Issue, Malformed
from fhir.mapping.elements import Json, without_none

READING = frozenset({"GET", "HEAD"})
SENDING = frozenset({"POST", "PUT", "PATCH"})
METHODS = READING | SENDING | {"DELETE"}


@dataclass(frozen=True)
class Entry:
    """An interaction within a bundle.

    Attributes:
        number: Its place in the bundle, from 0.
        method: Of HTTP.
        path: Segments of its address below the server's FHIR part.
        query: What stands behind the address's question mark.
        full_url: By which other entries refer to its resource.
        resource: What is sent.
        if_match: Version that the sender has seen.
        if_none_match: Tag of the version that the sender has.
        if_none_exist: Condition of a conditional create.
    """

    number: int
    method: str
    path: tuple[str, ...]
    query: str
    full_url: str | None
    resource: Json | None
    if_match: int | None
    if_none_match: str | None
    if_none_exist: str | None

    @property
    def place(self) -> str:
        """FHIRPath of the entry."""
        return f"Bundle.entry[{self.number}]"

    @property
    def kind(self) -> str:
        """Of the resource that the address names."""
        return self.path[0]

    @property
    def is_operation(self) -> bool:
        """It asks for an operation such as `$book`."""
        return self.method not in READING and any("$" in segment for segment in self.path)

    @property
    def condition(self) -> str | None:
        """What must find the resource that is written; None if its id is given or it is new."""
        if self.is_operation:
            return None
        if self.method == "POST":
            return self.if_none_exist
        return self.query if self.method in METHODS - READING and len(self.path) == 1 else None


@dataclass(frozen=True)
class Answer:
    """What an entry is answered.

    Attributes:
        status: Of HTTP, with its phrase.
        content: A resource, as JSON.
        location: Address of the version that was written.
        tag: What `ETag` would say.
        modified: What `Last-Modified` would say, as an instant.
        outcome: An OperationOutcome, as JSON.
        full_url: Address of the resource.
    """

    status: str
    content: bytes | None = None
    location: str | None = None
    tag: str | None = None
    modified: str | None = None
    outcome: bytes | None = None
    full_url: str | None = None

    def to_fhir(self) -> Json:
        """Show it as an entry of the answering bundle."""
        return without_none(
            {
                "fullUrl": self.full_url,
                "resource": _fragment(self.content),
                "response": without_none(
                    {
                        "status": self.status,
                        "location": self.location,
                        "etag": self.tag,
                        "lastModified": self.modified,
                        "outcome": _fragment(self.outcome),
                    }
                ),
            }
        )


def read_entry(number: int, written: object, base_url: str) -> Entry:
    """Understand an entry.

    Args:
        number: Its place in the bundle, from 0.
        written: As sent.
        base_url: Address of this server's FHIR part.

    Raises:
        Malformed: It cannot be understood; the issue names the place.
    """
    place = f"Bundle.entry[{number}]"
    if not isinstance(written, dict):
        raise _malformed("structure", "an entry is a JSON object", place)
    request = written.get("request")
    if not isinstance(request, dict):
        raise _malformed("required", "say what to do with the entry in request", f"{place}.request")
    method = _text(request, "method", f"{place}.request")
    if method not in METHODS:
        raise _malformed(
            "code-invalid", "the method is GET, HEAD, POST, PUT, PATCH or DELETE", f"{place}.request.method"
        )
    url = _text(request, "url", f"{place}.request")
    if url is None:
        raise _malformed("required", "say on which address to do it", f"{place}.request.url")
    path, _, query = url.removeprefix(f"{base_url}/").partition("?")
    segments = tuple(segment for segment in path.split("/") if segment)
    resource = written.get("resource")
    if method in SENDING and not isinstance(resource, dict) and not any("$" in each for each in segments):
        raise _malformed("required", "the entry sends no resource", f"{place}.resource")
    if not _is_address(method, segments):
        raise _malformed(
            "value",
            "give an address below this server's, as for a single interaction",
            f"{place}.request.url",
        )
    return Entry(
        number=number,
        method=method,
        path=segments,
        query=query,
        full_url=_text(written, "fullUrl", place),
        resource=resource if isinstance(resource, dict) else None,
        if_match=read_tag(_text(request, "ifMatch", f"{place}.request"), f"{place}.request.ifMatch"),
        if_none_match=_text(request, "ifNoneMatch", f"{place}.request"),
        if_none_exist=_text(request, "ifNoneExist", f"{place}.request"),
    )


def _is_address(method: str, segments: tuple[str, ...]) -> bool:
    if method in READING or any("$" in segment for segment in segments):
        return bool(segments)
    if ":" in "".join(segments):  # another server's
        return False
    return len(segments) == 1 if method == "POST" else len(segments) in {1, 2}


def _text(element: Json, name: str, place: str) -> str | None:
    found: Any = element.get(name)
    if found is not None and (not isinstance(found, str) or not found):
        raise _malformed("structure", "this is text, and not empty", f"{place}.{name}")
    return found


def _malformed(code: str, sentence: str, place: str) -> Malformed:
    return Malformed([Issue(code, sentence, place)])


def _fragment(content: bytes | None) -> orjson.Fragment | None:
    return orjson.Fragment(content) if content else None
