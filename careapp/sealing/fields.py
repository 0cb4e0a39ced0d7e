"""Fields of a row that stand together in one sealed column.

`Patient.family_name` and its like are no columns: they are written to and read from the JSON object that
`sealed` holds encrypted, bound to tenant, table and id of its row. What is set stays a draft in memory until
the unit of work writes the row; statements that would write a draft past it are refused.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast, overload
from uuid import UUID

import orjson
from sqlalchemy import Connection, Dialect, LargeBinary, TypeDecorator, event, inspect
from sqlalchemy.orm import Mapper, QueryContext

from careapp.keys import Keyring
from careapp.sealing.ring import ring_of

Value = TypeVar("Value")
Identity = Mapping[str, Any]
"""Sealed fields by name."""

_OPENED_KEPT = 20_000
_RING, _OPENED, _SET, _CHANGED = "_keyring", "_opened", "_set", "_changed"


class NotSealed(Exception):
    """Plain values were about to be written past the unit of work: a bug, so it is not a `CareError`."""


class SealedInside(Exception):
    """A sealed field was used in SQL, which cannot read it: a bug; ask `careapp.sealing.lookups`."""


class Draft(dict[str, Any]):
    """Fields that are not sealed yet."""


class SealedColumn(TypeDecorator[Any]):
    """Sealed bytes; a draft never reaches the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Refuse what nobody has sealed."""
        del dialect
        if value is not None and not isinstance(value, bytes):
            raise NotSealed("write rows with sealed fields through the session, not by a statement")
        return value


class SealedField(Generic[Value]):
    """One field of a row's sealed column.

    Args:
        plain: Attribute of the column that holds it in rows that are not sealed; None: every row is.
        blind: Attribute of the column with its blind index; None: it cannot be searched for exactly.
    """

    def __init__(self, *, plain: str | None = None, blind: str | None = None) -> None:
        self.plain = plain
        self.blind = blind
        self.name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Take the attribute's name; the field stands under it in the sealed object."""
        self.name = name

    @overload
    def __get__(self, row: None, owner: type[Any]) -> "SealedField[Value]": ...
    @overload
    def __get__(self, row: object, owner: type[Any]) -> Value: ...
    def __get__(self, row: Any, owner: type[Any]) -> Any:
        """Return what the row holds."""
        if row is None:
            return self
        identity = identity_of(row)
        if identity is not None:
            return identity.get(self.name)
        return None if self.plain is None else getattr(row, self.plain)

    def __set__(self, row: Any, value: Value) -> None:
        """Note what the row shall hold."""
        identity = identity_of(row)
        if identity is None and inspect(row).persistent and not row.is_sealed:
            setattr(row, cast("str", self.plain), value)
        elif identity is None or self.name not in identity or identity[self.name] != value:
            row.sealed = Draft({**(identity or {}), self.name: value})
            row.__dict__.setdefault(_SET, set()).add(self.name)

    def __eq__(self, other: object) -> bool:
        """Refuse: `Patient.family_name == name` would be false without a word."""
        if other is self:
            return True
        raise SealedInside(f"{self.name} is sealed: the database cannot compare it")

    __hash__ = object.__hash__


class SealedBytes(SealedField[bytes | None]):
    """A text in UTF-8, such as a document."""

    def __get__(self, row: Any, owner: type[Any]) -> Any:
        """Return the bytes."""
        found = super().__get__(row, owner)
        return found.encode() if isinstance(found, str) else found

    def __set__(self, row: Any, value: bytes | None) -> None:
        """Note the bytes."""
        super().__set__(row, None if value is None else value.decode())  # type: ignore[arg-type]  # JSON's text


class SealedRow:
    """A table some of whose fields are sealed."""

    @property
    def is_sealed(self) -> bool:
        """Its fields stand in the sealed column; otherwise in plain ones."""
        return True


def fields_of(model: type[Any]) -> dict[str, SealedField[Any]]:
    """Return a table's sealed fields by name."""
    return {
        name: each
        for base in reversed(model.__mro__)
        for name, each in vars(base).items()
        if isinstance(each, SealedField)
    }


def identity_of(row: Any) -> Identity | None:
    """Return a row's sealed fields; None if it has none.

    Raises:
        KeyMissing: The key that sealed them is not there.
        SealBroken: They were changed, or belong to another row.
    """
    sealed = row.sealed
    if sealed is None or isinstance(sealed, Draft):
        return sealed
    kept = row.__dict__.get(_OPENED)
    if kept is not None and kept[0] is sealed:
        return cast("Identity", kept[1])
    ring = row.__dict__.get(_RING)
    if ring is None:
        session = inspect(row).session
        if session is None:
            raise NotSealed("this row was never read or written")
        ring = ring_of(session)
    identity = open_identity(ring, row.__tablename__, row.organisation_id, row.id, sealed)
    row.__dict__[_OPENED] = (sealed, identity)
    return identity


@lru_cache(maxsize=_OPENED_KEPT)
def open_identity(ring: Keyring, table: str, organisation_id: UUID, key: UUID, sealed: bytes) -> Identity:
    """Open what a row's sealed column holds; what was opened lately is kept, since sealed bytes never lie.

    Raises:
        KeyMissing: The key that sealed it is not there.
        SealBroken: It was changed, or belongs to another row.
    """
    return cast("Identity", orjson.loads(ring.tenant(organisation_id).open(sealed, about(table, key))))


def seal_identity(ring: Keyring, table: str, organisation_id: UUID, key: UUID, identity: Identity) -> bytes:
    """Seal the fields of a row."""
    return ring.tenant(organisation_id).seal(orjson.dumps(identity), about(table, key))


def about(table: str, key: UUID) -> bytes:
    """Return where a row's sealed column stands."""
    return f"{table}|{key}|identity".encode()


def changed_fields(row: Any) -> frozenset[str]:
    """Return which sealed fields of a row the last flush has changed."""
    return frozenset(row.__dict__.get(_CHANGED, ()))


@event.listens_for(SealedRow, "before_insert", propagate=True)
@event.listens_for(SealedRow, "before_update", propagate=True)
def _seal(_mapper: Mapper[Any], connection: Connection, row: Any) -> None:
    row.__dict__[_CHANGED] = row.__dict__.pop(_SET, frozenset())
    fields = fields_of(type(row))
    identity = identity_of(row)
    if row.is_sealed and isinstance(row.sealed, Draft | None):
        plain = {name: each.plain for name, each in fields.items() if each.plain is not None}
        if identity is None:  # it stood in plain columns, or nobody has said anything yet
            identity = {name: getattr(row, column) for name, column in plain.items()}
        for column in plain.values():
            setattr(row, column, None)
        if identity:
            _write(row, ring_of(connection), identity, fields)
    elif not row.is_sealed and identity is not None:
        for name, value in identity.items():
            setattr(row, cast("str", fields[name].plain), value)
        row.sealed = None


def _write(row: Any, ring: Keyring, identity: Identity, fields: Mapping[str, SealedField[Any]]) -> None:
    key = ring.tenant(row.organisation_id)
    row.sealed = seal_identity(ring, row.__tablename__, row.organisation_id, row.id, identity)
    row.__dict__[_RING], row.__dict__[_OPENED] = ring, (row.sealed, dict(identity))
    for field in fields.values():
        if field.blind is not None:
            value = identity.get(field.name)
            setattr(row, field.blind, None if value is None else key.blind(value, field.name).hex())


@event.listens_for(SealedRow, "load", propagate=True)
def _remember(row: Any, context: QueryContext | None) -> None:
    if context is not None:  # a row merged without being read asks its session when it is opened
        row.__dict__[_RING] = ring_of(context.session)
