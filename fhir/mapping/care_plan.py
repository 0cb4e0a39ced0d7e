"""CarePlan: what an organisation has agreed with a patient; its activities are the care orders.

Shape: https://hl7.org/fhir/R4/careplan.html
"""

from sqlalchemy.orm import joinedload, selectinload

from careapp.orders.models import CareOrder, CarePlan
from fhir.mapping import codes
from fhir.mapping.elements import Json, meta, period, reference, without_none
from fhir.mapping.request import by_status, status_of
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import invented, on_organisation
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.references import Reference
from fhir.search.spans import Days
from fhir.search.tokens import Token


def to_fhir(row: CarePlan) -> Json:
    """Show a care plan's row with its orders."""
    return without_none(
        {
            "resourceType": "CarePlan",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "status": status_of(row),
            "intent": "plan",
            "title": row.title,
            "subject": reference("Patient", row.patient_id),
            "period": period(row.first_date, row.last_date),
            "author": reference("Organization", row.organisation_id),
            "activity": [{"reference": reference("ServiceRequest", order.id)} for order in row.orders],
        }
    )


CARE_PLAN = ServedResource(
    kind="CarePlan",
    table=CarePlan,
    about="What was agreed with a patient, as a list of care orders.",
    to_fhir=to_fhir,
    synthetic=invented(CarePlan.organisation_id),
    load=(joinedload(CarePlan.organisation), selectinload(CarePlan.orders)),
    affected_by=(
        Dependency(CareOrder, key="care_plan_id", attributes=frozenset({"id", "care_plan_id"})),
        on_organisation(CarePlan.id, CarePlan.organisation_id),
    ),
    sent_paths={
        "category": Sent("category"),
        "care-team": Sent("careTeam", frozenset({"CareTeam"})),
    },
    parameters={
        "patient": Reference(
            (carriers.ids("Patient", CarePlan.patient_id),), f"{codes.HL7_PARAMETER}clinical-patient"
        ),
        "subject": Reference(
            (carriers.ids("Patient", CarePlan.patient_id),), f"{codes.HL7_PARAMETER}CarePlan-subject"
        ),
        "status": Token(
            (by_status(CarePlan),),
            f"{codes.HL7_PARAMETER}CarePlan-status",
        ),
        "intent": Token(
            (carriers.cases("http://hl7.org/fhir/request-intent", {"plan": CarePlan.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}CarePlan-intent",
        ),
        "date": Days(CarePlan.first_date, CarePlan.last_date, f"{codes.HL7_PARAMETER}clinical-date"),
        "activity-reference": Reference(
            (
                carriers.elsewhere(
                    carriers.ids("ServiceRequest", CareOrder.id), CareOrder.care_plan_id == CarePlan.id
                ),
            ),
            f"{codes.HL7_PARAMETER}CarePlan-activity-reference",
        ),
    },
)
