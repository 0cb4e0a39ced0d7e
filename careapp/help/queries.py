"""Read requests for help, and the offers to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from careapp.access import Viewer, ViewerRole
from careapp.errors import NotFound
from careapp.help.models import HelpOffer, HelpRequest, HelpStatus, HelpVisit, OfferStatus
from careapp.paging import Page, read_page


class HelpRequestNotFound(NotFound):
    """No request for help has this id, or not for this viewer."""


class HelpOfferNotFound(NotFound):
    """No offer has this id, or not for this viewer."""


class Whose(StrEnum):
    """Whose requests are listed."""

    OWN = "own"
    OTHERS = "others"


@dataclass(frozen=True)
class SeenHelp:
    """A request as a viewer may see it.

    Attributes:
        request: Where about, when, with which skills; holds no person.
        visit_id: For which visit; None for everybody but the service that asked.
        offers: All for the service that asked, only their own for others.
    """

    request: HelpRequest
    visit_id: UUID | None
    offers: list[HelpOffer]


def list_help(
    session: Session,
    *,
    viewer: Viewer,
    whose: Whose | None = None,
    now: datetime,
    limit: int,
    after: UUID | None = None,
) -> Page[SeenHelp]:
    """Return a page of requests: the viewer's own, and those of others that wait or to which they offered.

    Args:
        session: An open transaction.
        viewer: Who looks.
        whose: Only their own, or only those of others; None for both.
        now: What has expired by now, others no longer see.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = _requests(viewer, now)
    if whose is Whose.OWN and viewer.organisation_id is not None:
        statement = statement.where(HelpRequest.organisation_id == viewer.organisation_id)
    elif whose is Whose.OTHERS and viewer.organisation_id is not None:
        statement = statement.where(HelpRequest.organisation_id != viewer.organisation_id)
    page = read_page(session, statement, key=HelpRequest.id, limit=limit, after=after)
    return Page(_seen(session, page.items, viewer), page.next_after)


def get_help(session: Session, *, request_id: UUID, viewer: Viewer, now: datetime) -> SeenHelp:
    """Return one request.

    Raises:
        HelpRequestNotFound: No request has this id, or not for this viewer.
    """
    statement = _requests(viewer, now).where(HelpRequest.id == request_id)
    found = session.scalars(statement.execution_options(populate_existing=True)).all()
    if not found:
        raise HelpRequestNotFound(f"there is no request for help {request_id}")
    return _seen(session, found, viewer)[0]


def list_help_visits(
    session: Session, *, viewer: Viewer, from_: datetime, to: datetime
) -> list[tuple[HelpOffer, HelpRequest]]:
    """Return what the viewer's nurses have promised other services, a nurse her own only, by start.

    Args:
        session: An open transaction.
        viewer: Who looks.
        from_: Visits that start at this moment or later.
        to: And before this one.
    """
    statement = (
        select(HelpOffer, HelpRequest)
        .join(HelpRequest, HelpRequest.id == HelpOffer.request_id)
        .where(
            HelpOffer.status == OfferStatus.ACCEPTED, HelpOffer.starts_at >= from_, HelpOffer.starts_at < to
        )
        .options(joinedload(HelpOffer.opening), joinedload(HelpRequest.organisation))
        .order_by(HelpOffer.starts_at, HelpOffer.id)
    )
    if viewer.organisation_id is not None:
        statement = statement.where(HelpOffer.organisation_id == viewer.organisation_id)
    if viewer.role is ViewerRole.NURSE:
        statement = statement.where(HelpOffer.practitioner_id == viewer.practitioner_id)
    return [(offer, request) for offer, request in session.execute(statement)]


def _requests(viewer: Viewer, now: datetime) -> Select[HelpRequest]:
    statement = select(HelpRequest).options(
        joinedload(HelpRequest.organisation),
        selectinload(HelpRequest.offers).options(
            joinedload(HelpOffer.organisation), joinedload(HelpOffer.opening)
        ),
    )
    mine = viewer.organisation_id
    if mine is None:
        return statement
    waits = and_(HelpRequest.status == HelpStatus.OPEN, HelpRequest.expires_at > now)
    has_offered = exists().where(HelpOffer.request_id == HelpRequest.id, HelpOffer.organisation_id == mine)
    return statement.where(or_(HelpRequest.organisation_id == mine, waits, has_offered))


def _seen(session: Session, requests: Sequence[HelpRequest], viewer: Viewer) -> list[SeenHelp]:
    mine = viewer.organisation_id
    own = [each for each in requests if mine is None or each.organisation_id == mine]
    asked_for = select(HelpVisit).where(HelpVisit.request_id.in_([each.id for each in own]))
    visits = {each.request_id: each.visit_id for each in session.scalars(asked_for)}
    return [
        SeenHelp(
            each,
            visits.get(each.id),
            [
                offer
                for offer in each.offers
                if mine is None or mine in (each.organisation_id, offer.organisation_id)
            ],
        )
        for each in requests
    ]
