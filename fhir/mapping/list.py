"""List: a nurse's tour, its entries the visits in their order.

Shape: https://hl7.org/fhir/R4/list.html. No resource of R4 is a route, so distances and times of arrival are
extensions. `mode` tells a proposal (working) from a promise (snapshot).
"""

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from careapp.people.models import Practitioner, Role
from careapp.tours.models import Plan, Stop, Tour, TourBreak, TourStatus
from fhir.mapping import codes
from fhir.mapping.elements import (
    Json,
    concept,
    extension,
    full_name,
    instant,
    meta,
    period,
    reference,
    without_none,
)
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import NAMES, invented, on_organisation
from fhir.search import carriers
from fhir.search.dates import Day, Instant
from fhir.search.references import Reference
from fhir.search.tokens import Token


def to_fhir(row: Tour) -> Json:
    """Show a tour's row with its stops and breaks."""
    person = row.role.practitioner
    name = full_name(person.given_name, person.family_name, person.title)
    is_published = row.status == TourStatus.PUBLISHED
    return without_none(
        {
            "resourceType": "List",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "extension": [
                extension("tour-date", valueDate=row.date.isoformat()),
                extension("tour-period", valuePeriod=period(row.leaves_at, row.returns_at)),
                *_travel(row.travel_s, row.metres),
                extension("last-leg-seconds", valueUnsignedInt=row.last_leg_s),
                extension("waiting-seconds", valueUnsignedInt=row.waiting_s),
                *(
                    extension("break", valuePeriod=period(pause.starts_at, pause.ends_at))
                    for pause in row.breaks
                ),
            ],
            "status": "current",
            "mode": "snapshot" if is_published else "working",
            "title": f"Tour {row.date.isoformat()} {name}",
            "code": concept(codes.LIST_CODE, codes.TOUR, display="Tour"),
            "date": instant(row.published_at or row.plan.made_at),
            "source": reference("PractitionerRole", row.role_id, name),
            "orderedBy": concept(codes.LIST_ORDER, "event-date"),
            "entry": [_entry(stop) for stop in row.stops],
        }
    )


def _entry(stop: Stop) -> Json:
    return {
        "extension": [
            extension("arrival", valueInstant=instant(stop.arrives_at)),
            extension("service-period", valuePeriod=period(stop.starts_at, stop.ends_at)),
            *_travel(stop.travel_s, stop.metres),
        ],
        "item": reference("Appointment", stop.visit_id),
    }


def _travel(seconds: int, metres: int) -> list[Json]:
    return [
        extension("travel-seconds", valueUnsignedInt=seconds),
        extension("travel-metres", valueUnsignedInt=metres),
    ]


MADE_AT = select(Plan.made_at).where(Plan.id == Tour.plan_id).scalar_subquery()

LIST = ServedResource(
    kind="List",
    table=Tour,
    about="Nurses' tours: appointments in the order of the day, with legs and arrivals as extensions.",
    to_fhir=to_fhir,
    synthetic=invented(Tour.organisation_id),
    load=(
        joinedload(Tour.role).joinedload(Role.practitioner),
        joinedload(Tour.organisation),
        joinedload(Tour.plan),
        selectinload(Tour.stops),
        selectinload(Tour.breaks),
    ),
    affected_by=(
        Dependency(Stop, key="tour_id"),
        Dependency(TourBreak, key="tour_id"),
        Dependency(
            Plan,
            ids=lambda keys: select(Tour.id).where(Tour.plan_id.in_(keys)),
            attributes=frozenset({"made_at"}),
        ),
        Dependency(
            Role,
            ids=lambda keys: select(Tour.id).where(Tour.role_id.in_(keys)),
            attributes=frozenset({"practitioner_id"}),
        ),
        Dependency(
            Practitioner,
            ids=lambda keys: select(Tour.id).join(Tour.role).where(Role.practitioner_id.in_(keys)),
            attributes=NAMES,
        ),
        on_organisation(Tour.id, Tour.organisation_id),
    ),
    parameters={
        "code": Token(
            (carriers.cases(codes.LIST_CODE, {codes.TOUR: Tour.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}clinical-code",
        ),
        "status": Token(
            (carriers.cases("http://hl7.org/fhir/list-status", {"current": Tour.id.is_not(None)}),),
            f"{codes.HL7_PARAMETER}List-status",
        ),
        "date": Instant(func.coalesce(Tour.published_at, MADE_AT), f"{codes.HL7_PARAMETER}clinical-date"),
        "tour-date": Day(Tour.date, f"{codes.OUR_PARAMETER}List-tour-date"),
        "source": Reference(
            (carriers.ids("PractitionerRole", Tour.role_id),), f"{codes.HL7_PARAMETER}List-source"
        ),
        "item": Reference(
            (carriers.elsewhere(carriers.ids("Appointment", Stop.visit_id), Stop.tour_id == Tour.id),),
            f"{codes.HL7_PARAMETER}List-item",
        ),
    },
    order="tour-date",
)
