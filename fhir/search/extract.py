"""What a document says for one search parameter, read from its JSON.

Paths are FHIRPath's simplest: names with dots, each of which may be a list
(`participant.individual`). An element of a choice is named with its type (`occurredPeriod`).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fhir.mapping.elements import Json
from fhir.search.carriers import parse_id
from fhir.search.dates import Interval, read
from fhir.search.parameter import InvalidSearch
from fhir.search.references import REFERENCE

LONGEST_CODE = 200
FOREVER = Interval(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""An interval that is open at both ends."""

_UTC = ZoneInfo("UTC")
NAME_PARTS = ("text", "family", "given", "prefix", "suffix")
ADDRESS_PARTS = ("text", "line", "city", "district", "state", "postalCode", "country")


@dataclass(frozen=True)
class Value:
    """One value of a search parameter; see `careapp.records.search_values.SearchValue`."""

    system: str | None = None
    code: str | None = None
    target_id: UUID | None = None
    text: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_local: bool | None = None


def elements(document: Json, paths: Iterable[str]) -> Iterator[Any]:
    """Yield what stands at each path, lists one item after the other."""
    for path in paths:
        found: list[Any] = [document]
        for name in path.split("."):
            found = [
                item
                for each in found
                if isinstance(each, Mapping) and name in each
                for item in (each[name] if isinstance(each[name], list) else [each[name]])
                if item is not None
            ]
        yield from found


def code_form(code: str) -> str:
    """Return a code as it is stored and compared; a long one as its digest, since an index has no room."""
    if len(code) <= LONGEST_CODE:
        return code
    return "sha256:" + hashlib.sha256(code.encode()).hexdigest()


def tokens(element: Any, system: str | None) -> Iterator[Value]:
    """Read a code, flag, Coding, CodeableConcept, Identifier or ContactPoint.

    Args:
        element: What stands in the document.
        system: Of a plain code, which the element's value set implies.
    """
    if isinstance(element, bool):
        yield Value(code="true" if element else "false")
    elif isinstance(element, str):
        if is_storable(element):
            yield Value(system=system, code=code_form(element))
    elif isinstance(element, Mapping):
        for coding in element.get("coding", ()):
            yield from tokens(coding, None)
        code, label = element.get("code", element.get("value")), element.get("display", element.get("text"))
        if (
            isinstance(code, str | None)
            and is_storable(code, label, element.get("system"))
            and (code or label)
        ):
            yield Value(element.get("system"), code and code_form(code), text=label)


def telecoms(element: Any, sort: str | None) -> Iterator[Value]:
    """Read a ContactPoint: its system is what sort of number it is, no system of codes.

    Args:
        element: What stands in the document.
        sort: Only of this sort, e.g. `phone`; None: all.
    """
    value = element.get("value")
    if isinstance(value, str) and is_storable(value) and sort in {None, element.get("system")}:
        yield Value(code=code_form(value))


def references(element: Any, targets: frozenset[str] | None) -> Iterator[Value]:
    """Read a Reference or a canonical address.

    Args:
        element: What stands in the document.
        targets: Types of interest; None: all. A type that cannot be told does not count then.
    """
    written = element.get("reference") if isinstance(element, Mapping) else element
    if not isinstance(written, str) or written.startswith("#") or not is_storable(written):
        return
    found = REFERENCE.fullmatch(written)
    kind = found["kind"] if found else None
    if targets is not None and kind not in targets:
        return
    is_ours = found is not None and found["base"] is None and kind is not None
    yield Value(
        system=kind, code=code_form(written), target_id=parse_id(found["id"]) if found and is_ours else None
    )


def dates(element: Any) -> Iterator[Value]:
    """Read a date, dateTime, instant or Period; both ends of a Period are included, a missing one is open."""
    ends = (element, element) if isinstance(element, str) else (element.get("start"), element.get("end"))
    first, last = map(_interval, ends)
    if first is not None or last is not None:
        yield Value(
            starts_at=(first or FOREVER).lo,
            ends_at=(last or FOREVER).hi,
            is_local=all("T" not in end for end in ends if end),
        )


def _interval(written: str | None) -> Interval | None:
    try:
        return None if written is None else read("date", written, _UTC)[1]
    except InvalidSearch:
        return None  # a leap second: FHIR allows it, no calendar of ours has it


def texts(element: Any) -> Iterator[Value]:
    """Read a string, HumanName or Address: each of its parts may be searched for."""
    if isinstance(element, str):
        if is_storable(element):
            yield Value(text=element)
    elif isinstance(element, Mapping):
        parts = ADDRESS_PARTS if element.keys() & {"line", "city", "postalCode", "country"} else NAME_PARTS
        for part in elements(dict(element), parts):
            if isinstance(part, str) and is_storable(part):
                yield Value(text=part)


def is_storable(*found: str | None) -> bool:
    """Tell whether both databases take these texts; nothing can be searched for that they do not."""
    return all(
        text is None or ("\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text))
        for text in found
    )
