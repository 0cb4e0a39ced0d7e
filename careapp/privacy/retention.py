"""How long data are kept: long gone patients are erased, what was sent about calls is removed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.orm import Session

from careapp.access import SCHEDULER
from careapp.appointments.models import Appointment
from careapp.calls.forgetting import forget_joins
from careapp.config import Settings
from careapp.consultations.models import Booking
from careapp.coverage.commands import forget_measures
from careapp.db import record_change
from careapp.fairness.decisions import forget_decisions
from careapp.people.models import Patient
from careapp.privacy.erasure import RETENTION, erase_patient, finish_erasures
from careapp.privacy.models import Erasure
from careapp.records.models import Document, DocumentVersion, SentDocument
from careapp.records.search_values import SearchValue
from careapp.waiting.forgetting import forget_waiting
from careapp.waiting.models import WaitingEntry

AT_ONCE = 20
DAYS_OF_YEAR = 365.2425


def keep_rules(session: Session, *, now: datetime, settings: Settings) -> int:
    """Erase what the rules no longer let us keep, some of it at each look.

    Args:
        session: A writing transaction of the whole region.
        now: This moment.
        settings: `records_keep_years`, `calls_keep_days`, `rankings_keep_days`.

    Returns:
        How many patients, calls, ended waits, decisions and measures were treated.
    """
    done = finish_erasures(session, now=now)
    for patient_id in due_patients(session, now=now, years=settings.records_keep_years):
        erase_patient(session, patient_id=patient_id, reason=RETENTION, viewer=SCHEDULER, now=now)
        done += 1
    done += forget_decisions(session, before=now - timedelta(days=settings.rankings_keep_days))
    done += forget_measures(session, now=now)
    before = now - timedelta(days=settings.calls_keep_days)
    done += forget_waiting(session, WaitingEntry.ended_at < before)
    return done + forget_calls(session, before=before) + forget_joins(session, before=before)


def due_patients(session: Session, *, now: datetime, years: int) -> list[UUID]:
    """Return patients out of care whose last appointment was longer ago than records are kept."""
    before = now - timedelta(days=years * DAYS_OF_YEAR)
    ended = (
        select(Appointment.patient_id)
        .group_by(Appointment.patient_id)
        .having(func.max(Appointment.ends_at) < before)
    )
    due = (
        select(Patient.id)
        .where(
            Patient.is_active.is_(False),
            Patient.id.in_(ended),
            Patient.id.not_in(select(Erasure.patient_id)),
        )
        .order_by(Patient.id)
        .limit(AT_ONCE)
    )
    return list(session.scalars(due))


def forget_calls(session: Session, *, before: datetime) -> int:
    """Remove what others sent about video calls that ended before: it may tell how one joins them.

    The calls stay in their calendars. Older versions of their documents go when they have been written anew,
    with the next look.
    """
    ended = select(Booking.id).where(Booking.ends_at < before)
    sent = session.scalars(
        select(SentDocument.id)
        .where(SentDocument.kind == "Appointment", SentDocument.id.in_(ended))
        .limit(AT_ONCE)
    ).all()
    for model, key in ((SentDocument, SentDocument.id), (SearchValue, SearchValue.resource_id)):
        session.execute(
            delete(model).where(model.kind == "Appointment", key.in_(sent)),
            execution_options={"synchronize_session": False},
        )
    for booking_id in sent:
        record_change(session, Booking, booking_id)
    kept = exists().where(SentDocument.kind == "Appointment", SentDocument.id == DocumentVersion.id)
    newer = exists().where(
        Document.kind == DocumentVersion.kind,
        Document.id == DocumentVersion.id,
        Document.version > DocumentVersion.version,
    )
    older = session.execute(
        select(DocumentVersion.id, DocumentVersion.version)
        .where(DocumentVersion.kind == "Appointment", DocumentVersion.id.in_(ended), newer, ~kept)
        .limit(AT_ONCE * 10)
    ).all()
    for booking, version in older:
        session.execute(
            delete(DocumentVersion).where(
                and_(
                    DocumentVersion.kind == "Appointment",
                    DocumentVersion.id == booking,
                    DocumentVersion.version == version,
                )
            ),
            execution_options={"synchronize_session": False},
        )
    return len(sent) + len(older)
