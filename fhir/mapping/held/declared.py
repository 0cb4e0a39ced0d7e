"""How a held resource is declared: its table, and for each search parameter the paths of its values."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import SQLColumnExpression, false

from careapp.records.held import HeldResource
from fhir.formats.json import load_json
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.mapping.resource import ServedResource
from fhir.search import indexed
from fhir.search.indexed import (
    IndexedDate,
    IndexedParameter,
    IndexedString,
    IndexedToken,
    IndexedUri,
)
from fhir.search.source import Source

PATIENT = frozenset({"Patient"})
PEOPLE = frozenset({"Practitioner", "PractitionerRole", "Patient", "RelatedPerson"})
AGENTS = PEOPLE | {"Organization", "CareTeam"}
SERVED = AGENTS | {
    "Appointment",
    "AppointmentResponse",
    "AuditEvent",
    "CarePlan",
    "Communication",
    "Consent",
    "Encounter",
    "HealthcareService",
    "List",
    "Location",
    "Provenance",
    "Schedule",
    "ServiceRequest",
    "Slot",
    "Task",
}
"""All types that a reference to anything may point to here."""

OWN = frozenset({"id", "resourceType", "meta"})
VERSION = frozenset({"versionId", "lastUpdated"})

Declared = Callable[[Source, str], IndexedParameter]
"""Makes a parameter for its source and its canonical address."""


def token(*paths: str, system: str | None = None, telecom: str | None = None) -> Declared:
    """Declare a code, flag, identifier or ContactPoint; `system` is what a plain code's value set implies."""
    return lambda source, definition: IndexedToken(
        replace(source, paths=paths), definition, system, telecom=telecom
    )


def reference(*paths: str, to: frozenset[str], only: bool = False) -> Declared:
    """Declare a reference; `only` these types count, if others stand at the same paths."""
    return lambda source, definition: indexed.reference(
        replace(source, paths=paths), definition, to, only=only
    )


def date(*paths: str) -> Declared:
    """Declare a time or a stretch of time."""
    return lambda source, definition: IndexedDate(replace(source, paths=paths), definition)


def string(*paths: str) -> Declared:
    """Declare a text, a name or an address."""
    return lambda source, definition: IndexedString(replace(source, paths=paths), definition)


def uri(*paths: str) -> Declared:
    """Declare an address that is compared whole."""
    return lambda source, definition: IndexedUri(replace(source, paths=paths), definition)


def named(definition: str, declared: Declared) -> Declared:
    """Give a parameter that several kinds share its own address, e.g. `clinical-date`."""
    return lambda source, _: declared(source, f"{codes.HL7_PARAMETER}{definition}")


COMMON: Mapping[str, Declared] = {
    "_tag": named("Resource-tag", token("meta.tag")),
    "_security": named("Resource-security", token("meta.security")),
    "_profile": named("Resource-profile", uri("meta.profile")),
    "_source": named("Resource-source", uri("meta.source")),
}


def parameters(
    kind: str, key: SQLColumnExpression[UUID], declared: Mapping[str, Declared]
) -> Mapping[str, IndexedParameter]:
    """Make the parameters of a kind whose rows' ids are in `key`."""
    return {
        name: make(Source(kind, key, name, ()), f"{codes.HL7_PARAMETER}{kind}-{name}")
        for name, make in {**COMMON, **declared}.items()
    }


def held(
    kind: str, table: type[HeldResource], about: str, declared: Mapping[str, Declared]
) -> ServedResource:
    """Declare a resource that is held and nothing more."""
    return ServedResource(
        kind=kind,
        table=table,
        about=about,
        to_fhir=to_fhir,
        synthetic=false(),
        parameters=parameters(kind, table.id, declared),
    )


def to_fhir(row: HeldResource) -> Json:
    """Show what was sent, under our id."""
    sent = load_json(row.content or b"{}")
    return {
        "resourceType": row.kind,
        "id": str(row.id),
        "meta": {name: each for name, each in sent.get("meta", {}).items() if name not in VERSION},
        **{name: each for name, each in sent.items() if name not in OWN},
    }
