"""Doctors' video slots and their booking."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import (
    After,
    Cancellation,
    Example,
    In,
    Limit,
    Line,
    Moment,
    NamedOut,
    Out,
    PageOut,
    next_address,
    nurse_or_doctor,
    shown_as,
)
from careapp.appointments.models import AppointmentStatus
from careapp.consultations import commands, queries
from careapp.consultations.models import Booking, Slot, SlotStatus
from careapp.people import queries as people
from careapp.people.models import Role

router = APIRouter(prefix="/api", tags=["consultations"])

SLOT_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d01",
    "doctor": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d02", "name": "Dr. Jonas Beispiel"},
    "specialty": "ALLG",
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:15:00Z",
    "status": "free",
}
DOCTOR_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d02",
    "name": "Dr. Jonas Beispiel",
    "specialty": "ALLG",
    "practice": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d05", "name": "Praxis Beispiel"},
    "is_active": True,
}
BOOKING_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d03",
    "slot": SLOT_EXAMPLE | {"status": "busy"},
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "visit_id": None,
    "title": "Wundkontrolle",
    "status": "booked",
    "cancelled_because": None,
}


class SlotOut(Out):
    """One bookable time of a doctor's video hours, half-open."""

    model_config = shown_as(SLOT_EXAMPLE)

    id: UUID
    doctor: NamedOut
    specialty: str
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus

    @classmethod
    def of(cls, row: Slot) -> Self:
        """Show a slot loaded with its schedule and doctor."""
        return cls(
            id=row.id,
            doctor=nurse_or_doctor(row.schedule.role),
            specialty=row.schedule.specialty,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            status=row.status,
        )


class BookingOut(Out):
    """A taken slot; `visit_id` names the nurse's visit in which it is held, if one is."""

    model_config = shown_as(BOOKING_EXAMPLE)

    id: UUID
    slot: SlotOut
    patient_id: UUID
    visit_id: UUID | None
    title: str
    status: AppointmentStatus
    cancelled_because: str | None

    @classmethod
    def of(cls, row: Booking) -> Self:
        """Show a booking loaded with its slot."""
        return cls(
            id=row.id,
            slot=SlotOut.of(row.slot),
            patient_id=row.patient_id,
            visit_id=row.visit_id,
            title=row.title,
            status=row.status,
            cancelled_because=row.cancelled_because,
        )


class NewBooking(In):
    """Who takes a slot, and inside which promised visit, if a nurse is to help."""

    model_config = shown_as({"patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04", "title": "Wundkontrolle"})

    patient_id: UUID
    visit_id: UUID | None = None
    title: Line | None = None


class SlotPage(PageOut[SlotOut]):
    """Some slots."""

    model_config = shown_as({"items": [SLOT_EXAMPLE], "next": None})


@router.get("/slots", responses=problems(404))
def list_slots(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    starts: Annotated[Moment, Query(alias="from", description="First moment of the period.")],
    ends: Annotated[Moment, Query(alias="to", description="The moment after its last.")],
    doctor: UUID | None = None,
    status: SlotStatus | None = None,
    limit: Limit = 50,
    after: After = None,
) -> SlotPage:
    """List the slots that start in a period, in order of time."""
    page = queries.list_slots(
        session,
        viewer=viewer,
        starts=starts,
        ends=ends,
        status=status,
        doctor_id=doctor,
        limit=limit,
        after=after,
    )
    return SlotPage(items=[SlotOut.of(row) for row in page.items], next=next_address(request, page))


@router.get("/slots/{slot_id}", responses=problems(404))
def get_slot(slot_id: UUID, session: ReadSession, viewer: SignedIn) -> SlotOut:
    """Show one slot."""
    return SlotOut.of(queries.get_slot(session, slot_id=slot_id, viewer=viewer))


@router.post("/slots/{slot_id}/booking", status_code=201, responses=problems(404, 409))
def book_slot(
    slot_id: UUID, body: NewBooking, response: Response, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Book a free slot; 409 if somebody was faster."""
    booking = commands.book_slot(
        session,
        slot_id=slot_id,
        patient_id=body.patient_id,
        visit_id=body.visit_id,
        title=body.title,
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/bookings/{booking.id}"
    return BookingOut.of(booking)


@router.get("/bookings/{booking_id}", responses=problems(404))
def get_booking(booking_id: UUID, session: ReadSession, viewer: SignedIn) -> BookingOut:
    """Show one booking with its slot."""
    return BookingOut.of(queries.get_booking(session, booking_id=booking_id, viewer=viewer))


@router.post("/bookings/{booking_id}/cancellation", responses=problems(404, 409))
def cancel_booking(
    booking_id: UUID, body: Cancellation, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Give a booked slot back; 409 if it was given back before."""
    return BookingOut.of(
        commands.cancel_booking(session, booking_id=booking_id, because=body.because, viewer=viewer, now=now)
    )


class DoctorOut(NamedOut):
    """A doctor; `specialty` is a code of IHE-D's AerztlicheFachrichtungen."""

    model_config = shown_as(DOCTOR_EXAMPLE)

    specialty: str | None
    practice: NamedOut
    is_active: bool

    @classmethod
    def of(cls, row: Role) -> Self:
        """Show a role loaded with `people.queries.WITH_PERSON`."""
        return cls(
            **nurse_or_doctor(row).model_dump(),
            specialty=row.specialty,
            practice=NamedOut.model_validate(row.organisation),
            is_active=row.is_active,
        )


class DoctorPage(PageOut[DoctorOut]):
    """Some doctors."""

    model_config = shown_as({"items": [DOCTOR_EXAMPLE], "next": None})


@router.get("/doctors")
def list_doctors(
    request: Request, session: ReadSession, viewer: SignedIn, limit: Limit = 50, after: After = None
) -> DoctorPage:
    """List doctors."""
    page = people.list_doctors(session, viewer=viewer, limit=limit, after=after)
    return DoctorPage(items=[DoctorOut.of(row) for row in page.items], next=next_address(request, page))
