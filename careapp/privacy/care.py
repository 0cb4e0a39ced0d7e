"""Whether a patient is still cared for: then nothing is erased or restricted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.errors import Conflict

OVER = (
    AppointmentStatus.FULFILLED,
    AppointmentStatus.CANCELLED,
    AppointmentStatus.NOSHOW,
    AppointmentStatus.ENTERED_IN_ERROR,
)


class StillInCare(Conflict):
    """Visits or consultations are still to come."""


def require_out_of_care(session: Session, patient_id: UUID, *, now: datetime) -> None:
    """Refuse a patient to whom somebody is still to come.

    Raises:
        StillInCare: There is an appointment that is neither over nor cancelled.
    """
    coming = select(Appointment.id).where(
        Appointment.patient_id == patient_id, Appointment.status.not_in(OVER), Appointment.ends_at > now
    )
    if session.scalar(coming.limit(1)) is not None:
        raise StillInCare(
            f"visits or consultations of patient {patient_id} are still to come: cancel them first"
        )
