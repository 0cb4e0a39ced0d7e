"""Location: a point on the map with an address: a patient's home, a base, a practice.

Shape: https://hl7.org/fhir/R4/location.html; address after the German base profile.
"""

from sqlalchemy.orm import joinedload

from careapp.organisations.models import Place, PlaceKind
from fhir.mapping import codes
from fhir.mapping.elements import Json, address, concept, meta, place_name, reference, without_none
from fhir.mapping.resource import ServedResource
from fhir.mapping.tenant import invented, on_organisation
from fhir.search import carriers
from fhir.search.addresses import address_parameters
from fhir.search.beside import ADDRESS, Sent
from fhir.search.near import Near
from fhir.search.references import Reference
from fhir.search.sealed_text import field
from fhir.search.strings import String
from fhir.search.tokens import Token


def to_fhir(row: Place) -> Json:
    """Show a place's row."""
    is_home = row.kind == PlaceKind.HOME
    return without_none(
        {
            "resourceType": "Location",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "status": "active",
            "name": place_name(row),
            "mode": "instance",
            "type": [concept(codes.ROLE_CODE, "PTRES" if is_home else "PROFF")],
            "address": address(row, use="home" if is_home else "work"),
            "position": {"longitude": row.longitude, "latitude": row.latitude},
            "managingOrganization": reference("Organization", row.organisation_id, row.organisation.name),
        }
    )


LOCATION = ServedResource(
    kind="Location",
    table=Place,
    about="Patients' homes, the bases of care services, practices.",
    to_fhir=to_fhir,
    synthetic=invented(Place.organisation_id),
    load=(joinedload(Place.organisation),),
    affected_by=(on_organisation(Place.id, Place.organisation_id, "name"),),
    sent_paths={
        "type": Sent("type"),
        "operational-status": Sent("operationalStatus"),
        "partof": Sent("partOf", frozenset({"Location"})),
        **ADDRESS,
    },
    parameters={
        "status": Token(
            (carriers.cases("http://hl7.org/fhir/location-status", {"active": Place.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}Location-status",
        ),
        "name": String(
            (Place.plain_name, Place.plain_street),
            f"{codes.HL7_PARAMETER}Location-name",
            sealed=(field(Place, "name"), field(Place, "street")),
        ),
        **address_parameters("Location"),
        "near": Near(
            Place, Place.plain_latitude, Place.plain_longitude, f"{codes.HL7_PARAMETER}Location-near"
        ),
        "type": Token(
            (
                carriers.cases(
                    codes.ROLE_CODE,
                    {"PTRES": Place.kind == PlaceKind.HOME, "PROFF": Place.kind != PlaceKind.HOME},
                ),
            ),
            f"{codes.HL7_PARAMETER}Location-type",
        ),
        "organization": Reference(
            (carriers.ids("Organization", Place.organisation_id),),
            f"{codes.HL7_PARAMETER}Location-organization",
        ),
    },
)
