"""Places on the map, from other systems."""

from uuid import UUID

from sqlalchemy.orm import Session

from careapp.organisations import changes, commands
from careapp.organisations.commands import Address
from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from careapp.organisations.queries import get_place
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json, place_name
from fhir.writers.addresses import GEOLOCATION, read_address
from fhir.writers.findings import Findings
from fhir.writers.parts import codings, owner_of, refuse_change

USUAL_KIND = {
    OrganisationKind.CARE_SERVICE: PlaceKind.BASE,
    OrganisationKind.PRACTICE: PlaceKind.PRACTICE,
}
HOME = "PTRES"


class LocationWriter:
    """Takes bases of care services and practices; a home comes with its patient, and may be moved."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("Location")
        organisation_id = owner_of(
            session,
            document.get("managingOrganization"),
            element="managingOrganization",
            kind=None,
            asking=asking,
            findings=findings,
        )
        if HOME in {code for _, code in codings(document.get("type"), codes.ROLE_CODE)}:
            findings.add("type", "a home comes with its patient: send the address in the Patient")
        address = _address(session, document, None, asking, findings)
        findings.refuse()
        assert organisation_id is not None  # noqa: S101 -- or it was refused
        assert address is not None  # noqa: S101
        organisation = session.get_one(Organisation, organisation_id)
        place = commands.add_place(
            session,
            organisation_id=organisation_id,
            kind=USUAL_KIND[organisation.kind],
            address=address,
            name=document.get("name"),
            viewer=asking.viewer,
            now=asking.now,
        )
        return place.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`."""
        place = get_place(session, place_id=key, viewer=asking.viewer)
        findings = Findings("Location")
        refuse_change(
            document, "managingOrganization", "Organization", place.organisation_id, asking, findings
        )
        address = _address(session, document, place, asking, findings)
        findings.refuse()
        assert address is not None  # noqa: S101 -- or it was refused
        name = document.get("name")
        changes.update_place(
            session,
            place_id=key,
            address=address,
            # What we call a place without a name is no name of its own.
            name=None if place.name is None and name == place_name(place) else name,
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        changes.remove_place(session, place_id=key, viewer=asking.viewer, now=asking.now)


def _address(
    session: Session, document: Json, place: Place | None, asking: Asking, findings: Findings
) -> Address | None:
    if document.get("status", "active") != "active":
        findings.add("status", "a place is always active: delete one that is no longer used")
    if document.get("mode", "instance") != "instance":
        findings.add("mode", "only single places are kept here: send an instance")
    written = dict(document.get("address", {}))
    position = document.get("position")
    if position is not None:
        # Where the map says it is counts more than what an address could mean.
        own = {"url": GEOLOCATION, "extension": [_coordinate(position, each) for each in _AXES]}
        others = [each for each in written.get("extension", ()) if each.get("url") != GEOLOCATION]
        written["extension"] = [*others, own]
    found = read_address(session, written, place=place, asking=asking)
    if found is None:
        findings.add("position", "nobody knows where this is in the region: send its position", "required")
    return found


_AXES = ("latitude", "longitude")


def _coordinate(position: Json, axis: str) -> Json:
    return {"url": axis, "valueDecimal": position[axis]}


LOCATION_WRITER = LocationWriter()
