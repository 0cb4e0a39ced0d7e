"""One page of a long list."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

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
