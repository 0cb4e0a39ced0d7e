"""Nurses and doctors in their organisations, from other systems."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from careapp.people import staff
from careapp.people.models import Role, RoleKind
from careapp.people.queries import get_practitioner, get_role
from careapp.people.staff import RoleDetails
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.writers.findings import Findings
from fhir.writers.parts import codings, key_of, read_key, refuse_change, value_of

USUAL_KIND = {
    OrganisationKind.CARE_SERVICE: RoleKind.NURSE,
    OrganisationKind.PRACTICE: RoleKind.DOCTOR,
}
LEAST_GRADE = 1


class PractitionerRoleWriter:
    """Takes roles. What nobody says follows from the organisation: its one base, and nurse or doctor."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("PractitionerRole")
        person = read_key(document.get("practitioner"), "Practitioner", "practitioner", asking, findings)
        findings.refuse()
        assert person is not None  # noqa: S101 -- or it was refused
        practitioner = get_practitioner(session, practitioner_id=person, viewer=asking.viewer)
        named = key_of(document.get("organization"), "Organization", asking)
        organisation_id = practitioner.organisation_id if named is None else named
        organisation = session.get_one(Organisation, organisation_id)
        base_id = _named_base(document, asking) or _only_base(session, organisation_id, asking, findings)
        findings.refuse()
        assert base_id is not None  # noqa: S101 -- or it was refused
        role = staff.add_role(
            session,
            organisation_id=organisation_id,
            practitioner_id=person,
            details=_read(document, USUAL_KIND[organisation.kind], base_id),
            viewer=asking.viewer,
            now=asking.now,
        )
        return role.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`; without a location the base stays, since a nurse's home is not shown."""
        role = get_role(session, role_id=key, viewer=asking.viewer)
        findings = Findings("PractitionerRole")
        refuse_change(document, "practitioner", "Practitioner", role.practitioner_id, asking, findings)
        refuse_change(document, "organization", "Organization", role.organisation_id, asking, findings)
        findings.refuse()
        staff.update_role(
            session,
            role_id=key,
            details=_read(document, role.kind, _base(role, document, asking)),
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        staff.remove_role(session, role_id=key, viewer=asking.viewer, now=asking.now)


def _base(role: Role, document: Json, asking: Asking) -> UUID:
    named = _named_base(document, asking)
    return role.base_id if named is None else named


def _named_base(document: Json, asking: Asking) -> UUID | None:
    found = (key_of(each, "Location", asking) for each in document.get("location", ()))
    return next((key for key in found if key is not None), None)


def _only_base(session: Session, organisation_id: UUID, asking: Asking, findings: Findings) -> UUID | None:
    statement = select(Place.id).where(Place.organisation_id == organisation_id, Place.kind != PlaceKind.HOME)
    found = session.scalars(visible(statement.limit(2), asking.viewer, Place)).all()
    if len(found) == 1:
        return found[0]
    findings.add("location", "say where work begins: refer to a Location of the organisation", "required")
    return None


def _read(document: Json, usual: RoleKind, base_id: UUID) -> RoleDetails:
    kinds = [
        RoleKind(code)
        for _, code in codings(document.get("code"), codes.PRACTITIONER_ROLE)
        if code in set(RoleKind)
    ]
    specialties = [code for _, code in codings(document.get("specialty"), codes.SPECIALTY)]
    return RoleDetails(
        kind=kinds[0] if kinds else usual,
        base_id=base_id,
        specialty=specialties[0] if specialties else None,
        skills={
            code: value_of(concept, codes.EXTENSION + "skill-grade") or LEAST_GRADE
            for concept, code in codings(document.get("code"), codes.SKILL)
        },
        is_active=document.get("active", True),
    )


PRACTITIONER_ROLE_WRITER = PractitionerRoleWriter()
