"""Which format a client wants and which one it sent: `_format`, `Accept`, `Content-Type`.

https://hl7.org/fhir/R4/http.html#mime-type; what to refuse with 406 and 415 gematik's ISiK Basismodul says
(Repräsentationsformate). The parameter `fhirVersion` is taken if it names R4, and refused otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from careapp.errors import CareError


class Format(Enum):
    """A format of resources; its value is the media type that answers carry."""

    JSON = "application/fhir+json"
    XML = "application/fhir+xml"


SPOKEN: tuple[Format, ...] = (Format.JSON, Format.XML)
"""What is read and written here; the first is what a client gets that does not mind."""

NAMES: Mapping[str, Format] = {
    "json": Format.JSON,
    "application/fhir+json": Format.JSON,
    "application/json": Format.JSON,
    "application/json+fhir": Format.JSON,
    "text/json": Format.JSON,
    "xml": Format.XML,
    "application/fhir+xml": Format.XML,
    "application/xml": Format.XML,
    "application/xml+fhir": Format.XML,
    "text/xml": Format.XML,
}
"""The last but one of each are what DSTU2 called them."""

RANGES: Mapping[str, int] = {"*/*": 0, "*": 0, "text/*": 1, "application/*": 1}
"""What stands for any format, by how closely it names one."""

CLOSEST = 2
FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})


class NotAcceptable(CareError):
    """The client wants a format that is not written here."""


class UnsupportedMediaType(CareError):
    """The client sent a format that is not read here."""


@dataclass(frozen=True)
class _Range:
    name: str
    parameters: Mapping[str, str]

    @property
    def quality(self) -> float:
        try:
            return float(self.parameters.get("q", "1"))
        except ValueError:
            return 0.0

    @property
    def is_of_our_version(self) -> bool:
        return self.parameters.get("fhirversion", "4.0") in FHIR_VERSIONS


def choose(formats: Sequence[str], accept: str | None) -> Format:
    """Return the format in which an answer is written.

    Args:
        formats: Values of the parameter `_format`; the first wins over `Accept`.
        accept: The header, if any.

    Raises:
        NotAcceptable: Nothing that the client takes is written here.
    """
    # A plus sign that was not escaped has become a space.
    wanted = [value.strip().replace(" ", "+") for value in formats if value.strip()][:1]
    ranges = [_range(each) for each in (wanted or (accept or "*/*").split(",")) if each.strip()]
    offered = [(_quality(format_, ranges), -number) for number, format_ in enumerate(SPOKEN)]
    quality, number = max(offered)
    if quality <= 0:
        raise NotAcceptable(
            f"resources are written as {_spoken()} in FHIR 4.0 here: accept one of these, or leave it out"
        )
    return SPOKEN[-number]


def read_as(content_type: str | None) -> Format:
    """Return the format in which a resource was sent.

    Args:
        content_type: The header, if any.

    Raises:
        UnsupportedMediaType: It is none that is read here.
    """
    sent = _range(content_type or "")
    format_ = NAMES.get(sent.name)
    if format_ not in SPOKEN or "/" not in sent.name:
        raise UnsupportedMediaType(f"send the resource as {_spoken()} and say so in Content-Type")
    if not sent.is_of_our_version:
        raise UnsupportedMediaType("resources are read in FHIR 4.0 here: send that version")
    if sent.parameters.get("charset", "utf-8") not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("resources are read in UTF-8 here: send that")
    return format_


def _quality(format_: Format, ranges: Sequence[_Range]) -> float:
    """How much a client wants a format: what names it most closely counts (RFC 9110, 12.5.1)."""
    fitting = [
        (CLOSEST if each.name in NAMES else RANGES[each.name], each.quality)
        for each in ranges
        if each.is_of_our_version and (NAMES.get(each.name) is format_ or each.name in RANGES)
    ]
    if not fitting:
        return 0.0
    closest = max(closeness for closeness, _ in fitting)
    return max(quality for closeness, quality in fitting if closeness == closest)


def _range(written: str) -> _Range:
    name, *parameters = (part.strip().lower() for part in written.split(";"))
    pairs = (parameter.partition("=")[::2] for parameter in parameters)
    return _Range(name, {key.strip(): value.strip().strip('"') for key, value in pairs})


def _spoken() -> str:
    return " or ".join(format_.value for format_ in SPOKEN)
