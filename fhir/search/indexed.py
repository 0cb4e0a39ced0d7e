"""Search parameters over the generic table of search values, for kinds without columns of their own.

They are declared with the paths at which documents carry their values; `fhir.search.indexing` writes the
table whenever a document is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, false, func, not_, or_, select

from careapp.sealing.lookups import blind_is
from careapp.sealing.texts import BLIND
from fhir.mapping.elements import Json
from fhir.search import extract
from fhir.search.carriers import Carrier, parse_id
from fhir.search.dates import Interval, read, read_on_the_wall
from fhir.search.extract import FOREVER, Value, code_form
from fhir.search.parameter import Context, Parameter, refuse, split_escaped, unescape
from fhir.search.references import Reference
from fhir.search.source import Source
from fhir.search.strings import String


@dataclass(frozen=True, eq=False)
class IndexedToken:
    """A code, identifier or flag; `:not` includes those without, `:text` finds a part of the words beside it.

    Attributes:
        source: Where its values are.
        definition: Canonical address of the SearchParameter.
        system: That the element's value set implies for plain codes.
        beside: The same parameter over the row's own columns; either may match.
        telecom: It reads ContactPoints of this sort, e.g. `phone`, or of `any`.
    """

    source: Source
    definition: str
    system: str | None = None
    beside: Parameter | None = None
    telecom: str | None = None

    type = "token"
    modifiers = frozenset({"not", "text"})

    @property
    def sort(self) -> SQLColumnExpression[Any] | None:
        """The row's own column, if it has one."""
        return self.beside.sort if self.beside else None

    @property
    def is_personal(self) -> bool:
        """Its codes may be numbers of a patient: they are found by their blind index."""
        return self.source.is_sealed and (
            self.telecom is not None
            or any(path.rpartition(".")[2].lower().endswith("identifier") for path in self.source.paths)
        )

    def values(self, document: Json) -> Iterator[Value]:
        """Read a document."""
        for element in extract.elements(document, self.source.paths):
            if self.telecom is None:
                yield from extract.tokens(element, self.system)
            else:
                yield from extract.telecoms(element, None if self.telecom == "any" else self.telecom)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """`code`, `system|code`, `|code` (without a system) or `system|` (any code of it)."""
        if modifier == "text":
            found = self.source.reads(name, values, "contains", context)
            if self.beside is None or "text" not in self.beside.modifiers:
                return found
            return or_(found, self.beside.condition(name, values, "text", context))
        found = self.source.has(or_(false(), *(self._one(name, value) for value in values)))
        if self.beside is not None:
            own = self.beside.condition(name, values, None, context)
            found = or_(found, func.coalesce(own, false()))
        return not_(found) if modifier == "not" else found

    def present(self) -> ColumnElement[bool]:
        """SQL: there is a value."""
        found = self.source.has()
        return found if self.beside is None else or_(found, self.beside.present())

    def _one(self, name: str, value: str) -> ColumnElement[bool]:
        table = self.source.table
        system, *rest = split_escaped(value, "|")
        if len(rest) > 1:
            raise refuse(name, value, "give a code, or system|code; write \\| for a bar inside one")
        code = unescape(rest[0] if rest else system)
        if not code and not (rest and system):
            raise refuse(name, value, "give a code, or system|code")
        conditions: list[ColumnElement[bool]] = [table.code.is_not(None)]
        if code and self.is_personal:
            conditions = [blind_is(table.code, [(code_form(code), BLIND)])]
        elif code:
            conditions = [table.code == code_form(code)]
        if rest:
            conditions.append(table.system == unescape(system) if system else table.system.is_(None))
        return and_(*conditions)


@dataclass(frozen=True, eq=False)
class IndexedUri:
    """An address, compared whole.

    Attributes:
        source: Where its values are.
        definition: Canonical address of the SearchParameter.
    """

    source: Source
    definition: str

    type = "uri"
    modifiers: frozenset[str] = frozenset()
    sort = None

    def values(self, document: Json) -> Iterator[Value]:
        """Read a document."""
        for element in extract.elements(document, self.source.paths):
            yield from extract.tokens(element, None)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """Letter by letter."""
        del name, modifier, context
        return self.source.has(self.source.table.code.in_([code_form(unescape(value)) for value in values]))

    def present(self) -> ColumnElement[bool]:
        """SQL: there is a value."""
        return self.source.has()


@dataclass(frozen=True, eq=False)
class IndexedCarrier(Carrier):
    """References of one type of target in the table of values."""

    source: Source = field(kw_only=True)

    def among(self, ids: Select[Any]) -> ColumnElement[bool]:
        """SQL: the row refers to one of these; asked of the table once, not for each row."""
        table = self.source.table
        (label,) = self.labels
        return self.source.has(table.system == label, table.target_id.in_(ids.correlate(None)))


@dataclass(frozen=True, eq=False)
class IndexedReference(Reference):
    """A reference; foreign addresses are compared whole, `:identifier` finds logical references.

    Attributes:
        source: Where its values are.
        targets: Types that it may point to.
        only: Other types at the same paths do not count; else every type at the paths does.
        beside: The same parameter over the row's own columns; either may match.
    """

    source: Source
    targets: frozenset[str]
    only: bool = False
    beside: Reference | None = None

    @property
    def modifiers(self) -> frozenset[str]:
        """The types that it may point to, and `identifier`."""
        return super().modifiers | {"identifier"}

    @cached_property
    def by_identifier(self) -> IndexedToken:
        """The identifiers of what is referred to, where a reference names it so."""
        paths = tuple(f"{path}.identifier" for path in self.source.paths)
        source = replace(self.source, name=f"{self.source.name}:identifier", paths=paths)
        return IndexedToken(source, self.definition)

    def values(self, document: Json) -> Iterator[Value]:
        """Read a document."""
        for element in extract.elements(document, self.source.paths):
            yield from extract.references(element, self.targets if self.only else None)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """A well-formed reference to something that is not here is simply not found."""
        if modifier == "identifier":
            return self.by_identifier.condition(name, values, None, context)
        table = self.source.table
        ways: list[ColumnElement[bool]] = []
        for value in values:
            kind, key = self._read(name, value, modifier, context)
            found = parse_id(key) if key else None
            if not key and modifier is None:
                ways.append(table.code == code_form(unescape(value)))
            elif found is not None:
                target = table.target_id == found
                ways.append(target if kind is None else and_(target, table.system == kind))
        sent = self.source.has(or_(*ways)) if ways else false()
        if self.beside is None or (modifier is not None and modifier not in self.beside.modifiers):
            return sent
        return or_(sent, self.beside.condition(name, values, modifier, context))

    def present(self) -> ColumnElement[bool]:
        """SQL: the row points anywhere."""
        found = self.source.has()
        return found if self.beside is None else or_(found, self.beside.present())


@dataclass(frozen=True, eq=False)
class IndexedDate:
    """A time or a stretch of time.

    Attributes:
        source: Where its values are.
        definition: Canonical address of the SearchParameter.
    """

    source: Source
    definition: str

    type = "date"
    modifiers: frozenset[str] = frozenset()

    @property
    def sort(self) -> SQLColumnExpression[Any]:
        """The earliest beginning: found by the whole key, since min() would read an index of all times."""
        table = self.source.table
        return (
            select(table.starts_at)
            .where(*self.source.is_here, table.resource_id == self.source.key, table.number == 0)
            .scalar_subquery()
        )

    def values(self, document: Json) -> Iterator[Value]:
        """Read a document; the earliest time first."""
        found = [
            value
            for element in extract.elements(document, self.source.paths)
            for value in extract.dates(element)
        ]
        yield from sorted(found, key=lambda value: value.starts_at or FOREVER.lo)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """What was written without an offset is compared on the region's wall clock."""
        del modifier
        table = self.source.table
        ways = []
        for value in values:
            prefix, moments = read(name, value, context.zone)
            _, wall = read_on_the_wall(name, value, context.zone)
            ways.append(and_(table.is_local.is_(False), self._fits(prefix, moments, name, value)))
            local = Interval(*(_utc(end) for end in (wall.lo, wall.hi)))
            ways.append(and_(table.is_local.is_(True), self._fits(prefix, local, name, value)))
        return self.source.has(or_(*ways))

    def present(self) -> ColumnElement[bool]:
        """SQL: there is a value."""
        return self.source.has()

    def _fits(self, prefix: str, asked: Interval, name: str, value: str) -> ColumnElement[bool]:
        """The table at the head of `fhir.search.dates`, word for word."""
        s: SQLColumnExpression[datetime] = self.source.table.starts_at
        e: SQLColumnExpression[datetime] = self.source.table.ends_at
        lo, hi = asked.lo, asked.hi
        match prefix:
            case "eq":
                return and_(s >= lo, e <= hi)
            case "ne":
                return or_(s < lo, e > hi)
            case "gt":
                return e > hi
            case "lt":
                return s < lo
            case "ge":
                return or_(e > hi, s >= lo)
            case "le":
                return or_(s < lo, e <= hi)
            case "sa":
                return s >= hi
            case "eb":
                return e <= lo
            case _:
                try:
                    near = asked.widened
                except OverflowError:
                    raise refuse(name, value, "give a date that is not at the end of time") from None
                return and_(s < near.hi, e > near.lo)


@dataclass(frozen=True, eq=False)
class IndexedString:
    """A text, a name or an address, whatever its case and accents; `:exact` and `:contains`.

    Attributes:
        source: Where its values are.
        definition: Canonical address of the SearchParameter.
        beside: The same parameter over the row's own columns; either may match.
    """

    source: Source
    definition: str
    beside: Parameter | None = None

    type = "string"
    modifiers = String.modifiers

    @property
    def sort(self) -> SQLColumnExpression[Any] | None:
        """The row's own column, if it has one."""
        return self.beside.sort if self.beside else None

    def values(self, document: Json) -> Iterator[Value]:
        """Read a document."""
        for element in extract.elements(document, self.source.paths):
            yield from extract.texts(element)

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """One part that matches is enough."""
        found = self.source.reads(name, values, modifier, context)
        return or_(found, self.beside.condition(name, values, modifier, context)) if self.beside else found

    def present(self) -> ColumnElement[bool]:
        """SQL: there is a value."""
        found = self.source.has()
        return found if self.beside is None else or_(found, self.beside.present())


IndexedParameter = IndexedToken | IndexedUri | IndexedReference | IndexedDate | IndexedString


def reference(
    source: Source,
    definition: str,
    targets: frozenset[str],
    *,
    only: bool = False,
    beside: Reference | None = None,
) -> IndexedReference:
    """Declare a reference with one carrier for each type of target, so that it can be followed."""
    own = beside.carriers if beside else ()
    found = tuple(_carrier(source, label) for label in sorted(targets))
    return IndexedReference((*own, *found), definition, source, targets, only, beside)


def _carrier(source: Source, label: str) -> IndexedCarrier:
    table = source.table

    def matches(found: Sequence[str]) -> ColumnElement[bool]:
        keys = [key for text in found if (key := parse_id(text)) is not None]
        return source.has(table.system == label, table.target_id.in_(keys)) if keys else false()

    return IndexedCarrier(
        frozenset({label}),
        matches,
        source.has(table.system == label),
        table.target_id,
        (*source.is_here, table.resource_id == source.key, table.system == label),
        source=source,
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=FOREVER.lo.tzinfo)
