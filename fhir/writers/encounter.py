"""What another system's Encounter says about our appointments: that a visit or a consultation took place.

The link `Encounter.appointment` says which; the class does not matter, since German systems write several for
care at home.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.appointments.fulfilment import fulfil, reopen
from careapp.appointments.models import Appointment
from careapp.records.held import HeldEncounter
from fhir.asking import Asking
from fhir.issues import Issue, Rejected
from fhir.mapping.elements import Json
from fhir.search.dates import read
from fhir.writers.held import HeldWriter, targets_at

TOOK_PLACE = frozenset({"in-progress", "onleave", "finished"})


class EncounterMeaning:
    """An encounter that takes place fulfils its appointment; one that does not, or goes, reopens it."""

    def apply(self, session: Session, row: HeldEncounter, document: Json, asking: Asking) -> None:
        """Bring the appointment in line.

        Raises:
            Rejected: The subject is not the appointment's patient.
            AppointmentNotPromised: It cannot have taken place.
            ImpossiblePeriod: It ends before it begins, or begins in the future.
        """
        before, took_place = row.appointment_id, row.began_at is not None
        appointment = self._appointment(session, document, asking)
        row.appointment_id = None if appointment is None else appointment.id
        row.began_at = row.ended_at = None
        if document.get("status") in TOOK_PLACE:
            period = document.get("period", {})
            row.began_at = moment_of(period.get("start"), asking) or asking.now
            row.ended_at = moment_of(period.get("end"), asking)
        if took_place and before is not None and (before != row.appointment_id or row.began_at is None):
            self._take_back(session, row, before, asking)
        if appointment is not None and row.began_at is not None:
            fulfil(
                session,
                appointment_id=appointment.id,
                began_at=row.began_at,
                ended_at=row.ended_at,
                viewer=asking.viewer,
                now=asking.now,
            )
        session.flush()

    def withdraw(self, session: Session, row: HeldEncounter, asking: Asking) -> None:
        """Promise the appointment again."""
        if row.appointment_id is not None and row.began_at is not None:
            self._take_back(session, row, row.appointment_id, asking)

    @staticmethod
    def _appointment(session: Session, document: Json, asking: Asking) -> Appointment | None:
        ids = targets_at(document, ("appointment",), "Appointment")
        statement = select(Appointment).where(Appointment.id.in_(ids)).order_by(Appointment.id)
        found = session.scalars(visible(statement, asking.viewer, Appointment)).first() if ids else None
        patients = targets_at(document, ("subject",), "Patient")
        if found is not None and patients and found.patient_id not in patients:
            raise Rejected(
                [
                    Issue(
                        "business-rule",
                        "the subject is not the patient of the appointment: refer to the same patient",
                        "Encounter.subject",
                    )
                ]
            )
        return found

    @staticmethod
    def _take_back(session: Session, row: HeldEncounter, appointment_id: object, asking: Asking) -> None:
        session.flush()
        another = session.scalars(
            select(HeldEncounter.id).where(
                HeldEncounter.appointment_id == appointment_id,
                HeldEncounter.id != row.id,
                HeldEncounter.began_at.is_not(None),
            )
        ).first()
        still_there = session.scalars(
            visible(
                select(Appointment.id).where(Appointment.id == appointment_id), asking.viewer, Appointment
            )
        ).first()
        if another is None and still_there is not None:
            reopen(session, appointment_id=still_there, viewer=asking.viewer, now=asking.now)


def moment_of(written: str | None, asking: Asking) -> datetime | None:
    """Return when a dateTime begins; without an offset it is the region's wall clock's."""
    return None if written is None else read("period", written, asking.zone)[1].lo


ENCOUNTER_WRITER = HeldWriter(
    HeldEncounter,
    patient="subject",
    anchors=("appointment", "serviceProvider", "participant.individual", "basedOn"),
    meaning=EncounterMeaning(),
)
