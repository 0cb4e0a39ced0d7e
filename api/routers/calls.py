"""Calls as nurses, doctors and coordinators have to do with them."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.auth.party import origin_of_pages
from api.auth.policy import PRACTISING, may
from api.dependencies import DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.routers.joining import PERSON_EXAMPLE, PersonOut, SeatOut
from api.shapes import Example, In, Line, Out, shown_as
from careapp.access import ViewerRole
from careapp.calls import commands
from careapp.calls.consent import witness_consent
from careapp.calls.links import make_join_link, prepare_call
from careapp.calls.models import CallMedium, CallPart, CallState, ProviderKind
from careapp.calls.providers import VideoProvider
from careapp.calls.queries import CallView, get_call_of_booking, get_call_view
from careapp.calls.seats import seat_of_viewer
from careapp.identity.models import Language

router = APIRouter(prefix="/api", tags=["calls"])

INVITING = (*PRACTISING, ViewerRole.NURSE)
"""Who asks people to a call; a nurse and a doctor to their own."""
PRESENT = (ViewerRole.NURSE, ViewerRole.DOCTOR)
"""Who takes part in their own."""
HOSTING = (ViewerRole.DOCTOR,)

CALL_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b7a01",
    "booking_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d03",
    "state": "scheduled",
    "provider": "embedded",
    "medium": "video",
    "host": "Dr. Jonas Beispiel",
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T08:15:00Z",
    "opens_at": "2026-03-03T07:30:00Z",
    "closes_at": "2026-03-03T09:15:00Z",
    "has_patient_agreed": False,
    "participants": [PERSON_EXAMPLE],
}


class NewCall(In):
    """With what a call begins; null leaves it as it is, a new one begins with a picture."""

    model_config = shown_as({"medium": "audio"})

    medium: CallMedium | None = None


class CallOut(Out):
    """A call with everybody who was asked or has come; its door stands open from `opens_at` on."""

    model_config = shown_as(CALL_EXAMPLE)

    id: UUID
    booking_id: UUID
    state: CallState
    provider: ProviderKind
    medium: CallMedium
    host: str
    starts_at: datetime | None
    ends_at: datetime | None
    opens_at: datetime
    closes_at: datetime
    has_patient_agreed: bool
    participants: list[PersonOut]

    @classmethod
    def of(cls, view: CallView) -> Self:
        """Show a call."""
        call, booking = view.call, view.booking
        return cls(
            id=call.id,
            booking_id=call.booking_id,
            state=call.state,
            provider=call.provider,
            medium=call.medium,
            host=view.host,
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
            opens_at=view.opens_at,
            closes_at=view.closes_at,
            has_patient_agreed=view.has_patient_agreed,
            participants=[PersonOut.model_validate(each) for each in view.people],
        )


class NewJoinLink(In):
    """For whom a link is: the patient, a new guest by name, or one who was asked before."""

    model_config = shown_as({"part": "patient", "minutes": 60})

    part: Literal[CallPart.PATIENT, CallPart.GUEST] = CallPart.PATIENT
    name: Annotated[Line, Field(max_length=100)] | None = None
    participant_id: UUID | None = None
    minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None


class JoinLinkOut(Out):
    """A link that works once, from `opens_at` on; it is shown here and never again."""

    model_config = shown_as(
        {
            "participant_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b7a03",
            "address": "https://care.example/join#mB3v0V7u8o2yJm0cW1k4m1s6q8n5r2t7x0z3a9b4c1d",
            "opens_at": "2026-03-03T07:30:00Z",
            "expires_at": "2026-03-03T09:15:00Z",
        }
    )

    participant_id: UUID
    address: str
    opens_at: datetime
    expires_at: datetime


class NewConsent(In):
    """In which language a patient has agreed by word of mouth."""

    model_config = shown_as({"language": "de"})

    language: Language = Language.GERMAN


class AddressOut(Out):
    """Where somebody who is let in joins: good for a minute, for them alone."""

    model_config = shown_as(
        {"address": "https://video.example/join#eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIxIn0.c2ln"}
    )

    address: str


@router.post(
    "/bookings/{booking_id}/call",
    status_code=201,
    responses=problems(403, 404, 409),
    dependencies=[may(*INVITING)],
)
def make_call(
    request: Request,
    booking_id: UUID,
    body: NewCall,
    response: Response,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
) -> CallOut:
    """Make the call of a booking, or change with what it begins; 409 if the booking does not hold."""
    video: VideoProvider = request.app.state.video
    call = prepare_call(
        session, booking_id=booking_id, provider=video.kind, medium=body.medium, viewer=viewer, now=now
    )
    response.headers["Location"] = f"/api/calls/{call.id}"
    return CallOut.of(get_call_view(session, call_id=call.id, viewer=viewer))


@router.get("/bookings/{booking_id}/call", responses=problems(403, 404), dependencies=[may(*INVITING)])
def get_call_of(booking_id: UUID, session: ReadSession, viewer: SignedIn) -> CallOut:
    """Show the call of a booking; 404 if nobody has made one yet."""
    return CallOut.of(get_call_of_booking(session, booking_id=booking_id, viewer=viewer))


@router.get("/calls/{call_id}", responses=problems(403, 404), dependencies=[may(*INVITING)])
def get_call(call_id: UUID, session: ReadSession, viewer: SignedIn) -> CallOut:
    """Show a call: who waits, who is in."""
    return CallOut.of(get_call_view(session, call_id=call_id, viewer=viewer))


@router.post(
    "/calls/{call_id}/links",
    status_code=201,
    responses=problems(403, 404, 409),
    dependencies=[may(*INVITING)],
)
def make_link(
    request: Request,
    call_id: UUID,
    body: NewJoinLink,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    settings: SettingsDep,
) -> JoinLinkOut:
    """Make a link for the patient or a guest; the one they had is good no longer."""
    link = make_join_link(
        session,
        call_id=call_id,
        part=body.part,
        name=body.name,
        participant_id=body.participant_id,
        lasts=None if body.minutes is None else timedelta(minutes=body.minutes),
        viewer=viewer,
        now=now,
    )
    return JoinLinkOut(
        participant_id=link.participant_id,
        address=f"{origin_of_pages(request, settings)}/join#{link.token}",
        opens_at=link.opens_at,
        expires_at=link.expires_at,
    )


@router.post("/calls/{call_id}/seat", responses=problems(403, 404, 409), dependencies=[may(*PRESENT)])
def take_seat(call_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> SeatOut:
    """Come to a call: the doctor opens it, a nurse waits until she is let in."""
    return SeatOut.model_validate(commands.take_seat(session, call_id=call_id, viewer=viewer, now=now))


@router.post(
    "/calls/{call_id}/participants/{participant_id}/admission",
    status_code=204,
    responses=problems(403, 404, 409),
    dependencies=[may(*HOSTING)],
)
def admit(call_id: UUID, participant_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Let somebody in from the waiting room."""
    commands.admit(session, call_id=call_id, participant_id=participant_id, viewer=viewer, now=now)


@router.post(
    "/calls/{call_id}/participants/{participant_id}/refusal",
    status_code=204,
    responses=problems(403, 404, 409),
    dependencies=[may(*HOSTING)],
)
def refuse(call_id: UUID, participant_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Send somebody away, from the waiting room or out of the call."""
    commands.refuse(session, call_id=call_id, participant_id=participant_id, viewer=viewer, now=now)


@router.post(
    "/calls/{call_id}/consent",
    status_code=204,
    responses=problems(403, 404),
    dependencies=[may(*PRESENT)],
)
def record_consent(call_id: UUID, body: NewConsent, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Record that the patient has agreed by word of mouth, to the nurse beside her or to the doctor."""
    witness_consent(session, call_id=call_id, language=body.language, viewer=viewer, now=now)


@router.post("/calls/{call_id}/address", responses=problems(403, 404, 409), dependencies=[may(*PRESENT)])
def hand_over(request: Request, call_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> AddressOut:
    """Make the address at which a nurse or doctor who is in joins, at the provider or with us."""
    seat = seat_of_viewer(session, call_id=call_id, viewer=viewer)
    video: VideoProvider = request.app.state.video
    return AddressOut(address=commands.hand_over(session, seat=seat, provider=video, now=now))


@router.post(
    "/calls/{call_id}/departure",
    status_code=204,
    responses=problems(403, 404, 409),
    dependencies=[may(*PRESENT)],
)
def leave(call_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Leave a call; who comes again waits again."""
    seat = seat_of_viewer(session, call_id=call_id, viewer=viewer)
    commands.leave(session, seat=seat, now=now)


@router.post(
    "/calls/{call_id}/end", status_code=204, responses=problems(403, 404), dependencies=[may(*HOSTING)]
)
def end_call(call_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """End a call for everybody."""
    commands.end_call(session, call_id=call_id, viewer=viewer, now=now)
