"""The times at which a doctor can be booked: listed, held and booked by their start."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import URL

from api.auth.policy import PRACTISING, TREATING, may
from api.dependencies import Cal, DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.routers.consultations import BookingOut, HoldOut
from api.shapes import Example, In, Limit, Line, Moment, Out, PageOut, shown_as
from careapp.consultations import hours as rules
from careapp.consultations.hours_changes import get_hours
from careapp.consultations.models import ConsultationCode
from careapp.consultations.times import Offer
from careapp.consultations.times_booking import Time, book_time, hold_time
from careapp.people import queries as people

router = APIRouter(prefix="/api/doctors/{doctor_id}/times", tags=["consultations"])

SCHEDULE_ID = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d11"
KIND_ID = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d12"
TIME_EXAMPLE: Example = {
    "schedule_id": SCHEDULE_ID,
    "kind_id": KIND_ID,
    "kind": "video",
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:15:00Z",
    "place_id": None,
}


class TimeOut(Out):
    """A time that can be booked now."""

    model_config = shown_as(TIME_EXAMPLE)

    schedule_id: UUID
    kind_id: UUID
    kind: ConsultationCode
    starts_at: datetime
    ends_at: datetime
    place_id: UUID | None

    @classmethod
    def of(cls, offer: Offer) -> Self:
        """Show an offer."""
        return cls(
            schedule_id=offer.schedule_id,
            kind_id=offer.kind_id,
            kind=offer.code,
            starts_at=offer.starts_at,
            ends_at=offer.ends_at,
            place_id=offer.place_id,
        )


class TimePage(PageOut[TimeOut]):
    """Some times."""

    model_config = shown_as({"items": [TIME_EXAMPLE], "next": None})


class WantedTime(In):
    """Which time is wanted, as it was listed."""

    model_config = shown_as(
        {"schedule_id": SCHEDULE_ID, "kind_id": KIND_ID, "starts_at": "2026-03-03T08:00:00Z"}
    )

    schedule_id: UUID
    kind_id: UUID
    starts_at: Moment

    def time(self) -> Time:
        """Return it as the commands take it."""
        return Time(self.schedule_id, self.kind_id, self.starts_at)


class TimeBooking(WantedTime):
    """Which time is booked, for whom, and inside which promised visit, if a nurse is to help."""

    model_config = shown_as(
        {
            "schedule_id": SCHEDULE_ID,
            "kind_id": KIND_ID,
            "starts_at": "2026-03-03T08:00:00Z",
            "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
        }
    )

    patient_id: UUID
    hold_id: UUID | None = None
    visit_id: UUID | None = None
    title: Line | None = None


@router.get("", responses=problems(404), dependencies=[may(*TREATING)])
def list_times(
    request: Request,
    doctor_id: UUID,
    session: ReadSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    starts: Annotated[Moment, Query(alias="from", description="From when they start.")],
    ends: Annotated[Moment, Query(alias="to", description="Until when; at most 62 days.")],
    kind: ConsultationCode | None = None,
    patient: Annotated[UUID | None, Query(description="Leave out when this patient has another one.")] = None,
    limit: Limit = 50,
) -> TimePage:
    """List the times at which a doctor can be booked now, in order."""
    people.get_doctor(session, role_id=doctor_id, viewer=viewer)
    found = rules.offers(
        session,
        doctor_id=doctor_id,
        starts=starts,
        ends=ends,
        code=kind,
        patient_id=patient,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    # Those of one moment stay together: the next page begins at a moment.
    shown = [each for each in found if len(found) <= limit or each.starts_at <= found[limit - 1].starts_at]
    address = None
    if len(shown) < len(found):
        asked = URL(str(request.url)).include_query_params(
            **{"from": found[len(shown)].starts_at.isoformat().replace("+00:00", "Z")}
        )
        address = f"{asked.path}?{asked.query}"
    return TimePage(items=[TimeOut.of(each) for each in shown], next=address)


@router.post("/hold", status_code=201, responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def hold(
    doctor_id: UUID,
    body: WantedTime,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    settings: SettingsDep,
) -> HoldOut:
    """Keep a listed time for one person; the answer's id books it, and `DELETE /api/holds/{id}` frees it."""
    get_hours(session, role_id=doctor_id, schedule_id=body.schedule_id, viewer=viewer)
    held = hold_time(
        session,
        time=body.time(),
        lasts=timedelta(seconds=settings.hold_s),
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    return HoldOut.of(held)


@router.post("/booking", status_code=201, responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def book(
    doctor_id: UUID,
    body: TimeBooking,
    response: Response,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
) -> BookingOut:
    """Book a listed time, or one that is held for you; 409 if somebody was faster."""
    get_hours(session, role_id=doctor_id, schedule_id=body.schedule_id, viewer=viewer)
    booking = book_time(
        session,
        time=body.time(),
        patient_id=body.patient_id,
        hold_id=body.hold_id,
        visit_id=body.visit_id,
        title=body.title,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/bookings/{booking.id}"
    return BookingOut.of(booking)
