"""Appointments that do not exist yet: what IHE's $find proposes and $hold keeps.

They are made from slots whenever they are asked for. Their ids say of which slot or hold, and for which
patient: 64 characters at most, all that FHIR allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from careapp.consultations.models import Slot
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json, concept, extension, full_name, instant, reference, without_none
from fhir.search.carriers import parse_id

KIND = "Appointment"
HEX = 32


@dataclass(frozen=True)
class Proposed:
    """What the id of a proposed or held appointment says.

    Attributes:
        key: Id of the slot or of the hold.
        patient_id: For whom; None if nobody was named.
    """

    key: UUID
    patient_id: UUID | None = None

    @property
    def id(self) -> str:
        """As it is written."""
        return str(self.key) if self.patient_id is None else self.key.hex + self.patient_id.hex


def read_proposed(written: Any, asking: Asking) -> Proposed | None:
    """Read an id, or a reference to an Appointment with such an id; None if it is none of ours."""
    if isinstance(written, dict):
        written = written.get("reference")
    if not isinstance(written, str):
        return None
    name = written.removeprefix(f"{asking.base_url}/").removeprefix(f"{KIND}/").partition("/_history/")[0]
    if len(name) == 2 * HEX and name == name.lower():
        try:
            return Proposed(UUID(name[:HEX]), UUID(name[HEX:]))
        except ValueError:
            return None
    key = parse_id(name)
    return None if key is None else Proposed(key)


def propose(slots: Sequence[Slot], proposed: Proposed, *, status: str, until: datetime | None = None) -> Json:
    """Show an appointment that could be, or that is held.

    Args:
        slots: In order of time, loaded with schedule and doctor.
        proposed: Becomes its id.
        status: `proposed` or `pending`.
        until: When the hold ends.
    """
    schedule = slots[0].schedule
    doctor = schedule.role.practitioner
    name = full_name(doctor.given_name, doctor.family_name, doctor.title)
    video = {
        "url": codes.FROM_R5 + "Appointment.class",
        "valueCodeableConcept": concept(codes.ACT_CODE, "VR"),
    }
    held = [extension("held-until", valueInstant=instant(until))] if until is not None else []
    return without_none(
        {
            "resourceType": KIND,
            "id": proposed.id,
            "extension": [video, *held],
            "status": status,
            "serviceType": [concept(codes.SERVICE_TYPE, codes.VIDEO_CONSULTATION, text="Videosprechstunde")],
            "specialty": [concept(codes.SPECIALTY, schedule.specialty)],
            "description": schedule.title,
            "start": instant(slots[0].starts_at),
            "end": instant(slots[-1].ends_at),
            "slot": [reference("Slot", slot.id) for slot in slots],
            "participant": [
                *(
                    [_participant(reference("Patient", proposed.patient_id))]
                    if proposed.patient_id is not None
                    else []
                ),
                _participant(reference("Practitioner", schedule.practitioner_id, name)),
            ],
        }
    )


def _participant(actor: Json) -> Json:
    return {"actor": actor, "required": "required", "status": "needs-action"}
