"""References between the entries of a transaction, rewritten to the ids that this server gives.

https://hl7.org/fhir/R4/http.html#trules: `urn:uuid:…` of another entry's `fullUrl`, wherever it stands as a
reference, a URI or a link of the narrative; and conditional references (`Patient?identifier=…`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fhir.mapping.elements import Json

CONDITION = re.compile(r"(?P<kind>[A-Z][A-Za-z]{1,40})\?(?P<query>.+)", re.DOTALL)
OF_A_SERVER = re.compile(r"(?P<base>https?://.+)/(?P<kind>[A-Z][A-Za-z]{1,40})/[A-Za-z0-9.\-]{1,64}")
VERSION = re.compile(r"/_history/[A-Za-z0-9.\-]{1,64}")
IN_NARRATIVE = re.compile(
    r"""(?P<before>\s(?:href|src)\s*=\s*)(?P<quote>["'])(?P<url>urn:[^"']+)(?P=quote)"""
)
PLAIN_TEXT = frozenset({"value", "valueString"})
"""Elements of type string in which a URN means nothing but itself, e.g. an identifier's value."""


@dataclass
class Links:
    """What the names that entries use for each other stand for.

    Attributes:
        known: References by full address of an entry, or by conditional reference as written.
        awaited: Full addresses of entries whose resources are not made yet.
    """

    known: dict[str, str] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)

    def rewrite(self, document: Json, full_url: str | None) -> tuple[Json, frozenset[str]]:
        """Return a document with all names that are known replaced, and the names that are not.

        Args:
            document: A resource as sent.
            full_url: Of its entry: what its relative references begin with.

        Returns:
            The new document, and those full addresses, URNs and conditional references in it that stand for
            nothing yet.
        """
        missing: set[str] = set()
        own = OF_A_SERVER.fullmatch(full_url or "")

        def rewritten(name: str, text: str) -> str:
            if name == "div":
                return IN_NARRATIVE.sub(in_narrative, text)
            if name in PLAIN_TEXT or not (name == "reference" or text.startswith("urn:")):
                return text
            return target_of(text, is_reference=name == "reference")

        def target_of(text: str, *, is_reference: bool) -> str:
            for written in self._spellings(text, own["base"] if own and is_reference else None):
                if written in self.known:
                    return self.known[written]
                if written in self.awaited:
                    missing.add(written)
                    return written
            if is_reference and (text.startswith("urn:uuid:") or CONDITION.fullmatch(text)):
                missing.add(text)
            return text

        def in_narrative(found: re.Match[str]) -> str:
            target = target_of(found["url"], is_reference=False)
            return f"{found['before']}{found['quote']}{target}{found['quote']}"

        return _rewritten(document, "", rewritten), frozenset(missing)

    @staticmethod
    def _spellings(text: str, base: str | None) -> list[str]:
        plain = VERSION.sub("", text)
        return [plain] if base is None or "://" in plain else [plain, f"{base}/{plain}"]


def without(document: Json, names: frozenset[str]) -> Json:
    """Return a document without whatever needs one of some names.

    With a reference goes the list's item that it stands in (which may be about nothing else), or else the
    document's element.
    """
    kept = {name: _pruned(part, names) for name, part in document.items()}
    return {name: part for name, part in kept.items() if part is not None and part != []}


def _pruned(element: Any, names: frozenset[str]) -> Any:
    if isinstance(element, dict):
        if element.get("reference") in names:
            return None
        kept = {name: _pruned(part, names) for name, part in element.items()}
        is_whole = all(part is not None for part in kept.values())
        return {name: part for name, part in kept.items() if part != []} if is_whole else None
    if isinstance(element, list):
        return [part for each in element if (part := _pruned(each, names)) is not None]
    return element


def places_of(element: Any, names: frozenset[str], place: str) -> Iterator[str]:
    """Yield the FHIRPath of each text in an element that uses one of some names."""
    if isinstance(element, str):
        # In a narrative a name is a part of the text.
        if VERSION.sub("", element) in names or (place.endswith(".div") and any(n in element for n in names)):
            yield place
    elif isinstance(element, dict):
        for name, part in element.items():
            yield from places_of(part, names, f"{place}.{name}")
    elif isinstance(element, list):
        for number, part in enumerate(element):
            yield from places_of(part, names, f"{place}[{number}]")


def _rewritten(element: Any, name: str, change: Callable[[str, str], str]) -> Any:
    if isinstance(element, str):
        return change(name, element)
    if isinstance(element, dict):
        return {key: _rewritten(part, key, change) for key, part in element.items()}
    if isinstance(element, list):
        return [_rewritten(part, name, change) for part in element]
    return element
