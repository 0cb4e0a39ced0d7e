"""Who asks: the signed-in person or system as queries see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from careapp.errors import Forbidden


class ViewerRole(StrEnum):
    """What a signed-in person or system is."""

    COORDINATOR = "coordinator"
    NURSE = "nurse"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"
    """Of one care service or practice: its accounts and settings."""
    ANALYST = "analyst"
    """Of the region: figures only, never a person."""
    AUDITOR = "auditor"
    """Reads the record of who saw what."""
    SUPPORT = "support"
    """Of whoever runs the service: for a time, with a reason."""
    CLIENT = "client"
    """Another system."""
    SYSTEM = "system"
    """Ourselves: jobs, and whoever has the machine. Nobody signs in as it."""


BELONG_NOWHERE = frozenset({ViewerRole.SYSTEM, ViewerRole.ANALYST})
"""Roles that may stand for the whole region; every other belongs to one organisation."""


class ViewerWithoutOrganisation(Forbidden):
    """Somebody was about to see every organisation's data."""


@dataclass(frozen=True)
class Viewer:
    """The signed-in person or system as queries see them.

    Attributes:
        name: Who it is, as written to the audit: an account's or client's id, never a patient's name.
        role: What they are.
        organisation_id: Whose data they see; None, only for ourselves, sees the whole region.
        practitioner_id: Who a nurse or doctor is.
        scopes: What a token allows (SMART v2), each as written; None: signed in with our own pages, where the
            role alone counts.
        patient_id: The one patient whom `patient/…` scopes are about.
        asked_at: This second on the region's wall clock, with its zone. None sees nothing of what is open for
            a time only: a nurse's tours of these days, records opened to somebody, support.
    """

    name: str
    role: ViewerRole
    organisation_id: UUID | None = None
    practitioner_id: UUID | None = None
    scopes: frozenset[str] | None = None
    patient_id: UUID | None = None
    asked_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.organisation_id is None and self.role not in BELONG_NOWHERE:
            raise ViewerWithoutOrganisation(f"{self.role.value}s belong to an organisation: name it")
