"""Video consultations with a nurse beside the patient: times that fit the tours."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.auth.policy import CARING, PLANNING, TREATING, may
from api.dependencies import Cal, DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.routers.consultations import BookingOut
from api.shapes import Cancellation, Example, In, Line, Moment, NamedOut, Out, nurse_or_doctor, shown_as
from careapp.assisted import commands
from careapp.assisted.choices import Choice
from careapp.assisted.delays import ExpectedStop, list_waiting, report_delay
from careapp.assisted.needs import AssistedOffer, Basis, Need
from careapp.assisted.search import find_assisted
from careapp.consultations.models import Booking
from careapp.viewer import ViewerRole

router = APIRouter(prefix="/api", tags=["assisted"])

ID = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d{:02}"
NEED_EXAMPLE: Example = {
    "patient_id": ID.format(4),
    "from": "2026-03-03T00:00:00Z",
    "to": "2026-03-10T00:00:00Z",
    "doctor_id": ID.format(2),
    "visit_minutes": 40,
    "video_minutes": 12,
    "offset_minutes": 10,
    "skills": {"wound": 2},
    "level": 2,
}
OFFER_EXAMPLE: Example = {
    "schedule_id": ID.format(7),
    "slot_id": ID.format(1),
    "kind_id": None,
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:12:00Z",
    "visit_id": None,
    "visit_starts_at": "2026-03-03T07:50:00Z",
    "visit_ends_at": "2026-03-03T08:30:00Z",
    "shift_ids": [ID.format(8)],
    "nurse_ids": [ID.format(9)],
    "basis": "published",
    "extra_s": 480,
    "extra_m": 6200,
    "moved": [{"visit_id": ID.format(10), "seconds": 300}],
    "known_visits": 3,
    "points": 3480,
    "reasons": {"tour": 480, "moved": 300, "new_visit": 2400, "waiting": 300},
}
CHOICE_EXAMPLE: Example = {
    "patient_id": ID.format(4),
    "schedule_id": ID.format(7),
    "slot_id": ID.format(1),
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:12:00Z",
    "visit_starts_at": "2026-03-03T07:50:00Z",
    "shift_ids": [ID.format(8)],
    "skills": {"wound": 2},
}
STOP_EXAMPLE: Example = {
    "visit_id": ID.format(10),
    "starts_at": "2026-03-03T08:40:00Z",
    "expected_at": "2026-03-03T08:50:00Z",
}
WAITING_EXAMPLE: Example = {
    "booking_id": ID.format(3),
    "doctor": {"id": ID.format(2), "name": "Dr. Jonas Beispiel"},
    "starts_at": "2026-03-03T08:00:00Z",
    "expected_at": "2026-03-03T08:10:00Z",
}

Skills = Annotated[dict[str, Annotated[int, Field(ge=1, le=4)]], Field(max_length=20)]
Minutes = Annotated[int, Field(ge=0, le=240)]


class NeedIn(In):
    """A consultation with a nurse beside the patient, to be had in a period."""

    model_config = shown_as(NEED_EXAMPLE)

    patient_id: UUID
    starts: Annotated[Moment, Field(alias="from")]
    ends: Annotated[Moment, Field(alias="to")]
    doctor_id: UUID | None = None
    specialty: Annotated[str, Field(max_length=20)] | None = None
    visit_minutes: Minutes = 40
    video_minutes: Minutes = 12
    offset_minutes: Minutes = 10
    tolerance_minutes: Minutes = 5
    skills: Annotated[Skills, Field(default_factory=dict)]
    level: Annotated[int, Field(ge=1, le=4)] = 2
    waiting_since: date | None = None
    visit_id: UUID | None = None
    most: Annotated[int, Field(ge=1, le=200)] = 20


class MovedOut(Out):
    """A visit of somebody else that would come so many seconds later."""

    visit_id: UUID
    seconds: int


class AssistedOfferOut(Out):
    """A doctor's time at which a nurse can be with the patient, and what that costs.

    `basis` says how sure it is: exact in published tours, planned in proposed ones, expected on days that
    nobody has planned.
    """

    model_config = shown_as(OFFER_EXAMPLE)

    schedule_id: UUID
    slot_id: UUID | None
    kind_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    visit_id: UUID | None
    visit_starts_at: datetime
    visit_ends_at: datetime
    shift_ids: list[UUID]
    nurse_ids: list[UUID]
    basis: Basis
    extra_s: int | None
    extra_m: int | None
    moved: list[MovedOut]
    known_visits: int | None
    points: int
    reasons: dict[str, int]

    @classmethod
    def of(cls, offer: AssistedOffer) -> Self:
        """Show an offer."""
        return cls.model_validate(offer)


class AssistedOffersOut(Out):
    """The offers, the best first."""

    model_config = shown_as({"items": [OFFER_EXAMPLE]})

    items: list[AssistedOfferOut]


class ChoiceIn(In):
    """The offer that is chosen; what it says is tried anew."""

    model_config = shown_as(CHOICE_EXAMPLE)

    patient_id: UUID
    schedule_id: UUID
    starts_at: Moment
    ends_at: Moment
    visit_starts_at: Moment
    slot_id: UUID | None = None
    kind_id: UUID | None = None
    visit_id: UUID | None = None
    shift_ids: Annotated[list[UUID], Field(default_factory=list, max_length=4)]
    most_moved_s: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    visit_minutes: Minutes = 40
    tolerance_minutes: Minutes = 5
    skills: Annotated[Skills, Field(default_factory=dict)]
    hold_id: UUID | None = None
    title: Line | None = None

    def choice(self) -> Choice:
        """Return it as the commands want it."""
        return Choice(**(self.model_dump() | {"shift_ids": tuple(self.shift_ids)}))


class DelayIn(In):
    """How late a nurse is now; 0 takes an earlier report back."""

    model_config = shown_as({"minutes": 10})

    minutes: Minutes


class ExpectedStopOut(Out):
    """When a nurse is expected at a stop."""

    model_config = shown_as(STOP_EXAMPLE)

    visit_id: UUID
    starts_at: datetime
    expected_at: datetime

    @classmethod
    def of(cls, stop: ExpectedStop) -> Self:
        """Show a stop."""
        return cls.model_validate(stop)


class ExpectedStopsOut(Out):
    """The stops of a tour that are still to come, or where the nurse is."""

    model_config = shown_as({"items": [STOP_EXAMPLE]})

    items: list[ExpectedStopOut]


class WaitingOut(Out):
    """A consultation at a patient's home; it is expected at another time than booked if the nurse is late."""

    model_config = shown_as(WAITING_EXAMPLE)

    booking_id: UUID
    doctor: NamedOut
    starts_at: datetime | None
    expected_at: datetime | None

    @classmethod
    def of(cls, row: Booking) -> Self:
        """Show a booking loaded with its slot and doctor."""
        return cls(
            booking_id=row.id,
            doctor=nurse_or_doctor(row.slot.schedule.role),
            starts_at=row.starts_at,
            expected_at=row.expected_at or row.starts_at,
        )


class WaitingListOut(Out):
    """A day's consultations at patients' homes, in the order in which they are expected."""

    model_config = shown_as({"items": [WAITING_EXAMPLE]})

    items: list[WaitingOut]


@router.post("/assisted/offers", responses=problems(404, 503), dependencies=[may(*PLANNING)])
def find_offers(
    body: NeedIn, session: ReadSession, viewer: SignedIn, now: Now, calendar: Cal, settings: SettingsDep
) -> AssistedOffersOut:
    """Find the times at which a doctor is free and a nurse can be with the patient, the best first."""
    need = Need(**body.model_dump())
    found = find_assisted(session, need=need, viewer=viewer, now=now, calendar=calendar, settings=settings)
    return AssistedOffersOut(items=[AssistedOfferOut.of(offer) for offer in found])


@router.post(
    "/assisted/bookings",
    status_code=201,
    responses=problems(404, 409, 503),
    dependencies=[may(*PLANNING)],
)
def book(
    body: ChoiceIn,
    response: Response,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    settings: SettingsDep,
) -> BookingOut:
    """Take the doctor's time, the nurse's time and the place in her tour; 409 if anything was taken."""
    booking = commands.book_assisted(
        session, choice=body.choice(), viewer=viewer, now=now, calendar=calendar, settings=settings
    )
    response.headers["Location"] = f"/api/bookings/{booking.id}"
    return BookingOut.of(booking)


@router.post(
    "/assisted/bookings/{booking_id}/move", responses=problems(404, 409, 503), dependencies=[may(*PLANNING)]
)
def move(
    booking_id: UUID,
    body: ChoiceIn,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    settings: SettingsDep,
) -> BookingOut:
    """Move a consultation and its visit: both, or neither."""
    return BookingOut.of(
        commands.move_assisted(
            session,
            booking_id=booking_id,
            choice=body.choice(),
            viewer=viewer,
            now=now,
            calendar=calendar,
            settings=settings,
        )
    )


@router.post(
    "/assisted/bookings/{booking_id}/cancellation",
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def cancel(
    booking_id: UUID, body: Cancellation, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Cancel a consultation; a visit that was made for it is called off with it."""
    return BookingOut.of(
        commands.cancel_assisted(session, booking_id=booking_id, because=body.because, viewer=viewer, now=now)
    )


@router.get("/assisted/waiting", dependencies=[may(*TREATING)])
def waiting(
    session: ReadSession,
    viewer: SignedIn,
    calendar: Cal,
    day: Annotated[date, Query(alias="date")],
    doctor: UUID | None = None,
) -> WaitingListOut:
    """List a day's consultations at patients' homes as they are expected; a doctor sees his own."""
    starts, ends = calendar.day(day)
    rows = list_waiting(session, starts=starts, ends=ends, viewer=viewer, doctor_id=doctor)
    return WaitingListOut(items=[WaitingOut.of(row) for row in rows])


@router.post(
    "/tours/{tour_id}/delay",
    responses=problems(404, 409),
    dependencies=[may(*(role for role in CARING if role is not ViewerRole.SUPPORT))],
)
def delay(tour_id: UUID, body: DelayIn, session: DbSession, viewer: SignedIn, now: Now) -> ExpectedStopsOut:
    """Say that a nurse is late: doctors who wait in her later visits learn from when on."""
    expected = report_delay(session, tour_id=tour_id, minutes=body.minutes, viewer=viewer, now=now)
    return ExpectedStopsOut(items=[ExpectedStopOut.of(stop) for stop in expected])
