"""Pieces that many resources share, read from documents: the way back of `fhir.mapping.elements`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.organisations.models import Organisation, OrganisationKind
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.search.carriers import parse_id
from fhir.writers.findings import Findings

NAMES_IN_USE = ("official", "usual", None, "maiden", "nickname", "anonymous", "temp", "old")
"""Uses of a HumanName, the one that is taken first."""

OWNER = f"{codes.EXTENSION}managing-organization"
"""Whose a new resource is, where FHIR has no element for it: an extension with a reference."""


@dataclass(frozen=True)
class ReadName:
    """A person's name.

    Attributes:
        family: Not empty.
        given: All given names with spaces between them; None if there is none.
        title: Prefixes with spaces between them; None if there is none.
    """

    family: str
    given: str | None
    title: str | None


def read_name(document: Json, findings: Findings) -> ReadName:
    """Return the name in use; somebody with only one name has it as family name."""
    names = [each for each in document.get("name", ()) if {"family", "given", "text"} & each.keys()]
    if not names:
        findings.add("name", "a name is missing: send at least the family name", "required")
        return ReadName("-", None, None)
    name = min(names, key=lambda each: _rank(each.get("use")))
    family = _text(name.get("family"))
    given = " ".join(filter(None, map(_text, name.get("given", ())))) or None
    title = " ".join(filter(None, map(_text, name.get("prefix", ())))) or None
    if family is None and given is None:
        *first, last = (_text(name.get("text")) or "-").split()
        family, given = last, " ".join(first) or None
    if family is None:
        family, given = str(given), None
    return ReadName(family, given, title)


def _rank(use: str | None) -> int:
    return NAMES_IN_USE.index(use) if use in NAMES_IN_USE else len(NAMES_IN_USE)


def _text(value: object) -> str | None:
    return " ".join(value.split()) or None if isinstance(value, str) else None


def read_phone(document: Json) -> str | None:
    """Return the first telephone number that is not an old one, those with the highest rank first."""
    numbers = [
        each
        for each in document.get("telecom", ())
        if each.get("system") == "phone" and each.get("use") != "old" and _text(each.get("value"))
    ]
    numbers.sort(key=lambda each: each.get("rank", len(numbers) + 1))
    return _text(numbers[0]["value"]) if numbers else None


def codings(concepts: Sequence[Json] | Json | None, system: str) -> Iterator[tuple[Json, str]]:
    """Yield each concept that has a code of a system, with that code."""
    listed = [concepts] if isinstance(concepts, Mapping) else concepts or ()
    for concept in listed:
        for coding in concept.get("coding", ()):
            if coding.get("system") == system and coding.get("code"):
                yield concept, coding["code"]


def extensions(element: Json, url: str) -> Iterator[Json]:
    """Yield the extensions of an element with an address."""
    return (each for each in element.get("extension", ()) if each.get("url") == url)


def value_of(element: Json, url: str) -> Any:
    """Return the value of the first extension with an address, None without one."""
    for extension in extensions(element, url):
        for name, value in extension.items():
            if name.startswith("value"):
                return value
    return None


def key_of(reference: Json | None, kind: str, asking: Asking) -> UUID | None:
    """Return the id to which a reference leads, None if it leads elsewhere or nowhere."""
    written = (reference or {}).get("reference")
    if not isinstance(written, str):
        return None
    parts = written.removeprefix(f"{asking.base_url}/").split("/")
    if len(parts) not in {2, 4} or parts[0] != kind or (len(parts) == 4 and parts[2] != "_history"):
        return None
    return parse_id(parts[1])


def read_key(
    reference: Json | None, kind: str, element: str, asking: Asking, findings: Findings
) -> UUID | None:
    """Return the id to which a required reference leads; anything else is noted."""
    key = key_of(reference, kind, asking)
    if key is None:
        findings.add(element, f"refer to a {kind} of this server here: {kind}/<id>", "required")
    return key


def owner_of(
    session: Session,
    reference: Json | None,
    *,
    element: str,
    kind: OrganisationKind | None,
    asking: Asking,
    findings: Findings,
) -> UUID | None:
    """Return whose a new row is: what the document names, else the viewer's, else the only one there is.

    Args:
        session: An open transaction.
        reference: From the document.
        element: Where it stands, for whom to tell if nobody can be found.
        kind: Which organisations come into question if nobody is named.
        asking: Who asks.
        findings: Gets to know if it stays open.
    """
    named = key_of(reference, "Organization", asking)
    if named is not None:
        return named
    if asking.viewer.organisation_id is not None:
        return asking.viewer.organisation_id
    active = select(Organisation.id).where(Organisation.is_active).order_by(Organisation.id).limit(2)
    for narrowed in (active, active.where(Organisation.kind == kind)):
        found = session.scalars(narrowed).all()
        if len(found) == 1:
            return found[0]
    findings.add(element, "say which organisation it belongs to: Organization/<id>", "required")
    return None


def refuse_change(
    document: Json, element: str, kind: str, key: UUID | None, asking: Asking, findings: Findings
) -> None:
    """Note a reference to something else than what a row refers to, which never changes."""
    named = key_of(document.get(element), kind, asking)
    if named is not None and named != key:
        findings.add(element, "this never changes: make a new resource instead")


def is_invented(document: Json) -> bool:
    """Tell whether the sender marks it as test data."""
    return any(
        tag.get("system") == codes.ACT_REASON and tag.get("code") == codes.TEST_DATA
        for tag in document.get("meta", {}).get("tag", ())
    )
