"""Search parameters of type reference: `id`, `Type/id` or the whole address of a resource on this server.

https://hl7.org/fhir/R4/search.html#reference
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_

from fhir.search.carriers import Carrier
from fhir.search.parameter import Context, refuse, unescape

REFERENCE = re.compile(
    r"(?:(?P<base>https?://[^\s|]*?)/)??(?:(?P<kind>[A-Z][A-Za-z]{1,39})/)?(?P<id>[A-Za-z0-9.\-]{1,64})"
    r"(?:/_history/[A-Za-z0-9.\-]{1,64})?"
)


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference; a modifier may name the target's type (`actor:Patient=…`).

    Attributes:
        carriers: Where rows carry ids, each labelled with its target's type.
        definition: Canonical address of the SearchParameter.
    """

    carriers: tuple[Carrier, ...]
    definition: str

    type = "reference"
    sort = None

    @property
    def modifiers(self) -> frozenset[str]:
        """The types that it may point to."""
        return frozenset(label for carrier in self.carriers for label in carrier.labels if label)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """A well-formed reference to something that is not here is simply not found."""
        read = [self._read(name, value, modifier, context) for value in values]
        return or_(
            false(),
            *(
                carrier.matches(found)
                for carrier in self.carriers
                if (found := [key for kind, key in read if key and (kind is None or kind in carrier.labels)])
            ),
        )

    def among(self, kind: str, ids: Select[Any]) -> ColumnElement[bool]:
        """SQL: the row points to one of these.

        Args:
            kind: Type of the targets.
            ids: Selects their ids, by itself.
        """
        return or_(false(), *(each.among(ids) for each in self.followed(kind)))

    def followed(self, kind: str, *, only_shown: bool = False) -> list[Carrier]:
        """Return the carriers that lead to rows of a type."""
        return [
            each
            for each in self.carriers
            if kind in each.labels and each.column is not None and (each.is_shown or not only_shown)
        ]

    def present(self) -> ColumnElement[bool]:
        """SQL: the row points anywhere."""
        return or_(false(), *(carrier.present for carrier in self.carriers if carrier.is_shown))

    @staticmethod
    def _read(name: str, value: str, modifier: str | None, context: Context) -> tuple[str | None, str]:
        found = REFERENCE.fullmatch(unescape(value))
        if found is None:
            raise refuse(name, value, "give an id, Type/id, or the address of a resource on this server")
        kind, base = found["kind"], found["base"]
        if base is not None and base != context.base_url:
            return None, ""  # another server's
        if modifier is not None and kind not in {None, modifier}:
            return None, ""
        return kind or modifier, found["id"]
