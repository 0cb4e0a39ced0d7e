"""Appointments from other systems: bookings by the one command, visits by theirs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.appointments.cancellation import CANCELLATION_REASONS
from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.consultations.booking import book_slots, cancel_booking, slots_of
from careapp.consultations.models import Booking
from careapp.consultations.progress import (
    confirm_booking,
    record_progress,
    remove_booking,
    rename_booking,
    withdraw_booking,
)
from careapp.people.queries import get_patient
from careapp.visits.commands import add_visit, cancel_visit, remove_visit
from careapp.visits.models import Visit, VisitWindow
from fhir.asking import Asking
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping import codes
from fhir.mapping.appointment import PRIORITIES
from fhir.mapping.elements import Json
from fhir.writers.bookings import (
    KIND,
    patients_of,
    read_patient,
    read_slots,
    read_title,
    read_wish,
    refusing_impossible,
    require_complete,
)
from fhir.writers.findings import Findings
from fhir.writers.parts import codings, value_of

Status = AppointmentStatus

BOOKED = frozenset({Status.BOOKED, Status.PENDING})
CREW_SIZE = f"{codes.EXTENSION}crew-size"
USUAL_MINUTES = 30


class AppointmentWriter:
    """Takes bookings and visits in. What a booking takes and when it is, only `$book` changes."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`; with slots it is a booking, with a requested period a visit."""
        return (_create_visit if _is_visit(document) else _create_booking)(session, document, asking)

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`.

        Raises:
            Malformed: It changes when the appointment is, its slots or its patient.
        """
        row = session.get(Appointment, key)
        assert row is not None  # noqa: S101 -- the interaction has found it
        _refuse_changes(session, row, document, asking)
        if isinstance(row, Booking):
            _update_booking(session, row, document, asking)
        else:
            _update_visit(session, row, document, asking)

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`; only of what was called off, or never promised."""
        row = session.get(Appointment, key)
        if isinstance(row, Booking):
            remove_booking(session, booking_id=key, viewer=asking.viewer, now=asking.now)
        else:
            remove_visit(session, visit_id=key, viewer=asking.viewer, now=asking.now)


def reason_of(document: Json) -> str:
    """Return why it is cancelled, as one of our codes: `other` if nobody says, or says it otherwise."""
    for _, code in codings(document.get("cancelationReason"), codes.CANCELLATION_REASON):
        if code.partition("-")[0] in CANCELLATION_REASONS:
            return str(code.partition("-")[0])
        if code in CANCELLATION_REASONS:
            return str(code)
    return "other"


def _is_visit(document: Json) -> bool:
    if any(code == codes.HOME_VISIT for _, code in codings(document.get("serviceType"), codes.SERVICE_TYPE)):
        return True
    return not document.get("slot") and "requestedPeriod" in document


def _create_booking(session: Session, document: Json, asking: Asking) -> UUID:
    require_complete(document)
    findings = Findings(KIND)
    if document.get("status") not in BOOKED:
        findings.add("status", f"to ask for a slot send it to {KIND}/$book; here it is booked, or pending")
    patient_id = read_patient(document, asking, findings)
    with refusing_impossible():
        wish = read_wish(session, document, asking, findings)
        findings.refuse()
        assert patient_id is not None  # noqa: S101 -- or it was refused
        viewer, now = asking.viewer, asking.now
        return book_slots(session, wish=wish, patient_id=patient_id, viewer=viewer, now=now).id


def _create_visit(session: Session, document: Json, asking: Asking) -> UUID:
    findings = Findings(KIND)
    if document.get("status") != Status.PROPOSED:
        findings.add("status", "a home visit is proposed first: it is booked when its tour is published")
    patient_id = read_patient(document, asking, findings)
    minutes = int(document.get("minutesDuration", USUAL_MINUTES))
    windows = _windows(document, timedelta(minutes=minutes), findings)
    findings.refuse()
    assert patient_id is not None  # noqa: S101 -- or it was refused
    return add_visit(
        session,
        patient_id=patient_id,
        title=read_title(document) or "Hausbesuch",
        windows=windows,
        minutes=minutes,
        services=[{}] * int(value_of(document, CREW_SIZE) or 1),
        priority=_priority(document),
        calendar=asking.calendar,
        viewer=asking.viewer,
        now=asking.now,
    ).id


def _windows(document: Json, length: timedelta, findings: Findings) -> list[tuple[datetime, datetime]]:
    """Ours are for the start of a visit, FHIR's for all of it."""
    found = []
    for number, each in enumerate(document.get("requestedPeriod", ())):
        starts_at, ends_at = _moment(each.get("start")), _moment(each.get("end"))
        if starts_at is None or ends_at is None:
            findings.add(
                f"requestedPeriod[{number}]", "write start and end as times with an offset", "required"
            )
        elif ends_at - length < starts_at:
            findings.add(f"requestedPeriod[{number}]", "it is shorter than the visit: see minutesDuration")
        else:
            found.append((starts_at, ends_at - length))
    if not document.get("requestedPeriod"):
        findings.add("requestedPeriod", "say when the visit may be", "required")
    return found


def _moment(written: Any) -> datetime | None:
    if not isinstance(written, str) or "T" not in written:
        return None
    found = datetime.fromisoformat(written)
    return found if found.tzinfo is not None else None


def _priority(document: Json) -> int:
    """Ours from FHIR's, of which 1 is the highest and 0 says nothing."""
    asked = document.get("priority")
    if not isinstance(asked, int) or asked < 1:
        return 2
    return next((ours for ours, theirs in PRIORITIES.items() if asked <= theirs), min(PRIORITIES))


def _refuse_changes(session: Session, row: Appointment, document: Json, asking: Asking) -> None:
    """ISiK: start, end, slots and patient are changed by no update (400)."""
    wrong = []
    for name, moment in (("start", row.starts_at), ("end", row.ends_at)):
        sent = document.get(name)
        if (datetime.fromisoformat(sent) if sent else None) != moment:
            wrong.append(name)
    slots = read_slots(document, asking, Findings(KIND))
    named = len(document.get("slot", ()))
    own = slots_of(session, row) if isinstance(row, Booking) else []
    if len(slots) != named or set(slots) != set(own):
        wrong.append("slot")
    if patients_of(document, asking) != {row.patient_id}:
        wrong.append("participant")
    if wrong:
        sentence = (
            "an update changes neither time, slots nor patient: send the Appointment with its id and the "
            f"status proposed to {KIND}/$book"
        )
        raise Malformed([Issue("business-rule", sentence, f"{KIND}.{name}") for name in wrong])


def _update_booking(session: Session, row: Booking, document: Json, asking: Asking) -> None:
    viewer, now = asking.viewer, asking.now
    status = Status(document["status"])
    title = read_title(document)
    if status not in {Status.CANCELLED, Status.ENTERED_IN_ERROR}:
        _refuse_inactive(session, row, asking)
    if title is not None and title != row.title:
        rename_booking(session, booking_id=row.id, title=title, viewer=viewer, now=now)
    if status == row.status:
        return
    if status == Status.CANCELLED:
        cancel_booking(session, booking_id=row.id, because=reason_of(document), viewer=viewer, now=now)
    elif status == Status.ENTERED_IN_ERROR:
        withdraw_booking(session, booking_id=row.id, viewer=viewer, now=now)
    elif status == Status.BOOKED:
        confirm_booking(session, booking_id=row.id, viewer=viewer, now=now)
    elif status in {Status.ARRIVED, Status.CHECKED_IN, Status.FULFILLED, Status.NOSHOW}:
        record_progress(session, booking_id=row.id, status=status, viewer=viewer, now=now)
    else:
        raise Rejected(
            [Issue("business-rule", "a booking does not become that again: book anew", f"{KIND}.status")]
        )


def _refuse_inactive(session: Session, row: Booking, asking: Asking) -> None:
    patient = get_patient(session, patient_id=row.patient_id, viewer=asking.viewer)
    if not patient.is_active:
        raise Rejected(
            [
                Issue(
                    "business-rule",
                    "the patient's record is closed: the appointment can only be cancelled",
                    f"{KIND}.participant",
                )
            ]
        )


def _update_visit(session: Session, row: Appointment, document: Json, asking: Asking) -> None:
    findings = Findings(KIND)
    visit = session.scalars(select(Visit).where(Visit.id == row.id)).one()
    status = Status(document["status"])
    if status == Status.CANCELLED and visit.status != status:
        because = reason_of(document)
        cancel_visit(session, visit_id=row.id, because=because, viewer=asking.viewer, now=asking.now)
    elif status != visit.status:
        findings.add(
            "status",
            "a visit is booked by publishing its tour and fulfilled by its Encounter; here it is cancelled",
        )
    if document.get("minutesDuration", -(-visit.duration_s // 60)) != -(-visit.duration_s // 60):
        findings.add(
            "minutesDuration", "how long a visit lasts follows from its order: cancel it, enter anew"
        )
    if "requestedPeriod" in document:
        _refuse_other_windows(session, visit, document, findings)
    findings.refuse()


def _refuse_other_windows(session: Session, visit: Visit, document: Json, findings: Findings) -> None:
    rows = session.execute(
        select(VisitWindow.earliest, VisitWindow.latest).where(VisitWindow.visit_id == visit.id)
    )
    windows = _windows(document, timedelta(seconds=visit.duration_s), findings)
    if {tuple(row) for row in rows} != set(windows):
        findings.add("requestedPeriod", "when a visit may be follows from its order: cancel it, enter anew")


APPOINTMENT_WRITER = AppointmentWriter()
