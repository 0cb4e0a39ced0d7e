"""Appointments that took place: a visit was made, a video consultation held. None of these commits."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.db import record_change, refuse_naive
from careapp.errors import Conflict, Invalid, NotFound
from careapp.people.models import Patient
from careapp.people.queries import get_practitioner
from careapp.records import audit, outbox
from careapp.records.held import HeldEncounter

_MAY_TAKE_PLACE = frozenset(
    {AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.CHECKED_IN}
)

CLOCKS_DIFFER = timedelta(minutes=10)
"""How far another system's clock may be ahead of ours."""


class AppointmentNotFound(NotFound):
    """No appointment has this id, or not for this viewer."""


class AppointmentNotPromised(Conflict):
    """The appointment cannot have taken place: nobody was promised it, or it was cancelled."""


class ImpossiblePeriod(Invalid):
    """What took place ends before it begins, or begins in the future."""


class AlreadyRecorded(Conflict):
    """Somebody has recorded the appointment before."""


def fulfil(
    session: Session,
    *,
    appointment_id: UUID,
    began_at: datetime,
    ended_at: datetime | None,
    viewer: Viewer,
    now: datetime,
) -> Appointment:
    """Say that an appointment takes place or took place; to say so again changes nothing.

    Args:
        session: An open transaction.
        appointment_id: A visit or a booking.
        began_at: When it really began.
        ended_at: When it really ended; None: it still lasts.
        viewer: Who says so.
        now: This moment.

    Raises:
        AppointmentNotFound: No appointment has this id, or not for this viewer.
        AppointmentNotPromised: It was never promised, or was cancelled.
        ImpossiblePeriod: It ends before it begins, or begins in the future.
        NaiveDatetime: A time has no zone.
    """
    appointment = _get(session, appointment_id, viewer)
    _refuse_impossible(began_at, ended_at, now)
    # Two systems may say so at once: the update itself is the check.
    is_changed = _change(session, appointment, _MAY_TAKE_PLACE, AppointmentStatus.FULFILLED)
    if not is_changed:
        if appointment.status != AppointmentStatus.FULFILLED:
            raise AppointmentNotPromised(
                f"appointment {appointment_id} is {appointment.status.value}: only what is booked takes place"
            )
        return appointment
    audit.record(session, viewer=viewer, now=now, action="fulfil_appointment", subject=appointment)
    outbox.send(session, topic="appointment.fulfilled", payload={"appointment": str(appointment_id)}, now=now)
    return appointment


def reopen(session: Session, *, appointment_id: UUID, viewer: Viewer, now: datetime) -> Appointment:
    """Take back that an appointment took place: it is promised again. Of any other nothing changes.

    Raises:
        AppointmentNotFound: No appointment has this id, or not for this viewer.
    """
    appointment = _get(session, appointment_id, viewer)
    fulfilled = frozenset({AppointmentStatus.FULFILLED})
    if _change(session, appointment, fulfilled, AppointmentStatus.BOOKED):
        audit.record(session, viewer=viewer, now=now, action="reopen_appointment", subject=appointment)
        outbox.send(
            session, topic="appointment.reopened", payload={"appointment": str(appointment_id)}, now=now
        )
    return appointment


def record_encounter(
    session: Session,
    *,
    appointment_id: UUID,
    practitioner_id: UUID | None,
    began_at: datetime,
    ended_at: datetime | None,
    viewer: Viewer,
    now: datetime,
) -> HeldEncounter:
    """Record that a visit or consultation takes place or took place, and who was there.

    Whoever records it first when it begins and again when it ends, changes the same record.

    Args:
        session: An open transaction.
        appointment_id: A visit or a booking.
        practitioner_id: Who was there; None if nobody says.
        began_at: When it really began.
        ended_at: When it really ended; None: it still lasts.
        viewer: Who records it.
        now: This moment.

    Raises:
        AppointmentNotFound: No appointment has this id, or not for this viewer.
        AppointmentNotPromised: It was never promised, or was cancelled.
        AlreadyRecorded: Another system has sent its own record of it.
        PractitionerNotFound: No practitioner has this id, or not for this viewer.
        ImpossiblePeriod: It ends before it begins, or begins in the future.
        NaiveDatetime: A time has no zone.
    """
    appointment = fulfil(
        session,
        appointment_id=appointment_id,
        began_at=began_at,
        ended_at=ended_at,
        viewer=viewer,
        now=now,
    )
    if practitioner_id is not None:
        get_practitioner(session, practitioner_id=practitioner_id, viewer=viewer)
    encounter = session.scalars(
        select(HeldEncounter).where(HeldEncounter.appointment_id == appointment_id)
    ).first()
    if encounter is None:
        encounter = HeldEncounter(
            id=uuid4(),
            organisation_id=appointment.organisation_id,
            patient_id=appointment.patient_id,
            appointment_id=appointment_id,
            place_id=session.scalar(select(Patient.home_id).where(Patient.id == appointment.patient_id)),
        )
        session.add(encounter)
    elif encounter.content is not None:
        raise AlreadyRecorded(
            f"another system has sent encounter {encounter.id} of this appointment: change it there"
        )
    encounter.practitioner_id = practitioner_id
    encounter.began_at, encounter.ended_at = began_at, ended_at
    session.flush()
    audit.record(
        session, viewer=viewer, now=now, action="record_encounter", subject=encounter, kind="Encounter"
    )
    return encounter


def _get(session: Session, appointment_id: UUID, viewer: Viewer) -> Appointment:
    statement = select(Appointment).where(Appointment.id == appointment_id)
    found = session.scalars(visible(statement, viewer, Appointment)).one_or_none()
    if found is None:
        raise AppointmentNotFound(f"there is no appointment {appointment_id}")
    return found


def _change(
    session: Session,
    appointment: Appointment,
    before: Collection[AppointmentStatus],
    after: AppointmentStatus,
) -> bool:
    changed = session.execute(
        update(Appointment)
        .where(Appointment.id == appointment.id, Appointment.status.in_(before))
        .values(status=after)
        .returning(Appointment.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    session.refresh(appointment, ["status"])
    if changed is None:
        return False
    record_change(session, Appointment, appointment.id)
    return True


def _refuse_impossible(began_at: datetime, ended_at: datetime | None, now: datetime) -> None:
    refuse_naive(began_at)
    if began_at > now + CLOCKS_DIFFER:
        raise ImpossiblePeriod("it begins in the future: record it when it takes place")
    if ended_at is not None:
        refuse_naive(ended_at)
        if ended_at < began_at:
            raise ImpossiblePeriod("it ends before it begins: give a later end")
