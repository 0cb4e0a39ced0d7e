"""How far each role sees into each table, as SQL.

    system                      the whole region, or one tenant
    coordinator, administrator  their own tenant; what is opened to it
    client                      the same; its scopes narrow it further
    nurse                       patients, visits and tours of her published tours from the day before to the
                                day after; what is opened to her
    doctor                      bookings in his calendar, and their patients; what is opened to him
    support                     one tenant, while a grant lasts
    auditor                     the audit of one tenant
    analyst                     no row of anybody

Offers and facts are everybody's: slots, the doctors who offer them, practices, closed roads.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, false, inspect, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from careapp.circles import Circle, circle_of, opened
from careapp.db import Base
from careapp.identity.support_models import SupportGrant
from careapp.openings.models import Opening
from careapp.organisations.models import Place, PlaceKind
from careapp.people.models import Absence, Patient, Practitioner, Role, RoleKind
from careapp.tours.models import Tour
from careapp.viewer import Viewer, ViewerRole

Condition = ColumnElement[bool]

OFFERED_TO_ALL = frozenset({"municipality", "organisation", "road_closure", "schedule", "slot", "skill"})
"""Tables that every viewer sees whole: offers and facts, nothing about a patient."""

COLLEAGUES = frozenset({"practitioner", "role"})
"""What everybody of a tenant sees of it."""

STAFF_ONLY = frozenset(
    {"coverage_measure", "job", "later_answer", "plan", "subscription", "support_grant", "visit_link"}
)
"""Of one tenant, and nothing of it says who a patient is; routes say who gets to ask."""


def reach(viewer: Viewer, model: type[Base]) -> Condition | None:
    """Return which rows of a table a viewer sees; None: all.

    Args:
        viewer: Who looks.
        model: The table. Unless it is offered to all, it has a column `organisation_id`: its tenant.
    """
    if model.__tablename__ in OFFERED_TO_ALL:
        return None
    if viewer.role is ViewerRole.SYSTEM:
        return None if viewer.organisation_id is None else own(viewer, model)
    return _BY_ROLE[viewer.role](viewer, model)


def unrestricted(model: type[Base]) -> Condition | None:
    """Return which rows are about no patient whose data are restricted (Art. 18 GDPR); None: all."""
    if model is Patient:
        return Patient.restricted_at.is_(None)
    if "patient_id" not in inspect(model).mapper.attrs:
        return None
    person = aliased(Patient)
    hidden = select(person.id).where(person.restricted_at.is_not(None))
    whose = model.patient_id  # type: ignore[attr-defined]  # see above
    return or_(whose.is_(None), whose.not_in(hidden))


def own(viewer: Viewer, model: type[Base]) -> Condition:
    """Return which rows are of a viewer's tenant; whoever has none has all.

    Args:
        viewer: Who looks.
        model: A table with a column `organisation_id`.
    """
    if viewer.organisation_id is None:
        return true() if viewer.role is ViewerRole.SYSTEM else false()
    owner: ColumnElement[UUID] = model.organisation_id  # type: ignore[attr-defined]  # it has one
    return owner == viewer.organisation_id


def _nothing(viewer: Viewer, model: type[Base]) -> Condition:
    del viewer, model
    return false()


def _only_audit(viewer: Viewer, model: type[Base]) -> Condition:
    return own(viewer, model) if model.__tablename__ == "audit_event" else false()


def _tenant(viewer: Viewer, model: type[Base]) -> Condition:
    # SQLite would look up each side of the `or` by an index, and a tenant's side is nearly all of a table.
    whose: Any = model.organisation_id  # type: ignore[attr-defined]  # as `own` says
    ours = _Unindexed(whose) == viewer.organisation_id
    is_theirs = own(viewer, model) if viewer.organisation_id is None else ours
    return or_(is_theirs, _offers(model), _of_circle(opened(viewer), model))


class _Unindexed(GenericFunction[UUID]):
    """SQL: a column, by whose index SQLite does not search."""

    type = Uuid()
    inherit_cache = True
    name = "unindexed"


@compiles(_Unindexed)
def _as_it_is(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Unindexed, "sqlite")
def _with_plus(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    # https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_
    return f"+{compiler.process(element.clauses, **options)}"


def _granted(viewer: Viewer, model: type[Base]) -> Condition:
    if viewer.asked_at is None or model.__tablename__ == "audit_event":
        return _offers(model)
    grant = select(SupportGrant.id).where(
        SupportGrant.organisation_id == viewer.organisation_id,
        SupportGrant.viewer_name == viewer.name,
        SupportGrant.starts_at <= viewer.asked_at,
        SupportGrant.ends_at > viewer.asked_at,
    )
    return or_(and_(own(viewer, model), grant.exists()), _offers(model))


def _at_work(viewer: Viewer, model: type[Base]) -> Condition:
    """Rows that a nurse or doctor works with, and what their colleagues are called."""
    name = model.__tablename__
    if name == "audit_event":
        return false()
    if name in COLLEAGUES | STAFF_ONLY:
        return or_(own(viewer, model), _offers(model))
    circle = circle_of(viewer)
    found = _of_circle(circle, model)
    if name == "place":
        return or_(found, _offers(model), and_(own(viewer, model), Place.kind == PlaceKind.BASE))
    if name in {"shift", "shift_pattern"}:
        theirs = select(Role.id).where(Role.practitioner_id == viewer.practitioner_id)
        return and_(own(viewer, model), model.role_id.in_(theirs))  # type: ignore[attr-defined]  # both have one
    if name == "absence":
        return or_(found, and_(own(viewer, model), Absence.practitioner_id == viewer.practitioner_id))
    if name == "calendar_feed":
        theirs = model.practitioner_id == viewer.practitioner_id  # type: ignore[attr-defined]  # it has one
        return and_(own(viewer, model), theirs)
    if name == "held_resource":  # what the practice keeps about nobody of ours, e.g. a task
        return or_(found, and_(own(viewer, model), model.patient_id.is_(None)))  # type: ignore[attr-defined]
    return found


def _of_circle(circle: Circle, model: type[Base]) -> Condition:
    """Rows of a table that concern the patients and appointments of a circle."""
    match model.__tablename__:
        case "patient":
            return _among(Patient.id, circle.patients)
        case "place":
            homes = select(Patient.home_id).where(
                _among(Patient.id, circle.patients), Patient.home_id.is_not(None)
            )
            return _among(Place.id, [homes] if circle.patients else [])
        case "tour":
            return _among(Tour.id, circle.tours)
        case "opening":
            return _among(Opening.id, circle.openings)
        case "appointment" | "visit" | "booking":
            return or_(
                _among(model.id, circle.appointments),  # type: ignore[attr-defined]  # both have one
                _among(model.patient_id, circle.records),  # type: ignore[attr-defined]
            )
    whose = getattr(model, "patient_id", None)
    about = getattr(model, "appointment_id", None)
    return or_(
        _among(whose, circle.records) if whose is not None else false(),
        _among(about, circle.appointments) if about is not None else false(),
    )


def _among(column: Any, selects: list[Select[Any]]) -> Condition:
    return or_(false(), *(column.in_(each) for each in selects))


def _offers(model: type[Base]) -> Condition:
    """Rows that say who offers video slots, and where."""
    match model.__tablename__:
        case "role":
            return Role.kind == RoleKind.DOCTOR
        case "practitioner":
            return Practitioner.id.in_(select(Role.practitioner_id).where(Role.kind == RoleKind.DOCTOR))
        case "place":
            return Place.kind == PlaceKind.PRACTICE
        case _:
            return false()


_BY_ROLE: Mapping[ViewerRole, Callable[[Viewer, type[Base]], Condition]] = {
    ViewerRole.COORDINATOR: _tenant,
    ViewerRole.ADMINISTRATOR: _tenant,
    ViewerRole.CLIENT: _tenant,
    ViewerRole.SUPPORT: _granted,
    ViewerRole.NURSE: _at_work,
    ViewerRole.DOCTOR: _at_work,
    ViewerRole.AUDITOR: _only_audit,
    ViewerRole.ANALYST: _nothing,
}
