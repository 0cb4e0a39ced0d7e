"""Who may see which patients, tours and slots: the single point."""

from typing import Any, TypeVar

from sqlalchemy import Select

from careapp.db import Base
from careapp.reach import OFFERED_TO_ALL, own, reach, unrestricted
from careapp.viewer import BELONG_NOWHERE, Viewer, ViewerRole, ViewerWithoutOrganisation

__all__ = [
    "BELONG_NOWHERE",
    "OFFERED_TO_ALL",
    "OPERATOR",
    "SCHEDULER",
    "Viewer",
    "ViewerRole",
    "ViewerWithoutOrganisation",
    "sees_deleted",
    "visible",
]

AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])

SCHEDULER = Viewer("scheduler", ViewerRole.SYSTEM)
"""What runs by itself, for the whole region."""

OPERATOR = Viewer("operator", ViewerRole.SYSTEM)
"""Whoever has a shell on the machine, for the whole region."""

SEE_THEIR_TENANT = frozenset(
    {ViewerRole.SYSTEM, ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR, ViewerRole.CLIENT}
)


SEE_RESTRICTED = frozenset({ViewerRole.SYSTEM, ViewerRole.ADMINISTRATOR, ViewerRole.AUDITOR})
"""Roles to which patients are shown whose data may not be processed."""


def visible(statement: AnySelect, viewer: Viewer, model: type[Base], *, to_change: bool = False) -> AnySelect:
    """Narrow a statement to the rows of `model` that the viewer may see.

    The table decides together with the role; see `careapp.reach`.

    Args:
        statement: Selects from the table of `model`.
        viewer: Who looks.
        model: Which table.
        to_change: Only rows of their own tenant: what is offered or opened to somebody is there to be read.
    """
    condition = reach(viewer, model)
    narrowed = statement if condition is None else statement.where(condition)
    if viewer.role not in SEE_RESTRICTED and (open_ := unrestricted(model)) is not None:
        narrowed = narrowed.where(open_)
    return narrowed.where(own(viewer, model)) if to_change else narrowed


def sees_deleted(viewer: Viewer) -> bool:
    """Tell whether a viewer may learn that a row of their tenant was there once.

    Of a deleted row nobody can tell any more whose tour or calendar it belonged to.
    """
    return viewer.role in SEE_THEIR_TENANT
