"""Consultations of three or more, series of them, and what became of a booking."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.auth.policy import PRACTISING, TREATING, may
from api.dependencies import Cal, DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.routers.consultations import BOOKING_EXAMPLE, BookingOut
from api.shapes import Example, In, Line, Moment, NamedOut, Out, shown_as
from careapp.consultations import groups, history, queries, series
from careapp.consultations.booking import Wish
from careapp.consultations.further_models import BookingDeed, BookingEvent, BookingParticipant, Part
from careapp.consultations.groups import MOST_PARTICIPANTS, Joining
from careapp.consultations.series import MOST_BOOKINGS, MOST_WEEKS, Pattern
from careapp.consultations.taking import MOST_SLOTS
from careapp.people.models import Practitioner

router = APIRouter(prefix="/api", tags=["consultations"])

EVENT_EXAMPLE: Example = {
    "booking_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d03",
    "at": "2026-03-02T17:00:00Z",
    "deed": "moved",
    "by": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d09",
    "before_starts_at": "2026-03-03T08:00:00Z",
    "before_ends_at": "2026-03-03T08:15:00Z",
    "starts_at": "2026-03-03T09:00:00Z",
    "ends_at": "2026-03-03T09:15:00Z",
    "because": None,
}
PARTICIPANT_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d23",
    "part": "doctor",
    "practitioner": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d24", "name": "Dr. Eva Kollegin"},
}
JOINING_EXAMPLE: Example = {"part": "interpreter", "role_id": None}
NEW_GROUP_EXAMPLE: Example = {
    "slot_ids": ["5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d01"],
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "participants": [JOINING_EXAMPLE],
    "title": "Fallbesprechung",
}
NEW_SERIES_EXAMPLE: Example = {
    "schedule_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d25",
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "starts_at": "2026-03-03T09:00:00+01:00",
    "ends_at": "2026-03-03T09:15:00+01:00",
    "count": 4,
    "every_weeks": 1,
    "is_partial": True,
}
SERIES_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d26",
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "wanted": 4,
    "every_weeks": 1,
    "booking_ids": [BOOKING_EXAMPLE["id"]],
    "missing": ["2026-03-10"],
}


class EventOut(Out):
    """What was done with a booking: from which time to which, by whom; null times: none."""

    model_config = shown_as(EVENT_EXAMPLE)

    booking_id: UUID
    at: datetime
    deed: BookingDeed
    by: str
    before_starts_at: datetime | None
    before_ends_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    because: str | None

    @classmethod
    def of(cls, row: BookingEvent) -> Self:
        """Show an event."""
        return cls(
            booking_id=row.booking_id,
            at=row.at,
            deed=row.deed,
            by=row.viewer,
            before_starts_at=row.before_starts_at,
            before_ends_at=row.before_ends_at,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            because=row.because,
        )


class HistoryOut(Out):
    """All that was done with a booking, and with those in whose stead it was made; oldest first."""

    model_config = shown_as({"items": [EVENT_EXAMPLE]})

    items: list[EventOut]


class ParticipantOut(Out):
    """Who takes part beside the patient and the doctor; a name only of people of ours."""

    model_config = shown_as(PARTICIPANT_EXAMPLE)

    id: UUID
    part: Part
    practitioner: NamedOut | None

    @classmethod
    def of(cls, row: BookingParticipant) -> Self:
        """Show a participant loaded with the person."""
        return cls(id=row.id, part=row.part, practitioner=row.practitioner and _named(row.practitioner))


class ParticipantsOut(Out):
    """Everybody who takes part beside the patient and the doctor."""

    model_config = shown_as({"items": [PARTICIPANT_EXAMPLE]})

    items: list[ParticipantOut]


class JoiningIn(In):
    """Who is to take part: the role of a doctor or nurse, or anybody else's part alone."""

    model_config = shown_as(JOINING_EXAMPLE)

    part: Part
    role_id: UUID | None = None

    def to_joining(self) -> Joining:
        """Return what the command wants."""
        return Joining(self.part, self.role_id)


class NewGroup(In):
    """Slots that follow each other, and who is to take part."""

    model_config = shown_as(NEW_GROUP_EXAMPLE)

    slot_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_SLOTS)]
    patient_id: UUID
    participants: Annotated[list[JoiningIn], Field(min_length=1, max_length=MOST_PARTICIPANTS)]
    visit_id: UUID | None = None
    hold_id: UUID | None = None
    title: Line | None = None


class NewSeries(In):
    """The first time, and how often it comes again at the same hour; part of it only if that is enough."""

    model_config = shown_as(NEW_SERIES_EXAMPLE)

    schedule_id: UUID
    patient_id: UUID
    starts_at: Moment
    ends_at: Moment
    count: Annotated[int, Field(ge=2, le=MOST_BOOKINGS)]
    every_weeks: Annotated[int, Field(ge=1, le=MOST_WEEKS)] = 1
    is_partial: bool = False
    title: Line | None = None


class SeriesOut(Out):
    """The bookings of a series, in order; `missing` names local dates that could not be had."""

    model_config = shown_as(SERIES_EXAMPLE)

    id: UUID
    patient_id: UUID
    wanted: int
    every_weeks: int
    booking_ids: list[UUID]
    missing: list[date] | None


def _named(person: Practitioner) -> NamedOut:
    name = " ".join(filter(None, (person.title, person.given_name, person.family_name)))
    return NamedOut(id=person.id, name=name)


@router.get("/bookings/{booking_id}/history", responses=problems(404), dependencies=[may(*TREATING)])
def list_events(booking_id: UUID, session: ReadSession, viewer: SignedIn) -> HistoryOut:
    """Tell what became of a booking: who moved or cancelled it when, from which time to which."""
    events = history.list_events(session, booking_id=booking_id, viewer=viewer)
    return HistoryOut(items=[EventOut.of(event) for event in events])


@router.get("/bookings/{booking_id}/participants", responses=problems(404), dependencies=[may(*TREATING)])
def list_participants(booking_id: UUID, session: ReadSession, viewer: SignedIn) -> ParticipantsOut:
    """List who takes part in a consultation beside the patient and the doctor."""
    rows = groups.list_participants(session, booking_id=booking_id, viewer=viewer)
    return ParticipantsOut(items=[ParticipantOut.of(row) for row in rows])


@router.post(
    "/bookings/{booking_id}/participants",
    status_code=201,
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def add_participant(
    booking_id: UUID, body: JoiningIn, session: DbSession, viewer: SignedIn, now: Now
) -> ParticipantsOut:
    """Let somebody take part; the time of a doctor or nurse is taken, 409 if they have none."""
    groups.add_participant(session, booking_id=booking_id, joining=body.to_joining(), viewer=viewer, now=now)
    return list_participants(booking_id, session, viewer)


@router.delete(
    "/bookings/{booking_id}/participants/{participant_id}",
    status_code=204,
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING)],
)
def remove_participant(
    booking_id: UUID, participant_id: UUID, session: DbSession, viewer: SignedIn, now: Now
) -> Response:
    """Let somebody take part no longer."""
    groups.remove_participant(
        session, booking_id=booking_id, participant_id=participant_id, viewer=viewer, now=now
    )
    return Response(status_code=204)


@router.post(
    "/group-bookings", status_code=201, responses=problems(404, 409), dependencies=[may(*PRACTISING)]
)
def book_group(
    body: NewGroup, response: Response, session: DbSession, viewer: SignedIn, now: Now
) -> BookingOut:
    """Book a consultation of three or more: everybody's time is taken, or nobody's."""
    made = groups.book_group(
        session,
        wish=Wish(body.slot_ids, visit_id=body.visit_id, hold_id=body.hold_id, title=body.title),
        patient_id=body.patient_id,
        joining=[each.to_joining() for each in body.participants],
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/bookings/{made.id}"
    return BookingOut.of(queries.get_booking(session, booking_id=made.id, viewer=viewer))


@router.post("/series", status_code=201, responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def book_series(
    body: NewSeries, response: Response, session: DbSession, viewer: SignedIn, now: Now, calendar: Cal
) -> SeriesOut:
    """Book the same hour of several weeks: all of them, or those that can be had, with the others named."""
    made = series.book_series(
        session,
        schedule_id=body.schedule_id,
        pattern=Pattern(body.starts_at, body.ends_at, body.count, body.every_weeks),
        patient_id=body.patient_id,
        calendar=calendar,
        wish=Wish((), title=body.title),
        is_partial=body.is_partial,
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/series/{made.series.id}"
    return SeriesOut(
        id=made.series.id,
        patient_id=made.series.patient_id,
        wanted=made.series.wanted,
        every_weeks=made.series.every_weeks,
        booking_ids=[booking.id for booking in made.bookings],
        missing=made.missing,
    )


@router.get("/series/{series_id}", responses=problems(404), dependencies=[may(*TREATING)])
def get_series(series_id: UUID, session: ReadSession, viewer: SignedIn) -> SeriesOut:
    """Show which bookings a series has."""
    found = series.get_series(session, series_id=series_id, viewer=viewer)
    return SeriesOut(
        id=found.id,
        patient_id=found.patient_id,
        wanted=found.wanted,
        every_weeks=found.every_weeks,
        booking_ids=[part.booking_id for part in found.parts],
        missing=None,
    )
