"""HealthcareService: what an organisation offers: home care, or a practice's video consultation.

Shape: https://hl7.org/fhir/R4/healthcareservice.html. One for each organisation, under the organisation's id.
ISiKMedizinischeBehandlungseinheit asks for exactly one Fachrichtung, so only practices of one claim it.
"""

from collections.abc import Sequence

from sqlalchemy import case, select

from careapp.consultations.models import Schedule
from careapp.organisations.models import Organisation, OrganisationKind, Place
from fhir.mapping import codes
from fhir.mapping.elements import Json, concept, meta, phone, place_name, reference, without_none
from fhir.mapping.organization import AT_PREMISES, PREMISES, of_premises
from fhir.mapping.resource import Alongside, Dependency, ServedResource
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.references import Reference
from fhir.search.strings import String
from fhir.search.tokens import Token

TYPES = {
    OrganisationKind.CARE_SERVICE: (codes.HOME_CARE, "Häusliche Pflege"),
    OrganisationKind.PRACTICE: (codes.VIDEO_CONSULTATION, "Videosprechstunde"),
}


def to_fhir(row: Organisation, premises: Sequence[Place], schedules: Sequence[Schedule]) -> Json:
    """Show what an organisation offers."""
    code, text = TYPES[row.kind]
    specialties = sorted({schedule.specialty for schedule in schedules})
    profiles = [codes.ISIK_HEALTHCARE_SERVICE] if len(specialties) == 1 else []
    return without_none(
        {
            "resourceType": "HealthcareService",
            "id": str(row.id),
            "meta": meta(*profiles, is_synthetic=row.is_synthetic),
            "active": row.is_active,
            "providedBy": reference("Organization", row.id, row.name),
            "type": [concept(codes.SERVICE_TYPE, code, text=text)],
            "specialty": [concept(codes.SPECIALTY, specialty) for specialty in specialties],
            "location": [reference("Location", place.id, place_name(place)) for place in premises],
            "name": f"{text} {row.name}",
            "telecom": phone(row.phone),
        }
    )


NAME = (
    case({kind: text for kind, (_, text) in TYPES.items()}, value=Organisation.kind) + " " + Organisation.name
)
"""The service's name in SQL, as `to_fhir` writes it."""

OFFERED = (Schedule.organisation_id == Organisation.id, Schedule.is_active.is_(True))
"""The way from an organisation to the schedules that say what it offers."""

OFFERS = (
    carriers.cases(
        codes.SERVICE_TYPE,
        {code: Organisation.kind == kind for kind, (code, _) in TYPES.items()},
        dict(TYPES.values()),
    ),
)

HEALTHCARE_SERVICE = ServedResource(
    kind="HealthcareService",
    table=Organisation,
    about="Home care of care services, video consultations of practices.",
    to_fhir=to_fhir,
    synthetic=Organisation.is_synthetic.is_(True),
    alongside=(
        PREMISES,
        Alongside(select(Schedule).where(Schedule.is_active).order_by(Schedule.id), Schedule.organisation_id),
    ),
    affected_by=(
        of_premises(),
        Dependency(
            Schedule,
            key="organisation_id",
            attributes=frozenset({"specialty", "is_active", "organisation_id"}),
        ),
    ),
    sent_paths={
        "service-type": Sent("type"),
        "type": Sent("type"),
        "specialty": Sent("specialty"),
        "service-category": Sent("category"),
    },
    parameters={
        "active": Token(
            (carriers.flag(Organisation.is_active),),
            f"{codes.HL7_PARAMETER}HealthcareService-active",
            allowed=frozenset({"true", "false"}),
        ),
        "service-type": Token(OFFERS, f"{codes.HL7_PARAMETER}HealthcareService-service-type"),
        # So ISiK's guide calls it in schedule.actor:HealthcareService.type.
        "type": Token(OFFERS, f"{codes.OUR_PARAMETER}HealthcareService-type"),
        "specialty": Token(
            (carriers.elsewhere(carriers.texts(codes.SPECIALTY, Schedule.specialty), *OFFERED),),
            f"{codes.HL7_PARAMETER}HealthcareService-specialty",
        ),
        "name": String((NAME,), f"{codes.HL7_PARAMETER}HealthcareService-name"),
        "organization": Reference(
            (carriers.ids("Organization", Organisation.id),),
            f"{codes.HL7_PARAMETER}HealthcareService-organization",
        ),
        "location": Reference(
            (carriers.elsewhere(carriers.ids("Location", Place.id), *AT_PREMISES),),
            f"{codes.HL7_PARAMETER}HealthcareService-location",
        ),
    },
    profiles=(codes.ISIK_HEALTHCARE_SERVICE,),
)
