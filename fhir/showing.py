"""Rows as documents, before anything that was sent is laid over them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.tenancy import across_tenants
from fhir.mapping.elements import Json
from fhir.mapping.resource import ServedResource


@contextmanager
def beside(session: Session) -> Iterator[Session]:
    """Open a second session in the same transaction: it sees what is in the database, not what is in memory.

    And of every tenant: a document shows whom else an appointment is with.
    """
    with (
        across_tenants(session),
        Session(
            session.connection(),
            autoflush=False,
            expire_on_commit=False,
            # Within a savepoint it would open one of its own, and lose in closing it what it wrote.
            join_transaction_mode="rollback_only",
        ) as reader,
    ):
        yield reader


class Shown(dict[UUID, Json]):
    """Documents by id, as rows alone show them.

    Attributes:
        owners: Whose each one is; None: no tenant's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owners: dict[UUID, UUID | None] = {}


def show(reader: Session, resource: ServedResource, ids: Sequence[UUID]) -> Shown:
    """Map those rows that exist.

    Args:
        reader: A session that has nothing of them in memory.
        resource: Of which kind.
        ids: Of rows, at most some hundreds.
    """
    shown = Shown()
    for part in resource.parts:
        missing = [key for key in ids if key not in shown]
        if missing:
            _show_part(reader, part, missing, shown)
    return shown


def _show_part(reader: Session, resource: ServedResource, ids: Sequence[UUID], shown: Shown) -> None:
    statement = select(resource.table).where(resource.key.in_(ids)).options(*resource.load)
    rows = reader.scalars(statement if resource.only is None else statement.where(resource.only)).all()
    groups = []
    for alongside in resource.alongside:
        group: dict[UUID, list[Any]] = {}
        for found in reader.scalars(alongside.rows.where(alongside.owner.in_(ids))):
            group.setdefault(getattr(found, alongside.owner.key), []).append(found)
        groups.append(group)
    for row in rows:
        key: UUID = row.id  # type: ignore[attr-defined]  # every served table has one
        shown[key] = resource.to_fhir(row, *(group.get(key, []) for group in groups))
        shown.owners[key] = resource.owner_of(row)
