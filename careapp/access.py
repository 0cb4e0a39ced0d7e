"""Who may see which patients, tours and slots: the single point."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Mapped

AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])


class ViewerRole(StrEnum):
    """What a signed-in person is."""

    COORDINATOR = "coordinator"
    NURSE = "nurse"
    DOCTOR = "doctor"
    SYSTEM = "system"


@dataclass(frozen=True)
class Viewer:
    """The signed-in person or system as queries see them.

    Attributes:
        name: Who it is, as written to the audit; no patient's name.
        role: What they are.
        organisation_id: Whose data they see; None sees the whole region.
    """

    name: str
    role: ViewerRole
    organisation_id: UUID | None = None


SCHEDULER = Viewer("scheduler", ViewerRole.SYSTEM)
"""What runs by itself, for the whole region."""


class OwnedByOrganisation(Protocol):
    """A table whose rows belong to a tenant."""

    organisation_id: Mapped[UUID]


def visible(statement: AnySelect, viewer: Viewer, model: type[OwnedByOrganisation]) -> AnySelect:
    """Narrow a statement to the rows of `model` that the viewer may see."""
    if viewer.organisation_id is None:
        return statement
    return statement.where(model.organisation_id == viewer.organisation_id)
