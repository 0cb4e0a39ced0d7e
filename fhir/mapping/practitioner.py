"""Practitioner: a person who gives care, whatever the role.

Shape: https://hl7.org/fhir/R4/practitioner.html
"""

from careapp.people.models import Gender, Practitioner
from fhir.mapping import codes
from fhir.mapping.elements import Json, human_name, meta, without_none
from fhir.mapping.patient import GENDER_SYSTEM
from fhir.mapping.resource import ServedResource
from fhir.search import carriers
from fhir.search.beside import ADDRESS, TELECOM, Sent
from fhir.search.strings import String
from fhir.search.tokens import Token


def to_fhir(row: Practitioner) -> Json:
    """Show a practitioner's row."""
    return without_none(
        {
            "resourceType": "Practitioner",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.is_synthetic),
            "active": row.is_active,
            "name": [human_name(row.given_name, row.family_name, row.title)],
            "gender": row.gender.value,
        }
    )


PRACTITIONER = ServedResource(
    kind="Practitioner",
    table=Practitioner,
    about="Nurses and doctors as persons.",
    to_fhir=to_fhir,
    synthetic=Practitioner.is_synthetic.is_(True),
    sent_paths={"communication": Sent("communication"), **ADDRESS, **TELECOM},
    parameters={
        # No number of a practitioner is stored yet. To ignore the parameter would answer with everybody.
        "identifier": Token((), f"{codes.HL7_PARAMETER}Practitioner-identifier"),
        "active": Token(
            (carriers.flag(Practitioner.is_active),),
            f"{codes.HL7_PARAMETER}Practitioner-active",
            allowed=frozenset({"true", "false"}),
        ),
        "name": String(
            (Practitioner.family_name, Practitioner.title),
            f"{codes.HL7_PARAMETER}Practitioner-name",
            words=(Practitioner.given_name,),
        ),
        "family": String((Practitioner.family_name,), f"{codes.HL7_PARAMETER}individual-family"),
        "given": String((), f"{codes.HL7_PARAMETER}individual-given", words=(Practitioner.given_name,)),
        "gender": Token(
            (carriers.members(GENDER_SYSTEM, Practitioner.gender, Gender),),
            f"{codes.HL7_PARAMETER}individual-gender",
        ),
    },
)
