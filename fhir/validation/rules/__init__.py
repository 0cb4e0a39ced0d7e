"""Rules between elements, which no list of elements can know: one function each.

A rule gets an element and its FHIRPath and yields what is broken. It may meet anything, so it reads by
`fhir.validation.reading`. Names are FHIR's own (`app-3`) or those of the profiles. To add a rule: write it,
then list it here under the type it looks at.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation.rules import datatypes, german, isik, isik_persons, narrative, resources
from fhir.validation.rules.timing import timing

Rule = Callable[[Json, str], Iterator[Issue]]

RULES: Mapping[str, tuple[Rule, ...]] = {
    "Address": (german.address,),
    "Age": (datatypes.quantity,),
    "Appointment": (resources.appointment, datatypes.period),
    "AppointmentParticipant": (resources.appointment_participant,),
    "AppointmentResponse": (resources.appointment_response, datatypes.period),
    "Attachment": (datatypes.attachment,),
    "AuditEventEntity": (resources.audit_event_entity,),
    "CarePlanActivity": (resources.care_plan_activity,),
    "CareTeamParticipant": (resources.care_team_participant,),
    "Consent": (resources.consent,),
    "ContactPoint": (datatypes.contact_point,),
    "Count": (datatypes.quantity,),
    "Distance": (datatypes.quantity,),
    "Duration": (datatypes.quantity,),
    "Extension": (datatypes.extension, german.extension),
    "HumanName": (german.human_name,),
    "Identifier": (german.identifier,),
    "List": (resources.list_,),
    "Narrative": (narrative.narrative,),
    "Organization": (resources.organization,),
    "ParametersParameter": (resources.parameter,),
    "Patient": (german.official_gender,),
    "PatientContact": (resources.patient_contact,),
    "Period": (datatypes.period,),
    "Practitioner": (german.official_gender,),
    "Quantity": (datatypes.quantity,),
    "Range": (datatypes.range_,),
    "Ratio": (datatypes.ratio,),
    "RelatedPerson": (german.official_gender,),
    "ServiceRequest": (resources.service_request,),
    "Slot": (datatypes.period,),
    "Task": (resources.task,),
    "TimingRepeat": (timing,),
}

PROFILES: Mapping[tuple[str, str], tuple[Rule, ...]] = {
    ("Appointment", "ISiKTermin"): (isik.appointment,),
    ("Communication", "ISiKNachricht"): (isik.message,),
    ("Encounter", "ISiKKontaktGesundheitseinrichtung"): (isik.encounter,),
    ("Encounter", "ISiKTerminKontaktMitGesundheitseinrichtung"): (isik.encounter,),
    ("HealthcareService", "ISiKMedizinischeBehandlungseinheit"): (isik.healthcare_service,),
    ("Patient", "ISiKPatient"): (isik_persons.patient,),
    ("Practitioner", "ISiKPersonImGesundheitsberuf"): (isik_persons.practitioner,),
    ("RelatedPerson", "ISiKAngehoeriger"): (isik_persons.related_person,),
    ("Schedule", "ISiKKalender"): (isik.schedule,),
    ("Slot", "ISiKTerminblock"): (isik.slot,),
}
"""By kind and name of gematik's profile: its address changes with the level (`/v3/Terminplanung/`)."""

ISIK_PROFILE = re.compile(
    r"https://gematik\.de/fhir/isik/(?:[^|]*/)?StructureDefinition/([A-Za-z]+)(?:\|.*)?"
)


def profile_rules(kind: str, profiles: Iterable[object]) -> Iterator[Rule]:
    """Yield the rules of all profiles that a resource claims and that we know, and those of its contents."""
    yield resources.contained
    for profile in profiles:
        found = ISIK_PROFILE.fullmatch(profile) if isinstance(profile, str) else None
        if found is not None:
            yield from PROFILES.get((kind, found[1]), ())
