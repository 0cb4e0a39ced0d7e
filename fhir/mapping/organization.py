"""Organization: a care service or a practice.

Shape: https://hl7.org/fhir/R4/organization.html
"""

from collections.abc import Sequence

from sqlalchemy import select

from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from fhir.mapping import codes
from fhir.mapping.elements import Json, addresses, concept, meta, phone, without_none
from fhir.mapping.resource import Alongside, Dependency, ServedResource
from fhir.search import carriers
from fhir.search.addresses import address_parameters
from fhir.search.beside import ADDRESS, Sent
from fhir.search.strings import String
from fhir.search.tokens import Token

PREMISES = Alongside(
    select(Place).where(Place.kind != PlaceKind.HOME).order_by(Place.id), Place.organisation_id
)
"""Where an organisation can be found: bases and practices, never a home."""


AT_PREMISES = (Place.organisation_id == Organisation.id, Place.kind != PlaceKind.HOME)
"""The way from an organisation to its premises, for search."""


def of_premises() -> Dependency:
    """Documents of an organisation show where its premises are."""
    return Dependency(Place, key="organisation_id", applies=lambda place: place.kind != PlaceKind.HOME)


def to_fhir(row: Organisation, premises: Sequence[Place]) -> Json:
    """Show an organisation's row with the addresses of its premises."""
    return without_none(
        {
            "resourceType": "Organization",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.is_synthetic),
            "active": row.is_active,
            "type": [
                concept(codes.ORGANIZATION_TYPE, "prov"),
                concept(codes.OUR_ORGANIZATION_TYPE, row.kind.value),
            ],
            "name": row.name,
            "telecom": phone(row.phone),
            "address": addresses(premises, use="work"),
        }
    )


ORGANIZATION = ServedResource(
    kind="Organization",
    table=Organisation,
    about="Care services and practices.",
    to_fhir=to_fhir,
    synthetic=Organisation.is_synthetic.is_(True),
    alongside=(PREMISES,),
    affected_by=(of_premises(),),
    sent_paths={
        "type": Sent("type"),
        "partof": Sent("partOf", frozenset({"Organization"})),
        **ADDRESS,
    },
    parameters={
        "active": Token(
            (carriers.flag(Organisation.is_active),),
            f"{codes.HL7_PARAMETER}Organization-active",
            allowed=frozenset({"true", "false"}),
        ),
        "name": String((Organisation.name,), f"{codes.HL7_PARAMETER}Organization-name"),
        "type": Token(
            (
                carriers.cases(codes.ORGANIZATION_TYPE, {"prov": Organisation.id.is_not(None)}),
                carriers.cases(
                    codes.OUR_ORGANIZATION_TYPE,
                    {kind.value: Organisation.kind == kind for kind in OrganisationKind},
                ),
            ),
            f"{codes.HL7_PARAMETER}Organization-type",
        ),
        **address_parameters("Organization", *AT_PREMISES),
    },
)
