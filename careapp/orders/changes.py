"""Change and remove care orders that exist. Each function is one use case; none commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.db import record_change
from careapp.orders.commands import NewOrder, OrderOfAnother, require_possible
from careapp.orders.models import (
    CareOrder,
    CareOrderSkill,
    CareOrderWindow,
    RequestStatus,
)
from careapp.orders.queries import get_care_plan, get_order
from careapp.records import audit
from careapp.removal import remove_row


def update_order(
    session: Session,
    *,
    order_id: UUID,
    order: NewOrder,
    status: RequestStatus = RequestStatus.ACTIVE,
    care_plan_id: UUID | None = None,
    viewer: Viewer,
    now: datetime,
) -> CareOrder:
    """Write a care order anew; visits that were made before stay until they are cancelled.

    Args:
        session: An open transaction.
        order_id: Which order.
        order: What it asks for from now on.
        status: Visits are made while it is active.
        care_plan_id: To which care plan it belongs; None leaves it where it is.
        viewer: Who changes it.
        now: This moment.

    Raises:
        OrderNotFound: No care order has this id, or not for this viewer.
        CarePlanNotFound: No care plan has this id, or not for this viewer.
        OrderOfAnother: The care plan is another patient's.
        Invalid: As in `careapp.orders.commands.add_order`.
    """
    row = get_order(session, order_id=order_id, viewer=viewer, to_change=True)
    title = require_possible(session, order)
    if care_plan_id is not None and care_plan_id != row.care_plan_id:
        plan = get_care_plan(session, care_plan_id=care_plan_id, viewer=viewer, to_change=True)
        if plan.patient_id != row.patient_id:
            raise OrderOfAnother(f"care plan {care_plan_id} is another patient's: name one of this patient")
        row.care_plan = plan
    row.title = title
    row.recurrence = order.recurrence.strip().upper()
    row.first_date, row.last_date = order.first_date, order.last_date
    row.on_holidays = order.on_holidays
    row.minutes, row.nurses, row.priority = order.minutes, order.nurses, order.priority
    row.min_gap_minutes, row.max_gap_minutes = order.min_gap_minutes, order.max_gap_minutes
    row.is_active, row.request_status = status == RequestStatus.ACTIVE, status
    for part in (*row.windows, *row.skills):
        session.delete(part)
    session.flush()  # the old windows go before the new ones with the same key come
    session.expire(row, ["windows", "skills"])
    session.add_all(
        CareOrderWindow(
            care_order_id=row.id,
            occurrence=window.occurrence,
            earliest=window.earliest,
            latest=window.latest,
        )
        for window in sorted(order.windows)
    )
    session.add_all(
        CareOrderSkill(care_order_id=row.id, nurse_number=number, skill_code=code, grade=grade)
        for number, skills in enumerate(order.skills)
        for code, grade in sorted(skills.items())
    )
    session.flush()
    record_change(session, CareOrder, row.id)
    audit.record(session, viewer=viewer, now=now, action="update_order", subject=row)
    return row


def set_order_status(
    session: Session, *, order_id: UUID, status: RequestStatus, viewer: Viewer, now: datetime
) -> CareOrder:
    """Say in which state an order is; visits are made while it is active.

    Raises:
        OrderNotFound: No care order has this id, or not for this viewer.
    """
    row = get_order(session, order_id=order_id, viewer=viewer, to_change=True)
    row.is_active, row.request_status = status == RequestStatus.ACTIVE, status
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="set_order_status", subject=row, status=status.value)
    return row


def remove_order(session: Session, *, order_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Remove a care order that was entered by mistake.

    Raises:
        OrderNotFound: No care order has this id, or not for this viewer.
        StillNeeded: Visits were made of it: end it instead.
    """
    row = get_order(session, order_id=order_id, viewer=viewer, to_change=True)
    audit.record(session, viewer=viewer, now=now, action="remove_order", subject=row)
    for part in (*row.windows, *row.skills):
        session.expunge(part)
    remove_row(session, row, what="care order", with_rows=(CareOrderWindow, CareOrderSkill))
