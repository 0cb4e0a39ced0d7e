"""Search parameters of type token: codes, identifiers and flags, compared exactly.

https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, false, func, not_, or_

from fhir.search.carriers import Carrier
from fhir.search.parameter import Context, refuse, split_escaped, unescape
from fhir.search.strings import refuse_long

ANY_SYSTEM = object()


@dataclass(frozen=True, eq=False)
class Token:
    """`code`, `system|code`, `|code` (without a system) or `system|` (any code of it).

    Modifiers: `:not`, and `:text`, which looks for a part of what is shown beside the code.

    Attributes:
        carriers: Where rows carry codes; one match is enough.
        definition: Canonical address of the SearchParameter.
        allowed: All codes that may be asked for, if anything else is a mistake; None: unknown codes are
            simply not found.
        sort: The column to sort by.
    """

    carriers: tuple[Carrier, ...]
    definition: str
    allowed: frozenset[str] | None = None
    sort: SQLColumnExpression[Any] | None = None

    type = "token"

    @property
    def modifiers(self) -> frozenset[str]:
        """`:text` makes no sense for a flag."""
        return frozenset({"not"}) if self.allowed else frozenset({"not", "text"})

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """`:not` finds every row without any of the codes, those without a code included."""
        del context
        if modifier == "text":
            wanted = [unescape(value) for value in values]
            refuse_long(name, wanted)
            return or_(false(), *(each.text(wanted) for each in self.carriers if each.text is not None))
        read = [self._read(name, value) for value in values]
        found = or_(
            false(),
            *(
                self._matches(carrier, [code for system, code in read if _fits(carrier, system)])
                for carrier in self.carriers
            ),
        )
        # A comparison with NULL is neither true nor false, but a row without a code is surely not this one.
        return not_(_surely(found)) if modifier == "not" else found

    def present(self) -> ColumnElement[bool]:
        """SQL: the row carries any code."""
        return or_(false(), *(carrier.present for carrier in self.carriers))

    def _read(self, name: str, value: str) -> tuple[object, str | None]:
        system, *rest = split_escaped(value, "|")
        if len(rest) > 1:
            raise refuse(name, value, "give a code, or system|code; write \\| for a bar inside one")
        code = unescape(rest[0] if rest else system)
        if not code and not (rest and system):
            raise refuse(name, value, "give a code, or system|code")
        if self.allowed is not None and code not in self.allowed:
            raise refuse(name, value, f"give {' or '.join(sorted(self.allowed, reverse=True))}")
        return (unescape(system) or None) if rest else ANY_SYSTEM, code or None

    @staticmethod
    def _matches(carrier: Carrier, found: list[str | None]) -> ColumnElement[bool]:
        if None in found:
            return carrier.present
        asked = [code for code in found if code is not None]
        return carrier.matches(asked) if asked else false()


def _fits(carrier: Carrier, system: object) -> bool:
    return system is ANY_SYSTEM or system in carrier.labels


def _surely(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.coalesce(condition, false())
