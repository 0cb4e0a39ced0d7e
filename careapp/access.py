"""Who may see which patients, tours and slots: the single point."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, inspect

from careapp.db import Base

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


OFFERED_TO_ALL = frozenset({"municipality", "organisation", "road_closure", "schedule", "slot", "skill"})
"""Tables that every viewer sees whole: offers and facts, nothing about a patient."""


def visible(statement: AnySelect, viewer: Viewer, model: type[Base]) -> AnySelect:
    """Narrow a statement to the rows of `model` that the viewer may see.

    Every other table that is asked for has a column `organisation_id`: its tenant.
    """
    if viewer.organisation_id is None or model.__tablename__ in OFFERED_TO_ALL:
        return statement
    return statement.where(inspect(model).attrs["organisation_id"].class_attribute == viewer.organisation_id)
