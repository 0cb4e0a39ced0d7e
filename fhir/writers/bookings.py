"""What an Appointment says about a booking: for whom, which slots, when, at which visit."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.consultations.booking import PatientInactive, Wish
from careapp.consultations.models import Schedule, Slot
from careapp.consultations.queries import SlotNotFound
from careapp.consultations.taking import SlotIsOver, find_chain
from careapp.records.models import Document
from careapp.visits.models import Visit
from fhir.asking import Asking
from fhir.issues import Issue, Malformed, Rejected
from fhir.mapping.elements import Json
from fhir.writers.findings import Findings
from fhir.writers.parts import key_of, read_key

KIND = "Appointment"


def require_complete(document: Json, schedule: Json | None = None) -> None:
    """Refuse an appointment that does not say when, or in which slots or schedule.

    gematik's tests want 400 for it.

    Raises:
        Malformed: Names all that is missing.
    """
    missing = [
        Issue("required", f"say in {name} when the appointment is", f"{KIND}.{name}")
        for name in ("start", "end")
        if name not in document
    ]
    if not document.get("slot") and schedule is None:
        sentence = "say which slots are wanted, or in the parameter schedule of which schedule"
        missing.append(Issue("required", sentence, f"{KIND}.slot"))
    if missing:
        raise Malformed(missing)


def read_patient(document: Json, asking: Asking, findings: Findings) -> UUID | None:
    """Return the one patient who takes part."""
    found = patients_of(document, asking)
    if len(found) != 1:
        sentence = "exactly one participant must be a patient of this server: Patient/<id>"
        findings.add("participant", sentence, "business-rule" if found else "required")
        return None
    return next(iter(found))


def patients_of(document: Json, asking: Asking) -> set[UUID]:
    """Return all patients of this server who take part."""
    keys = (key_of(each.get("actor"), "Patient", asking) for each in document.get("participant", ()))
    return {key for key in keys if key is not None}


def read_slots(document: Json, asking: Asking, findings: Findings) -> list[UUID]:
    """Return the slots that are named."""
    keys = (
        read_key(each, "Slot", f"slot[{number}]", asking, findings)
        for number, each in enumerate(document.get("slot", ()))
    )
    return [key for key in keys if key is not None]


def read_time(document: Json) -> tuple[datetime, datetime]:
    """Return when it is; both are there."""
    return datetime.fromisoformat(document["start"]), datetime.fromisoformat(document["end"])


def read_visit(session: Session, document: Json, asking: Asking) -> UUID | None:
    """Return the visit of ours to which it points, at which a nurse helps."""
    for each in document.get("supportingInformation", ()):
        key = key_of(each, KIND, asking)
        if key is not None and session.get(Visit, key) is not None:
            return key
    return None


def read_wish(
    session: Session,
    document: Json,
    asking: Asking,
    findings: Findings,
    *,
    schedule: Json | None = None,
    hold_id: UUID | None = None,
    own: Collection[UUID] = (),
) -> Wish:
    """Return what is to be booked.

    Args:
        session: An open transaction.
        document: A complete and checked Appointment.
        asking: Who asks, and when.
        findings: Gets to know what is wrong.
        schedule: Where slots are looked for if none is named.
        hold_id: The hold that keeps the slots, if one does.
        own: Slots that whoever asks has already.

    Raises:
        SlotTaken: The schedule has no free slots at that time.
    """
    time = read_time(document)
    if document.get("slot"):
        slot_ids = read_slots(document, asking, findings)
    else:
        schedule_id = read_key(schedule, "Schedule", "slot", asking, findings)
        slot_ids = (
            find_chain(session, schedule_id=schedule_id, time=time, now=asking.now, hold_id=hold_id, own=own)
            if schedule_id is not None
            else []
        )
    _refuse_unknown_services(session, document, slot_ids, findings)
    return Wish(
        slot_ids=slot_ids,
        visit_id=read_visit(session, document, asking),
        hold_id=hold_id,
        title=read_title(document),
        time=time,
    )


def read_title(document: Json) -> str | None:
    """Return what it is about, if that is said."""
    title = document.get("description")
    return title.strip()[:200] or None if isinstance(title, str) else None


def _refuse_unknown_services(
    session: Session, document: Json, slot_ids: list[UUID], findings: Findings
) -> None:
    """ISiK: an appointment with a kind of service that its schedule does not offer should be refused."""
    asked = [_codes(each) for each in document.get("serviceType", ()) if _codes(each)]
    if not asked or not slot_ids:
        return
    offers = session.scalars(
        select(Document.content)
        .join(Schedule, Schedule.id == Document.id)
        .join(Slot, Slot.schedule_id == Schedule.id)
        .where(Document.kind == "Schedule", Slot.id == slot_ids[0])
        .union_all(select(Document.content).where(Document.kind == "Slot", Document.id == slot_ids[0]))
    )
    known: set[Any] = set()
    for offer in offers:
        for each in orjson.loads(offer).get("serviceType", ()):
            known |= _codes(each)
    for number, wanted in enumerate(asked):
        if known and not wanted & known:
            findings.add(
                f"serviceType[{number}]",
                "the schedule does not offer this service: take a code of its serviceType",
                "code-invalid",
            )


def _codes(concept: Json) -> set[tuple[Any, Any]]:
    return {(each.get("system"), each.get("code")) for each in concept.get("coding", ()) if "code" in each}


@contextmanager
def refusing_impossible() -> Iterator[None]:
    """Say as FHIR does that what was sent can never be booked (422), not that somebody was faster (409).

    Raises:
        Rejected: The patient's record is closed, the time is over, or a Slot is none of a doctor's.
    """
    try:
        yield
    except PatientInactive as closed:
        raise Rejected([Issue("business-rule", str(closed), f"{KIND}.participant")]) from closed
    except SlotIsOver as over:
        raise Rejected([Issue("business-rule", str(over), f"{KIND}.slot")]) from over
    except SlotNotFound as foreign:
        sentence = "a nurse's shift cannot be booked: name a free Slot of a doctor's Schedule"
        raise Rejected([Issue("business-rule", sentence, f"{KIND}.slot")]) from foreign
