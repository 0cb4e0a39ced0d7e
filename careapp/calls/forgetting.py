"""Forget who joined which call: what a provider may keep for three months at most (Anlage 31b BMV-Ä)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from careapp.appointments.models import Appointment
from careapp.calls.models import Call, CallConsent

AT_ONCE = 200


def forget_joins(session: Session, *, before: datetime) -> int:
    """Remove calls, and who joined them, of consultations that were over before; consents stay.

    Args:
        session: A writing transaction of the whole region.
        before: The first moment of what is kept.

    Returns:
        How many calls are gone.
    """
    over = (
        select(Call.id)
        .join(Appointment, Appointment.id == Call.booking_id)
        .where(Call.made_at < before, or_(Appointment.ends_at.is_(None), Appointment.ends_at < before))
        .limit(AT_ONCE)
    )
    return _forget(session, session.scalars(over).all())


def forget_calls_of(session: Session, *, patient_id: UUID) -> int:
    """Remove a patient's calls, and that anybody agreed to them; returns how many calls are gone."""
    bookings = select(Appointment.id).where(Appointment.patient_id == patient_id)
    session.execute(
        delete(CallConsent).where(CallConsent.patient_id == patient_id),
        execution_options={"synchronize_session": False},
    )
    return _forget(session, session.scalars(select(Call.id).where(Call.booking_id.in_(bookings))).all())


def _forget(session: Session, calls: Sequence[UUID]) -> int:
    gone = session.scalars(
        delete(Call).where(Call.id.in_(calls)).returning(Call.id),  # participants go with it
        execution_options={"synchronize_session": False},
    )
    return len(gone.all())
