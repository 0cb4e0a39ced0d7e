"""What an AppointmentResponse says about our appointments: the participant has that status in them."""

from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.appointments.models import Appointment
from careapp.consultations.models import Booking, Schedule, Slot
from careapp.people.models import Patient, Role
from careapp.records.held import HeldAppointmentResponse
from careapp.tours.models import Stop, Tour
from fhir.asking import Asking
from fhir.issues import Issue, Rejected
from fhir.mapping.elements import Json
from fhir.search import extract
from fhir.writers.held import HeldWriter, targets_at

SHOWN = frozenset({"Patient", "Practitioner", "PractitionerRole", "Location"})
"""Types of participants that our appointments have; others may answer without effect."""


class AppointmentResponseMeaning:
    """The last answer of a participant is its status in the appointment."""

    def apply(self, session: Session, row: HeldAppointmentResponse, document: Json, asking: Asking) -> None:
        """Note the answer where the appointment finds it.

        Raises:
            Rejected: Who answers does not take part.
        """
        ids = targets_at(document, ("appointment",), "Appointment")
        statement = select(Appointment.id).where(Appointment.id.in_(ids))
        row.appointment_id = session.scalars(visible(statement, asking.viewer, Appointment)).first()
        row.actor_id = self._actor(session, document)
        row.answer, row.answered_at = document.get("participantStatus"), asking.now
        if row.appointment_id is not None and row.actor_id is not None:
            taking_part = session.scalars(participants_of(row.appointment_id)).all()
            if row.actor_id not in taking_part:
                raise Rejected(
                    [
                        Issue(
                            "business-rule",
                            "the actor does not take part in the appointment: "
                            "let one of its participants answer",
                            "AppointmentResponse.actor",
                        )
                    ]
                )
        session.flush()

    def withdraw(self, session: Session, row: HeldAppointmentResponse, asking: Asking) -> None:
        """Nothing is to be undone: the appointment looks for answers that are there."""

    @staticmethod
    def _actor(session: Session, document: Json) -> UUID | None:
        for element in extract.elements(document, ("actor",)):
            for value in extract.references(element, SHOWN):
                if value.system == "PractitionerRole":
                    return session.scalar(select(Role.practitioner_id).where(Role.id == value.target_id))
                return value.target_id
        return None


def participants_of(appointment_id: UUID) -> CompoundSelect[Any]:
    """Select ids of the patient, the home, the nurses and the doctor of an appointment."""
    return union(
        select(Appointment.patient_id).where(Appointment.id == appointment_id),
        select(Patient.home_id).join(Appointment.patient).where(Appointment.id == appointment_id),
        select(Tour.practitioner_id)
        .join(Stop, Stop.tour_id == Tour.id)
        .where(Stop.visit_id == appointment_id),
        select(Schedule.practitioner_id)
        .join(Slot, Slot.schedule_id == Schedule.id)
        .join(Booking, Booking.slot_id == Slot.id)
        .where(Booking.id == appointment_id),
    )


APPOINTMENT_RESPONSE_WRITER = HeldWriter(
    HeldAppointmentResponse,
    patient="actor",
    anchors=("appointment", "actor"),
    meaning=AppointmentResponseMeaning(),
)
