"""What every type of search parameter has in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, SQLColumnExpression

from careapp.access import Viewer
from careapp.errors import Invalid

LONGEST_ECHO = 60


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\-]{0,80}")


class InvalidSearch(Invalid):
    """A search parameter's value, or its modifier, cannot be understood.

    Args:
        sentence: What is wrong.
        name: Of the parameter, if it is about one.
    """

    def __init__(self, sentence: str, name: str | None = None) -> None:
        super().__init__(sentence)
        self.place = f"http.{name}" if name is not None and NAME.fullmatch(name) else None


@dataclass(frozen=True)
class Context:
    """What the meaning of a value depends on.

    Attributes:
        base_url: Address of this server's FHIR part, without a slash at its end.
        zone: Whose wall clock a time without an offset is read from.
        viewer: Who asks; conditions on other resources count only those that they may see.
    """

    base_url: str
    zone: ZoneInfo
    viewer: Viewer


class Parameter(Protocol):
    """A declared search parameter."""

    @property
    def type(self) -> str:
        """FHIR's name of the type."""
        ...

    @property
    def definition(self) -> str:
        """Canonical address of the SearchParameter."""
        ...

    @property
    def modifiers(self) -> frozenset[str]:
        """Those it takes, beside `missing`."""
        ...

    @property
    def sort(self) -> SQLColumnExpression[Any] | None:
        """The column to sort by; None if results cannot be sorted by it."""
        ...

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """Turn values, of which one must match, into SQL.

        Args:
            name: The parameter's name, for the message.
            values: As written in the query, still escaped; at least one.
            modifier: One of `modifiers`, or None.
            context: What their meaning depends on.

        Raises:
            InvalidSearch: A value is malformed.
        """
        ...

    def present(self) -> ColumnElement[bool]:
        """SQL: the resource has a value at all."""
        ...


def refuse(name: str, value: str, expected: str) -> InvalidSearch:
    """Make the error that names a parameter, its value and what was expected."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in value[:LONGEST_ECHO])
    return InvalidSearch(f"{name}={shown} cannot be understood: {expected}", name)


def split_escaped(text: str, separator: str) -> list[str]:
    """Split at each separator that no backslash precedes; the backslashes stay."""
    parts, part, is_escaped = [], "", False
    for letter in text:
        if letter == separator and not is_escaped:
            parts.append(part)
            part = ""
        else:
            part += letter
        is_escaped = letter == "\\" and not is_escaped
    return [*parts, part]


def unescape(text: str) -> str:
    r"""Take the backslash from `\,`, `\$`, `\|` and `\\`; any other stays."""
    result, letters = "", iter(text)
    for letter in letters:
        if letter == "\\":
            following = next(letters, "")
            result += following if following and following in ",$|\\" else letter + following
        else:
            result += letter
    return result
