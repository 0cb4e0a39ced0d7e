"""Change and remove nurses and doctors as persons and in their roles. Each is one use case; none commits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.db import record_change
from careapp.errors import Invalid
from careapp.organisations.commands import require_name, require_own
from careapp.people.models import Practitioner, Role, RoleKind, RoleSkill, VehicleKind
from careapp.people.queries import get_practitioner, get_role
from careapp.people.rules import Person, own_place, require_given, require_specialty
from careapp.people.skills import require_skills
from careapp.records import audit
from careapp.removal import remove_row


class WorksForAnother(Invalid):
    """A person belongs to another organisation than the role would."""


class SkillsOfDoctor(Invalid):
    """A doctor is given nurses' skills."""


@dataclass(frozen=True)
class RoleDetails:
    """What somebody does for an organisation.

    Attributes:
        kind: Nurse or doctor.
        base_id: Place where a nurse's tours begin and end; a doctor's practice.
        specialty: Of a doctor: code of IHE-D's `AerztlicheFachrichtungen`; None if nobody said.
        skills: Of a nurse: code to grade.
        is_active: Works in this role.
    """

    kind: RoleKind
    base_id: UUID
    specialty: str | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    is_active: bool = True


def add_practitioner(
    session: Session,
    *,
    organisation_id: UUID,
    person: Person,
    is_active: bool = True,
    is_synthetic: bool = False,
    viewer: Viewer,
    now: datetime,
) -> Practitioner:
    """Enter a person who gives care, without any role yet.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        EmptyName: A name is empty.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    practitioner = Practitioner(
        id=uuid4(), organisation_id=organisation.id, is_active=is_active, is_synthetic=is_synthetic
    )
    _write_person(practitioner, person)
    session.add(practitioner)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_practitioner", subject=practitioner)
    return practitioner


def update_practitioner(
    session: Session,
    *,
    practitioner_id: UUID,
    person: Person,
    is_active: bool,
    viewer: Viewer,
    now: datetime,
) -> Practitioner:
    """Write anew who somebody is; roles stay as they are.

    Raises:
        PractitionerNotFound: No practitioner has this id, or not for this viewer.
        EmptyName: A name is empty.
    """
    practitioner = get_practitioner(session, practitioner_id=practitioner_id, viewer=viewer, to_change=True)
    _write_person(practitioner, person)
    practitioner.is_active = is_active
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="update_practitioner", subject=practitioner)
    return practitioner


def remove_practitioner(session: Session, *, practitioner_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a person who was entered by mistake.

    Raises:
        PractitionerNotFound: No practitioner has this id, or not for this viewer.
        StillNeeded: A role, a schedule or another row names the person: set it inactive instead.
    """
    practitioner = get_practitioner(session, practitioner_id=practitioner_id, viewer=viewer, to_change=True)
    audit.record(session, viewer=viewer, now=now, action="remove_practitioner", subject=practitioner)
    remove_row(session, practitioner, what="practitioner")


def add_role(
    session: Session,
    *,
    organisation_id: UUID,
    practitioner_id: UUID,
    details: RoleDetails,
    viewer: Viewer,
    now: datetime,
) -> Role:
    """Let a person work as nurse or doctor; a nurse drives a car unless somebody says otherwise.

    Raises:
        OrganisationNotFound: No organisation has this id, or not for this viewer.
        NotYourOrganisation: It is another one's.
        PractitionerNotFound: No practitioner has this id, or not for this viewer.
        WorksForAnother: The person belongs to another organisation.
        PlaceNotFound: No place has the base's id, or not for this viewer.
        PlaceOfAnotherOrganisation: The base is another one's.
        ImpossibleSpecialty: The specialty's form is wrong.
        SkillsOfDoctor: A doctor has skills.
        UnknownSkill: A code names no skill.
        ImpossibleGrade: A grade is not from 1 to 4.
    """
    organisation = require_own(session, organisation_id=organisation_id, viewer=viewer)
    practitioner = get_practitioner(session, practitioner_id=practitioner_id, viewer=viewer, to_change=True)
    if practitioner.organisation_id != organisation.id:
        raise WorksForAnother(
            f"practitioner {practitioner_id} is of another organisation: enter the person there once more"
        )
    _refuse_impossible(session, details)
    base = own_place(session, organisation, details.base_id, viewer)
    role = Role(
        id=uuid4(),
        organisation_id=organisation.id,
        practitioner_id=practitioner.id,
        kind=details.kind,
        specialty=details.specialty,
        base_id=base.id,
        vehicle=VehicleKind.CAR if details.kind == RoleKind.NURSE else None,
        is_active=details.is_active,
        skills=[RoleSkill(skill_code=code, grade=grade) for code, grade in sorted(details.skills.items())],
    )
    session.add(role)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_role", subject=role)
    return role


def update_role(
    session: Session, *, role_id: UUID, details: RoleDetails, viewer: Viewer, now: datetime
) -> Role:
    """Write a role's base, specialty and skills anew, and whether it is still held.

    Tours that were made before stay as they are. Nurse or doctor, and whose role it is, never changes.

    Raises:
        RoleNotFound: No role has this id, or not for this viewer.
        SkillsOfDoctor: A doctor has skills, or the role would change from nurse to doctor or back.
        PlaceNotFound: No place has the base's id, or not for this viewer.
        PlaceOfAnotherOrganisation: The base is another one's.
        ImpossibleSpecialty: The specialty's form is wrong.
        UnknownSkill: A code names no skill.
        ImpossibleGrade: A grade is not from 1 to 4.
    """
    role = get_role(session, role_id=role_id, viewer=viewer, to_change=True)
    if role.kind != details.kind:
        raise SkillsOfDoctor(f"role {role_id} is a {role.kind.value}'s and stays so: enter a second role")
    _refuse_impossible(session, details)
    if role.base_id != details.base_id:
        role.base = own_place(session, role.organisation, details.base_id, viewer)
    role.specialty = details.specialty
    role.is_active = details.is_active
    held = {skill.skill_code: skill for skill in role.skills}
    for code, skill in held.items():
        if code not in details.skills:
            session.delete(skill)
    for code, grade in sorted(details.skills.items()):
        if code in held:
            held[code].grade = grade
        else:
            session.add(RoleSkill(role_id=role.id, skill_code=code, grade=grade))
    session.flush()
    session.expire(role, ["skills"])
    record_change(session, Role, role.id)
    audit.record(session, viewer=viewer, now=now, action="update_role", subject=role)
    return role


def remove_role(session: Session, *, role_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a role that was entered by mistake.

    Raises:
        RoleNotFound: No role has this id, or not for this viewer.
        StillNeeded: Shifts, tours or schedules name it: set it inactive instead.
    """
    role = get_role(session, role_id=role_id, viewer=viewer, to_change=True)
    audit.record(session, viewer=viewer, now=now, action="remove_role", subject=role)
    for skill in session.scalars(select(RoleSkill).where(RoleSkill.role_id == role_id)):
        session.expunge(skill)
    remove_row(session, role, what="role", with_rows=(RoleSkill,))


def _write_person(practitioner: Practitioner, person: Person) -> None:
    practitioner.family_name = require_name("the person", person.family_name)
    practitioner.given_name = require_given("the person", person.given_name)
    practitioner.title = person.title
    practitioner.gender = person.gender


def _refuse_impossible(session: Session, details: RoleDetails) -> None:
    if details.specialty is not None:
        require_specialty(details.specialty)
    if details.skills and details.kind == RoleKind.DOCTOR:
        raise SkillsOfDoctor("skills are nurses': leave them out of a doctor's role")
    require_skills(session, [details.skills])
