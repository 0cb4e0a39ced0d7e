"""What plans and orders have in common: the state that FHIR calls request-status."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from careapp.orders.models import CareOrder, CarePlan, RequestStatus
from fhir.search.carriers import Carrier, cases

SYSTEM = "http://hl7.org/fhir/request-status"


def status_of(row: CarePlan | CareOrder) -> str:
    """Say in which state a row is; what another system said counts only while it is as active as that."""
    said = row.request_status
    if said is not None and (said == RequestStatus.ACTIVE) == row.is_active:
        return said.value
    return "active" if row.is_active else "completed"


def by_status(table: type[CarePlan] | type[CareOrder]) -> Carrier:
    """Find rows by what `status_of` says."""
    return cases(SYSTEM, {status.value: _is(table, status) for status in RequestStatus})


def _is(table: type[CarePlan] | type[CareOrder], status: RequestStatus) -> ColumnElement[bool]:
    said: Any = table.request_status
    if status == RequestStatus.ACTIVE:
        return table.is_active.is_(True)
    if status == RequestStatus.COMPLETED:
        unsaid = or_(said.is_(None), said.in_([status, RequestStatus.ACTIVE]))
        return and_(table.is_active.is_(False), unsaid)
    return and_(table.is_active.is_(False), said == status)
