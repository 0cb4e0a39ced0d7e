"""Search parameters of type date over a stretch of time in two columns.

What each prefix means stands at the head of `fhir.search.dates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, or_

from fhir.search.dates import first_midnight, read_on_the_wall, widened
from fhir.search.parameter import Context


@dataclass(frozen=True, eq=False)
class Days:
    """Calendar days without a zone, from one to another, both included.

    Attributes:
        first: The first day; never NULL.
        last: The last day; NULL: without end.
        definition: Canonical address of the SearchParameter.
    """

    first: SQLColumnExpression[Any]
    last: SQLColumnExpression[Any]
    definition: str

    type = "date"
    modifiers: frozenset[str] = frozenset()

    @property
    def sort(self) -> SQLColumnExpression[Any]:
        """The first day."""
        return self.first

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """A value with an offset is moved to the region's wall clock."""
        del modifier
        return or_(false(), *(self._one(name, value, context) for value in values))

    def present(self) -> ColumnElement[bool]:
        """SQL: there is a stretch of time."""
        return self.first.is_not(None)

    def _one(self, name: str, value: str, context: Context) -> ColumnElement[bool]:
        prefix, asked = read_on_the_wall(name, value, context.zone)
        # The stretch begins at the first day's midnight and ends at the one after the last day:
        # it ends by hi if its last day is before hi's, and after hi otherwise.
        starts_in = self.first >= first_midnight(asked.lo)
        ends_in = and_(self.last.is_not(None), self.last < asked.hi.date())
        ends_above = or_(self.last.is_(None), self.last >= asked.hi.date())
        starts_below = self.first < first_midnight(asked.lo)
        match prefix:
            case "eq":
                return and_(starts_in, ends_in)
            case "ne":
                return or_(starts_below, ends_above)
            case "gt":
                return ends_above
            case "lt":
                return starts_below
            case "ge":
                return or_(ends_above, starts_in)
            case "le":
                return or_(starts_below, ends_in)
            case "sa":
                return self.first >= first_midnight(asked.hi)
            case "eb":
                return and_(self.last.is_not(None), self.last < asked.lo.date())
            case _:
                near = widened(name, value, asked)
                return and_(
                    self.first < first_midnight(near.hi),
                    or_(self.last.is_(None), self.last >= near.lo.date()),
                )
