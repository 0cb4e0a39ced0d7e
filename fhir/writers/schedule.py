"""Doctors' video hours, from other systems."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.consultations import offers
from careapp.consultations.offers import ScheduleDetails
from careapp.consultations.queries import get_schedule
from careapp.people.models import Role, RoleKind
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.writers.findings import Findings
from fhir.writers.parts import codings, key_of, value_of

USUAL_TITLE = "Videosprechstunde"
NEEDS_CONFIRMATION = f"{codes.EXTENSION}needs-confirmation"
NAME = f"{codes.FROM_R5}Schedule.name"


class ScheduleWriter:
    """Takes schedules of doctors; other actors stand beside the doctor and come back as they were sent."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("Schedule")
        role = _doctor(session, document, asking, findings)
        details = _read(document, role.specialty if role else None, findings)
        findings.refuse()
        assert role is not None  # noqa: S101 -- or it was refused
        schedule = offers.add_schedule(
            session, role_id=role.id, details=details, viewer=asking.viewer, now=asking.now
        )
        return schedule.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`; whose hours these are never changes."""
        schedule = get_schedule(session, schedule_id=key, viewer=asking.viewer)
        findings = Findings("Schedule")
        doctors = {key_of(each, "Practitioner", asking) for each in document["actor"]} - {None}
        roles = {key_of(each, "PractitionerRole", asking) for each in document["actor"]} - {None}
        if not doctors <= {schedule.practitioner_id} or not roles <= {schedule.role_id}:
            findings.add("actor", "another doctor's hours are another schedule: make a new one")
        details = _read(document, None, findings)
        findings.refuse()
        offers.update_schedule(
            session, schedule_id=key, details=details, viewer=asking.viewer, now=asking.now
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        offers.remove_schedule(session, schedule_id=key, viewer=asking.viewer, now=asking.now)


def _doctor(session: Session, document: Json, asking: Asking, findings: Findings) -> Role | None:
    """Return the doctor's role that an actor names, else the one role of the doctor whom an actor names."""
    doctors = visible(
        select(Role).where(Role.kind == RoleKind.DOCTOR).order_by(Role.is_active.desc(), Role.id),
        asking.viewer,
        Role,
        to_change=True,
    )
    roles = [key for each in document["actor"] if (key := key_of(each, "PractitionerRole", asking))]
    people = [key for each in document["actor"] if (key := key_of(each, "Practitioner", asking))]
    if roles:
        found = session.scalars(doctors.where(Role.id == roles[0])).all()
    else:
        found = session.scalars(doctors.where(Role.practitioner_id.in_(people))).all()
    if not found:
        findings.add("actor", "name a doctor: a Practitioner or PractitionerRole of this server", "required")
        return None
    if len(found) > 1 and found[1].is_active:
        findings.add("actor", "the doctor works in several roles: name the PractitionerRole", "required")
    return found[0]


def _read(document: Json, usual: str | None, findings: Findings) -> ScheduleDetails:
    specialty = next((code for _, code in codings(document.get("specialty"), codes.SPECIALTY)), usual)
    if specialty is None:
        findings.add("specialty", f"give a code of {codes.SPECIALTY}", "required")
    texts = (
        value_of(document, NAME),
        *(concept.get("text") for concept in document.get("serviceType", ())),
    )
    title = next((text for text in texts if isinstance(text, str) and text.strip()), USUAL_TITLE)
    return ScheduleDetails(
        title=title,
        specialty=specialty or "",
        is_active=document.get("active", True),
        needs_confirmation=value_of(document, NEEDS_CONFIRMATION) is True,
    )


SCHEDULE_WRITER = ScheduleWriter()
