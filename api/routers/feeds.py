"""What patients want to be told and were told, and the addresses of doctors' calendars."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from api.auth.policy import OVERSEEING, PLANNING, anybody, may
from api.dependencies import DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.shapes import Example, In, Limit, Line, Out, shown_as
from careapp.access import ViewerRole
from careapp.notices import feeds, wishes
from careapp.notices.entries import MEDIA_TYPE
from careapp.notices.models import (
    CalendarFeed,
    ContactWish,
    Language,
    Notice,
    NoticeKind,
    NoticeStatus,
    Way,
)
from careapp.notices.wishes import LONGEST_BEFORE_H, MOST_REMINDERS

router = APIRouter(prefix="/api", tags=["notices"])
calendars = APIRouter(prefix="/calendars", include_in_schema=False)

WISH_EXAMPLE: Example = {
    "way": "email",
    "language": "de",
    "email": "erna@mail.example",
    "phone": None,
    "hours_before": [24],
    "wants_invitations": True,
}
NOTICE_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b4c01",
    "appointment_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b2c01",
    "kind": "reminder",
    "starts_at": "2026-03-03T09:20:00Z",
    "due_at": "2026-03-02T09:20:00Z",
    "status": "sent",
    "way": "email",
    "ended_at": "2026-03-02T09:20:04Z",
    "why": None,
}
FEED_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b4c02",
    "language": "de",
    "made_at": "2026-03-02T09:20:00Z",
}
GIVEN_AWAY = "its address is a secret that a doctor gave to a calendar program, which cannot sign in"
OWN = (ViewerRole.DOCTOR,)


class ContactWishIn(In):
    """How a patient wants to hear of appointments; messages say that there is one and when, nothing else."""

    model_config = shown_as(WISH_EXAMPLE)

    way: Way
    language: Language = Language.GERMAN
    email: Line | None = None
    phone: Line | None = Field(default=None, description="With a country's prefix, or a German number.")
    hours_before: list[Annotated[int, Field(ge=1, le=LONGEST_BEFORE_H)]] = Field(
        default=[24], max_length=MOST_REMINDERS, description="How long before an appointment reminders come."
    )
    wants_invitations: bool = Field(
        default=False, description="E-mails carry the appointment for the patient's own calendar."
    )


class ContactWishOut(Out):
    """How a patient wants to hear of appointments."""

    model_config = shown_as(WISH_EXAMPLE)

    way: Way
    language: Language
    email: str | None
    phone: str | None
    hours_before: list[int]
    wants_invitations: bool

    @classmethod
    def of(cls, row: ContactWish | None) -> Self:
        """Show a wish; who has never been asked gets no messages."""
        if row is not None:
            return cls.model_validate(row)
        return cls(
            way=Way.NONE,
            language=Language.GERMAN,
            email=None,
            phone=None,
            hours_before=[],
            wants_invitations=False,
        )


class NoticeOut(Out):
    """A message about an appointment; `why` says why it was not sent."""

    model_config = shown_as(NOTICE_EXAMPLE)

    id: UUID
    appointment_id: UUID
    kind: NoticeKind
    starts_at: datetime
    due_at: datetime
    status: NoticeStatus
    way: Way | None
    ended_at: datetime | None
    why: str | None

    @classmethod
    def of(cls, row: Notice) -> Self:
        """Show a message."""
        return cls.model_validate(row)


class NoticesOut(Out):
    """The latest messages to a patient, the last first."""

    model_config = shown_as({"items": [NOTICE_EXAMPLE]})

    items: list[NoticeOut]


class NewFeed(In):
    """An address for the own calendar."""

    model_config = shown_as({"language": "de"})

    language: Language = Language.GERMAN


class FeedOut(Out):
    """An address of the own calendar; the address itself is shown once, when it is made."""

    model_config = shown_as(FEED_EXAMPLE)

    id: UUID
    language: Language
    made_at: datetime

    @classmethod
    def of(cls, row: CalendarFeed) -> Self:
        """Show a feed."""
        return cls.model_validate(row)


class FeedsOut(Out):
    """The addresses of the own calendar that work."""

    model_config = shown_as({"items": [FEED_EXAMPLE]})

    items: list[FeedOut]


class MadeFeedOut(FeedOut):
    """A new address: whoever has it sees when the doctor is taken, until it is revoked."""

    model_config = shown_as(
        FEED_EXAMPLE
        | {"address": "https://care.example/calendars/pX0vB4nB3c5kZ2p1mUuT0lqf2yqkqkY7dQ9wF1b8s2E.ics"}
    )

    address: str


@router.get("/patients/{patient_id}/contact", responses=problems(404), dependencies=[may(*OVERSEEING)])
def get_contact(patient_id: UUID, session: ReadSession, viewer: SignedIn) -> ContactWishOut:
    """Tell how a patient wants to hear of appointments; `none` if nobody has asked."""
    return ContactWishOut.of(wishes.find_contact_wish(session, patient_id=patient_id, viewer=viewer))


@router.put("/patients/{patient_id}/contact", responses=problems(404), dependencies=[may(*PLANNING)])
def set_contact(
    patient_id: UUID, body: ContactWishIn, session: DbSession, viewer: SignedIn, now: Now
) -> ContactWishOut:
    """Note how a patient wants to hear of appointments; messages that wait follow."""
    wish = wishes.Wish(**body.model_dump())
    return ContactWishOut.of(
        wishes.set_contact_wish(session, patient_id=patient_id, wish=wish, viewer=viewer, now=now)
    )


@router.get("/patients/{patient_id}/notices", responses=problems(404), dependencies=[may(*OVERSEEING)])
def list_notices(patient_id: UUID, session: ReadSession, viewer: SignedIn, limit: Limit = 50) -> NoticesOut:
    """List what a patient was told of appointments, and what waits to be told."""
    rows = wishes.list_notices(session, patient_id=patient_id, viewer=viewer, limit=limit)
    return NoticesOut(items=[NoticeOut.of(row) for row in rows])


@router.get("/calendars", dependencies=[may(*OWN)])
def list_calendars(session: ReadSession, viewer: SignedIn) -> FeedsOut:
    """List the addresses of the own calendar."""
    return FeedsOut(items=[FeedOut.of(row) for row in feeds.list_feeds(session, viewer=viewer)])


@router.post("/calendars", status_code=201, responses=problems(409), dependencies=[may(*OWN)])
def make_calendar(
    body: NewFeed,
    request: Request,
    response: Response,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    settings: SettingsDep,
) -> MadeFeedOut:
    """Make an address under which a calendar program reads when the doctor is taken, and nothing else."""
    feed, secret = feeds.make_feed(session, language=body.language, viewer=viewer, now=now)
    response.headers["Cache-Control"] = "no-store"
    base = settings.public_url or str(request.base_url).rstrip("/")
    address = f"{base}{calendars.prefix}/{secret}.ics"
    return MadeFeedOut(**FeedOut.of(feed).model_dump(), address=address)


@router.delete("/calendars/{calendar_id}", status_code=204, responses=problems(404), dependencies=[may(*OWN)])
def revoke_calendar(calendar_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Let an address of the own calendar lead nowhere."""
    feeds.revoke_feed(session, feed_id=calendar_id, viewer=viewer, now=now)


@calendars.get("/{secret}.ics", dependencies=[anybody(GIVEN_AWAY)])
def read_calendar(secret: Annotated[str, Path(max_length=100)], request: Request, now: Now) -> Response:
    """Show a calendar program when a doctor is taken."""
    with request.app.state.reading_sessions.begin() as session:  # whose it is, the secret says
        content = feeds.read_feed(session, secret=secret, now=now)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="calendar.ics"',
        "X-Robots-Tag": "noindex",
    }
    return Response(content, media_type=f"{MEDIA_TYPE}; charset=utf-8", headers=headers)
