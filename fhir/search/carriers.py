"""Where rows carry what tokens and references are compared with."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    false,
    func,
    inspect,
    or_,
    select,
    true,
)

from careapp.db import Base
from careapp.sealing.fields import fields_of
from careapp.sealing.lookups import exactly
from fhir.search.strings import any_spelling, contains


class NotFollowed(Exception):
    """Targets were asked of what is no reference to rows of ours: a bug, so it is not a `CareError`."""


@dataclass(frozen=True, eq=False)
class Carrier:
    """One way in which a row carries a code, an identifier or a reference.

    Attributes:
        labels: What a value may be qualified with: its system, or the type of a reference's target; None
            stands for "no system".
        matches: SQL: the row carries one of these.
        present: SQL: the row carries any.
        column: Of a reference to rows of ours: where the target's id stands. None: it cannot be followed.
        path: The way from the searched row to that column's table, if it is another one.
        text: SQL: what is shown beside the code contains one of these; None: nothing is shown.
        is_shown: The document has it too. Otherwise rows are found by it, but nothing is included by it.
    """

    labels: frozenset[str | None]
    matches: Callable[[Sequence[str]], ColumnElement[bool]]
    present: ColumnElement[bool]
    column: SQLColumnExpression[Any] | None = None
    path: tuple[ColumnElement[bool], ...] = ()
    text: Callable[[Sequence[str]], ColumnElement[bool]] | None = None
    is_shown: bool = True

    def among(self, ids: Select[Any]) -> ColumnElement[bool]:
        """SQL: the row refers to one of these; chained parameters ask so.

        Args:
            ids: Selects ids of possible targets, by itself: nothing in it points to the searched row.
        """
        if self.column is None:
            return false()
        found = self.column.in_(ids.correlate(None))
        return select(1).where(*self.path, found).exists() if self.path else found

    def may_lead_to(self, table: type[Base]) -> bool:
        """Tell whether ids of a table's rows can stand here, as far as a foreign key says."""
        keys = getattr(self.column, "foreign_keys", ())
        tables = inspect(table).tables
        return not keys or any(key.column.table in tables for key in keys)

    def targets(self, table: type[Base], *conditions: ColumnElement[bool]) -> Select[Any]:
        """Select the ids that rows refer to; `_has` and `_include` ask so.

        Args:
            table: Of the referring rows.
            conditions: Which rows; none: all. Nest anything beyond a comparison in a select of its own.

        Raises:
            NotFollowed: It is no reference to rows of ours.
        """
        if self.column is None:
            raise NotFollowed("this carrier has no column with the ids of its targets")
        return (
            select(self.column)
            .select_from(table)
            .where(*self.path, *conditions, self.column.is_not(None))
            .correlate(None)
        )


def parse_id(text: str) -> UUID | None:
    """Read an id of ours; None if no row can have it. Ids are case-sensitive, so only one spelling counts."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def ids(label: str | None, column: SQLColumnExpression[Any]) -> Carrier:
    """A column with an id; labelled with a type, it is a reference that can be followed."""
    found = _parsed({label}, column, parse_id)
    return found if label is None else replace(found, column=column)


def texts(label: str, column: SQLColumnExpression[Any]) -> Carrier:
    """A column with a code or an identifier, spelled as in FHIR."""
    return _parsed({label}, column, str)


def sealed(label: str, model: type[Base], name: str) -> Carrier:
    """A sealed field with a blind index that holds a code or an identifier."""
    present: ColumnElement[bool] = getattr(model, fields_of(model)[name].blind or "").is_not(None)
    return Carrier(
        frozenset({label}),
        lambda found: exactly(model, name, found) if found else false(),
        and_(true(), present),
    )


def members(system: str, column: SQLColumnExpression[Any], kind: type[StrEnum]) -> Carrier:
    """A column of an enumeration whose values are FHIR's; its system is implied, so values may go without."""

    def member(code: str) -> StrEnum | None:
        return kind(code) if code in set(kind) else None

    return _parsed({system, None}, column, member)


def cases(
    system: str | None,
    conditions: Mapping[str, ColumnElement[bool]],
    texts: Mapping[str, str] | None = None,
) -> Carrier:
    """A code for each of some conditions on the row, and what is shown beside it."""

    def matches(found: Sequence[str]) -> ColumnElement[bool]:
        known = [conditions[code] for code in found if code in conditions]
        return or_(*known) if known else false()

    def reads(wanted: Sequence[str]) -> ColumnElement[bool]:
        patterns = [re.compile(any_spelling(text)) for text in wanted]
        return matches(
            [code for code, text in (texts or {}).items() if any(each.search(text) for each in patterns)]
        )

    return Carrier(
        frozenset({system}), matches, or_(false(), *conditions.values()), text=reads if texts else None
    )


def shown_as(carrier: Carrier, column: SQLColumnExpression[Any]) -> Carrier:
    """A carrier beside whose code stands a text."""
    return replace(carrier, text=lambda wanted: func.coalesce(contains(column, wanted), false()))


def wording(column: SQLColumnExpression[Any]) -> Carrier:
    """A text without any code, found by the modifier `:text`."""
    nothing = Carrier(frozenset(), lambda _: false(), and_(true(), column.is_not(None)))
    return shown_as(nothing, column)


def implied(carrier: Carrier) -> Carrier:
    """A reference that follows from the row but does not stand in its document."""
    return replace(carrier, is_shown=False)


def flag(column: SQLColumnExpression[bool]) -> Carrier:
    """A boolean column."""
    return cases(None, {"true": column.is_(True), "false": column.is_(False)})


def elsewhere(carrier: Carrier, *path: ColumnElement[bool]) -> Carrier:
    """A carrier of another table's rows, to which `path` leads from the searched row."""

    def there(condition: ColumnElement[bool]) -> ColumnElement[bool]:
        # SQLAlchemy would drop the path beside a plain "false", but keep its tables.
        return condition if condition is false() else select(1).where(*path, condition).exists()

    text = carrier.text
    return replace(
        carrier,
        matches=lambda found: there(carrier.matches(found)),
        present=there(carrier.present),
        path=(*path, *carrier.path),
        text=None if text is None else lambda wanted: there(text(wanted)),
    )


def _parsed(
    labels: set[str | None], column: SQLColumnExpression[Any], parse: Callable[[str], Any]
) -> Carrier:
    def matches(found: Sequence[str]) -> ColumnElement[bool]:
        values = [value for code in found if (value := parse(code)) is not None]
        return column.in_(values) if values else false()

    return Carrier(frozenset(labels), matches, and_(true(), column.is_not(None)))
