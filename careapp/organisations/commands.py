"""Change organisations and places. Each function is one use case; none commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.errors import Forbidden, Invalid
from careapp.organisations.models import Municipality, Organisation, OrganisationKind, Place, PlaceKind
from careapp.organisations.queries import get_organisation
from careapp.records import audit
from careapp.roads.places import PlacedBy, Precision


class EmptyName(Invalid):
    """A name holds nothing but spaces."""


class NoPointOnEarth(Invalid):
    """Latitude or longitude is out of range."""


class UnknownMunicipality(Invalid):
    """No municipality has this official key."""


class RegionWideOnly(Forbidden):
    """Only somebody who acts for the whole region may do this."""


class NotYourOrganisation(Forbidden):
    """The viewer acts for another organisation."""


@dataclass(frozen=True)
class Address:
    """Where a place is.

    Attributes:
        latitude: Degrees north, WGS 84.
        longitude: Degrees east.
        street: Without the number.
        house_number: May hold letters.
        postal_code: Five digits in Germany.
        city: Name of the town or municipality.
        district: Village or quarter (Ortsteil).
        municipality_ags: Official key of the municipality, eight digits.
        precision: What the point stands for; None if nobody said.
        placed_by: Who or what found the point.
    """

    latitude: float
    longitude: float
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    district: str | None = None
    municipality_ags: str | None = None
    precision: Precision | None = None
    placed_by: PlacedBy | None = None


def add_organisation(
    session: Session,
    *,
    kind: OrganisationKind,
    name: str,
    phone: str | None = None,
    is_active: bool = True,
    viewer: Viewer,
    now: datetime,
) -> Organisation:
    """Take a care service or a practice into the region.

    Raises:
        RegionWideOnly: The viewer acts for one organisation.
        EmptyName: The name is empty.
    """
    if viewer.organisation_id is not None:
        raise RegionWideOnly("a new organisation is taken in by the region: ask its office")
    organisation = Organisation(
        id=uuid4(),
        kind=kind,
        name=require_name("the organisation", name),
        phone=phone,
        is_active=is_active,
    )
    session.add(organisation)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="add_organisation",
        subject=organisation,
        organisation_id=organisation.id,
    )
    return organisation


def add_place(
    session: Session,
    *,
    organisation_id: UUID,
    kind: PlaceKind,
    address: Address,
    name: str | None = None,
    viewer: Viewer,
    now: datetime,
) -> Place:
    """Add a place of an organisation.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        NoPointOnEarth: Latitude or longitude is out of range.
        UnknownMunicipality: No municipality has this key.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    place = new_place(session, organisation=organisation, kind=kind, address=address, name=name)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_place", subject=place, kind=kind.value)
    return place


def new_place(
    session: Session,
    *,
    organisation: Organisation,
    kind: PlaceKind,
    address: Address,
    name: str | None = None,
) -> Place:
    """Add a place's row as a part of another use case, which audits itself.

    Raises:
        NoPointOnEarth: Latitude or longitude is out of range.
        UnknownMunicipality: No municipality has this key.
    """
    if not (-90 <= address.latitude <= 90 and -180 <= address.longitude <= 180):
        raise NoPointOnEarth("write the latitude from -90 to 90 and the longitude from -180 to 180 degrees")
    ags = address.municipality_ags
    municipality = session.get(Municipality, ags) if ags is not None else None
    if ags is not None and municipality is None:
        raise UnknownMunicipality(f"there is no municipality {ags}: write the eight digits of its AGS")
    place = Place(
        id=uuid4(),
        organisation_id=organisation.id,
        organisation=organisation,
        municipality_ags=ags,
        municipality=municipality,
        kind=kind,
        name=name,
        street=address.street,
        house_number=address.house_number,
        postal_code=address.postal_code,
        city=address.city,
        district=address.district,
        latitude=address.latitude,
        longitude=address.longitude,
        precision=address.precision,
        placed_by=address.placed_by,
    )
    session.add(place)
    return place


def require_own(session: Session, *, organisation_id: UUID, viewer: Viewer) -> Organisation:
    """Return the organisation if the viewer may act for it.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's, whose existence is no secret.
    """
    organisation = get_organisation(session, organisation_id=organisation_id, viewer=viewer)
    if viewer.organisation_id not in {None, organisation_id}:
        raise NotYourOrganisation(f"you act for another organisation than {organisation_id}")
    return organisation


def require_name(whose: str, name: str) -> str:
    """Return a name without spaces around it.

    Raises:
        EmptyName: Nothing is left.
    """
    stripped = name.strip()
    if not stripped:
        raise EmptyName(f"{whose} needs a name: write at least one letter")
    return stripped
