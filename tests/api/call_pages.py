"""Pages of a call as the server sees them: sockets, and what they say and hear."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import anyio
import orjson
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api.auth.cookie import COOKIE
from api.auth.seats import SEAT_COOKIE
from careapp.access import Viewer, ViewerRole
from careapp.calls.consent import record_consent
from careapp.calls.links import JoinLink
from careapp.identity.models import Language, Proof
from careapp.identity.web_sessions import open_web_session
from careapp.people.models import Role
from careapp.tenancy import begin_as
from tests.careapp.calls.consultations import DURING, Consultation
from tests.careapp.identity.people import an_account

ORIGIN = "http://127.0.0.1"
WITHIN_S = 20


class CallPage:
    """One page with its socket open."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    @property
    def participant(self) -> str:
        """Who sits here; known from the first message on."""
        return str(next(each for each in self.heard if each["kind"] == "seat")["participant"])

    def say(self, kind: str, **content: Any) -> None:
        self.socket.send_json({"kind": kind, **content})

    def hear(self, kind: str, **content: Any) -> dict[str, Any]:
        """Wait for a message of a kind that says this much, and return it."""
        while True:
            message = self.next()
            if message["kind"] == kind and content.items() <= message.items():
                return message

    def hear_people(self, count: int, *, admitted: int | None = None) -> list[dict[str, Any]]:
        """Wait until so many others are shown."""
        while True:
            people: list[dict[str, Any]] = self.hear("people")["people"]
            if len(people) == count and admitted in (None, sum(each["is_admitted"] for each in people)):
                return people

    def next(self) -> dict[str, Any]:
        message = self.socket.portal.call(self._receive)
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        heard: dict[str, Any] = orjson.loads(message["text"])
        self.heard.append(heard)
        return heard

    def closed(self) -> int:
        """Wait until the server closes the socket; return the code."""
        try:
            while True:
                self.next()
        except WebSocketDisconnect as gone:
            return gone.code

    async def _receive(self) -> Any:
        with anyio.fail_after(WITHIN_S):
            return await self.socket._send_rx.receive()  # its own way waits for ever


class CallPages:
    """Opens pages of one consultation's call."""

    def __init__(self, client: TestClient, app: FastAPI, consultation: Consultation) -> None:
        self.client, self.app, self.consultation = client, app, consultation
        self.call_id = consultation.prepare()
        self._stack = ExitStack()

    def of_doctor(self, page: str | None = None) -> CallPage:
        return self.signed_in(self.cookie_of(self.consultation.world.doctor, ViewerRole.DOCTOR), page)

    def both_in(self) -> tuple[CallPage, CallPage]:
        """Seat the doctor and the patient, and let her in."""
        doctor, patient = self.of_doctor(), self.of_patient()
        (waiting,) = doctor.hear_people(1)
        doctor.say("admit", participant=waiting["participant"])
        doctor.hear_people(1, admitted=1)
        patient.hear_people(1)
        return doctor, patient

    def of_nurse(self, number: int = 0) -> CallPage:
        return self.signed_in(self.cookie_of(self.consultation.world.nurses[number], ViewerRole.NURSE))

    def of_patient(self, *, agrees: bool = True) -> CallPage:
        return self.by_link(self.seat(self.consultation.invite(self.call_id), agrees=agrees))

    def seat(self, link: JoinLink, *, agrees: bool = True) -> str:
        """Exchange a link for a cookie, and agree."""
        cookie, seat = self.consultation.come_in(link)
        if agrees:
            with begin_as(self.consultation.sessions, seat.viewer, DURING) as session:
                record_consent(session, seat=seat, language=Language.GERMAN, now=DURING)
        return cookie

    def cookie_of(self, role: Role, kind: ViewerRole) -> str:
        """Sign somebody in."""
        everybody = Viewer("test", ViewerRole.SYSTEM)
        with begin_as(self.consultation.sessions, everybody, DURING) as session:
            role = session.merge(role)
            account = an_account(session, f"login-{uuid4().hex[:8]}", role=kind, practitioner_role=role)
            return open_web_session(
                session,
                account,
                proof=Proof.PASSWORD,
                language=Language.GERMAN,
                lifetimes=self.app.state.web_sessions.lifetimes,
                now=DURING,
            )

    def signed_in(self, cookie: str, page: str | None = None, call_id: object = None) -> CallPage:
        return self.open(f"/ws/calls/{call_id or self.call_id}", {COOKIE: cookie}, page)

    def by_link(self, cookie: str, page: str | None = None) -> CallPage:
        return self.open("/ws/join", {SEAT_COOKIE: cookie}, page)

    def open(self, path: str, cookies: dict[str, str], page: str | None = None, **headers: str) -> CallPage:
        """Open a socket as a page does that is called `page`, or by a chance name."""
        given = "; ".join(f"{name}={value}" for name, value in cookies.items())
        socket = self.client.websocket_connect(
            f"ws://127.0.0.1{path}?page={page or uuid4().hex}",
            headers={"origin": ORIGIN, "cookie": given, **headers},
        )
        return CallPage(self._stack.enter_context(socket))

    def close(self) -> None:
        self._stack.close()


@contextmanager
def pages_of(client: TestClient, app: FastAPI, consultation: Consultation) -> Iterator[CallPages]:
    pages = CallPages(client, app, consultation)
    try:
        yield pages
    finally:
        pages.close()
