"""People whom `$book` makes known with the appointment (ISiK Stufe 5: `patient`, `related-person`)."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.people.models import Patient
from careapp.sealing.lookups import exactly
from fhir.asking import Asking
from fhir.interactions import writing
from fhir.mapping import codes
from fhir.mapping.elements import Json, reference
from fhir.operations.parameters import Given
from fhir.search.carriers import parse_id
from fhir.writers.parts import key_of


def with_people(session: Session, document: Json, given: Given, asking: Asking) -> Json:
    """Return the appointment with those who were sent beside it among its participants.

    Somebody whom the appointment refers to already is not made known again. A patient who is known here (by
    id, or by insurance number and date of birth) is not made twice.

    Args:
        session: A writing transaction.
        document: An Appointment, perhaps not checked yet.
        given: The call's parameters.
        asking: Who asks, and when.

    Raises:
        Malformed: A parameter is no such resource.
        Rejected: One of them breaks rules.
    """
    patient = given.resource("patient", "Patient")
    related = given.resource("related-person", "RelatedPerson")
    if patient is None and related is None:
        return document
    listed = document.get("participant", [])
    if not isinstance(listed, list) or not all(map(_is_sound, listed)):
        return document  # the check that follows says what is wrong
    patients = {key_of(each.get("actor"), "Patient", asking) for each in listed} - {None}
    added = []
    if patient is not None and not patients:
        key = _find(session, patient, asking)
        if key is None:
            key = writing.create(session, kind="Patient", document=patient, asking=asking).id
        patients.add(key)
        added.append(_participant("Patient", key))
    if related is not None and not any(_is_of(each, "RelatedPerson") for each in listed):
        if patients and "patient" not in related:
            related = {**related, "patient": {"reference": f"Patient/{next(iter(patients))}"}}
        written = writing.create(session, kind="RelatedPerson", document=related, asking=asking)
        added.append(_participant("RelatedPerson", written.id, _name(related)))
    return {**document, "participant": [*listed, *added]} if added else document


def _participant(kind: str, key: UUID, display: str | None = None) -> Json:
    return {"actor": reference(kind, key, display), "status": "accepted"}


def _name(person: Json) -> str:
    """Name somebody for people to read; ISiK wants a display of everybody who takes part."""
    for name in person.get("name", ()):
        words = (*name.get("given", ()), name.get("family"))
        found = name.get("text") or " ".join(word for word in words if word)
        if found:
            return str(found)
    return str(person["resourceType"])


def _is_sound(participant: Any) -> bool:
    return isinstance(participant, dict) and isinstance(participant.get("actor", {}), dict)


def _is_of(participant: Json, kind: str) -> bool:
    return f"{kind}/" in str(participant.get("actor", {}).get("reference", ""))


def _find(session: Session, patient: Json, asking: Asking) -> UUID | None:
    known = visible(select(Patient.id).where(Patient.is_active), asking.viewer, Patient)
    key = parse_id(str(patient.get("id", "")))
    if key is not None and session.scalars(known.where(Patient.id == key)).first() is not None:
        return key
    number, born = _insurance_number(patient), _birth_date(patient)
    if number is None or born is None:
        return None
    found = session.scalars(
        known.where(exactly(Patient, "insurance_number", [number]), Patient.birth_date == born).limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def _insurance_number(patient: Json) -> str | None:
    identifiers = patient.get("identifier", [])
    for each in identifiers if isinstance(identifiers, list) else []:
        if isinstance(each, dict) and each.get("system") == codes.KVNR and isinstance(each.get("value"), str):
            return str(each["value"])
    return None


def _birth_date(patient: Json) -> date | None:
    try:
        return date.fromisoformat(str(patient.get("birthDate", "")))
    except ValueError:
        return None
