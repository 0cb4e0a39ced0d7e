"""Read municipalities, organisations and places."""

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import NotFound
from careapp.organisations.models import Municipality, Organisation, OrganisationKind, Place, PlaceKind
from careapp.paging import Page, read_page


class OrganisationNotFound(NotFound):
    """No organisation has this id, or not for this viewer."""


class PlaceNotFound(NotFound):
    """No place has this id, or not for this viewer."""


def list_municipalities(session: Session, *, viewer: Viewer) -> list[Municipality]:
    """Return all municipalities by official key; they are public, so every viewer sees all."""
    del viewer
    return list(session.scalars(select(Municipality).order_by(Municipality.ags)))


def list_organisations(
    session: Session,
    *,
    viewer: Viewer,
    kind: OrganisationKind | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[Organisation]:
    """Return a page of the viewer's own organisation and of all practices, which publish that they exist.

    Args:
        session: An open transaction.
        viewer: Who looks.
        kind: None for all.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = select(Organisation)
    if viewer.organisation_id is not None:
        statement = statement.where(
            or_(Organisation.id == viewer.organisation_id, Organisation.kind == OrganisationKind.PRACTICE)
        )
    if kind is not None:
        statement = statement.where(Organisation.kind == kind)
    return read_page(session, statement, key=Organisation.id, limit=limit, after=after)


def get_organisation(session: Session, *, organisation_id: UUID, viewer: Viewer) -> Organisation:
    """Return one organisation of those that `list_organisations` shows.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
    """
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or not (
        viewer.organisation_id in {None, organisation_id} or organisation.kind == OrganisationKind.PRACTICE
    ):
        raise OrganisationNotFound(f"there is no organisation {organisation_id}")
    return organisation


def list_places(
    session: Session, *, viewer: Viewer, kind: PlaceKind | None = None, limit: int, after: UUID | None = None
) -> Page[Place]:
    """Return a page of places, by id.

    Args:
        session: An open transaction.
        viewer: Who looks.
        kind: None for all.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = visible(select(Place), viewer, Place)
    if kind is not None:
        statement = statement.where(Place.kind == kind)
    return read_page(session, statement, key=Place.id, limit=limit, after=after)


def get_place(session: Session, *, place_id: UUID, viewer: Viewer, to_change: bool = False) -> Place:
    """Return one place.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        PlaceNotFound: No place has this id, or not for this viewer.
    """
    place = session.scalars(
        visible(select(Place).where(Place.id == place_id), viewer, Place, to_change=to_change)
    ).one_or_none()
    if place is None:
        raise PlaceNotFound(f"there is no place {place_id}")
    return place
