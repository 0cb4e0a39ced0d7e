"""One after the other: who plans, publishes or calls off something of the same day."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import Appointment
from careapp.tours.models import Shift
from careapp.visits.models import Visit


def lock_day(session: Session, *, date: date, viewer: Viewer) -> None:
    """Let nobody else plan or publish a tenant's day, or call off its visits, until the transaction ends.

    Planners and publishers meet at the shifts, each of which has one tour. Whoever cancels a visit or books a
    consultation inside it meets them at the visit: what is read after this stays true. Shifts first, then
    visits, each in the order of their ids: so no two wait for each other in a circle.

    Args:
        session: An open transaction.
        date: The local day.
        viewer: Whose day; who belongs nowhere locks everybody's.
    """
    shifts = select(Shift.id).where(Shift.date == date).order_by(Shift.id).with_for_update()
    visits = select(Appointment.id).order_by(Appointment.id).with_for_update()
    of_day = select(Visit.id).where(Visit.date == date)
    if viewer.organisation_id is not None:
        shifts = shifts.where(Shift.organisation_id == viewer.organisation_id)
        of_day = of_day.where(Visit.organisation_id == viewer.organisation_id)
    session.execute(shifts).all()
    session.execute(visits.where(Appointment.id.in_(of_day))).all()
