"""Change care plans. Each function is one use case; none commits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.errors import Invalid
from careapp.orders.commands import OrderOfAnother
from careapp.orders.models import CarePlan, RequestStatus
from careapp.orders.queries import get_care_plan, get_order
from careapp.organisations.commands import require_name
from careapp.people.queries import get_patient
from careapp.records import audit
from careapp.removal import remove_row


class ImpossibleDates(Invalid):
    """A care plan ends before it begins."""


@dataclass(frozen=True)
class CarePlanDetails:
    """What is agreed with a patient.

    Attributes:
        title: How people call it.
        first_date: First local day.
        last_date: Last one, included; None for no end.
        status: Visits are made while it is active.
        orders: Care orders that belong to it from now on; others that do stay with it.
    """

    title: str
    first_date: date
    last_date: date | None = None
    status: RequestStatus = RequestStatus.ACTIVE
    orders: Collection[UUID] = ()


def add_care_plan(
    session: Session, *, patient_id: UUID, details: CarePlanDetails, viewer: Viewer, now: datetime
) -> CarePlan:
    """Agree on care with a patient.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        EmptyName: The title is empty.
        ImpossibleDates: It ends before it begins.
        OrderNotFound: No care order has one of the ids, or not for this viewer.
        OrderOfAnother: An order is another patient's.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    plan = CarePlan(id=uuid4(), organisation_id=patient.organisation_id, patient_id=patient.id)
    _write(plan, details)
    session.add(plan)
    session.flush()
    _take_orders(session, plan, details, viewer)
    audit.record(session, viewer=viewer, now=now, action="add_care_plan", subject=plan)
    return plan


def update_care_plan(
    session: Session, *, care_plan_id: UUID, details: CarePlanDetails, viewer: Viewer, now: datetime
) -> CarePlan:
    """Write anew what is agreed; visits that were made stay until they are cancelled.

    Raises:
        CarePlanNotFound: No care plan has this id, or not for this viewer.
        EmptyName: The title is empty.
        ImpossibleDates: It ends before it begins.
        OrderNotFound: No care order has one of the ids, or not for this viewer.
        OrderOfAnother: An order is another patient's.
    """
    plan = get_care_plan(session, care_plan_id=care_plan_id, viewer=viewer, to_change=True)
    _write(plan, details)
    session.flush()
    _take_orders(session, plan, details, viewer)
    audit.record(session, viewer=viewer, now=now, action="update_care_plan", subject=plan)
    return plan


def remove_care_plan(session: Session, *, care_plan_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a care plan that was entered by mistake.

    Raises:
        CarePlanNotFound: No care plan has this id, or not for this viewer.
        StillNeeded: It holds care orders.
    """
    plan = get_care_plan(session, care_plan_id=care_plan_id, viewer=viewer, to_change=True)
    audit.record(session, viewer=viewer, now=now, action="remove_care_plan", subject=plan)
    remove_row(session, plan, what="care plan")


def _write(plan: CarePlan, details: CarePlanDetails) -> None:
    if details.last_date is not None and details.last_date < details.first_date:
        raise ImpossibleDates("the care plan ends before it begins: give a later last day, or none")
    plan.title = require_name("the care plan", details.title)
    plan.first_date, plan.last_date = details.first_date, details.last_date
    plan.is_active = details.status == RequestStatus.ACTIVE
    plan.request_status = details.status


def _take_orders(session: Session, plan: CarePlan, details: CarePlanDetails, viewer: Viewer) -> None:
    for order_id in details.orders:
        order = get_order(session, order_id=order_id, viewer=viewer, to_change=True)
        if order.patient_id != plan.patient_id:
            raise OrderOfAnother(f"care order {order_id} is another patient's: name orders of this one")
        if order.care_plan_id != plan.id:
            order.care_plan = plan
    session.flush()
