"""A video call for a browser: booked for this very hour with the demo's doctor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.auth.seats import SEAT_COOKIE
from api.database import chain_of, open_sessions, opened
from careapp import clock
from careapp.access import OPERATOR
from careapp.calls.consent import record_consent
from careapp.calls.links import make_join_link, prepare_call, redeem_link
from careapp.calls.models import ProviderKind
from careapp.config import Settings
from careapp.consultations.booking import Wish, book_slots, cancel_booking
from careapp.consultations.models import Schedule, Slot, SlotStatus
from careapp.identity.accounts import find_account
from careapp.identity.models import Language
from careapp.people.models import Patient
from careapp.tenancy import begin_as
from tests.e2e.pages import Watched

CONNECTED_MS = 30_000
DECODED = """async () => {
  const reports = await callStatistics();
  return reports.map((report) => [...report.values()]
    .filter((each) => each.type === 'inbound-rtp' && each.kind === 'video')
    .reduce((sum, each) => sum + (each.framesDecoded ?? 0), 0));
}"""
WAYS = """async () => {
  const reports = await callStatistics();
  return reports.map((report) => {
    const transport = [...report.values()].find((each) => each.type === 'transport');
    const pair = report.get(transport?.selectedCandidatePairId);
    return [report.get(pair?.localCandidateId)?.candidateType, transport?.dtlsState];
  });
}"""
SHOT = """() => {
  const video = document.querySelector('.remote'), canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 48;
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 64, 48);
  return [...context.getImageData(0, 0, 64, 48).data].join();
}"""


@dataclass(frozen=True)
class Booked:
    """A call whose door stands open.

    Attributes:
        call_id: Which one.
        patient: Whose, by name.
        sessions: Of the server's database.
    """

    call_id: UUID
    patient: str
    sessions: sessionmaker[Session]

    def seat(self) -> str:
        """Make a link, follow it and agree, as the pages of joining do; return the cookie."""
        now = clock.now()
        with begin_as(self.sessions, OPERATOR, now) as session:
            link = make_join_link(session, call_id=self.call_id, viewer=OPERATOR, now=now)
            entry = redeem_link(session, token=link.token, now=now)
            record_consent(session, seat=entry.seat, language=Language.GERMAN, now=now)
        return entry.cookie


@contextmanager
def booking(data_dir: Path) -> Iterator[Booked]:
    """Book a consultation of the demo's doctor that begins now."""
    settings, now = Settings.read(data_dir=data_dir), clock.now()
    with opened(settings) as engine:
        sessions = open_sessions(engine, chain_of(settings))
        with begin_as(sessions, OPERATOR, now) as session:
            account = find_account(session, "demo-doctor")
            assert account is not None
            schedule = session.scalars(
                select(Schedule).where(Schedule.practitioner_id == account.practitioner_id)
            ).first()
            patient = session.scalars(select(Patient).order_by(Patient.id)).first()
            assert schedule is not None
            assert patient is not None
            slot = Slot(
                id=uuid4(),
                organisation_id=schedule.organisation_id,
                schedule_id=schedule.id,
                starts_at=now,
                ends_at=now + timedelta(minutes=15),
                status=SlotStatus.FREE,
            )
            session.add(slot)
            session.flush()
            before = now - timedelta(minutes=1)
            wish = Wish(slot_ids=[slot.id])
            booked = book_slots(session, wish=wish, patient_id=patient.id, viewer=OPERATOR, now=before)
            call = prepare_call(
                session, booking_id=booked.id, provider=ProviderKind.EMBEDDED, viewer=OPERATOR, now=now
            )
            name = f"{patient.given_name} {patient.family_name}"
            made, booking_id = Booked(call.id, name, sessions), booked.id
        yield made
        with begin_as(sessions, OPERATOR, now) as session:  # the next one takes the doctor's same time
            cancel_booking(session, booking_id=booking_id, because="other", viewer=OPERATOR, now=now)


def a_context(browser: Browser, **more: Any) -> BrowserContext:
    """A browser that gives its fake camera and microphone to our pages."""
    return browser.new_context(locale="de-DE", permissions=["camera", "microphone"], **more)


def of_doctor(context: BrowserContext, address: str, booked: Booked) -> Watched:
    """Open the consulting room."""
    watched = Watched(context.new_page())
    watched.page.goto(f"{address}/calls/{booked.call_id}")
    try_devices(watched.page, "Sprechzimmer öffnen")
    return watched


def of_patient(context: BrowserContext, address: str, cookie: str) -> Watched:
    """Come with a seat, and go into the waiting room."""
    seat: Any = {
        "name": SEAT_COOKIE,
        "value": cookie,
        "domain": "127.0.0.1",
        "path": "/",
        "secure": True,
        "httpOnly": True,
        "sameSite": "Strict",
    }
    context.add_cookies([seat])
    watched = Watched(context.new_page())
    watched.page.goto(f"{address}/join/call")
    try_devices(watched.page, "Weiter in den Warteraum")
    return watched


def try_devices(page: Page, then: str) -> None:
    page.get_by_role("button", name="Kamera und Mikrofon einschalten").click()
    page.get_by_role("button", name=then).click()


def admit(doctor: Page, name: str) -> None:
    doctor.get_by_role("button", name=f"{name} hereinlassen").click()


def connected(page: Page) -> None:
    """Wait until the other one's picture comes."""
    expect(page.locator("figcaption")).to_contain_text("· verbunden", timeout=CONNECTED_MS)
    more_frames(page)


def more_frames(page: Page) -> None:
    """Wait until ten more of the other one's pictures were decoded."""
    before = sum(page.evaluate(DECODED))
    for _ in range(100):
        if sum(page.evaluate(DECODED)) >= before + 10:
            return
        page.wait_for_timeout(100)
    raise AssertionError("no pictures came in ten seconds")


def picture_moves(page: Page) -> None:
    """Wait until the shown picture is another one."""
    before = page.evaluate(SHOT)
    for _ in range(100):
        if page.evaluate(SHOT) != before:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the picture stood still for ten seconds")
