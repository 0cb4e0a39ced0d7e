"""In which order results come, and where in it a page begins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Enum,
    SQLColumnExpression,
    String,
    Uuid,
    and_,
    false,
    literal,
    or_,
    tuple_,
)

from careapp.db import UtcDateTime
from fhir.search.parameter import Parameter
from fhir.search.sealed_text import SealedText


@dataclass(frozen=True, eq=False)
class Sort:
    """One level of the order. Rows without a value come last, whichever the direction.

    Attributes:
        name: Of the parameter.
        column: What to sort by.
        is_descending: Latest first.
        may_be_null: Some of the rows may lack the value.
        sealed: The value stands in a sealed field, which the column does not tell.
    """

    name: str
    column: SQLColumnExpression[Any]
    is_descending: bool
    may_be_null: bool = True
    sealed: SealedText | None = None

    def clause(self, column: SQLColumnExpression[Any], *, is_backwards: bool) -> ColumnElement[Any]:
        """SQL: order by this; `column` is its own, or one that carries its values."""
        directed = column.desc() if self.is_descending != is_backwards else column.asc()
        if not self.may_be_null:
            return directed
        return directed.nulls_first() if is_backwards else directed.nulls_last()

    def beyond(self, value: Any, *, is_backwards: bool) -> ColumnElement[bool]:
        """SQL: the row's value comes after this one, or before it if backwards."""
        if value is None:  # nothing comes after those without a value, all others before them
            return self.column.is_not(None) if is_backwards else false()
        later = self.column < value if self.is_descending != is_backwards else self.column > value
        return or_(later, self.column.is_(None)) if self.may_be_null and not is_backwards else later

    def ties(self, value: Any) -> ColumnElement[bool]:
        """SQL: the row's value is this one."""
        return self.column.is_(None) if value is None else self.column == value

    def read(self, text: str | None) -> Any:
        """Turn what `str` made of a value into SQL for the column's again."""
        return None if text is None else literal(self.value(text), self._type)

    def value(self, text: str | None) -> Any:
        """Turn what `str` made of a value into the value again."""
        if text is None or self.sealed is not None:
            return text
        kind = self._type
        if isinstance(kind, Enum):
            return kind.python_type(text)
        read = next(read for type_, read in READERS.items() if isinstance(kind, type_))
        return read(text)

    @property
    def _type(self) -> Any:
        return cast("ColumnElement[Any]", self.column).type


def order_by(
    sorts: Sequence[Sort], parameters: Mapping[str, Parameter], usual: str, bound: frozenset[str]
) -> list[Sort]:
    """Complete the order asked for to a total one: the id comes last.

    Args:
        sorts: As asked for; empty for the usual order.
        parameters: The resource's.
        usual: Name of the parameter that orders results unless something else is asked for.
        bound: Names of parameters with a condition; one on a date leaves out the rows without it.
    """
    chosen = list(sorts)
    column = parameters[usual].sort
    if not chosen and column is not None:
        chosen = [Sort(usual, column, is_descending=False)]
    known = [
        Sort(
            sort.name,
            sort.column,
            sort.is_descending,
            may_be_null=bool(getattr(sort.column, "nullable", True))
            and not (sort.name in bound and parameters[sort.name].type == "date"),
            sealed=sort.sealed,
        )
        for sort in chosen
    ]
    by_id = next((number for number, sort in enumerate(known) if sort.name == "_id"), None)
    if by_id is not None:
        return known[: by_id + 1]
    key = parameters["_id"].sort
    assert key is not None  # noqa: S101 -- every resource is sorted by its id
    return [*known, Sort("_id", key, is_descending=False, may_be_null=False)]


def beyond(
    order: Sequence[Sort], place: Sequence[str | None], *, is_backwards: bool = False
) -> ColumnElement[bool]:
    """SQL: the row comes after a place in the order, or before it if backwards.

    Args:
        order: A total one.
        place: Values of the row that stands there, as text.
        is_backwards: Look towards the beginning.
    """
    values = [sort.read(text) for sort, text in zip(order, place, strict=True)]
    directions = {sort.is_descending for sort in order}
    if len(directions) == 1 and not any(sort.may_be_null for sort in order):
        columns, bounds = tuple_(*(sort.column for sort in order)), tuple_(*values)
        # An index on these columns serves it.
        return columns < bounds if directions.pop() != is_backwards else columns > bounds
    return or_(
        *(
            and_(
                *(earlier.ties(value) for earlier, value in zip(order[:number], values, strict=False)),
                sort.beyond(values[number], is_backwards=is_backwards),
            )
            for number, sort in enumerate(order)
        )
    )


READERS: Mapping[type[Any], Callable[[str], Any]] = {
    UtcDateTime: datetime.fromisoformat,
    Date: date.fromisoformat,
    Uuid: UUID,
    String: str,
}
"""How a sort value in a link becomes the column's again."""
