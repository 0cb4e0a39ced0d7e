"""Schedule: a doctor's video hours, as ISiKKalender.

Shape: https://hl7.org/fhir/R4/schedule.html. ISiK allows one actor of the types Practitioner,
HealthcareService and Location; others, as the role here, may stand beside it.
"""

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from careapp.consultations.models import Schedule
from careapp.people.models import Practitioner, Role
from fhir.mapping import codes
from fhir.mapping.elements import Json, concept, extension, full_name, meta, reference
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import NAMES, invented, on_organisation
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.references import Reference
from fhir.search.tokens import Token


def to_fhir(row: Schedule) -> Json:
    """Show a schedule's row."""
    person = row.role.practitioner
    doctor = full_name(person.given_name, person.family_name, person.title)
    return {
        "resourceType": "Schedule",
        "id": str(row.id),
        "meta": meta(codes.ISIK_SCHEDULE, is_synthetic=row.organisation.is_synthetic),
        "extension": [
            {"url": codes.FROM_R5 + "Schedule.name", "valueString": row.title},
            *([extension("needs-confirmation", valueBoolean=True)] if row.needs_confirmation else []),
        ],
        "active": row.is_active,
        "serviceType": [concept(codes.SERVICE_TYPE, codes.VIDEO_CONSULTATION, text="Videosprechstunde")],
        "specialty": [concept(codes.SPECIALTY, row.specialty)],
        "actor": [
            reference("Practitioner", person.id, doctor),
            reference("PractitionerRole", row.role_id, doctor),
        ],
    }


SCHEDULE = ServedResource(
    kind="Schedule",
    table=Schedule,
    about="Doctors' video hours.",
    to_fhir=to_fhir,
    synthetic=invented(Schedule.organisation_id),
    load=(joinedload(Schedule.role).joinedload(Role.practitioner), joinedload(Schedule.organisation)),
    affected_by=(
        Dependency(
            Role,
            ids=lambda keys: select(Schedule.id).where(Schedule.role_id.in_(keys)),
            attributes=frozenset({"practitioner_id"}),
        ),
        Dependency(
            Practitioner,
            ids=lambda keys: select(Schedule.id).join(Schedule.role).where(Role.practitioner_id.in_(keys)),
            attributes=NAMES,
        ),
        on_organisation(Schedule.id, Schedule.organisation_id),
    ),
    sent_paths={
        "service-type": Sent("serviceType"),
        "specialty": Sent("specialty"),
        "service-category": Sent("serviceCategory"),
        "actor": Sent(
            "actor", frozenset({"HealthcareService", "Location", "Practitioner", "PractitionerRole"})
        ),
    },
    parameters={
        "active": Token(
            (carriers.flag(Schedule.is_active),),
            f"{codes.HL7_PARAMETER}Schedule-active",
            allowed=frozenset({"true", "false"}),
        ),
        "service-type": Token(
            (
                carriers.cases(
                    codes.SERVICE_TYPE,
                    {codes.VIDEO_CONSULTATION: Schedule.id.is_not(None)},
                    {codes.VIDEO_CONSULTATION: "Videosprechstunde"},
                ),
            ),
            f"{codes.HL7_PARAMETER}Schedule-service-type",
        ),
        "specialty": Token(
            (carriers.texts(codes.SPECIALTY, Schedule.specialty),),
            f"{codes.HL7_PARAMETER}Schedule-specialty",
        ),
        "actor": Reference(
            (
                carriers.ids("Practitioner", Schedule.practitioner_id),
                carriers.ids("PractitionerRole", Schedule.role_id),
                # ISiK allows no second actor of its types in the document, but asks by this one.
                carriers.implied(carriers.ids("HealthcareService", Schedule.organisation_id)),
            ),
            f"{codes.HL7_PARAMETER}Schedule-actor",
        ),
    },
    profiles=(codes.ISIK_SCHEDULE,),
)
