"""Doctors' hours, the kinds of consultation they offer, and the times that follow from them."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth.policy import PRACTISING, TREATING, may
from api.dependencies import Cal, DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.shapes import ClockTime, Example, In, Line, LocalDate, Out, shown_as
from careapp.access import Viewer
from careapp.consultations import hours as rules
from careapp.consultations import hours_changes as changes
from careapp.consultations.models import ConsultationCode, ExceptionReason, Schedule

router = APIRouter(prefix="/api/doctors/{doctor_id}", tags=["consultations"])

SCHEDULE_ID = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d11"
KIND_ID = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d12"
HOURS_EXAMPLE: Example = {
    "recurrence": "FREQ=WEEKLY;BYDAY=MO,TH",
    "first_date": "2026-03-02",
    "last_date": None,
    "starts": "08:00",
    "ends": "10:00",
    "slot_minutes": 15,
    "kind": None,
    "place_id": None,
}
EXCEPTION_EXAMPLE: Example = {
    "first_date": "2026-07-20",
    "last_date": "2026-07-31",
    "starts": None,
    "ends": None,
    "is_open": False,
    "reason": "holiday",
    "place_id": None,
}
KIND_EXAMPLE: Example = {
    "code": "assisted",
    "title": "Videosprechstunde beim Hausbesuch",
    "minutes": 12,
    "buffer_before_min": 0,
    "buffer_after_min": 5,
    "notice_min": 120,
    "horizon_days": 28,
    "step_min": 1,
    "most_at_once": 1,
}
Which = Annotated[UUID | None, Query(alias="schedule", description="If the doctor has several: which one.")]


class HoursIn(In):
    """Hours that recur by an RFC 5545 rule; those that end no later than they start end on the next day."""

    model_config = shown_as(HOURS_EXAMPLE)

    recurrence: Annotated[Line, Field(max_length=200)]
    first_date: LocalDate
    last_date: LocalDate | None = None
    starts: ClockTime
    ends: ClockTime
    slot_minutes: int = Field(default=15, ge=changes.LEAST_MINUTES, le=changes.MOST_MINUTES)
    kind: ConsultationCode | None = None
    place_id: UUID | None = None


class NewHours(In):
    """All weekly hours of a schedule; `zone` null: the region's."""

    model_config = shown_as({"zone": "Europe/Berlin", "hours": [HOURS_EXAMPLE]})

    zone: Annotated[Line, Field(max_length=60)] | None = None
    hours: Annotated[list[HoursIn], Field(max_length=changes.MOST_RULES)]


class StretchOut(Out):
    """Hours that recur."""

    model_config = shown_as(HOURS_EXAMPLE)

    recurrence: str
    first_date: date
    last_date: date | None
    starts: str
    ends: str
    slot_minutes: int
    kind: ConsultationCode | None
    place_id: UUID | None


class HoursOut(Out):
    """A doctor's weekly hours; times are those of a wall clock in `zone`."""

    model_config = shown_as(
        {
            "schedule_id": SCHEDULE_ID,
            "title": "Videosprechstunde",
            "zone": "Europe/Berlin",
            "hours": [HOURS_EXAMPLE],
        }
    )

    schedule_id: UUID
    title: str
    zone: str
    hours: list[StretchOut]

    @classmethod
    def of(cls, row: Schedule, zone: str) -> Self:
        """Show a schedule loaded with its rules."""
        return cls(
            schedule_id=row.id,
            title=row.title,
            zone=row.zone or zone,
            hours=[
                StretchOut(
                    recurrence=each.recurrence,
                    first_date=each.first_date,
                    last_date=each.last_date,
                    starts=each.starts.strftime("%H:%M"),
                    ends=each.ends.strftime("%H:%M"),
                    slot_minutes=each.slot_minutes,
                    kind=each.kind,
                    place_id=each.place_id,
                )
                for each in row.hours
            ],
        )


class ExceptionIn(In):
    """Days with other hours: closed, or open beyond the usual ones (then with times)."""

    model_config = shown_as(EXCEPTION_EXAMPLE)

    first_date: LocalDate
    last_date: LocalDate
    starts: ClockTime | None = None
    ends: ClockTime | None = None
    is_open: bool
    reason: ExceptionReason = ExceptionReason.OTHER
    place_id: UUID | None = None


class NewExceptions(In):
    """All exceptions of a schedule."""

    model_config = shown_as({"exceptions": [EXCEPTION_EXAMPLE]})

    exceptions: Annotated[list[ExceptionIn], Field(max_length=changes.MOST_RULES)]


class ExceptionOut(Out):
    """Days with other hours; why, only the practice itself is told."""

    model_config = shown_as(EXCEPTION_EXAMPLE)

    first_date: date
    last_date: date
    starts: str | None
    ends: str | None
    is_open: bool
    reason: ExceptionReason | None
    place_id: UUID | None


class ExceptionsOut(Out):
    """A doctor's exceptions."""

    model_config = shown_as({"schedule_id": SCHEDULE_ID, "exceptions": [EXCEPTION_EXAMPLE]})

    schedule_id: UUID
    exceptions: list[ExceptionOut]

    @classmethod
    def of(cls, row: Schedule, viewer: Viewer) -> Self:
        """Show a schedule loaded with its rules."""
        is_own = viewer.organisation_id in {None, row.organisation_id}
        return cls(
            schedule_id=row.id,
            exceptions=[
                ExceptionOut(
                    first_date=each.first_date,
                    last_date=each.last_date,
                    starts=each.starts.strftime("%H:%M") if each.starts else None,
                    ends=each.ends.strftime("%H:%M") if each.ends else None,
                    is_open=each.is_open,
                    reason=each.reason if is_own else None,
                    place_id=each.place_id,
                )
                for each in row.exceptions
            ],
        )


class KindIn(In):
    """A kind of consultation; with the `id` of one that is there, this is changed."""

    model_config = shown_as(KIND_EXAMPLE)

    id: UUID | None = None
    code: ConsultationCode
    title: Line
    minutes: int = Field(ge=1, le=480)
    buffer_before_min: int = Field(default=0, ge=0, le=240)
    buffer_after_min: int = Field(default=0, ge=0, le=240)
    notice_min: int = Field(default=0, ge=0, le=525_600)
    horizon_days: int = Field(default=84, ge=0, le=730)
    step_min: int = Field(default=5, ge=1, le=480, description="1: it may start at any minute.")
    most_at_once: int = Field(default=1, ge=1, le=20, description="Above 1: deliberate overbooking.")


class NewKinds(In):
    """All kinds of consultation of a schedule."""

    model_config = shown_as({"kinds": [KIND_EXAMPLE]})

    kinds: Annotated[list[KindIn], Field(max_length=changes.MOST_RULES)]


class KindOut(Out):
    """A kind of consultation, and the rules by which it is booked."""

    model_config = shown_as({"id": KIND_ID, **KIND_EXAMPLE})

    id: UUID
    code: ConsultationCode
    title: str
    minutes: int
    buffer_before_min: int
    buffer_after_min: int
    notice_min: int
    horizon_days: int
    step_min: int
    most_at_once: int


class KindsOut(Out):
    """The kinds of consultation that a doctor offers; without stored ones, what follows from the hours."""

    model_config = shown_as({"schedule_id": SCHEDULE_ID, "kinds": [{"id": KIND_ID, **KIND_EXAMPLE}]})

    schedule_id: UUID
    kinds: list[KindOut]

    @classmethod
    def of(cls, row: Schedule, calendar: Cal) -> Self:
        """Show a schedule loaded with its rules."""
        kinds = [KindOut.model_validate(each.kind) for each in rules.rules_of(row, calendar)]
        return cls(schedule_id=row.id, kinds=kinds)


@router.get("/hours", responses=problems(404), dependencies=[may(*TREATING)])
def get_hours(
    doctor_id: UUID, session: ReadSession, viewer: SignedIn, settings: SettingsDep, schedule: Which = None
) -> HoursOut:
    """Show a doctor's weekly hours."""
    row = changes.get_hours(session, role_id=doctor_id, schedule_id=schedule, viewer=viewer)
    return HoursOut.of(row, settings.zone)


@router.put("/hours", responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def set_hours(
    doctor_id: UUID,
    body: NewHours,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    settings: SettingsDep,
    schedule: Which = None,
) -> HoursOut:
    """Write a doctor's weekly hours anew; what is booked stays booked."""
    row = changes.set_hours(
        session,
        role_id=doctor_id,
        hours=[changes.Hours(**each.model_dump()) for each in body.hours],
        zone=body.zone,
        schedule_id=schedule,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    return HoursOut.of(row, settings.zone)


@router.get("/exceptions", responses=problems(404), dependencies=[may(*TREATING)])
def get_exceptions(
    doctor_id: UUID, session: ReadSession, viewer: SignedIn, schedule: Which = None
) -> ExceptionsOut:
    """Show on which days a doctor's hours are others than usual."""
    row = changes.get_hours(session, role_id=doctor_id, schedule_id=schedule, viewer=viewer)
    return ExceptionsOut.of(row, viewer)


@router.put("/exceptions", responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def set_exceptions(
    doctor_id: UUID,
    body: NewExceptions,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    schedule: Which = None,
) -> ExceptionsOut:
    """Write anew on which days a doctor's hours are others than usual; what is booked stays booked."""
    row = changes.set_exceptions(
        session,
        role_id=doctor_id,
        exceptions=[changes.OtherHours(**each.model_dump()) for each in body.exceptions],
        schedule_id=schedule,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    return ExceptionsOut.of(row, viewer)


@router.get("/kinds", responses=problems(404), dependencies=[may(*TREATING)])
def get_kinds(
    doctor_id: UUID, session: ReadSession, viewer: SignedIn, calendar: Cal, schedule: Which = None
) -> KindsOut:
    """Show which kinds of consultation a doctor offers, and by which rules."""
    row = changes.get_hours(session, role_id=doctor_id, schedule_id=schedule, viewer=viewer)
    return KindsOut.of(row, calendar)


@router.put("/kinds", responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def set_kinds(
    doctor_id: UUID,
    body: NewKinds,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    calendar: Cal,
    schedule: Which = None,
) -> KindsOut:
    """Write anew which kinds of consultation a doctor offers; what is booked stays booked."""
    row = changes.set_kinds(
        session,
        role_id=doctor_id,
        kinds=[changes.KindDetails(**each.model_dump()) for each in body.kinds],
        schedule_id=schedule,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    return KindsOut.of(row, calendar)
