"""Undo an agreement: the record is closed, the nurse is free, the visit waits again for somebody."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.appointments.occupancy import release
from careapp.db import record_change
from careapp.errors import Conflict
from careapp.help.models import HelpOffer, HelpRequest, HelpStatus, HelpVisit, OfferStatus
from careapp.openings.commands import close_record
from careapp.visits.models import Visit


class HelpHasBegun(Conflict):
    """The visit has begun: what was agreed stands."""


def undo(session: Session, offer: HelpOffer, *, to: OfferStatus, viewer: Viewer, now: datetime) -> None:
    """Undo what was agreed with an accepted offer; its request stays as it is.

    Args:
        session: A transaction that sees both services (`across_tenants`).
        offer: An accepted one.
        to: What becomes of it.
        viewer: Who undoes it.
        now: This moment.

    Raises:
        HelpHasBegun: The visit has begun.
    """
    if offer.starts_at <= now:
        raise HelpHasBegun(
            "the visit has begun: tell the other service on the phone, and write down what was done"
        )
    visit_id = session.scalars(
        select(HelpVisit.visit_id).where(HelpVisit.request_id == offer.request_id)
    ).one()
    freed = session.execute(
        update(Appointment)
        .where(Appointment.id == visit_id, Appointment.status == AppointmentStatus.BOOKED)
        .values(status=AppointmentStatus.PROPOSED, starts_at=None, ends_at=None)
        .returning(Appointment.id),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if freed is not None:
        record_change(session, Visit, visit_id)
    release(session, appointment_id=visit_id)
    _close(session, offer, to=to, viewer=viewer, now=now)


def end_help_of(session: Session, *, visit_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Withdraw whatever was asked or agreed for a visit that is called off."""
    standing = select(HelpRequest).join(HelpVisit, HelpVisit.request_id == HelpRequest.id)
    for request in session.scalars(
        standing.where(HelpVisit.visit_id == visit_id, HelpRequest.status != HelpStatus.WITHDRAWN)
    ):
        request.status = HelpStatus.WITHDRAWN
        for offer in session.scalars(
            select(HelpOffer).where(
                HelpOffer.request_id == request.id, HelpOffer.status == OfferStatus.ACCEPTED
            )
        ):
            _close(session, offer, to=OfferStatus.DECLINED, viewer=viewer, now=now)
        decline_offers(session, request.id)
    session.flush()


def decline_offers(session: Session, request_id: UUID) -> None:
    """Tell whoever waits for an answer that there will be none."""
    session.execute(
        update(HelpOffer)
        .where(HelpOffer.request_id == request_id, HelpOffer.status == OfferStatus.OFFERED)
        .values(status=OfferStatus.DECLINED)
    )


def _close(session: Session, offer: HelpOffer, *, to: OfferStatus, viewer: Viewer, now: datetime) -> None:
    offer.status = to
    if offer.opening_id is not None:
        close_record(session, opening_id=offer.opening_id, viewer=viewer, now=now)
    session.flush()
