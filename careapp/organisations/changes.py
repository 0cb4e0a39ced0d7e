"""Change and remove organisations' details and places. Each function is one use case; none commits."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.organisations.commands import (
    Address,
    NoPointOnEarth,
    UnknownMunicipality,
    require_name,
    require_own,
)
from careapp.organisations.models import Municipality, Organisation, Place
from careapp.organisations.queries import get_place
from careapp.records import audit
from careapp.removal import remove_row
from careapp.roads.rows import forget_place


def update_organisation(
    session: Session,
    *,
    organisation_id: UUID,
    name: str,
    phone: str | None,
    is_active: bool,
    viewer: Viewer,
    now: datetime,
) -> Organisation:
    """Write an organisation's name and telephone number anew, and whether it takes part.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        EmptyName: The name is empty.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    organisation.name = require_name("the organisation", name)
    organisation.phone = phone
    organisation.is_active = is_active
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="update_organisation",
        subject=organisation,
        organisation_id=organisation.id,
    )
    return organisation


def update_place(
    session: Session, *, place_id: UUID, address: Address, name: str | None, viewer: Viewer, now: datetime
) -> Place:
    """Write a place's address, point and name anew.

    Raises:
        PlaceNotFound: No place has this id, or not for this viewer.
        NoPointOnEarth: Latitude or longitude is out of range.
        UnknownMunicipality: No municipality has this key.
    """
    place = get_place(session, place_id=place_id, viewer=viewer, to_change=True)
    write_address(session, place, address)
    place.name = name
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="update_place", subject=place)
    return place


def remove_place(session: Session, *, place_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a place at which nobody lives or works.

    Raises:
        PlaceNotFound: No place has this id, or not for this viewer.
        StillNeeded: Somebody lives there, or begins work there.
    """
    place = get_place(session, place_id=place_id, viewer=viewer, to_change=True)
    audit.record(session, viewer=viewer, now=now, action="remove_place", subject=place)
    remove_row(session, place, what="place")
    forget_place(session, latitude=place.latitude, longitude=place.longitude)


def write_address(session: Session, place: Place, address: Address) -> None:
    """Let a place's row hold an address, as a part of another use case, which audits itself.

    Raises:
        NoPointOnEarth: Latitude or longitude is out of range.
        UnknownMunicipality: No municipality has this key.
    """
    if not (-90 <= address.latitude <= 90 and -180 <= address.longitude <= 180):
        raise NoPointOnEarth("write the latitude from -90 to 90 and the longitude from -180 to 180 degrees")
    ags = address.municipality_ags
    if ags is not None and session.get(Municipality, ags) is None:
        raise UnknownMunicipality(f"there is no municipality {ags}: write the eight digits of its AGS")
    if (place.latitude, place.longitude) != (address.latitude, address.longitude):
        # Kept travel times are no place to learn where somebody lived.
        forget_place(session, latitude=place.latitude, longitude=place.longitude)
    for field in fields(Address):
        setattr(place, field.name, getattr(address, field.name))
