"""Slot: one bookable time of a doctor's video hours, as ISiKTerminblock; a nurse's shift, which nobody books.

Shape: https://hl7.org/fhir/R4/slot.html. What the schedule says for all its slots is not repeated here.
"""

from dataclasses import replace

from sqlalchemy import false, func, literal, select
from sqlalchemy.orm import joinedload

from careapp.consultations.models import ConsultationCode, Schedule, Slot, SlotStatus
from careapp.tours.models import Shift
from fhir.mapping import codes, consultation
from fhir.mapping.elements import Json, instant, meta, reference
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import invented, on_organisation
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.dates import Instant
from fhir.search.references import Reference
from fhir.search.tokens import Token


def to_fhir(row: Slot) -> Json:
    """Show a slot's row, and for which kind of consultation it is if not for any."""
    special = row.kind is not None and row.kind is not ConsultationCode.VIDEO
    kind = {"serviceType": consultation.service_types(row.kind)} if special and row.kind else {}
    return {
        "resourceType": "Slot",
        "id": str(row.id),
        "meta": meta(codes.ISIK_SLOT, is_synthetic=row.schedule.organisation.is_synthetic),
        **kind,
        "schedule": reference("Schedule", row.schedule_id),
        "status": row.status.value,
        "start": instant(row.starts_at),
        "end": instant(row.ends_at),
    }


def of_shift(row: Shift) -> Json:
    """Show a shift's row: the nurse is taken, by her tour."""
    return {
        "resourceType": "Slot",
        "id": str(row.id),
        "meta": meta(is_synthetic=row.organisation.is_synthetic),
        "schedule": reference("Schedule", row.role_id),
        "status": SlotStatus.BLOCKED.value,
        "start": instant(row.starts_at),
        "end": instant(row.ends_at),
    }


STATUS = "http://hl7.org/fhir/slotstatus"
ONLY_SENT = {"service-category": Sent("serviceCategory"), "appointment-type": Sent("appointmentType")}
"""What has no column anywhere: others send it with slots, never with shifts."""

SHIFTS = ServedResource(
    kind="Slot",
    table=Shift,
    about="Nurses' shifts.",
    to_fhir=of_shift,
    synthetic=invented(Shift.organisation_id),
    load=(joinedload(Shift.organisation),),
    affected_by=(on_organisation(Shift.id, Shift.organisation_id),),
    sent_paths=ONLY_SENT,
    parameters={
        "schedule": Reference(
            (carriers.ids("Schedule", Shift.role_id),), f"{codes.HL7_PARAMETER}Slot-schedule"
        ),
        "status": Token(
            (
                replace(
                    carriers.cases(STATUS, {SlotStatus.BLOCKED.value: Shift.id.is_not(None)}),
                    labels=frozenset({STATUS, None}),
                ),
            ),
            f"{codes.HL7_PARAMETER}Slot-status",
            sort=literal(SlotStatus.BLOCKED, Slot.status.type),
        ),
        "service-type": Token(
            (carriers.cases(codes.SERVICE_TYPE, {codes.HOME_VISIT: Shift.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}Slot-service-type",
        ),
        "specialty": Token((carriers.cases(codes.SPECIALTY, {}),), f"{codes.HL7_PARAMETER}Slot-specialty"),
        "start": Instant(Shift.starts_at, f"{codes.HL7_PARAMETER}Slot-start"),
    },
    order="start",
)

SLOT = ServedResource(
    kind="Slot",
    table=Slot,
    about="Bookable times of doctors' video hours; nurses' shifts, which cannot be booked.",
    to_fhir=to_fhir,
    synthetic=invented(Slot.organisation_id),
    load=(joinedload(Slot.schedule).joinedload(Schedule.organisation),),
    affected_by=(
        Dependency(
            Schedule,
            ids=lambda keys: select(Slot.id).where(Slot.schedule_id.in_(keys)),
            attributes=frozenset({"organisation_id"}),
        ),
        on_organisation(Slot.id, Slot.organisation_id),
    ),
    sent_paths={**ONLY_SENT, "service-type": Sent("serviceType"), "specialty": Sent("specialty")},
    parameters={
        "schedule": Reference(
            (carriers.ids("Schedule", Slot.schedule_id),), f"{codes.HL7_PARAMETER}Slot-schedule"
        ),
        "status": Token(
            (carriers.members(STATUS, Slot.status, SlotStatus),),
            f"{codes.HL7_PARAMETER}Slot-status",
            sort=Slot.status,
        ),
        # A schedule's are its slots', though the documents of slots do not repeat them.
        "service-type": Token(
            (
                consultation.searched(
                    consultation.by_kind(
                        Slot.id.is_not(None),
                        assisted=func.coalesce(Slot.kind == ConsultationCode.ASSISTED, false()),
                        colleague=func.coalesce(Slot.kind == ConsultationCode.COLLEAGUE, false()),
                    )
                ),
            ),
            f"{codes.HL7_PARAMETER}Slot-service-type",
        ),
        "specialty": Token(
            (
                carriers.elsewhere(
                    carriers.texts(codes.SPECIALTY, Schedule.specialty), Schedule.id == Slot.schedule_id
                ),
            ),
            f"{codes.HL7_PARAMETER}Slot-specialty",
        ),
        "start": Instant(Slot.starts_at, f"{codes.HL7_PARAMETER}Slot-start"),
    },
    order="start",
    profiles=(codes.ISIK_SLOT,),
    also=(SHIFTS,),
)
