"""What must hold of a request and its visit whenever somebody acts on them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.errors import Conflict
from careapp.help.models import HelpRequest, HelpStatus
from careapp.tours.models import Stop
from careapp.visits.models import Visit


class HelpNotPossible(Conflict):
    """Nobody else can be asked to make this visit now."""


class HelpNoLongerWanted(Conflict):
    """The request was answered, withdrawn, or nobody answered in time."""


class OfferNoLongerStands(Conflict):
    """The offer was accepted, declined or withdrawn before."""


def require_open(request: HelpRequest, now: datetime) -> None:
    """Refuse a request that nobody can answer any more.

    Raises:
        HelpNoLongerWanted: It was answered, withdrawn, or its time is over.
    """
    if request.status is not HelpStatus.OPEN:
        raise HelpNoLongerWanted(f"request {request.id} was answered or withdrawn: look for another")
    if request.expires_at <= now:
        raise HelpNoLongerWanted(f"the time to answer request {request.id} is over")


def lock_visit(session: Session, visit_id: UUID) -> None:
    """Let whoever else acts on a visit wait until this transaction ends."""
    session.execute(select(Appointment.id).where(Appointment.id == visit_id).with_for_update()).all()


def require_unplanned(session: Session, visit: Visit) -> None:
    """Refuse a visit for which nobody else is needed.

    Raises:
        HelpNotPossible: It is promised, planned, called off or over.
    """
    if visit.status is not AppointmentStatus.PROPOSED:
        raise HelpNotPossible(f"visit {visit.id} is promised, called off or over: nobody else is needed")
    tour = session.scalars(select(Stop.tour_id).where(Stop.visit_id == visit.id)).first()
    if tour is not None:
        raise HelpNotPossible(f"visit {visit.id} stands in tour {tour}: plan the day without it first")
