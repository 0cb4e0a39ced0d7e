"""Whom a consultation brings together beside the patient and the schedule's doctor; their time is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from careapp.access import Viewer
from careapp.appointments.models import Occupancy
from careapp.appointments.occupancy import check_now, occupy_all
from careapp.consultations.further_models import BookingParticipant, Part
from careapp.consultations.models import Booking, Slot
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import OpeningKind
from careapp.people.models import Practitioner
from careapp.tenancy import across_tenants


@dataclass(frozen=True)
class Attendee:
    """Who is to take part.

    Attributes:
        part: As what.
        practitioner_id: A doctor or nurse of ours; of anybody else None.
    """

    part: Part
    practitioner_id: UUID | None

    def of(self, booking: Booking, now: datetime) -> BookingParticipant:
        """Return the row of who takes part in a booking."""
        return BookingParticipant(
            id=uuid4(),
            booking_id=booking.id,
            part=self.part,
            practitioner_id=self.practitioner_id,
            added_at=now,
        )


def participants_of(session: Session, booking: Booking) -> list[BookingParticipant]:
    """Return who else takes part in a booking, with the people of ours, in the order of joining."""
    statement = (
        select(BookingParticipant)
        .where(BookingParticipant.booking_id == booking.id)
        .options(joinedload(BookingParticipant.practitioner))
        .order_by(BookingParticipant.added_at, BookingParticipant.id)
    )
    with across_tenants(session):  # a colleague of another practice
        return list(session.scalars(statement))


def colleagues_of(session: Session, booking: Booking) -> list[Practitioner]:
    """Return the people of ours among those who take part."""
    found = (participant.practitioner for participant in participants_of(session, booking))
    return [colleague for colleague in found if colleague is not None]


def occupy_for(session: Session, booking: Booking, slots: Sequence[Slot]) -> None:
    """Take the time of the schedule's doctor and of everybody else who takes part: all of them, or nothing.

    Raises:
        AlreadyOccupied: One of them is promised elsewhere at that time.
    """
    schedule = slots[0].schedule
    rows = [
        Occupancy(
            id=uuid4(),
            organisation_id=schedule.organisation_id,
            practitioner_id=schedule.practitioner_id,
            appointment_id=booking.id,
            starts_at=slots[0].busy_from or slots[0].starts_at,
            ends_at=slots[-1].busy_until or slots[-1].ends_at,
            lane=slots[0].lane,
        )
    ]
    rows += [_time_of(colleague, booking) for colleague in colleagues_of(session, booking)]
    occupy_all(session, rows)
    check_now(session)


def occupy_also(session: Session, booking: Booking, practitioner: Practitioner) -> None:
    """Take the time of one more who takes part.

    Raises:
        AlreadyOccupied: They are promised elsewhere at that time.
    """
    occupy_all(session, [_time_of(practitioner, booking)])
    check_now(session)


def release_one(session: Session, booking: Booking, practitioner_id: UUID) -> None:
    """Free the time of one who takes part no longer."""
    with across_tenants(session):
        session.execute(
            delete(Occupancy).where(
                Occupancy.appointment_id == booking.id, Occupancy.practitioner_id == practitioner_id
            )
        )


def _time_of(practitioner: Practitioner, booking: Booking) -> Occupancy:
    return Occupancy(
        id=uuid4(),
        organisation_id=practitioner.organisation_id,
        practitioner_id=practitioner.id,
        appointment_id=booking.id,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
    )


def let_see(
    session: Session, booking: Booking, to: ToWhom, *, until: datetime, viewer: Viewer, now: datetime
) -> None:
    """Open the record of another tenant's patient to somebody who takes part.

    Args:
        session: An open transaction.
        booking: In which consultation.
        to: Who takes part.
        until: When it closes.
        viewer: Who lets them.
        now: This moment.
    """
    if to.organisation_id == booking.organisation_id:
        return
    open_record(
        session,
        organisation_id=booking.organisation_id,
        patient_id=booking.patient_id,
        to=to,
        kind=OpeningKind.BOOKING,
        reason="a video consultation is booked",
        starts_at=now,
        ends_at=until,
        viewer=viewer,
        now=now,
        appointment_id=booking.id,
    )
