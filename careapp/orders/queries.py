"""Read care orders."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from careapp.access import Viewer, visible
from careapp.errors import NotFound
from careapp.orders.models import CareOrder, CarePlan
from careapp.paging import Page, read_page


class OrderNotFound(NotFound):
    """No care order has this id, or not for this viewer."""


class CarePlanNotFound(NotFound):
    """No care plan has this id, or not for this viewer."""


def get_care_plan(
    session: Session, *, care_plan_id: UUID, viewer: Viewer, to_change: bool = False
) -> CarePlan:
    """Return one care plan with patient, organisation and orders.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        CarePlanNotFound: No care plan has this id, or not for this viewer.
    """
    statement = (
        select(CarePlan)
        .where(CarePlan.id == care_plan_id)
        .options(
            joinedload(CarePlan.patient), joinedload(CarePlan.organisation), selectinload(CarePlan.orders)
        )
    )
    plan = session.scalars(visible(statement, viewer, CarePlan, to_change=to_change)).one_or_none()
    if plan is None:
        raise CarePlanNotFound(f"there is no care plan {care_plan_id}")
    return plan


def list_orders(
    session: Session,
    *,
    viewer: Viewer,
    patient_id: UUID | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[CareOrder]:
    """Return a page of care orders with windows and skills, by id.

    Args:
        session: An open transaction.
        viewer: Who looks.
        patient_id: None for all patients.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    statement = visible(select(CareOrder).options(*WHOLE_ORDER), viewer, CareOrder)
    if patient_id is not None:
        statement = statement.where(CareOrder.patient_id == patient_id)
    return read_page(session, statement, key=CareOrder.id, limit=limit, after=after)


def get_order(session: Session, *, order_id: UUID, viewer: Viewer, to_change: bool = False) -> CareOrder:
    """Return one care order with patient, care plan, windows and skills.

    With `to_change` only one of their own tenant, see `careapp.access.visible`.

    Raises:
        OrderNotFound: No care order has this id, or not for this viewer.
    """
    statement = select(CareOrder).where(CareOrder.id == order_id).options(*WHOLE_ORDER)
    order = session.scalars(visible(statement, viewer, CareOrder, to_change=to_change)).one_or_none()
    if order is None:
        raise OrderNotFound(f"there is no care order {order_id}")
    return order


WHOLE_ORDER: tuple[ORMOption, ...] = (
    joinedload(CareOrder.patient),
    joinedload(CareOrder.care_plan),
    joinedload(CareOrder.organisation),
    selectinload(CareOrder.windows),
    selectinload(CareOrder.skills),
)
"""What a care order needs to be shown whole."""
