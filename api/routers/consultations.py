"""Doctors' video slots and their booking."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.auth.policy import PRACTISING, TREATING, may
from api.dependencies import DbSession, Now, ReadSession, SettingsDep, SignedIn, tidy_slots_first
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
from careapp.consultations import booking as commands
from careapp.consultations import queries
from careapp.consultations.booking import Wish
from careapp.consultations.holds import Hold, hold_slots, release_hold
from careapp.consultations.models import Booking, Slot, SlotStatus
from careapp.consultations.progress import confirm_booking
from careapp.consultations.taking import MOST_SLOTS
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
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:15:00Z",
    "status": "booked",
    "cancelled_because": None,
    "replaces_id": None,
}
HOLD_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d06",
    "slots": [SLOT_EXAMPLE | {"status": "busy-tentative"}],
    "until": "2026-03-02T17:05:00Z",
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
    """A taken slot, or the first of several; `visit_id` names the nurse's visit in which it is, if in one."""

    model_config = shown_as(BOOKING_EXAMPLE)

    id: UUID
    slot: SlotOut
    patient_id: UUID
    visit_id: UUID | None
    title: str
    starts_at: datetime
    ends_at: datetime
    status: AppointmentStatus
    cancelled_because: str | None
    replaces_id: UUID | None

    @classmethod
    def of(cls, row: Booking) -> Self:
        """Show a booking loaded with its slot."""
        return cls(
            id=row.id,
            slot=SlotOut.of(row.slot),
            patient_id=row.patient_id,
            visit_id=row.visit_id,
            title=row.title,
            starts_at=row.slot.starts_at if row.starts_at is None else row.starts_at,
            ends_at=row.slot.ends_at if row.ends_at is None else row.ends_at,
            status=row.status,
            cancelled_because=row.cancelled_because,
            replaces_id=row.replaces_id,
        )


class NewBooking(In):
    """Who takes a slot, and inside which promised visit, if a nurse is to help."""

    model_config = shown_as({"patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04", "title": "Wundkontrolle"})

    patient_id: UUID
    visit_id: UUID | None = None
    hold_id: UUID | None = None
    title: Line | None = None


class NewSlots(In):
    """To which slots a booking moves: one, or several that follow each other."""

    model_config = shown_as({"slot_ids": ["5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d01"]})

    slot_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_SLOTS)]
    visit_id: UUID | None = None
    hold_id: UUID | None = None


class HoldOut(Out):
    """Slots that are kept for whoever knows the hold's id, until its time is over."""

    model_config = shown_as(HOLD_EXAMPLE)

    id: UUID
    slots: list[SlotOut]
    until: datetime

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """Show a hold."""
        return cls(id=hold.id, slots=[SlotOut.of(slot) for slot in hold.slots], until=hold.until)


class SlotPage(PageOut[SlotOut]):
    """Some slots."""

    model_config = shown_as({"items": [SLOT_EXAMPLE], "next": None})


@router.get(
    "/slots",
    responses=problems(404),
    dependencies=[may(*TREATING), Depends(tidy_slots_first)],
)
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


@router.get("/slots/{slot_id}", responses=problems(404), dependencies=[may(*TREATING)])
def get_slot(slot_id: UUID, session: ReadSession, viewer: SignedIn) -> SlotOut:
    """Show one slot."""
    return SlotOut.of(queries.get_slot(session, slot_id=slot_id, viewer=viewer))


@router.post(
    "/slots/{slot_id}/booking",
    status_code=201,
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def book_slot(
    slot_id: UUID, body: NewBooking, response: Response, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Book a free slot, or one that is held for you; 409 if somebody was faster."""
    booking = commands.book_slots(
        session,
        wish=Wish(slot_ids=[slot_id], visit_id=body.visit_id, hold_id=body.hold_id, title=body.title),
        patient_id=body.patient_id,
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/bookings/{booking.id}"
    return BookingOut.of(booking)


@router.post(
    "/slots/{slot_id}/hold",
    status_code=201,
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def hold_slot(
    slot_id: UUID, session: DbSession, viewer: SignedIn, now: Now, settings: SettingsDep
) -> HoldOut:
    """Keep a free slot for one person; the answer's id books it, and says until when."""
    lasts = timedelta(seconds=settings.hold_s)
    return HoldOut.of(hold_slots(session, slot_ids=[slot_id], lasts=lasts, viewer=viewer, now=now))


@router.delete(
    "/holds/{hold_id}",
    status_code=204,
    responses=problems(404),
    dependencies=[may(*PRACTISING)],
)
def release(hold_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> Response:
    """Give a held slot back before its time."""
    release_hold(session, hold_id=hold_id, viewer=viewer, now=now)
    return Response(status_code=204)


@router.get("/bookings/{booking_id}", responses=problems(404), dependencies=[may(*TREATING)])
def get_booking(booking_id: UUID, session: ReadSession, viewer: SignedIn) -> BookingOut:
    """Show one booking with its slot."""
    return BookingOut.of(queries.get_booking(session, booking_id=booking_id, viewer=viewer))


@router.post(
    "/bookings/{booking_id}/cancellation",
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def cancel_booking(
    booking_id: UUID, body: Cancellation, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Give a booked slot back; 409 if it was given back before."""
    return BookingOut.of(
        commands.cancel_booking(session, booking_id=booking_id, because=body.because, viewer=viewer, now=now)
    )


@router.put(
    "/bookings/{booking_id}/slots",
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def move_booking(
    booking_id: UUID, body: NewSlots, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Move a booking to other slots; what it leaves is free; 409 if somebody was faster."""
    patient_id = queries.get_booking(session, booking_id=booking_id, viewer=viewer).patient_id
    booking = commands.move_booking(
        session,
        booking_id=booking_id,
        wish=Wish(slot_ids=body.slot_ids, visit_id=body.visit_id, hold_id=body.hold_id),
        patient_id=patient_id,
        viewer=viewer,
        now=now,
    )
    return BookingOut.of(booking)


@router.post(
    "/bookings/{booking_id}/confirmation",
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def confirm(booking_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> BookingOut:
    """Confirm a booking of a practice that confirms its bookings; 409 if it is not pending."""
    return BookingOut.of(confirm_booking(session, booking_id=booking_id, viewer=viewer, now=now))


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


@router.get("/doctors", dependencies=[may(*TREATING)])
def list_doctors(
    request: Request, session: ReadSession, viewer: SignedIn, limit: Limit = 50, after: After = None
) -> DoctorPage:
    """List doctors."""
    page = people.list_doctors(session, viewer=viewer, limit=limit, after=after)
    return DoctorPage(items=[DoctorOut.of(row) for row in page.items], next=next_address(request, page))
