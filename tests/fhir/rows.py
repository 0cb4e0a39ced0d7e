"""Rows that only FHIR tests need, beside those of `tests.careapp.worlds`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import orjson
from sqlalchemy.orm import Session

from careapp.appointments.models import AppointmentStatus
from careapp.consultations.models import Booking, Slot, SlotStatus
from careapp.people.models import Patient, Role
from careapp.records.held import (
    HeldAppointmentResponse,
    HeldCareTeam,
    HeldCommunication,
    HeldConsent,
    HeldEncounter,
    HeldProvenance,
    HeldRelatedPerson,
    HeldResource,
    HeldTask,
)
from careapp.records.models import AuditEvent
from careapp.subscriptions.models import (
    Channel,
    Content,
    Delivery,
    Subscription,
    SubscriptionStatus,
)
from careapp.tours.models import Plan, Shift, Stop, Tour, TourBreak, TourStatus
from careapp.visits.models import Visit
from tests.careapp.worlds import (
    DAY,
    World,
    a_patient,
    a_place,
    a_shift,
    a_slot,
    a_visit,
    a_world,
    an_order,
    moment,
)

Held = TypeVar("Held", bound=HeldResource)


def a_plan(session: Session) -> Plan:
    plan = Plan(
        id=uuid4(),
        date=DAY,
        made_at=moment(16),
        seed=0,
        version="1",
        iterations=1,
        seconds=1.0,
        travel_source="estimate",
        cost=1,
        cost_terms={},
    )
    session.add(plan)
    session.flush()
    return plan


def a_tour(
    session: Session,
    nurse: Role,
    visits: Sequence[Visit],
    *,
    plan: Plan | None = None,
    shift: Shift | None = None,
    service: int = 0,
    is_published: bool = False,
) -> Tour:
    """Plan some visits, one each half hour from 06:00 UTC; `service` tells which nurse of them this is."""
    plan = plan or a_plan(session)
    shift = shift or a_shift(session, nurse)
    tour = Tour(
        id=uuid4(),
        organisation_id=nurse.organisation_id,
        plan_id=plan.id,
        shift_id=shift.id,
        role_id=nurse.id,
        practitioner_id=nurse.practitioner_id,
        date=DAY,
        status=TourStatus.PUBLISHED if is_published else TourStatus.PROPOSED,
        published_at=moment(17) if is_published else None,
        leaves_at=moment(5, 50),
        returns_at=moment(9),
        travel_s=1200,
        metres=9000,
        waiting_s=60,
        last_leg_s=600,
        stops=[],
        breaks=[TourBreak(starts_at=moment(8), ends_at=moment(8, 30))],
    )
    for position, visit in enumerate(visits):
        starts_at = moment(6) + timedelta(minutes=30 * position)
        visit.starts_at, visit.ends_at = starts_at, starts_at + timedelta(seconds=visit.duration_s)
        visit.status = AppointmentStatus.BOOKED if is_published else AppointmentStatus.PROPOSED
        tour.stops.append(
            Stop(
                id=uuid4(),
                position=position,
                service_id=visit.services[service].id,
                visit_id=visit.id,
                arrives_at=starts_at - timedelta(minutes=1),
                starts_at=starts_at,
                ends_at=visit.ends_at,
                travel_s=480,
                metres=4500,
            )
        )
    session.add(tour)
    session.flush()
    return tour


def a_booking(session: Session, slot: Slot, patient: Patient, *, visit: Visit | None = None) -> Booking:
    slot.status = SlotStatus.BUSY
    booking = Booking(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient.id,
        status=AppointmentStatus.BOOKED,
        title="Videosprechstunde",
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        slot_id=slot.id,
        visit_id=visit and visit.id,
    )
    session.add(booking)
    session.flush()
    return booking


TEST_DATA = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}


def a_held(session: Session, model: type[Held], patient: Patient, elements: dict[str, Any]) -> Held:
    """Hold a document about a patient, marked as invented."""
    row = model(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient.id,
        content=orjson.dumps({"meta": {"tag": [TEST_DATA]}, **elements}),
    )
    session.add(row)
    session.flush()
    return row


def held_ones(session: Session, served: "Served") -> None:
    """Add a held resource of each kind, our own records, and what the audit says of one."""
    patient, visit = served.world.patients[0], served.double
    about = {"reference": f"Patient/{patient.id}"}
    nurse = {"reference": f"Practitioner/{served.world.nurses[0].practitioner_id}"}
    appointment = {"reference": f"Appointment/{visit.id}"}
    concept = {"text": "Probe"}

    def held(model: type[Held], **elements: Any) -> Held:
        return a_held(session, model, patient, elements)

    task = held(
        HeldTask,
        status="requested",
        intent="order",
        code=concept,
        focus=appointment,
        **{"for": about},
        authoredOn="2026-03-02T17:00:00Z",
        owner=nurse,
    )
    held(HeldCareTeam, status="active", subject=about, participant=[{"member": nurse}])
    held(HeldCommunication, status="completed", subject=about, sent="2026-03-02T17:00:00Z", sender=nurse)
    held(HeldRelatedPerson, active=True, patient=about, name=[{"family": "Probst", "given": ["Karl"]}])
    held(
        HeldConsent,
        status="active",
        scope=concept,
        category=[concept],
        patient=about,
        dateTime="2026-03-02",
        policyRule=concept,
    )
    answer = held(HeldAppointmentResponse, appointment=appointment, actor=nurse, participantStatus="accepted")
    answer.appointment_id, answer.actor_id = visit.id, served.world.nurses[0].practitioner_id
    answer.answer, answer.answered_at = "accepted", moment(17)
    common = {"organisation_id": served.world.organisation_id}
    tour = served.tours[0]
    session.add_all(
        [
            HeldEncounter(
                id=uuid4(),
                patient_id=patient.id,
                appointment_id=visit.id,
                practitioner_id=served.world.nurses[0].practitioner_id,
                place_id=patient.home_id,
                began_at=moment(6),
                ended_at=moment(6, 20),
                **common,
            ),
            HeldProvenance(
                id=uuid4(),
                plan_id=tour.plan_id,
                recorded_at=tour.published_at,
                recorded_by="coordinator",
                **common,
            ),
            AuditEvent(
                id=uuid4(),
                at=moment(6),
                viewer="coordinator",
                action="hold_resource",
                subject_kind="held_resource",
                subject_id=task.id,
                detail={"kind": "Task"},
                **common,
            ),
        ]
    )
    session.flush()


def a_subscription(session: Session, **more: Any) -> Subscription:
    """Listen to all appointments by REST hook, already active."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "asked_by": "listener",
        "status": SubscriptionStatus.ACTIVE,
        "topic": "https://gematik.de/fhir/isik/SubscriptionTopic/Resource/Appointment",
        "filters": [],
        "reason": "to know",
        "channel": Channel.REST_HOOK,
        "endpoint": "http://127.0.0.1:9/hook",
        "headers": ["Authorization: Bearer secret"],
        "payload_type": "application/fhir+json",
        "content": Content.ID_ONLY,
        "base_url": "https://care.example/fhir",
        "created_at": moment(16),
    }
    subscription = Subscription(**values | more)
    session.add(subscription)
    session.flush()
    session.add(Delivery(subscription_id=subscription.id, events=0, acknowledged=0, attempts=0, token=0))
    session.flush()
    return subscription


@dataclass(frozen=True)
class Served:
    """A world in which every kind of resource occurs."""

    world: World
    double: Visit
    tours: list[Tour]
    booking: Booking
    free_slot: Slot


def a_served_world(session: Session, *, holds: bool = True) -> Served:
    """Build a world with published tours, a double visit, two unplanned visits, and a booking."""
    world = a_world(session)
    first, second = world.nurses
    double = a_visit(session, world.patients[0], services=({"care": 2}, {}), order=world.orders[0])
    plan = a_plan(session)
    tours = [
        a_tour(
            session,
            first,
            [double, *world.visits[:2]],
            plan=plan,
            shift=world.shifts[0],
            is_published=True,
        ),
        a_tour(session, second, [double], plan=plan, shift=world.shifts[1], service=1, is_published=True),
    ]
    booking = a_booking(session, world.slot, world.patients[1], visit=world.visits[1])
    a_visit(session, world.patients[1])
    free_slot = a_slot(session, world.schedule, starts_at=moment(9))
    # What may be missing, is missing somewhere.
    bare = a_place(session, world.organisation)
    bare.street = bare.house_number = bare.city = bare.district = bare.postal_code = None
    stranger = a_patient(session, world.organisation, home=bare, family_name="Unbekannt")
    stranger.birth_date = stranger.insurance_number = None
    an_order(session, stranger, recurrence="FREQ=MONTHLY;BYDAY=1MO", skills=(), is_active=False)
    world.doctor.practitioner.title = "Dr."
    world.practice.phone = "02931 1000"
    a_subscription(session, filters=["Appointment?status=cancelled"], heartbeat_s=60)
    session.flush()
    served = Served(world, double, tours, booking, free_slot)
    if holds:
        held_ones(session, served)
    return served
