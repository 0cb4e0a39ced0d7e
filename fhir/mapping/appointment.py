"""Appointment: a planned home visit, or a booked video slot.

Shape: https://hl7.org/fhir/R4/appointment.html. A visit is a request with its windows until it is planned,
then an appointment of patient, nurses and home; a double visit is one appointment with two nurses. A booking
is an ISiKTermin of patient and doctor; it points to the visit at which a nurse assists.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, union
from sqlalchemy.orm import joinedload, selectin_polymorphic, selectinload

from careapp.appointments.models import Appointment, AppointmentKind, AppointmentStatus
from careapp.calls.models import Call
from careapp.consultations.models import Booking, ConsultationCode, FurtherSlot, Schedule, Slot
from careapp.organisations.models import Place
from careapp.people.models import Patient, Practitioner, Role
from careapp.records.held import HeldAppointmentResponse
from careapp.tours.models import Stop, Tour
from careapp.visits.models import Service, Visit, VisitWindow
from fhir.mapping import codes, consultation
from fhir.mapping.elements import (
    Json,
    concept,
    extension,
    full_name,
    instant,
    meta,
    period,
    place_name,
    reference,
    without_none,
)
from fhir.mapping.resource import Alongside, Dependency, ServedResource
from fhir.mapping.tenant import NAMES, invented, on_organisation
from fhir.search import carriers
from fhir.search.beside import Sent
from fhir.search.dates import Instant
from fhir.search.references import Reference
from fhir.search.tokens import Token

PRIORITIES = {4: 1, 3: 3, 2: 5, 1: 9}
"""Ours (4 must never be left out) as FHIR's, which are iCalendar's: 1 is the highest, 9 the lowest."""

# What a participant has agreed to: a proposal binds nobody.
ACCEPTED = {
    AppointmentStatus.PROPOSED: "tentative",
    AppointmentStatus.PENDING: "tentative",
    AppointmentStatus.BOOKED: "accepted",
    AppointmentStatus.ARRIVED: "accepted",
    AppointmentStatus.CHECKED_IN: "accepted",
    AppointmentStatus.FULFILLED: "accepted",
    AppointmentStatus.NOSHOW: "accepted",
    AppointmentStatus.CANCELLED: "declined",
    AppointmentStatus.ENTERED_IN_ERROR: "declined",
}
CALLED_OFF = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR})


def to_fhir(
    row: Appointment,
    stops: Sequence[Stop],
    answers: Sequence[HeldAppointmentResponse] = (),
    calls: Sequence[Call] = (),
) -> Json:
    """Show a visit with its nurses, or a booking with its doctor, and what they answered."""
    profiles: tuple[str, ...] = ()
    extensions: list[Json] = []
    own: Json
    if isinstance(row, Booking):
        profiles = (codes.ISIK_APPOINTMENT,)
        extensions = [
            {
                "url": codes.FROM_R5 + "Appointment.class",
                "valueCodeableConcept": concept(codes.ACT_CODE, "VR"),
            },
            consultation.virtual_service(calls[0] if calls else None),
        ]
        if row.replaces_id is not None:
            extensions.append(
                {"url": codes.REPLACES, "valueReference": reference("Appointment", row.replaces_id)}
            )
        own = _of_booking(row)
    else:
        assert isinstance(row, Visit)  # noqa: S101 -- there is no third kind
        if len(row.services) > 1:
            extensions = [extension("crew-size", valuePositiveInt=len(row.services))]
        own = _of_visit(row, stops)
    return without_none(
        {
            "resourceType": "Appointment",
            "id": str(row.id),
            "meta": meta(*profiles, is_synthetic=row.organisation.is_synthetic),
            "extension": extensions,
            "status": row.status.value,
            "cancelationReason": concept(codes.CANCELLATION_REASON, row.cancelled_because)
            if row.cancelled_because
            else None,
            "serviceType": own.get("serviceType"),
            "specialty": own.get("specialty"),
            "priority": own.get("priority"),
            "description": row.title,
            "supportingInformation": own.get("supportingInformation"),
            "start": row.starts_at and instant(row.starts_at),
            "end": row.ends_at and instant(row.ends_at),
            "minutesDuration": own.get("minutesDuration"),
            "slot": own.get("slot"),
            "basedOn": own.get("basedOn"),
            "participant": _answered(
                row,
                [_participant(row, "Patient", row.patient_id, _name(row.patient)), *own["participant"]],
                answers,
            ),
            "requestedPeriod": own.get("requestedPeriod"),
        }
    )


def _of_visit(row: Visit, stops: Sequence[Stop]) -> Json:
    nurses = {stop.tour.practitioner_id: stop.tour.role.practitioner for stop in stops}
    length = timedelta(seconds=row.duration_s)
    return {
        "serviceType": [concept(codes.SERVICE_TYPE, codes.HOME_VISIT, text="Hausbesuch")],
        "priority": PRIORITIES[row.priority],
        "minutesDuration": -(-row.duration_s // 60),
        "basedOn": [reference("ServiceRequest", row.care_order_id)] if row.care_order_id else None,
        "participant": [
            *(_participant(row, "Practitioner", key, _name(person)) for key, person in nurses.items()),
            _participant(row, "Location", row.patient.known_home.id, place_name(row.patient.known_home)),
        ],
        # Our window is for the start of a visit, FHIR's for all of it.
        "requestedPeriod": [period(window.earliest, window.latest + length) for window in row.windows],
    }


def _of_booking(row: Booking) -> Json:
    schedule = row.slot.schedule
    doctor = schedule.role.practitioner
    return {
        "serviceType": consultation.service_types(row.consultation),
        "specialty": [concept(codes.SPECIALTY, schedule.specialty)],
        "supportingInformation": [reference("Appointment", row.visit_id)] if row.visit_id else None,
        "slot": [
            reference("Slot", row.slot_id),
            *(reference("Slot", part.slot_id) for part in row.further_slots),
        ],
        "participant": [_participant(row, "Practitioner", schedule.practitioner_id, _name(doctor))],
    }


def _participant(row: Appointment, kind: str, key: Any, display: str) -> Json:
    return {
        "actor": reference(kind, key, display),
        "required": "required",
        "status": ACCEPTED[row.status],
    }


def _answered(
    row: Appointment, participants: list[Json], answers: Sequence[HeldAppointmentResponse]
) -> list[Json]:
    """Put the last answer of each participant in the place of what the appointment's status says."""
    if row.status in CALLED_OFF:
        return participants
    last = {str(each.actor_id): each.answer for each in answers if each.actor_id and each.answer}
    return [
        {**each, "status": last.get(each["actor"]["reference"].partition("/")[2], each["status"])}
        for each in participants
    ]


def _name(person: Patient | Practitioner) -> str:
    return full_name(person.given_name, person.family_name, getattr(person, "title", None))


# The tables without their base, or a subquery would join the appointments once more.
_BOOKING, _VISIT = Booking.__table__.c, Visit.__table__.c
VISITED = (Stop.visit_id == Appointment.id, Tour.id == Stop.tour_id)
BOOKED = (_BOOKING.id == Appointment.id, Slot.id == _BOOKING.slot_id, Schedule.id == Slot.schedule_id)
"""The ways from an appointment to its nurses' tours and to its doctor's schedule, for search."""

WHO = (carriers.ids("Patient", Appointment.patient_id),)
WITH_WHOM = (
    carriers.elsewhere(carriers.ids("Practitioner", Tour.practitioner_id), *VISITED),
    carriers.elsewhere(carriers.ids("Practitioner", Schedule.practitioner_id), *BOOKED),
)
WHERE = (
    carriers.elsewhere(
        carriers.ids("Location", Patient.home_id),
        Patient.id == Appointment.patient_id,
        Appointment.kind == AppointmentKind.VISIT,
    ),
)


PARTICIPANTS = frozenset(
    {"HealthcareService", "Location", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}
)
"""Types that others may name as participants, beside those that we show."""


def _bookings_of(*conditions: Any) -> Any:
    return (
        select(Booking.id)
        .join(Slot, Slot.id == Booking.slot_id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Role, Role.id == Schedule.role_id)
        .where(*conditions)
    )


def _is_of(kind: ConsultationCode) -> ColumnElement[bool]:
    its = select(_BOOKING.id).where(_BOOKING.id == Appointment.id, _BOOKING.consultation == kind)
    return its.exists()


APPOINTMENT = ServedResource(
    kind="Appointment",
    table=Appointment,
    about="Home visits and booked video consultations.",
    to_fhir=to_fhir,
    synthetic=invented(Appointment.organisation_id),
    load=(
        selectin_polymorphic(Appointment, [Visit, Booking]),
        joinedload(Appointment.patient).joinedload(Patient.home),
        joinedload(Appointment.organisation),
        selectinload(Visit.windows),
        selectinload(Visit.services),
        selectinload(Booking.slot)
        .joinedload(Slot.schedule)
        .joinedload(Schedule.role)
        .joinedload(Role.practitioner),
        selectinload(Booking.further_slots),
    ),
    alongside=(
        Alongside(
            select(Stop)
            .join(Service, Service.id == Stop.service_id)
            .options(joinedload(Stop.tour).joinedload(Tour.role).joinedload(Role.practitioner))
            .order_by(Stop.visit_id, Service.number),
            Stop.visit_id,
        ),
        Alongside(
            select(HeldAppointmentResponse).order_by(
                HeldAppointmentResponse.answered_at, HeldAppointmentResponse.id
            ),
            HeldAppointmentResponse.appointment_id,
        ),
        Alongside(select(Call), Call.booking_id),
    ),
    affected_by=(
        Dependency(HeldAppointmentResponse, key="appointment_id"),
        Dependency(Call, key="booking_id", attributes=frozenset({"provider"})),
        Dependency(VisitWindow, key="visit_id"),
        Dependency(Service, key="visit_id"),
        Dependency(Stop, key="visit_id"),
        Dependency(
            Tour,
            ids=lambda keys: select(Stop.visit_id).where(Stop.tour_id.in_(keys)),
            attributes=frozenset({"role_id", "practitioner_id"}),
        ),
        Dependency(
            Patient,
            ids=lambda keys: select(Appointment.id).where(Appointment.patient_id.in_(keys)),
            attributes=NAMES | {"home_id"},
        ),
        Dependency(
            Place,
            ids=lambda keys: (
                select(Appointment.id).join(Appointment.patient).where(Patient.home_id.in_(keys))
            ),
            attributes=frozenset({"name", "street", "house_number", "city", "latitude", "longitude"}),
        ),
        Dependency(
            Practitioner,
            ids=lambda keys: union(
                select(Stop.visit_id).join(Stop.tour).join(Tour.role).where(Role.practitioner_id.in_(keys)),
                _bookings_of(Role.practitioner_id.in_(keys)),
            ),
            attributes=NAMES,
        ),
        Dependency(
            Role,
            ids=lambda keys: union(
                select(Stop.visit_id).join(Stop.tour).where(Tour.role_id.in_(keys)),
                _bookings_of(Role.id.in_(keys)),
            ),
            attributes=frozenset({"practitioner_id"}),
        ),
        Dependency(FurtherSlot, key="booking_id"),
        Dependency(
            Slot,
            ids=lambda keys: select(Booking.id).where(Booking.slot_id.in_(keys)),
            attributes=frozenset({"schedule_id"}),
        ),
        Dependency(
            Schedule,
            ids=lambda keys: _bookings_of(Schedule.id.in_(keys)),
            attributes=frozenset({"role_id", "practitioner_id", "specialty"}),
        ),
        on_organisation(Appointment.id, Appointment.organisation_id),
    ),
    sent_paths={
        "service-type": Sent("serviceType"),
        "specialty": Sent("specialty"),
        "service-category": Sent("serviceCategory"),
        "appointment-type": Sent("appointmentType"),
        "reason-code": Sent("reasonCode"),
        "actor": Sent("participant.actor", PARTICIPANTS),
    },
    parameters={
        "status": Token(
            (
                carriers.members(
                    "http://hl7.org/fhir/appointmentstatus", Appointment.status, AppointmentStatus
                ),
            ),
            f"{codes.HL7_PARAMETER}Appointment-status",
            sort=Appointment.status,
        ),
        "service-type": Token(
            (
                consultation.searched(
                    {codes.HOME_VISIT: Appointment.kind == AppointmentKind.VISIT}
                    | consultation.by_kind(
                        Appointment.kind == AppointmentKind.BOOKING,
                        assisted=_is_of(ConsultationCode.ASSISTED),
                        colleague=_is_of(ConsultationCode.COLLEAGUE),
                    ),
                    {codes.HOME_VISIT: "Hausbesuch", **consultation.TEXTS},
                ),
            ),
            f"{codes.HL7_PARAMETER}Appointment-service-type",
        ),
        "specialty": Token(
            (carriers.elsewhere(carriers.texts(codes.SPECIALTY, Schedule.specialty), *BOOKED),),
            f"{codes.HL7_PARAMETER}Appointment-specialty",
        ),
        "date": Instant(Appointment.starts_at, f"{codes.HL7_PARAMETER}Appointment-date"),
        "part-status": Token(
            (
                carriers.cases(
                    "http://hl7.org/fhir/participationstatus",
                    {
                        answer: Appointment.status.in_(
                            [each for each in ACCEPTED if ACCEPTED[each] == answer]
                        )
                        for answer in sorted(set(ACCEPTED.values()))
                    },
                ),
            ),
            f"{codes.HL7_PARAMETER}Appointment-part-status",
        ),
        "patient": Reference(WHO, f"{codes.HL7_PARAMETER}Appointment-patient"),
        "practitioner": Reference(WITH_WHOM, f"{codes.HL7_PARAMETER}Appointment-practitioner"),
        "location": Reference(WHERE, f"{codes.HL7_PARAMETER}Appointment-location"),
        "actor": Reference((*WHO, *WITH_WHOM, *WHERE), f"{codes.HL7_PARAMETER}Appointment-actor"),
        "slot": Reference(
            (
                carriers.elsewhere(carriers.ids("Slot", _BOOKING.slot_id), _BOOKING.id == Appointment.id),
                carriers.elsewhere(
                    carriers.ids("Slot", FurtherSlot.slot_id), FurtherSlot.booking_id == Appointment.id
                ),
            ),
            f"{codes.HL7_PARAMETER}Appointment-slot",
        ),
        "supporting-info": Reference(
            (
                carriers.elsewhere(
                    carriers.ids("Appointment", _BOOKING.visit_id), _BOOKING.id == Appointment.id
                ),
            ),
            f"{codes.HL7_PARAMETER}Appointment-supporting-info",
        ),
        "based-on": Reference(
            (
                carriers.elsewhere(
                    carriers.ids("ServiceRequest", _VISIT.care_order_id),
                    _VISIT.id == Appointment.id,
                ),
            ),
            f"{codes.HL7_PARAMETER}Appointment-based-on",
        ),
    },
    order="date",
    profiles=(codes.ISIK_APPOINTMENT,),
)
