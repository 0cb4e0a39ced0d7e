"""Read patients, nurses, doctors and what is agreed between them."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from careapp.access import Viewer, visible
from careapp.errors import NotFound
from careapp.paging import Page, read_page
from careapp.people.models import (
    Absence,
    Patient,
    Practitioner,
    Preference,
    Role,
    RoleKind,
    RoleSkill,
    Skill,
)


class PatientNotFound(NotFound):
    """No patient has this id, or not for this viewer."""


class NurseNotFound(NotFound):
    """No nurse has this id, or not for this viewer."""


class DoctorNotFound(NotFound):
    """No doctor has this id, or not for this viewer."""


class PractitionerNotFound(NotFound):
    """No practitioner has this id, or not for this viewer."""


class RoleNotFound(NotFound):
    """No role has this id, or not for this viewer."""


class AbsenceNotFound(NotFound):
    """No absence has this id, or not for this viewer."""


def list_patients(
    session: Session,
    *,
    viewer: Viewer,
    is_active: bool | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[Patient]:
    """Return a page of patients with their homes, by id.

    Args:
        session: An open transaction.
        viewer: Who looks.
        is_active: Only those who receive care, or only those who no longer do; None for both.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = visible(select(Patient).options(*WITH_HOME), viewer, Patient)
    if is_active is not None:
        statement = statement.where(Patient.is_active == is_active)
    return read_page(session, statement, key=Patient.id, limit=limit, after=after)


def get_patient(session: Session, *, patient_id: UUID, viewer: Viewer, to_change: bool = False) -> Patient:
    """Return one patient with home and organisation.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
    """
    statement = select(Patient).where(Patient.id == patient_id).options(*WITH_HOME)
    patient = session.scalars(visible(statement, viewer, Patient, to_change=to_change)).one_or_none()
    if patient is None:
        raise PatientNotFound(f"there is no patient {patient_id}")
    return patient


def list_nurses(session: Session, *, viewer: Viewer, limit: int, after: UUID | None = None) -> Page[Role]:
    """Return a page of nurses' roles with person, base and skills, by id."""
    return read_page(session, _roles(RoleKind.NURSE, viewer), key=Role.id, limit=limit, after=after)


def get_nurse(session: Session, *, role_id: UUID, viewer: Viewer) -> Role:
    """Return one nurse's role with person, base and skills.

    Raises:
        NurseNotFound: No nurse has this id, or not for this viewer.
    """
    role = session.scalars(_roles(RoleKind.NURSE, viewer).where(Role.id == role_id)).one_or_none()
    if role is None:
        raise NurseNotFound(f"there is no nurse {role_id}")
    return role


def list_doctors(session: Session, *, viewer: Viewer, limit: int, after: UUID | None = None) -> Page[Role]:
    """Return a page of doctors' roles with person and practice, by id."""
    return read_page(session, _roles(RoleKind.DOCTOR, viewer), key=Role.id, limit=limit, after=after)


def get_doctor(session: Session, *, role_id: UUID, viewer: Viewer, to_change: bool = False) -> Role:
    """Return one doctor's role with person and practice.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        DoctorNotFound: No doctor has this id, or not for this viewer.
    """
    doctors = visible(_roles(RoleKind.DOCTOR, viewer), viewer, Role, to_change=to_change)
    role = session.scalars(doctors.where(Role.id == role_id)).one_or_none()
    if role is None:
        raise DoctorNotFound(f"there is no doctor {role_id}")
    return role


def get_practitioner(
    session: Session, *, practitioner_id: UUID, viewer: Viewer, to_change: bool = False
) -> Practitioner:
    """Return one person who gives care.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        PractitionerNotFound: No practitioner has this id, or not for this viewer.
    """
    statement = select(Practitioner).where(Practitioner.id == practitioner_id)
    found = session.scalars(visible(statement, viewer, Practitioner, to_change=to_change)).one_or_none()
    if found is None:
        raise PractitionerNotFound(f"there is no practitioner {practitioner_id}")
    return found


def get_role(session: Session, *, role_id: UUID, viewer: Viewer, to_change: bool = False) -> Role:
    """Return one role, a nurse's or a doctor's, with person, base and skills.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        RoleNotFound: No role has this id, or not for this viewer.
    """
    statement = select(Role).where(Role.id == role_id).options(*WITH_PERSON)
    role = session.scalars(visible(statement, viewer, Role, to_change=to_change)).one_or_none()
    if role is None:
        raise RoleNotFound(f"there is no role {role_id}")
    return role


def list_skills(session: Session, *, viewer: Viewer) -> list[Skill]:
    """Return all skills by code; they are the region's common words, so every viewer sees all."""
    del viewer
    return list(session.scalars(select(Skill).order_by(Skill.code)))


def list_preferences(session: Session, *, patient_id: UUID, viewer: Viewer) -> list[Preference]:
    """Return what is agreed between a patient and nurses, by nurse.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
    """
    get_patient(session, patient_id=patient_id, viewer=viewer)
    statement = select(Preference).where(Preference.patient_id == patient_id).order_by(Preference.role_id)
    return list(session.scalars(visible(statement, viewer, Preference)))


def get_absence(session: Session, *, absence_id: UUID, viewer: Viewer) -> Absence:
    """Return one absence.

    Raises:
        AbsenceNotFound: No absence has this id, or not for this viewer.
    """
    statement = visible(select(Absence).where(Absence.id == absence_id), viewer, Absence)
    absence = session.scalars(statement).one_or_none()
    if absence is None:
        raise AbsenceNotFound(f"there is no absence {absence_id}")
    return absence


def _roles(kind: RoleKind, viewer: Viewer) -> Select[Role]:
    return visible(select(Role).where(Role.kind == kind).options(*WITH_PERSON), viewer, Role)


WITH_HOME: tuple[ORMOption, ...] = (joinedload(Patient.home), joinedload(Patient.organisation))
"""What a patient needs to be shown whole."""

WITH_PERSON: tuple[ORMOption, ...] = (
    joinedload(Role.practitioner),
    joinedload(Role.base),
    joinedload(Role.organisation),
    selectinload(Role.skills).joinedload(RoleSkill.skill),
)
"""What a nurse's or doctor's role needs to be shown whole."""
