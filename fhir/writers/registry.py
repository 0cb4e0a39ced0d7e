"""Every kind of resource that other systems may write. Whoever adds a writer adds its line here."""

from collections.abc import Mapping

from fhir.issues import NotSupported
from fhir.mapping.registry import get_resource
from fhir.writers.appointment_response import APPOINTMENT_RESPONSE_WRITER
from fhir.writers.encounter import ENCOUNTER_WRITER
from fhir.writers.held import HELD_WRITERS
from fhir.writers.patient import PATIENT_WRITER
from fhir.writers.writer import Writer

WRITERS: Mapping[str, Writer] = {
    "Patient": PATIENT_WRITER,
    "AppointmentResponse": APPOINTMENT_RESPONSE_WRITER,
    "Encounter": ENCOUNTER_WRITER,
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
