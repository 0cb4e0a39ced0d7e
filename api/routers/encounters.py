"""Encounters: what became of visits and video consultations."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter

from api.auth.policy import PRACTISING, may
from api.dependencies import DbSession, Now, SignedIn
from api.openapi import problems
from api.shapes import Example, In, Moment, Out, shown_as
from careapp.access import ViewerRole
from careapp.appointments.fulfilment import record_encounter

router = APIRouter(prefix="/api/appointments", tags=["visits"])

NEW_ENCOUNTER_EXAMPLE: Example = {
    "practitioner_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c03",
    "began_at": "2026-03-02T16:00:00Z",
    "ended_at": "2026-03-02T16:20:00Z",
}


class NewEncounter(In):
    """When an appointment really began and ended, and who was there; `ended_at` is null while it lasts."""

    model_config = shown_as(NEW_ENCOUNTER_EXAMPLE)

    practitioner_id: UUID | None = None
    began_at: Moment
    ended_at: Moment | None = None


class EncounterOut(Out):
    """An appointment that takes place or took place."""

    model_config = shown_as(
        {
            "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c0a",
            "appointment_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
            **NEW_ENCOUNTER_EXAMPLE,
        }
    )

    id: UUID
    appointment_id: UUID
    practitioner_id: UUID | None
    began_at: datetime
    ended_at: datetime | None


@router.put(
    "/{appointment_id}/encounter",
    responses=problems(404, 409),
    dependencies=[may(*PRACTISING, ViewerRole.NURSE)],
)
def put_encounter(
    appointment_id: UUID, body: NewEncounter, session: DbSession, viewer: SignedIn, now: Now
) -> EncounterOut:
    """Record that a visit or consultation takes place or took place; 409 if nobody was promised it."""
    return EncounterOut.model_validate(
        record_encounter(
            session,
            appointment_id=appointment_id,
            practitioner_id=body.practitioner_id,
            began_at=body.began_at,
            ended_at=body.ended_at,
            viewer=viewer,
            now=now,
        )
    )
