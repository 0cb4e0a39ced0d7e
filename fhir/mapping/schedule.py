"""Schedule: a doctor's video hours, as ISiKKalender; a nurse's working hours, whose slots are her shifts.

Shape: https://hl7.org/fhir/R4/schedule.html. ISiK allows one actor of the types Practitioner,
HealthcareService and Location; others, as the role here, may stand beside it. A nurse has one Schedule in
each of her roles, under the role's id: there is no other row of which it could be.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from careapp.consultations.models import ConsultationCode, ConsultationKind, Schedule
from careapp.people.models import Practitioner, Role, RoleKind
from careapp.tours.models import Shift
from fhir.mapping import codes, consultation
from fhir.mapping.elements import (
    Json,
    concept,
    extension,
    full_name,
    meta,
    period,
    reference,
    without_none,
)
from fhir.mapping.resource import Alongside, Dependency, ServedResource
from fhir.mapping.tenant import NAMES, invented, on_organisation
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.references import Reference
from fhir.search.tokens import Token


def to_fhir(row: Schedule) -> Json:
    """Show a schedule's row."""
    person = row.role.practitioner
    doctor = full_name(person.given_name, person.family_name, person.title)
    return {
        "resourceType": "Schedule",
        "id": str(row.id),
        "meta": meta(codes.ISIK_SCHEDULE, is_synthetic=row.organisation.is_synthetic),
        "extension": [
            {"url": codes.FROM_R5 + "Schedule.name", "valueString": row.title},
            *([extension("needs-confirmation", valueBoolean=True)] if row.needs_confirmation else []),
        ],
        "active": row.is_active,
        "serviceType": consultation.service_types(*kinds_of(row)),
        "specialty": [concept(codes.SPECIALTY, row.specialty)],
        "actor": [
            reference("Practitioner", person.id, doctor),
            reference("PractitionerRole", row.role_id, doctor),
        ],
    }


def kinds_of(row: Schedule) -> Sequence[ConsultationCode]:
    """Return the kinds of consultation that a schedule offers; one that names none offers all."""
    return [each.code for each in row.kinds] or list(ConsultationCode)


def of_nurse(row: Role, shifts: Sequence[Shift]) -> Json:
    """Show when a nurse works: the first and the last of her shifts tell how far that is planned."""
    person = row.practitioner
    nurse = full_name(person.given_name, person.family_name, person.title)
    return without_none(
        {
            "resourceType": "Schedule",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "active": row.is_active,
            "serviceType": [concept(codes.SERVICE_TYPE, codes.HOME_VISIT, text="Hausbesuch")],
            "actor": [
                reference("Practitioner", person.id, nurse),
                reference("PractitionerRole", row.id, nurse),
            ],
            "planningHorizon": period(shifts[0].starts_at, shifts[-1].ends_at) if shifts else None,
        }
    )


ONLY_SENT = {"service-category": Sent("serviceCategory")}
"""What has no column anywhere: others send it with doctors' schedules, never with nurses'."""
ACTIVE = frozenset({"true", "false"})

_each = aliased(Shift)
_STARTS = select(_each.starts_at).where(_each.role_id == Shift.role_id)
_FIRST, _LAST = (
    _STARTS.with_only_columns(outermost(_each.starts_at)).scalar_subquery()
    for outermost in (func.min, func.max)
)

NURSES = ServedResource(
    kind="Schedule",
    table=Role,
    only=Role.kind == RoleKind.NURSE,
    about="Nurses' working hours.",
    to_fhir=of_nurse,
    synthetic=invented(Role.organisation_id),
    load=(joinedload(Role.practitioner), joinedload(Role.organisation)),
    alongside=(
        Alongside(
            select(Shift)
            .where(or_(Shift.starts_at == _FIRST, Shift.starts_at == _LAST))
            .order_by(Shift.starts_at),
            Shift.role_id,
        ),
    ),
    affected_by=(
        Dependency(Shift, key="role_id"),
        Dependency(
            Practitioner,
            ids=lambda keys: select(Role.id).where(Role.practitioner_id.in_(keys)),
            attributes=NAMES,
        ),
        on_organisation(Role.id, Role.organisation_id),
    ),
    sent_paths=ONLY_SENT,
    parameters={
        "active": Token(
            (carriers.flag(Role.is_active),), f"{codes.HL7_PARAMETER}Schedule-active", allowed=ACTIVE
        ),
        "service-type": Token(
            (
                carriers.cases(
                    codes.SERVICE_TYPE,
                    {codes.HOME_VISIT: Role.id.is_not(None)},
                    {codes.HOME_VISIT: "Hausbesuch"},
                ),
            ),
            f"{codes.HL7_PARAMETER}Schedule-service-type",
        ),
        "specialty": Token(
            (carriers.cases(codes.SPECIALTY, {}),), f"{codes.HL7_PARAMETER}Schedule-specialty"
        ),
        "actor": Reference(
            (
                carriers.ids("Practitioner", Role.practitioner_id),
                carriers.ids("PractitionerRole", Role.id),
                carriers.implied(carriers.ids("HealthcareService", Role.organisation_id)),
            ),
            f"{codes.HL7_PARAMETER}Schedule-actor",
        ),
    },
)


def _offers(kind: ConsultationCode) -> ColumnElement[bool]:
    """SQL of `kinds_of`."""
    named = select(ConsultationKind.id).where(ConsultationKind.schedule_id == Schedule.id)
    return or_(~named.exists(), named.where(ConsultationKind.code == kind).exists())


SCHEDULE = ServedResource(
    kind="Schedule",
    table=Schedule,
    about="Doctors' video hours; nurses' working hours, which are only shown.",
    to_fhir=to_fhir,
    synthetic=invented(Schedule.organisation_id),
    load=(
        joinedload(Schedule.role).joinedload(Role.practitioner),
        joinedload(Schedule.organisation),
        selectinload(Schedule.kinds),
    ),
    affected_by=(
        Dependency(ConsultationKind, key="schedule_id", attributes=frozenset({"code", "schedule_id"})),
        Dependency(
            Role,
            ids=lambda keys: select(Schedule.id).where(Schedule.role_id.in_(keys)),
            attributes=frozenset({"practitioner_id"}),
        ),
        Dependency(
            Practitioner,
            ids=lambda keys: select(Schedule.id).join(Schedule.role).where(Role.practitioner_id.in_(keys)),
            attributes=NAMES,
        ),
        on_organisation(Schedule.id, Schedule.organisation_id),
    ),
    sent_paths={
        **ONLY_SENT,
        "service-type": Sent("serviceType"),
        "specialty": Sent("specialty"),
        "actor": Sent(
            "actor", frozenset({"HealthcareService", "Location", "Practitioner", "PractitionerRole"})
        ),
    },
    parameters={
        "active": Token(
            (carriers.flag(Schedule.is_active),), f"{codes.HL7_PARAMETER}Schedule-active", allowed=ACTIVE
        ),
        "service-type": Token(
            (
                consultation.searched(
                    consultation.by_kind(
                        Schedule.id.is_not(None),
                        assisted=_offers(ConsultationCode.ASSISTED),
                        colleague=_offers(ConsultationCode.COLLEAGUE),
                    )
                ),
            ),
            f"{codes.HL7_PARAMETER}Schedule-service-type",
        ),
        "specialty": Token(
            (carriers.texts(codes.SPECIALTY, Schedule.specialty),),
            f"{codes.HL7_PARAMETER}Schedule-specialty",
        ),
        "actor": Reference(
            (
                carriers.ids("Practitioner", Schedule.practitioner_id),
                carriers.ids("PractitionerRole", Schedule.role_id),
                # ISiK allows no second actor of its types in the document, but asks by this one.
                carriers.implied(carriers.ids("HealthcareService", Schedule.organisation_id)),
            ),
            f"{codes.HL7_PARAMETER}Schedule-actor",
        ),
    },
    profiles=(codes.ISIK_SCHEDULE,),
    also=(NURSES,),
)
