"""Change and remove patients. Each function is one use case; none commits."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import Appointment, AppointmentKind
from careapp.errors import Conflict
from careapp.orders.models import CareOrder
from careapp.organisations.changes import write_address
from careapp.organisations.commands import Address, new_place, require_name
from careapp.organisations.models import Place, PlaceKind
from careapp.organisations.region import require_in_region
from careapp.people.models import Gender, Patient
from careapp.people.queries import get_patient
from careapp.people.rules import require_given, require_insurance_number
from careapp.records import audit
from careapp.removal import remove_row
from careapp.roads.rows import forget_place


class PatientIsVisited(Conflict):
    """Nurses come to this patient, so the home must stay known."""


@dataclass(frozen=True)
class PatientDetails:
    """Who a patient is.

    Attributes:
        family_name: At least one letter.
        given_name: At least one letter; None for somebody with a single name.
        gender: Administrative.
        birth_date: None if unknown.
        phone: As it is dialled.
        insurance_number: Krankenversichertennummer, a letter and nine digits.
        is_active: Receives care.
    """

    family_name: str
    given_name: str | None
    gender: Gender = Gender.UNKNOWN
    birth_date: date | None = None
    phone: str | None = None
    insurance_number: str | None = None
    is_active: bool = True


def update_patient(
    session: Session, *, patient_id: UUID, details: PatientDetails, viewer: Viewer, now: datetime
) -> Patient:
    """Write anew who a patient is; visits that were made stay as they are.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        EmptyName: A name is empty.
        ImpossibleInsuranceNumber: Its form is wrong.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    require_insurance_number(details.insurance_number)
    patient.family_name = require_name("the patient", details.family_name)
    patient.given_name = require_given("the patient", details.given_name)
    patient.gender = details.gender
    patient.birth_date = details.birth_date
    patient.phone = details.phone
    patient.insurance_number = details.insurance_number
    patient.is_active = details.is_active
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="update_patient", subject=patient)
    return patient


def set_home(session: Session, *, patient_id: UUID, home: Address, viewer: Viewer, now: datetime) -> Patient:
    """Say where a patient lives, or that it is somewhere else by now.

    Plans that are made from now on use it; tours that are published keep their times.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        NoPointOnEarth: Latitude or longitude is out of range.
        OutsideRegion: The point is far away from the region.
        UnknownMunicipality: The municipality does not exist.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    require_in_region(session, latitude=home.latitude, longitude=home.longitude)
    if patient.home is None:
        patient.home = new_place(
            session, organisation=patient.organisation, kind=PlaceKind.HOME, address=home
        )
    else:
        write_address(session, patient.home, home)
    session.flush()
    audit.record(
        session, viewer=viewer, now=now, action="set_home", subject=patient, place=patient.known_home.id
    )
    return patient


def forget_home(session: Session, *, patient_id: UUID, viewer: Viewer, now: datetime) -> Patient:
    """Say that nobody knows where a patient lives.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        PatientIsVisited: There are care orders or visits.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    if patient.home is None:
        return patient
    # Whoever orders a visit at this moment has locked the patient, and is waited for.
    session.execute(select(Patient.id).where(Patient.id == patient_id).with_for_update())
    ordered = select(CareOrder.id).where(CareOrder.patient_id == patient_id)
    visited = select(Appointment.id).where(
        Appointment.patient_id == patient_id, Appointment.kind == AppointmentKind.VISIT
    )
    if session.scalar(select(or_(ordered.exists(), visited.exists()))):
        raise PatientIsVisited(
            f"nurses come to patient {patient_id}, so the address is needed: send it again, or correct it"
        )
    home = patient.home
    audit.record(session, viewer=viewer, now=now, action="forget_home", subject=patient, place=home.id)
    patient.home = None
    _remove_home(session, home)
    return patient


def remove_patient(session: Session, *, patient_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a patient who was entered by mistake, with the home.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        StillNeeded: Orders, appointments or others name the patient: set it inactive instead.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    home = patient.home
    audit.record(session, viewer=viewer, now=now, action="remove_patient", subject=patient)
    remove_row(session, patient, what="patient")
    if home is not None:
        _remove_home(session, home)


def _remove_home(session: Session, home: Place) -> None:
    session.flush()
    others = session.scalar(select(Patient.id).where(Patient.home_id == home.id).limit(1))
    if others is not None:  # a couple
        return
    # Kept travel times are no place to learn where somebody lived.
    forget_place(session, latitude=home.latitude, longitude=home.longitude)

    remove_row(session, home, what="home")
