"""Conditions on sealed fields.

The database cannot read them, so it is asked for "one of these ids", and which these are is found out on the
same connection when the statement runs: the statement itself stays the same and can be kept. No opened value
reaches the database, nor its logs.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Dialect,
    SQLColumnExpression,
    Text,
    TypeDecorator,
    Uuid,
    bindparam,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, TypeEngine

from careapp.access import Viewer, visible
from careapp.organisations.models import Organisation
from careapp.sealing.fields import Identity, fields_of, open_identity
from careapp.sealing.ring import asked_now, ring_of


class among(FunctionElement[bool]):  # noqa: N801 -- SQLAlchemy's functions are written so
    """SQL: a column is one of the values of one parameter, however many."""

    type = Boolean()
    inherit_cache = True


@compiles(among, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY ({values}))"


@compiles(among, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 -- a column and a parameter


class _Ids(TypeDecorator[Sequence[UUID]]):
    """Many ids in one parameter: an array, or JSON of what SQLite stores."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL has arrays."""
        return dialect.type_descriptor(ARRAY(Uuid()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[UUID] | None, dialect: Dialect) -> Any:
        """Write them down."""
        found = list(value or ())
        return found if dialect.name == "postgresql" else orjson.dumps([each.hex for each in found]).decode()


class _Texts(TypeDecorator[Sequence[str]]):
    """Many texts in one parameter."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL has arrays."""
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        """Write them down."""
        found = list(value or ())
        return found if dialect.name == "postgresql" else orjson.dumps(found).decode()


def is_among(column: SQLColumnExpression[Any], find: Callable[[], Iterable[UUID]]) -> ColumnElement[bool]:
    """SQL: the column is one of the ids that `find` returns when the statement runs."""
    return among(column, bindparam(None, callable_=lambda: list(find()), type_=_Ids()))


def opened_where(
    model: type[Any], viewer: Viewer | None, fits: Callable[[Identity], bool]
) -> ColumnElement[bool]:
    """SQL: the row is sealed, the viewer may see it, and what it holds fits.

    Args:
        model: A table with sealed fields.
        viewer: Who asks; None: the statement says elsewhere what they may see.
        fits: Judges the fields of one row.
    """

    def find() -> Iterable[UUID]:
        connection = asked_now()
        ring = ring_of(connection)
        rows = select(model.id, model.organisation_id, model.sealed).where(model.sealed.is_not(None))
        if viewer is not None:
            rows = visible(rows, viewer, model)
        for key, owner, sealed in connection.execute(rows):
            if fits(open_identity(ring, model.__tablename__, owner, key, bytes(sealed))):
                yield key

    return is_among(model.id, find)


def exactly(model: type[Any], name: str, values: Sequence[str]) -> ColumnElement[bool]:
    """SQL: a sealed field with a blind index is one of these values, letter by letter.

    Args:
        model: A table with sealed fields.
        name: Of the field.
        values: What it may be.
    """
    column = getattr(model, fields_of(model)[name].blind or "")
    return blind_is(column, [(value, name) for value in values])


def blind_is(column: SQLColumnExpression[Any], values: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    """SQL: a column of blind indexes holds that of one of these values, whichever tenant's.

    Args:
        column: Where the indexes stand, as hexadecimal digits.
        values: Each with the name under which it was indexed.
    """

    def find() -> list[str]:
        connection = asked_now()
        ring = ring_of(connection)
        return [
            blind.hex()
            for owner in (*connection.scalars(select(Organisation.id)), None)
            for value, name in values
            for blind in ring.tenant(owner).blinds(value, name)
        ]

    return among(column, bindparam(None, callable_=find, type_=_Texts()))
