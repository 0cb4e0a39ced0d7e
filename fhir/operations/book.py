"""`Appointment/$book`: gematik's ISiK Terminplanung and IHE ITI-117, by the command that all book with.

ISiK sends a bare Appointment, or Parameters with `appt-resource` and perhaps `cancelled-appt-id`, `schedule`,
`patient` and `related-person`; the answer is the Appointment. IHE sends `appointment-reference` (what `$find`
proposed or `$hold` keeps) or `appointment-resource`; the answer is a searchset with the Appointment.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import visible
from careapp.appointments.models import AppointmentStatus
from careapp.consultations.booking import (
    Wish,
    book_slots,
    cancel_booking,
    move_booking,
    rebook,
    slots_of,
)
from careapp.consultations.holds import HoldNotFound, get_hold, release_hold
from careapp.consultations.models import Booking
from careapp.visits.models import Visit
from fhir import sent
from fhir.access import require, shown
from fhir.asking import Asking
from fhir.interactions import writing
from fhir.interactions.refusals import refusing
from fhir.interactions.writing import Applied
from fhir.interactions.written import Written
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.appointment import APPOINTMENT
from fhir.mapping.elements import Json, reference
from fhir.operations.answer import Answer, bundle_of
from fhir.operations.assisted import Proposal, book_offer, read_proposal
from fhir.operations.parameters import Given, read_parameters, wrong
from fhir.operations.people import with_people
from fhir.operations.proposals import Proposed, read_proposed
from fhir.validation.incoming import check_incoming
from fhir.writers.appointment import reason_of
from fhir.writers.bookings import (
    KIND,
    read_patient,
    read_wish,
    refusing_impossible,
    require_complete,
)
from fhir.writers.findings import Findings

NOTHING = Given({})


def book(session: Session, document: Json, asking: Asking) -> Answer:
    """Book, move, rebook, or (IHE) cancel.

    Args:
        session: A writing transaction; the caller commits.
        document: An Appointment or a Parameters resource.
        asking: Who asks, and when.

    Returns:
        201 with the booked Appointment; 202 if the practice has yet to confirm it (`pending`); 200 if it was
        cancelled.

    Raises:
        Malformed: It cannot be read, or does not say when or where (400).
        Rejected: It breaks rules, or can never be booked (422).
        Conflict: Somebody was faster (409).
    """
    require(asking.viewer, KIND, "c")
    given = NOTHING if document.get("resourceType") == KIND else read_parameters(document)
    if given is NOTHING:
        return _answer(_book(session, document, NOTHING, asking), asking)
    appointment = given.resource("appt-resource", KIND)
    if appointment is not None:
        return _answer(_book(session, appointment, given, asking), asking)
    appointment = given.resource("appointment-resource", KIND)
    if appointment is None and not given.all("appointment-reference"):
        raise wrong("appt-resource", "send the Appointment that is to be booked", "required")
    return _book_as_ihe(session, appointment, given, asking)


def _book(session: Session, document: Json, given: Given, asking: Asking) -> Written:
    """Book as ISiK says."""
    schedule = given.reference("schedule")
    require_complete(document, schedule)
    if document.get("status") != AppointmentStatus.PROPOSED:
        raise Rejected(
            [
                Issue(
                    "business-rule",
                    "send an appointment to be booked with the status proposed",
                    f"{KIND}.status",
                )
            ]
        )
    cancelled = _cancelled(session, given, asking)
    return _write(session, document, given, asking, cancelled=cancelled)


@dataclass(frozen=True)
class _Known:
    """Whom an Appointment's id names: a booking or a hold of ours, or nobody."""

    booking: Booking | None = None
    hold: Proposed | None = None
    is_visit: bool = False


def _known(session: Session, written: Any, asking: Asking) -> _Known:
    proposed = read_proposed(written, asking)
    if proposed is None:
        return _Known()
    booking = session.scalars(
        shown(select(Booking).where(Booking.id == proposed.key), asking.viewer, APPOINTMENT, "u")
    ).one_or_none()
    if booking is not None:
        require(asking.viewer, KIND, "u")
        return _Known(booking=booking)
    try:
        get_hold(session, hold_id=proposed.key, viewer=asking.viewer, now=asking.now)
    except HoldNotFound:
        return _Known(is_visit=_is_visit(session, proposed.key, asking))
    return _Known(hold=proposed)


def _is_visit(session: Session, key: UUID, asking: Asking) -> bool:
    statement = visible(select(Visit.id).where(Visit.id == key), asking.viewer, Visit)
    return session.scalars(statement).first() is not None


def _write(
    session: Session,
    document: Json,
    given: Given,
    asking: Asking,
    *,
    cancelled: UUID | None = None,
    hold_id: UUID | None = None,
) -> Written:
    """Check the document, take the slots, and keep what was sent."""
    known = _known(session, document.get("id"), asking)
    if known.hold is not None:
        hold_id = known.hold.key
    if known.booking is not None and cancelled is not None:
        raise wrong(
            "cancelled-appt-id", "an appointment is either moved under its id or replaced by a new one"
        )
    if known.is_visit:
        sentence = "this is a home visit: it is planned in a tour and takes no slot"
        raise Rejected([Issue("business-rule", sentence, f"{KIND}.id")])
    document = with_people(session, document, given, asking)
    warnings = check_incoming(session, document, kind=KIND, asking=asking, key=None)
    findings = Findings(KIND)
    patient_id = read_patient(document, asking, findings)
    with refusing(KIND), refusing_impossible():
        wish = read_wish(
            session,
            document,
            asking,
            findings,
            schedule=given.reference("schedule"),
            hold_id=hold_id,
            own=slots_of(session, known.booking) if known.booking is not None else (),
        )
        findings.refuse()
        assert patient_id is not None  # noqa: S101 -- or it was refused
        booking = _take(session, wish, patient_id, asking, known.booking, cancelled)
        session.flush()
        sent.keep(session, KIND, booking.id, document, asking)
        applied = [Applied(KIND, booking.id, known.booking is None, tuple(warnings))]
        return writing.finish(session, applied, asking)[0]


def _take(
    session: Session,
    wish: Wish,
    patient_id: UUID,
    asking: Asking,
    booking: Booking | None,
    cancelled: UUID | None,
) -> Booking:
    viewer, now = asking.viewer, asking.now
    if booking is not None:
        return move_booking(
            session, booking_id=booking.id, wish=wish, patient_id=patient_id, viewer=viewer, now=now
        )
    if cancelled is not None:
        return rebook(session, booking_id=cancelled, wish=wish, patient_id=patient_id, viewer=viewer, now=now)
    return book_slots(session, wish=wish, patient_id=patient_id, viewer=viewer, now=now)


def _cancelled(session: Session, given: Given, asking: Asking) -> UUID | None:
    written = given.reference("cancelled-appt-id")
    if written is None:
        return None
    known = _known(session, written, asking)
    if known.booking is None:
        where = "Parameters.parameter.where(name = 'cancelled-appt-id')"
        sentence = "there is no booked Appointment of that id here: name the one that is replaced"
        raise Rejected([Issue("not-found", sentence, where)])
    return known.booking.id


def _book_as_ihe(session: Session, document: Json | None, given: Given, asking: Asking) -> Answer:
    named = given.reference("appointment-reference")
    assisted = read_proposal(named or (document or {}).get("id"), asking)
    if assisted is not None:
        return _book_assisted(session, document, assisted, asking)
    if document is None:
        return _ihe_answer(_write_proposed(session, named, given, asking), asking)
    if document.get("status") == AppointmentStatus.CANCELLED:
        return _cancel_as_ihe(session, document, asking)
    require_complete(document)
    if document.get("status") not in ["proposed", "pending", "booked"]:  # what was sent may be no text
        raise Rejected(
            [Issue("business-rule", "book with the status pending, cancel with cancelled", f"{KIND}.status")]
        )
    if named is not None and "id" not in document:
        hold = _known(session, named, asking).hold
        return _ihe_answer(
            _write(session, document, given, asking, hold_id=hold.key if hold else None), asking
        )
    return _ihe_answer(_write(session, document, given, asking), asking)


def _write_proposed(session: Session, named: Json | None, given: Given, asking: Asking) -> Written:
    """Book what was proposed or is held: all that is known of it is its slots and perhaps its patient."""
    proposed = read_proposed(named, asking)
    if proposed is None:
        raise wrong("appointment-reference", "refer to an Appointment that $find or $hold has answered")
    hold_id, slot_ids = None, [proposed.key]
    try:
        held = get_hold(session, hold_id=proposed.key, viewer=asking.viewer, now=asking.now)
        hold_id, slot_ids = held.id, [slot.id for slot in held.slots]
    except HoldNotFound:
        pass  # then it names a slot, or nothing: booking tells
    patient = given.reference("patient-reference")
    if patient is None and proposed.patient_id is not None:
        patient = reference("Patient", proposed.patient_id)
    if patient is None:
        raise wrong("patient-reference", "say for whom: nobody was named to $find", "required")
    findings = Findings(KIND)
    patient_id = read_patient({"participant": [{"actor": patient}]}, asking, findings)
    findings.refuse()
    assert patient_id is not None  # noqa: S101 -- or it was refused
    with refusing(KIND), refusing_impossible():
        wish = Wish(slot_ids=slot_ids, hold_id=hold_id)
        booking = book_slots(session, wish=wish, patient_id=patient_id, viewer=asking.viewer, now=asking.now)
        session.flush()
        return writing.finish(session, [Applied(KIND, booking.id, is_created=True)], asking)[0]


def _book_assisted(session: Session, document: Json | None, proposal: Proposal, asking: Asking) -> Answer:
    """Book an assisted consultation that was proposed or is held, or give it back."""
    if document is not None and document.get("status") == AppointmentStatus.CANCELLED:
        if proposal.is_held:
            release_hold(session, hold_id=proposal.key, viewer=asking.viewer, now=asking.now)
        return Answer(200, bundle_of([document], base_url=asking.base_url))
    with refusing(KIND), refusing_impossible():
        booking = book_offer(session, proposal, asking)
        session.flush()
        written = writing.finish(session, [Applied(KIND, booking.id, is_created=True)], asking)[0]
    return _ihe_answer(written, asking)


def _cancel_as_ihe(session: Session, document: Json, asking: Asking) -> Answer:
    known = _known(session, document.get("id"), asking)
    if known.hold is not None:
        release_hold(session, hold_id=known.hold.key, viewer=asking.viewer, now=asking.now)
        return Answer(200, bundle_of([document], base_url=asking.base_url))
    if known.booking is None:
        raise Malformed(
            [Issue("not-found", "there is no booked or held Appointment of that id here", f"{KIND}.id")]
        )
    with refusing(KIND):
        cancel_booking(
            session,
            booking_id=known.booking.id,
            because=reason_of(document),
            viewer=asking.viewer,
            now=asking.now,
        )
        written = writing.finish(session, [Applied(KIND, known.booking.id, is_created=False)], asking)[0]
    return Answer(
        200, bundle_of([written.content], base_url=asking.base_url), f"{asking.base_url}/{written.path}"
    )


def _answer(written: Written, asking: Asking) -> Answer:
    return Answer(_status(written), written.content, f"{asking.base_url}/{written.path}")


def _ihe_answer(written: Written, asking: Asking) -> Answer:
    content = bundle_of([written.content], base_url=asking.base_url)
    return Answer(_status(written), content, f"{asking.base_url}/{written.path}")


def _status(written: Written) -> int:
    return 202 if orjson.loads(written.content)["status"] == AppointmentStatus.PENDING else 201
