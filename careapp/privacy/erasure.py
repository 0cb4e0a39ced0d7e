"""Erase who a patient was (Art. 17 GDPR).

What happened stays, for it is the nurses' and doctors' record too: that somebody was visited then, so long.
Name, numbers, date of birth, address, titles and all that others sent are overwritten or removed. It takes
two steps: documents follow their rows at the commit, then older versions go.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import Appointment
from careapp.calls.forgetting import forget_calls_of
from careapp.db import Base, record_change
from careapp.fairness.decisions import forget_decisions_of
from careapp.jobs.models import LaterAnswer
from careapp.notices.wishes import forget_contact
from careapp.orders.models import CareOrder, CarePlan
from careapp.organisations.models import Municipality, Place, PlaceKind
from careapp.people.models import Gender, Patient
from careapp.people.queries import get_patient
from careapp.privacy.care import require_out_of_care
from careapp.privacy.models import Erasure
from careapp.records import audit
from careapp.records.held import HeldResource
from careapp.records.models import Document, DocumentVersion, SentDocument
from careapp.records.search_values import SearchValue
from careapp.roads.places import Precision
from careapp.roads.rows import forget_place
from careapp.waiting.forgetting import forget_waiting
from careapp.waiting.models import WaitingEntry

ASKED, RETENTION = "asked", "retention"
GONE = "gelöscht"
"""Stands where a name was."""

AT_ONCE = 20
_NO_POINT = (0.0, 0.0)
_KINDS = {Patient: "Patient", Place: "Location", CarePlan: "CarePlan", CareOrder: "ServiceRequest"}


def erase_patient(
    session: Session, *, patient_id: UUID, reason: str = ASKED, viewer: Viewer, now: datetime
) -> Erasure:
    """Erase who a patient was, and all that others have sent about them.

    Args:
        session: An open transaction.
        patient_id: Whose data.
        reason: `ASKED` or `RETENTION`.
        viewer: Who erases.
        now: This moment.

    Returns:
        The receipt; `finish_erasures` completes it.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        StillInCare: Visits or consultations are still to come.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    require_out_of_care(session, patient_id, now=now)
    home = _erase_home(session, patient)
    patient.family_name, patient.given_name = GONE, ""
    patient.phone = patient.insurance_number = patient.birth_date = patient.restricted_at = None
    patient.gender, patient.is_active = Gender.UNKNOWN, False
    titled: list[Any] = []
    for model in (CarePlan, CareOrder, Appointment):
        titled += session.scalars(select(model).where(model.patient_id == patient_id))
    for row in titled:
        row.title = GONE
    forget_waiting(session, WaitingEntry.patient_id == patient_id)
    told = forget_contact(session, patient_id=patient_id)
    held = session.scalars(select(HeldResource).where(HeldResource.patient_id == patient_id)).all()
    rows: list[Base] = [patient, *([home] if home else []), *titled]
    documents = [[_kind_of(row), str(_id_of(row))] for row in (*rows, *held)]
    removed = 0
    for row in held:
        if row.content is not None:  # without, it is our own record of the visit
            session.delete(row)
            removed += 1
    session.flush()
    forget_decisions_of(session, patient_id=patient_id)
    calls = forget_calls_of(session, patient_id=patient_id)
    sent = _forget_sent(session, rows)
    answers = session.execute(
        delete(LaterAnswer).where(LaterAnswer.organisation_id == patient.organisation_id),
        execution_options={"synchronize_session": False},
    )
    receipt = Erasure(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient_id,
        reason=reason,
        asked_by=viewer.name,
        asked_at=now,
        finished_at=None,
        counts={
            "rows": len(rows),
            "held": removed,
            "told": told,
            "sent": sent,
            "answers": getattr(answers, "rowcount", 0),
            "calls": calls,
        },
        documents=documents,
    )
    session.add(receipt)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="erase_patient",
        subject=patient,
        erasure=receipt.id,
        reason=reason,
    )
    return receipt


def finish_erasures(session: Session, *, now: datetime) -> int:
    """Remove the older versions of documents whose rows were erased in a transaction before.

    Returns:
        How many erasures are whole now.
    """
    waiting = session.scalars(
        select(Erasure).where(Erasure.finished_at.is_(None)).order_by(Erasure.asked_at).limit(AT_ONCE)
    ).all()
    for receipt in waiting:
        removed = 0
        for kind, text in receipt.documents:
            key = UUID(text)
            current = session.scalar(
                select(Document.version).where(Document.kind == kind, Document.id == key)
            )
            older = and_(DocumentVersion.kind == kind, DocumentVersion.id == key)
            newest = current or session.scalar(
                select(DocumentVersion.version).where(older).order_by(DocumentVersion.version.desc()).limit(1)
            )
            if newest is None:
                continue
            gone = session.execute(
                delete(DocumentVersion).where(older, DocumentVersion.version < newest),
                execution_options={"synchronize_session": False},
            )
            removed += getattr(gone, "rowcount", 0)
        receipt.counts = {**receipt.counts, "versions": removed}
        receipt.finished_at = now
    session.flush()
    return len(waiting)


def _erase_home(session: Session, patient: Patient) -> Place | None:
    home = patient.home
    if home is None:
        return None
    others = select(Patient.id).where(Patient.home_id == home.id, Patient.id != patient.id)
    if session.scalar(others.limit(1)) is not None:  # a couple: the other one still lives there
        home = Place(
            id=uuid4(),
            organisation_id=patient.organisation_id,
            kind=PlaceKind.HOME,
            municipality_ags=home.municipality_ags,
        )
        patient.home = home
        session.add(home)
    else:
        forget_place(session, latitude=home.latitude, longitude=home.longitude)
    town = session.get(Municipality, home.municipality_ags) if home.municipality_ags else None
    home.name = home.street = home.house_number = home.postal_code = home.city = home.district = None
    home.latitude, home.longitude = (town.latitude, town.longitude) if town else _NO_POINT
    home.precision, home.placed_by = Precision.MUNICIPALITY, None
    return home


def _forget_sent(session: Session, rows: list[Base]) -> int:
    keys = [(_kind_of(row), _id_of(row)) for row in rows]
    removed = 0
    for kind, key in keys:
        gone = session.execute(
            delete(SentDocument).where(SentDocument.kind == kind, SentDocument.id == key),
            execution_options={"synchronize_session": False},
        )
        removed += getattr(gone, "rowcount", 0)
        session.execute(
            delete(SearchValue).where(SearchValue.kind == kind, SearchValue.resource_id == key),
            execution_options={"synchronize_session": False},
        )
    for row in rows:
        record_change(session, type(row), _id_of(row))
    return removed


def _kind_of(row: Base) -> str:
    if isinstance(row, HeldResource):
        return row.kind
    return _KINDS.get(type(row), "Appointment")


def _id_of(row: Any) -> UUID:
    key: UUID = row.id
    return key
