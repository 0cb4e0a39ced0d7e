"""The record of what was asked and shown: written before the answer leaves, or there is no answer.

A middleware, so that no route can forget it. Three things tell whom an answer is about: rows of patients
that were loaded for it (`watch_rows`), what leaves as FHIR (each body is read once more on its way out), and
the id that was asked for. What is about nobody is recorded as well, but for `SHOWS_NOBODY`; what a command
has recorded in its own transaction is not recorded twice.

Refusals are recorded too (403, 404, 410). What was malformed, or asked by nobody, was no look.
"""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import event
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.recorded_requests import Asked, asked_of
from careapp import clock
from careapp.access import Viewer
from careapp.db import Base
from careapp.people.models import Patient
from careapp.records import looks
from careapp.records.audit import new_id
from careapp.records.audit_writer import AuditWriter, RecordUnwritable, Row
from careapp.records.chain import Chain
from careapp.records.filing import MOST_PATIENTS, counted_id
from careapp.records.looks import Looks
from careapp.records.models import AuditEvent
from fhir.people_in import LONGEST_MENTION, patients_in

REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
READS = frozenset({"GET", "HEAD"})
MOST_FORM_BYTES = 100_000
PARTS = ("/api/", "/fhir")


class Recording:
    """Records each request that shows or changes something, before its answer leaves."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and hold its answer back until the record is on disk."""
        if scope["type"] != "http" or not scope["path"].startswith(PARTS):
            await self.app(scope, receive, send)
            return
        writer: AuditWriter = scope["app"].state.audit_writer
        with looks.gathering(scope.get("careapp.request_id")) as gathered, writer.expecting() as say_over:
            answer = _Answer(scope, receive, send, gathered, say_over)
            await self.app(scope, answer.receive, answer.send)
            if answer.failed is not None:
                await _refuse(Request(scope), answer.failed)(scope, receive, send)


class _Answer:
    """One answer on its way out.

    Attributes:
        has_left: Its beginning has been sent.
        failed: Why it will never leave.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, gathered: Looks, say_over: Callable[[], None]
    ) -> None:
        self.has_left = False
        self.failed: RecordUnwritable | None = None
        self._status = 0
        self._scope = scope
        self._receive = receive
        self._send = send
        self._looks = gathered
        self._say_over = say_over
        self._form = b""
        self._start: Message | None = None
        self._is_fhir = errors.is_fhir_path(scope["path"])
        self._is_search_form = scope["method"] == "POST" and scope["path"].rstrip("/").endswith("_search")
        self._recorded: set[UUID] | None = None
        self._tail = b""

    async def receive(self) -> Message:
        """Pass the request's body on; the form of a search is kept, since it is the query."""
        message = await self._receive()
        if self._is_search_form and len(self._form) < MOST_FORM_BYTES:
            self._form += message.get("body", b"")
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, once it is recorded what all parts until here show.

        Raises:
            RecordUnwritable: It cannot be recorded, and a part of the answer has left before.
        """
        if self.failed is not None:
            return
        is_start = message["type"] == "http.response.start"
        if is_start:
            self._start, self._status = message, int(message["status"])
            if not _is_stream(message):  # of a stream, the first event may be far away
                return
        elif message["type"] == "http.response.body":
            self._read(message.get("body", b""))
        try:
            await self._record()
        except RecordUnwritable as failed:
            if self.has_left:
                raise  # the server closes the connection
            self.failed = failed
            return
        if self._start is not None:
            start, self._start = self._start, None
            self.has_left = True
            await self._send(start)
        if not is_start:
            await self._send(message)

    def _read(self, part: bytes) -> None:
        if self._is_fhir and part:
            self._looks.seen |= patients_in(self._tail + part)
            self._tail = part[-LONGEST_MENTION:]

    async def _record(self) -> None:
        """Record whoever was not recorded yet; the first time also that nobody was shown."""
        fresh = self._looks.seen - (self._recorded or set())
        if self._recorded is not None and not fresh:
            return
        is_first = self._recorded is None
        self._recorded = (self._recorded or set()) | fresh
        rows = self._rows(fresh, is_first=is_first)
        self._say_over()
        if rows:
            writer: AuditWriter = self._scope["app"].state.audit_writer
            await writer.write(rows)

    def _rows(self, fresh: set[UUID], *, is_first: bool) -> list[Row]:
        viewer: Viewer | None = self._scope.get("careapp.viewer")
        is_good = self._status < HTTPStatus.BAD_REQUEST
        if viewer is None or not (is_good or self._status in REFUSED):
            return []
        chain: Chain = self._scope["app"].state.audit_chain
        asked = asked_of(self._scope, self._form, self._looks.queries, chain)
        if asked is None:
            return []
        patients = fresh if is_good and not asked.is_of_record else set()
        if is_first:
            patients = patients | asked.patients
        if is_good and self._scope["method"] not in READS:
            patients = patients - self._looks.recorded
            if not patients and self._looks.has_deed and not self._looks.queries:
                return []
        if is_first and not patients:
            return [] if asked.shows_nobody else [self._row(viewer, asked, None)]
        if len(patients) == 1:
            (patient_id,) = patients
            return [self._row(viewer, asked, patient_id)]
        keys = sorted([patient_id.bytes for patient_id in patients])
        some = (keys[start : start + MOST_PATIENTS] for start in range(0, len(keys), MOST_PATIENTS))
        return [self._row(viewer, asked, None, b"".join(each)) for each in some]

    def _row(
        self, viewer: Viewer, asked: Asked, patient_id: UUID | None, patients: bytes | None = None
    ) -> Row:
        client = self._scope.get("client")
        detail = {"status": self._status, "query": asked.query, "from": client[0] if client else None}
        now = clock.now()
        key = new_id(now)
        return {
            "id": key if patients is None else counted_id(key),
            "at": now,
            "viewer": viewer.name,
            "role": viewer.role.value,
            "organisation_id": viewer.organisation_id,
            "action": asked.action,
            "interaction": asked.interaction,
            "outcome": "0" if self._status < HTTPStatus.BAD_REQUEST else "4",
            "subject_kind": asked.subject_kind,
            "subject_id": asked.subject_id,
            "patient_id": patient_id,
            "patients": patients,
            "request_id": self._looks.request_id,
            "detail": {name: value for name, value in detail.items() if value is not None},
        }


def _is_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start["headers"]
    )


def _refuse(request: Request, failed: RecordUnwritable) -> Response:
    return errors.answer(
        request,
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        issue="transient",
        name="record-unwritable",
        title="Something needed does not answer",
        sentence=str(failed),
        headers={"Retry-After": str(errors.RETRY_AFTER_S)},
    )


@cache
def watch_rows() -> None:
    """Note, from now on, whose rows are loaded: those of patients, and those that name one."""
    for mapper in Base.registry.mappers:
        model: Any = mapper.class_
        if model is Patient:
            event.listen(model, "load", _note_patient)
        elif "patient_id" in mapper.columns and model is not AuditEvent:
            event.listen(model, "load", _note_row)


def _note_patient(row: Any, _context: object) -> None:
    looks.note_seen((row.id,))


def _note_row(row: Any, _context: object) -> None:
    if row.patient_id is not None:
        looks.note_seen((row.patient_id,))
