"""Who may see which patients, tours and slots: the single point."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, inspect

from careapp.db import Base
from careapp.errors import Forbidden

AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])


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
    """

    name: str
    role: ViewerRole
    organisation_id: UUID | None = None
    practitioner_id: UUID | None = None
    scopes: frozenset[str] | None = None
    patient_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.organisation_id is None and self.role not in BELONG_NOWHERE:
            raise ViewerWithoutOrganisation(f"{self.role.value}s belong to an organisation: name it")


SCHEDULER = Viewer("scheduler", ViewerRole.SYSTEM)
"""What runs by itself, for the whole region."""

OPERATOR = Viewer("operator", ViewerRole.SYSTEM)
"""Whoever has a shell on the machine, for the whole region."""


OFFERED_TO_ALL = frozenset({"municipality", "organisation", "road_closure", "schedule", "slot", "skill"})
"""Tables that every viewer sees whole: offers and facts, nothing about a patient."""


def visible(statement: AnySelect, viewer: Viewer, model: type[Base]) -> AnySelect:
    """Narrow a statement to the rows of `model` that the viewer may see.

    Every other table that is asked for has a column `organisation_id`: its tenant.
    """
    if viewer.organisation_id is None or model.__tablename__ in OFFERED_TO_ALL:
        return statement
    return statement.where(inspect(model).attrs["organisation_id"].class_attribute == viewer.organisation_id)
