"""Restrict the processing of a patient's data (Art. 18 GDPR): kept, but shown to administrators alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.people.models import Patient
from careapp.people.queries import get_patient
from careapp.privacy.care import require_out_of_care
from careapp.records import audit


def restrict_patient(session: Session, *, patient_id: UUID, viewer: Viewer, now: datetime) -> Patient:
    """Hide a patient and all that is about them from everybody but administrators.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        StillInCare: Visits or consultations are still to come.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    require_out_of_care(session, patient_id, now=now)
    patient.restricted_at = patient.restricted_at or now
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="restrict_patient", subject=patient)
    return patient


def lift_restriction(session: Session, *, patient_id: UUID, viewer: Viewer, now: datetime) -> Patient:
    """Show a patient again.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    patient.restricted_at = None
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="lift_restriction", subject=patient)
    return patient
