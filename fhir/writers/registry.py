"""Every kind of resource that other systems may write. Whoever adds a writer adds its line here."""

from collections.abc import Mapping

from fhir.issues import NotSupported
from fhir.mapping.registry import get_resource
from fhir.writers.appointment import APPOINTMENT_WRITER
from fhir.writers.appointment_response import APPOINTMENT_RESPONSE_WRITER
from fhir.writers.care_plan import CARE_PLAN_WRITER
from fhir.writers.encounter import ENCOUNTER_WRITER
from fhir.writers.healthcare_service import HEALTHCARE_SERVICE_WRITER
from fhir.writers.held import HELD_WRITERS
from fhir.writers.location import LOCATION_WRITER
from fhir.writers.organization import ORGANIZATION_WRITER
from fhir.writers.patient import PATIENT_WRITER
from fhir.writers.practitioner import PRACTITIONER_WRITER
from fhir.writers.practitioner_role import PRACTITIONER_ROLE_WRITER
from fhir.writers.schedule import SCHEDULE_WRITER
from fhir.writers.service_request import SERVICE_REQUEST_WRITER
from fhir.writers.slot import SLOT_WRITER
from fhir.writers.subscription import SUBSCRIPTION_WRITER
from fhir.writers.writer import Writer

WRITERS: Mapping[str, Writer] = {
    "Appointment": APPOINTMENT_WRITER,
    "AppointmentResponse": APPOINTMENT_RESPONSE_WRITER,
    "CarePlan": CARE_PLAN_WRITER,
    "Encounter": ENCOUNTER_WRITER,
    "HealthcareService": HEALTHCARE_SERVICE_WRITER,
    "Location": LOCATION_WRITER,
    "Organization": ORGANIZATION_WRITER,
    "Patient": PATIENT_WRITER,
    "Practitioner": PRACTITIONER_WRITER,
    "PractitionerRole": PRACTITIONER_ROLE_WRITER,
    "Schedule": SCHEDULE_WRITER,
    "ServiceRequest": SERVICE_REQUEST_WRITER,
    "Slot": SLOT_WRITER,
    "Subscription": SUBSCRIPTION_WRITER,
    **HELD_WRITERS,
}


def get_writer(kind: str, interaction: str) -> Writer:
    """Return who writes a kind of resource.

    Args:
        kind: Of resource, e.g. `Patient`.
        interaction: `create`, `update` or `delete`.

    Raises:
        UnknownKind: No such resource is served.
        NotSupported: Resources of this kind do not take this interaction.
    """
    get_resource(kind)
    writer = WRITERS.get(kind)
    if writer is None or interaction not in writer.interactions:
        raise NotSupported(
            f"{kind} does not take the interaction {interaction} here: /fhir/metadata lists what it takes"
        )
    return writer
