"""Who saw or changed something about a patient: what the patient may be told (Art. 15 GDPR)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from careapp.access import Viewer
from careapp.openings.models import Opening, OpeningKind
from careapp.organisations.models import Organisation
from careapp.paging import Page
from careapp.people.models import Patient
from careapp.people.queries import PatientNotFound
from careapp.records.audit_models import AuditPatient
from careapp.records.models import AuditEvent


@dataclass(frozen=True)
class Access:
    """One look at a patient, or one change.

    Attributes:
        id: Of the AuditEvent as which it is shown.
        at: When.
        viewer: Who, as the record names them: an account's or client's id, never a name.
        role: What they were; None of old rows.
        organisation_id: For whom they worked; None: for whoever runs the service.
        organisation: Its name.
        action: Name of the command or query.
        interaction: FHIR's name of the request; None: a command.
        subject_kind: Of what: a table, or a kind of resource.
        was_refused: They got nothing.
        opening: Why the record was open to them, if it is another organisation's patient.
        reason: The same in the words of whoever opened it.
    """

    id: UUID
    at: datetime
    viewer: str
    role: str | None
    organisation_id: UUID | None
    organisation: str | None
    action: str
    interaction: str | None
    subject_kind: str
    was_refused: bool
    opening: OpeningKind | None
    reason: str | None


def require_own_patient(session: Session, *, patient_id: UUID, viewer: Viewer) -> None:
    """Make sure that a patient is the viewer's own organisation's: an opening to others does not count.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
    """
    statement = select(Patient.organisation_id).where(Patient.id == patient_id)
    owner = session.scalar(statement)
    if owner is None or viewer.organisation_id not in {None, owner}:
        raise PatientNotFound(f"there is no patient {patient_id}")


def list_accesses(
    session: Session, *, patient_id: UUID, limit: int, after: UUID | None = None
) -> Page[Access]:
    """Return a page of accesses, the newest first.

    What was not filed yet is not among them: whoever asks lets it be filed first.

    Args:
        session: A transaction that sees every tenant, since others may have looked; whoever calls has made
            sure that the asker may know.
        patient_id: Whose.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    filed = and_(AuditPatient.event_id == AuditEvent.id, AuditPatient.patient_id == patient_id)
    concerning = union_all(  # each by an index of its own
        select(AuditEvent.id).where(AuditEvent.patient_id == patient_id),
        select(AuditPatient.event_id).where(AuditPatient.patient_id == patient_id),
        select(AuditEvent.id).where(  # of old rows
            AuditEvent.subject_kind == "patient", AuditEvent.subject_id == patient_id
        ),
    )
    shown_id = func.coalesce(AuditPatient.id, AuditEvent.id, type_=AuditEvent.id.type)
    statement: Select[AuditEvent, UUID, str | None] = (
        select(AuditEvent, shown_id, Organisation.name)
        .outerjoin(Organisation, Organisation.id == AuditEvent.organisation_id)
        .outerjoin(AuditPatient, filed)
        .where(AuditEvent.id.in_(concerning))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        last_id = session.scalar(select(AuditPatient.event_id).where(AuditPatient.id == after)) or after
        last = aliased(AuditEvent)
        at = select(last.at).where(last.id == last_id).scalar_subquery()
        statement = statement.where(
            or_(AuditEvent.at < at, and_(AuditEvent.at == at, AuditEvent.id < last_id))
        )
    rows = session.execute(statement).all()
    openings = session.scalars(select(Opening).where(Opening.patient_id == patient_id)).all()
    items = [_access(event, shown_as, name, openings) for event, shown_as, name in rows[:limit]]
    return Page(items, items[-1].id if len(rows) > limit else None)


def _access(
    event: AuditEvent, shown_as: UUID, organisation: str | None, openings: Sequence[Opening]
) -> Access:
    opening = next((each for each in openings if _was_open(each, event)), None)
    return Access(
        id=shown_as,
        at=event.at,
        viewer=event.viewer,
        role=event.role,
        organisation_id=event.organisation_id,
        organisation=organisation,
        action=event.action,
        interaction=event.interaction,
        subject_kind=event.subject_kind,
        was_refused=event.outcome != "0",
        opening=opening.kind if opening else None,
        reason=opening.reason if opening else None,
    )


def _was_open(opening: Opening, event: AuditEvent) -> bool:
    return (
        opening.to_organisation_id == event.organisation_id
        and opening.starts_at <= event.at < opening.ends_at
    )
