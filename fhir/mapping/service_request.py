"""ServiceRequest: a care order, the standing demand ("insulin, every day, mornings and evenings").

Shape: https://hl7.org/fhir/R4/servicerequest.html. The rhythm is `occurrenceTiming`; when a visit may start,
which nurse of a double visit needs what, and how many come, are extensions.
"""

from sqlalchemy.orm import joinedload, selectinload

from careapp.orders.models import CareOrder, CareOrderSkill, CareOrderWindow
from fhir.mapping import codes
from fhir.mapping.elements import Json, extension, meta, reference, without_none
from fhir.mapping.request import by_status, status_of
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import invented, on_organisation
from fhir.mapping.timing import PRIORITIES, to_timing
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.references import Reference
from fhir.search.spans import Days
from fhir.search.tokens import Token


def to_fhir(row: CareOrder) -> Json:
    """Show a care order's row with its windows and skills."""
    earliest = {window.occurrence: window.earliest for window in reversed(row.windows)}
    timing = to_timing(
        row.recurrence,
        first=row.first_date,
        last=row.last_date,
        times=sorted(set(earliest.values())),
        minutes=row.minutes,
    )
    return without_none(
        {
            "resourceType": "ServiceRequest",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "extension": [
                extension("crew-size", valuePositiveInt=row.nurses),
                *(_window(window) for window in row.windows),
                *(_skill(skill) for skill in row.skills),
            ],
            "status": status_of(row),
            "intent": "order",
            "priority": PRIORITIES.get(row.priority),
            "code": {"text": row.title},
            "subject": reference("Patient", row.patient_id),
            "occurrenceTiming": timing,
            "requester": reference("Organization", row.organisation_id),
            "performerType": _performer(row),
        }
    )


def _performer(row: CareOrder) -> Json | None:
    needed = sorted({skill.skill_code for skill in row.skills})
    return {"coding": [{"system": codes.SKILL, "code": code} for code in needed]} if needed else None


def _window(window: CareOrderWindow) -> Json:
    return {
        "extension": [
            {"url": "occurrence", "valuePositiveInt": window.occurrence + 1},
            {"url": "earliest", "valueTime": window.earliest.strftime("%H:%M:%S")},
            {"url": "latest", "valueTime": window.latest.strftime("%H:%M:%S")},
        ],
        "url": codes.EXTENSION + "start-window",
    }


def _skill(skill: CareOrderSkill) -> Json:
    return {
        "extension": [
            {"url": "nurse", "valuePositiveInt": skill.nurse_number + 1},
            {"url": "skill", "valueCoding": {"system": codes.SKILL, "code": skill.skill_code}},
            {"url": "grade", "valuePositiveInt": skill.grade},
        ],
        "url": codes.EXTENSION + "required-skill",
    }


SERVICE_REQUEST = ServedResource(
    kind="ServiceRequest",
    table=CareOrder,
    about="Care orders: what recurs, from when to when, with which skills.",
    to_fhir=to_fhir,
    synthetic=invented(CareOrder.organisation_id),
    load=(
        joinedload(CareOrder.organisation),
        selectinload(CareOrder.windows),
        selectinload(CareOrder.skills),
    ),
    affected_by=(
        Dependency(CareOrderWindow, key="care_order_id"),
        Dependency(CareOrderSkill, key="care_order_id"),
        on_organisation(CareOrder.id, CareOrder.organisation_id),
    ),
    sent_paths={
        "code": Sent("code"),
        "category": Sent("category"),
        "performer-type": Sent("performerType"),
    },
    parameters={
        "patient": Reference(
            (carriers.ids("Patient", CareOrder.patient_id),), f"{codes.HL7_PARAMETER}clinical-patient"
        ),
        "subject": Reference(
            (carriers.ids("Patient", CareOrder.patient_id),), f"{codes.HL7_PARAMETER}ServiceRequest-subject"
        ),
        "status": Token(
            (by_status(CareOrder),),
            f"{codes.HL7_PARAMETER}ServiceRequest-status",
        ),
        "intent": Token(
            (carriers.cases("http://hl7.org/fhir/request-intent", {"order": CareOrder.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}ServiceRequest-intent",
        ),
        "code": Token(
            (carriers.wording(CareOrder.title),),
            f"{codes.HL7_PARAMETER}clinical-code",
        ),
        # Where the recurrence itself ends earlier (UNTIL, COUNT), no column says so.
        "occurrence": Days(
            CareOrder.first_date, CareOrder.last_date, f"{codes.HL7_PARAMETER}ServiceRequest-occurrence"
        ),
        "requester": Reference(
            (carriers.ids("Organization", CareOrder.organisation_id),),
            f"{codes.HL7_PARAMETER}ServiceRequest-requester",
        ),
        "performer-type": Token(
            (
                carriers.elsewhere(
                    carriers.texts(codes.SKILL, CareOrderSkill.skill_code),
                    CareOrderSkill.care_order_id == CareOrder.id,
                ),
            ),
            f"{codes.HL7_PARAMETER}ServiceRequest-performer-type",
        ),
    },
)
