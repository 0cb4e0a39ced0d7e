"""Change people and what is agreed between them. Each function is one use case; none commits."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.db import refuse_naive
from careapp.errors import Conflict, Invalid
from careapp.organisations.commands import Address, new_place, require_name, require_own
from careapp.organisations.models import Organisation, Place, PlaceKind
from careapp.organisations.region import require_in_region
from careapp.people.models import (
    Absence,
    Gender,
    Patient,
    Practitioner,
    Preference,
    PreferenceKind,
    Role,
    RoleKind,
    RoleSkill,
    VehicleKind,
)
from careapp.people.queries import get_nurse, get_patient, get_practitioner
from careapp.people.rules import Person, own_place, require_given, require_insurance_number, require_specialty
from careapp.people.skills import require_skills
from careapp.records import audit


class AbsenceOfNobody(Invalid):
    """An absence names nobody, or two."""


class AbsenceEndsBeforeItStarts(Invalid):
    """An absence's end is not after its start."""


class StrangersAgree(Invalid):
    """Patient and nurse belong to different organisations."""


class NothingAgreed(Conflict):
    """Nothing is agreed between this patient and this nurse."""


def add_patient(
    session: Session,
    *,
    organisation_id: UUID,
    family_name: str,
    given_name: str | None,
    home: Address | None,
    gender: Gender = Gender.UNKNOWN,
    birth_date: date | None = None,
    phone: str | None = None,
    insurance_number: str | None = None,
    is_active: bool = True,
    is_synthetic: bool = False,
    viewer: Viewer,
    now: datetime,
) -> Patient:
    """Take a patient into an organisation's care.

    Args:
        session: An open transaction.
        organisation_id: Who gives the care.
        family_name: At least one letter.
        given_name: At least one letter; None for somebody with a single name.
        home: Where nurses visit; None if nobody knows, then none can.
        gender: Administrative.
        birth_date: None if unknown.
        phone: As it is dialled.
        insurance_number: Krankenversichertennummer, a letter and nine digits.
        is_active: Receives care.
        is_synthetic: The patient was invented.
        viewer: Who adds.
        now: This moment.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        EmptyName: A name is empty.
        ImpossibleInsuranceNumber: Its form is wrong.
        NoPointOnEarth: The home's latitude or longitude is out of range.
        OutsideRegion: The home is far away from the region.
        UnknownMunicipality: The home's municipality does not exist.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    require_insurance_number(insurance_number)
    place = None
    if home is not None:
        place = new_place(session, organisation=organisation, kind=PlaceKind.HOME, address=home)
        require_in_region(session, latitude=home.latitude, longitude=home.longitude)
    patient = Patient(
        id=uuid4(),
        organisation_id=organisation.id,
        organisation=organisation,
        family_name=require_name("the patient", family_name),
        given_name=require_given("the patient", given_name),
        gender=gender,
        birth_date=birth_date,
        phone=phone,
        insurance_number=insurance_number,
        home_id=place and place.id,
        home=place,
        is_active=is_active,
        is_synthetic=is_synthetic,
    )
    session.add(patient)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_patient", subject=patient)
    return patient


def add_nurse(
    session: Session,
    *,
    organisation_id: UUID,
    person: Person,
    base_id: UUID,
    vehicle: VehicleKind = VehicleKind.CAR,
    skills: Mapping[str, int],
    viewer: Viewer,
    now: datetime,
) -> Role:
    """Employ a nurse.

    Args:
        session: An open transaction.
        organisation_id: The employer.
        person: Who it is.
        base_id: Place where her tours begin and end.
        vehicle: How she travels.
        skills: Code to grade.
        viewer: Who adds.
        now: This moment.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        PlaceNotFound: No place has the base's id, or not for this viewer.
        PlaceOfAnotherOrganisation: The base is another one's.
        EmptyName: A name is empty.
        UnknownSkill: A code names no skill.
        ImpossibleGrade: A grade is not from 1 to 4.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    require_skills(session, [skills])
    role = _new_role(session, organisation, person, own_place(session, organisation, base_id, viewer))
    role.kind = RoleKind.NURSE
    role.vehicle = vehicle
    role.skills = [RoleSkill(skill_code=code, grade=grade) for code, grade in sorted(skills.items())]
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_nurse", subject=role)
    return get_nurse(session, role_id=role.id, viewer=viewer)


def add_doctor(
    session: Session,
    *,
    organisation_id: UUID,
    person: Person,
    base_id: UUID,
    specialty: str,
    viewer: Viewer,
    now: datetime,
) -> Role:
    """Register a doctor of a practice.

    Args:
        session: An open transaction.
        organisation_id: The practice.
        person: Who it is.
        base_id: Place of the practice.
        specialty: Code of IHE-D's `AerztlicheFachrichtungen`, such as `ALLG`.
        viewer: Who adds.
        now: This moment.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        PlaceNotFound: No place has the base's id, or not for this viewer.
        PlaceOfAnotherOrganisation: The base is another one's.
        EmptyName: A name is empty.
        ImpossibleSpecialty: The specialty's form is wrong.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    require_specialty(specialty)
    role = _new_role(session, organisation, person, own_place(session, organisation, base_id, viewer))
    role.kind = RoleKind.DOCTOR
    role.specialty = specialty
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_doctor", subject=role)
    return role


def add_absence(
    session: Session,
    *,
    patient_id: UUID | None = None,
    practitioner_id: UUID | None = None,
    starts_at: datetime,
    ends_at: datetime,
    viewer: Viewer,
    now: datetime,
) -> Absence:
    """Say that a patient is not at home, or a practitioner not at work, for a half-open time.

    Visits and tours that were made before stay as they are.

    Raises:
        AbsenceOfNobody: Not exactly one of the two is named.
        NaiveDatetime: A time has no zone.
        AbsenceEndsBeforeItStarts: The end is not after the start.
        PatientNotFound: No patient has this id, or not for this viewer.
        PractitionerNotFound: No practitioner has this id, or not for this viewer.
    """
    for moment in (starts_at, ends_at):
        refuse_naive(moment)
    if ends_at <= starts_at:
        raise AbsenceEndsBeforeItStarts("the absence ends before it starts: give an end after its start")
    if patient_id is not None and practitioner_id is None:
        organisation_id = get_patient(
            session, patient_id=patient_id, viewer=viewer, to_change=True
        ).organisation_id
    elif practitioner_id is not None and patient_id is None:
        organisation_id = get_practitioner(
            session, practitioner_id=practitioner_id, viewer=viewer, to_change=True
        ).organisation_id
    else:
        raise AbsenceOfNobody("an absence is one person's: name either a patient or a practitioner")
    absence = Absence(
        id=uuid4(),
        organisation_id=organisation_id,
        patient_id=patient_id,
        practitioner_id=practitioner_id,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    session.add(absence)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_absence", subject=absence)
    return absence


def set_preference(
    session: Session,
    *,
    patient_id: UUID,
    role_id: UUID,
    kind: PreferenceKind,
    viewer: Viewer,
    now: datetime,
) -> Preference:
    """Agree that a patient prefers a nurse, or that she must not come; replaces what was agreed before.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        NurseNotFound: No nurse has this id, or not for this viewer.
        StrangersAgree: They belong to different organisations.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    nurse = get_nurse(session, role_id=role_id, viewer=viewer)
    if patient.organisation_id != nurse.organisation_id:
        raise StrangersAgree(f"nurse {role_id} works for another organisation: name one of the patient's own")
    preference = session.get(Preference, (patient_id, role_id))
    if preference is None:
        preference = Preference(
            patient_id=patient_id, role_id=role_id, organisation_id=patient.organisation_id, kind=kind
        )
        session.add(preference)
    preference.kind = kind
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="set_preference",
        subject=preference,
        subject_id=patient_id,
        nurse=role_id,
        kind=kind.value,
    )
    return preference


def remove_preference(
    session: Session, *, patient_id: UUID, role_id: UUID, viewer: Viewer, now: datetime
) -> None:
    """Forget what was agreed between a patient and a nurse.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        NothingAgreed: There is nothing to forget.
    """
    get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    preference = session.get(Preference, (patient_id, role_id))
    if preference is None:
        raise NothingAgreed(f"nothing is agreed between patient {patient_id} and nurse {role_id}")
    session.delete(preference)
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="remove_preference",
        subject=preference,
        subject_id=patient_id,
        nurse=role_id,
    )


def _new_role(session: Session, organisation: Organisation, person: Person, base: Place) -> Role:
    practitioner = Practitioner(
        id=uuid4(),
        organisation_id=organisation.id,
        family_name=require_name("the person", person.family_name),
        given_name=require_given("the person", person.given_name),
        title=person.title,
        gender=person.gender,
        is_active=True,
    )
    role = Role(
        id=uuid4(),
        organisation_id=organisation.id,
        organisation=organisation,
        practitioner_id=practitioner.id,
        practitioner=practitioner,
        base_id=base.id,
        base=base,
        is_active=True,
        skills=[],
    )
    session.add(role)
    return role
