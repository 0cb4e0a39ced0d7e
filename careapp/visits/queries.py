"""Read visits."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from careapp.access import Viewer, visible
from careapp.appointments.models import AppointmentStatus
from careapp.errors import NotFound
from careapp.paging import Page, read_page
from careapp.people.models import Patient
from careapp.visits.models import Service, Visit


class VisitNotFound(NotFound):
    """No visit has this id, or not for this viewer."""


def list_visits(
    session: Session,
    *,
    viewer: Viewer,
    date: date | None = None,
    patient_id: UUID | None = None,
    status: AppointmentStatus | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[Visit]:
    """Return a page of visits with patient, home, windows, services and skills, by id.

    Args:
        session: An open transaction.
        viewer: Who looks.
        date: Local day; None for all.
        patient_id: None for all patients.
        status: None for all.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = visible(select(Visit).options(*WHOLE_VISIT), viewer, Visit)
    if date is not None:
        statement = statement.where(Visit.date == date)
    if patient_id is not None:
        statement = statement.where(Visit.patient_id == patient_id)
    if status is not None:
        statement = statement.where(Visit.status == status)
    return read_page(session, statement, key=Visit.id, limit=limit, after=after)


def get_visit(session: Session, *, visit_id: UUID, viewer: Viewer, to_change: bool = False) -> Visit:
    """Return one visit with patient, home, windows, services and skills.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
    """
    statement = select(Visit).where(Visit.id == visit_id).options(*WHOLE_VISIT)
    visit = session.scalars(visible(statement, viewer, Visit, to_change=to_change)).one_or_none()
    if visit is None:
        raise VisitNotFound(f"there is no visit {visit_id}")
    return visit


WHOLE_VISIT: tuple[ORMOption, ...] = (
    joinedload(Visit.patient).joinedload(Patient.home),
    selectinload(Visit.windows),
    selectinload(Visit.services).selectinload(Service.skills),
)
"""What a visit needs to be shown whole."""
