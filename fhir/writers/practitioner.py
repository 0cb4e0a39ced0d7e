"""Nurses and doctors as persons, from other systems."""

from uuid import UUID

from sqlalchemy.orm import Session

from careapp.people import staff
from careapp.people.models import Gender
from careapp.people.rules import Person
from fhir.asking import Asking
from fhir.mapping.elements import Json
from fhir.writers.findings import Findings
from fhir.writers.parts import OWNER, is_invented, owner_of, read_name, value_of


class PractitionerWriter:
    """Takes people who give care. FHIR does not say whose they are: an extension does, or who signs in."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("Practitioner")
        owner = value_of(document, OWNER)
        organisation_id = owner_of(
            session,
            owner if isinstance(owner, dict) else None,
            element=f"extension('{OWNER}')",
            kind=None,
            asking=asking,
            findings=findings,
        )
        person = _read(document, findings)
        findings.refuse()
        assert organisation_id is not None  # noqa: S101 -- or it was refused
        practitioner = staff.add_practitioner(
            session,
            organisation_id=organisation_id,
            person=person,
            is_active=document.get("active", True),
            is_synthetic=is_invented(document),
            viewer=asking.viewer,
            now=asking.now,
        )
        return practitioner.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`."""
        findings = Findings("Practitioner")
        person = _read(document, findings)
        findings.refuse()
        staff.update_practitioner(
            session,
            practitioner_id=key,
            person=person,
            is_active=document.get("active", True),
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        staff.remove_practitioner(session, practitioner_id=key, viewer=asking.viewer, now=asking.now)


def _read(document: Json, findings: Findings) -> Person:
    name = read_name(document, findings)
    return Person(
        family_name=name.family,
        given_name=name.given,
        gender=Gender(document.get("gender", Gender.UNKNOWN)),
        title=name.title,
    )


PRACTITIONER_WRITER = PractitionerWriter()
