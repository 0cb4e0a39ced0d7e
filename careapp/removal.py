"""Remove a row, if nothing needs it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, inspect, select
from sqlalchemy.orm import Session

from careapp.db import Base
from careapp.errors import Conflict
from careapp.tenancy import across_tenants


class StillNeeded(Conflict):
    """Other rows refer to a row that was to be removed."""


def remove_row(session: Session, row: Base, *, what: str, with_rows: Sequence[type[Base]] = ()) -> None:
    """Remove a row with a key `id`; the caller writes the audit before.

    Args:
        session: An open transaction.
        row: What is to be removed.
        what: How people call it, e.g. `patient`.
        with_rows: Tables whose rows are parts of it and go with it.

    Raises:
        StillNeeded: Rows of another table refer to it; names the table.
    """
    session.flush()
    key: UUID = row.id  # type: ignore[attr-defined]  # every table that is asked for has one
    target = inspect(type(row)).local_table.c.id
    parts = {model.__tablename__ for model in with_rows}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if table.name in parts or not any(each.column is target for each in column.foreign_keys):
                continue
            with across_tenants(session):  # a booking of another tenant needs its slot just as well
                is_named = session.scalar(select(exists().where(column == key)))
            if is_named:
                raise StillNeeded(
                    f"{what} {key} is named by a {table.name.replace('_', ' ')}: "
                    "set it inactive instead of deleting it"
                )
    for model in (*with_rows, type(row)):
        owner: Any = target if model is type(row) else _owner(inspect(model).local_table, target)
        session.execute(delete(model).where(owner == key), execution_options={"synchronize_session": False})
    session.expunge(row)


def _owner(table: Any, target: Any) -> Any:
    return next(
        column for column in table.columns if any(each.column is target for each in column.foreign_keys)
    )
