"""The waiting list: who waits, and times that are kept for them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.auth.policy import PRACTISING, TREATING, may
from api.dependencies import DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import (
    After,
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
from careapp.waiting import commands, queries
from careapp.waiting.commands import LEAST_NEED, MOST_NEED, Wanted
from careapp.waiting.models import Chance, ChanceStatus, WaitingEntry, WaitingStatus

router = APIRouter(prefix="/api", tags=["waiting"])

DOCTOR: Example = {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d02", "name": "Dr. Jonas Beispiel"}
CHANCE_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d21",
    "doctor": DOCTOR,
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:15:00Z",
    "offered_at": "2026-03-02T17:00:00Z",
    "until": "2026-03-02T18:00:00Z",
    "status": "offered",
    "booking_id": None,
}
ENTRY_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d22",
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "doctor_id": None,
    "specialty": "ALLG",
    "need": 2,
    "earliest": "2026-03-03T00:00:00Z",
    "latest": "2026-03-10T00:00:00Z",
    "since": "2026-03-02T16:00:00Z",
    "status": "waiting",
    "chances": [CHANCE_EXAMPLE],
}
NEW_ENTRY_EXAMPLE: Example = {
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d04",
    "specialty": "ALLG",
    "need": 2,
    "earliest": "2026-03-03T00:00:00+01:00",
    "latest": "2026-03-10T00:00:00+01:00",
}


class ChanceOut(Out):
    """A time that is kept for somebody who waits, half-open, until a moment."""

    model_config = shown_as(CHANCE_EXAMPLE)

    id: UUID
    doctor: NamedOut
    starts_at: datetime
    ends_at: datetime
    offered_at: datetime
    until: datetime
    status: ChanceStatus
    booking_id: UUID | None

    @classmethod
    def of(cls, row: Chance) -> Self:
        """Show a chance loaded with its doctor."""
        return cls(
            id=row.id,
            doctor=nurse_or_doctor(row.schedule.role),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            offered_at=row.offered_at,
            until=row.until,
            status=row.status,
            booking_id=row.booking_id,
        )


class EntryOut(Out):
    """Who waits, for what, since when; and the times that were offered, oldest first."""

    model_config = shown_as(ENTRY_EXAMPLE)

    id: UUID
    patient_id: UUID
    doctor_id: UUID | None
    specialty: str | None
    need: int
    earliest: datetime
    latest: datetime
    since: datetime
    status: WaitingStatus
    chances: list[ChanceOut]

    @classmethod
    def of(cls, row: WaitingEntry) -> Self:
        """Show an entry loaded with its chances."""
        return cls(
            id=row.id,
            patient_id=row.patient_id,
            doctor_id=row.doctor_id,
            specialty=row.specialty,
            need=row.need,
            earliest=row.earliest,
            latest=row.latest,
            since=row.since,
            status=row.status,
            chances=[ChanceOut.of(chance) for chance in row.chances],
        )


class EntryPage(PageOut[EntryOut]):
    """Some who wait, in the order of the line."""

    model_config = shown_as({"items": [ENTRY_EXAMPLE], "next": None})


class NewEntry(In):
    """Who is to wait, for one doctor or any of a specialty; need from 1 (can wait) to 4 (must not)."""

    model_config = shown_as(NEW_ENTRY_EXAMPLE)

    patient_id: UUID
    doctor_id: UUID | None = None
    specialty: Annotated[str | None, Field(max_length=20)] = None
    need: Annotated[int, Field(ge=LEAST_NEED, le=MOST_NEED)] = 2
    earliest: Moment
    latest: Moment


class Acceptance(In):
    """How the time is booked; without a visit nobody helps at the home."""

    model_config = shown_as({"visit_id": None, "title": "Wundkontrolle"})

    visit_id: UUID | None = None
    title: Line | None = None


@router.get("/waiting", responses=problems(404), dependencies=[may(*TREATING)])
def list_entries(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    status: WaitingStatus | None = None,
    patient: Annotated[UUID | None, Query(description="Only this patient's.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> EntryPage:
    """List who waits for a consultation: by need, then by how long."""
    page = queries.list_entries(
        session, viewer=viewer, status=status, patient_id=patient, limit=limit, after=after
    )
    return EntryPage(items=[EntryOut.of(row) for row in page.items], next=next_address(request, page))


@router.get("/waiting/{entry_id}", responses=problems(404), dependencies=[may(*TREATING)])
def get_entry(entry_id: UUID, session: ReadSession, viewer: SignedIn) -> EntryOut:
    """Show who waits, with the times that were offered."""
    return EntryOut.of(queries.get_entry(session, entry_id=entry_id, viewer=viewer))


@router.post("/waiting", status_code=201, responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def join_list(body: NewEntry, response: Response, session: DbSession, viewer: SignedIn, now: Now) -> EntryOut:
    """Let a patient wait: the next free time that suits is kept for them, and they are told."""
    entry = commands.join_list(
        session,
        patient_id=body.patient_id,
        wanted=Wanted(body.doctor_id, body.specialty, body.earliest, body.latest, body.need),
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/waiting/{entry.id}"
    return EntryOut.of(entry)


@router.post("/waiting/{entry_id}/withdrawal", responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def leave_list(entry_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> EntryOut:
    """Let a patient wait no longer; a time that is kept for them is free; 409 if it has ended."""
    return EntryOut.of(commands.leave_list(session, entry_id=entry_id, viewer=viewer, now=now))


@router.post("/chances/{chance_id}/acceptance", responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def accept_chance(
    chance_id: UUID, body: Acceptance, session: DbSession, viewer: SignedIn, now: Now
) -> ChanceOut:
    """Book the time that is kept; 409 if it is kept no longer."""
    chance = commands.accept_chance(
        session, chance_id=chance_id, visit_id=body.visit_id, title=body.title, viewer=viewer, now=now
    )
    return ChanceOut.of(chance)


@router.post("/chances/{chance_id}/refusal", responses=problems(404, 409), dependencies=[may(*PRACTISING)])
def decline_chance(chance_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> ChanceOut:
    """Say that a time does not suit: it goes to whoever is next, and the patient waits on."""
    return ChanceOut.of(commands.decline_chance(session, chance_id=chance_id, viewer=viewer, now=now))
