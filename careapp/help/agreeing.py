"""Agree on help, and take it back. Each function is one use case; none commits.

Two services have to do with it, so these change rows of both, once it is clear that the viewer may.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import AppointmentStatus
from careapp.appointments.occupancy import check_now, occupy
from careapp.calendar import Calendar
from careapp.db import record_change
from careapp.help.models import HelpOffer, HelpRequest, HelpStatus, HelpVisit, OfferStatus
from careapp.help.queries import HelpOfferNotFound, HelpRequestNotFound
from careapp.help.standing import (
    HelpNoLongerWanted,
    OfferNoLongerStands,
    lock_visit,
    require_open,
    require_unplanned,
)
from careapp.help.undoing import decline_offers, undo
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import OpeningKind
from careapp.records import audit, outbox
from careapp.tenancy import across_tenants
from careapp.visits.models import Visit

DAY = timedelta(days=1)


def accept_offer(
    session: Session,
    *,
    request_id: UUID,
    offer_id: UUID,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
) -> HelpOffer:
    """Agree: the visit is promised, the nurse's time taken, and the patient's record opened to her.

    It is open from the local day before the visit to the end of the day after, as it is to a nurse whose own
    tour the visit is in.

    Raises:
        HelpRequestNotFound: No request has this id, or not of this viewer's service.
        HelpOfferNotFound: It has no such offer.
        HelpNoLongerWanted: It was answered, withdrawn, or its time is over.
        OfferNoLongerStands: The offer was withdrawn or declined.
        HelpNotPossible: The visit was planned, promised or called off meanwhile.
        AlreadyOccupied: The nurse has been promised elsewhere since.
    """
    request = _own_request(session, request_id, viewer)
    offer = _offer(session, request_id, offer_id)
    with across_tenants(session):
        _agree(session, request, offer, calendar=calendar, viewer=viewer, now=now)
    audit.record(session, viewer=viewer, now=now, action="accept_help", subject=offer, request=request_id)
    outbox.send(session, topic="help.agreed", payload={"offer": str(offer_id)}, now=now)
    return offer


def _agree(
    session: Session,
    request: HelpRequest,
    offer: HelpOffer,
    *,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
) -> None:
    # Two people may press two buttons at once: the updates themselves are the checks.
    answered = session.execute(
        update(HelpRequest)
        .where(
            HelpRequest.id == request.id, HelpRequest.status == HelpStatus.OPEN, HelpRequest.expires_at > now
        )
        .values(status=HelpStatus.AGREED)
        .returning(HelpRequest.id)
    ).one_or_none()
    if answered is None:
        session.refresh(request)
        require_open(request, now)
    accepted = session.execute(
        update(HelpOffer)
        .where(HelpOffer.id == offer.id, HelpOffer.status == OfferStatus.OFFERED)
        .values(status=OfferStatus.ACCEPTED)
        .returning(HelpOffer.id)
    ).one_or_none()
    if accepted is None or offer.starts_at < now:
        raise OfferNoLongerStands(f"offer {offer.id} was withdrawn or declined, or its time is over")
    visit_id = session.scalars(select(HelpVisit.visit_id).where(HelpVisit.request_id == request.id)).one()
    visit = _promise(session, visit_id, offer)
    opening = open_record(
        session,
        organisation_id=request.organisation_id,
        patient_id=visit.patient_id,
        to=ToWhom(offer.organisation_id, offer.practitioner_id),
        kind=OpeningKind.HELP,
        reason="Aushilfe: eine Pflegekraft eines anderen Dienstes macht diesen Besuch",
        starts_at=max(now, calendar.day(visit.date - DAY)[0]),
        ends_at=calendar.day(visit.date + DAY)[1],
        viewer=viewer,
        now=now,
        appointment_id=visit_id,
    )
    session.refresh(offer)
    offer.opening_id = opening.id
    decline_offers(session, request.id)
    session.flush()


def withdraw_request(session: Session, *, request_id: UUID, viewer: Viewer, now: datetime) -> HelpRequest:
    """Help is no longer wanted; what was agreed is undone, until the visit begins.

    Raises:
        HelpRequestNotFound: No request has this id, or not of this viewer's service.
        HelpNoLongerWanted: It was withdrawn before.
        HelpHasBegun: The visit has begun.
    """
    request = _own_request(session, request_id, viewer)
    if request.status is HelpStatus.WITHDRAWN:
        raise HelpNoLongerWanted(f"request {request_id} was withdrawn before")
    accepted = session.scalars(
        select(HelpOffer).where(HelpOffer.request_id == request_id, HelpOffer.status == OfferStatus.ACCEPTED)
    ).one_or_none()
    if accepted is not None:
        with across_tenants(session):
            undo(session, accepted, to=OfferStatus.DECLINED, viewer=viewer, now=now)
    request.status = HelpStatus.WITHDRAWN
    decline_offers(session, request_id)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="withdraw_help_request", subject=request)
    outbox.send(session, topic="help.withdrawn", payload={"request": str(request_id)}, now=now)
    return request


def take_back_offer(
    session: Session, *, request_id: UUID, offer_id: UUID, viewer: Viewer, now: datetime
) -> HelpOffer:
    """Withdraw one's own offer or decline another's; what was agreed is undone, until the visit begins.

    If the offer was accepted, the request is open again until it expires.

    Raises:
        HelpOfferNotFound: No offer has this id, or not for this viewer.
        OfferNoLongerStands: It was withdrawn or declined before.
        HelpHasBegun: The visit has begun.
    """
    offer = _offer(session, request_id, offer_id)
    mine = viewer.organisation_id
    if mine is not None and mine not in (offer.organisation_id, offer.to_organisation_id):
        raise HelpOfferNotFound(f"there is no offer {offer_id}")
    ending = OfferStatus.DECLINED if mine == offer.to_organisation_id else OfferStatus.WITHDRAWN
    if offer.status is OfferStatus.ACCEPTED:
        with across_tenants(session):
            undo(session, offer, to=ending, viewer=viewer, now=now)
            session.execute(
                update(HelpRequest).where(HelpRequest.id == request_id).values(status=HelpStatus.OPEN)
            )
    elif offer.status is OfferStatus.OFFERED:
        offer.status = ending
    else:
        raise OfferNoLongerStands(f"offer {offer_id} was withdrawn or declined before")
    session.flush()
    audit.record(
        session, viewer=viewer, now=now, action="take_back_help", subject=offer, status=offer.status.value
    )
    outbox.send(session, topic="help.taken-back", payload={"offer": str(offer_id)}, now=now)
    return offer


def _own_request(session: Session, request_id: UUID, viewer: Viewer) -> HelpRequest:
    request = session.scalars(
        select(HelpRequest).where(HelpRequest.id == request_id).with_for_update()
    ).one_or_none()
    if request is None or viewer.organisation_id not in (None, request.organisation_id):
        raise HelpRequestNotFound(f"there is no request for help {request_id}")
    return request


def _offer(session: Session, request_id: UUID, offer_id: UUID) -> HelpOffer:
    offer = session.scalars(
        select(HelpOffer)
        .where(HelpOffer.id == offer_id, HelpOffer.request_id == request_id)
        .with_for_update()
    ).one_or_none()
    if offer is None:
        raise HelpOfferNotFound(f"there is no offer {offer_id}")
    return offer


def _promise(session: Session, visit_id: UUID, offer: HelpOffer) -> Visit:
    lock_visit(session, visit_id)
    visit = session.scalars(
        select(Visit).where(Visit.id == visit_id).execution_options(populate_existing=True)
    ).one()
    require_unplanned(session, visit)
    ends_at = offer.starts_at + timedelta(seconds=visit.duration_s)
    visit.starts_at, visit.ends_at, visit.status = offer.starts_at, ends_at, AppointmentStatus.BOOKED
    session.flush()
    record_change(session, Visit, visit_id)
    occupy(
        session,
        organisation_id=offer.organisation_id,
        practitioner_id=offer.practitioner_id,
        appointment_id=visit_id,
        starts_at=offer.starts_at,
        ends_at=ends_at,
    )
    check_now(session)
    return visit
