"""PractitionerRole: a practitioner as nurse or doctor of an organisation, with skills and their grades.

Shape: https://hl7.org/fhir/R4/practitionerrole.html. The first code tells nurse or doctor; each other one is
a skill with its grade (1 basic to 4 specialist) as an extension.
"""

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from careapp.organisations.models import Place, PlaceKind
from careapp.people.models import Practitioner, Role, RoleKind, RoleSkill, Skill
from fhir.mapping import codes
from fhir.mapping.elements import Json, concept, extension, full_name, meta, reference, without_none
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import NAMES, invented, on_organisation
from fhir.search import carriers
from fhir.search.beside import TELECOM, Sent
from fhir.search.references import Reference
from fhir.search.tokens import Token


def to_fhir(row: Role) -> Json:
    """Show a role's row; where a nurse lives is nobody's business, so only other bases are shown."""
    person = row.practitioner
    return without_none(
        {
            "resourceType": "PractitionerRole",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "active": row.is_active,
            "practitioner": reference(
                "Practitioner", person.id, full_name(person.given_name, person.family_name, person.title)
            ),
            "organization": reference("Organization", row.organisation_id, row.organisation.name),
            "code": [
                concept(codes.PRACTITIONER_ROLE, row.kind.value),
                *(
                    {
                        "extension": [extension("skill-grade", valuePositiveInt=held.grade)],
                        **concept(codes.SKILL, held.skill_code, display=held.skill.name_de),
                    }
                    for held in row.skills
                ),
            ],
            "specialty": [concept(codes.SPECIALTY, row.specialty)] if row.specialty else None,
            "location": [reference("Location", row.base_id)] if row.base.kind != PlaceKind.HOME else None,
        }
    )


PRACTITIONER_ROLE = ServedResource(
    kind="PractitionerRole",
    table=Role,
    about="Nurses with their skills, doctors with their specialty, in their organisations.",
    to_fhir=to_fhir,
    synthetic=invented(Role.organisation_id),
    load=(
        joinedload(Role.practitioner),
        joinedload(Role.organisation),
        joinedload(Role.base),
        selectinload(Role.skills).joinedload(RoleSkill.skill),
    ),
    affected_by=(
        Dependency(RoleSkill, key="role_id"),
        Dependency(
            Skill,
            key="code",
            ids=lambda keys: select(RoleSkill.role_id).where(RoleSkill.skill_code.in_(keys)),
        ),
        Dependency(
            Practitioner,
            ids=lambda keys: select(Role.id).where(Role.practitioner_id.in_(keys)),
            attributes=NAMES,
        ),
        Dependency(
            Place,
            ids=lambda keys: select(Role.id).where(Role.base_id.in_(keys)),
            attributes=frozenset({"kind"}),
        ),
        on_organisation(Role.id, Role.organisation_id, "name"),
    ),
    sent_paths={
        "role": Sent("code"),
        "specialty": Sent("specialty"),
        "service": Sent("healthcareService", frozenset({"HealthcareService"})),
        "location": Sent("location", frozenset({"Location"})),
        **TELECOM,
    },
    parameters={
        "active": Token(
            (carriers.flag(Role.is_active),),
            f"{codes.HL7_PARAMETER}PractitionerRole-active",
            allowed=frozenset({"true", "false"}),
        ),
        "practitioner": Reference(
            (carriers.ids("Practitioner", Role.practitioner_id),),
            f"{codes.HL7_PARAMETER}PractitionerRole-practitioner",
        ),
        "organization": Reference(
            (carriers.ids("Organization", Role.organisation_id),),
            f"{codes.HL7_PARAMETER}PractitionerRole-organization",
        ),
        "location": Reference(
            (
                carriers.elsewhere(
                    carriers.ids("Location", Role.base_id),
                    Place.id == Role.base_id,
                    Place.kind != PlaceKind.HOME,
                ),
            ),
            f"{codes.HL7_PARAMETER}PractitionerRole-location",
        ),
        "service": Reference(
            (carriers.implied(carriers.ids("HealthcareService", Role.organisation_id)),),
            f"{codes.HL7_PARAMETER}PractitionerRole-service",
        ),
        "role": Token(
            (
                carriers.cases(codes.PRACTITIONER_ROLE, {kind.value: Role.kind == kind for kind in RoleKind}),
                carriers.elsewhere(
                    carriers.shown_as(carriers.texts(codes.SKILL, RoleSkill.skill_code), Skill.name_de),
                    RoleSkill.role_id == Role.id,
                    Skill.code == RoleSkill.skill_code,
                ),
            ),
            f"{codes.HL7_PARAMETER}PractitionerRole-role",
        ),
        "specialty": Token(
            (carriers.texts(codes.SPECIALTY, Role.specialty),),
            f"{codes.HL7_PARAMETER}PractitionerRole-specialty",
        ),
    },
)
