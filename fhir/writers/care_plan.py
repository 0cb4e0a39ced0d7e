"""Care plans from other systems."""

from uuid import UUID

from sqlalchemy.orm import Session

from careapp.orders import plans
from careapp.orders.models import RequestStatus
from careapp.orders.plans import CarePlanDetails
from careapp.orders.queries import get_care_plan
from fhir.asking import Asking
from fhir.mapping.elements import Json
from fhir.mapping.rhythm import from_period
from fhir.writers.findings import Findings
from fhir.writers.parts import key_of, read_key, refuse_change

USUAL_TITLE = "Pflegevertrag"


class CarePlanWriter:
    """Takes agreements with patients; orders among their activities belong to them from then on."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("CarePlan")
        patient_id = read_key(document.get("subject"), "Patient", "subject", asking, findings)
        findings.refuse()
        assert patient_id is not None  # noqa: S101 -- or it was refused
        plan = plans.add_care_plan(
            session,
            patient_id=patient_id,
            details=_read(document, asking),
            viewer=asking.viewer,
            now=asking.now,
        )
        return plan.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`."""
        plan = get_care_plan(session, care_plan_id=key, viewer=asking.viewer)
        findings = Findings("CarePlan")
        refuse_change(document, "subject", "Patient", plan.patient_id, asking, findings)
        findings.refuse()
        plans.update_care_plan(
            session,
            care_plan_id=key,
            details=_read(document, asking),
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        plans.remove_care_plan(session, care_plan_id=key, viewer=asking.viewer, now=asking.now)


def _read(document: Json, asking: Asking) -> CarePlanDetails:
    first, last = from_period(document.get("period", {}), zone=asking.zone)
    orders = [
        key_of(activity.get("reference"), "ServiceRequest", asking)
        for activity in document.get("activity", ())
    ]
    return CarePlanDetails(
        title=document.get("title") or USUAL_TITLE,
        first_date=first or asking.calendar.local_date(asking.now),
        last_date=last,
        status=RequestStatus(document["status"]),
        orders=[key for key in orders if key is not None],
    )


CARE_PLAN_WRITER = CarePlanWriter()
