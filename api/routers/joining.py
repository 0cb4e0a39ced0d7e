"""Joining a call by a link, without an account: pages without a script, and the same for the call's page."""

from datetime import datetime
from typing import Annotated, Self, TypedDict
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from api.auth import pages as frame
from api.auth.csrf import csrf_of
from api.auth.policy import anybody
from api.auth.seats import (
    SEAT_COOKIE,
    HeldSeat,
    MaybeSeat,
    SeatReadSession,
    SeatSession,
    drop_seat,
    set_seat,
)
from api.auth.texts import Texts
from api.dependencies import Cal, Now
from api.errors import kind_of
from api.etag import tagged
from api.joining import pages
from api.joining.texts import TEXTS
from api.openapi import problems
from api.shapes import Example, Out, shown_as
from careapp.access import SCHEDULER
from careapp.calendar import Calendar
from careapp.calls import commands
from careapp.calls.consent import record_consent
from careapp.calls.links import Entry, LinkExpired, LinkUnknown, LinkUsed, redeem_link
from careapp.calls.models import CallMedium, CallPart, CallState, ProviderKind
from careapp.calls.providers import OWN_PAGES, VideoProvider
from careapp.calls.queries import Person, booking_of, host_name, people_beside
from careapp.calls.seats import CallOff, DoorClosed, Seat
from careapp.errors import CareError
from careapp.tenancy import begin_as

router = APIRouter(include_in_schema=False)
api_router = APIRouter(prefix="/api/join", tags=["calls"])

BY_LINK_ONLY = "whoever holds no seat in a call learns nothing here, and a seat is had by a link"
Text = Annotated[str, Form()]


class About(TypedDict):
    """With whom a consultation is, and when, on the region's wall clock."""

    host: str
    starts_at: datetime | None


PERSON_EXAMPLE: Example = {
    "participant_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b7a02",
    "part": "doctor",
    "name": "Dr. Jonas Beispiel",
    "has_consented": True,
    "is_waiting": False,
    "is_admitted": True,
    "waiting_since": None,
    "has_link": False,
}
SEAT_EXAMPLE: Example = {
    "call_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b7a01",
    "participant_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b7a03",
    "part": "patient",
    "name": "Erika Beispiel",
    "state": "open",
    "provider": "embedded",
    "medium": "video",
    "has_consented": True,
    "is_waiting": True,
    "is_admitted": False,
    "is_host": False,
}


class PersonOut(Out):
    """A participant as the others see them."""

    model_config = shown_as(PERSON_EXAMPLE)

    participant_id: UUID
    part: CallPart
    name: str
    has_consented: bool
    is_waiting: bool
    is_admitted: bool
    waiting_since: datetime | None
    has_link: bool


class SeatOut(Out):
    """Somebody's place in a call: only who `is_admitted` hears and sees anything."""

    model_config = shown_as(SEAT_EXAMPLE)

    call_id: UUID
    participant_id: UUID
    part: CallPart
    name: str
    state: CallState
    provider: ProviderKind
    medium: CallMedium
    has_consented: bool
    is_waiting: bool
    is_admitted: bool
    is_host: bool


class OwnSeatOut(SeatOut):
    """The seat of this browser: with whom, and the token for the header X-CSRF-Token of its writes."""

    model_config = shown_as(
        SEAT_EXAMPLE
        | {
            "host": "Dr. Jonas Beispiel",
            "others": [PERSON_EXAMPLE],
            "csrf_token": "1m0g3Cw0mLkq8s9Q0Jv0VY6w3yQ",
        }
    )

    host: str
    others: list[PersonOut]
    csrf_token: str

    @classmethod
    def told(cls, seat: Seat, host: str, others: list[Person], cookie: str) -> Self:
        """Show a seat and whom it meets."""
        return cls(
            **SeatOut.model_validate(seat).model_dump(),
            host=host,
            others=[PersonOut.model_validate(each) for each in others],
            csrf_token=csrf_of(cookie),
        )


@router.get("/join/link.js", dependencies=[anybody("a script holds no data")])
def send_script(request: Request) -> Response:
    """Send the script that reads a link's secret off the address."""
    return tagged(request, frame.static_file("join.js"), media_type="text/javascript; charset=utf-8")


@router.get("/join", dependencies=[anybody("the page holds no data about anybody")])
def show_join(request: Request, seat: MaybeSeat) -> Response:
    """Ask for the link's code: its secret is in the fragment of the address, which never comes here."""
    return pages.link_page(frame.texts_for(request), again=seat is not None)


@router.post("/join", dependencies=[anybody("a link is random, good once, and known to who was asked")])
def join(request: Request, calendar: Cal, now: Now, code: Text = "", lang: Text = "") -> Response:
    """Exchange a link for a seat, or show the page again with what was wrong."""
    texts = frame.texts_for(request, lang)
    entry = _entry(request, code.strip(), now)
    if isinstance(entry, CareError):
        complaint = _complaint(entry, texts, calendar)
        return pages.link_page(texts, complaint=complaint, status=kind_of(entry).status)
    response = RedirectResponse(f"/join/consent?lang={texts.language.value}", 303)  # or on from there
    set_seat(response, entry.cookie)
    return response


@router.get("/join/consent", dependencies=[anybody(BY_LINK_ONLY)])
def show_consent(request: Request, seat: HeldSeat, session: SeatReadSession, calendar: Cal) -> Response:
    """Say with whom and for what, and ask whether they agree."""
    texts = frame.texts_for(request)
    if seat.has_consented:
        return RedirectResponse(_room(seat, texts), 303)
    return pages.consent_page(texts, seat, **_about(session, seat, calendar), csrf=_csrf(request))


@router.post("/join/consent", dependencies=[anybody(BY_LINK_ONLY)])
def consent(
    request: Request,
    seat: HeldSeat,
    session: SeatSession,
    now: Now,
    answer: Text = "",
    lang: Text = "",
) -> Response:
    """Keep that they agree and let them in; or let them go."""
    texts = frame.texts_for(request, lang)
    if answer != "yes":
        return _gone(session, seat, texts, now)
    record_consent(session, seat=seat, language=texts.language, now=now)
    if seat.provider is ProviderKind.EXTERNAL:  # our own call's page tries camera and microphone first
        _enter(session, seat, now)
    return RedirectResponse(_room(seat, texts), 303)


@router.get("/join/room", dependencies=[anybody(BY_LINK_ONLY)])
def show_room(request: Request, seat: HeldSeat, session: SeatReadSession, calendar: Cal) -> Response:
    """Show the waiting room of a call that a provider carries."""
    texts = frame.texts_for(request)
    if not seat.has_consented:
        return RedirectResponse(f"/join/consent?lang={texts.language.value}", 303)
    if seat.provider is ProviderKind.EMBEDDED:
        return RedirectResponse(_room(seat, texts), 303)
    return pages.room_page(texts, seat, **_about(session, seat, calendar), csrf=_csrf(request))


@router.post("/join/room", dependencies=[anybody(BY_LINK_ONLY)])
def come_again(
    request: Request, seat: HeldSeat, session: SeatSession, calendar: Cal, now: Now, lang: Text = ""
) -> Response:
    """Come into the waiting room of a call that a provider carries."""
    texts = frame.texts_for(request, lang)
    complaint = _enter(session, seat, now)
    if complaint is None or not seat.has_consented:
        return RedirectResponse(_room(seat, texts), 303)
    return pages.room_page(
        texts,
        seat,
        **_about(session, seat, calendar),
        csrf=_csrf(request),
        is_refused=True,
        status=kind_of(complaint).status,
    )


@router.post("/join/address", dependencies=[anybody(BY_LINK_ONLY)])
def hand_over(request: Request, seat: HeldSeat, session: SeatSession, now: Now, lang: Text = "") -> Response:
    """Make the address at which an admitted participant joins at the provider, and show it once."""
    texts = frame.texts_for(request, lang)
    if not seat.is_admitted:
        return RedirectResponse(_room(seat, texts), 303)
    provider: VideoProvider = request.app.state.video
    address = commands.hand_over(session, seat=seat, provider=provider, now=now)
    return pages.address_page(texts, address)


@router.post("/join/departure", dependencies=[anybody(BY_LINK_ONLY)])
def depart(request: Request, seat: HeldSeat, session: SeatSession, now: Now, lang: Text = "") -> Response:
    """Leave for good."""
    return _gone(session, seat, frame.texts_for(request, lang), now)


@router.get("/join/left", dependencies=[anybody("the page holds no data about anybody")])
def show_left(request: Request) -> Response:
    """Say that they have left."""
    return pages.left_page(frame.texts_for(request))


@api_router.get("", responses=problems(403), dependencies=[anybody(BY_LINK_ONLY)])
def get_own_seat(request: Request, seat: HeldSeat, session: SeatReadSession) -> OwnSeatOut:
    """Tell the seat of whoever came by a link, and whom they meet."""
    host = host_name(session, booking_of(session, seat))
    return OwnSeatOut.told(seat, host, people_beside(session, seat), request.cookies[SEAT_COOKIE])


@api_router.post("/waiting-room", responses=problems(403, 409), dependencies=[anybody(BY_LINK_ONLY)])
def enter_waiting_room(seat: HeldSeat, session: SeatSession, now: Now) -> SeatOut:
    """Come into the waiting room; 409 before they have agreed, too early, too late, or after the end."""
    return SeatOut.model_validate(commands.enter_waiting_room(session, seat=seat, now=now))


@api_router.post("/departure", status_code=204, responses=problems(403), dependencies=[anybody(BY_LINK_ONLY)])
def leave(seat: HeldSeat, session: SeatSession, now: Now) -> Response:
    """Leave for good; a broken connection is no leaving."""
    commands.leave(session, seat=seat, now=now)
    response = Response(status_code=204)
    drop_seat(response)
    return response


def _entry(request: Request, code: str, now: datetime) -> Entry | CareError:
    try:
        # Of the whole region: the link alone tells whose call it is.
        with begin_as(request.app.state.sessions, SCHEDULER, now) as session:
            return redeem_link(session, token=code.removeprefix("#"), now=now)
    except (CallOff, DoorClosed, LinkExpired, LinkUnknown, LinkUsed) as refused:
        return refused


def _enter(session: Session, seat: Seat, now: datetime) -> CareError | None:
    """Come into the waiting room; returns why not, which the page says."""
    try:
        commands.enter_waiting_room(session, seat=seat, now=now)
    except (
        CallOff,
        DoorClosed,
        commands.CallNotOpen,
        commands.ConsentMissing,
        commands.WasRefused,
    ) as refused:
        return refused
    return None


def _complaint(refused: CareError, texts: Texts, calendar: Calendar) -> str:
    words = TEXTS[texts.language]
    if isinstance(refused, DoorClosed) and refused.opens_at is not None:
        return words.early.format(time=refused.opens_at.astimezone(calendar.zone).strftime("%H:%M"))
    said: dict[type[CareError], str] = {LinkUnknown: words.unknown, LinkUsed: words.used, CallOff: words.off}
    return said.get(type(refused), words.over)


def _about(session: Session, seat: Seat, calendar: Calendar) -> About:
    booking = booking_of(session, seat)
    starts_at = booking.starts_at and booking.starts_at.astimezone(calendar.zone)
    return {"host": host_name(session, booking), "starts_at": starts_at}


def _room(seat: Seat, texts: Texts) -> str:
    page = OWN_PAGES[0] if seat.provider is ProviderKind.EMBEDDED else "/join/room"
    return f"{page}?lang={texts.language.value}"


def _gone(session: Session, seat: Seat, texts: Texts, now: datetime) -> Response:
    commands.leave(session, seat=seat, now=now)
    response = RedirectResponse(f"/join/left?lang={texts.language.value}", 303)
    drop_seat(response)
    return response


def _csrf(request: Request) -> str:
    return csrf_of(request.cookies[SEAT_COOKIE])
