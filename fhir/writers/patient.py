"""Patients from other systems."""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.organisations.models import OrganisationKind
from careapp.people import commands, patients
from careapp.people.models import Gender
from careapp.people.patients import PatientDetails
from careapp.people.queries import get_patient
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.writers.addresses import home_of, is_same, read_address
from fhir.writers.findings import Findings
from fhir.writers.parts import is_invented, owner_of, read_name, read_phone, refuse_change

WHOLE_DATE = len("1940-05-17")


class PatientWriter:
    """Takes patients in, also those whose home nobody knows: they can join video consultations."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("Patient")
        organisation_id = owner_of(
            session,
            document.get("managingOrganization"),
            element="managingOrganization",
            kind=OrganisationKind.CARE_SERVICE,
            asking=asking,
            findings=findings,
        )
        details = _read(document, findings)
        findings.refuse()
        assert organisation_id is not None  # noqa: S101 -- or it was refused
        written = home_of(document.get("address", ()))
        patient = commands.add_patient(
            session,
            organisation_id=organisation_id,
            family_name=details.family_name,
            given_name=details.given_name,
            home=read_address(session, written, asking=asking) if written else None,
            gender=details.gender,
            birth_date=details.birth_date,
            phone=details.phone,
            insurance_number=details.insurance_number,
            is_active=details.is_active,
            is_synthetic=is_invented(document),
            viewer=asking.viewer,
            now=asking.now,
        )
        return patient.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`; a home's pin that a person has set stays while the address is the same."""
        viewer, now = asking.viewer, asking.now
        patient = get_patient(session, patient_id=key, viewer=viewer)
        findings = Findings("Patient")
        details = _read(document, findings)
        refuse_change(
            document,
            "managingOrganization",
            "Organization",
            patient.organisation_id,
            asking,
            findings,
        )
        findings.refuse()
        patients.update_patient(session, patient_id=key, details=details, viewer=viewer, now=now)
        written = home_of(document.get("address", ()))
        home = read_address(session, written, place=patient.home, asking=asking) if written else None
        if home is None:
            patients.forget_home(session, patient_id=key, viewer=viewer, now=now)
        elif patient.home is None or not is_same(home, patient.home):
            patients.set_home(session, patient_id=key, home=home, viewer=viewer, now=now)

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        patients.remove_patient(session, patient_id=key, viewer=asking.viewer, now=asking.now)


def _read(document: Json, findings: Findings) -> PatientDetails:
    name = read_name(document, findings)
    born = document.get("birthDate", "")
    return PatientDetails(
        family_name=name.family,
        given_name=name.given,
        gender=Gender(document.get("gender", Gender.UNKNOWN)),
        birth_date=date.fromisoformat(born) if len(born) == WHOLE_DATE else None,
        phone=read_phone(document),
        insurance_number=_insurance_number(document),
        # Nobody plans visits to somebody who has died.
        is_active=bool(document.get("active", True)) and not _has_died(document),
    )


def _insurance_number(document: Json) -> str | None:
    for identifier in document.get("identifier", ()):
        if identifier.get("system") == codes.KVNR and identifier.get("use") != "old":
            number = identifier.get("value")
            if isinstance(number, str):
                return number
    return None


def _has_died(document: Json) -> bool:
    return bool(document.get("deceasedBoolean")) or "deceasedDateTime" in document


PATIENT_WRITER = PatientWriter()
