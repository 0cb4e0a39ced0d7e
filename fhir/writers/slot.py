"""Bookable times, from other systems."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.consultations import offers
from careapp.consultations.models import SlotStatus
from careapp.consultations.queries import get_slot
from fhir.asking import Asking
from fhir.mapping.elements import Json
from fhir.writers.findings import Findings
from fhir.writers.parts import read_key, refuse_change


class SlotWriter:
    """Takes slots of a schedule; a booked one is changed by its appointment only."""

    interactions = frozenset({"create", "update", "delete"})

    def create(self, session: Session, document: Json, asking: Asking) -> UUID:
        """See `Writer`."""
        findings = Findings("Slot")
        schedule_id = read_key(document.get("schedule"), "Schedule", "schedule", asking, findings)
        status = _status(document, findings)
        findings.refuse()
        assert schedule_id is not None  # noqa: S101 -- or it was refused
        slot = offers.add_slot(
            session,
            schedule_id=schedule_id,
            starts_at=datetime.fromisoformat(document["start"]),
            ends_at=datetime.fromisoformat(document["end"]),
            status=status,
            viewer=asking.viewer,
            now=asking.now,
        )
        return slot.id

    def update(self, session: Session, key: UUID, document: Json, asking: Asking) -> None:
        """See `Writer`."""
        slot = get_slot(session, slot_id=key, viewer=asking.viewer)
        findings = Findings("Slot")
        refuse_change(document, "schedule", "Schedule", slot.schedule_id, asking, findings)
        status = _status(document, findings)
        findings.refuse()
        offers.change_slot(
            session,
            slot_id=key,
            starts_at=datetime.fromisoformat(document["start"]),
            ends_at=datetime.fromisoformat(document["end"]),
            status=status,
            viewer=asking.viewer,
            now=asking.now,
        )

    def delete(self, session: Session, key: UUID, asking: Asking) -> None:
        """See `Writer`."""
        offers.remove_slot(session, slot_id=key, viewer=asking.viewer, now=asking.now)


def _status(document: Json, findings: Findings) -> SlotStatus:
    status = document["status"]
    if status not in set(SlotStatus):
        findings.add("status", "a slot that was entered by mistake is deleted", "not-supported")
        return SlotStatus.BLOCKED
    return SlotStatus(status)


SLOT_WRITER = SlotWriter()
