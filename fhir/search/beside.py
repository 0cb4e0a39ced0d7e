"""What other systems sent of a row, found beside what its columns hold.

A row's document shows the elements that were sent and that the row has no column for, so searches find them,
too: `fhir.search.indexing` reads them from the document, by the paths that a mapping file declares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import SQLColumnExpression

from fhir.mapping import codes
from fhir.search.indexed import (
    IndexedParameter,
    IndexedString,
    IndexedToken,
    IndexedUri,
    reference,
)
from fhir.search.parameter import Parameter
from fhir.search.references import Reference
from fhir.search.source import Source
from fhir.search.strings import String

WITHOUT_IDENTIFIER = frozenset({"AuditEvent", "Provenance", "Subscription"})
"""Kinds that have no element of that name."""

PEOPLE = frozenset({"Patient", "Practitioner", "PractitionerRole"})
"""Kinds whose addresses and numbers HL7 defines together."""

TELECOMS = {"telecom": "any", "phone": "phone", "email": "email"}


@dataclass(frozen=True)
class Sent:
    """Where documents carry a parameter's values.

    Attributes:
        path: As in `fhir.search.extract`.
        targets: Of a reference: types that it may point to.
    """

    path: str
    targets: frozenset[str] = frozenset()


ADDRESS = {
    "address": Sent("address"),
    "address-city": Sent("address.city"),
    "address-postalcode": Sent("address.postalCode"),
    "address-country": Sent("address.country"),
    "address-state": Sent("address.state"),
}
TELECOM = {name: Sent("telecom") for name in TELECOMS}


def sent_parameters(
    kind: str,
    key: SQLColumnExpression[UUID],
    own: Mapping[str, Parameter],
    paths: Mapping[str, Sent],
    tags: Parameter,
) -> Mapping[str, IndexedParameter]:
    """Declare what is searched for in documents that other systems sent.

    Args:
        kind: Of resource.
        key: The column of the row's id.
        own: Its parameters over columns; either may match.
        paths: Where documents carry the values of parameters, by name.
        tags: `_tag` over columns.
    """

    def source(name: str, path: str) -> Source:
        return Source(kind, key, name, (path,))

    def definition(name: str) -> str:
        if name in own:
            return own[name].definition
        is_shared = kind in PEOPLE and (name in ADDRESS or name in TELECOM)
        return f"{codes.HL7_PARAMETER}{'individual' if is_shared else kind}-{name}"

    found: dict[str, IndexedParameter] = {
        "_tag": IndexedToken(source("_tag", "meta.tag"), f"{codes.HL7_PARAMETER}Resource-tag", beside=tags),
        "_security": IndexedToken(
            source("_security", "meta.security"), f"{codes.HL7_PARAMETER}Resource-security"
        ),
        "_source": IndexedUri(source("_source", "meta.source"), f"{codes.HL7_PARAMETER}Resource-source"),
    }
    every = dict(paths)
    if kind not in WITHOUT_IDENTIFIER:
        every.setdefault("identifier", Sent("identifier"))
    for name, sent in every.items():
        beside, where = own.get(name), source(name, sent.path)
        if sent.targets:
            found[name] = reference(
                where,
                definition(name),
                sent.targets,
                beside=beside if isinstance(beside, Reference) else None,
            )
        elif isinstance(beside, String) or name in ADDRESS:
            found[name] = IndexedString(where, definition(name), beside)
        else:
            found[name] = IndexedToken(where, definition(name), beside=beside, telecom=TELECOMS.get(name))
    return found
