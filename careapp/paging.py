"""One page of a long list."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items in key order, and the key after which the next page begins.

    Attributes:
        items: At most as many as asked for.
        next_after: Pass it as `after` to get the next page; None on the last one.
    """

    items: list[Item]
    next_after: UUID | None


def read_page(
    session: Session,
    statement: Select[Item],
    *,
    key: InstrumentedAttribute[UUID],
    limit: int,
    after: UUID | None,
) -> Page[Item]:
    """Run a statement for one page in order of its rows' ids.

    Args:
        session: An open transaction.
        statement: Selects one entity, unordered.
        key: The entity's id.
        limit: Most items of the page, from 1.
        after: The `next_after` of the page before; None for the first.
    """
    if after is not None:
        statement = statement.where(key > after)
    found = list(session.scalars(statement.order_by(key).limit(limit + 1)))
    if len(found) <= limit:
        return Page(found, None)
    last: UUID = getattr(found[limit - 1], key.key)
    return Page(found[:limit], last)
