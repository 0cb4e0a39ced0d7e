"""What belongs to a patient: https://hl7.org/fhir/R4/compartmentdefinition-patient.html."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, or_

from fhir.mapping.registry import RESOURCES
from fhir.mapping.resource import ServedResource
from fhir.search.references import Reference

PATIENT_COMPARTMENT: Mapping[str, tuple[str, ...]] = {
    "Patient": ("link",),
    "Appointment": ("actor",),
    "AppointmentResponse": ("actor",),
    "CarePlan": ("patient", "performer"),
    "CareTeam": ("patient", "participant"),
    "Communication": ("subject", "sender", "recipient"),
    "Consent": ("patient",),
    "Encounter": ("patient",),
    "List": ("subject", "source"),
    "Provenance": ("patient",),
    "RelatedPerson": ("patient",),
    "Schedule": ("actor",),
    "ServiceRequest": ("subject", "performer"),
    "Task": ("patient", "subject"),
}
"""Search parameters by which a resource of a kind belongs to a patient. R4 leaves Task out (R5 has it); a
record without its open tasks would not be everything. Who looked (AuditEvent) is no part of the care: the
patient's report of accesses tells it."""

SURROUNDINGS = ("Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole")
"""Kinds without a patient that the compartment's resources refer to."""


def belonging(resource: ServedResource, patients: Select[Any]) -> ColumnElement[bool] | None:
    """SQL: a row of the kind belongs to one of some patients; None if rows of this kind never do."""
    if resource.kind not in PATIENT_COMPARTMENT:
        return None
    ways: list[Any] = [resource.key.in_(patients)] if resource.kind == "Patient" else []
    for name in PATIENT_COMPARTMENT[resource.kind]:
        parameter = resource.parameters.get(name)
        if isinstance(parameter, Reference):
            ways += [carrier.among(patients) for carrier in parameter.carriers if "Patient" in carrier.labels]
    return or_(*ways) if ways else None


def in_compartment() -> tuple[ServedResource, ...]:
    """Every served kind of which a patient may have rows, the patients first."""
    found = [resource for resource in RESOURCES if resource.kind in PATIENT_COMPARTMENT]
    return tuple(sorted(found, key=lambda resource: resource.kind != "Patient"))
