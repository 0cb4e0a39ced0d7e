"""Where the values of a search parameter are that has no column of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, select
from sqlalchemy.orm import aliased

from careapp.records.search_values import SearchValue
from careapp.sealing.contents import OPEN_KINDS
from careapp.sealing.texts import text_where
from fhir.search.parameter import Context, unescape
from fhir.search.strings import String, fitting, refuse_long


@dataclass(frozen=True, eq=False)
class Source:
    """Where a parameter's values are.

    Attributes:
        kind: Of the documents.
        key: The column of the searched row's id.
        name: Of the parameter in the table.
        paths: Where documents carry them.
    """

    kind: str
    key: SQLColumnExpression[UUID]
    name: str
    paths: tuple[str, ...]

    @cached_property
    def table(self) -> Any:
        """The table under a name of its own, so that nested searches do not meet in it."""
        return aliased(SearchValue)

    @property
    def is_here(self) -> tuple[ColumnElement[bool], ...]:
        """SQL: the value is one of these, of whatever document."""
        return self.table.kind == self.kind, self.table.parameter == self.name

    def has(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        """SQL: the row has a value for which all of these hold."""
        return self.key.in_(select(self.table.resource_id).where(*self.is_here, *conditions))

    @property
    def is_sealed(self) -> bool:
        """The database cannot read texts and numbers of these documents."""
        return self.kind not in OPEN_KINDS

    def reads(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """SQL: one of the row's texts is, begins with or contains one of these."""
        if not self.is_sealed:
            return self.has(String((self.table.text,), "").condition(name, values, modifier, context))
        texts = [unescape(value) for value in values]
        refuse_long(name, texts)
        return text_where(self.key, self.kind, self.name, context.viewer, fitting(texts, modifier))
