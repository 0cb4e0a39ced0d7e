"""Encounter: that somebody met a patient: a visit that was made, a video consultation that was held.

Shape: https://hl7.org/fhir/R4/encounter.html. Another system's is held as it was sent; what we recorded
ourselves is shown from its columns: class HH (home health) for a visit, VR (virtual) for a consultation.
"""

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from careapp.appointments.models import Appointment
from careapp.records.held import HeldEncounter
from careapp.visits.models import Visit
from fhir.mapping import codes
from fhir.mapping.elements import Json, meta, period, reference, without_none
from fhir.mapping.held.declared import (
    PATIENT,
    SERVED,
    date,
    named,
    parameters,
    token,
)
from fhir.mapping.held.declared import (
    reference as referring,
)
from fhir.mapping.held.declared import (
    to_fhir as as_sent,
)
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import invented, on_organisation

CLASSES = {True: ("HH", "home health"), False: ("VR", "virtual")}
"""Of `ACT_CODE`: of a visit, of a video consultation."""


def to_fhir(row: HeldEncounter) -> Json:
    """Show what was sent, else what was recorded."""
    return _recorded(row) if row.content is None else as_sent(row)


def _recorded(row: HeldEncounter) -> Json:
    appointment = row.appointment
    code, display = CLASSES[isinstance(appointment, Visit)]
    order = appointment.care_order_id if isinstance(appointment, Visit) else None
    return without_none(
        {
            "resourceType": "Encounter",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "status": "finished" if row.ended_at else "in-progress",
            "class": {"system": codes.ACT_CODE, "code": code, "display": display},
            "subject": row.patient_id and reference("Patient", row.patient_id),
            "basedOn": [reference("ServiceRequest", order)] if order else None,
            "participant": [{"individual": reference("Practitioner", row.practitioner_id)}]
            if row.practitioner_id
            else None,
            "appointment": [reference("Appointment", row.appointment_id)] if row.appointment_id else None,
            "period": period(row.began_at, row.ended_at),
            "location": [{"location": reference("Location", row.place_id)}]
            if row.place_id and code == "HH"
            else None,
            "serviceProvider": reference("Organization", row.organisation_id),
        }
    )


ENCOUNTER = ServedResource(
    kind="Encounter",
    table=HeldEncounter,
    about="Visits that were made, consultations that were held, others' encounters as they were sent.",
    to_fhir=to_fhir,
    synthetic=invented(HeldEncounter.organisation_id),
    load=(joinedload(HeldEncounter.organisation), selectinload(HeldEncounter.appointment)),
    affected_by=(
        Dependency(
            Appointment,
            ids=lambda keys: select(HeldEncounter.id).where(HeldEncounter.appointment_id.in_(keys)),
            attributes=frozenset({"care_order_id"}),
        ),
        on_organisation(HeldEncounter.id, HeldEncounter.organisation_id),
    ),
    parameters=parameters(
        "Encounter",
        HeldEncounter.id,
        {
            "account": referring("account", to=frozenset({"Account"})),
            "appointment": referring("appointment", to=frozenset({"Appointment"})),
            "based-on": referring("basedOn", to=frozenset({"ServiceRequest"})),
            "class": token("class"),
            "date": named("clinical-date", date("period")),
            "date-start": date("period.start"),
            "diagnosis": referring("diagnosis.condition", to=frozenset({"Condition", "Procedure"})),
            "end-date": date("period.end"),
            "episode-of-care": referring("episodeOfCare", to=frozenset({"EpisodeOfCare"})),
            "identifier": named("clinical-identifier", token("identifier")),
            "location": referring("location.location", to=frozenset({"Location"})),
            "location-period": date("location.period"),
            "part-of": referring("partOf", to=frozenset({"Encounter"})),
            "participant": referring(
                "participant.individual",
                to=frozenset({"Practitioner", "PractitionerRole", "RelatedPerson"}),
            ),
            "participant-type": token("participant.type"),
            "patient": named("clinical-patient", referring("subject", to=PATIENT, only=True)),
            "practitioner": referring("participant.individual", to=frozenset({"Practitioner"}), only=True),
            "reason-code": token("reasonCode"),
            "reason-reference": referring("reasonReference", to=SERVED),
            "service-provider": referring("serviceProvider", to=frozenset({"Organization"})),
            "special-arrangement": token("hospitalization.specialArrangement"),
            "status": token("status", system="http://hl7.org/fhir/encounter-status"),
            "subject": referring("subject", to=PATIENT),
            "type": named("clinical-type", token("type")),
        },
    ),
    order="date",
)
