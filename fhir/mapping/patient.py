"""Patient: who receives care.

Shape: https://hl7.org/fhir/R4/patient.html; identifier, name and address after the German base profiles.
ISiKPatient is not claimed: it demands a hospital's patient number, which we do not have.
"""

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from careapp.organisations.models import Place
from careapp.people.models import Gender, Patient
from fhir.mapping import codes
from fhir.mapping.elements import (
    Json,
    addresses,
    concept,
    human_name,
    meta,
    phone,
    reference,
    without_none,
)
from fhir.mapping.resource import Dependency, ServedResource
from fhir.search import carriers
from fhir.search.addresses import address_parameters
from fhir.search.beside import ADDRESS, TELECOM, Sent
from fhir.search.dates import Day
from fhir.search.references import Reference
from fhir.search.sealed_text import field
from fhir.search.strings import String
from fhir.search.tokens import Token

FAMILY, GIVEN = field(Patient, "family_name"), field(Patient, "given_name", is_word=True)
GENDER_SYSTEM = "http://hl7.org/fhir/administrative-gender"


def to_fhir(row: Patient) -> Json:
    """Show a patient's row with its home's address."""
    return without_none(
        {
            "resourceType": "Patient",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.is_synthetic),
            "identifier": [
                {
                    "use": "official",
                    "type": concept(codes.IDENTIFIER_TYPE_DE, "GKV"),
                    "system": codes.KVNR,
                    "value": row.insurance_number,
                }
            ]
            if row.insurance_number
            else None,
            "active": row.is_active,
            "name": [human_name(row.given_name, row.family_name)],
            "telecom": phone(row.phone),
            "gender": row.gender.value,
            "birthDate": row.birth_date and row.birth_date.isoformat(),
            "address": addresses([row.home] if row.home else [], use="home"),
            "managingOrganization": reference("Organization", row.organisation_id),
        }
    )


PATIENT = ServedResource(
    kind="Patient",
    table=Patient,
    about="Who receives care at home.",
    to_fhir=to_fhir,
    synthetic=Patient.is_synthetic.is_(True),
    load=(joinedload(Patient.home),),
    affected_by=(Dependency(Place, ids=lambda keys: select(Patient.id).where(Patient.home_id.in_(keys))),),
    sent_paths={
        "general-practitioner": Sent(
            "generalPractitioner", frozenset({"Organization", "Practitioner", "PractitionerRole"})
        ),
        "link": Sent("link.other", frozenset({"Patient", "RelatedPerson"})),
        "language": Sent("communication.language"),
        **ADDRESS,
        **TELECOM,
    },
    parameters={
        "identifier": Token(
            (carriers.sealed(codes.KVNR, Patient, "insurance_number"),),
            f"{codes.HL7_PARAMETER}Patient-identifier",
        ),
        "active": Token(
            (carriers.flag(Patient.is_active),),
            f"{codes.HL7_PARAMETER}Patient-active",
            allowed=frozenset({"true", "false"}),
        ),
        "name": String((), f"{codes.HL7_PARAMETER}Patient-name", sealed=(FAMILY, GIVEN)),
        "family": String((), f"{codes.HL7_PARAMETER}individual-family", sealed=(FAMILY,)),
        "given": String((), f"{codes.HL7_PARAMETER}individual-given", sealed=(GIVEN,)),
        "gender": Token(
            (carriers.members(GENDER_SYSTEM, Patient.gender, Gender),),
            f"{codes.HL7_PARAMETER}individual-gender",
        ),
        **address_parameters("individual", Place.id == Patient.home_id),
        "telecom": Token(
            (carriers.sealed("phone", Patient, "phone"),), f"{codes.HL7_PARAMETER}individual-telecom"
        ),
        "phone": Token(
            (carriers.sealed("phone", Patient, "phone"),), f"{codes.HL7_PARAMETER}individual-phone"
        ),
        "birthdate": Day(Patient.birth_date, f"{codes.HL7_PARAMETER}individual-birthdate"),
        "organization": Reference(
            (carriers.ids("Organization", Patient.organisation_id),),
            f"{codes.HL7_PARAMETER}Patient-organization",
        ),
    },
)
